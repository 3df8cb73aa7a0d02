"""Signed events at a receiver on loopback."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from codat_platform.models.shared.connectionwebhook import ConnectionWebhook
from support.http_client import HTTP
from support.sandbox import start

from acceptance.sandbox.client import Connect, Launch, advance, authorize, new_company, new_connection, until
from acceptance.sandbox.receiving import Receiver, receiving
from bulk.sandbox.command import sandbox
from bulk.sandbox.launch import Running
from bulk.sandbox.options import WEBHOOK_SECRET, Options


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a receiver that accepts every event."""
    with receiving() as listening:
        yield listening


def control(running: Running, method: str, path: str, **content: object) -> dict[str, Any]:
    """Send a request to one of the handles."""
    answer = HTTP.request(method, f"{running.base_url}/_sandbox{path}", json=content or None)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def counts(running: Running) -> dict[str, int]:
    """Count the events by status."""
    found: dict[str, int] = control(running, "GET", "/webhooks")["counts"]
    return found


def linked(api: httpx.Client, **content: object) -> tuple[str, dict[str, str]]:
    """Create a company whose customer authorizes; return its id and its connection."""
    company = new_company(api, **content)
    connection = new_connection(api, company)
    authorize(connection)
    return company, connection


def test_an_event_is_signed_and_matches_the_api(launch: Launch, connect: Connect, receiver: Receiver) -> None:
    """The headers are those of standard-webhooks. The body has the company and the connection as the API shows them."""
    api = connect(launch(webhook_url=receiver.url))
    company, connection = linked(api, name="Acme Ltd", description="Größe", tags={"uid": "1"})
    (event,) = receiver.wait_for(1)
    assert event.is_genuine()
    assert not event.is_genuine(b"another")
    assert event.headers["content-type"] == "application/json"
    assert set(event.body) == {"id", "eventType", "generatedDate", "payload"}
    assert event.body["eventType"] == "connection.connected"
    shown = api.get(f"/companies/{company}").json()
    assert event.body["payload"]["connection"] == shown["dataConnections"][0]
    reference = {"id": company, "name": "Acme Ltd", "description": "Größe", "tags": {"uid": "1"}}
    assert event.body["payload"]["referenceCompany"] == reference
    assert "Größe".encode() in event.raw
    read = ConnectionWebhook.from_json(event.raw.decode())  # Codat's own model of it
    assert read
    assert read.payload
    assert read.payload.connection
    assert read.payload.connection.id == connection["id"]
    assert read.payload.connection.status.value == "Linked"


@pytest.mark.parametrize("library", ["standardwebhooks", "svix.webhooks"])
def test_the_librarys_own_check_passes(launch: Launch, connect: Connect, receiver: Receiver, library: str) -> None:
    """The test runs if the library is installed."""
    webhook = pytest.importorskip(library).Webhook(WEBHOOK_SECRET)
    linked(connect(launch(webhook_url=receiver.url)))
    (event,) = receiver.wait_for(1)
    assert webhook.verify(event.raw, event.headers)["eventType"] == "connection.connected"


def test_every_cause_has_its_event(launch: Launch, connect: Connect, receiver: Receiver) -> None:
    """Each change of a connection by pages, PATCH, customers or deletions has exactly one event."""
    running = launch(webhook_url=receiver.url, second_partner="allow")
    api = connect(running)
    company, connection = linked(api, tags={"uid": "1"})
    path = f"/companies/{company}/connections/{connection['id']}"
    expected = ["connected"]

    def then(*types: str) -> None:
        expected.extend(types)
        assert [each.type for each in receiver.wait_for(len(expected))] == expected

    then()
    api.post(f"/companies/{company}/sync/expenses/connections/partnerExpense").raise_for_status()
    api.patch(path, json={"status": "Unlinked"}).raise_for_status()
    then("disconnected")
    control(running, "POST", "/customers", customers=["1"])
    control(running, "POST", "/customers", customers=["1"])
    then("reconnected")
    control(running, "PUT", f"/connections/{connection['id']}", status="Deauthorized")
    then("disconnected")
    authorize(api.get(path).json())
    then("reconnected")
    control(running, "POST", "/customers/deauthorize", share=1.0)
    then("disconnected")
    control(running, "POST", "/customers", customers=["1"])
    then("reconnected")
    control(running, "PUT", f"/connections/{connection['id']}", status="PendingAuth")
    control(running, "POST", "/customers", share=1.0)
    then("reconnected")  # `connected` is sent only for the first link
    control(running, "DELETE", f"/connections/{connection['id']}")
    then("deleted")
    new_connection(api, company)
    control(running, "DELETE", f"/companies/{company}")
    then("deleted", "deleted")  # the accounting connection and the partner's
    other = new_company(api)
    new_connection(api, other)
    assert api.delete(f"/companies/{other}").status_code == 204
    then("deleted")
    third = new_company(api, tags={"uid": "3"})
    requested = new_connection(api, third)
    HTTP.post(f"{running.base_url}/link/companies/{third}/start", data={"platformKey": "qhyg"}).raise_for_status()
    then("connected")
    shown = receiver.received[-1].body["payload"]["connection"]
    assert (shown["integrationKey"], shown["status"]) == ("qhyg", "Linked")
    assert shown["id"] != requested["id"]
    assert all(each.is_genuine() for each in receiver.received)
    assert len({each.id for each in receiver.received}) == len(expected)


