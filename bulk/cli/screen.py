"""Shares the lines of a screen among sections, each of which has a title and items of one or several lines. PURE."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

MAX_LINES = 50


@dataclass(frozen=True, slots=True)
class Item:
    """Something to show, and how many rows it concerns. `brief` has one line on a wide screen, `full` has all."""

    rows: int
    brief: str
    full: str


@dataclass(frozen=True, slots=True)
class Section:
    """A title, the items below it, and a function that returns a line about the items that do not fit.

    With `shows_all`, each item has at least its brief text, whatever the length.
    """

    title: str
    items: Sequence[Item] = ()
    others: Callable[[Sequence[Item]], str] = lambda _: ""
    shows_all: bool = False


@dataclass(slots=True)
class _Shown:
    """How much of a section is shown: its first items, some of them in full."""

    section: Section
    items: int
    full: frozenset[int] = frozenset()

    def lines(self) -> Iterator[str]:
        """Yield the texts of the section."""
        items = self.section.items
        # A line about one other item would take the place of the item itself.
        end = len(items) if self.items == len(items) - 1 else self.items
        if self.section.title:
            yield self.section.title
        for place, item in enumerate(items[:end]):
            yield item.full if place in self.full else item.brief
        if end < len(items):
            yield self.section.others(items[end:])


def joined(sections: Sequence[Section]) -> str:
    """Return the sections that have a text, in the greatest detail with which all of them fit on a screen.

    Of the items to show in full, those of sections with `shows_all` come first, then those that concern the most rows.
    """
    shown = [_Shown(each, len(each.items) if each.shows_all else min(1, len(each.items))) for each in sections]
    for number in range(2, max((len(each.section.items) for each in shown), default=0) + 1):
        for each in shown:
            if each.items == number - 1 < len(each.section.items):
                each.items = number
                if not _fits(shown):
                    each.items = number - 1
    items = [(each, place) for each in shown for place in range(min(each.items + 1, len(each.section.items)))]
    for each, place in sorted(items, key=lambda pair: _order(pair[0].section, pair[1])):
        before, each.full = each.full, each.full | {place}
        if not _fits(shown):
            each.full = before
    return _text(shown)


def _order(section: Section, place: int) -> tuple[bool, int]:
    return not section.shows_all, -section.items[place].rows


def _fits(shown: Sequence[_Shown]) -> bool:
    return _text(shown).count("\n") < MAX_LINES


def _text(shown: Sequence[_Shown]) -> str:
    return "\n\n".join(text for each in shown if (text := "\n".join(each.lines())))
