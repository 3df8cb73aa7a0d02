"""Errors are grouped by what to do about them."""

from __future__ import annotations

import pytest

from bulk.model import State
from bulk.problems import Problem, new
from bulk.reports.figures import Failure, ProblemRow
from bulk.reports.summary.error_groups import MAX_VALUES, conflict_groups, error_groups

from .sample_figures import LOCATION, failure, figures


@pytest.mark.parametrize(
    ("found", "title", "command"),
    [
        (failure(State.FAILED, "company", "400"), "Rejected by Codat (400)", "--retry-failed"),
        (failure(State.FAILED, "connection", "404"), "Rejected by Codat (404)", "--retry-failed"),
        (failure(State.FAILED, "company", "deleted", is_deleted=True), "Deleted in Codat", "--retry-failed"),
        (failure(State.FAILED, "partner", "deleted"), "Partner connection deleted in Codat", "bulk follow-up"),
        (failure(State.FAILED, "partner", "422"), "Partner connection rejected by Codat (422)", "bulk follow-up"),
        (failure(State.PENDING, "company", "500"), "Not finished (500)", "bulk migrate"),
        (failure(State.LINKED, "partner", "no answer"), "Partner connection not finished (no answer)", "follow-up"),
        (failure(State.LINK_READY, "link", "503"), "linkUrl not renewed (503)", "bulk links"),
        (failure(State.LINKED, "unlink", "500"), "Not unlinked (500)", ""),
        # also if another step failed before
        (failure(State.FAILED, "unlink", "400"), "Not unlinked (400)", ""),
        (failure(State.LINK_READY, "delete", "400"), "Not deleted (400)", "bulk undo reports/autumn"),
        (failure(State.FAILED, "link", "deleted", is_deleted=True), "Deleted in Codat", "--retry-failed"),
        (failure(State.LINK_READY, "delete", "linked"), "Kept by undo", ""),
    ],
)
def test_a_failure_has_a_remedy(found: Failure, title: str, command: str) -> None:
    """If a command helps, the remedy names it."""
    (group,) = error_groups(figures(failures=(found,)), [], LOCATION)
    assert group.title == title
    assert command in group.command
    assert bool(command) == bool(group.command)
    assert group.correlation_ids == ("correlation-id",)


def test_failures_with_the_same_remedy_are_one_group_and_the_largest_group_is_first() -> None:
    """Companies and connections belong together; different codes do not."""
    found = (
        failure(State.FAILED, "company", "400", customers=2),
        failure(State.FAILED, "connection", "400", customers=3),
        failure(State.FAILED, "company", "422", customers=9),
    )
    groups = error_groups(figures(failures=found), [], LOCATION)
    assert [(group.title, group.customers) for group in groups] == [
        ("Rejected by Codat (422)", 9),
        ("Rejected by Codat (400)", 5),
    ]


def rejected(row: int, *problems: Problem) -> ProblemRow:
    """Build a rejected row with these problems."""
    return ProblemRow(row, None, problems)


def test_rejected_rows_are_grouped_by_problem() -> None:
    """A row counts once for each of its problems. Parameters, such as the number of another row, make no group."""
    rows = [
        rejected(1, new("platform_unknown", "Zero", nearest=["Xero"]), new("email_invalid", "x")),
        rejected(2, new("platform_unknown", "FreeAgnt", nearest=["FreeAgent"])),
        rejected(3, new("customer_id_duplicate", "c", first_row=1)),
        rejected(4, new("customer_id_duplicate", "d", first_row=22)),
        rejected(6, new("customer_id_in_batch", "x")),
        rejected(7, new("too_few_cells", None, cells=3, expected=4)),
        rejected(8, new("too_many_cells", "y", cells=5, expected=4)),
    ]
    groups = error_groups(figures(), rows, LOCATION)
    assert {group.title.removeprefix("Invalid row: "): group.customers for group in groups} == {
        "platform is unknown or ambiguous": 2,
        "email is not an email address, so the customer has none": 1,
        "customer_id duplicates another row": 2,
        "customer_id is used by another row of this batch": 1,
        "row has too few cells": 1,
        "row has too many cells": 1,
    }
    assert all("rejects.csv" in group.remedy for group in groups)
    assert groups[0].examples[0].row == 1
    assert groups[0].examples[0].error.startswith('platform "Zero" is unknown or ambiguous: write "Xero"')


def test_a_group_is_split_by_the_values_of_the_cells() -> None:
    """The most frequent ones come first, each with its rows and its own remedy."""
    platforms = ["Sage", "Zero", "Sage", *(f"other {n}" for n in range(MAX_VALUES)), "Sage"]
    near = {"Sage": ["Sage Intacct"], "Zero": ["Xero"]}
    rows = [
        rejected(row, new("platform_unknown", name, nearest=near.get(name, [])))
        for row, name in enumerate(platforms, 1)
    ]
    (group,) = error_groups(figures(), rows, LOCATION)
    assert (group.key, group.customers, group.other_rows) == ("platform_unknown", len(rows), 2)
    assert [(each.value, each.rows) for each in group.values[:3]] == [("Sage", 3), ("Zero", 1), ("other 0", 1)]
    assert group.values[0].first_rows == (1, 3, len(rows))
    assert group.values[0].remedy == 'write "Sage Intacct", or a platformKey of four letters'
    assert sorted(group.rows) == [row.row for row in rows]


def test_a_group_whose_values_are_all_different_is_not_split() -> None:
    """Its examples show the values."""
    rows = [rejected(row, new("customer_id_too_long", f"{row}", max_characters=100)) for row in range(1, 6)]
    (group,) = error_groups(figures(), rows, LOCATION)
    assert (group.values, group.rows, len(group.examples)) == ((), (1, 2, 3, 4, 5), 3)


def test_the_rows_of_a_large_batch_are_not_all_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A page lists no more of them."""
    monkeypatch.setattr("bulk.reports.summary.error_groups.MAX_ROWS", 50)
    monkeypatch.setattr("bulk.reports.summary.error_groups._PART", 20)
    rows = (rejected(row, new("platform_missing", None)) for row in range(1, 91))
    (group,) = error_groups(figures(), rows, LOCATION)
    assert group.customers == 90
    assert 50 <= len(group.rows) <= 53
    assert list(group.rows) == list(range(1, len(group.rows) + 1))


def test_conflicts_are_grouped_by_kind_with_the_largest_group_first() -> None:
    """Each group says how to decide, and its examples have the rows' own sentences."""
    rows = [
        rejected(1, new("other_spelling", "1", found="001")),
        rejected(2, new("other_customer", "a", found="Acme")),
        rejected(5, new("other_customer", "b", found="Bolt")),
    ]
    groups = conflict_groups(rows)
    assert [(group.title, group.customers) for group in groups] == [
        ("customer_id already belongs to another customer", 2),
        ("customer_id is another spelling of an earlier identifier", 1),
    ]
    assert groups[0].remedy == "To decide: accept the rows (--accept-file) whose customers are the same."
    assert [example.row for example in groups[0].examples] == [2, 5]
    assert groups[1].examples[0].error.startswith('customer_id "1" is another spelling of "001"')
    assert conflict_groups([]) == ()
