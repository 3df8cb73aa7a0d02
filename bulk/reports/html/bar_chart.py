"""Draws rows of stacked bars. PURE.

Each bar has a name and a figure: to its left and right on a desktop, above it on a phone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from markupsafe import Markup

from bulk.reports.html.svg import (
    GAP,
    MIN_LENGTH,
    NARROW,
    WIDE,
    Layout,
    Series,
    element,
    fit,
    legend,
    picture,
    rect,
    text,
)

MAX_NAME: Final = 30  # characters
_MAX_HINT: Final = 200
_MAX_SUMMARY: Final = 1000
_TRACK: Final = Series("", "line")


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture for desktops and one for phones, with their title."""

    title: str
    summary: str  # one sentence for readers who do not see the picture
    wide: Markup  # an <svg>
    narrow: Markup


@dataclass(frozen=True, slots=True)
class Row:
    """One row: a value for each series, and the texts that appear when the pointer is on a bar."""

    name: str
    figure: str
    values: tuple[int, ...]
    hints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Plot:
    """The part of the picture with the bars."""

    left: float
    width: float
    full: int  # the value that fills the width

    def at(self, value: float) -> float:
        return self.left + self.width * value / self.full


def bar_chart(
    title: str, summary: str, rows: Sequence[Row], series: Sequence[Series], *, whole: int | None = None
) -> Chart:
    """Draw rows of bars. The full width is the value `whole` or, without it, the longest row."""
    summary = fit(summary, _MAX_SUMMARY)
    wide, narrow = (_draw(rows, series, layout, summary, whole) for layout in (WIDE, NARROW))
    return Chart(title, summary, wide, narrow)


def _draw(rows: Sequence[Row], series: Sequence[Series], layout: Layout, summary: str, whole: int | None) -> Markup:
    full = (max(sum(row.values) for row in rows) if whole is None else whole) or 1  # not 0, which would divide by zero
    plot = _plot(rows, layout, full)
    # With `whole`, each series has its own rows, and their names replace the legend.
    captions, top = legend(series if whole is None else (), layout)
    lines = []
    for place, row in enumerate(rows):
        y = top + place * layout.row_height
        track = [rect(plot.left, y + layout.bar_top, plot.width, layout.bar_height, **_TRACK.paint)]
        lines += [*(track if whole is not None else ()), *_bars(row, series, plot, y, layout)]
        lines += _labels(row, plot, y + layout.baseline, layout)
    return picture(layout, top + len(rows) * layout.row_height, summary, captions, *lines)


def _plot(rows: Sequence[Row], layout: Layout, full: int) -> _Plot:
    if layout.has_names_above:
        return _Plot(0, layout.width, full)
    left = max(layout.text_width(fit(row.name, MAX_NAME)) for row in rows) + GAP
    right = max(layout.text_width(row.figure) for row in rows) + GAP
    return _Plot(left, layout.width - left - right, full)


def _bars(row: Row, series: Sequence[Series], plot: _Plot, y: float, layout: Layout) -> list[Markup]:
    """Return the bars of a row, the first on top, so that the next one does not cover it if it is tiny."""
    starts = accumulate(row.values, initial=0)
    bars = []
    for each, start, value, hint in zip(series, starts, row.values, row.hints, strict=False):
        if value:
            width = max(plot.at(value) - plot.left, MIN_LENGTH)
            title = element("title", fit(hint, _MAX_HINT))
            bars.append(rect(plot.at(start), y + layout.bar_top, width, layout.bar_height, title, **each.paint))
    return bars[::-1]


def _labels(row: Row, plot: _Plot, y: float, layout: Layout) -> list[Markup]:
    right = plot.left + plot.width
    if layout.has_names_above:
        room = layout.letters_in(layout.width - layout.text_width(row.figure)) - 1
        name = text(0, y, fit(row.name, room), fill="var(--ink)")
        return [name, text(right, y, row.figure, fill="var(--muted)", text_anchor="end")]
    name = text(plot.left - GAP, y, fit(row.name, MAX_NAME), fill="var(--ink)", text_anchor="end")
    return [name, text(right + GAP, y, row.figure, fill="var(--muted)")]
