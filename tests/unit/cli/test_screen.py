"""Sections share the lines of a screen."""

from __future__ import annotations

import re

from bulk.cli.screen import MAX_LINES, Item, Section, joined


def items(name: str, *rows: int, full: int = 3) -> list[Item]:
    """Return items of one line, or with all their texts of `full` lines."""
    return [Item(each, f"{name}{n}", "\n".join([f"{name}{n} in full"] * full)) for n, each in enumerate(rows)]


def section(name: str, *rows: int, shows_all: bool = False, full: int = 3) -> Section:
    """Return a section with such items."""
    return Section(name, items(name, *rows, full=full), lambda others: f"{len(others)} others", shows_all)


def test_all_items_of_a_short_list_are_shown_in_full() -> None:
    """An empty section leaves no line."""
    shown = joined([section("a", 1), Section(""), section("b", 1), Section("end")])
    assert shown == "\n".join(["a", *["a0 in full"] * 3, "", "b", *["b0 in full"] * 3, "", "end"])


def test_the_items_with_the_most_rows_are_shown_in_full() -> None:
    """All others have their line."""
    shown = joined([section("a", *range(30), full=5), section("b", *range(8, 0, -1), full=5)]).split("\n")
    assert len(shown) <= MAX_LINES
    assert {line for line in shown if "in full" in line} == {"a29 in full", "a28 in full"}
    assert all(f"b{n}" in shown for n in range(8))


def test_a_section_that_shows_all_leaves_the_others_less() -> None:
    """Each of the others has an item and the number of the rest."""
    shown = joined([section("a", *[1] * 40, shows_all=True), section("b", *[9] * 20)]).split("\n")
    assert all(f"a{n}" in shown for n in range(40))
    assert shown[-1] == f"{20 - (len(shown) - 44)} others"
    assert len(shown) == MAX_LINES


def test_no_line_counts_a_single_item() -> None:
    """It would take the place of that item."""
    for number in range(1, 60):
        shown = joined([section("a", *[1] * number), section("b", *[1] * (60 - number))])
        assert len(shown.split("\n")) <= MAX_LINES
        assert not re.search(r"^1 others", shown, re.MULTILINE)


def test_many_problems_are_shown_beyond_the_screen() -> None:
    """None of them is hidden."""
    shown = joined([section("a", *[1] * 70, shows_all=True), section("b", 1, 1)])
    assert all(f"a{n}\n" in shown for n in range(70))
    assert shown.endswith("b1")
