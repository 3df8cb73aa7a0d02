"""Restores the columns of the batch's input files from the JSON object that the journal has for each row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import polars as pl


class InputColumns:
    """The columns of all input files, in order. A column with the same name as ours is called `NAME (input)`."""

    def __init__(self, files: Iterable[Sequence[str]], *, taken: Sequence[str]) -> None:
        """Find a name for each column. `files` has the columns of each file, `taken` our own columns."""
        self._sources: dict[str, list[str]] = {}  # the input's columns, by their name in the report
        known: set[str] = set()
        for columns in files:
            same_file = set(columns)
            for name in columns:
                if name not in known:
                    free = _free_name(name, taken, self._sources, same_file=same_file)
                    self._sources.setdefault(free, []).append(name)
            known.update(columns)
        self._dtype = pl.Struct(dict.fromkeys((name for names in self._sources.values() for name in names), pl.String))

    @property
    def names(self) -> list[str]:
        """The names of the columns in the report."""
        return list(self._sources)

    def append_to(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Replace the last column, which has the JSON objects, with the input's columns."""
        return frame[:, :-1].hstack(self._columns(frame[:, -1]))

    def prepend_to(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Put the input's columns first, and drop the last column, which has the JSON objects."""
        columns = self._columns(frame[:, -1])
        return pl.DataFrame({column.name: column for column in columns}).hstack(frame[:, :-1])

    def _columns(self, objects: pl.Series) -> list[pl.Series]:
        if not self._sources:
            return []
        # Series by name, never `pl.col`: a header such as `*` or `^.*$` would select every column.
        cells = objects.str.json_decode(self._dtype).struct.unnest()
        return [
            _first_value([cells.get_column(source) for source in sources]).alias(name)
            for name, sources in self._sources.items()
        ]


def _free_name(name: str, taken: Sequence[str], sources: Mapping[str, list[str]], *, same_file: set[str]) -> str:
    """Return the name in the report for a column of the input.

    Corrected rows have the column names of the report that they came from. Such a name means the same column.
    """
    free = name

    def is_used() -> bool:
        is_another = free != name and free in same_file
        return free in taken or is_another or not same_file.isdisjoint(sources.get(free, ()))

    while is_used():
        free += " (input)"
    return free


def _first_value(columns: Sequence[pl.Series]) -> pl.Series:
    merged = columns[0]
    for column in columns[1:]:
        merged = merged.zip_with(merged.is_not_null(), column)
    return merged