def test_partner_connections_have_events_if_enabled(launch: Launch, connect: Connect, receiver: Receiver) -> None:
    """With `--partner-events` a test can check that a receiver does not confuse them with linked customers."""
    api = connect(launch(webhook_url=receiver.url, partner_events=True))
    company, _ = linked(api)
    api.post(f"/companies/{company}/sync/expenses/connections/partnerExpense").raise_for_status()
    events = receiver.wait_for(2)
    assert [each.type for each in events] == ["connected", "connected"]
    assert [each.body["payload"]["connection"]["sourceType"] for each in events] == ["Accounting", "Expense"]


def test_a_change_that_is_rolled_back_has_no_event(launch: Launch, connect: Connect, receiver: Receiver) -> None:
    """A fault before the work prevents the event; a fault after the work does not."""
    running = launch(webhook_url=receiver.url)
    api = connect(running)
    company, connection = linked(api)
    for kind, status in (("5xx_before", 500), ("reset_before", None), ("reset_after", None)):
        HTTP.post(running.base_url + "/_sandbox/faults", json={"kind": kind, "count": 1}).raise_for_status()
        try:
            answer = api.patch(f"/companies/{company}/connections/{connection['id']}", json={"status": "Unlinked"})
            assert answer.status_code == status
        except httpx.TransportError:
            assert status is None
    assert [each.type for each in receiver.wait_for(2)] == ["connected", "disconnected"]


def test_an_event_is_sent_again_until_it_is_accepted(launch: Launch, connect: Connect) -> None:
    """Each attempt has the same webhook-id, the same body and a valid signature."""
    statuses = iter([500, 302, 404])
    with receiving(answer=lambda _: next(statuses, 200)) as receiver:
        running = launch(webhook_url=receiver.url)
        linked(connect(running))
        events = receiver.wait_for(4)
        assert len({(each.id, each.raw) for each in events}) == 1
        assert all(each.is_genuine() for each in events)
        until(lambda: counts(running) == {"delivered": 1})
    (shown,) = control(running, "GET", "/webhooks")["deliveries"]
    assert (shown["id"], shown["type"]) == (events[0].id, "connection.connected")
    assert (shown["status"], shown["attempts"], shown["answer"]) == ("delivered", 4, "200")


def test_a_receiver_that_starts_late_gets_every_event(launch: Launch, connect: Connect) -> None:
    """The API answers although no receiver is running."""
    with receiving() as gone:
        pass
    running = launch(webhook_url=gone.url)
    api = connect(running)
    made = [linked(api)[1]["id"] for _ in range(5)]
    until(lambda: control(running, "GET", "/webhooks")["deliveries"][0]["attempts"] > 0)
    assert counts(running) == {"pending": 5}
    with receiving(port=int(gone.url.split(":")[2].split("/")[0])) as back:
        events = back.wait_for(5)
    assert {each.body["payload"]["connection"]["id"] for each in events} == set(made)


def test_a_receiver_that_hangs_delays_nothing_else(launch: Launch, connect: Connect) -> None:
    """The API answers, and the sandbox stops without waiting for the receiver."""
    released = threading.Event()

    def hang(_: object) -> int:
        released.wait(60)
        return 200

    with receiving(answer=hang) as receiver:
        running = launch(webhook_url=receiver.url)
        linked(connect(running))
        receiver.wait_for(1)
        begun = time.monotonic()
        linked(connect(running))
        running.stop()
        assert time.monotonic() - begun < 30
        released.set()
    assert running.process
    assert running.process.returncode == 0


@pytest.mark.parametrize("ends", ["stop", "kill"])
def test_undelivered_events_survive_a_restart(tmp_path: Path, connect: Connect, ends: str) -> None:
    """They keep their webhook-id, even after a kill."""
    with receiving(answer=lambda _: 503) as receiver:
        options = Options(webhook_url=receiver.url)
        with start(tmp_path / "state", options=options) as running:
            linked(connect(running))
            until(lambda: len(receiver.received) >= 2)
            assert running.process
            running.stop() if ends == "stop" else running.process.kill()
        receiver.answer = lambda _: 200
        before = len(receiver.received)
        with start(tmp_path / "state", options=options) as running:
            until(lambda: counts(running) == {"delivered": 1})
        assert len({each.id for each in receiver.received}) == 1
        assert len(receiver.received) == before + 1


