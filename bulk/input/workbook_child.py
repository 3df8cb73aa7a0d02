"""A program that reads one sheet of a workbook, and writes it to standard output as lines of JSON.

The library that reads workbooks needs memory for a whole sheet, and some damaged files make it end its process. So it
has a process of its own, with a limit, in which nothing else of bulk is loaded. `workbook_process` starts it.

The arguments are the path, the name of the sheet or "", and `strict` if no other sheet will do. The lines are

    {"problem": CODE, "details": …}     at any time, and nothing follows
    {"sheets": […], "sheet": NAME}      the names of all sheets, and that of this one
    {"numbers": […], "columns": […]}    rows with cells: their numbers in the sheet, and the texts of each column
    {"end": {…}}                        what to note about the whole sheet

Without a problem and an end, the workbook is damaged or too large. Any message of Python or of the library is dropped.
"""

from __future__ import annotations

import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any, Final

_MAX_MEMORY: Final = 2**31
"""Bytes of address space, where the system can limit it."""
MAX_CELLS: Final = 2**24
"""The largest product of rows and columns, up to the last cell that is not empty."""
_MAX_UNPACKED: Final = 2**31
"""Bytes of XML in a workbook. It is compressed there to about a tenth."""
_MAX_TEXT: Final = 2**29
"""Bytes of all cells as JSON. A workbook stores a text once that may be in thousands of cells."""
_ROWS: Final = 10_000
_PIECE: Final = 2**20
_MAX_CELL: Final = 2**22
"""Bytes of XML. Excel's cells are smaller."""
_MAX_EXACT: Final = 2**53
"""Floating-point numbers below this one represent every whole number exactly."""
_DIGITS: Final = 15
"""Excel shows no more digits of a number."""
_FIRST_LETTER: Final = ord("A") - 1

# Names of elements may have a prefix, as in `<x:c r="A1">`.
# Columns with a name of one letter are too few to count.
_WIDE: Final = re.compile(rb' r="([A-Z]{2,3})\d+"[^<>/]*>')
_ROW: Final = re.compile(rb' r="[A-Z]{1,3}(\d{1,7})"[^<>/]*>')
_ERROR: Final = re.compile(rb'<(?:\w+:)?c\b([^<>]*\bt="e"[^<>]*)>')
_UNCALCULATED: Final = re.compile(
    rb"<(?:\w+:)?c\b([^<>]*)>\s*<(?:\w+:)?f\b(?:[^<>]*/>|[^<>]*>[^<]*</(?:\w+:)?f>)\s*"
    rb"(?:<(?:\w+:)?v\s*/>\s*|<(?:\w+:)?v>\s*</(?:\w+:)?v>\s*)?</(?:\w+:)?c>"
)
_REFERENCE: Final = re.compile(rb'\br="([A-Z]+\d+)"')
_SHEET: Final = re.compile(rb'<(?:\w+:)?sheet\b[^<>]*?\s\w+:id="([^"]+)"')
_RELATION: Final = re.compile(rb"<(?:\w+:)?Relationship\b[^<>]*>")


class Problem(Exception):  # noqa: N818 - it is the program's result, not an error in it
    """A reason why the workbook cannot be read: a code, with details."""

    def __init__(self, code: str, details: Any = None) -> None:
        super().__init__(code, details)
        self.code, self.details = code, details


