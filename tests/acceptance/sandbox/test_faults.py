"""Each fault over a real socket."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import httpx
import pytest
from support.http_client import HTTP

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
from bulk.sandbox.launch import Running


@pytest.fixture
def faulty(shared: Running) -> Running:
    """Return the shared sandbox without the faults and counts of the previous test."""
    HTTP.delete(shared.base_url + "/_sandbox/faults")
    HTTP.delete(shared.base_url + "/_sandbox/stats")
    return shared


def create(api: httpx.Client, **options: float) -> httpx.Response:
    """Create a company."""
    return api.post("/companies", json={"name": "Acme"}, timeout=options.get("timeout", 60))


# kind -> the client's exception, the number of companies created
DROPPED = [
    ({"kind": "reset_before"}, httpx.ReadError, 0),
    ({"kind": "reset_after"}, httpx.ReadError, 1),
    ({"kind": "reset_before", "eof": True}, httpx.RemoteProtocolError, 0),
    ({"kind": "reset_after", "eof": True}, httpx.RemoteProtocolError, 1),
    ({"kind": "cut", "eof": True}, httpx.RemoteProtocolError, 1),
]


@pytest.mark.parametrize(("rule", "error", "made"), DROPPED)
def test_a_dropped_connection_means_no_response(
    faulty: Running, api: httpx.Client, rule: dict[str, object], error: type[Exception], made: int
) -> None:
    """The error does not show the client whether the work was done. The next request succeeds."""
    before = stats(faulty)["companies"]
    faults(faulty, rule | {"count": 1})
    with pytest.raises(error):
        create(api)
    assert stats(faulty)["companies"] == before + made
    assert stats(faulty)["statuses"] == {"no answer": 1}
    assert create(api).status_code == 200


@pytest.mark.parametrize(("kind", "made"), [("stall", 0), ("stall_after", 1)])
def test_a_stalled_response_never_comes(faulty: Running, api: httpx.Client, kind: str, made: int) -> None:
    """The request ends when the client gives up."""
    before = stats(faulty)["companies"]
    faults(faulty, {"kind": kind, "count": 1})
    with pytest.raises(httpx.ReadTimeout):
        create(api, timeout=1.0)
    until(lambda: stats(faulty)["in_flight"] == 0)
    assert stats(faulty)["companies"] == before + made
    assert create(api).status_code == 200


def test_a_slow_request_is_done_after_its_client_gave_up(faulty: Running, api: httpx.Client) -> None:
    """Codat continues to work on it."""
    before = stats(faulty)["companies"]
    faults(faulty, {"kind": "slow", "seconds": 3, "count": 1})
    with pytest.raises(httpx.ReadTimeout):
        create(api, timeout=0.5)
    assert stats(faulty)["companies"] == before
    until(lambda: stats(faulty)["companies"] == before + 1)


@pytest.mark.parametrize("kind", ["stall", "slow", "stall_after", "slow_after"])
def test_a_delayed_request_is_answered(faulty: Running, api: httpx.Client, kind: str) -> None:
    """After `seconds` the response is the normal one."""
    faults(faulty, {"kind": kind, "seconds": 0.2, "count": 1})
    begun = time.monotonic()
    assert create(api).status_code == 200
    assert time.monotonic() - begun >= 0.2


# rule -> status, start of the body, the number of companies created
ANSWERED = [
    ({"kind": "5xx_before"}, 500, b"{", 0),
    ({"kind": "5xx_after", "status": 503}, 503, b"{", 1),
    ({"kind": "gateway_before"}, 502, b"<html>", 0),
    ({"kind": "gateway_after", "status": 504}, 504, b"<html>", 1),
    ({"kind": "html_200_before"}, 200, b"<!doctype", 0),
    ({"kind": "blocked"}, 403, b"<html>", 0),
    ({"kind": "blocked", "status": 302}, 302, b"<html>", 0),
    ({"kind": "html_200"}, 200, b"<!doctype", 1),
    ({"kind": "empty"}, 200, b"", 1),
    ({"kind": "empty", "status": 500}, 500, b"", 1),
    ({"kind": "truncated"}, 200, b'{"id"', 1),
    ({"kind": "409"}, 409, b"{", 0),
    ({"kind": "409_kept"}, 409, b"{", 0),
    ({"kind": "401"}, 401, b"{", 0),
    ({"kind": "403"}, 403, b"{", 0),
    ({"kind": "402"}, 402, b"{", 0),
    ({"kind": "400"}, 400, b"{", 0),
    ({"kind": "404"}, 404, b"{", 0),
    ({"kind": "422"}, 422, b"{", 0),
]


@pytest.mark.parametrize(("rule", "status", "begins", "made"), ANSWERED)
def test_a_fault_replaces_the_response(
    faulty: Running, api: httpx.Client, rule: dict[str, object], status: int, begins: bytes, made: int
) -> None:
    """Status and body are those of the fault. The work is done or not, as the kind of fault says."""
    before = stats(faulty)["companies"]
    faults(faulty, rule | {"count": 1})
    answer = create(api)
    assert (answer.status_code, answer.content[: len(begins)]) == (status, begins)
    assert bool(answer.content) is bool(begins)
    assert stats(faulty)["companies"] == before + made
    assert create(api).status_code == 200


def test_a_truncated_response_is_not_json(faulty: Running, api: httpx.Client) -> None:
    """Its length is right, but its content is not."""
    faults(faulty, {"kind": "truncated", "count": 1})
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        create(api).json()


def test_retry_after_comes_in_all_its_forms(faulty: Running, api: httpx.Client) -> None:
    """It is a number of seconds, an HTTP date, missing, or not readable."""
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
    """Other operations succeed, and the report counts how often the fault struck."""
    faults(faulty, {"kind": "5xx_before", "operations": ["create_connection"]})
    company = create(api).json()["id"]
    answer = api.post(f"/companies/{company}/connections", json={"platformKey": "gbol"})
    assert answer.status_code == 500
    (rule,) = HTTP.get(faulty.base_url + "/_sandbox/faults").json()
    assert (rule["seen"], rule["struck"]) == (1, 1)
    assert stats(faulty)["faults"] == {"5xx_before": 1}


def test_a_fault_strikes_only_requests_that_contain_its_text(faulty: Running, api: httpx.Client) -> None:
    """It is searched for in the path and in the body."""
    faults(faulty, {"kind": "blocked", "containing": "Acme"})
    assert api.post("/companies", json={"name": "Acme"}).status_code == 403
    company = api.post("/companies", json={"name": "Other"}).json()["id"]
    faults(faulty, {"kind": "blocked", "status": 401, "containing": company})
    assert api.get(f"/companies/{company}").status_code == 401
    assert api.get("/companies").status_code == 200


def test_a_rule_with_a_typing_error_is_refused(faulty: Running) -> None:
    """The status is 400, and the error lists the valid kinds."""
    answer = HTTP.post(faulty.base_url + "/_sandbox/faults", json=[{"kind": "rest_after"}])
    assert answer.status_code == 400
    assert "reset_after" in answer.json()["error"]


def test_faults_and_latency_come_from_options_too(launch: Launch, connect: Connect) -> None:
    """The options are `--fault` and `--latency`."""
    api = connect(launch(fault=("5xx_before,operations=create_company,count=1",), latency=0.1))
    begun = time.monotonic()
    assert [create(api).status_code for _ in range(2)] == [500, 200]
    assert time.monotonic() - begun >= 0.2


# operation -> method and path, and "company" if the operation deletes the company
STRUCK = [
    ("get_company", "GET", "", None),
    ("unlink_connection", "PATCH", "/connections/{connection}", None),
    ("create_partner_expense_connection", "POST", "/sync/expenses/connections/partnerExpense", None),
    ("delete_company", "DELETE", "", "company"),
]


@pytest.mark.parametrize(("kind", "is_done"), [("reset_before", False), ("reset_after", True), ("cut", True)])
@pytest.mark.parametrize(("operation", "method", "path", "gone"), STRUCK)
def test_a_fault_strikes_each_operation_before_and_after_its_work(
    faulty: Running,
    api: httpx.Client,
    operation: str,
    method: str,
    path: str,
    gone: str | None,
    kind: str,
    is_done: bool,
) -> None:
    """The client gets no response. A later look-up shows whether the work was done."""
    company = new_company(api)
    connection = new_connection(api, company)
    authorize(connection)
    faults(faulty, {"kind": kind, "operations": [operation], "count": 1})
    body = {"status": "Unlinked"} if method == "PATCH" else None
    with pytest.raises(httpx.TransportError):
        api.request(method, f"/companies/{company}" + path.format(connection=connection["id"]), json=body)
    found = api.get(f"/companies/{company}")
    assert found.status_code == (404 if gone == "company" and is_done else 200)
    if operation == "unlink_connection":
        assert found.json()["dataConnections"][0]["status"] == ("Unlinked" if is_done else "Linked")
    if operation == "create_partner_expense_connection":
        assert len(found.json()["dataConnections"]) == 1 + is_done
    assert stats(faulty)["requests"][operation] >= 1
    assert stats(faulty)["faults"] == {kind: 1}


@pytest.mark.parametrize("kind", ["5xx_before", "5xx_after", "gateway_after", "empty", "422"])
def test_a_fault_replaces_the_response_to_a_deletion(faulty: Running, api: httpx.Client, kind: str) -> None:
    """A 204 has no body, but the fault changes its status."""
    company = new_company(api)
    faults(faulty, {"kind": kind, "operations": ["delete_company"], "count": 1})
    answer = api.delete(f"/companies/{company}")
    expected = {"5xx_before": 500, "5xx_after": 500, "gateway_after": 502, "empty": 204, "422": 422}
    assert answer.status_code == expected[kind]
    is_done = kind in {"5xx_after", "gateway_after", "empty"}
    assert api.get(f"/companies/{company}").status_code == (404 if is_done else 200)


def test_a_422_is_codats_own_and_is_stored(faulty: Running, api: httpx.Client) -> None:
    """It has Codat's error body, and the same Idempotency-Key replays it."""
    faults(faulty, {"kind": "422", "count": 1})
    key = {"Idempotency-Key": "5d3b1c9e-0000-4000-8000-000000000422"}
    answers = [api.post("/companies", json={"name": "Acme"}, headers=key) for _ in range(2)]
    assert [each.status_code for each in answers] == [422, 422]
    assert answers[0].json()["statusCode"] == 422
    assert answers[0].json()["correlationId"] == answers[1].json()["correlationId"]


