"""Writes one table in every form that bulk reads."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import strategies as st

from bulk.input import open_input
from bulk.input.empty import NULL_WORDS
from bulk.reading import NOTHING_SAID, STANDARD_INPUT, Reading
from bulk.standard_input import spooled
from support.compressed import COMPRESSED
from support.workbooks import workbook

Rows = Sequence[Sequence[str]]
NAMES = ("customer_id", "company_name", "platform", "email", "note", "Größe")
_LETTERS = st.characters(min_codepoint=0x20, max_codepoint=0x7E) | st.characters(min_codepoint=0xC0, max_codepoint=0xFF)
"""In Windows-1252, no two of them are a letter of UTF-8."""
_ODD = ["", " ", '"', "a,b", "a;b", "a\tb", "a|b", "a\nb", '"a"', "=1+1", "00123", "1.50", "TRUE", "2026-11-28"]
_CELLS = st.text(_LETTERS, max_size=6) | st.sampled_from([*_ODD, "xero", "QBO", "a@b.example", *NULL_WORDS])
_FIRST = ("00123", "Ash", "xero", "", "é", "1")
TABLES = st.lists(st.tuples(*[_CELLS] * len(NAMES)), max_size=6).map(lambda rows: [NAMES, _FIRST, *rows])
"""Tables with a header. They have no row numbers, which would make them corrections of our own reports."""


def read(path: Path, reading: Reading = NOTHING_SAID) -> list[tuple[Any, ...]]:
    """Return everything that is known of each row of a file, in their order."""
    found: list[tuple[Any, ...]] = []
    for part in open_input(path, reading=reading).read():
        for frame in (part.accepted, part.rejected):
            found += [(row, frame.columns, cells) for row, *cells in frame.rows()]
    return sorted(found, key=lambda row: int(row[0]))


def in_every_form(rows: Rows, folder: Path) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """Write and read the table in each form. Yield the form, and what is known of the rows."""
    for form, make in FORMS.items():
        path = folder / form
        make(path, rows)
        yield form, read(path, _READINGS.get(form, NOTHING_SAID))
    with _standard_input(text(rows).encode()), spooled(Path(STANDARD_INPUT)) as path:
        yield "text on standard input", read(path)
    with _standard_input(workbook(rows)), spooled(Path(STANDARD_INPUT)) as path:
        yield "a workbook on standard input", read(path)


def text(rows: Rows, delimiter: str = ",", line_end: str = "\n", quoting: Any = csv.QUOTE_MINIMAL) -> str:
    """Return rows as the csv module writes them."""
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=line_end, quoting=quoting).writerows(rows)
    return file.getvalue()


@contextmanager
def _standard_input(content: bytes) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch, io.TextIOWrapper(io.BytesIO(content)) as stream:
        patch.setattr(sys, "stdin", stream)
        yield


def _bytes(make: Callable[[Rows], bytes]) -> Callable[[Path, Rows], object]:
    return lambda path, rows: path.write_bytes(make(rows))


def _frame(rows: Rows) -> pl.DataFrame:
    return pl.DataFrame(list(rows[1:]), schema=dict.fromkeys(rows[0], pl.String), orient="row")


def _write_folder(path: Path, rows: Rows) -> None:
    """Write a part for each two rows."""
    path.mkdir()
    for at, part in enumerate(_frame(rows).iter_slices(2)):
        part.write_parquet(path / f"part-{at:05}.parquet")


FORMS: Mapping[str, Callable[[Path, Rows], object]] = {
    "in.csv": _bytes(lambda rows: text(rows).encode()),
    "semicolons.csv": _bytes(lambda rows: text(rows, ";", "\r\n").encode("utf-8-sig")),
    "in.tsv": _bytes(lambda rows: text(rows, "\t", "\n", csv.QUOTE_ALL).encode("utf-16")),
    "bars.txt": _bytes(lambda rows: text(rows, "|", "\r\n", csv.QUOTE_ALL).encode("cp1252")),
    **{
        f"in.csv.{ending}": _bytes(lambda rows, compress=compress: compress(text(rows).encode()))  # type: ignore[misc] # mypy cannot infer a lambda's default
        for ending, compress in COMPRESSED.items()
    },
    "in.parquet": lambda path, rows: _frame(rows).write_parquet(path),
    "parts": _write_folder,
    "in.xlsx": _bytes(workbook),
    "inline.xlsx": _bytes(lambda rows: workbook(rows, options={"constant_memory": True})),
}
_READINGS = {"bars.txt": Reading(encoding="cp1252")}  # any letters, so a guess would not be safe
