"""The listener and its worker in this process: quotas, full disks, another run, and the times of the reports."""

from __future__ import annotations

import socket
import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from typing import Any

import anyio
import anyio.to_thread
import httpx
import pytest
from support.http_client import TLS
from support.listen_fixtures import Batch
from support.listeners import accepted, event, in_state, signed
from support.runs import KEY, BatchFixture, until

from bulk import api, job
from bulk import batch as batch_folder
from bulk.engine import polling
from bulk.engine.events import Event, Warned
from bulk.errors import BatchError, BatchInUseError, JournalError, JournalGoneError, UsageError
from bulk.journal import database, webhook_events
from bulk.model import Stop
from bulk.sandbox.options import WEBHOOK_SECRET
from bulk.settings import Secret, Settings
from bulk.webhooks import receiver, server, worker

Scenario = Callable[[str], Awaitable[None]]


def listen(
    fixture: BatchFixture, scenario: Scenario, *, on_event: Callable[[Event], None] = lambda _: None
) -> api.BatchResult:
    """Listen while a scenario runs; call it with the listener's address."""

    async def main() -> api.BatchResult:
        interrupt = anyio.Event()
        addresses: list[str] = []
        settings = Settings.make(api_key=KEY, base_url=fixture.codat.base_url, rate=1_000_000, environ={})
        results = []

        async def start() -> None:
            results.append(
                await api.listen(
                    fixture.folder,
                    secret=Secret(WEBHOOK_SECRET),
                    settings=settings,
                    ready=addresses.append,
                    on_event=on_event,
                    interrupt=interrupt,
                )
            )

        try:
            async with anyio.create_task_group() as group:
                group.start_soon(start)
                await wait_until(lambda: bool(addresses))
                with anyio.fail_after(240):
                    await scenario(addresses[0])
                interrupt.set()
        except BaseExceptionGroup as errors:
            (error,) = errors.exceptions  # the group above, which contains no other group
            raise error from None
        return results[0]

    return anyio.run(main)


async def post(url: str, body: bytes, headers: dict[str, str] | None = None) -> int:
    """Send an event; return the status of the response."""
    async with httpx.AsyncClient(timeout=240, verify=TLS) as client:
        return (await client.post(url, content=body, headers=headers or signed(body))).status_code