def test_a_list_that_lags_shows_an_earlier_state(launch: Launch, connect: Connect) -> None:
    """Lists do not show the changes of the last `seconds`. All other operations do."""
    running = launch()
    api = connect(running)
    kept, gone = (new_company(api, tags={"uid": uid}) for uid in ("kept", "gone"))
    connection, _ = (new_connection(api, company) for company in (kept, gone))
    advance(running, 100)
    authorize(connection)
    late = new_company(api, tags={"uid": "late"})
    api.delete(f"/companies/{gone}").raise_for_status()

    def listed(**params: str) -> dict[str, list[str]]:
        page = api.get("/companies", params=params).json()
        assert page["totalResults"] == len(page["results"])
        return {each["id"]: [inner["status"] for inner in each["dataConnections"]] for each in page["results"]}

    now = {kept: ["Linked"], late: []}
    assert listed() == now
    faults(running, {"kind": "lag", "seconds": 60, "operations": ["list_companies"]})
    assert listed() == {kept: ["PendingAuth"], gone: ["PendingAuth"]}
    assert listed(tags="uid=late") == {}
    assert listed(tags="uid=gone") == {gone: ["PendingAuth"]}
    assert api.get(f"/companies/{late}").status_code == 200
    assert [each["status"] for each in api.get(f"/companies/{kept}/connections").json()["results"]] == ["Linked"]
    assert stats(running)["faults"] == {"lag": 3}
    advance(running, 61)
    assert listed() == now