def test_decisions_while_no_server_runs_are_sent_later(tmp_path: Path, connect: Connect, receiver: Receiver) -> None:
    """`authorize` and `deauthorize` store their events, and the next server sends them."""
    batch = tmp_path / "batch"
    with start(batch / "sandbox") as running:
        api = connect(running)
        path = {n: new_connection(api, new_company(api, tags={"uid": n}))["linkUrl"].split("?")[0] for n in "12"}
    for arguments in (["authorize", str(batch), "--share", "1"], ["deauthorize", str(batch), "--customer", "2"]):
        assert CliRunner().invoke(sandbox, arguments).exit_code == 0
    with start(batch / "sandbox", options=Options(webhook_url=receiver.url)):
        events = receiver.wait_for(3)
    assert receiver.types == ["connected", "connected", "disconnected"]
    reported = [(each.body["payload"]["referenceCompany"]["tags"]["uid"], each.body["payload"]) for each in events]
    assert sorted(uid for uid, _ in reported[:2]) == ["1", "2"]  # in either order
    assert reported[2][0] == "2"
    assert all(payload["connection"]["linkUrl"].split("?")[0] == path[uid] for uid, payload in reported)


def test_events_can_be_sent_again_in_order_and_shuffled(launch: Launch, connect: Connect, receiver: Receiver) -> None:
    """A handle for tests sends all events again. Each keeps its webhook-id and its body."""
    running = launch(webhook_url=receiver.url)
    api = connect(running)
    for _ in range(8):
        linked(api)
    first = [(each.id, each.raw) for each in receiver.wait_for(8)]
    assert control(running, "POST", "/webhooks", seed=None) == {"queued": 8}
    assert [(each.id, each.raw) for each in receiver.wait_for(16)[8:]] == first
    control(running, "POST", "/webhooks", seed=1)
    shuffled = [(each.id, each.raw) for each in receiver.wait_for(24)[16:]]
    assert sorted(shuffled) == sorted(first)
    assert shuffled != first
    assert all(each.is_genuine() for each in receiver.received)


def test_several_events_can_be_sent_at_once(launch: Launch, connect: Connect) -> None:
    """With `--webhook-concurrent` a test can check that a receiver does not mix events up."""
    together = threading.Barrier(3, timeout=60)

    def wait(_: object) -> int:
        together.wait()
        return 200

    with receiving(answer=wait) as receiver:
        running = launch(webhook_url=receiver.url, webhook_concurrent=3)
        for _ in range(3):
            new_connection(connect(running), new_company(connect(running)))
        control(running, "POST", "/customers", share=1.0)
        receiver.wait_for(3)
        until(lambda: counts(running) == {"delivered": 3})


def test_the_sandboxs_clock_does_not_change_the_time_of_a_signature(
    launch: Launch, connect: Connect, receiver: Receiver
) -> None:
    """The event has the sandbox's time. The signature has the machine's time, which a receiver checks."""
    running = launch(webhook_url=receiver.url)
    advance(running, 7200)
    linked(connect(running))
    (event,) = receiver.wait_for(1)
    assert event.is_genuine()
    assert event.body["generatedDate"] > time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + 3600))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/hooks",
        "http://10.0.0.1/hooks",
        "http://127.0.0.1.example.com/",
        "http://127.0.0.1@example.com/",
        "http://example.com\\@127.0.0.1/",
        "https://127.0.0.1:9000/",  # no certificate exists here
        "http://0.0.0.0:9000/",
        "http://127.0.0.1:x/",
        "127.0.0.1:9000",
        "http://",
    ],
)
def test_events_do_not_leave_the_machine(tmp_path: Path, url: str) -> None:
    """An address of another machine is wrong usage, and no server starts."""
    arguments = ["--state", str(tmp_path / "state"), "--webhook-url", url]
    result = CliRunner().invoke(sandbox, arguments)
    assert result.exit_code == 2, result.output
    assert "--webhook-url" in result.stderr
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!", "c2VjcmV0", "whsec_c2VjcmV"])
def test_a_secret_that_cannot_sign_is_refused(tmp_path: Path, secret: str) -> None:
    """The message does not contain it."""
    arguments = ["--state", str(tmp_path / "state"), "--webhook-secret", secret]
    result = CliRunner().invoke(sandbox, arguments)
    assert result.exit_code == 2
    assert "--webhook-secret" in result.stderr
    assert not secret or secret not in result.stderr.replace("whsec_ and", "")


def test_another_secret_signs(launch: Launch, connect: Connect, receiver: Receiver) -> None:
    """`--webhook-secret` is base64 with the prefix whsec_."""
    linked(connect(launch(webhook_url=receiver.url, webhook_secret="whsec_c2VjcmV0")))  # noqa: S106 - made up
    (event,) = receiver.wait_for(1)
    assert event.is_genuine(b"secret")
