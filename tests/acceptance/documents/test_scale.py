"""The figures of docs/scale.md match `check`."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl

from acceptance.documents.commands import read
from bulk.api import CheckResult, Linking
from bulk.text import duration

TEXT = read("docs/scale.md")
LINKED = (0, 9, 99)
SOME = Linking(0.1, 7)


def checked(customers: int) -> CheckResult:
    """Return what `check` finds in a file of this many valid rows."""
    return CheckResult(Path(), customers, 0, {}, pl.DataFrame(), pl.DataFrame(), (), 1000)


def rows(first: str) -> list[list[str]]:
    """Return the cells of the table whose header begins so."""
    header = TEXT.index(f"| {first}")
    table = TEXT[header:].partition("\n\n")[0].splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table[2:]]


def test_the_days_of_the_table_are_those_that_check_forecasts() -> None:
    """For a quota that stays, and for one that grows."""
    table = rows("customers | requests | time at")
    assert [cells[0] for cells in table] == ["1,000", "100,000", "1,000,000", "10,000,000"]
    for customers, requests, time, *days in table:
        found = checked(int(customers.replace(",", "")))
        cases = [(linked, linking) for linked in LINKED for linking in (Linking(0.0), SOME)]
        fewest = found.cost(linked=1439)
        assert requests == f"{fewest.requests:,}"
        assert duration(fewest.minutes * 60).startswith(time)
        assert days[-1] == f"{fewest.days:,}"
        for (linked, linking), cell in zip(cases, days[:-1], strict=True):
            if cell != "–":  # more than 20,000 years
                assert cell == f"{found.cost(linked=linked, linking=linking).days:,}"


def test_the_example_by_hand_comes_to_the_same_days() -> None:
    """5,000 customers, 1% within 5 days: the last line is the last day."""
    table = rows("day | linked | quota")
    cost = checked(5_000).cost(linking=Linking(0.01, 5))
    assert len(table) == cost.days
    sent = [int(re.sub(r"\D.*", "", cells[3].replace(",", "").removeprefix("the last "))) for cells in table]
    assert sum(sent) == cost.requests


def test_the_middle_of_a_hundred_is_near_the_forecast() -> None:
    """The forecasts of the table of chances are those of `check`."""
    for what, reported, *_ in rows("1,000,000 customers | forecast"):
        linked, share, within = map(int, re.findall(r"\d+", what))
        cost = checked(1_000_000).cost(linked=linked, linking=Linking(share / 100, within))
        assert reported == f"{cost.elapsed:.2f}", what
