"""Each row is accepted, or rejected with all its problems and their remedies."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from bulk.problems import parse, reasons, remedy
from unit.input.input_files import HEADER, Outcome, read_rows, read_text

GOOD = {"customer_id": "1", "company_name": "Acme", "platform": "xero", "email": "a@example.com", "description": "d"}


def read_one(folder: Path, **changed: str) -> Outcome:
    """Read a file with a row that is good except for these cells, and a good row after it."""
    text = io.StringIO()
    table = csv.DictWriter(text, HEADER.split(","), lineterminator="\n")
    table.writeheader()
    table.writerow(GOOD | changed)
    table.writerow(GOOD | {"customer_id": "next"})
    return read_text(folder, text.getvalue())


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("customer_id", "", "is missing"),  # required
        ("customer_id", " \u00a0\u200b ", "is missing"),  # only invisible characters
        ("customer_id", "NULL", "is missing"),  # a word for a missing value
        ("customer_id", "x" * 101, "is longer than 100 characters"),  # longer than Codat's tag
        ("customer_id", "a\nb", "contains a line break or another control character"),  # a line break
        ("customer_id", "a\tb", "contains a line break or another control character"),  # a tab
        ("customer_id", "a\u2028b", "contains a line break or another control character"),  # another line break
        ("customer_id", "\x1b[31m", "contains a line break or another control character"),  # an escape sequence
        ("company_name", "", "is missing"),  # required
        ("company_name", "x" * 501, "is longer than 500 characters"),  # one character too many
        ("company_name", "é" * 5_000, "is longer than 500 characters"),  # characters count, not bytes
        ("company_name", "ß" * 251, "is longer than 500 characters"),  # 502 letters are sent
        ("company_name", "Ac\x07me", "contains a control character"),  # a bell
        ("company_name", "株式会社", "has no character that Codat keeps"),  # nothing is left
        ("company_name", "()", "has no character that Codat keeps"),  # nothing is left
        ("platform", "", "is missing"),  # required
        ("platform", "QuickBooks", "is unknown or ambiguous"),  # two products
        ("platform", "Xe\x04ro", "contains a line break or another control character"),  # a control character
        ("platform", "Peachtree", "is unknown or ambiguous"),  # unknown
        ("description", "x" * 5_001, "is longer than 5,000 characters"),  # one character too many
        ("description", "a\x00b".replace("\x00", "\x02"), "contains a control character"),  # a control character
    ],
)
def test_a_broken_rule_rejects_the_row_alone(tmp_path: Path, field: str, value: str, problem: str) -> None:
    """The problem has row, field, value, sentence and remedy; the next row is accepted."""
    outcome = read_one(tmp_path, **{field: value})
    assert outcome.found == [(1, field, problem)]
    assert outcome.ids == ["next"]
    ((_, found),) = outcome.problems
    assert remedy(found)
    assert found["value"] is None or (len(found["value"]) <= 80 and found["value"].isprintable())
    named = f'{field} "{found["value"]}"' if found["value"] else field
    assert reasons(outcome.rejected["problems"][0]) == f"{named} {problem}: {remedy(found)}"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a\nb\tc\x1b", "a<U+000A>b<U+0009>c<U+001B>"),
        ("a\u2028b\x7f", "a<U+2028>b<U+007F>"),
        ("a\u202eb\x90" + "c" * 600, "a<U+202E>b<U+0090>" + "c" * 61 + "…"),
    ],
)
def test_characters_that_cannot_be_seen_are_shown_by_their_code(tmp_path: Path, value: str, shown: str) -> None:
    """A person has to find them in the cell."""
    outcome = read_one(tmp_path, platform=value)
    assert reasons(outcome.rejected["problems"][0]).startswith(f'platform "{shown}" contains')


@pytest.mark.parametrize(
    ("field", "value", "kept"),
    [
        ("customer_id", " 00123\t", "00123"),  # spaces around it
        ("customer_id", "\u00a0\u200b7\ufeff", "7"),  # invisible characters around it
        ("customer_id", "x" * 100, "x" * 100),  # the maximum
        ("customer_id", "é" * 100, "é" * 100),  # characters count, not bytes
        ("customer_id", "a b&&c={}", "a b&&c={}"),  # any visible character
        ("company_name", "x" * 500, "x" * 500),  # the maximum
        ("company_name", "x" * 500 + "()", "x" * 500 + "()"),  # 500 letters are sent
        ("company_name", "two\nlines", "two\nlines"),  # a line break becomes a space
        ("email", "first.o'neil+tag@mail.example.co.uk", "first.o'neil+tag@mail.example.co.uk"),  # unusual but valid
        ("email", "jürgen@bücher.example", "jürgen@bücher.example"),  # international
        ("email", " a@example.com ", "a@example.com"),  # spaces around it
        ("email", "", None),  # optional
        ("description", "tab\tand\nnewline", "tab\tand\nnewline"),  # allowed in a description
        ("description", "x" * 5_000, "x" * 5_000),  # the maximum
        ("description", "  ", None),  # empty
    ],
)
def test_a_row_within_the_rules_is_accepted(tmp_path: Path, field: str, value: str, kept: str | None) -> None:
    """The text is trimmed and otherwise unchanged."""
    outcome = read_one(tmp_path, **{field: value})
    assert outcome.found == []
    assert outcome.accepted[field][0] == kept


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "cp1252"])
@pytest.mark.parametrize("field", [field for field in GOOD if field != "email"])
def test_a_nul_is_a_control_character_of_its_cell(tmp_path: Path, field: str, encoding: str) -> None:
    """Its row is rejected with the cell unchanged; the other rows are accepted."""
    broken = GOOD | {field: GOOD[field][0] + "\0" + GOOD[field][1:]}
    lines = [",".join(broken.values()), *(f"{number}x,Café,xero,," for number in range(3))]
    outcome = read_text(tmp_path, "\r\n".join((HEADER, *lines)).encode(encoding))
    assert outcome.ids == ["0x", "1x", "2x"]
    assert [(row, found) for row, found, _ in outcome.found] == [(1, field)]
    assert outcome.cells()[field] == broken[field]
    assert [one["value"] for _, one in outcome.problems] == [broken[field].replace("\0", "<U+0000>")]


def test_a_nul_in_another_column_is_replaced(tmp_path: Path) -> None:
    """Reports cannot hold it."""
    outcome = read_text(tmp_path, f"{HEADER},note\n1,Acme,xero,,,a\0b\\u0000\n")
    assert outcome.extras() == {"note": "a\ufffdb\\u0000"}


@pytest.mark.parametrize("end", ["\n\x1a", "\x1a", "\r\n\x1a", "\n" + "\x1a" * 90])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_the_end_mark_of_old_systems_is_not_a_row(tmp_path: Path, end: str, encoding: str) -> None:
    """Ctrl-Z ends the text and is not a part of the last cell."""
    outcome = read_text(tmp_path, f"{HEADER}\n1,Acme,xero,,d{end}".encode(encoding))
    assert outcome.found == []
    assert outcome.accepted["description"].to_list() == ["d"]


def test_every_problem_of_every_row_is_found_in_one_pass(tmp_path: Path) -> None:
    """Problems are in the order of rows and fields."""
    outcome = read_rows(tmp_path, ",,Sage,nobody,", "2,Acme,xero,,", f"{'x' * 101},()," + ",,")
    assert outcome.found == [
        (1, "customer_id", "is missing"),
        (1, "company_name", "is missing"),
        (1, "platform", "is unknown or ambiguous"),
        (3, "customer_id", "is longer than 100 characters"),
        (3, "company_name", "has no character that Codat keeps"),
        (3, "platform", "is missing"),
    ]
    assert [len(parse(text)) for text in outcome.rejected["problems"]] == [3, 3]
    assert outcome.accepted["row"].to_list() == [2]


def test_rejected_rows_keep_every_cell_unchanged(tmp_path: Path) -> None:
    """rejects.csv is written from them."""
    outcome = read_text(tmp_path, f'{HEADER},note\n" 1 ",Acme,Sage,,,"= ""x"""\n')
    assert outcome.cells() == {
        "customer_id": " 1 ",
        "company_name": "Acme",
        "platform": "Sage",
        "email": None,
        "description": None,
        "note": '= "x"',
    }
    assert outcome.rejected.select(
        "row", "customer_id", "company_name", "platform", "email", "extra", "corrects"
    ).rows() == [(1, "1", "Acme", "Sage", None, '{"note":"= \\"x\\""}', None)]


