"""What the tests of this folder share: write a file, read it as the program does, look at the outcome."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from bulk.input import Input, open_input

HEADER = "customer_id,company_name,platform,email,description"


@dataclass(frozen=True)
class Outcome:
    """Everything that came of an input."""

    opened: Input
    accepted: pl.DataFrame
    rejected: pl.DataFrame
    faults: pl.DataFrame

    @property
    def ids(self) -> list[str]:
        """The identifiers accepted."""
        return self.accepted["customer_id"].to_list()

    @property
    def found(self) -> list[tuple[int, str, str]]:
        """Each fault as (row, field, problem)."""
        return [(row, field, problem) for row, field, problem in self.faults.select("row", "field", "problem").rows()]

    def extras(self, at: int = 0) -> dict[str, str | None]:
        """The extra columns of the accepted row at this place."""
        return dict(json.loads(self.accepted["extra"][at]))

    def cells(self, at: int = 0) -> dict[str, str | None]:
        """The cells of the rejected row at this place."""
        return dict(json.loads(self.rejected["cells"][at]))


def read(path: Path, mapping: Mapping[str, str] | None = None) -> Outcome:
    """Open a file and gather all its batches."""
    opened = open_input(path, mapping=mapping or {})
    batches = list(opened.batches())
    return Outcome(
        opened,
        pl.concat([batch.accepted for batch in batches]),
        pl.concat([batch.rejected for batch in batches]),
        pl.concat([batch.faults for batch in batches]),
    )


def read_text(
    folder: Path, text: str | bytes, *, name: str = "in.csv", mapping: Mapping[str, str] | None = None
) -> Outcome:
    """Write a text (UTF-8, its line ends as they are) into a file and read it."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return read(path, mapping)


def read_rows(folder: Path, *lines: str, header: str = HEADER) -> Outcome:
    """Write a header and these lines of CSV into a file and read it."""
    return read_text(folder, "\n".join((header, *lines)) + "\n")
