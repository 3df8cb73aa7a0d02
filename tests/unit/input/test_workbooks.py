"""A sheet of a workbook is read as a person reads it, and an identifier that is not text rejects its row."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest
from support.compressed import gz
from support.workbooks import BOOK, SHEET, changed, replaced, workbook

from bulk.errors import InputError, UsageError
from bulk.input import read_ids
from bulk.problems import reasons
from bulk.reading import Reading
from unit.input.input_files import Outcome, read, read_text

HEADER = ("customer_id", "company_name", "platform")
ASH, BOLT = ("00123", "Ash", "xero"), ("2", "Bolt", "qbo")
FORMATS = {3: "0%", 4: "yyyy-mm-dd", 5: "yyyy-mm-dd hh:mm", 6: "[h]:mm", 7: "hh:mm:ss"}


def read_book(folder: Path, content: bytes, name: str = "in.xlsx", **others: Any) -> Outcome:
    """Write a workbook to a file, and read the file."""
    return read_text(folder, content, name=name, **others)


def message(folder: Path, content: bytes, **others: Any) -> str:
    """Return the message with which a workbook is refused. It is one line."""
    with pytest.raises(UsageError) as caught:
        read_book(folder, content, **others)
    text = str(caught.value)
    assert text.isprintable()
    return text


@pytest.mark.parametrize("name", ["in.xlsx", "in.csv", "in.dat"])
def test_texts_are_used_as_they_are_under_any_name(tmp_path: Path, name: str) -> None:
    """Leading zeros and all digits stay."""
    ids = ["00123", "12345678901234567890", "1001.0", "=1", "1E5", "TRUE"]
    content = workbook([HEADER, *((each, "Ash", "xero") for each in ids)])
    assert read_book(tmp_path, content, name).ids == ids


@pytest.mark.parametrize(
    ("value", "number_format", "code", "shown"),
    [
        (1001, "General", "customer_id_number", "1001"),
        (1001, "00000", "customer_id_number", "1001"),
        (12345678901234567890, "0", "customer_id_number", "1.23456789012346e+19"),
        (date(2026, 3, 1), "mmm-dd", "customer_id_date", "2026-03-01"),
        (True, "General", "customer_id_boolean", "TRUE"),
    ],
)
def test_an_identifier_that_is_not_text_rejects_its_row(
    tmp_path: Path, value: object, number_format: str, code: str, shown: str
) -> None:
    """No other row is affected, not even one with the same digits as text. The cell of the rejected row is empty."""
    rows = [HEADER, ASH, (value, "Bolt", "xero"), (shown, "Crow", "xero")]
    outcome = read_book(tmp_path, workbook(rows, formats={0: number_format}))
    assert outcome.ids == ["00123", shown]
    (row, problem), *others = outcome.problems
    assert (row, problem["code"], problem["value"], others) == (2, code, shown, [])
    assert "format the column as text" in reasons(outcome.rejected["problems"][0])
    assert outcome.cells() == {"customer_id": None, "company_name": "Bolt", "platform": "xero"}


def test_other_cells_come_back_as_a_person_reads_them(tmp_path: Path) -> None:
    """Each cell has its own type, whatever the others in its column are."""
    at = datetime(2026, 11, 28, 10, 30)  # noqa: DTZ001 - a workbook has no time zones
    rows: list[Sequence[Any]] = [
        (*HEADER, *"abcdefgh"),
        (*ASH, 0.25, date(2026, 11, 28), at, timedelta(hours=26), time(9, 5), 1001.0, 0.1 + 0.2, True),
        (*BOLT, "25%", "soon", datetime(2026, 11, 28), None, "9:05", "1001.0", 123456789012.5, "TRUE"),  # noqa: DTZ001
    ]
    outcome = read_book(tmp_path, workbook(rows, formats=FORMATS))
    shown = ["0.25", "2026-11-28", "2026-11-28 10:30:00", "26:00:00", "09:05:00", "1001", "0.3", "TRUE"]
    assert list(outcome.extras(0).values()) == shown
    assert list(outcome.extras(1).values()) == [
        "25%", "soon", "2026-11-28", None, "9:05", "1001.0", "123456789012.5", "TRUE",
    ]  # fmt: skip


def test_dates_since_1904_are_the_same_days(tmp_path: Path) -> None:
    """Old workbooks from Macs count from there."""
    rows = [(*HEADER, "day"), (*ASH, date(2026, 11, 28))]
    content = workbook(rows, formats={3: "yyyy-mm-dd"}, options={"date_1904": True})
    assert read_book(tmp_path, content).extras() == {"day": "2026-11-28"}


def test_errors_and_formulas_without_a_value_are_empty_and_noted(tmp_path: Path) -> None:
    """Their cells are named. A formula's stored value is used."""
    rows = [(*HEADER, "a", "b", "c"), (*ASH, "error", "formula", "stored"), (*BOLT, "none", "", "")]
    content = replaced(
        workbook(rows, options={"constant_memory": True}),
        SHEET,
        ('t="inlineStr"><is><t>error</t></is></c>', 't="e"><v>#REF!</v></c>'),
        ('t="inlineStr"><is><t>formula</t></is></c>', "><f>A1+1</f></c>"),
        ('t="inlineStr"><is><t>stored</t></is></c>', 't="str"><f>A1&amp;1</f><v>x1</v></c>'),
        ('t="inlineStr"><is><t>none</t></is></c>', "><f>A1</f><v></v></c>"),
    )
    outcome = read_book(tmp_path, content)
    assert outcome.extras() == {"a": None, "b": None, "c": "x1"}
    notes = " ".join(outcome.opened.notes)
    assert "1 cell has an error in place of a value (D2)" in notes
    assert "2 formulas have no stored value (E2); they count as empty until a spreadsheet" in notes


