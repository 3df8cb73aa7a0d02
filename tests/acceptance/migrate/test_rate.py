"""The rate as Codat sees it: never above the limit, and no request before a Retry-After is over."""

from __future__ import annotations

import signal

import pytest
from support.run_fixtures import Launch, SetUp
from support.runs import until


def _most_within(moments: list[float], seconds: float) -> int:
    """Count the requests in the fullest span of this many seconds."""
    most = start = 0
    for end, moment in enumerate(moments):
        while moments[start] <= moment - seconds:
            start += 1
        most = max(most, end - start + 1)
    return most


def test_no_five_seconds_hold_more_than_the_rate_and_a_small_burst(launch: Launch, set_up: SetUp) -> None:
    """600 requests a minute are 50 in five seconds, plus a burst of two."""
    codat = launch(rate=600, latency=0.05)
    fixture = set_up(codat)
    fixture.customers(300)
    process = fixture.start("--rate", "600")
    until(lambda: codat.stats()["requests_total"] >= 70, "seven seconds of requests")
    process.send_signal(signal.SIGINT)
    process.wait()

    moments = [entry["at"] for entry in codat.log()]
    assert codat.stats()["rate_limited"] == 0
    assert _most_within(moments, 5.0) <= 52
    assert _most_within(moments, 1.0) <= 14
    assert len(moments) / (moments[-1] - moments[0]) >= 0.9 * 10


@pytest.mark.long
def test_a_run_that_follows_another_counts_its_requests_too(launch: Launch, set_up: SetUp) -> None:
    """Otherwise both together would exceed the rate."""
    fixture = set_up(launch())
    ids = fixture.customers(30)
    assert fixture.run("--limit", "25").code == 0
    # The minute passes in the journal, except for its last five seconds.
    fixture.change_journal("UPDATE requests SET sent_at = sent_at - 55, answered_at = answered_at - 55")
    answered = fixture.query_journal("SELECT answered_at FROM requests ORDER BY answered_at")

    assert fixture.run("--rate", "40").code == 0

    first = fixture.query_journal("SELECT min(sent_at) FROM requests WHERE run = 2")
    assert len(answered) == 52
    assert first[0][0] >= answered[-40][0] + 60
    fixture.assert_once_only(ids)


@pytest.mark.parametrize("form", ["seconds", "date"])
def test_nothing_leaves_before_a_retry_after_is_over(form: str, launch: Launch, set_up: SetUp) -> None:
    """All requests wait as long as Codat asked one of them to."""
    codat = launch(latency=0.02)
    fixture = set_up(codat)
    ids = fixture.customers(30)
    codat.inject_faults(
        {"kind": "429", "operations": ["create_company"], "count": 1, "after": 5, "seconds": 2, "retry_after": form},
        {"kind": "429", "operations": ["create_connection"], "count": 1, "after": 5, "seconds": 1, "retry_after": form},
    )

    ended = fixture.run()

    assert ended.code == 0
    assert "Codat asked to wait (429)" in ended.err
    stats = codat.stats()
    assert stats["early_requests"] == 0
    assert stats["rate_limited"] == 2
    assert fixture.summary()["rate_limited"] == 2
    fixture.assert_once_only(ids)


def test_a_limit_of_concurrent_requests_is_observed(launch: Launch, set_up: SetUp) -> None:
    """Codat allows only two requests at once; the run reduces its concurrency and finishes."""
    codat = launch(max_concurrent=2, latency=0.05)
    fixture = set_up(codat)
    ids = fixture.customers(20)

    assert fixture.run("--concurrency", "10").code == 0

    assert codat.stats()["early_requests"] == 0
    fixture.assert_once_only(ids)
