"""Writes the file of each wave: its linkUrls that are valid now, with the columns of links.csv."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import polars as pl

from bulk.journal import waves
from bulk.journal.beside import changing
from bulk.journal.database import transaction
from bulk.journal.folder import FOLDER_MODE
from bulk.reports.csv import CsvTable
from bulk.reports.publish import WAVES, wrap_errors

_FILE: Final = re.compile(r"[1-9][0-9]*\.csv")


class WaveFiles:
    """A context manager that takes the rows of links.csv, whose waves follow one another."""

    def __init__(self, stage: Path, numbers: Collection[int]) -> None:
        """Prepare to write on the stage. Rows of other waves than these, which are still open, are left out."""
        self._folder = stage / WAVES
        self._open = ExitStack()  # the last file
        self._numbers = numbers
        self._tables: dict[int, CsvTable] = {}
        with wrap_errors(self._folder):
            self._folder.mkdir(mode=FOLDER_MODE)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.__exit__(kind, error, traceback)

    def write(self, frame: pl.DataFrame) -> None:
        """Append each row to the file of its wave."""
        for wave in frame.get_column("wave").unique(maintain_order=True).to_list():
            if wave in self._numbers:
                self._table(wave).write(frame.filter(frame.get_column("wave") == wave))

    @property
    def names(self) -> list[str]:
        """The names of the files, in the batch's folder. A wave without a valid linkUrl has no file."""
        return [name_of(wave) for wave in sorted(self._tables)]

    def _table(self, wave: int) -> CsvTable:
        if wave not in self._tables:
            self._open.close()
            self._tables[wave] = self._open.enter_context(CsvTable(self._folder / f"{wave}.csv"))
        return self._tables[wave]


def name_of(wave: int) -> str:
    """Return the name of a wave's file in the batch's folder."""
    return f"{WAVES}/{wave}.csv"


def existing(folder: Path) -> Iterator[str]:
    """Yield the names of the files of waves in the batch's folder."""
    with wrap_errors(folder, batch=folder):
        if (folder / WAVES).is_dir():
            yield from (f"{WAVES}/{path.name}" for path in (folder / WAVES).iterdir() if _FILE.fullmatch(path.name))


def close_wave(journal: Path, at: str) -> int | None:
    """Close the wave to write; return its number, or None if no linkUrl was issued since the last one."""
    with changing(journal) as connection:
        if waves.unwritten(connection) is None:
            return None
        with transaction(connection):
            return waves.close(connection, at)


def mark_written(journal: Path, wave: int) -> None:
    """Record that a wave was written."""
    with changing(journal) as connection, transaction(connection):
        waves.mark_written(connection, wave)