async def wait_until(holds: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    await anyio.to_thread.run_sync(until, holds, "the scenario's condition")


def link(fixture: BatchFixture, customer_id: str, kind: str = "connected") -> bytes:
    """Link a customer while the sandbox's own event reaches no listener; return the event."""
    fixture.codat.authorize([customer_id])
    connection = fixture.codat.accounting(customer_id)
    return event(kind, company=connection.company, connection=connection.id, tags={"uid": customer_id})


@pytest.fixture
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the worker's pauses."""
    monkeypatch.setattr(worker, "AFTER_TROUBLE", 0.1)
    monkeypatch.setattr(polling, "AFTER_TROUBLE", 0.1)
    monkeypatch.setattr(worker, "AFTER_ANOTHER_RUN", 0.1)


def fail_rounds(monkeypatch: pytest.MonkeyPatch, *outcomes: Stop | Exception) -> list[float]:
    """Make the first rounds end with these outcomes; return the list to which the time of each round is added."""
    rounds, real = [], job.run_job

    async def do(*arguments: Any, **options: Any) -> batch_folder.JobEnd:
        rounds.append(time.time())
        if len(rounds) > len(outcomes):
            return await real(*arguments, **options)
        outcome = outcomes[len(rounds) - 1]
        if isinstance(outcome, Exception):
            raise outcome
        return batch_folder.JobEnd(len(rounds), outcome, Counter())

    monkeypatch.setattr(worker, "run_job", do)
    return rounds


@pytest.mark.usefixtures("short_pauses")
def test_after_the_days_quota_the_worker_continues_at_the_reset(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says when it will continue, and accepts events until then."""
    fixture, ids = batch(1)
    reset = time.time() + 1.5
    rounds = fail_rounds(monkeypatch, Stop("The daily quota is used up", 75, reset))
    heard: list[Event] = []

    async def scenario(url: str) -> None:
        assert await post(url, link(fixture, ids[0])) == 204
        await wait_until(lambda: in_state(fixture, "complete") == ids)

    result = listen(fixture, scenario, on_event=heard.append)

    assert result.exit_code == 130
    assert len(rounds) == 2
    assert rounds[1] >= reset
    warned = next(each.text for each in heard if isinstance(each, Warned))
    assert warned.startswith("The daily quota is used up. Listening continues")


@pytest.mark.usefixtures("short_pauses")
def test_a_full_disk_or_another_run_only_delays_a_round(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed round and a failed report are both tried again, without another event."""
    fixture, ids = batch(1)
    rounds = fail_rounds(monkeypatch, JournalError("no room"), BatchInUseError("busy"))
    real, reports = batch_folder.write_reports, []

    def write_reports(*arguments: Any) -> api.BatchResult:
        reports.append(time.time())
        if len(reports) == 1:
            raise JournalError("no room for reports")
        return real(*arguments)

    monkeypatch.setattr(worker, "write_reports", write_reports)
    heard: list[Event] = []

    async def scenario(url: str) -> None:
        assert await post(url, link(fixture, ids[0])) == 204
        await wait_until(lambda: len(reports) == 2)

    assert listen(fixture, scenario, on_event=heard.append).summary.customers["complete"] == 1
    assert len(rounds) == 3
    assert [each.text for each in heard if isinstance(each, Warned)] == ["no room", "no room for reports"]


@pytest.mark.parametrize("error", [BatchError("damaged"), RuntimeError("a defect")])
def test_a_permanent_error_ends_the_listener(batch: Batch, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """It is raised alone, not in a group. The next listener still finds the event."""
    fixture, ids = batch(1)
    fail_rounds(monkeypatch, error)

    async def scenario(url: str) -> None:
        assert await post(url, link(fixture, ids[0])) == 204
        await anyio.sleep_forever()

    with pytest.raises(type(error), match=str(error)):
        listen(fixture, scenario)
    assert accepted(fixture) == 1
    with closing(sqlite3.connect(fixture.folder / database.FILE)) as journal:
        assert webhook_events.last_processed(journal) == 0


def test_a_body_that_drips_gets_a_408(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of it is kept."""
    fixture, ids = batch(1)
    monkeypatch.setattr(receiver, "BODY_SECONDS", 0.3)
    body = link(fixture, ids[0])

    def drip(url: str) -> bytes:
        head = "".join(f"{name}: {value}\r\n" for name, value in signed(body).items())
        with socket.create_connection(("127.0.0.1", int(url.rsplit(":")[-1].strip("/"))), timeout=10) as line:
            line.sendall(f"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n{head}\r\n".encode())
            for byte in body[:20]:
                line.sendall(bytes([byte]))
                time.sleep(0.02)
            return line.recv(100)

    async def scenario(url: str) -> None:
        assert b" 408 " in await anyio.to_thread.run_sync(drip, url)

    listen(fixture, scenario)
    assert accepted(fixture) == 0


def test_a_locked_journal_means_a_503_and_the_repeat_is_accepted(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Codat repeats an event that gets a 503."""
    fixture, ids = batch(1)
    real = database.open_journal

    def opened(*arguments: Any) -> sqlite3.Connection:
        connection = real(*arguments)
        connection.execute("PRAGMA busy_timeout = 100")
        return connection

    monkeypatch.setattr(database, "open_journal", opened)

    async def scenario(url: str) -> None:
        body = link(fixture, ids[0])
        headers = signed(body)
        with closing(sqlite3.connect(fixture.folder / database.FILE, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert await post(url, body, headers) == 503
            other.execute("ROLLBACK")
        assert await post(url, body, headers) == 204
        await wait_until(lambda: in_state(fixture, "complete") == ids)

    listen(fixture, scenario)


def test_events_are_answered_while_reports_are_written(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here, the first report ends only after the second event was answered."""
    fixture, ids = batch(2)
    monkeypatch.setattr(worker, "BETWEEN_REPORTS", 3600.0)
    real, reports, was_answered = batch_folder.write_reports, [], threading.Event()

    def write_reports(*arguments: Any) -> api.BatchResult:
        reports.append(time.monotonic())
        assert was_answered.wait(60)
        return real(*arguments)

    monkeypatch.setattr(worker, "write_reports", write_reports)
    monkeypatch.setattr(server, "write_reports", write_reports)

    async def scenario(url: str) -> None:
        bodies = [await anyio.to_thread.run_sync(link, fixture, each) for each in ids]
        assert await post(url, bodies[0]) == 204
        await wait_until(lambda: bool(reports))
        assert await post(url, bodies[1]) == 204
        was_answered.set()
        await wait_until(lambda: in_state(fixture, "complete") == ids)

    assert listen(fixture, scenario).summary.customers["complete"] == 2
    assert len(reports) == 2  # at once and at the end, not after each event


def test_the_next_reports_follow_after_the_interval(batch: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worker writes them without another event."""
    fixture, ids = batch(2)
    monkeypatch.setattr(worker, "BETWEEN_REPORTS", 1.0)
    real, reports = batch_folder.write_reports, []

    def write_reports(*arguments: Any) -> api.BatchResult:
        reports.append(time.monotonic())
        return real(*arguments)

    monkeypatch.setattr(worker, "write_reports", write_reports)
    monkeypatch.setattr(server, "write_reports", write_reports)

    async def scenario(url: str) -> None:
        first, second = [await anyio.to_thread.run_sync(link, fixture, each) for each in ids]
        assert await post(url, first) == 204
        await wait_until(lambda: len(reports) == 1)
        assert await post(url, second) == 204
        await wait_until(lambda: fixture.summary()["customers"]["complete"] == 2)
        await anyio.sleep(1.2)

    listen(fixture, scenario)
    assert len(reports) == 3
    assert reports[1] - reports[0] >= 0.9  # the interval counts from just before the first report


def test_a_deleted_journal_ends_the_listener(batch: Batch) -> None:
    """No event is written to a file that is gone."""
    fixture, ids = batch(1)

    async def scenario(url: str) -> None:
        body = link(fixture, ids[0])
        fixture.delete_journal()
        assert await post(url, body) == 503  # so Codat delivers it again
        await anyio.sleep_forever()

    with pytest.raises(JournalGoneError, match="moved or deleted during"):
        listen(fixture, scenario)
    assert not (fixture.folder / database.FILE).exists()


def test_another_codats_batch_is_refused_before_anything_listens(batch: Batch) -> None:
    """This is true even if the batch has no work."""
    fixture, _ = batch(1)
    settings = Settings.make(api_key=KEY, environ={})
    heard: list[str] = []
    with pytest.raises(BatchError, match="was run against"):
        anyio.run(
            partial(api.listen, fixture.folder, secret=Secret(WEBHOOK_SECRET), settings=settings, ready=heard.append)
        )
    assert not heard


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "hello", "whsec_not base64", "whsec_YnVsay1é", "YnVsay1zYW5kYm94", "whsec_A"]
)
def test_an_invalid_secret_is_refused(secret: str) -> None:
    """The library would accept most of these, and then refuse every event."""
    with pytest.raises(UsageError, match="whsec_") as caught:
        receiver.verifier(Secret(secret))
    assert len(secret) < 8 or secret.removeprefix("whsec_") not in str(caught.value)


@pytest.mark.parametrize("secret", [WEBHOOK_SECRET, WEBHOOK_SECRET.rstrip("="), "whsec_" + "Ab+/" * 8, "whsec_Ab+/Ab+"])
def test_a_secret_with_or_without_padding_is_accepted(secret: str) -> None:
    """Svix writes both forms."""
    assert not receiver.verifier(Secret(secret))(b"{}", {})
