"""The first sheet of the workbook: how the batch stands, in the words and numbers of the page and the console."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from bulk.model import State
from bulk.reports.figures import Figures
from bulk.reports.summary import advice, funnel, narrative
from bulk.reports.summary.commands import BatchLocation
from bulk.reports.summary.quota import quota as quota_of
from bulk.text import time

ACCENT: Final = "#1F4E79"
GREY: Final = "#595959"
TEXT: Final[dict[str, object]] = {"num_format": "@"}  # what is typed over an 00123 or an =1+1 stays text as well
NUMBER: Final[dict[str, object]] = {"num_format": "0", "align": "right", "indent": 1}
COLOURS: Final[Mapping[State, dict[str, object]]] = MappingProxyType(
    {
        State.REJECTED: {"bg_color": "#F3E0EC", "font_color": "#74194F"},
        State.PENDING: {"bg_color": "#EAEAEA", "font_color": "#404040"},
        State.FAILED: {"bg_color": "#FADFDB", "font_color": "#8A1C0E"},
        State.LINK_READY: {"bg_color": "#FFF2CC", "font_color": "#654A00"},
        State.LINKED: {"bg_color": "#DCE9F7", "font_color": "#1B4A7A"},
        State.COMPLETE: {"bg_color": "#DDF0DF", "font_color": "#1C5A2A"},
        State.UNLINKED: {"bg_color": "#E7E2F2", "font_color": "#483576"},
    }
)

_SHEET: Final = "Summary"
_LABEL_WIDTH: Final = 30  # of the first column, in characters
_WIDTH: Final = 12  # of the others
_LAST: Final = 6  # the last column of the tables; the chart stands right of it
_POINTS: Final = 11  # of the font, where a format names none
_LINE_PIXELS: Final = 20  # of such a font
_HIGHEST_PIXELS: Final = 540  # Excel takes 409 points
_UNKNOWN: Final = "not known"
_CHART_WIDTH_PIXELS: Final = 560
_CHART_HEIGHT_PIXELS: Final = 320

_FORMATS: Final[Mapping[str, dict[str, object]]] = MappingProxyType(
    {
        "title": TEXT | {"bold": True, "font_size": 20, "font_color": ACCENT},
        "lead": TEXT | {"font_size": 13, "text_wrap": True, "valign": "top"},
        "heading": TEXT | {"bold": True, "font_size": 13, "font_color": ACCENT},
        "header": TEXT | {"bold": True, "bottom": 1, "bottom_color": ACCENT, "text_wrap": True, "valign": "bottom"},
        "figure header": TEXT
        | {"bold": True, "bottom": 1, "bottom_color": ACCENT, "align": "right", "text_wrap": True, "valign": "bottom"},
        "text": TEXT | {"text_wrap": True, "valign": "top"},
        "label": TEXT | {"bold": True, "valign": "top"},
        "quiet": TEXT | {"text_wrap": True, "valign": "top", "font_color": GREY},
        "words": TEXT | {"text_wrap": True, "valign": "top", "font_color": GREY, "align": "left", "indent": 1},
        "words header": TEXT | {"bold": True, "bottom": 1, "bottom_color": ACCENT, "align": "left", "indent": 1},
        "number": {"num_format": "#,##0", "valign": "top"},
        "fact": {"num_format": "#,##0", "valign": "top", "align": "left"},
        "share": {"num_format": "0.0%", "valign": "top"},
    }
)


def fill(book: Any, sheet: Any, figures: Figures, location: BatchLocation, notes: Sequence[str]) -> None:
    """Write the sheet, from the top to the bottom. `notes`: what the other sheets could not hold."""
    summary = figures.summary
    title = plain(f"{summary.batch}: results")
    book.set_properties({"title": title, "created": figures.at})
    page = _Page(book, sheet)
    page.say("title", summary.batch)
    page.say("lead", narrative.headline(figures))
    page.say("quiet", narrative.last_run(figures))
    page.skip()
    run = figures.last_run
    page.facts(
        {
            "As of": time(figures.at),
            "Input": summary.input or _UNKNOWN,
            "Version": f"bulk {run.version}" if run else _UNKNOWN,
        }
    )
    top = page.row
    _states(page, figures)
    _funnel(page, figures, top)
    if figures.since is not None:
        _changes(page, figures)
    _platforms(page, figures)
    _quota(page, figures)
    _next_steps(page, figures, location)
    if notes:
        page.heading("Notes")
        for note in notes:
            page.say("text", note)


def plain(text: str) -> str:
    """Return a text that UTF-8 can hold: the path of a file need not be one."""
    return text.encode("utf-8", "replace").decode()


class _Page:
    """The sheet and the row that is filled next; rows above it are gone for good."""

    def __init__(self, book: Any, sheet: Any) -> None:
        self.book, self.sheet, self.row = book, sheet, 0
        self.formats = {name: book.add_format(properties) for name, properties in _FORMATS.items()}
        self.states = {str(state): book.add_format(TEXT | colours) for state, colours in COLOURS.items()}
        sheet.hide_gridlines(2)
        sheet.set_column(0, 0, _LABEL_WIDTH)
        sheet.set_column(1, _LAST, _WIDTH)
        sheet.set_column(_LAST + 1, _LAST + 1, 3)

    def skip(self) -> None:
        """Leave a row empty."""
        self.row += 1

    def say(self, style: str, text: str) -> None:
        """Fill a row with a text, over the whole width of the tables."""
        self._spread(0, style, text)
        self.row += 1

    def heading(self, text: str) -> None:
        """Begin a part."""
        self.skip()
        self.say("heading", text)

    def facts(self, facts: Mapping[str, str | int | None]) -> None:
        """Write a row for each fact: its name, and what it is."""
        for name, value in facts.items():
            self.text(0, "label", name)
            if isinstance(value, int):
                self.sheet.write_number(self.row, 1, value, self.formats["fact"])
            else:
                self._spread(1, "text", _UNKNOWN if value is None else value)
            self.row += 1

    def more(self, text: str) -> None:
        """Write a row of what there is to say about the fact before it."""
        self._spread(1, "quiet", text)
        self.row += 1

    def header(self, texts: Sequence[str], *, words: str = "") -> None:
        """Write a table's header: a text column, then columns of figures, then perhaps one of words."""
        self.text(0, "header", texts[0])
        for column, text in enumerate(texts[1:], 1):
            self.text(column, "figure header", text)
        if words:
            self._spread(len(texts), "words header", words)
        lines = max(_lines(text, _WIDTH) for text in texts[1:])
        self.sheet.set_row_pixels(self.row, lines * _LINE_PIXELS)
        self.row += 1

    def line(self, name: str, figures: Sequence[float], *, words: str = "", style: Any = None) -> None:
        """Write a row of a table; a float is a share."""
        self.sheet.write_string(self.row, 0, plain(name), style or self.formats["text"])
        for column, figure in enumerate(figures, 1):
            kind = "share" if isinstance(figure, float) else "number"
            self.sheet.write_number(self.row, column, figure, self.formats[kind])
        if words:
            self._spread(len(figures) + 1, "words", words)
        self.row += 1

    def text(self, column: int, style: str, text: str) -> None:
        """Write one cell of the row."""
        self.sheet.write_string(self.row, column, plain(text), self.formats[style])

    def _spread(self, first: int, style: str, text: str) -> None:
        """Write a text over the columns from this one on, and make the row high enough."""
        text, size = plain(text), float(self.formats[style].font_size)
        width = (_LABEL_WIDTH if not first else 0) + _WIDTH * (_LAST + 1 - max(first, 1))
        lines = _lines(text, int(width * _POINTS / size))
        self.sheet.set_row_pixels(self.row, min(round(lines * _LINE_PIXELS * size / _POINTS), _HIGHEST_PIXELS))
        self.sheet.merge_range(self.row, first, self.row, _LAST, "", self.formats[style])
        self.sheet.write_string(self.row, first, text, self.formats[style])


