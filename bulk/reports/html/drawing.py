"""How charts are drawn: bars beside each other and bars over time, for a desktop and for a phone. PURE.

pygal works out where bars, ticks and texts go. Of what it draws, only rectangles, lines and texts are taken over, into
a tree of our own: its styles, scripts, ids, addresses and comments with the date stay behind, so the same batch gives
the same bytes. Colours stand in attributes, as variables of the page: one picture serves light and dark, and there is
no style that could meet the styles of the page or of another chart.

A bar chart is rows of stacked bars, with a name and a figure beside each bar or, on a phone, above it. Names and
figures are the texts of two series without bars, before and after the others; no text moves a bar.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import accumulate, groupby, islice
from math import ceil, floor, log10
from types import MappingProxyType
from typing import Final
from unicodedata import east_asian_width
from xml.etree.ElementTree import Element, SubElement, tostring

import pygal
from markupsafe import Markup

from bulk.reports.summary.timeline import Slice, Timeline
from bulk.text import count, duration, percent, time

# For its maps, which nobody uses here, pygal leaves an import hook of a form that Python warns of.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

MAX_NAME: Final = 30  # letters

_FEWEST_SLICES: Final = 12  # that fill the width, so that a single minute does not look like all of the time
_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 7200, 14_400, 28_800)  # minutes
_DAY: Final = 1440  # minutes
_EM: Final = 0.6  # how wide a letter is for its size, in the widest of the usual fonts; pygal reckons with it too
_LEAST: Final = 2.0  # what little is at least as wide and high as
_LONGEST_HINT: Final = 200  # letters
_LONGEST_SUMMARY: Final = 1000
_GAP: Final = 8
_HOVER: Final = MappingProxyType({"fill": "none", "pointer-events": "all"})  # a small bar is hard to point at
_NO_TEXTS: Final[Mapping[int, Mapping[str, str]]] = MappingProxyType({})
_FREE: Final = 0.02  # the share of its plot that pygal leaves free on each side
_SVG: Final = "http://www.w3.org/2000/svg"


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture for a desktop and one for a phone, with their caption."""

    title: str
    summary: str  # in one sentence what is seen, for those who do not see it
    wide: Markup  # an <svg>
    narrow: Markup


@dataclass(frozen=True, slots=True)
class Part:
    """What a series of marks is: its words in the legend, its colour, and whether what is below shines through."""

    words: str
    colour: str
    opacity: str = "1"

    def paint(self) -> dict[str, str]:
        """Give the attributes that colour it."""
        opacity = {} if self.opacity == "1" else {"fill-opacity": self.opacity}
        return {"fill": f"var(--{self.colour})", **opacity}


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a bar chart: a value for each part, and what is said when one points at it."""

    name: str
    figure: str
    values: tuple[int, ...]
    hints: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Layout:
    """How much room there is. In the units of the picture, as all lengths here."""

    width: int
    height: int  # of a chart over time
    letter: int
    row: int  # height of a row of text, of bars, or of both
    ticks: int  # on the time axis, at most
    has_names_above: bool

    def text(self, text: str) -> float:
        """Guess how wide a text is."""
        return _letters(text) * self.letter * _EM


_WIDE: Final = _Layout(720, 200, 13, 28, 8, has_names_above=False)
_NARROW: Final = _Layout(340, 170, 12, 12, 4, has_names_above=True)


_TRACK: Final = Part("", "line")
_HELD: Final = Part("on hold", "held", "0.4")


def _letters(text: str) -> int:
    """Count how many Latin letters a text is wide."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def cut(text: str, letters: int) -> str:
    """Cut what comes from outside, and leave out what cannot be seen: it could turn the letters beside it around."""
    shown = "".join(islice(filter(str.isprintable, text), letters + 1))
    if _letters(shown) <= letters:
        return shown
    ends = accumulate(_letters(letter) for letter in shown)
    return f"{shown[: sum(end < letters for end in ends)]}…"


def bar_chart(
    title: str, summary: str, rows: Sequence[Row], parts: Sequence[Part], *, whole: int | None = None
) -> Chart:
    """Draw rows of bars. `whole`: what fills a row, and each part has rows of its own; else the longest bar does."""
    said = cut(summary, _LONGEST_SUMMARY)
    wide, narrow = (_bars(rows, parts, layout, said, whole) for layout in (_WIDE, _NARROW))
    return Chart(title, said, wide, narrow)