def test_the_only_visible_sheet_with_rows_is_read(tmp_path: Path) -> None:
    """Empty, hidden and chart sheets do not count."""
    content = workbook([], sheets={"Hidden": [HEADER, BOLT], "Customers": [HEADER, ASH]})
    content = replaced(content, BOOK, ('name="Hidden" sheetId="2"', 'name="Hidden" sheetId="2" state="hidden"'))
    outcome = read_book(tmp_path, content)
    assert outcome.ids == ["00123"]
    assert 'its sheet "Customers" is read' in outcome.opened.notes
    assert read_book(tmp_path, content, reading=Reading(sheet="hidden")).ids == ["2"]


def test_several_sheets_with_rows_stop_the_run(tmp_path: Path) -> None:
    """The message has the option for each of them."""
    content = workbook([HEADER, ASH], sheets={"Old customers": [HEADER, BOLT]})
    assert "2 sheets with rows; select one: add --sheet Sheet1 or --sheet 'Old customers'" in message(tmp_path, content)
    outcome = read_book(tmp_path, content, reading=Reading(sheet="OLD customers"))
    assert (outcome.ids, outcome.opened.reading) == (["2"], Reading(sheet="OLD customers"))
    assert "did you mean" in message(tmp_path, content, reading=Reading(sheet="Sheet"))


def test_a_remembered_sheet_is_read_if_the_workbook_has_it(tmp_path: Path) -> None:
    """A corrected rejects.csv that a spreadsheet has saved as a workbook has another one."""
    remembered = Reading(encoding="cp850", sheet="New")
    content = workbook([HEADER, BOLT], sheets={"New": [HEADER, ASH]})
    assert read_book(tmp_path, content, remembered=remembered).ids == ["00123"]
    outcome = read_book(tmp_path, workbook([HEADER, BOLT]), remembered=remembered)
    assert (outcome.ids, outcome.opened.reading) == (["2"], Reading(sheet="New"))
    assert read_text(tmp_path, "customer_id,company_name,platform\n1,A,xero\n", remembered=remembered).ids == ["1"]
    with pytest.raises(UsageError, match="--sheet must be the name"):
        Reading(sheet=" ")


def test_a_header_further_down_is_proposed(tmp_path: Path) -> None:
    """The number of rows is that of the sheet."""
    rows = [("Customers of 2026",), (), ("", "", "", "", "for Codat"), HEADER, ASH, ("# old", "x", "xero"), HEADER]
    content = workbook(rows)
    text = "row 1, but row 4 looks like the header: add --skip-rows 3"
    assert text in message(tmp_path, content)
    outcome = read_book(tmp_path, content, reading=Reading(skip_rows=3, comment="#"))
    assert outcome.ids == ["00123"]
    assert outcome.opened.columns == HEADER
    notes = " ".join(outcome.opened.notes)
    assert "1 row is a comment" in notes
    assert "1 row repeats the header" in notes
    assert "no header after row 9" in message(tmp_path, content, reading=Reading(skip_rows=9))


def test_gaps_and_formatted_cells_are_no_columns_and_no_rows(tmp_path: Path) -> None:
    """A column without a name is kept if it has cells."""
    rows = [(), (None, *HEADER, None, None, None), (None, *ASH, None, "note", None), (), (None, *BOLT)]
    content = workbook([*rows, *[(None,) * 8] * 50, ("",) * 30])
    outcome = read_book(tmp_path, content)
    assert outcome.ids == ["00123", "2"]
    assert outcome.extras() == {"column_4": "note"}


def test_merged_cells_are_noted(tmp_path: Path) -> None:
    """Only the first cell has the value, so the rows below lack it."""
    content = workbook([HEADER, ASH, ("2", "Bolt", None)])
    content = replaced(
        content, SHEET, ("</sheetData>", '</sheetData><mergeCells><mergeCell ref="C2:C3"/></mergeCells>')
    )
    outcome = read_book(tmp_path, content)
    assert outcome.found == [(2, "platform", "is missing")]
    assert "cells of several rows are merged (row 2): only the first row has their value" in outcome.opened.notes


