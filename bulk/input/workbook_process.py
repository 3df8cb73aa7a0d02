"""Reads a sheet of a workbook in a process of its own, and turns each of its problems into an `InputError`."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import polars as pl

from bulk.errors import InputError, UsageError
from bulk.input import workbook_child
from bulk.input.column_names import did_you_mean, listed, printable, quoted
from bulk.input.files import wrap_read_errors
from bulk.input.frames import cell
from bulk.text import count, series

_PROGRAM: Final = (sys.executable, "-P", str(Path(workbook_child.__file__)))
_SAVE_AGAIN: Final = "open it in a spreadsheet and save it again, or save the sheet as CSV (UTF-8)"


@dataclass(frozen=True)
class Rows:
    """Rows of a sheet that have cells."""

    numbers: Sequence[int]
    """Their numbers in the sheet, from 1."""
    texts: pl.DataFrame
    """The texts of their cells, in columns as in `bulk.input.frames`. An empty cell is an empty text."""
    kinds: Sequence[str]
    """For each column a letter for each cell, as in `workbook_child`, or "" if all of them are texts."""


@dataclass(frozen=True)
class Sheet:
    """A sheet that was read to its end."""

    name: str
    sheets: Sequence[str]
    """The names of all sheets of the workbook."""
    parts: Sequence[Rows]
    merged: Sequence[tuple[int, int]]
    """The first and the last row of merged cells that are higher than one row."""
    errors: tuple[int, str]
    """The number of cells with an error, and the first of them: `B7`."""
    uncalculated: tuple[int, str]
    """The number of formulas without a stored value, and the first of them."""


def read_sheet(path: Path, name: str | None, *, is_strict: bool) -> Sheet:
    """Read a sheet. Without a name, read the only visible one that has rows. Raises InputError, UsageError.

    Unless `is_strict`, the name does not count if no sheet has it.
    """
    with wrap_read_errors(path), path.open("rb"):
        pass  # the errors of the operating system have their own words
    sheets: Mapping[str, Any] = {}
    parts: list[Rows] = []
    with _lines(path, name or "", is_strict=is_strict) as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                break  # the program was killed
            message = json.loads(line)
            if "columns" in message:
                texts = {cell(at): texts for at, (texts, _) in enumerate(message["columns"])}
                frame = pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String))
                parts.append(Rows(message["numbers"], frame, [kinds for _, kinds in message["columns"]]))
            elif "sheets" in message:
                sheets = message
            elif "problem" in message:
                raise _error(path, name or "", message["problem"], message["details"])
            elif not parts:
                raise _error(path, sheets["sheet"], "empty", None)
            else:
                end = message["end"]
                merged = [(first + 1, last + 1) for first, last in end["merged"]]
                noted = tuple(end["errors"]), tuple(end["uncalculated"])
                return Sheet(sheets["sheet"], sheets["sheets"], parts, merged, *noted)
    raise InputError(f"{path} is a damaged workbook, or needs more memory than bulk may use; {_SAVE_AGAIN}")


@contextmanager
def _lines(path: Path, name: str, *, is_strict: bool) -> Iterator[Iterator[bytes]]:
    """Start the program that reads a workbook, and yield the lines that it writes."""
    arguments = (*_PROGRAM, str(path), name, "strict" if is_strict else "")
    places = os.pathsep.join(filter(None, sys.path))
    # The library is where this process would find it. The API key is not for the program.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CODAT_")}
    environment["PYTHONPATH"] = places
    with (
        wrap_read_errors(path),
        subprocess.Popen(  # noqa: S603 - bulk's own program
            arguments, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment
        ) as program,
    ):
        try:
            yield iter(program.stdout or ())
        finally:
            program.kill()


def _error(path: Path, name: str, code: str, details: Any) -> UsageError:
    """Return the error for a problem that the program has found."""
    match code:
        case "library":
            install = "pip install 'codat-bulk[excel]'"
            return InputError(
                f"{path} is a workbook; install what reads it with {install}, or save its sheet as CSV (UTF-8)"
            )
        case "password":
            return InputError(f"{path} is an encrypted workbook; save it without a password")
        case "memory":
            return InputError(f"{path} needs more memory than bulk may use; save its sheet as CSV (UTF-8)")
        case "unpacked":
            size = f"{details / 2**30:,.1f} GB unpacked"
            return InputError(f"{path} is too large for a workbook ({size}); save its sheet as CSV (UTF-8)")
        case "cells":
            sheet, rows, columns = details
            size = f"{count(rows, 'row')} and {count(columns, 'column')} up to its last cell"
            return InputError(
                f"{path}: its sheet {quoted(sheet)} is too large ({size}); delete the cells beyond the table, or save "
                "the sheet as CSV (UTF-8)"
            )
        case "unknown_sheet":
            near = did_you_mean(name, details)
            return UsageError(f"{path} has no sheet {quoted(name)}{near}; its sheets are {listed(details)}")
        case "several_sheets":
            options = series([f"--sheet {shlex.quote(printable(each))}" for each in details], "or")
            return InputError(f"{path} has {count(len(details), 'sheet')} with rows; select one: add {options}")
        case "empty":
            which = f"sheet {quoted(name)}" if name else "visible sheets"
            return InputError(f"{path} has no rows in its {which}; it must have a header and a row for each customer")
    return InputError(f"{path} is a damaged workbook; {_SAVE_AGAIN}")
