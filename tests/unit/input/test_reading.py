"""A text table is read as the user says: its encoding, the lines before its header, and its comments."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulk.errors import InputError, UsageError
from bulk.reading import Reading
from unit.input.input_files import HEADER, read_rows, read_text
from unit.input.test_compression import CONTENT

SHORT = "customer_id,company_name,platform"


def test_a_byte_order_mark_counts_more_than_a_named_encoding(tmp_path: Path) -> None:
    """Nobody writes a mark by mistake."""
    outcome = read_text(tmp_path, CONTENT.decode().encode("utf-8-sig"), reading=Reading(encoding="mac_roman"))
    assert outcome.accepted["company_name"][0] == "Café"


def test_a_remembered_encoding_is_for_files_that_are_not_unicode(tmp_path: Path) -> None:
    """The next export may be UTF-8, and our rejects file always is."""
    remembered = Reading(encoding="mac_roman")
    for content in (CONTENT, CONTENT.decode().encode("mac_roman")):
        outcome = read_text(tmp_path, content, remembered=remembered)
        assert outcome.accepted["company_name"][0] == "Café"


def test_bytes_that_the_named_encoding_lacks_stop_the_run(tmp_path: Path) -> None:
    """Nothing is replaced."""
    with pytest.raises(InputError, match="no text in the encoding utf-8"):
        read_text(tmp_path, CONTENT.decode().encode("cp1252"), reading=Reading(encoding="UTF8"))


def test_a_codec_of_bytes_is_not_proposed() -> None:
    """It is no encoding of a text."""
    with pytest.raises(UsageError, match="--encoding base64: unknown encoding") as caught:
        Reading(encoding="base64")
    assert "did you mean base64" not in str(caught.value)


@pytest.mark.parametrize("name", ["", "ebcdic", "hex", "idna", "unicode_escape", "cp 850", "mac\0roman"])
def test_an_unknown_encoding_is_wrong_usage(name: str) -> None:
    """The message shows some names."""
    with pytest.raises(UsageError, match="unknown encoding"):
        Reading(encoding=name)


@pytest.mark.parametrize(
    "values", [{"skip_rows": -1}, {"skip_rows": 2**40}, {"comment": "a\nb"}, {"comment": "#" * 999}]
)
def test_impossible_values_are_wrong_usage(values: dict[str, int]) -> None:
    """The message names the option."""
    with pytest.raises(UsageError, match=r"--(skip-rows|comment) must be"):
        Reading(**values)  # type: ignore[arg-type]  # impossible on purpose


BEFORE = {
    "Customer Contact List\nExample Books Ltd\n\n": "--skip-rows 3",
    "Customer Contact List,,,\n,,,\n": "--skip-rows 2",
    '"Exported; today"\n': "--skip-rows 1",
    "# by crm 4.2\n# 2 rows\n": "--comment '#'",
    "# by crm 4.2\n\n// 2 rows\n": "--skip-rows 3",
    "-- a dump\n": "--comment --",
}


@pytest.mark.parametrize(("before", "option"), BEFORE.items())
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_header_further_down_is_proposed(tmp_path: Path, before: str, option: str, delimiter: str) -> None:
    """With the proposed option, the table is read."""
    rows = f"{SHORT}\n1,Ash Ltd,xero\n2,Birch Ltd,xero\n".replace(",", delimiter)
    with pytest.raises(InputError) as caught:
        read_text(tmp_path, before + rows)
    assert str(caught.value).endswith(f"line {before.count(chr(10)) + 1} looks like the header: add {option}")
    value = option.split()[1].strip("'")
    reading = Reading(comment=value) if "comment" in option else Reading(skip_rows=int(value))
    assert read_text(tmp_path, before + rows, reading=reading).ids == ["1", "2"]


@pytest.mark.parametrize("customer", ["#1", '"#1"'])
def test_no_prefix_is_proposed_that_customers_have(tmp_path: Path, customer: str) -> None:
    """It would leave them out."""
    with pytest.raises(InputError, match=r"add --skip-rows 1$"):
        read_text(tmp_path, f"# by crm 4.2\n{SHORT}\n1,Ash,xero\n{customer},Birch,xero\n")


def test_more_lines_than_the_file_has_cannot_be_skipped(tmp_path: Path) -> None:
    """The message says so."""
    with pytest.raises(InputError, match="no header after 9 lines"):
        read_text(tmp_path, CONTENT, reading=Reading(skip_rows=9))


def test_comments_are_left_out_and_counted(tmp_path: Path) -> None:
    """They are no rows. Quoted cells that begin with the prefix are comments, too: a spreadsheet quotes them."""
    text = f'# 5" x\n{SHORT}\n1,Ash,xero\n#2,Birch,xero\n# a, b, c, d\n"#3",Cog,xero\n4,#Dent,xero\n'
    outcome = read_text(tmp_path, text, reading=Reading(comment="#"))
    assert outcome.accepted["row"].to_list() == [1, 2]
    assert outcome.ids == ["1", "4"]
    assert "3 rows are comments and were left out" in outcome.opened.notes
    assert read_text(tmp_path, text.split("\n", 1)[1], reading=Reading(comment="")).ids[:2] == ["1", "#2"]


def test_a_comment_that_swallows_rows_stops_the_run(tmp_path: Path) -> None:
    """A quote in it opens a cell that ends in another row."""
    text = f'{SHORT}\n# see,"x\n1,Ash,xero\n2,"Birch",xero\n'
    with pytest.raises(InputError, match="extends over several lines"):
        read_text(tmp_path, text, reading=Reading(comment="#"))


def test_a_repeated_header_is_left_out(tmp_path: Path) -> None:
    """It comes from joined files, some with a byte order mark."""
    outcome = read_rows(tmp_path, "1,Ash,xero,,", f"\ufeff{HEADER}", "2,Birch,xero,,", HEADER, "customer_id,Cog,xero,,")
    assert outcome.ids == ["1", "2", "customer_id"]
    assert outcome.accepted["row"].to_list() == [1, 2, 3]
    assert "2 rows repeat the header and were left out" in outcome.opened.notes


def test_delimiters_at_the_ends_of_rows_cost_nothing(tmp_path: Path) -> None:
    """The header has none. One row with more cells is still rejected."""
    outcome = read_text(tmp_path, f"{SHORT}\n1,Ash,xero,\n2,Birch,xero,\n3,Cog,xero, \n\n")
    assert outcome.ids == ["1", "2", "3"]
    assert "3 rows have empty cells beyond the last column; they are ignored" in outcome.opened.notes
    assert outcome.opened.extras == ()
    many = "".join(f"{number},Ash,xero,\n" for number in range(2_000))
    outcome = read_text(tmp_path, f"{SHORT}\n{many}a,Ash, Inc,xero,\nb,Ash,xero,x\nc,Ash,xero\n")
    assert outcome.ids[-1] == "c"
    assert [problem for _, _, problem in outcome.found] == [
        "has 5 cells where the header has 3, the last: xero",
        "has 4 cells where the header has 3, the last: x",
    ]


def test_a_row_among_others_with_a_cell_more_is_rejected(tmp_path: Path) -> None:
    """A delimiter in a text without quotes moves the cells."""
    outcome = read_text(tmp_path, f"{SHORT},city\n1,Ash,xero,Rome\n2,Bolt, Inc,xero,\n")
    assert outcome.ids == ["1"]


def test_a_correction_of_our_own_report_is_read_without_what_is_remembered(tmp_path: Path) -> None:
    """The remembered options are for the file of the batch."""
    remembered = Reading("mac_roman", skip_rows=2, comment="#")
    text = f'{SHORT},row,reasons\r\n#1,Café,xero,1,"bad; bad"\r\n'
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        outcome = read_text(tmp_path, text.encode(encoding), remembered=remembered)
        assert outcome.accepted.select("customer_id", "company_name").rows() == [("#1", "Café")]


def test_the_digest_depends_on_how_a_file_is_read(tmp_path: Path) -> None:
    """The same bytes may be other rows. What is remembered counts as if it were said again."""
    reading = Reading(comment="#")
    plain, said = (read_text(tmp_path, CONTENT, reading=each).opened for each in (Reading(), reading))
    remembered = read_text(tmp_path, CONTENT, remembered=reading).opened
    assert plain.digest != said.digest == remembered.digest


def test_omitted_cells_at_the_ends_of_rows_are_empty(tmp_path: Path) -> None:
    """A row needs the cells of the required fields only. A footer lacks them and is rejected."""
    outcome = read_rows(tmp_path, "1,Ash,xero", "2,Birch,qbo,b@x.example", "3,Cog", "(3 rows)")
    assert outcome.ids == ["1", "2"]
    assert outcome.accepted["email"].to_list() == [None, "b@x.example"]
    assert "2 rows lack cells at their ends; they count as empty" in outcome.opened.notes
    assert [row for row, _, _ in outcome.found] == [3, 4]


def test_cells_with_blanks_around_their_quotes_are_quoted(tmp_path: Path) -> None:
    """Identifiers have no quotes then, and delimiters in quotes belong to the text."""
    text = 'company_name, customer_id, platform, "a, b"\n"Ash, Sons Ltd", "00101", "Xero", "x, ""y""" \n'
    outcome = read_text(tmp_path, text)
    assert outcome.ids == ["00101"]
    assert outcome.accepted["company_name"].to_list() == ["Ash, Sons Ltd"]
    assert outcome.extras() == {"a, b": 'x, "y"'}


def test_rows_that_begin_with_a_hash_are_noted(tmp_path: Path) -> None:
    """They may be rows that somebody has commented out, or identifiers."""
    outcome = read_rows(tmp_path, "1,Ash,xero,,", "#2,Birch,xero,,")
    assert outcome.ids == ["1", "#2"]
    assert "1 row begins with #; --comment '#' leaves it out" in outcome.opened.notes


def test_a_vertical_tab_is_a_line_break(tmp_path: Path) -> None:
    """FileMaker writes it for one. In an identifier, neither is allowed."""
    outcome = read_rows(tmp_path, '1,"Ash\vLtd",xero,,"one\vtwo"', "2\v3,Birch,xero,,")
    assert outcome.accepted["name_sent"].to_list() == ["Ash Ltd"]
    assert outcome.accepted["description"].to_list() == ["one\ntwo"]
    assert outcome.found[0][1] == "customer_id"
