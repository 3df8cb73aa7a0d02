"""Journeys with real processes: a whole migration, and one for each way in which a run can go wrong.

`make test` runs these. The other acceptance tests try each way at every place; `make test-all` runs them too.
"""

from __future__ import annotations

import signal
from collections import Counter
from typing import Any

import pytest
from support.measured import UNMEASURED
from support.run_fixtures import Launch, SetUp
from support.runs import BatchFixture, until

CARELESS: dict[str, Any] = {"ignore_idempotency": True, "second_connection": "allow", "second_partner": "allow"}
FAULTS = ("reset_after", "5xx_after", "gateway_after", "truncated", "409", "reset_before", "html_200")


def test_a_migration_from_the_first_link_to_the_proof(launch: Launch, set_up: SetUp) -> None:
    """Every command in turn sends only what it must, and the reports match Codat after each."""
    codat = launch()
    fixture = set_up(codat)
    ids = fixture.customers(12)
    linked, waiting = ids[:5], ids[5:]

    assert fixture.run().code == 0
    fixture.assert_once_only(ids)
    codat.authorize(linked)
    assert fixture.then("follow-up").code == 0
    fixture.assert_reports_match(ids)
    fixture.let_hours_pass(23)
    assert fixture.then("links").code == 0
    fixture.assert_links_open(waiting)
    assert fixture.then("unlink", "--customer", linked[0]).code == 0
    assert fixture.then("verify").code == 0
    assert fixture.then("undo", "--yes").code == 0

    assert fixture.states() == {"complete": 4, "unlinked": 1, "pending": 7}
    assert sorted(each["tags"]["uid"] for each in codat.companies()) == linked
    sent = Counter(codat.stats()["requests"])
    assert (sent["create_company"], sent["create_connection"], sent["get_connection"]) == (12, 12, 7)
    assert sent["create_partner_expense_connection"] == 5
    assert sent["delete_company"] == 7


def test_a_run_that_is_killed_is_resumed_and_creates_nothing_twice(launch: Launch, set_up: SetUp) -> None:
    """Four requests are on their way when the process is killed, and the sandbox ignores keys."""
    codat = launch(**CARELESS)
    fixture = set_up(codat)
    ids = fixture.customers(20)
    for after in (5, 9):
        with codat.holding(after=after) as wait_until_held:
            process = fixture.start("--timeout", "2", "--concurrency", "4")
            wait_until_held()
            process.kill()

    assert fixture.run("--timeout", "2").code == 0
    fixture.assert_once_only(ids)


def test_a_follow_up_that_is_killed_is_resumed_and_creates_nothing_twice(launch: Launch, set_up: SetUp) -> None:
    """Each customer gets one partner connection."""
    codat = launch(**CARELESS)
    fixture = set_up(codat)
    ids = fixture.customers(8)
    assert fixture.run().code == 0
    codat.authorize(ids)
    with codat.holding(after=3) as wait_until_held:
        process = fixture.start("--timeout", "2", "--concurrency", "3", command="follow-up")
        wait_until_held()
        process.kill()

    assert fixture.then("follow-up", "--timeout", "2").code == 0
    fixture.assert_reports_match(ids)
    assert fixture.states() == {"complete": len(ids)}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_ends_a_run_in_order_and_the_same_command_resumes(
    number: signal.Signals, launch: Launch, set_up: SetUp
) -> None:
    """Requests in flight are finished and recorded, no others leave, and the rerun sends only the rest."""
    codat = launch()
    fixture = set_up(codat)
    ids = fixture.customers(60)
    with codat.holding(after=8) as wait_until_held:
        process = fixture.start("--concurrency", "4", "--timeout", "240")
        wait_until_held()

        process.send_signal(number)
        until(lambda: "Stopping" in process.stderr_so_far(), "a message about the signal")
        seen = codat.stats()["requests_total"]
    ended = process.wait()

    assert ended.code == 130
    assert "Interrupted" in ended.err
    assert "The same command resumes" in ended.err
    assert codat.stats()["requests_total"] <= seen + 4
    ((unanswered,),) = fixture.query_journal("SELECT count(*) FROM requests WHERE outcome IS NULL")
    assert unanswered == 0
    known = {
        known for (known,) in fixture.query_journal("SELECT company_id FROM customers WHERE company_id IS NOT NULL")
    }
    assert known == {company["id"] for company in codat.companies()}
    assert len(fixture.results()) == len(ids)
    assert fixture.run("--concurrency", "20").code == 0
    assert codat.posts() == 2 * len(ids)
    fixture.assert_once_only(ids)


def test_a_batch_that_lost_its_journal_finds_all_companies_again(launch: Launch, set_up: SetUp) -> None:
    """Nothing is created for customers who are in Codat, and every link is in the reports again."""
    codat = launch()
    fixture = set_up(codat)
    ids = fixture.customers(30)
    assert fixture.run("--limit", "20").code == 0
    fixture.delete_journal()
    codat.count_from_zero()

    assert fixture.run("--limit", "20").code == 0
    once = {"get_sync_settings": 1, "get_connection": 20}  # the company list does not show links that open
    assert codat.stats()["requests"] == {"list_companies": 1, **once}
    fixture.assert_links_open(ids[:20])

    assert fixture.run().code == 0
    created = {"create_company": 10, "create_connection": 10}
    assert codat.stats()["requests"] == {"list_companies": 2, **once, **created}
    fixture.assert_once_only(ids)


@UNMEASURED
@pytest.mark.parametrize("size", [30_000, 90_000])
def test_a_full_disk_stops_a_run_and_loses_nothing(size: int, fixture: BatchFixture) -> None:
    """The process may write files of this many bytes. It ends with 75 and one line, and the rerun finishes."""
    ids = fixture.customers(60)

    ended = fixture.run(limit_bytes=size)

    assert ended.code == 75
    ended.assert_one_error("cannot be written", "same command again")
    assert fixture.run().code == 0
    fixture.assert_once_only(ids)


def test_faults_of_codat_create_nothing_twice(launch: Launch, set_up: SetUp) -> None:
    """Each kind strikes each creating request, although the sandbox ignores keys. No wait is cut short."""
    codat = launch(**CARELESS)
    fixture = set_up(codat)
    ids = fixture.customers(16)
    operations = ("create_company", "create_connection")
    codat.inject_faults(
        *(
            {"kind": kind, "operations": [operation], "count": 1, "after": number}
            for operation in operations
            for number, kind in enumerate(FAULTS)
        )
    )

    codes = [fixture.run("--timeout", "1").code for _ in range(2)]

    assert codes[-1] == 0
    assert codat.struck() == len(operations) * len(FAULTS)
    assert codat.stats()["early_requests"] == 0
    codat.clear_faults()
    fixture.assert_once_only(ids)
