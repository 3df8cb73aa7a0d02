"""Each fault, seen over a real socket."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import httpx
import pytest

from bulk.sandbox.launch import Running
from sandbox.asking import Connect, Launch, faults, stats, until


@pytest.fixture
def faulty(shared: Running) -> Running:
    """Give the shared sandbox without the faults and counts of the test before."""
    httpx.delete(shared.base_url + "/_sandbox/faults")
    httpx.delete(shared.base_url + "/_sandbox/stats")
    return shared


def create(api: httpx.Client, **options: float) -> httpx.Response:
    """Create a company."""
    return api.post("/companies", json={"name": "Acme"}, timeout=options.get("timeout", 10))


# kind -> the exception that the client sees, whether the company was made
DROPPED = [
    ({"kind": "reset_before"}, httpx.ReadError, 0),
    ({"kind": "reset_after"}, httpx.ReadError, 1),
    ({"kind": "reset_before", "eof": True}, httpx.RemoteProtocolError, 0),
    ({"kind": "reset_after", "eof": True}, httpx.RemoteProtocolError, 1),
    ({"kind": "cut", "eof": True}, httpx.RemoteProtocolError, 1),
]


@pytest.mark.parametrize(("rule", "error", "made"), DROPPED)
def test_a_dropped_connection_gives_no_answer(
    faulty: Running, api: httpx.Client, rule: dict[str, object], error: type[Exception], made: int
) -> None:
    """The client cannot tell from the error whether the work was done; the next request is served."""
    before = stats(faulty)["companies"]
    faults(faulty, rule | {"count": 1})
    with pytest.raises(error):
        create(api)
    assert stats(faulty)["companies"] == before + made
    assert stats(faulty)["statuses"] == {"no answer": 1}
    assert create(api).status_code == 200


@pytest.mark.parametrize(("kind", "made"), [("stall", 0), ("stall_after", 1)])
def test_a_stalled_answer_never_comes(faulty: Running, api: httpx.Client, kind: str, made: int) -> None:
    """It ends when the client gives up."""
    before = stats(faulty)["companies"]
    faults(faulty, {"kind": kind, "count": 1})
    with pytest.raises(httpx.ReadTimeout):
        create(api, timeout=0.2)
    until(lambda: stats(faulty)["in_flight"] == 0)
    assert stats(faulty)["companies"] == before + made
    assert create(api).status_code == 200


def test_a_slow_request_is_done_though_nobody_waits(faulty: Running, api: httpx.Client) -> None:
    """Codat goes on working when the client has given up."""
    before = stats(faulty)["companies"]
    faults(faulty, {"kind": "slow", "seconds": 0.4, "count": 1})
    with pytest.raises(httpx.ReadTimeout):
        create(api, timeout=0.1)
    assert stats(faulty)["companies"] == before
    until(lambda: stats(faulty)["companies"] == before + 1)


@pytest.mark.parametrize("kind", ["stall", "slow", "stall_after", "slow_after"])
def test_a_delay_ends_with_the_answer(faulty: Running, api: httpx.Client, kind: str) -> None:
    """After `seconds` the request is answered as if nothing had been."""
    faults(faulty, {"kind": kind, "seconds": 0.2, "count": 1})
    begun = time.monotonic()
    assert create(api).status_code == 200
    assert time.monotonic() - begun >= 0.2


# rule -> status, start of the body, whether the company was made
ANSWERED = [
    ({"kind": "5xx_before"}, 500, b"{", 0),
    ({"kind": "5xx_after", "status": 503}, 503, b"{", 1),
    ({"kind": "gateway_before"}, 502, b"<html>", 0),
    ({"kind": "gateway_after", "status": 504}, 504, b"<html>", 1),
    ({"kind": "html_200_before"}, 200, b"<!doctype", 0),
    ({"kind": "html_200"}, 200, b"<!doctype", 1),
    ({"kind": "empty"}, 200, b"", 1),
    ({"kind": "empty", "status": 500}, 500, b"", 1),
    ({"kind": "truncated"}, 200, b'{"id"', 1),
    ({"kind": "409"}, 409, b"{", 0),
    ({"kind": "401"}, 401, b"{", 0),
    ({"kind": "403"}, 403, b"{", 0),
    ({"kind": "402"}, 402, b"{", 0),
    ({"kind": "400"}, 400, b"{", 0),
    ({"kind": "404"}, 404, b"{", 0),
]


@pytest.mark.parametrize(("rule", "status", "begins", "made"), ANSWERED)
def test_a_wrong_answer_is_given(
    faulty: Running, api: httpx.Client, rule: dict[str, object], status: int, begins: bytes, made: int
) -> None:
    """Status and body are those of the fault; whether the work was done is another matter."""
    before = stats(faulty)["companies"]
    faults(faulty, rule | {"count": 1})
    answer = create(api)
    assert (answer.status_code, answer.content[: len(begins)]) == (status, begins)
    assert bool(answer.content) is bool(begins)
    assert stats(faulty)["companies"] == before + made
    assert create(api).status_code == 200


def test_a_truncated_answer_is_no_json(faulty: Running, api: httpx.Client) -> None:
    """Its length is right, its content is not."""
    faults(faulty, {"kind": "truncated", "count": 1})
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        create(api).json()


def test_retry_after_comes_in_all_its_forms(faulty: Running, api: httpx.Client) -> None:
    """Seconds, an HTTP date, none at all, nonsense."""
    forms = ("seconds", "date", "none", "nonsense")
    faults(faulty, *({"kind": "429", "count": 1, "seconds": 1, "retry_after": form} for form in forms))
    seconds, date, none, nonsense = (create(api) for _ in forms)
    assert {each.status_code for each in (seconds, date, none, nonsense)} == {429}
    assert seconds.headers["Retry-After"] == "1"
    wait = parsedate_to_datetime(date.headers["Retry-After"]) - parsedate_to_datetime(date.headers["Date"])
    assert 1 <= wait.total_seconds() <= 3
    assert "Retry-After" not in none.headers
    assert nonsense.headers["Retry-After"] == "soon"


def test_a_fault_strikes_only_its_operations(faulty: Running, api: httpx.Client) -> None:
    """The others are served, and the report says how often it struck."""
    faults(faulty, {"kind": "5xx_before", "operations": ["create_connection"]})
    company = create(api).json()["id"]
    answer = api.post(f"/companies/{company}/connections", json={"platformKey": "gbol"})
    assert answer.status_code == 500
    (rule,) = httpx.get(faulty.base_url + "/_sandbox/faults").json()
    assert (rule["seen"], rule["struck"]) == (1, 1)
    assert stats(faulty)["faults"] == {"5xx_before": 1}


def test_a_rule_with_a_typing_error_is_refused(faulty: Running) -> None:
    """400, and it says what there is."""
    answer = httpx.post(faulty.base_url + "/_sandbox/faults", json=[{"kind": "rest_after"}])
    assert answer.status_code == 400
    assert "reset_after" in answer.json()["error"]


def test_faults_and_latency_come_from_options_too(launch: Launch, connect: Connect) -> None:
    """As `--fault` and `--latency`."""
    api = connect(launch(fault=("5xx_before,operations=create_company,count=1",), latency=0.1))
    begun = time.monotonic()
    assert [create(api).status_code for _ in range(2)] == [500, 200]
    assert time.monotonic() - begun >= 0.2