def _lines(text: str, width: int) -> int:
    """Count the lines that a text takes; wrapping leaves a bit of each empty."""
    return sum(max(math.ceil(len(part) / (width * 0.95)), 1) for part in text.split("\n"))


def _states(page: _Page, figures: Figures) -> None:
    page.heading("States")
    page.header(["State", "Rows", "Share"], words="Meaning")
    for row in funnel.states(figures):
        page.line(row.state, [row.rows, row.share], words=row.meaning, style=page.states[row.state])


def _funnel(page: _Page, figures: Figures, top: int) -> None:
    stages = funnel.funnel(figures)
    page.heading("Funnel")
    page.header(["Stage", "Rows", "Share"], words="Got no further")
    first = page.row
    for stage in stages:
        words = "; ".join(f"{loss.rows:,} {loss.state}: {loss.meaning}" for loss in stage.losses)
        page.line(stage.name, [stage.rows, stage.share], words=words)
    chart = page.book.add_chart({"type": "bar"})
    chart.add_series(
        {
            "name": "Rows",
            "categories": [_SHEET, first, 0, page.row - 1, 0],
            "values": [_SHEET, first, 1, page.row - 1, 1],
            # The rows are written and gone, so XlsxWriter cannot look up what viewers show that do not calculate.
            "categories_data": [stage.name for stage in stages],
            "values_data": [stage.rows for stage in stages],
            "fill": {"color": ACCENT},
            "gap": 45,
            "data_labels": {"value": True, "num_format": "#,##0", "font": {"color": "#404040", "size": 10}},
        }
    )
    chart.set_title({"name": "How far the rows have got", "name_font": {"size": 13, "bold": True, "color": ACCENT}})
    chart.set_legend({"none": True})
    chart.set_y_axis({"reverse": True, "line": {"none": True}, "major_tick_mark": "none", "num_font": {"size": 10}})
    chart.set_x_axis({"visible": False, "major_gridlines": {"visible": False}, "min": 0})
    chart.set_chartarea({"border": {"color": "#D9D9D9"}})
    chart.set_size({"width": _CHART_WIDTH_PIXELS, "height": _CHART_HEIGHT_PIXELS})
    page.sheet.insert_chart(
        top + 1,
        _LAST + 2,
        chart,
        {"object_position": 2, "description": "Bars: how many rows have got to each stage of the funnel"},
    )


