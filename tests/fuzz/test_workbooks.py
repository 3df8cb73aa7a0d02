"""Any table is the same in every form. A workbook of any program is read, and a damaged one is read or refused."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.forms import TABLES, Rows, in_every_form
from support.office import convert, needs_office
from support.workbooks import BOOK, SHEET, changed, workbook
from unit.input.input_files import read

from fuzz.damage import damaged
from fuzz.effort import share
from fuzz.test_damaged_files import read_or_refused

HEADER = ("customer_id", "company_name", "platform", "since")
ROWS: list[tuple[Any, ...]] = [HEADER, ("00123", "Größe", "xero", date(2026, 11, 28)), ("0124", "Bolt", "qbo", None)]
GOOD = workbook([*ROWS, (7, "Crow", "xero", True)], formats={3: "yyyy-mm-dd"}, sheets={"Empty": []})
with zipfile.ZipFile(io.BytesIO(GOOD)) as _archive:
    PARTS = sorted(name for name in _archive.namelist() if not re.search("docProps|theme", name))
STRICT = (
    (b"http://schemas.openxmlformats.org/spreadsheetml/2006/main", b"http://purl.oclc.org/ooxml/spreadsheetml/main"),
    (b"http://schemas.openxmlformats.org/officeDocument/2006/", b"http://purl.oclc.org/ooxml/officeDocument/"),
)


@share(16)
@given(rows=TABLES)
def test_every_form_of_a_table_has_the_same_rows(tmp_path_factory: pytest.TempPathFactory, rows: Rows) -> None:
    """Rejected ones too, with all their cells and problems."""
    (_, first), *others = in_every_form(rows, tmp_path_factory.mktemp("forms"))
    assert first
    for form, found in others:
        assert found == first, form


@share(60)
@given(part=st.sampled_from(PARTS), seed=st.integers(0, 2**32))
def test_a_workbook_with_damaged_xml_is_read_or_refused(part: str, seed: int) -> None:
    """The damage is in the XML of one part, not in the zip file."""
    read_or_refused("in.xlsx", changed(GOOD, {part: lambda xml: damaged(xml, seed)}))


@share(20)
@given(seed=st.integers(0, 2**32))
def test_a_damaged_workbook_is_read_or_refused(seed: int) -> None:
    """Its bytes are changed, or cut off."""
    read_or_refused("in.xlsx", damaged(GOOD, seed))


@share(10)
@given(part=st.sampled_from(PARTS))
def test_a_workbook_without_a_part_is_read_or_refused(part: str) -> None:
    """Some parts are needless."""
    read_or_refused("in.xlsx", changed(GOOD, {part: None}))


def by_openpyxl(path: Path) -> None:
    """Write the rows as openpyxl and pandas do."""
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in ROWS:
        sheet.append(row)
    sheet.row_dimensions[50_000].height = 30  # formatted, but empty
    book.save(path)


def by_polars(path: Path) -> None:
    """Write the rows as polars does."""
    pl.DataFrame(ROWS[1:], schema=list(HEADER), orient="row").write_excel(path)


def strict(path: Path) -> None:
    """Write the rows in the strict form of Office Open XML."""
    by_openpyxl(path)

    def change(xml: bytes) -> bytes:
        for old, new in STRICT:
            xml = xml.replace(old, new)
        return xml

    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    path.write_bytes(changed(path.read_bytes(), dict.fromkeys(names, change)))


def with_prefixes(path: Path) -> None:
    """Write the rows with a prefix at each element, as .NET does."""

    def change(xml: bytes) -> bytes:
        return re.sub(rb"<(/?)(?=[a-zA-Z])", rb"<\1x:", xml).replace(b" xmlns=", b" xmlns:x=")

    path.write_bytes(changed(workbook(ROWS, formats={3: "yyyy-mm-dd"}), {SHEET: change, BOOK: change}))


def without_references(path: Path) -> None:
    """Write the rows in cells that have no references."""
    content = workbook(ROWS, formats={3: "yyyy-mm-dd"})
    path.write_bytes(changed(content, {SHEET: lambda xml: re.sub(rb'(<(?:c|row)\b[^>]*?) r="\w+"', rb"\1", xml)}))


def by_libreoffice(path: Path) -> None:
    """Write the rows as LibreOffice saves a workbook."""
    made = path.parent / "made"
    made.mkdir()
    by_openpyxl(made / path.name)
    convert(made / path.name, "xlsx", made)[0].rename(path)


@pytest.mark.parametrize(
    "write",
    [
        by_openpyxl,
        by_polars,
        strict,
        with_prefixes,
        without_references,
        pytest.param(by_libreoffice, marks=needs_office),
    ],
)
def test_a_workbook_of_any_program_is_read(tmp_path: Path, write: object) -> None:
    """The programs write the same cells in different ways."""
    assert callable(write)
    write(tmp_path / "in.xlsx")
    outcome = read(tmp_path / "in.xlsx")
    assert outcome.ids == ["00123", "0124"]
    assert [outcome.extras(at) for at in (0, 1)] == [{"since": "2026-11-28"}, {"since": None}]
