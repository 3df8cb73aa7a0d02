"""Idempotency-Keys, exactly as Codat documents them."""

from __future__ import annotations

import threading
from pathlib import Path
from uuid import uuid4

import httpx
import pytest
from support.sandbox import start

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


def post(api: httpx.Client, key: str, name: str = "Acme", path: str = "/companies") -> httpx.Response:
    """Create a company under a key."""
    return api.post(path, json={"name": name}, headers={"Idempotency-Key": key})


def test_the_first_response_is_replayed(shared: Running, api: httpx.Client) -> None:
    """A repeated request gets the same response and does nothing."""
    key = uuid4().hex
    before = stats(shared)
    first, second = post(api, key), post(api, key)
    after = stats(shared)
    assert first.content == second.content
    assert after["companies"] == before["companies"] + 1
    assert after["idempotent_replays"] == before["idempotent_replays"] + 1


def test_another_body_or_address_under_the_key_is_refused(api: httpx.Client) -> None:
    """The status is 422, and the stored response stays."""
    key = uuid4().hex
    first = post(api, key)
    path = f"/companies/{first.json()['id']}/connections"
    assert post(api, key, "Other").status_code == 422
    assert post(api, key, path=path).status_code == 422
    assert post(api, key).content == first.content


def test_refusals_are_stored_too(api: httpx.Client) -> None:
    """A 400 is a response like any other: the repetition has the same correlationId."""
    key = uuid4().hex
    first = post(api, key, "")
    assert first.status_code == 400
    assert post(api, key, "").content == first.content


def test_patch_uses_a_key_and_get_does_not(api: httpx.Client) -> None:
    """Without the key, the second PATCH would be refused. The response to a GET is never stored."""
    company = new_company(api)
    connection = new_connection(api, company)
    path = f"/companies/{company}/connections/{connection['id']}"
    authorize(connection)
    headers = {"Idempotency-Key": uuid4().hex}
    answers = [api.patch(path, json={"status": "Unlinked"}, headers=headers) for _ in range(2)]
    assert [each.status_code for each in answers] == [200, 200]
    headers = {"Idempotency-Key": uuid4().hex}
    links = {api.get(path, headers=headers).json()["linkUrl"] for _ in range(4)}
    assert len(links) > 1


def test_a_key_is_busy_while_its_first_request_runs(launch: Launch, connect: Connect) -> None:
    """The status is 409 until the first request is answered, and the 409 is not stored."""
    running = launch()
    api = connect(running)
    faults(running, {"kind": "slow", "seconds": 10, "count": 1})
    key = uuid4().hex
    answers: list[httpx.Response] = []
    first = threading.Thread(target=lambda: answers.append(post(api, key)))
    first.start()
    until(lambda: stats(running)["in_flight"] == 1)
    assert post(connect(running), key).status_code == 409
    first.join()
    assert post(api, key).content == answers[0].content
    assert stats(running)["companies"] == 1


def test_a_429_is_never_stored(launch: Launch, connect: Connect) -> None:
    """After the wait, the request with the same key is done."""
    running = launch()
    faults(running, {"kind": "429", "count": 1, "seconds": 0})
    api, key = connect(running), uuid4().hex
    assert [post(api, key).status_code for _ in range(2)] == [429, 200]


@pytest.mark.parametrize(("kind", "companies"), [("5xx_before", 0), ("5xx_after", 1)])
def test_a_5xx_is_stored(launch: Launch, connect: Connect, kind: str, companies: int) -> None:
    """The key replays the 5xx for 90 minutes, whether or not the work was done."""
    running = launch()
    faults(running, {"kind": kind, "count": 1, "status": 503})
    api, key = connect(running), uuid4().hex
    first, second = post(api, key), post(api, key)
    assert first.status_code == second.status_code == 503
    assert first.json() == second.json()
    assert stats(running)["companies"] == companies
    advance(running, 90 * 60)
    assert post(api, key).status_code == 200


@pytest.mark.parametrize("kind", ["gateway_after", "reset_after", "empty", "truncated", "cut", "html_200"])
def test_a_response_lost_on_the_way_is_stored(launch: Launch, connect: Connect, kind: str) -> None:
    """A fault on the way back does not change the stored response."""
    running = launch()
    faults(running, {"kind": kind, "count": 1})
    api, key = connect(running), uuid4().hex
    try:
        lost = post(api, key).content
    except httpx.TransportError:
        lost = b""
    answer = post(api, key)
    assert answer.status_code == 200
    assert answer.json()["name"] == "Acme"
    assert answer.content != lost
    assert stats(running)["companies"] == 1


def test_stored_responses_survive_a_kill(tmp_path: Path, connect: Connect) -> None:
    """They are in the state on the disk."""
    key = uuid4().hex
    with start(tmp_path / "state") as running:
        first = post(connect(running), key)
        assert running.process
        running.process.kill()
    with start(tmp_path / "state") as running:
        assert post(connect(running), key).content == first.content
        assert stats(running)["companies"] == 1


def test_keys_can_be_ignored(launch: Launch, connect: Connect) -> None:
    """Then a client whose only defence is the key makes duplicates."""
    running = launch(ignore_idempotency=True)
    api, key = connect(running), uuid4().hex
    assert post(api, key).json()["id"] != post(api, key).json()["id"]
