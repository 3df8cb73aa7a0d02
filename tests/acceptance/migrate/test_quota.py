"""The daily quota: no 429, no company without its connection, and the rest on the next day."""

from __future__ import annotations

import re
import signal

import pytest
from support.run_fixtures import Launch, SetUp
from support.runs import BatchFixture, Codat, until

A_DAY = 86_400.0


def _half_done(codat: Codat) -> int:
    """Count the companies that have no connection."""
    return sum(1 for company in codat.companies() if not company["connections"])


def _go_to_the_next_day(codat: Codat, fixture: BatchFixture) -> None:
    """Let a day pass in the sandbox, and move the journal's facts about today to the past."""
    codat.advance(A_DAY)
    fixture.change_journal("UPDATE batch SET value = value - :day WHERE key = 'asked_until'", day=A_DAY)
    fixture.change_journal("UPDATE batch SET value = '2020-01-01T00:00:00Z' WHERE key = 'quota_resets_at'")


@pytest.mark.parametrize(("limit", "reserve"), [(40, 0), (41, 0), (40, 7)])
def test_a_day_ends_before_the_first_429_and_the_next_one_finishes(
    limit: int, reserve: int, launch: Launch, set_up: SetUp
) -> None:
    """It stops with 75 and names the time of the reset; it keeps the reserve, and each company has its connection."""
    codat = launch(daily_limit=limit, latency=0.01)
    fixture = set_up(codat)
    ids = fixture.customers(30)

    first = fixture.run("--reserve", str(reserve))

    assert first.code == 75
    kept = "Only the requests that --reserve keeps are left of Codat's daily quota"
    reason = kept if reserve else "Codat's daily quota is used up"
    assert f"{reason} until" in first.err
    assert f"{fixture.summary()['quota']['resets_at']:.10}" in first.err
    assert re.search(r" \d\d:00:0\d UTC", first.err)  # near midnight, the sandbox's clock is ahead
    ((stopped,),) = fixture.query_journal("SELECT stopped FROM runs")  # the reports show it too
    assert stopped.startswith(f"{reason} until")
    assert codat.stats()["rate_limited"] == 0
    assert limit - reserve - 1 <= codat.stats()["requests_total"] <= limit - reserve
    assert _half_done(codat) == 0
    done = fixture.states()["link_ready"]
    assert done == (limit - reserve - 2) // 2  # one request for the API key, one for the list
    assert fixture.states()["pending"] == len(ids) - done

    used = codat.stats()["requests_total"]
    assert fixture.run("--reserve", str(reserve)).code == 75  # on the same day: at most one request
    assert codat.stats()["requests_total"] <= used + 1
    assert codat.posts() == 2 * done

    _go_to_the_next_day(codat, fixture)
    assert fixture.run("--reserve", str(reserve)).code == 0
    assert codat.posts() == 2 * len(ids)
    fixture.assert_once_only(ids)


def test_a_quota_that_is_used_up_at_the_start_is_reported_at_once(launch: Launch, set_up: SetUp) -> None:
    """One request finds out; nothing is created, and the next day the same command does it all."""
    codat = launch(daily_limit=4)
    for _ in range(4):
        codat.api("GET", "/companies")
    fixture = set_up(codat)
    ids = fixture.customers(1)
    codat.count_from_zero()

    ended = fixture.run()

    assert ended.code == 75
    assert "daily quota is used up until" in ended.err
    assert codat.stats()["requests_total"] == 1
    assert codat.posts() == 0
    assert fixture.run().code == 75  # before the Retry-After is over, nothing is sent
    assert codat.stats()["requests_total"] == 1

    _go_to_the_next_day(codat, fixture)
    assert fixture.run().code == 0
    fixture.assert_once_only(ids)


def test_with_wait_a_run_sleeps_into_the_next_day(launch: Launch, set_up: SetUp) -> None:
    """In a sandbox whose days last four seconds, one run continues over three days."""
    codat = launch(daily_limit=9, day_seconds=4)
    fixture = set_up(codat)
    ids = fixture.customers(11)

    ended = fixture.run("--wait")

    assert ended.code == 0
    assert "Waiting until" in ended.err
    waits = fixture.query_journal("SELECT why, until > since FROM holds")
    assert set(waits) == {("Codat's daily quota is used up", 1)}
    assert len(waits) == ended.err.count("Waiting until")
    assert codat.stats()["rate_limited"] == 0
    fixture.assert_once_only(ids)


def test_the_links_of_a_day_can_be_emailed_while_the_run_waits_for_the_next_day(launch: Launch, set_up: SetUp) -> None:
    """The reports and the wave are written, and their file is named."""
    codat = launch(daily_limit=9)
    fixture = set_up(codat)
    fixture.customers(11)

    process = fixture.start("--wait")
    until(lambda: "Wave 1: " in process.stderr_so_far(), "a wave is written")

    assert "Wave 1: 3 linkUrls to email, in reports/customers/waves/1.csv." in process.stderr_so_far()
    assert len((fixture.folder / "waves" / "1.csv").read_text("utf-8-sig").splitlines()) == 1 + 3
    assert fixture.states() == {"link_ready": 3, "pending": 8}
    process.send_signal(signal.SIGINT)
    ended = process.wait()
    assert ended.code == 130
    assert "Wave " not in ended.out  # nothing was issued since


def test_two_batches_share_a_day(launch: Launch, set_up: SetUp) -> None:
    """The first response shows the second batch how much quota the first one has left."""
    codat = launch(daily_limit=22)
    first, second = set_up(codat), set_up(codat)
    first.customers(7)
    second.customers(7)

    assert first.run().code == 0
    assert second.run().code == 75

    assert codat.stats()["rate_limited"] == 0
    assert second.states() == {"link_ready": 2, "pending": 5}


def test_a_429_that_lasts_too_long_stops_the_run(codat: Codat, fixture: BatchFixture) -> None:
    """The run does not sleep for an hour. It reports the end of the wait, and so does a rerun, without a request."""
    fixture.customers(6)
    codat.inject_faults({"kind": "429", "operations": ["create_company"], "count": 1, "seconds": 3600})

    ended = fixture.run("--concurrency", "1")

    assert ended.code == 75
    assert "Codat asked to wait (429) until" in ended.err
    assert codat.stats()["early_requests"] == 0
    codat.clear_faults()
    codat.count_from_zero()

    again = fixture.run()

    assert again.code == 75
    assert "Codat asked to wait" in again.err
    assert codat.stats()["requests_total"] == 0