def _changes(page: _Page, figures: Figures) -> None:
    page.heading(f"Changed since {time(figures.since)}" if figures.since else "")
    changes = funnel.changes(figures)
    if not changes:
        page.say("text", "Nothing has changed.")
        return
    page.header(["Change", "Customers"])
    for change, customers in changes:
        page.line(change, [customers])


def _platforms(page: _Page, figures: Figures) -> None:
    platforms = funnel.platforms(figures)
    if not platforms:
        return
    page.heading("Platforms")
    page.header(["Platform", *funnel.STAGES[1:], "authorized"])
    for each in platforms:
        page.line(each.name, [*each.reached, each.authorized / each.customers if each.customers else 0.0])


def _quota(page: _Page, figures: Figures) -> None:
    quota = quota_of(figures)
    page.heading("Quota")
    page.facts(
        {
            "Requests a day": quota.limit,
            "Used": quota.used,
            "Left": quota.left,
            "Was reset" if quota.is_over else "Resets": time(quota.resets_at) if quota.resets_at else None,
            "Still to send": quota.to_do,
            "Days needed": quota.days,
        }
    )


def _next_steps(page: _Page, figures: Figures, location: BatchLocation) -> None:
    page.heading("Next")
    steps: Iterable[advice.NextStep] = tuple(advice.next_steps(figures, location))
    for step in steps:
        page.facts({step.title: step.what})
        page.more(step.why)
        if step.command not in ("", step.what):
            page.more(step.command)
    if not steps:
        page.say("text", "Nothing is to be done.")
