"""The tables of the workbook: what is special about each, and what of them Excel takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

import polars as pl

from bulk.model import State
from bulk.reports.excel.cells import rows, shortened
from bulk.reports.excel.xlsx import RowSheet
from bulk.reports.snapshot import timestamp
from bulk.text import count

MAX_LINK_CHARACTERS: Final = 2_079
_MOST_CELLS: Final = 200_000  # made at once: more takes memory and saves no time

# An address that every spreadsheet takes as it is: of the characters of RFC 3986, without a user or a literal IPv6.
_PART: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*"
_LINK: Final = (
    r"\A(?:https://[A-Za-z0-9][A-Za-z0-9.-]*|http://(?:localhost|127(?:\.[0-9]{1,3}){3}))(?::[0-9]{1,5})?"
    rf"(?:/{_PART})?(?:\?(?:{_PART}|\?)*)?(?:#{_PART})?\z"
)

_WIDEST: Final = 42  # characters; what is longer is seen in the line above the sheet
_WIDTHS: Final = MappingProxyType(  # of columns whose first rows may not show what comes
    {
        "customer_id": 14,
        "company_name": 28,
        "name_sent": 28,
        "email": 28,
        "platform": 18,
        "link_url": 42,
        "link_expires_at": 21,
        "error": 42,
        "reasons": 80,
        "updated_at": 21,
        "change": 18,
    }
)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a sheet takes."""

    rows: int  # the header included
    columns: int
    links: int


# https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3, "Excel specifications and limits"
EXCEL: Final = Limits(rows=1_048_576, columns=16_384, links=65_530)


@dataclass(frozen=True, slots=True)
class Kind:
    """What is special about a table."""

    file: str  # has the same rows
    frozen_columns: int = 0
    has_links: bool = False  # in its column `link_url`
    has_states: bool = False  # in its column `state`


KINDS: Final = MappingProxyType(
    {
        "Results": Kind("results.csv", frozen_columns=2, has_links=True, has_states=True),
        "Links": Kind("links.csv", frozen_columns=1, has_links=True),
        "Rejects": Kind("rejects.csv"),
        "Partner": Kind("partner.csv", frozen_columns=1),
    }
)


@dataclass(frozen=True, slots=True)
class Styles:
    """The numbers by which cells name their formats."""

    header: str
    text: str
    number: str
    link: str
    states: Mapping[str, str]


