"""Helpers for tests of the input: write a file, read it as the program does, and look at the result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bulk.input import Input, open_input
from bulk.problems import Problem, parse, sentence
from bulk.reading import NOTHING_SAID, Reading, Remembered

HEADER = "customer_id,company_name,platform,email,description"


@dataclass(frozen=True)
class Outcome:
    """Everything that was read from an input."""

    opened: Input
    accepted: pl.DataFrame
    rejected: pl.DataFrame

    @property
    def problems(self) -> list[tuple[int, Problem]]:
        """Each problem, with the number of its row."""
        return [(row, one) for row, text in self.rejected.select("row", "problems").rows() for one in parse(text)]

    @property
    def ids(self) -> list[str]:
        """The identifiers of the accepted rows."""
        return self.accepted["customer_id"].to_list()

    @property
    def found(self) -> list[tuple[int, str, str]]:
        """Each problem as (row, field, sentence)."""
        return [(row, one["field"], sentence(one)) for row, one in self.problems]

    def extras(self, at: int = 0) -> dict[str, str | None]:
        """Return the extra columns of the accepted row at this place."""
        return dict(json.loads(self.accepted["extra"][at]))

    def cells(self, at: int = 0) -> dict[str, str | None]:
        """Return the cells of the rejected row at this place."""
        return dict(json.loads(self.rejected["cells"][at]))


def read(
    path: Path,
    mapping: Mapping[str, str] | None = None,
    *,
    reading: Reading = NOTHING_SAID,
    remembered: Reading = NOTHING_SAID,
) -> Outcome:
    """Open a file and collect all its rows."""
    opened = open_input(path, mapping=mapping or {}, reading=reading, remembered=Remembered(remembered))
    parts = list(opened.read())
    return Outcome(opened, pl.concat([part.accepted for part in parts]), pl.concat([part.rejected for part in parts]))


def read_text(
    folder: Path,
    text: str | bytes,
    *,
    name: str = "in.csv",
    mapping: Mapping[str, str] | None = None,
    reading: Reading = NOTHING_SAID,
    remembered: Reading = NOTHING_SAID,
) -> Outcome:
    """Write a text to a file, in UTF-8 and with its own ends of lines, and read the file."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(path, mapping, reading=reading, remembered=remembered)


def read_rows(folder: Path, *lines: str, header: str = HEADER) -> Outcome:
    """Write a header and these lines of CSV to a file, and read the file."""
    return read_text(folder, "\n".join((header, *lines)) + "\n")