class Scan:
    """What the XML of a sheet shows, and the library does not: its size, its errors and formulas without a value."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.errors, self.uncalculated = Cells(), Cells()
        columns: set[bytes] = set()
        rows = 0
        for piece in pieces:
            columns.update(_WIDE.findall(piece))
            rows = max(rows, *map(int, _ROW.findall(piece, max(len(piece) - _PIECE // 8, 0))), 0)
            if b'"e"' in piece:
                self.errors.add(_ERROR.findall(piece))
            if b"f>" in piece or b"f " in piece or b"f/" in piece:
                self.uncalculated.add(_UNCALCULATED.findall(piece))
        self.rows, self.columns = rows, max(map(_number, columns), default=0)


class Cells:
    """A number of cells, and the first of them."""

    def __init__(self) -> None:
        self.number, self.first = 0, ""

    def add(self, attributes: list[bytes]) -> None:
        """Add cells, given by the attributes of their elements."""
        if attributes and not self.number:
            found = _REFERENCE.search(attributes[0])
            self.first = found[1].decode() if found else "?"
        self.number += len(attributes)


def main(path: str, wanted: str, *, is_strict: bool) -> None:
    """Write a sheet of a workbook to standard output."""
    try:
        _limit_memory()
        try:
            import python_calamine as calamine
        except ImportError:
            raise Problem("library") from None
        try:
            _write(calamine, path, wanted, is_strict=is_strict)
        except calamine.PasswordError:
            raise Problem("password") from None
        except calamine.CalamineError:
            raise Problem("damaged") from None
    except Problem as problem:
        _send({"problem": problem.code, "details": problem.details})
    except MemoryError:
        _send({"problem": "memory", "details": None})


def _write(calamine: Any, path: str, wanted: str, *, is_strict: bool) -> None:
    with zipfile.ZipFile(path) as archive:
        unpacked = sum(each.file_size for each in archive.infolist())
        if unpacked > _MAX_UNPACKED:
            raise Problem("unpacked", unpacked)
        with calamine.load_workbook(path) as book:
            sheets = [each for each in book.sheets_metadata if each.typ is calamine.SheetTypeEnum.WorkSheet]
            visible = [each.name for each in sheets if each.visible is calamine.SheetVisibleEnum.Visible]
            named = [each.name for each in sheets if wanted and each.name.casefold() == wanted.casefold()]
            if wanted and is_strict and not named:
                raise Problem("unknown_sheet", [each.name for each in sheets])
            parts = dict(zip([each.name for each in book.sheets_metadata], _parts(archive), strict=False))
            name, sheet, scan = _table(book, archive, parts, named or visible)
            _send({"sheets": [each.name for each in sheets], "sheet": name})
            _send_rows(sheet)
            merged = [[first, last] for (first, _), (last, _) in sheet.merged_cell_ranges or () if last > first]
    end = {"merged": merged, **{kind: [each.number, each.first] for kind, each in vars(scan).items() if kind in _NOTED}}
    _send({"end": end})


_NOTED: Final = ("errors", "uncalculated")


def _table(book: Any, archive: zipfile.ZipFile, parts: dict[str, str], names: list[str]) -> tuple[str, Any, Scan]:
    """Return the only one of these sheets that has cells."""
    found: list[tuple[str, Any, Scan]] = []
    for name in names:
        scan = Scan(_pieces(archive, parts[name])) if name in parts else Scan(())
        if scan.rows * scan.columns > MAX_CELLS:
            raise Problem("cells", [name, scan.rows, scan.columns])
        sheet = book.get_sheet_by_name(name)
        if sheet.height:
            found.append((name, None if found else sheet, scan))
    if len(found) != 1:
        raise Problem("several_sheets" if found else "empty", [name for name, *_ in found])
    return found[0]


def _parts(archive: zipfile.ZipFile) -> list[str]:
    """Return the file of each sheet, in their order."""
    names = {each.lower(): each for each in archive.namelist()}
    book = next((name for name in names if re.fullmatch(r"xl/workbook\d*\.xml", name)), "")
    relations = names.get(f"xl/_rels/{book.removeprefix('xl/')}.rels", "")
    if not book or not relations:
        return []
    targets = {}
    for relation in _RELATION.findall(archive.read(relations)):
        attributes = dict(re.findall(rb'\b(Id|Target)="([^"]*)"', relation))
        target = attributes.get(b"Target", b"").decode().lower()
        targets[attributes.get(b"Id")] = target[1:] if target.startswith("/") else f"xl/{target}"
    return [names.get(targets.get(each, ""), "") for each in _SHEET.findall(archive.read(names[book]))]


def _pieces(archive: zipfile.ZipFile, part: str) -> Iterator[bytes]:
    """Yield the XML of a sheet in pieces of whole cells."""
    if not part:
        return
    held = b""
    with archive.open(part) as content:
        while piece := content.read(_PIECE):
            held += piece
            cell = max(held.rfind(b"<c "), held.rfind(b":c "))
            end = held.rfind(b"<", 0, cell + 1)
            if end <= 0 and len(held) > _MAX_CELL:
                end = held.rfind(b"<")
            if end > 0:
                yield held[:end]
                held = held[end:]
    yield held


def _number(letters: bytes) -> int:
    """Return the number of a column: 27 for `AA`."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - _FIRST_LETTER
    return number


def _send_rows(sheet: Any) -> None:
    """Send the rows that have cells. Raises Problem if they are too large together."""
    size = 0
    numbered = ((number, row) for number, row in enumerate(sheet.iter_rows(), 1) if row.count("") < len(row))
    while part := list(islice(numbered, _ROWS)):
        numbers, rows = zip(*part, strict=True)
        size += _send({"numbers": numbers, "columns": [_column(cells) for cells in zip(*rows, strict=True)]}, size)


def _column(cells: tuple[Any, ...]) -> list[Any]:
    """Return the texts of a column's cells, and a letter for the kind of each one, or "" if all of them are texts.

    The letters are `t` for a text, `n` for a number, `d` for a date or time, `b` for a boolean.
    """
    types = list(map(type, cells))
    if set(types) == {str}:
        return [cells, ""]
    return [
        [_TEXTS[kind](cell) for kind, cell in zip(types, cells, strict=True)],
        "".join([_KINDS[kind] for kind in types]),
    ]


def _digits(value: float) -> str:
    if value.is_integer() and abs(value) < _MAX_EXACT:
        return str(int(value))
    return format(value, f".{_DIGITS}g")


def _duration(value: timedelta) -> str:
    milliseconds = round(value / timedelta(milliseconds=1))
    seconds, fraction = divmod(abs(milliseconds), 1000)
    sign = "-" if milliseconds < 0 else ""
    return _without_fraction(f"{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:03}")


def _without_fraction(text: str) -> str:
    return text.removesuffix(".000")


def _moment(value: datetime) -> str:
    """Return a date, with the time if it has one."""
    if value.time() == time():
        return value.date().isoformat()
    return _without_fraction(value.isoformat(" ", "milliseconds"))


_TEXTS: Final[dict[type, Callable[[Any], str]]] = {
    str: str,
    bool: lambda value: str(value).upper(),
    int: str,
    float: _digits,
    datetime: _moment,
    date: date.isoformat,
    time: lambda value: _without_fraction(value.isoformat("milliseconds")),
    timedelta: _duration,
}
"""The text of a cell of each type, as a person reads it."""
_KINDS: Final[dict[type, str]] = {
    str: "t",
    bool: "b",
    int: "n",
    float: "n",
    **dict.fromkeys((datetime, date, time, timedelta), "d"),
}


def _limit_memory() -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = _MAX_MEMORY if hard == resource.RLIM_INFINITY else min(_MAX_MEMORY, hard)
    try:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    except (ValueError, OSError):  # some systems have no such limit
        return


def _send(message: dict[str, Any], sent: int = 0) -> int:
    """Write a message, and return its size. Raises Problem if too much was sent before it."""
    line = json.dumps(message, separators=(",", ":")).encode() + b"\n"
    if sent + len(line) > _MAX_TEXT:
        raise Problem("memory")
    return sys.stdout.buffer.write(line)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], is_strict=sys.argv[3:] == ["strict"])