class Table:
    """A table over as many sheets as it needs: over the limit of rows it goes on in another."""

    def __init__(
        self, name: str, styles: Styles, limits: Limits, add: Callable[[str], RowSheet], *, now: datetime
    ) -> None:
        self._now = timestamp(now)
        self._name, self._styles, self._limits, self._add = name, styles, limits, add
        self._kind = KINDS[name]
        self._sheets: list[RowSheet] = []
        self._header = pl.DataFrame()
        self._widths: list[int] = []
        self._filled = self._links = 0  # rows, clickable cells: of the last sheet
        self._rows = self._columns = self._cut = self._unclickable = 0  # of all

    def write(self, frame: pl.DataFrame) -> None:
        """Add the frame's rows; the first frame's columns become the header and give the widths."""
        shown = self._taken(frame[:, : self._limits.columns])
        if not self._sheets:
            self._columns = frame.width
            self._widths = _widths(shown)
            self._header = self._taken(_titles(shown))
            self._begin()
        while shown.height:
            if self._filled == self._limits.rows:
                self._begin()
            size = min(self._limits.rows - self._filled, max(_MOST_CELLS // shown.width, 1))
            self._append(shown[:size])
            shown = shown[size:]

    def finish(self) -> None:
        """Return how far the last sheet goes."""
        if self._sheets:
            sheet, columns = self._sheets[-1], self._header.width
            sheet.set_extent(self._filled, columns)
            sheet.autofilter(0, 0, self._filled - 1, columns - 1)

    def notes(self) -> Iterator[str]:
        """Return what is not as in the file that has the same rows."""
        name, file = self._name, self._kind.file
        if len(self._sheets) > 1:
            others = ", ".join(sheet.name for sheet in self._sheets[1:])
            yield f"{name} has {count(self._rows, 'row')}, more than a sheet takes: it goes on in {others}."
        if self._columns > self._limits.columns:
            more = count(self._columns - self._limits.columns, "column")
            yield f"{name} has {more} more than Excel takes; {file} has them all."
        if self._cut == 1:
            yield f"1 cell of {name} was too long for Excel and is cut; {file} has it whole."
        elif self._cut:
            yield f"{self._cut:,} cells of {name} were too long for Excel and are cut; {file} has them whole."
        if self._unclickable:
            links = count(self._unclickable, "linkUrl")
            yield f"{links} of {name} cannot be clicked, because Excel takes no more of them: copy them."

    def _taken(self, frame: pl.DataFrame) -> pl.DataFrame:
        short, cut = shortened(frame)
        self._cut += cut
        return short

    def _begin(self) -> None:
        self.finish()
        number = len(self._sheets) + 1
        sheet = self._add(self._name if number == 1 else f"{self._name} {number}")
        self._sheets.append(sheet)
        for column, width in enumerate(self._widths):
            sheet.set_column(column, column, width)
        sheet.freeze_panes(1, self._kind.frozen_columns)
        sheet.repeat_rows(0)
        everywhere = "A1:XFD1048576"  # or Excel marks each 00123 as a mistake
        sheet.ignore_errors({"number_stored_as_text": everywhere, "two_digit_text_year": everywhere})
        sheet.add_rows(rows(self._header, [self._styles.header] * self._header.width, first=1))
        self._filled, self._links = 1, 0

    def _append(self, frame: pl.DataFrame) -> None:
        known, sheet = self._styles, self._sheets[-1]
        styles: dict[str, str | pl.Series] = {
            name: known.text if dtype == pl.String else known.number for name, dtype in frame.schema.items()
        }
        if self._kind.has_states:
            styles["state"] = _styled(frame.get_column("state"), known.states, known.text)
        if self._kind.has_links:
            is_clickable, place = self._clickable(frame), frame.get_column_index("link_url")
            styles["link_url"] = _styled(is_clickable, {True: known.link}, known.text)
            urls = frame.get_column("link_url").filter(is_clickable)
            for row, url in zip(is_clickable.arg_true(), urls, strict=True):
                sheet.add_link(self._filled + row, place, url)
        sheet.add_rows(rows(frame, list(styles.values()), first=self._filled + 1))
        self._filled += frame.height
        self._rows += frame.height

    def _clickable(self, frame: pl.DataFrame) -> pl.Series:
        """Return which linkUrls can be clicked: those that are still to be used, as many as a sheet takes."""
        urls = frame.get_column("link_url")
        is_link = urls.str.contains(_LINK) & (urls.str.len_bytes() <= MAX_LINK_CHARACTERS)
        if self._kind.has_states:
            is_link &= frame.get_column("state") == State.LINK_READY
            is_link &= frame.get_column("link_expires_at") > self._now
        is_link = is_link.fill_null(value=False)
        is_clickable = is_link & (is_link.cum_sum() + self._links <= self._limits.links)
        self._links += int(is_clickable.sum())
        self._unclickable += int((is_link & ~is_clickable).sum())
        return is_clickable


def _styled(values: pl.Series, styles: Mapping[str, str] | Mapping[bool, str], other: str) -> pl.Series:
    return values.replace_strict(dict(styles), default=other, return_dtype=pl.String)


def _titles(frame: pl.DataFrame) -> pl.DataFrame:
    return pl.DataFrame([pl.Series(str(place), [name]) for place, name in enumerate(frame.columns)])


def _widths(frame: pl.DataFrame) -> list[int]:
    """Return each column the width of what it is known to hold or the first rows have, in characters."""
    found = []
    for column in frame.iter_columns():
        longest = max([len(column.name) + 2, *map(len, column.cast(pl.String).drop_nulls())]) + 2
        found.append(max(min(longest, _WIDEST), _WIDTHS.get(column.name, 0)))
    return found