def _bars(rows: Sequence[Row], parts: Sequence[Part], layout: _Layout, summary: str, whole: int | None) -> Markup:
    is_above = layout.has_names_above
    full = (max(sum(row.values) for row in rows) if whole is None else whole) or 1  # of nothing: an empty row
    lines = [line for row in reversed(rows) for line in _lines(row, full, layout)]  # pygal begins at the bottom
    legend, below = _legend(parts if whole is None else (), layout)
    unused = -floor(_FREE * layout.width)
    chart = pygal.HorizontalStackedBar(
        _config(layout),
        height=round(len(lines) * layout.row + below),
        margin_top=below,
        margin_left=unused if is_above else max(layout.text(cut(row.name, MAX_NAME)) for row in rows) + _GAP,
        margin_right=unused if is_above else max(layout.text(row.figure) for row in rows) + _GAP,
        range=(0, full),
        show_x_labels=False,
        show_y_labels=False,
        print_labels=True,
    )
    for values in zip(*lines, strict=True):
        chart.add(None, values)
    rest = {len(parts) + 2: _TRACK.paint()} if whole is not None else {}
    marks = rest | {place: parts[place - 2].paint() for place in range(len(parts) + 1, 1, -1)}
    start, end = {"text-anchor": "start"}, {"text-anchor": "end"}
    names = (start | _shift(0, -3) if is_above else end | _shift(-_GAP, 0)) | {"fill": "var(--ink)"}
    figures = (end | _shift(0, -3) if is_above else start | _shift(_GAP, 0)) | {"fill": "var(--muted)"}
    return _picture(chart, layout, summary, legend, marks, {0: names, len(parts) + 3: figures})


def _shift(x: int, y: int) -> dict[str, str]:
    return {"transform": f"translate({x} {y})"}


def _lines(row: Row, full: int, layout: _Layout) -> Iterator[list[object]]:
    """Give what each series has in a row: name, room up to the figure, parts, rest, figure. From the bottom up."""
    hints = (cut(hint, _LONGEST_HINT) for hint in row.hints)
    bars = [{"value": n, "tooltip": hint} if n else None for n, hint in zip(row.values, hints, strict=True)]
    rest = full - sum(row.values) or None
    figure = {"value": 0, "label": row.figure}
    if layout.has_names_above:
        room = floor((layout.width - layout.text(row.figure)) / (layout.letter * _EM)) - 1
        yield [None] * (len(bars) + 4)  # keeps a bar with its text
        yield [None, None, *bars, rest, None]
        yield [{"value": 0, "label": cut(row.name, room)}, full, *([None] * len(bars)), None, figure]
    else:
        yield [{"value": 0, "label": cut(row.name, MAX_NAME)}, None, *bars, rest, figure]


def time_chart(what: str, told: str, timeline: Timeline, parts: Mapping[Part, Sequence[float]]) -> Chart:
    """Draw values over time, a bar for each slice; parts are drawn over what they are part of."""
    slices = timeline.slices
    most = max(next(iter(parts.values())))
    held = f"; on hold for {duration(timeline.held.total_seconds())} in all" if timeline.held else ""
    period = f"from {time(slices[0].begin)} to {time(timeline.end or slices[-1].begin)}"
    bound = "at most" if timeline.minutes == 1 else f"on average over {_span(timeline.minutes)} at most"
    summary = f"{what}, {period}: {bound} {_number(most)}; {told}{held}."
    each = f" by {_span(timeline.minutes)}" if timeline.minutes > 1 else ""
    shown = {part: values for part, values in parts.items() if any(values)}
    wide, narrow = (_over_time(timeline, shown, layout, summary) for layout in (_WIDE, _NARROW))
    return Chart(f"{what}{each} (UTC)", summary, wide, narrow)


