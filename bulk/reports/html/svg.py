"""SVG as text: elements, lengths and words. PURE.

Every text and attribute is escaped here. Colours are variables of the page's style sheet, so one picture serves light
and dark.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup, escape

from bulk.text import display_width, shorten_to_width

GAP: Final = 8
MIN_LENGTH: Final = 2.0  # of a bar: a small value stays visible

_EM: Final = 0.6  # width of a letter relative to the font size, in the widest of the usual fonts


@dataclass(frozen=True, slots=True)
class Series:
    """Bars of one meaning: their caption in the legend, and their colour, a variable of the page."""

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
    """The room in a picture, in its own units."""

    width: int
    font_size: int
    row_height: int  # of a bar chart: a row with its bar and its texts
    baseline: int  # of the texts, from the top of the row
    bar_top: int
    bar_height: int
    has_names_above: bool  # the bars; otherwise the names are left of them
    plot_height: int  # of a chart over time
    max_ticks: int  # on its time axis

    def text_width(self, text: str) -> float:
        """Return the width that a text has at most."""
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
    """Return a length to a tenth: nobody sees more of it."""
    return f"{value:.1f}".removesuffix(".0")


def rect(x: float, y: float, width: float, height: float, *content: str, **attributes: str | float) -> Markup:
    """Return a rectangle."""
    return element("rect", *content, x=x, y=y, width=width, height=height, **attributes)


def text(x: float, y: float, words: str, **attributes: str | float) -> Markup:
    """Return words; `y` is their baseline."""
    return element("text", words, x=x, y=y, **attributes)


def legend(series: Iterable[Series], layout: Layout) -> tuple[Markup, float]:
    """Return each caption with its colour, and the height that this takes."""
    found, x, y, box, height = [], 0.0, 0.0, layout.font_size - 3, 0.0
    for each in series:
        width = box + layout.text_width(each.caption) + GAP
        if x + width > layout.width:
            x, y = 0.0, y + 1.5 * layout.font_size
        found += [rect(x, y, box, box, **each.paint), text(x + box + 5, y + box, each.caption)]
        x += width + GAP
        height = y + layout.font_size + GAP
    return element("g", *found, fill="var(--muted)"), height


def picture(layout: Layout, height: float, summary: str, *content: str) -> Markup:
    """Return a whole picture. `summary` is read to those who do not see it."""
    box = f"0 0 {layout.width} {length(height)}"
    attributes = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": box, "role": "img", "aria_label": summary}
    return element("svg", *content, **attributes, font_size=layout.font_size)


def fit(words: str, letters: int) -> str:
    """Shorten a text to a width in letters, without invisible characters: they could reverse other texts."""
    return shorten_to_width("".join(filter(str.isprintable, words)), letters)