def test_the_frames_always_have_the_same_columns(tmp_path: Path) -> None:
    """It makes no difference whether rows were accepted or rejected."""
    for outcome in (read_one(tmp_path), read_rows(tmp_path, ",,,,x")):
        assert outcome.accepted.columns == [
            *(
                "row",
                "customer_id",
                "company_name",
                "name_sent",
                "platform",
                "platform_key",
                "email",
                "description",
                "extra",
                "corrects",
                "damage",
                "restored_name",
            )
        ]
        assert outcome.rejected.columns == [
            *(
                "row",
                "customer_id",
                "company_name",
                "platform",
                "email",
                "cells",
                "extra",
                "problems",
                "corrects",
            )
        ]


def test_many_unknown_platforms_take_no_time(tmp_path: Path) -> None:
    """bulk compares only a few hundred with the known names. Every row has a remedy."""
    outcome = read_rows(tmp_path, *(f"{number},Acme,software {number},," for number in range(20_000)))
    assert len(outcome.problems) == 20_000
    assert all("platformKey" in remedy(one) for _, one in outcome.problems)


@pytest.mark.parametrize("columns", [3, 600])
def test_a_wide_table_has_the_same_rows(tmp_path: Path, columns: int) -> None:
    """Its other columns are set aside before the rules are applied."""
    names, values = ([f"{text}{at}" for at in range(columns)] for text in ("c", "x"))
    header, cells = ",".join((HEADER, *names)), ",".join(values)
    outcome = read_rows(tmp_path, f"1,Ash,xero,,,{cells}", f"2,,xero,,,{cells}", header=header)
    assert outcome.ids == ["1"]
    assert outcome.extras() == dict(zip(names, values, strict=True))
    assert outcome.found == [(2, "company_name", "is missing")]
    assert list(outcome.cells().values()) == ["2", None, "xero", None, None, *values]
