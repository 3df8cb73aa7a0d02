"""Leaves out rows that are no customers: comments, and rows that repeat the header."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Final

import polars as pl

from bulk.errors import InputError
from bulk.input.columns import Header
from bulk.input.empty import BLANK
from bulk.input.frames import CELLS, cell
from bulk.text import count

_NOTED: Final = {
    "comment": ("row is a comment and was left out", "rows are comments and were left out"),
    "header": ("row repeats the header and was left out", "rows repeat the header and were left out"),
    "short": ("row lacks cells at its end; they count as empty", "rows lack cells at their ends; they count as empty"),
    "hash": ("row begins with #; --comment '#' leaves it out", "rows begin with #; --comment '#' leaves them out"),
}


class LeftOut:
    """Leaves out rows of one table, and counts them and other rows that deserve a note.

    `names` are the cells of the header, and `comment` is the prefix of comments. Without `is_certain`, a row that
    extends over several lines may be several rows.
    """

    def __init__(self, path: Path, header: Header, names: Sequence[str], comment: str, *, is_certain: bool) -> None:
        self._path = path
        self._header = header
        self._names = names
        self._comment = comment
        self._is_certain = is_certain
        self._noted: Counter[str] = Counter()

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes about the rows since `begin`."""
        return tuple(f"{count(rows, *_NOTED[why])}" for why, rows in self._noted.items() if rows)

    def begin(self) -> None:
        """Forget the rows of an earlier reading."""
        self._noted.clear()

    def customers(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of a frame that are neither comments nor repeat the header."""
        if self._comment:
            is_comment = frame[cell(0)].str.starts_with(self._comment).fill_null(value=False)
            if is_comment.any():
                frame = self._without(frame, is_comment, "comment")
        first = next(place for place, name in enumerate(self._names) if name.strip(BLANK))
        may_be_header = frame[cell(first)].str.contains(self._names[first].strip(BLANK), literal=True)
        if may_be_header.any():
            is_header = reduce(and_, (self._repeats(frame, place) for place in range(len(self._names))))
            if is_header.any():
                frame = self._without(frame, is_header, "header")
        if CELLS in frame.columns:
            is_short = frame[CELLS].is_between(self._header.needed_cells, self._header.named_cells - 1)
            self._noted["short"] += int((is_short & frame[cell(first)].is_not_null()).sum())
        if not self._comment:
            self._noted["hash"] += int(frame[cell(0)].str.starts_with("#").sum())
        return frame

    def _repeats(self, frame: pl.DataFrame, place: int) -> pl.Series:
        """Return which cells have the name of their column."""
        texts = frame[cell(place)].str.strip_chars(BLANK).fill_null("")
        return texts == self._names[place].strip(BLANK)

    def _without(self, frame: pl.DataFrame, is_noted: pl.Series, why: str) -> pl.DataFrame:
        """Leave out some rows. Raises InputError if one of them extends over several lines: it may hold customers."""
        rows = frame.filter(is_noted)
        is_long = pl.any_horizontal(pl.col(pl.String).str.contains("\n")).any()
        if why == "comment" and not self._is_certain and rows.select(is_long).item():
            raise InputError(
                f"{self._path} has a row that begins with {self._comment} and extends over several lines, because a "
                "quote in it opens a cell; remove the quote or the row"
            )
        self._noted[why] += len(rows)
        return frame.filter(~is_noted)
