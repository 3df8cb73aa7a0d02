"""Each field finds its column; an ambiguous column is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulk.errors import InputError, UsageError
from unit.input.input_files import read_text

ROW = "\n1,Acme,xero,a@example.com,x\n"


@pytest.mark.parametrize(
    "header",
    [
        "customer_id,company_name,platform,email,description",  # as documented
        "Customer ID,Company Name,Platform,E-Mail,Description",  # as people write
        "CUSTOMERID,COMPANY-NAME,PLATFORM,EMAIL,DESCRIPTION",  # as databases write
        " customer-id , company name ,platform, e mail,description ",  # with spaces around
        "\ufeffcustomer_id,company_name,platform,email,description",  # with a second byte order mark
        '"customer_id","company_name","platform","email","description"',  # quoted
        '"customer\nid",company_name,platform,email,description',  # with a line break inside
    ],
)
def test_headers_match_in_any_spelling(tmp_path: Path, header: str) -> None:
    """Case, spaces, hyphens, underscores and invisible characters make no difference."""
    outcome = read_text(tmp_path, header + ROW)
    assert outcome.accepted.select("row", "customer_id", "company_name", "email", "description").rows() == [
        (1, "1", "Acme", "a@example.com", "x")
    ]
    assert outcome.opened.extras == ()


def test_other_columns_are_kept_unchanged(tmp_path: Path) -> None:
    """They keep their order and their spaces; an empty cell is null."""
    outcome = read_text(tmp_path, "a b,customer_id,company_name,platform,Z\n x ,1,Acme,xero,\n")
    assert outcome.opened.columns == ("a b", "customer_id", "company_name", "platform", "Z")
    assert outcome.opened.extras == ("a b", "Z")
    assert outcome.extras() == {"a b": " x ", "Z": None}
    assert read_text(tmp_path, "customer_id,company_name,platform\n1,A,xero\n").accepted["extra"].to_list() == ["{}"]


def test_columns_without_a_name_or_with_equal_names_get_unique_names(tmp_path: Path) -> None:
    """All of them are kept, and a note gives the name of each."""
    outcome = read_text(tmp_path, "customer_id,company_name,platform,note,note,,note_2\n1,Acme,xero,a,b,c,d\n")
    assert outcome.opened.extras == ("note_1", "note_3", "column_6", "note_2")
    assert outcome.extras() == {"note_1": "a", "note_3": "b", "column_6": "c", "note_2": "d"}
    assert len(outcome.opened.notes) == 3


@pytest.mark.timeout(30)  # there was a quadratic loop
def test_thousands_of_columns_with_one_name_take_no_time(tmp_path: Path) -> None:
    """Each gets the next number."""
    text = "customer_id,company_name,platform" + ",a" * 5000 + "\n1,Acme,xero" + ",x" * 5000 + "\n"
    assert read_text(tmp_path, text).opened.columns[-1] == "a_5000"


@pytest.mark.parametrize(
    ("mapping", "email"),
    [
        ({"customer_id": "Ref", "email": "Contact"}, "c@example.com"),  # as written
        ({"customer_id": "REF", "email": "con_tact"}, "c@example.com"),  # in another spelling
        ({"Customer-ID": "Ref"}, "e@example.com"),  # the field in another spelling
        ({"customer_id": "Ref", "email": "email"}, "e@example.com"),  # the column that has the field's name
    ],
)
def test_a_mapping_overrides_the_header(tmp_path: Path, mapping: dict[str, str], email: str) -> None:
    """The mapped column holds the field; the column with the field's name is an extra column."""
    text = "Ref,company_name,platform,email,Contact\n7,Acme,xero,e@example.com,c@example.com\n"
    outcome = read_text(tmp_path, text, mapping=mapping)
    assert outcome.ids == ["7"]
    assert outcome.accepted["email"].to_list() == [email]
    assert set(outcome.extras()) == ({"email"} if email.startswith("c") else {"Contact"})
    assert 'column "Ref" is read as customer_id' in outcome.opened.notes