def _over_time(timeline: Timeline, parts: Mapping[Part, Sequence[float]], layout: _Layout, summary: str) -> Markup:
    most = max(max(values) for values in parts.values())
    levels = _levels(most)
    top = max(levels[-1], 1.1 * most)  # so that a hold is seen above the highest bar
    room = layout.text("1,000") - max(layout.text(_number(level)) for level in levels)
    begin = int(timeline.slices[0].begin.timestamp()) // 60
    width = max(len(timeline.slices), _FEWEST_SLICES) * timeline.minutes
    is_held = any(each.held for each in timeline.slices)
    legend, below = _legend([*parts, _HELD] if is_held else [*parts] if len(parts) > 1 else [], layout)
    chart = pygal.Histogram(
        _config(layout),
        height=round(layout.height + below),
        margin_top=below + layout.letter / 2,
        margin_left=_GAP + max(room, 0),  # so that the charts of a page begin at the same place
        margin_right=layout.text("00:00") / 2,
        range=(0, top),
        y_labels=levels,
        x_labels=[{"value": at - begin, "label": label} for at, label in _ticks(begin, begin + width, layout.ticks)],
        truncate_label=-1,
    )
    chart.add(None, [(0, 0, width)])
    for values in _series_over_time(timeline, parts, top):
        chart.add(None, values)
    paints = [_HELD.paint(), *(part.paint() for part in parts), _HOVER]
    return _picture(chart, layout, summary, legend, dict(enumerate(paints, 1)))


def _series_over_time(
    timeline: Timeline, parts: Mapping[Part, Sequence[float]], top: float
) -> Iterator[Sequence[object]]:
    """Give the holds, each part, and what is to be pointed at; in the height, and from when to when they are drawn."""
    size = timeline.minutes
    yield [(top, first * size, end * size) for first, end in _held(timeline.slices)]
    for values in parts.values():
        yield [(value, (n + 0.1) * size, (n + 0.9) * size) for n, value in enumerate(values) if value]
    said = [_about_slice(each, [(part, parts[part][n]) for part in parts]) for n, each in enumerate(timeline.slices)]
    yield [{"value": (top, n * size, (n + 1) * size), "tooltip": text} for n, text in enumerate(said) if text]


def _about_slice(slice_: Slice, values: Iterable[tuple[Part, float]]) -> str:
    (first, number), *others = values
    if not number and not slice_.held:
        return ""
    of_them = "".join(f", {_number(less)} of them {part.words}" for part, less in others if less)
    held = f"; on hold for {percent(slice_.held)} of the time" if slice_.held else ""
    return f"{time(slice_.begin)}: {_number(number)} {first.words} a minute{of_them}{held}"


def _held(slices: Iterable[Slice]) -> Iterator[tuple[int, int]]:
    """Give where holds begin and end, in slices; neighbours as one, so that no seam shows."""
    for is_held, group in groupby(enumerate(slices), key=lambda placed: placed[1].held > 0):
        places = [place for place, _ in group]
        if is_held:
            yield places[0], places[-1] + 1


def _levels(most: float) -> list[float]:
    """Give three to five round numbers from 0 up to what is not below the most."""
    size = 10.0 ** floor(log10(most / 4))
    step = next(step * size for step in (1, 2, 5, 10) if step * size >= most / 4)
    return [place * step for place in range(ceil(most / step) + 1)]


