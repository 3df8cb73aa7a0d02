"""Finds the delimiter and the header of a text table in the first part of its text. No I/O."""

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
from bulk.text import count

DELIMITERS: Final = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_MAX_LINES: Final = 1_000
"""The most lines in which the header is looked for."""


@dataclass(frozen=True)
class Dialect:
    """The delimiter and the header of a text table."""

    delimiter: str
    names: tuple[str, ...]
    """The cells of the header."""
    header_lines: int
    """The number of lines before the first row: skipped and blank lines, comments, and those of the header."""


def detect(path: Path, start: str, mapping: Mapping[str, str], *, usual: str, skipped: int, comment: str) -> Dialect:
    """Return the delimiter and the header. Raises InputError.

    `start` is the first part of the text, `usual` the delimiter that the file's name suggests. The first `skipped`
    lines are left out, and lines that begin with `comment` unless it is empty.
    """
    lines = start.split("\n")
    if skipped >= len(lines):
        raise InputError(f"{path} has no header after {count(skipped, 'line')}; pass a smaller number to --skip-rows")
    while comment and skipped < len(lines) and (lines[skipped].startswith(comment) or not lines[skipped].strip()):
        skipped += 1
    table = "\n".join(lines[skipped:])
    declared = _declared(table)
    delimiter = declared or _delimiter(table, mapping, usual)
    names, height = _header(path, table, delimiter, skipped_rows=1 if declared else 0)
    return Dialect(delimiter, tuple(names), skipped + height)


def find_header(start: str, mapping: Mapping[str, str]) -> int | None:
    """Return the number of lines before the one that names the most fields, or None if no line names two."""
    best, place = 1, None
    for number, line in enumerate(start.split("\n")[:_MAX_LINES]):
        found = max(count_fields(_cells(line, delimiter), mapping) for delimiter in DELIMITERS)
        if found > best:
            best, place = found, number
    return place


def _cells(line: str, delimiter: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:
        return []


def _declared(start: str) -> str | None:
    """Return the delimiter in a line such as `sep=;`, which Excel writes before the header, or None."""
    match = re.match(r"\s*\"?sep=(.)\"?[ \t,;|]*\r?\n", start, re.IGNORECASE)
    return match[1] if match and match[1] in DELIMITERS else None


def _delimiter(start: str, mapping: Mapping[str, str], usual: str) -> str:
    """Return the delimiter with which the header has the most fields. Of several, return the most frequent one."""
    line = re.sub(r'"[^"]*"', lambda quoted: "x" * len(quoted[0]), start.lstrip()).split("\n", 1)[0]

    def rank(delimiter: str) -> tuple[int, int, bool]:
        try:
            names = next(csv.reader(io.StringIO(start.lstrip()[: len(line)]), delimiter=delimiter), [])
        except csv.Error:  # probably the wrong delimiter; if not, reading the header fails
            names = []
        return count_fields(names, mapping), line.count(delimiter), delimiter == usual

    return max(DELIMITERS, key=rank)


def _header(path: Path, start: str, delimiter: str, *, skipped_rows: int) -> tuple[list[str], int]:
    """Return the header's cells, and the number of lines up to its end."""
    reader = csv.reader((line + "\n" for line in start.split("\n")), delimiter=delimiter, skipinitialspace=True)
    try:
        rows = (row for row in reader if any(name.strip() for name in row))
        names = next((row for number, row in enumerate(rows) if number == skipped_rows), None)
    except csv.Error as error:
        raise InputError(
            f"{path}: its header cannot be read ({error}); the first line must name the columns"
        ) from error
    if names is None:
        raise InputError(f"{path} has no header; its first line must name the columns")
    if any("\0" in name for name in names):
        raise InputError(f"{path} contains NUL bytes in its header; save it again as CSV in UTF-8")
    return names, reader.line_num
