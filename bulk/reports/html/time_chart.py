"""Draws values over time, with a bar for each slice of a timeline. PURE."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from markupsafe import Markup

from bulk.reports.html.bar_chart import Chart
from bulk.reports.html.scales import levels, short_number, span, ticks
from bulk.reports.html.svg import (
    GAP,
    MIN_LENGTH,
    NARROW,
    WIDE,
    Layout,
    Series,
    element,
    legend,
    length,
    picture,
    rect,
    text,
)
from bulk.reports.summary.timeline import Slice, Timeline
from bulk.text import duration, percent, time

_MIN_SLICES: Final = 12  # that fill the width, so that a single minute does not look like the whole period
_HELD: Final = Series("on hold", "held", 0.4)

Values = Mapping[Series, Sequence[float]]
"""The values to draw: one for each slice. Later series are drawn over the first, of which they are a part."""


@dataclass(frozen=True, slots=True)
class _Plot:
    """The part of the picture with the bars."""

    left: float
    right: float
    top: float
    bottom: float
    begin: int  # minutes since 1970
    minutes: int  # from left to right
    highest: float

    @property
    def end(self) -> int:
        return self.begin + self.minutes

    def x(self, minute: float) -> float:
        return self.left + (self.right - self.left) * (minute - self.begin) / self.minutes

    def y(self, value: float) -> float:
        return self.bottom - (self.bottom - self.top) * value / self.highest

    def bar(self, first: float, last: float, value: float, *content: str) -> Markup:
        """Return the bar of a value between two minutes."""
        height = max(self.bottom - self.y(value), MIN_LENGTH)
        width = max(self.x(last) - self.x(first), MIN_LENGTH)
        return rect(self.x(first), self.bottom - height, width, height, *content)


def time_chart(title: str, note: str, timeline: Timeline, values: Values) -> Chart:
    """Draw values over time. `note` follows the highest value in the summary."""
    slices = timeline.slices
    maximum = max(next(iter(values.values())))
    averaged = f", averaged over {span(timeline.minutes)}" if timeline.minutes > 1 else ""
    held = f"; on hold for {duration(timeline.held.total_seconds())} in total" if timeline.held else ""
    period = f"from {time(slices[0].begin)} to {time(timeline.end or slices[-1].begin)}"
    summary = f"{title} {period}: at most {short_number(maximum)}{averaged}; {note}{held}."
    drawn = {series: numbers for series, numbers in values.items() if any(numbers)}
    wide, narrow = (_draw(timeline, drawn, layout, summary) for layout in (WIDE, NARROW))
    return Chart(f"{title}{averaged} (UTC)", summary, wide, narrow)


def _draw(timeline: Timeline, values: Values, layout: Layout, summary: str) -> Markup:
    is_held = any(each.held for each in timeline.slices)
    captions = [*values, _HELD] if is_held else [*values] if len(values) > 1 else []
    captions_drawn, below = legend(captions, layout)
    maximum = max(max(numbers) for numbers in values.values())
    marks = levels(maximum)
    highest = max(marks[-1], 1.1 * maximum)  # so that a hold is visible above the highest bar
    plot = _plot(timeline, marks, highest, layout, below + layout.font_size / 2)
    bars = [element("g", *_bars(timeline, numbers, plot), **series.paint) for series, numbers in values.items()]
    holds = element("g", *_holds(timeline, plot), **_HELD.paint)
    hints = element("g", *_hints(timeline, values, plot), fill="none", pointer_events="all")
    axes = [_rate_axis(marks, plot), _time_axis(plot, layout)]
    return picture(layout, plot.bottom + 2 * layout.font_size, summary, captions_drawn, *axes, holds, *bars, hints)


def _plot(timeline: Timeline, marks: Sequence[float], highest: float, layout: Layout, top: float) -> _Plot:
    # At least the width of `1,000`, so that the charts of a page begin at the same place.
    left = max(layout.text_width(label) for label in ("1,000", *map(short_number, marks))) + GAP
    right = layout.width - layout.text_width("00:00") / 2
    begin = int(timeline.slices[0].begin.timestamp()) // 60
    minutes = max(len(timeline.slices), _MIN_SLICES) * timeline.minutes
    return _Plot(left, right, top, top + layout.plot_height, begin, minutes, highest)


def _rate_axis(marks: Iterable[float], plot: _Plot) -> Markup:
    content = []
    for value in marks:
        y = length(plot.y(value))
        content.append(element("path", d=f"M{length(plot.left)} {y}H{length(plot.right)}", stroke="var(--line)"))
        content.append(text(plot.left - GAP, plot.y(value) + 4, short_number(value)))
    return element("g", *content, fill="var(--muted)", text_anchor="end")


def _time_axis(plot: _Plot, layout: Layout) -> Markup:
    y = plot.bottom + 1.5 * layout.font_size
    labels = ticks(plot.begin, plot.begin + plot.minutes, layout.max_ticks)
    return element(
        "g", *(text(plot.x(at), y, label) for at, label in labels), fill="var(--muted)", text_anchor="middle"
    )


def _bars(timeline: Timeline, numbers: Sequence[float], plot: _Plot) -> Iterator[Markup]:
    size = timeline.minutes
    for place, value in enumerate(numbers):
        if value:
            yield plot.bar(plot.begin + (place + 0.1) * size, plot.begin + (place + 0.9) * size, value)


def _holds(timeline: Timeline, plot: _Plot) -> Iterator[Markup]:
    """Yield bars for the slices with a hold. Neighbours share one bar, so that no seam is visible."""
    size = timeline.minutes
    for is_held, group in groupby(enumerate(timeline.slices), key=lambda placed: placed[1].held > 0):
        places = [place for place, _ in group]
        if is_held:
            yield plot.bar(plot.begin + places[0] * size, plot.begin + (places[-1] + 1) * size, plot.highest)


def _hints(timeline: Timeline, values: Values, plot: _Plot) -> Iterator[Markup]:
    """Yield an invisible bar with the numbers of each slice. It has full height, as a small bar is hard to point at."""
    size = timeline.minutes
    for place, each in enumerate(timeline.slices):
        hint = _hint(each, [(series, numbers[place]) for series, numbers in values.items()])
        if hint:
            first = plot.begin + place * size
            yield plot.bar(first, first + size, plot.highest, element("title", hint))


def _hint(slice_: Slice, values: Iterable[tuple[Series, float]]) -> str:
    (first, number), *others = values
    if not number and not slice_.held:
        return ""
    parts = "".join(f", {short_number(part)} of them {series.caption}" for series, part in others if part)
    held = f"; on hold for {percent(slice_.held)} of the time" if slice_.held else ""
    return f"{time(slice_.begin)}: {short_number(number)} {first.caption} per minute{parts}{held}"
