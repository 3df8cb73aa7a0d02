"""A column that is not read, but looks like a field that the file seems to lack, is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulk.errors import InputError
from unit.input.input_files import read_text


def notes(folder: Path, *columns: str) -> list[str]:
    """Return the notes about fields without a column, for a file with these columns and the required ones."""
    header = ",".join(("customer_id", "company_name", "platform", *columns))
    opened = read_text(folder, f"{header}\n1,Acme,xero{',x' * len(columns)}\n").opened
    return [note for note in opened.notes if note.startswith("no column is read as")]


@pytest.mark.parametrize(
    "name",
    [
        *("Email Address", "E-Mail", "e-mail address", "EmailAddress", "Mail", "E-Mail-Adresse", "Contact Email"),
        *("billing_email", "Email 1", "Emails", "Courriel", "Correo electronico", "customer email"),
    ],
)
def test_a_column_that_looks_like_the_email_is_reported(tmp_path: Path, name: str) -> None:
    """Otherwise nobody would notice that links.csv has no address."""
    if name == "E-Mail":  # this one is read
        assert notes(tmp_path, name) == []
        return
    (note,) = notes(tmp_path, name)
    option = f"'email={name}'" if " " in name else f"email={name}"
    assert note == f'no column is read as email; "{name}" may be it: pass --map {option} if it is'


@pytest.mark.parametrize(
    "columns",
    [
        ("email", "Email Address"),  # one is read
        ("Mailing Address",),
        ("Email opt-in",),
        ("Email sent",),
        ("Mailchimp",),
        ("Notes", "Address", "Town"),
    ],
)
def test_other_columns_are_not_reported(tmp_path: Path, columns: tuple[str, ...]) -> None:
    """A note about every file would not be read."""
    assert notes(tmp_path, *columns) == []


def test_several_columns_that_look_like_it_are_named(tmp_path: Path) -> None:
    """The option shows the first one."""
    (note,) = notes(tmp_path, "Home email", "Work email")
    assert note.startswith('no column is read as email; "Home email" or "Work email" may be it: pass --map ')


def test_a_column_that_is_mapped_is_not_reported(tmp_path: Path) -> None:
    """The note about what is read as email is enough."""
    text = "customer_id,company_name,platform,Email Address\n1,Acme,xero,a@x.example\n"
    outcome = read_text(tmp_path, text, mapping={"email": "Email Address"})
    assert outcome.opened.notes == ('column "Email Address" is read as email',)


def test_the_error_for_a_missing_field_names_the_column_that_looks_like_it(tmp_path: Path) -> None:
    """Its option can be pasted."""
    with pytest.raises(InputError) as raised:
        read_text(tmp_path, "Account No,Company,Software,x\n1,Acme,xero,\n")
    expected = "--map 'customer_id=Account No' --map company_name=Company --map platform=Software"
    assert expected in str(raised.value)
