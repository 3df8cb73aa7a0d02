"""What a batch comes to in figures: read from real journals, at one moment."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from bulk.journal import runs
from bulk.model import State
from bulk.reports.figures import Figures, LinkAges
from bulk.reports.figures_reader import read_figures, rejected_rows
from bulk.reports.rows import Reader

from .journals import NOON, Journal


def figures(journal: Journal, *, at: datetime = NOON, since: datetime | None = None) -> Figures:
    """Read them at noon."""
    with Reader(journal.path) as reader:
        return read_figures(reader, at=at, since=since)


@pytest.mark.parametrize(
    ("furthest", "values"),
    [
        # nothing of it is in Codat
        (1, {"state": "pending", "company_id": None, "connection_id": None, "connection_status": None}),
        # refused before there was a company
        (1, {"state": "failed", "company_id": None, "connection_id": None, "connection_status": None}),
        # the company was deleted in Codat
        (1, {"state": "failed", "connection_status": "Deleted", "error_step": "company"}),
        # its connection is refused, or was deleted
        (2, {"state": "failed", "connection_id": None, "connection_status": None}),
        (2, {"state": "failed", "connection_status": "Deleted", "error_step": "connection"}),
        # a connection, whoever waits for whom
        (3, {}),
        (3, {"state": "unlinked", "connection_status": "Unlinked"}),
        (3, {"state": "unlinked", "connection_status": "Deauthorized", "partner_connection_id": "p"}),
        # authorized, also where the partner connection was refused or deleted
        (4, {"state": "linked", "connection_status": "Linked"}),
        (4, {"state": "failed", "connection_status": "Linked", "error_step": "partner"}),
        (5, {"state": "complete", "connection_status": "Linked", "partner_connection_id": "p"}),
    ],
)
def test_how_far_a_customer_has_got(journal: Journal, furthest: int, values: dict[str, object]) -> None:
    """By what there is in Codat now, not by what there was."""
    journal.source()
    journal.created(1, "a", **values)
    (group,) = figures(journal).groups
    assert (group.furthest, group.customers) == (furthest, 1)


def test_the_groups_add_up_to_the_rows_of_the_results(journal: Journal) -> None:
    """The gone whom Codat has are among them; those whom it does not have are not, nor are hidden rejections."""
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
        # a day's link that was made this morning is good beyond today
        ("2026-11-23T10:00:00Z", LinkAges(1, 0, 0, 0, "2026-11-24T10:00:00Z")),
        # one of yesterday afternoon expires today
        ("2026-11-22T15:00:00Z", LinkAges(0, 1, 0, 0, "2026-11-23T15:00:00Z")),
        # at midnight, today is over
        ("2026-11-23T00:00:00Z", LinkAges(0, 1, 0, 0, "2026-11-24T00:00:00Z")),
        # at the very moment, it is over
        ("2026-11-22T12:00:00Z", LinkAges(0, 0, 1, 0, None)),
        ("2026-11-20T15:00:00Z", LinkAges(0, 0, 1, 0, None)),
        # its renewal was cut short
        (None, LinkAges(0, 0, 0, 1, None)),
    ],
)
def test_links_by_age(journal: Journal, issued: str | None, expected: LinkAges) -> None:
    """Good, expiring today (UTC), expired, or none at all."""
    journal.source()
    journal.created(1, "a", link_issued_at=issued, **({} if issued else {"link_url": None}))
    journal.created(2, "b", state="linked", connection_status="Linked")
    journal.created(3, "c", presence="removed")
    assert figures(journal).links == expected


def test_failures_of_one_kind_are_counted_together(journal: Journal) -> None:
    """Same state, step and code; with some examples, and correlation ids even of those that are no example."""
    journal.source()
    for row in range(1, 9):
        wrong = {"error_step": "company", "error_code": "400", "error": f"no {row}", "state": "failed"}
        reported = f"told-{row}" if row > 6 else None
        journal.customer(row, f"c{row}", source=1, extra={}, correlation_id=reported, **wrong)
    journal.created(9, "k", error_step="link", error_code="no answer", error="lost")
    company, link = figures(journal).failures
    assert (company.state, company.step, company.code, company.customers) == (State.FAILED, "company", "400", 8)
    assert [example.row for example in company.examples] == [1, 2, 3, 4, 5]
    assert company.examples[0].error == "no 1"
    assert company.correlation_ids == ("told-7", "told-8")
    assert (link.state, link.step, link.customers, link.correlation_ids) == (State.LINK_READY, "link", 1, ())


def test_minutes_tell_requests_429s_and_who_got_further(journal: Journal) -> None:
    """What never left is no request; a customer who has gone back is not further."""
    journal.source()
    journal.created(1, "a", state="pending")
    journal.request("create_company", sent_at=60.0)
    journal.request("create_company", sent_at=119.9, status=429, outcome="rate_limited")
    journal.request("create_connection", sent_at=120.0, outcome="not_sent", status=None)
    with closing(journal.connect()) as db, db:
        db.execute("UPDATE customers SET state = 'link_ready', updated_at = '1970-01-01T00:03:10Z'")
        db.execute("DELETE FROM runs")  # whose start would be later than that
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
        # gone before anything was sent: nothing will be
        (0, {"state": "pending", "presence": "removed", "name_sent": None, "company_id": None}),
    ],
)
def test_requests_to_do(journal: Journal, requests: int, values: dict[str, object]) -> None:
    """Two for each new customer, less what is done; one for each who is linked."""
    journal.source()
    journal.created(1, "a", **values)
    assert figures(journal).requests_to_do == requests


HOUR = timedelta(hours=1)


def test_every_change_of_a_state_is_written_down_by_itself(journal: Journal) -> None:
    """Also by a statement that gives no time: then it was the run that goes on."""
    journal.source()
    journal.created(1, "a", updated_at="2026-11-23T08:00:00Z")
    with closing(journal.connect()) as db, db:
        db.execute("UPDATE customers SET state = 'linked', updated_at = '2026-11-23T11:00:00Z'")
        db.execute("UPDATE customers SET state = 'linked', updated_at = '2026-11-23T11:30:00Z'")  # no other
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
        # (the states it came into, at which hours), compared with the state at that hour
        ([("link_ready", 1)], 0, "newly_link_ready"),
        ([("link_ready", 1)], 1, None),
        ([("link_ready", 1), ("linked", 2), ("complete", 3)], 1, "newly_linked"),
        ([("link_ready", 1), ("linked", 2), ("complete", 3)], 2, "newly_complete"),
        ([("link_ready", 1), ("linked", 2), ("unlinked", 3)], 1, "newly_unlinked"),
        ([("failed", 1)], 0, "newly_failed"),
        # back where it was
        ([("link_ready", 1), ("failed", 2), ("link_ready", 3)], 1, None),
        ([("failed", 1), ("pending", 2)], 1, "newly_pending"),
        ([], 0, None),
    ],
)
def test_what_has_changed_since(
    journal: Journal, states: list[tuple[str, int]], since: int, change: str | None
) -> None:
    """By the state then and now; who has authorized since is newly linked, however far that has got."""
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


def test_without_a_time_to_compare_with_there_is_no_such_column(journal: Journal) -> None:
    """A column of the input with its name is always told apart from it, or it would change its name now and then."""
    journal.source(["change"])
    journal.created(1, "a", extra={"change": "theirs"})
    with Reader(journal.path) as reader:
        (frame,) = reader.results()
        (compared,) = reader.results(since=NOON)
    assert "change" not in frame.columns
    assert frame["change (input)"].to_list() == compared["change (input)"].to_list() == ["theirs"]
    assert compared["change"].to_list() == [None]


def test_only_who_was_found_to_have_linked_in_the_last_run_is_newly_linked(journal: Journal) -> None:
    """Whenever the run before that was, and also who had linked once before."""
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


def test_the_columns_of_a_corrected_file_are_those_of_the_input_that_its_rows_came_from(journal: Journal) -> None:
    """None where they came from several with different maps."""
    journal.source()
    journal.insert(
        "sources", path="b.csv", digest="e", columns="[]", extras="[]", rows=1, shift=1, mapping='{"a": "b"}'
    )
    assert figures(journal).mapping_of_rejects == {}
    journal.rejection(1, source=2)
    assert figures(journal).mapping_of_rejects == {"a": "b"}
    journal.rejection(1, source=1)
    assert figures(journal).mapping_of_rejects is None


def test_the_last_run_and_its_holds_are_told(journal: Journal) -> None:
    """Why it stopped, what it has done, and when nothing could leave."""
    journal.run(id=2, command="follow-up", stopped="Codat's daily quota is used up until 2026-11-24T00:00:00Z")
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
    with closing(journal.connect()) as db, db:  # it was interrupted while it waited
        db.execute("UPDATE runs SET finished_at = '2026-11-23T10:01:00Z' WHERE id = 2")
    (hold,) = figures(journal).holds
    assert hold.until - hold.since == timedelta(minutes=1)


def test_a_batch_without_a_run_has_figures_too(journal: Journal) -> None:
    """All of them nothing."""
    with closing(journal.connect()) as db, db:
        db.execute("DELETE FROM runs")
    found = figures(journal)
    assert (found.groups, found.failures, found.minutes, found.holds, found.last_run) == ((), (), (), (), None)
    assert dict(found.mapping) == {}
    assert dict(found.changes) == {}
