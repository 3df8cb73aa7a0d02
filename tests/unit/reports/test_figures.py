"""The figures of a batch, read from real journals at one moment."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from bulk.journal import runs
from bulk.model import State
from bulk.reports.figures import Figures, LinkAges
from bulk.reports.figures_reader import conflict_rows, read_figures, rejected_rows
from bulk.reports.rows import Reader

from .journals import NOON, Journal


def figures(journal: Journal, *, at: datetime = NOON, since: datetime | None = None) -> Figures:
    """Read the figures, by default at noon."""
    with Reader(journal.path) as reader:
        return read_figures(reader, at=at, since=since)


@pytest.mark.parametrize(
    ("furthest", "values"),
    [
        # Codat has nothing
        (1, {"state": "pending", "company_id": None, "connection_id": None, "connection_status": None}),
        # rejected before there was a company
        (1, {"state": "failed", "company_id": None, "connection_id": None, "connection_status": None}),
        # the company was deleted in Codat
        (1, {"state": "failed", "connection_status": "Deleted", "error_step": "company"}),
        # its connection was rejected or deleted
        (2, {"state": "failed", "connection_id": None, "connection_status": None}),
        (2, {"state": "failed", "connection_status": "Deleted", "error_step": "connection"}),
        # it has a connection, linked or not
        (3, {}),
        (3, {"state": "unlinked", "connection_status": "Unlinked"}),
        (3, {"state": "unlinked", "connection_status": "Deauthorized", "partner_connection_id": "p"}),
        # authorized, even if the partner connection was rejected or deleted
        (4, {"state": "linked", "connection_status": "Linked"}),
        (4, {"state": "failed", "connection_status": "Linked", "error_step": "partner"}),
        (5, {"state": "complete", "connection_status": "Linked", "partner_connection_id": "p"}),
    ],
)
def test_the_stage_that_a_customer_has_reached(journal: Journal, furthest: int, values: dict[str, object]) -> None:
    """The present state of Codat decides, not an earlier one."""
    journal.source()
    journal.created(1, "a", **values)
    (group,) = figures(journal).groups
    assert (group.furthest, group.customers) == (furthest, 1)


def test_the_groups_add_up_to_the_rows_of_the_results(journal: Journal) -> None:
    """They include removed customers that Codat has, and exclude the other removed ones and hidden rejections."""
    journal.source()
    journal.created(1, "a")
    journal.created(2, "b", state="linked", connection_status="Linked", presence="removed")
    journal.customer(3, "c", presence="removed")
    journal.created(4, "d", presence="invalid")
    journal.rejection(4, customer_id="d", hidden=1)
    journal.rejection(5, customer_id="e")
    found = figures(journal)
    with Reader(journal.path) as reader:
        rows = sum(frame.height for frame in reader.results())
        assert [(row.row, row.customer_id) for row in rejected_rows(reader)] == [(5, "e")]
    assert sum(group.customers for group in found.groups) == rows - 1 == 3
    assert sum(found.summary.customers.values()) == rows


@pytest.mark.parametrize(
    ("issued", "expected"),
    [
        # issued this morning for a day: valid beyond today
        ("2026-11-23T10:00:00Z", LinkAges(1, 0, 0, 0, "2026-11-24T10:00:00Z")),
        # issued yesterday afternoon: expires today
        ("2026-11-22T15:00:00Z", LinkAges(0, 1, 0, 0, "2026-11-23T15:00:00Z")),
        # midnight is the end of today
        ("2026-11-23T00:00:00Z", LinkAges(0, 1, 0, 0, "2026-11-24T00:00:00Z")),
        # at the very moment it has expired
        ("2026-11-22T12:00:00Z", LinkAges(0, 0, 1, 0, None)),
        ("2026-11-20T15:00:00Z", LinkAges(0, 0, 1, 0, None)),
        # its renewal was interrupted
        (None, LinkAges(0, 0, 0, 1, None)),
    ],
)
def test_links_by_age(journal: Journal, issued: str | None, expected: LinkAges) -> None:
    """They are valid, expire today (UTC), are expired or missing."""
    journal.source()
    values = {"email": "a@example.com", "link_issued_at": issued}
    journal.created(1, "a", **values, **({} if issued else {"link_url": None}))
    journal.created(2, "b", state="linked", connection_status="Linked")
    journal.created(3, "c", presence="removed")
    assert figures(journal).links == expected


def test_errors_with_the_same_step_and_code_are_counted_together(journal: Journal) -> None:
    """There are some examples, and correlation ids even of other customers."""
    journal.source()
    for row in range(1, 9):
        wrong = {"error_step": "company", "error_code": "400", "error": f"no {row}", "state": "failed"}
        correlation_id = f"id-{row}" if row > 6 else None
        journal.customer(row, f"c{row}", source=1, extra={}, correlation_id=correlation_id, **wrong)
    journal.created(9, "k", error_step="link", error_code="no answer", error="lost")
    company, link = figures(journal).failures
    assert (company.state, company.step, company.code, company.customers) == (State.FAILED, "company", "400", 8)
    assert [example.row for example in company.examples] == [1, 2, 3, 4, 5]
    assert company.examples[0].error == "no 1"
    assert company.correlation_ids == ("id-7", "id-8")
    assert (link.state, link.step, link.customers, link.correlation_ids) == (State.LINK_READY, "link", 1, ())


def test_conflicts_are_no_errors_but_rows_with_problems(journal: Journal) -> None:
    """They are held rows and customers in conflict with a company, in input order."""
    journal.source()
    journal.in_conflict(2, "b", found="Bolt")
    journal.held(1, "a", found="Acme")
    journal.in_conflict(3, "gone", presence="removed", name_sent="Cafe gone")
    journal.in_conflict(4, "never sent", presence="removed")
    assert figures(journal).failures == ()
    with Reader(journal.path) as reader:
        found = [(row.row, row.customer_id, row.problems[0]["found"]) for row in conflict_rows(reader)]
        assert [row.customer_id for row in rejected_rows(reader)] == []
    assert found == [(1, "a", "Acme"), (2, "b", "Bolt"), (None, "gone", "Bolt")]


def test_minutes_count_requests_429s_and_customers(journal: Journal) -> None:
    """Requests that never left do not count, nor do customers whose state goes back."""
    journal.source()
    journal.created(1, "a", state="pending")
    journal.request("create_company", sent_at=60.0)
    journal.request("create_company", sent_at=119.9, status=429, outcome="rate_limited")
    journal.request("create_connection", sent_at=120.0, outcome="not_sent", status=None)
    with closing(journal.connect()) as db, db:
        db.execute("UPDATE customers SET state = 'link_ready', updated_at = '1970-01-01T00:03:10Z'")
        db.execute("DELETE FROM runs")  # its start would be later than that
        db.execute("DELETE FROM changes")
        for state in ("pending", "link_ready"):
            db.execute("UPDATE customers SET state = ?", (state,))
    found = figures(journal).minutes
    assert [(each.at, each.requests, each.limited, each.customers) for each in found] == [(1, 2, 1, 0), (3, 0, 0, 1)]


@pytest.mark.parametrize(
    ("requests", "values"),
    [
        (2, {"state": "pending", "company_id": None, "connection_id": None}),
        (1, {"state": "pending", "connection_id": None}),
        (1, {"state": "linked", "connection_status": "Linked"}),
        (0, {}),
        (0, {"state": "failed"}),
        # removed before anything was sent
        (0, {"state": "pending", "presence": "removed", "name_sent": None, "company_id": None}),
    ],
)
def test_requests_to_do(journal: Journal, requests: int, values: dict[str, object]) -> None:
    """There are two for each new customer, minus what is done, and one for each linked customer."""
    journal.source()
    journal.created(1, "a", **values)
    assert figures(journal).requests_to_do == requests


HOUR = timedelta(hours=1)


def test_every_change_of_state_is_recorded(journal: Journal) -> None:
    """A statement without a time counts for the current run."""
    journal.source()
    journal.created(1, "a", updated_at="2026-11-23T08:00:00Z")
    with closing(journal.connect()) as db, db:
        db.execute("UPDATE customers SET state = 'linked', updated_at = '2026-11-23T11:00:00Z'")
        db.execute("UPDATE customers SET state = 'linked', updated_at = '2026-11-23T11:30:00Z'")  # the same state
        db.execute("INSERT INTO runs (command, version, started_at) VALUES ('migrate', '1', '2026-11-23T11:45:00Z')")
        db.execute("UPDATE customers SET state = 'pending'")
        changes = db.execute("SELECT at, was, now FROM changes ORDER BY n").fetchall()
    assert changes == [
        ("2026-11-23T11:00:00Z", "link_ready", "linked"),
        ("2026-11-23T11:45:00Z", "linked", "pending"),
    ]


@pytest.mark.parametrize(
    ("states", "since", "change"),
    [
        # the states and their hours, the hour of comparison, the change
        ([("link_ready", 1)], 0, "newly_link_ready"),
        ([("link_ready", 1)], 1, None),
        ([("link_ready", 1), ("linked", 2), ("complete", 3)], 1, "newly_linked"),
        ([("link_ready", 1), ("linked", 2), ("complete", 3)], 2, "newly_complete"),
        ([("link_ready", 1), ("linked", 2), ("unlinked", 3)], 1, "newly_unlinked"),
        ([("failed", 1)], 0, "newly_failed"),
        # back in the same state
        ([("link_ready", 1), ("failed", 2), ("link_ready", 3)], 1, None),
        ([("failed", 1), ("pending", 2)], 1, "newly_pending"),
        ([], 0, None),
    ],
)
def test_a_change_is_the_difference_between_two_states(
    journal: Journal, states: list[tuple[str, int]], since: int, change: str | None
) -> None:
    """The states then and now decide; a customer that has authorized since is newly linked, even if it is complete."""
    journal.source()
    journal.customer(1, "a", name_sent="A")
    zero = datetime(2026, 11, 23, tzinfo=UTC)
    with closing(journal.connect()) as db, db:
        db.execute("UPDATE runs SET started_at = ?", (f"{zero:%Y-%m-%dT%H:%M:%SZ}",))
        for state, hour in states:
            at = f"{zero + hour * HOUR:%Y-%m-%dT%H:%M:%SZ}"
            db.execute("UPDATE customers SET state = ?, updated_at = ?", (state, at))
    with Reader(journal.path) as reader:
        (frame,) = reader.results(since=zero + since * HOUR)
    assert frame["change"].to_list() == [change]
    changed = figures(journal, since=zero + since * HOUR).changes
    assert sum(changed.values()) == (change is not None)


def test_without_a_comparison_there_is_no_change_column(journal: Journal) -> None:
    """An input column with that name always has the same other name."""
    journal.source(["change"])
    journal.created(1, "a", extra={"change": "theirs"})
    with Reader(journal.path) as reader:
        (frame,) = reader.results()
        (compared,) = reader.results(since=NOON)
    assert "change" not in frame.columns
    assert frame["change (input)"].to_list() == compared["change (input)"].to_list() == ["theirs"]
    assert compared["change"].to_list() == [None]


def test_only_customers_found_linked_in_the_last_run_are_newly_linked(journal: Journal) -> None:
    """A customer that had linked once before counts too."""
    journal.source()
    journal.created(1, "a")
    journal.created(2, "b")
    with closing(journal.connect()) as db, db:
        db.execute("UPDATE customers SET state = 'linked' WHERE customer_id = 'a'")
    journal.run(id=2, command="follow-up")
    with closing(journal.connect()) as db, db:
        for state in ("linked", "unlinked", "complete"):
            db.execute("UPDATE customers SET state = ? WHERE customer_id = 'b'", (state,))
    last = figures(journal).last_run
    assert last is not None
    assert last.newly_linked == 1


def test_rejected_rows_and_conflicts_have_the_mapping_of_their_input(journal: Journal) -> None:
    """There is none if they come from inputs with different mappings."""
    journal.source()
    journal.insert(
        "sources", path="b.csv", digest="e", columns="[]", extras="[]", rows=1, shift=1, mapping='{"a": "b"}'
    )
    assert figures(journal).mapping_of_rejects == {}
    journal.rejection(1, source=2)
    assert figures(journal).mapping_of_rejects == {"a": "b"}
    journal.rejection(1, source=1)
    assert figures(journal).mapping_of_rejects is None
    assert figures(journal).mapping_of_conflicts == {}
    journal.held(2, "a", source=2)
    assert figures(journal).mapping_of_conflicts == {"a": "b"}
    journal.in_conflict(3, "b")
    assert figures(journal).mapping_of_conflicts is None


def test_the_last_run_and_its_holds_are_read(journal: Journal) -> None:
    """The figures have its stop, its steps and the times in which nothing could be sent."""
    reason = "Codat's daily quota is used up until 2026-11-24T00:00:00Z"
    journal.run(id=2, command="follow-up", stopped=reason, finished_at="2026-11-23T11:00:00Z")
    journal.request("create_partner_expense_connection", run=2, step="partner", customer=1)
    journal.request("create_partner_expense_connection", run=2, step="partner", customer=2, outcome="unknown")
    journal.request("list_connections", run=2, step="partner", customer=2, outcome="found")
    with closing(journal.connect()) as db, db:
        runs.record_hold(
            db, 2, since="2026-11-23T10:00:00Z", until="2026-11-23T10:05:00Z", why="Codat asked to wait (429)"
        )
    found = figures(journal)
    assert found.last_run is not None
    assert found.last_run.command == "follow-up"
    assert found.last_run.done == {"partner": 2}
    assert str(found.last_run.stopped).startswith("Codat's daily quota is used up until")
    (hold,) = found.holds
    assert (hold.until - hold.since, hold.why) == (timedelta(minutes=5), "Codat asked to wait (429)")
    with closing(journal.connect()) as db, db:  # interrupted during the hold
        db.execute("UPDATE runs SET finished_at = '2026-11-23T10:01:00Z' WHERE id = 2")
    (hold,) = figures(journal).holds
    assert hold.until - hold.since == timedelta(minutes=1)


def test_a_run_without_an_end_is_known(journal: Journal) -> None:
    """It is still running, or it was killed."""
    assert figures(journal).last_run is not None
    journal.run(id=2, finished_at=None, seconds=None)
    last_run = figures(journal).last_run
    assert last_run is not None
    assert not last_run.has_ended


def test_differences_are_known_without_reading_them(journal: Journal) -> None:
    """The figures say whether the file has rows."""
    journal.source()
    journal.created(1, "a", description_sent="old", description="old")
    journal.customer(2, "b", name_sent="Old", platform_sent="qhyg")  # no company yet
    journal.created(3, "c", name="New", presence="removed")
    assert not figures(journal).has_differences
    journal.created(4, "d", description="new")
    assert figures(journal).has_differences


def test_a_batch_without_a_run_has_figures_too(journal: Journal) -> None:
    """All of them are empty."""
    with closing(journal.connect()) as db, db:
        db.execute("DELETE FROM runs")
    found = figures(journal)
    assert (found.groups, found.failures, found.minutes, found.holds, found.last_run) == ((), (), (), (), None)
    assert dict(found.changes) == {}
