"""Finds the delimiter and the header of a text table by the first part of its text. No I/O."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk.errors import InputError
from bulk.input.columns import count_fields

DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}


@dataclass(frozen=True)
class Dialect:
    """How a text table begins."""

    delimiter: str
    names: tuple[str, ...]
    """The cells of the header."""
    header_lines: int
    """How many lines come before the first row: blank lines, and those of the header."""


def detect(path: Path, start: str, mapping: Mapping[str, str], *, usual: str) -> Dialect:
    """Return the delimiter and the header. Raises InputError.

    `start`: the first part of the text. `usual`: the delimiter that the name of the file suggests.
    """
    declared = _declared(start)
    delimiter = declared or _delimiter(start, mapping, usual)
    names, lines = _header(path, start, delimiter, skipped_rows=1 if declared else 0)
    return Dialect(delimiter, tuple(names), lines)


def _declared(start: str) -> str | None:
    """Return the delimiter that the line `sep=;` names, which Excel writes before the header."""
    found = re.match(r"\s*\"?sep=(.)\"?[ \t,;|]*\r?\n", start, re.IGNORECASE)
    return found[1] if found and found[1] in DELIMITERS else None


def _delimiter(start: str, mapping: Mapping[str, str], usual: str) -> str:
    """Return the delimiter under which the header has most fields; of several, the most frequent one."""
    line = re.sub(r'"[^"]*"', lambda quoted: "x" * len(quoted[0]), start.lstrip()).split("\n", 1)[0]

    def rank(delimiter: str) -> tuple[int, int, bool]:
        try:
            names = next(csv.reader(io.StringIO(start.lstrip()[: len(line)]), delimiter=delimiter), [])
        except csv.Error:  # probably another delimiter; if not, reading the header fails
            names = []
        return count_fields(names, mapping), line.count(delimiter), delimiter == usual

    return max(DELIMITERS, key=rank)


def _header(path: Path, start: str, delimiter: str, *, skipped_rows: int) -> tuple[list[str], int]:
    """Return the header's cells, and how many lines end with it."""
    reader = csv.reader((line + "\n" for line in start.split("\n")), delimiter=delimiter)
    try:
        rows = (row for row in reader if any(name.strip() for name in row))
        names = next((row for number, row in enumerate(rows) if number == skipped_rows), None)
    except csv.Error as error:
        raise InputError(
            f"{path}: its header cannot be read ({error}); the first line must name the columns"
        ) from error
    if names is None:
        raise InputError(f"{path}: has no header; its first line must name the columns")
    if any("\0" in name for name in names):
        raise InputError(f"{path}: contains NUL bytes in its header; save it again as CSV in UTF-8")
    return names, reader.line_num