def test_one_column_can_hold_two_fields(tmp_path: Path) -> None:
    """An email address can also be the identifier."""
    outcome = read_text(
        tmp_path, "email,company_name,platform\na@example.com,Acme,xero\n", mapping={"customer_id": "email"}
    )
    assert outcome.accepted.select("customer_id", "email").rows() == [("a@example.com", "a@example.com")]


@pytest.mark.parametrize(
    ("mapping", "text"),
    [
        (
            {"customerid2": "a"},
            'unknown field (did you mean "customer_id"?); the fields are customer_id',
        ),  # typo
        ({"phone": "a"}, "unknown field; the fields are"),  # none similar
        ({"email": "contcat"}, 'no column "contcat" (did you mean "Contact"?); its columns are "Ref"'),  # typo
        ({"email": "du"}, 'no column "du" (did you mean "Dup" or "d u p"?); its columns are "Ref"'),  # two are as close
        ({"email": "zzz"}, 'no column "zzz"; its columns are'),  # none similar
        ({"email": "dup"}, 'could be any of "Dup" (column 5) and "d u p" (column 6)'),  # two similar columns
    ],
)
def test_an_impossible_mapping_is_refused(tmp_path: Path, mapping: dict[str, str], text: str) -> None:
    """The message lists what exists and the most similar name."""
    with pytest.raises(UsageError) as raised:
        read_text(tmp_path, "Ref,company_name,platform,Contact,Dup,d u p\n7,Acme,xero,,,\n", mapping=mapping)
    assert text in str(raised.value)


def test_two_columns_for_one_field_are_refused(tmp_path: Path) -> None:
    """None of them is guessed; a mapping selects one."""
    text = "customer_id,company_name,platform,E-Mail,email\n1,Acme,xero,a@example.com,b@example.com\n"
    with pytest.raises(InputError) as raised:
        read_text(tmp_path, text)
    expected = '2 columns could be email: "E-Mail" (column 4) and "email" (column 5); select one, e.g. with --map '
    assert expected in str(raised.value)
    assert read_text(tmp_path, text, mapping={"email": "E-Mail"}).accepted["email"].to_list() == ["a@example.com"]


def test_two_columns_with_the_same_name_are_selected_by_number(tmp_path: Path) -> None:
    """The message shows the names under which they can be selected."""
    text = "customer_id,company_name,platform,platform\n1,Acme,qbo,xero\n"
    with pytest.raises(InputError) as raised:
        read_text(tmp_path, text)
    assert str(raised.value).endswith(
        '2 columns could be platform: "platform" (column 3, for --map "platform_1") and '
        '"platform" (column 4, for --map "platform_2"); select one, e.g. with --map platform=platform_1'
    )
    for name, key in (("platform_1", "qhyg"), ("platform_2", "gbol")):
        assert read_text(tmp_path, text, mapping={"platform": name}).accepted["platform_key"].to_list() == [key]


def test_a_mapping_to_two_columns_with_the_same_name_is_refused(tmp_path: Path) -> None:
    """The message names the columns."""
    text = "customer_id,company_name,Soft,Soft\n1,Acme,qbo,xero\n"
    with pytest.raises(InputError) as raised:
        read_text(tmp_path, text, mapping={"platform": "Soft"})
    expected = '--map platform=Soft could be any of "Soft" (column 3, for --map "Soft_1") and "Soft" (column 4'
    assert expected in str(raised.value)


def test_the_error_for_missing_columns_lists_the_existing_ones(tmp_path: Path) -> None:
    """It names all missing columns, each with its option."""
    with pytest.raises(InputError) as raised:
        read_text(tmp_path, "id,company_name,software\n1,Acme,xero\n")
    message = str(raised.value)
    assert 'no column for customer_id and platform; its columns are "id", "company_name", "software"' in message
    assert "--map customer_id=id --map platform=software" in message  # the columns that look like them
