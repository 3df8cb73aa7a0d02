"""Limits of requests in a minute, of requests in a day, of concurrent requests and of companies; and the counts."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from support.http_client import HTTP
from support.sandbox import start
from support.sandbox_stats import LogEntry, Stats

from acceptance.sandbox.client import (
    Connect,
    Launch,
    advance,
    authorize,
    faults,
    new_company,
    new_connection,
    stats,
    until,
)
from bulk.sandbox.clock import Clock
from bulk.sandbox.limits import MinuteWindow
from bulk.sandbox.options import Options


def test_any_60_seconds_contain_at_most_the_limit() -> None:
    """The window slides: the next request is allowed exactly 60 seconds after the oldest one."""
    window = MinuteWindow(2)
    assert [window.admit(at) for at in (0.0, 30.0)] == [0, 0]
    assert window.admit(59.0) == 1.0
    assert window.admit(60.0) == 0
    assert window.admit(61.0) == 29.0


def test_a_request_over_the_rate_gets_a_429_with_retry_after(launch: Launch, connect: Connect) -> None:
    """The counts include the refused requests, and so does the worst minute."""
    running = launch(rate=3)
    api = connect(running)
    answers = [api.get("/companies") for _ in range(5)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429, 429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    counts = stats(running)
    assert (counts["rate_limited"], counts["worst_window"]) == (2, 5)
    assert "in a minute" in answers[-1].json()["error"]


def test_every_response_shows_the_days_quota(launch: Launch, connect: Connect) -> None:
    """It shows the limit, the rest, and the reset at 00:00 UTC."""
    api = connect(launch(daily_limit=10))
    first, second = api.get("/companies"), api.post("/companies", json={})
    assert [each.headers["X-Rate-Limit-Limit"] for each in (first, second)] == ["10", "10"]
    assert [each.headers["X-Rate-Limit-Remaining"] for each in (first, second)] == ["9", "8"]
    reset = parsedate_to_datetime(first.headers["X-Rate-Limit-Reset"])
    assert (reset.hour, reset.minute, reset.second) == (0, 0, 0)
    assert reset > datetime.now(UTC)


def test_the_next_day_brings_a_new_quota(launch: Launch, connect: Connect) -> None:
    """After the quota is used up, every request gets a 429 until the reset. Moving the clock brings the reset."""
    running = launch(daily_limit=2)
    api = connect(running)
    answers = [api.get("/companies") for _ in range(3)]
    assert [each.status_code for each in answers] == [200, 200, 429]
    assert answers[-1].headers["X-Rate-Limit-Remaining"] == "0"
    reset = parsedate_to_datetime(answers[-1].headers["X-Rate-Limit-Reset"])
    now = parsedate_to_datetime(answers[-1].headers["Date"])
    wait = int(answers[-1].headers["Retry-After"])
    assert 0 <= wait - (reset - now).total_seconds() + 1 <= 2
    advance(running, wait)
    fresh = api.get("/companies")
    assert fresh.status_code == 200
    assert fresh.headers["X-Rate-Limit-Remaining"] == "1"
    assert stats(running)["early_requests"] == 0
    assert "of the day" in answers[-1].json()["error"]


def test_a_day_can_be_short(launch: Launch, connect: Connect) -> None:
    """With `--day-seconds`, the next day begins after that time."""
    api = connect(launch(daily_limit=1, day_seconds=2.0, rate=0))
    assert 429 in {api.get("/companies").status_code for _ in range(20)}
    until(lambda: api.get("/companies").status_code == 200)


def test_each_linked_company_raises_the_quota(launch: Launch, connect: Connect) -> None:
    """The quota is 1,000 x (1 + linked companies). An unlinked company no longer counts."""
    api = connect(launch())
    company = new_company(api)
    connection = new_connection(api, company)
    path = f"/companies/{company}"
    assert api.get(path).headers["X-Rate-Limit-Limit"] == "1000"
    authorize(connection)
    api.post(path + "/sync/expenses/connections/partnerExpense")
    assert api.get(path).headers["X-Rate-Limit-Limit"] == "2000"
    api.patch(f"{path}/connections/{connection['id']}", json={"status": "Unlinked"})
    assert api.get(path).headers["X-Rate-Limit-Limit"] == "1000"


def test_the_quota_survives_a_restart(tmp_path: Path, connect: Connect) -> None:
    """The requests stay used even if the server is killed."""
    for remaining in ("9", "8"):
        with start(tmp_path / "state", options=Options(daily_limit=10)) as running:
            answer = connect(running).get("/companies")
            assert running.process
            running.process.kill()
        assert answer.headers["X-Rate-Limit-Remaining"] == remaining


def test_a_free_trial_has_a_limit_of_companies(launch: Launch, connect: Connect) -> None:
    """The status is 402, with Codat's message. After a deletion there is room again."""
    api = connect(launch(max_companies=1))
    company = new_company(api)
    full = api.post("/companies", json={"name": "B"})
    assert (full.status_code, full.json()["error"]) == (402, "Company limit exceeded")
    api.delete(f"/companies/{company}")
    new_company(api)


def test_too_many_concurrent_requests_get_a_429(launch: Launch, connect: Connect) -> None:
    """While one request is slow, a second is refused. Later requests succeed."""
    running = launch(max_concurrent=1)
    faults(running, {"kind": "slow", "seconds": 3, "count": 1})
    slow = threading.Thread(target=connect(running).get, args=("/companies",))
    slow.start()
    until(lambda: stats(running)["in_flight"] == 1)
    api = connect(running)
    refused = api.get("/companies")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
    assert "concurrent" in refused.json()["error"]
    slow.join()
    assert api.get("/companies").status_code == 200
    assert stats(running)["max_in_flight"] == 2


def test_a_request_before_the_wait_is_over_is_early() -> None:
    """A request that was already on its way is not early."""
    counts = Stats()
    counts.hold(100.0, 110.0)
    for at in (100.1, 105.0, 109.9, 110.0):
        counts.arrive("create_company", at)
    assert counts.report()["early_requests"] == 2
    assert counts.report()["early_within_grace"] == 1


def test_counts_are_reset_and_the_log_names_each_request(launch: Launch, connect: Connect) -> None:
    """`DELETE /_sandbox/stats` sets the counts to zero. The log has the result of each request."""
    running = launch()
    api = connect(running)
    new_company(api)
    (entry,) = HTTP.get(running.base_url + "/_sandbox/log").json()
    assert set(LogEntry.__slots__) == set(entry)
    assert (entry["operation"], entry["status"], entry["fault"]) == ("create_company", 200, None)
    HTTP.delete(running.base_url + "/_sandbox/stats")
    assert stats(running)["requests_total"] == 0
    assert stats(running)["companies"] == 1


def test_a_moved_clock_stays_moved_after_a_restart(launch: Launch) -> None:
    """Tests move the clock to reach the next day at once."""
    running = launch()
    advance(running, 100_000)
    running.stop()
    assert HTTP.get(launch().base_url + "/_sandbox/clock").json()["offset_seconds"] == 100_000
    assert Clock(5.0).now() > Clock().now()
