"""The address is read from a cell, whatever is around it; an unusable cell never rejects the row."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import polars as pl
import pytest

from bulk.input.emails import read_address
from bulk.input_check import check
from unit.input.input_files import HEADER, read_text


@pytest.mark.parametrize(
    ("cell", "address"),
    [
        ("Jane Roe <jane@x.example>", "jane@x.example"),
        ('"Roe, Jane" <jane@x.example>', "jane@x.example"),
        ("Roe, Jane <jane@x.example>", "jane@x.example"),
        ("<a@x.example>", "a@x.example"),
        ("mailto:a@x.example", "a@x.example"),
        ("MAILTO: a@x.example?subject=Your invoice", "a@x.example"),
        ("Jane <mailto:jane@x.example>", "jane@x.example"),
        ("a@x.example;", "a@x.example"),
        (", a@x.example", "a@x.example"),
        ("A@X.EXAMPLE.", "A@X.EXAMPLE"),
        ("'a@x.example'", "a@x.example"),
        ("“a@x.example”", "a@x.example"),
        ("a@x.example (accounts)", "a@x.example"),
        ("a\u200b@x.example\ufeff", "a@x.example"),
        ("a@x.example; nobody", "a@x.example"),
        ("a@x.example; A@X.example", "a@x.example"),  # the same address
        ("jörg@bücher.example", "jörg@bücher.example"),
        ("first.o'neil+tag@mail.example.co.uk", "first.o'neil+tag@mail.example.co.uk"),
    ],
)
def test_the_address_is_read_without_what_is_around_it(cell: str, address: str) -> None:
    """Nothing is wrong with such a cell."""
    assert read_address(cell) == (address, None)


@pytest.mark.parametrize(
    "cell",
    [
        "a@x.example; b@y.example",
        "a@x.example, b@y.example",
        "a@x.example b@y.example",
        "a@x.example ::: b@y.example",
        "a@x.example|b@y.example",
        "a@x.example\nb@y.example",
        "Ann <a@x.example>; Bob <b@y.example>",
        "<a@x.example>,<b@y.example>",
        "mailto:a@x.example;mailto:b@y.example",
    ],
)
def test_the_first_of_several_addresses_is_used(cell: str) -> None:
    """This is reported."""
    assert read_address(cell) == ("a@x.example", "email_several")


@pytest.mark.parametrize(
    ("cell", "problem"),
    [
        ("example.com", "email_invalid"),
        ("a@b@example.com", "email_invalid"),
        ("a b@example.com", "email_invalid"),  # b@example.com may be another person
        ("a @x.example", "email_invalid"),
        ("Jane jane@x.example", "email_invalid"),
        ("a@example", "email_invalid"),
        ("a@example..com", "email_invalid"),
        ("@example.com", "email_invalid"),
        ("a@x.example\x01", "email_invalid"),
        ("a@x.example/b@y.example", "email_invalid"),
        ("-", "email_invalid"),
        ("none", "email_invalid"),
        ("a" * 250 + "@example.com", "email_too_long"),
        ("<" * 20_000, "email_invalid"),
        ('"' * 20_000, "email_invalid"),
    ],
)
def test_a_cell_without_a_usable_address_has_none(cell: str, problem: str) -> None:
    """A part of a text is never taken for an address."""
    assert read_address(cell) == (None, problem)


def test_no_row_is_rejected_for_its_email(tmp_path: Path) -> None:
    """The customers are migrated with the address that was read, or without one, and check lists the cells."""
    cells = ["c@x.example", "Jane <jane@x.example>", "nobody", "a@x.example; b@y.example", "a\nBcc: b@y.example"]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerows([HEADER.split(","), *([str(row), "Acme", "xero", cell, ""] for row, cell in enumerate(cells, 1))])
    outcome = read_text(tmp_path, text.getvalue())
    assert outcome.accepted["email"].to_list() == ["c@x.example", "jane@x.example", None, "a@x.example", None]
    assert outcome.opened.email_problems == {"email_invalid": 2, "email_several": 1}
    result = check(tmp_path / "in.csv")
    assert (result.accepted, result.rejected) == (5, 0)
    assert result.warnings.select("row", "code", "field", "value", "warning").rows() == [
        (3, "email_invalid", "email", "nobody", "is not an email address, so the customer has none"),
        (4, "email_several", "email", "a@x.example; b@y.example", "has several addresses: a@x.example is used"),
        (5, "email_invalid", "email", "a Bcc: b@y.example", "is not an email address, so the customer has none"),
    ]


def test_bytes_that_are_not_text_are_no_email(tmp_path: Path) -> None:
    """They reject the row only in the other fields."""
    rows = {"customer_id": ["1"], "company_name": ["Acme"], "platform": ["xero"], "email": [b"\xff\xfe\x01"]}
    pl.DataFrame(rows).write_parquet(tmp_path / "in.parquet")
    result = check(tmp_path / "in.parquet")
    assert (result.accepted, result.rejected) == (1, 0)
    assert result.warnings.select("code", "value").rows() == [("email_not_text", "fffe01")]
