"""Groups of rows as text: each kind with its number of rows, and three of its values with three rows each. PURE."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from bulk.cli.console import fit, paragraph, screen_width
from bulk.cli.screen import Item, Section
from bulk.text import count, display_width, with_codes

if TYPE_CHECKING:
    from bulk.input import Group
    from bulk.problem_groups import Value

WIDTH = 100  # columns
MAX_VALUE = 24  # columns of a value
MAX_TEXT = 240


def section(title: str, groups: Sequence[Group], *, are_names: bool = False, shows_all: bool = False) -> Section:
    """Return the groups below their title, or nothing if there are none. `are_names` shows how values change."""
    if not groups:
        return Section("")
    size = len(f"{max(sum(group.rows for group in groups[1:]), groups[0].rows):,}")
    items = [_item(group, size, are_names=are_names) for group in groups]
    width = screen_width(WIDTH)
    return Section(paragraph(title, indent="  ", width=width), items, partial(_others, size), shows_all)


def _others(size: int, items: Sequence[Item]) -> str:
    return f"  {sum(item.rows for item in items):>{size},}  of {count(len(items), 'other kind')}"


def _item(group: Group, size: int, *, are_names: bool) -> Item:
    first, indent, width = f"  {group.rows:>{size},}  ", " " * (size + 4), screen_width(WIDTH)
    text = f"{group.sentence}; {group.remedy}" if group.remedy else group.sentence
    has_values = any(value.value is not None for value in group.values)
    texts = [_value(value, has_values=has_values, are_names=are_names) for value in group.values]
    values = paragraph(_series(texts, group), first=indent, indent=indent, width=width)
    full = paragraph(fit(text, MAX_TEXT), first=first, indent=indent, width=width) + "\n" + values
    brief = _brief(group, WIDTH - len(first), has_values=has_values, are_names=are_names)
    return Item(group.rows, paragraph(brief, first=first, indent=indent, width=width), full)


def _brief(group: Group, width: int, *, has_values: bool, are_names: bool) -> str:
    """Return a line with the sentence and as many values as fit into it, at least one."""
    for most in (MAX_VALUE, MAX_VALUE // 2):
        texts = [_shown(value, most, has_values=has_values, are_names=are_names) for value in group.values]
        for number in range(len(texts), 0, -1):
            line = f"{group.sentence}: {_series(texts[:number], group)}"
            if display_width(line) <= width:
                return line
    values = _series(texts[:1], group)
    return f"{fit(group.sentence, width - display_width(values) - 2)}: {values}"


def _series(texts: Sequence[str], group: Group) -> str:
    """Return the texts of the first values of a group, with the number of its other rows."""
    others = group.rows - sum(value.rows for value in group.values[: len(texts)])
    return "; ".join([*texts, count(others, "other")] if others else texts)


def _value(value: Value, *, has_values: bool, are_names: bool) -> str:
    """Return the value of some rows, with their numbers and the texts that are theirs alone."""
    shown = _shown(value, MAX_VALUE, has_values=has_values, are_names=are_names)
    texts = [] if are_names else [fit(text, MAX_TEXT) for text in (value.sentence, value.remedy) if text]
    special = f": {'; '.join(texts)}" if texts else ""
    return f"{shown[:-1]}{special})" if has_values else shown + special


def _shown(value: Value, width: int, *, has_values: bool, are_names: bool) -> str:
    """Return the value of some rows, in at most `width` columns, with their numbers."""
    if not has_values:
        return _rows(value)
    shown = _quoted(value.value, width)
    if are_names:
        shown = f"{shown} → {_quoted(value.sentence, width)}"
    number = f"{value.rows:,} × " if value.rows > 1 else ""
    return f"{number}{shown} ({_rows(value)})"


def _rows(value: Value) -> str:
    """Return the numbers of the first rows. A customer that is gone from the input has none."""
    numbers = [str(row) for row in value.first_rows if row is not None] or ["gone"]
    more = ", …" if value.rows > len(value.first_rows) else ""
    return f"{'row' if value.rows == 1 else 'rows'} {', '.join(numbers)}{more}"


def _quoted(value: str | None, width: int) -> str:
    return "empty" if value is None else f'"{fit(with_codes(value), width)}"'
