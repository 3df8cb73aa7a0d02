"""Groups of rows as text: each kind with its number of rows, and three of its values with three rows each. PURE."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bulk.cli.console import fit, paragraph, screen_width
from bulk.text import count

if TYPE_CHECKING:
    from bulk.input import Group
    from bulk.problem_groups import Value

WIDTH = 100  # columns
MAX_VALUE = 24  # columns of a value
MAX_TEXT = 240


@dataclass(frozen=True, slots=True)
class Detail:
    """The most groups of a section to show, and whether they have examples."""

    groups: int
    has_examples: bool = True


def section(title: str, groups: Sequence[Group], detail: Detail, *, are_names: bool = False) -> str:
    """Return the groups below their title, or "" if there are none. `are_names` shows how values change."""
    if not groups:
        return ""
    shown, others = groups[: detail.groups], groups[detail.groups :]
    left = sum(group.rows for group in others)
    size = len(f"{max(shown[0].rows, left):,}")
    lines = [line for group in shown for line in _group(group, size, detail, are_names=are_names)]
    if others:
        lines.append(f"  {left:>{size},}  of {count(len(others), 'other kind')}")
    return "\n".join((title, *lines))


def _group(group: Group, size: int, detail: Detail, *, are_names: bool) -> Iterator[str]:
    text = f"{group.sentence}; {group.remedy}" if group.remedy else group.sentence
    indent, width = " " * (size + 4), screen_width(WIDTH)
    yield paragraph(fit(text, MAX_TEXT), first=f"  {group.rows:>{size},}  ", indent=indent, width=width)
    if detail.has_examples:
        has_values = any(value.value is not None for value in group.values)
        examples = [_value(value, has_values=has_values, are_names=are_names) for value in group.values]
        if left := group.rows - sum(value.rows for value in group.values):
            examples.append(count(left, "other"))
        yield paragraph("; ".join(examples), first=indent, indent=indent, width=width)


def _value(value: Value, *, has_values: bool, are_names: bool) -> str:
    """Return the value of some rows, with their numbers and the texts that are theirs alone."""
    texts = [fit(text, MAX_TEXT) for text in (value.sentence, value.remedy) if text]
    shown = _quoted(value.value)
    if are_names:
        shown, texts = f"{shown} → {_quoted(value.sentence)}", []
    number = f"{value.rows:,} × " if value.rows > 1 else ""
    special = f": {'; '.join(texts)}" if texts else ""
    return f"{number}{shown} ({_rows(value)}{special})" if has_values else f"{_rows(value)}{special}"


def _rows(value: Value) -> str:
    """Return the numbers of the first rows. A customer that is gone from the input has none."""
    numbers = [str(row) for row in value.first_rows if row is not None] or ["gone"]
    more = ", …" if value.rows > len(value.first_rows) else ""
    return f"{'row' if value.rows == 1 else 'rows'} {', '.join(numbers)}{more}"


def _quoted(value: str | None) -> str:
    return "empty" if value is None else f'"{fit(value, MAX_VALUE)}"'
