"""Builds SVG as text: elements, lengths and texts. PURE.

Every text and attribute is escaped here. Colours are variables of the page's style sheet, so the same picture works in
light and dark mode.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from bulk.text import display_width, shorten_to_width

GAP: Final = 8
MIN_LENGTH: Final = 2.0  # of a bar, so that a small value is visible

_EM: Final = 0.6  # width of a letter relative to the font size, in the widest of the common fonts


@dataclass(frozen=True, slots=True)
class Series:
    """Bars with the same meaning: their caption in the legend, and their colour, a variable of the page."""

    caption: str
    colour: str
    opacity: float = 1

    @property
    def paint(self) -> dict[str, str | float]:
        """The attributes that colour the bars."""
        fill: dict[str, str | float] = {"fill": f"var(--{self.colour})"}
        return fill if self.opacity == 1 else fill | {"fill_opacity": self.opacity}


@dataclass(frozen=True, slots=True)
class Layout:
    """The measures of a picture, in its own units."""

    width: int
    font_size: int
    row_height: int  # of a bar chart: a row with its bar and its texts
    baseline: int  # of the texts, from the top of the row
    bar_top: int
    bar_height: int
    has_names_above: bool  # above the bars; otherwise to the left of them
    plot_height: int  # of a chart over time
    max_ticks: int  # on its time axis

    def text_width(self, text: str) -> float:
        """Return the maximum width of a text."""
        return display_width(text) * self.font_size * _EM

    def letters_in(self, width: float) -> int:
        """Return the number of Latin letters that fit a width."""
        return int(width / (self.font_size * _EM))


WIDE: Final = Layout(720, 13, 28, 19, 2, 24, has_names_above=False, plot_height=180, max_ticks=8)
NARROW: Final = Layout(340, 12, 36, 13, 18, 10, has_names_above=True, plot_height=150, max_ticks=4)


def element(name: str, *content: str, **attributes: str | float) -> Markup:
    """Return an element. Numbers are rounded to a tenth; the attribute `text_anchor` becomes `text-anchor`."""
    start = "".join(
        f' {key.replace("_", "-")}="{escape(value) if isinstance(value, str) else length(value)}"'
        for key, value in attributes.items()
    )
    return Markup(f"<{name}{start}>{''.join(map(escape, content))}</{name}>")  # noqa: S704 - escaped in these lines


def length(value: float) -> str:
    """Format a length to a tenth, because finer differences are invisible."""
    return f"{value:.1f}".removesuffix(".0")


def rect(x: float, y: float, width: float, height: float, *content: str, **attributes: str | float) -> Markup:
    """Return a rectangle."""
    return element("rect", *content, x=x, y=y, width=width, height=height, **attributes)


def text(x: float, y: float, words: str, **attributes: str | float) -> Markup:
    """Return a text. `y` is its baseline."""
    return element("text", words, x=x, y=y, **attributes)


def legend(series: Iterable[Series], layout: Layout) -> tuple[Markup, float]:
    """Return the legend, with each caption and its colour, and its height."""
    content, x, y, box, height = [], 0.0, 0.0, layout.font_size - 3, 0.0
    for each in series:
        width = box + layout.text_width(each.caption) + GAP
        if x + width > layout.width:
            x, y = 0.0, y + 1.5 * layout.font_size
        content += [rect(x, y, box, box, **each.paint), text(x + box + 5, y + box, each.caption)]
        x += width + GAP
        height = y + layout.font_size + GAP
    return element("g", *content, fill="var(--muted)"), height


def picture(layout: Layout, height: float, summary: str, *content: str) -> Markup:
    """Return a whole picture. Screen readers read `summary`."""
    box = f"0 0 {layout.width} {length(height)}"
    attributes = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": box, "role": "img", "aria_label": summary}
    return element("svg", *content, **attributes, font_size=layout.font_size)


def fit(words: str, letters: int) -> str:
    """Shorten a text to a width in letters, and remove invisible characters, which could reverse other texts."""
    return shorten_to_width("".join(filter(str.isprintable, words)), letters)