@pytest.mark.parametrize(
    ("reading", "text"),
    [
        (Reading(encoding="cp850"), "is a workbook; --encoding is for text tables"),
        (Reading(sheet="Sheet9"), 'no sheet "Sheet9"'),
    ],
)
def test_options_that_do_not_fit_a_workbook_are_refused(tmp_path: Path, reading: Reading, text: str) -> None:
    """An option is never ignored."""
    assert text in message(tmp_path, workbook([HEADER, ASH]), reading=reading)


def test_a_sheet_of_another_file_is_refused(tmp_path: Path) -> None:
    """A text table has no sheets."""
    with pytest.raises(UsageError, match="is a text table; --sheet is for workbooks"):
        read_text(tmp_path, "customer_id,company_name,platform\n1,A,xero\n", reading=Reading(sheet="A"))


def test_without_the_extra_the_message_says_how_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command can be pasted."""
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "python_calamine.py").write_text("raise ImportError('not installed')\n")
    monkeypatch.syspath_prepend(tmp_path / "without")
    assert "pip install 'codat-bulk[excel]'" in message(tmp_path, workbook([HEADER, ASH]))


def _too_large(content: bytes) -> bytes:
    """Return a workbook that says of one part that it has 4 GB."""
    at = content.rfind(b"PK\x01\x02")
    return content[: at + 24] + struct.pack("<I", 2**32 - 2) + content[at + 28 :]


DAMAGED: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "encrypted": (lambda _: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "old or encrypted Excel workbook"),
    "compressed": (gz, "compressed workbook"),
    "truncated": (lambda content: content[:-300], "incomplete or damaged"),
    "without XML": (lambda content: replaced(content, SHEET, ("<sheetData>", "<sheetData")), "damaged workbook"),
    "without a sheet": (lambda content: changed(content, {SHEET: None}), "damaged workbook"),
    "empty": (lambda _: workbook([]), "no rows in its visible sheets"),
    "errors alone": (
        lambda _: replaced(workbook([["x"]]), SHEET, ('t="s"><v>0</v>', 't="e"><v>#REF!</v>')),
        'no rows in its sheet "Sheet1"',
    ),
    "blank": (lambda _: workbook([[" "]]), "no header"),
    "far": (
        lambda content: replaced(content, SHEET, ('r="C2"', 'r="XFD1048576"')),
        "1,048,576 rows and 16,384 columns",
    ),
    "impossible": (lambda content: replaced(content, SHEET, ('r="C2"', 'r="ZZZZZ9999999999"')), "damaged workbook"),
    "bomb": (_too_large, "too large for a workbook (4.0 GB unpacked)"),
}


@pytest.mark.parametrize("kind", DAMAGED)
def test_what_cannot_be_read_is_refused_with_the_reason(
    tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The library may end its process at some of them; no stream shows it."""
    damage, text = DAMAGED[kind]
    assert text in message(tmp_path, damage(workbook([HEADER, ASH])))
    assert capfd.readouterr() == ("", "")


def test_a_corrected_rejects_file_may_be_saved_as_a_workbook(tmp_path: Path) -> None:
    """Its rows correct others. Apostrophes that bulk has added are removed."""
    rows = [(*HEADER, "row", "reasons"), ("'=1", "Ash", "xero", 7, "x"), (8, "Bolt", "xero", 8, "x")]
    outcome = read_book(tmp_path, workbook(rows), remembered=Reading(skip_rows=5, comment="'"))
    assert outcome.opened.is_rejects_file
    assert outcome.accepted.select("customer_id", "corrects").rows() == [("=1", 7)]
    assert [problem["code"] for _, problem in outcome.problems] == ["customer_id_number"]


def test_a_file_of_identifiers_may_be_a_workbook(tmp_path: Path) -> None:
    """A number in it is an error, because it may be another customer's."""
    path = tmp_path / "ids.xlsx"
    path.write_bytes(workbook([["customer_id"], ["00123"], ["2"]]))
    assert read_ids(path) == ["00123", "2"]
    path.write_bytes(workbook([["customer_id"], ["00123"], [2]]))
    with pytest.raises(InputError, match="the identifier in row 2 is a number"):
        read_ids(path)


def test_a_folder_of_workbooks_is_one_table(tmp_path: Path) -> None:
    """Identifiers that are numbers are rejected there too."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "a.xlsx").write_bytes(workbook([HEADER, ASH, (5, "Crow", "xero")]))
    (tmp_path / "parts" / "b.xlsx").write_bytes(workbook([HEADER, BOLT]))
    outcome = read(tmp_path / "parts")
    assert outcome.ids == ["00123", "2"]
    assert json.loads(outcome.rejected["problems"][0])[0]["code"] == "customer_id_number"