def _ticks(begin: int, end: int, most: int) -> Iterator[tuple[int, str]]:
    """Give round times, in minutes since 1970, with their labels: the day where one begins, and at the first."""
    step = next((step for step in _STEPS if (end - begin) / step <= most), _DAY * ceil((end - begin) / most / _DAY))
    first = -(-begin // step) * step
    for at in range(first, end + 1, step):
        moment = datetime.fromtimestamp(at * 60, UTC)
        day = f"{moment.day} {moment:%b}" if at == first or not at % _DAY else ""
        yield at, f"{day} {moment:%H:%M}".strip() if at % _DAY else day


def _span(minutes: int) -> str:
    for size, unit in ((_DAY, "day"), (60, "hour")):
        if not minutes % size:
            return unit if minutes == size else count(minutes // size, unit)
    return count(minutes, "minute")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 or value == round(value) else f"{value:.2g}"


def _legend(parts: Iterable[Part], layout: _Layout) -> tuple[Element, float]:
    """Draw the words of the parts, each beside its colour, and say how high that is. pygal sets them in columns."""
    legend = Element("g", {"fill": "var(--muted)"})
    x, y, height, box = 0.0, 0.0, 0.0, layout.letter - 3
    for part in parts:
        width = box + layout.text(part.words) + _GAP
        if x + width > layout.width:
            x, y = 0.0, y + 1.5 * layout.letter
        square = {"x": x, "y": y, "width": box, "height": box}
        SubElement(legend, "rect", {name: _short(value) for name, value in square.items()} | part.paint())
        SubElement(legend, "text", {"x": _short(x + box + 5), "y": _short(y + box)}).text = part.words
        x += width + _GAP
        height = y + layout.letter + _GAP
    return legend, height


def _config(layout: _Layout) -> pygal.Config:
    style = pygal.style.Style(label_font_size=layout.letter, value_font_size=layout.letter)
    return pygal.Config(
        width=layout.width,
        margin=0,
        css=(),
        js=(),
        style=style,
        value_formatter=_number,
        show_legend=False,
        strict=True,
    )


def _picture(
    chart: pygal.Graph,
    layout: _Layout,
    summary: str,
    legend: Element,
    marks: Mapping[int, Mapping[str, str]],
    texts: Mapping[int, Mapping[str, str]] = _NO_TEXTS,
) -> Markup:
    """Take over of pygal's drawing the marks and texts of these series, with these attributes, the last on top."""
    drawn = chart.render_tree()
    groups = {group.get("class"): group for group in drawn.find("g").findall("g")}
    plot, words = groups["plot"], groups["plot text-overlay"]
    head = {"xmlns": _SVG, "viewBox": drawn.get("viewBox"), "role": "img", "aria-label": summary}
    picture = Element("svg", head | {"font-size": str(layout.letter)})
    if len(legend):
        picture.append(legend)
    art = SubElement(picture, "g", {"transform": plot.get("transform")})
    art.extend(_axis(group) for group in plot.findall("g") if "axis" in group.get("class"))
    series = [group for group in plot.findall("g") if "series" in group.get("class")]
    for place, attributes in marks.items():
        art.append(_bars_of(series[place], attributes))
    for place, attributes in texts.items():
        art.append(_texts_of(words.findall("g")[place], attributes))
    return Markup(tostring(picture, encoding="unicode"))  # noqa: S704 - ElementTree has escaped every text


def _axis(drawn: Element) -> Element:
    """Take over the texts of an axis, and the lines of the one that goes up."""
    goes_up = "y" in drawn.get("class", "").split()
    axis = Element("g", {"fill": "var(--muted)", "text-anchor": "end" if goes_up else "middle"})
    for line in drawn.iter("path") if goes_up else ():
        SubElement(axis, "path", {"d": _short(line.get("d")), "stroke": "var(--line)"})
    for text in drawn.iter("text"):
        SubElement(axis, "text", _where(text)).text = text.text
    return axis


def _bars_of(drawn: Element, attributes: Mapping[str, str]) -> Element:
    """Take over a series of bars. Little is drawn as large as can still be seen."""
    bars = Element("g", dict(attributes))
    for group in drawn.iter("g"):
        rectangle, title = group.find("rect"), group.find("title")
        if rectangle is None:
            continue
        x, y, width, height = (float(rectangle.get(name, 0)) for name in ("x", "y", "width", "height"))
        bottom, width, height = y + height, max(width, _LEAST), max(height, _LEAST)
        sides = {"x": x, "y": bottom - height, "width": width, "height": height}
        bar = SubElement(bars, "rect", {name: _short(side) for name, side in sides.items()})
        if title is not None:
            SubElement(bar, "title").text = title.text
    return bars


def _texts_of(drawn: Element, attributes: Mapping[str, str]) -> Element:
    texts = Element("g", dict(attributes))
    for text in drawn.iter("text"):
        SubElement(texts, "text", _where(text)).text = text.text
    return texts


def _where(drawn: Element) -> dict[str, str]:
    return {name: _short(drawn.get(name, "0")) for name in ("x", "y")}


def _short(length: float | str | None) -> str:
    """Write a length, or all those in a path, to a tenth: nobody sees more of it."""
    return re.sub(r"-?\d+\.\d+", lambda number: f"{float(number[0]):.1f}".removesuffix(".0"), str(length))