def test_a_list_of_connections_lags(launch: Launch, connect: Connect) -> None:
    """It does not show a new connection, and still shows a deleted one. Its linkUrls work."""
    running = launch()
    api = connect(running)
    company = new_company(api)
    path = f"/companies/{company}/connections"
    new_connection(api, company)
    faults(running, {"kind": "lag", "seconds": 60})
    assert api.get(path).json()["results"] == []
    advance(running, 61)
    (shown,) = api.get(path).json()["results"]
    authorize(shown)
    assert [each["status"] for each in api.get(path).json()["results"]] == ["PendingAuth"]
    advance(running, 61)
    assert [each["status"] for each in api.get(path).json()["results"]] == ["Linked"]
    HTTP.delete(f"{running.base_url}/_sandbox/connections/{shown['id']}").raise_for_status()
    assert [each["status"] for each in api.get(path).json()["results"]] == ["Linked"]
    assert HTTP.get(running.base_url + "/_sandbox/faults").json()[0]["operations"] == [
        "list_companies",
        "list_connections",
    ]


def test_a_lag_needs_a_list_and_a_time(faulty: Running) -> None:
    """A rule without `seconds`, or for another operation, is refused."""
    for rule in ({"kind": "lag"}, {"kind": "lag", "seconds": 1, "operations": ["create_company"]}):
        assert HTTP.post(faulty.base_url + "/_sandbox/faults", json=rule).status_code == 400
