"""Webhooks in place of polling: a small HTTP server that writes each event down, answers, and has it acted on after.

Codat delivers at least once and in any order, waits 15 seconds for a 2xx and delivers again without one
(https://docs.codat.io/using-the-api/webhooks/receive-webhooks). So an event counts as taken once it is on the disk.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import socket
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path

import anyio
import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bulk.batch import JobEnd, run_job, write_reports
from bulk.codat.webhooks import read_event
from bulk.engine.changes import timestamp
from bulk.engine.commands.listen import ApplyEvents, has_work, open_journal, record_event
from bulk.engine.events import Hook, Warned
from bulk.engine.polling import AFTER_TROUBLE, next_try
from bulk.errors import BatchInUseError, JournalError, JournalGoneError, UsageError
from bulk.journal.database import FILE, require_there
from bulk.journal.writer import Writer
from bulk.model import Stop
from bulk.results import BatchResult
from bulk.settings import Secret, Settings

HOST = "127.0.0.1"
MAX_BYTES = 1_000_000  # of an event's body
BODY_SECONDS = 10.0  # for all of it to come
AFTER_ANOTHER_RUN = 2.0  # until it is looked again whether the batch is free
BETWEEN_REPORTS = 60.0  # seconds, at least
REST_AFTER_REPORTS = 9  # times as long as they took, at least: those of a big batch take a while
SECRET = re.compile(r"whsec_(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?")

Verifier = Callable[[bytes, Mapping[str, str]], bool]


def verifier(secret: Secret) -> Verifier:
    """Give what tells a signed event from a forged one. Raises WrongUsage, also where the library is missing."""
    try:
        from standardwebhooks import Webhook
    except ImportError as error:
        raise UsageError(
            "Listening needs one more library: pip install standardwebhooks (or, in bulk's own folder, '.[listen]')."
        ) from error
    if not SECRET.fullmatch(secret.reveal()):  # the library takes nearly anything, and then believes nobody
        raise UsageError(
            "CODAT_WEBHOOK_SECRET is no secret of a webhook: copy it from Codat's portal, it begins with whsec_."
        )
    webhook = Webhook(secret.reveal())

    def is_genuine(body: bytes, headers: Mapping[str, str]) -> bool:
        try:
            webhook.verify(body, dict(headers), json_parse=False)
        except Exception:  # noqa: BLE001 - a forged header may break the library in any way
            return False
        return True

    return is_genuine


class WebhookReceiver:
    """Takes events in: verified over the raw body, on the disk before they are answered."""

    def __init__(self, writer: Writer, is_genuine: Verifier, on_event: Callable[[], None]) -> None:
        """Make a reception. `on_event` hears of each event that is new."""
        self._writer = writer
        self._is_genuine = is_genuine
        self._on_event = on_event

    async def receive(self, request: Request) -> Response:
        """Answer one delivery."""
        body = await _body(request)
        if body is None:
            return PlainTextResponse("too slow", 408)
        if len(body) > MAX_BYTES:
            return PlainTextResponse("too long", 413)
        if not self._is_genuine(body, request.headers):
            return PlainTextResponse("the signature is not Codat's", 401)
        try:
            text = body.decode()  # JSON may be in UTF-16 as well, but this is what is written down and read again
            event = read_event(json.loads(text))
        except (ValueError, RecursionError):
            return PlainTextResponse("no event", 400)
        if event is None:  # an event of another kind
            return Response(status_code=204)
        number, at = request.headers["webhook-id"], timestamp(time.time())
        try:
            is_new = await self._writer.write(lambda db: record_event(db, number, event, text, at))
        except JournalGoneError:
            self._on_event()  # who hears of it finds that out too, and ends the listening
            return PlainTextResponse("the batch is gone", 503)
        except JournalError:
            return PlainTextResponse("cannot be written down now", 503)
        if is_new:
            self._on_event()
        return Response(status_code=204)


async def _body(request: Request) -> bytes | None:
    """Read a body, or as much of it as shows that it is too long; None if it does not come."""
    body = bytearray()
    with anyio.move_on_after(BODY_SECONDS), contextlib.suppress(ClientDisconnect):
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BYTES:
                break
        return bytes(body)
    return None


def bound(port: int) -> socket.socket:
    """Take a port of this machine, 0 for any that is free. Raises WrongUsage."""
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        raise UsageError(f"Port {port} cannot be used ({error.strerror}); give another with --port.") from error


async def serve(
    writer: Writer,
    listener: socket.socket,
    is_genuine: Verifier,
    work: Callable[[], Awaitable[float | None]],
    interrupt: anyio.Event,
) -> None:
    """Receive events until `interrupt` is set or `work` raises; `work` at first and after each that is new.

    `work` gives None when all is done, or after how many seconds it is to be called again.
    """
    ring, heard = anyio.create_memory_object_stream[None](1)

    def new() -> None:
        with contextlib.suppress(anyio.WouldBlock, anyio.ClosedResourceError):  # it has rung already, or nobody hears
            ring.send_nowait(None)

    async def end() -> None:
        await interrupt.wait()
        ring.close()

    server = _Server(WebhookReceiver(writer, is_genuine, new))
    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(server.serve, [listener])
        group.start_soon(end)
        try:
            with ring, heard, contextlib.suppress(anyio.EndOfStream):
                while not interrupt.is_set():
                    pause = await work()
                    with anyio.move_on_after(math.inf if pause is None else pause):
                        await heard.receive()
        except Exception as error:  # noqa: BLE001 - it is raised when what came in is answered
            failure = error
        finally:
            server.should_exit = True
            interrupt.set()
    if failure is not None:
        raise failure


async def listen(
    folder: Path,
    port: int,
    is_genuine: Verifier,
    settings: Settings,
    ready: Callable[[str], None],
    on_event: Hook,
    interrupt: anyio.Event,
) -> BatchResult:
    """Take a port, say where, act on events until interrupted or refused by Codat, and write the reports."""
    with bound(port) as listener:
        async with Writer(open_journal(folder, settings), folder) as writer:
            rounds = WebhookWorker(writer, folder, settings, on_event, interrupt)
            ready(f"http://{HOST}:{listener.getsockname()[1]}/")
            await serve(writer, listener, is_genuine, rounds.work, interrupt)
    require_there(folder / FILE)
    return await anyio.to_thread.run_sync(write_reports, folder, JobEnd(stop=rounds.stop or Stop("Interrupted", 130)))


class WebhookWorker:
    """Acts on what a listener has received, a round at a time; the reports follow at most a minute later."""

    def __init__(
        self, writer: Writer, folder: Path, settings: Settings, on_event: Hook, interrupt: anyio.Event
    ) -> None:
        self._writer = writer
        self._folder = folder
        self._settings = settings
        self._on_event = on_event
        self._interrupt = interrupt
        self._report_at: float | None = None
        self._next_report_at = -math.inf
        self.stop: Stop | None = None  # what ended the listening, if it was not interrupted

    async def work(self) -> float | None:
        """Do a round if there is need; gives in how many seconds to come again, None if only for news."""
        try:
            if await self._writer.write(has_work) and (pause := await self._round()) is not None:
                return pause
            return await self._report()
        except BatchInUseError:
            return AFTER_ANOTHER_RUN
        except JournalGoneError:  # whose like are waited for
            raise
        except JournalError as error:  # meanwhile Codat hears so, and delivers again
            self._on_event(Warned(str(error)))
            return AFTER_TROUBLE

    async def _report(self) -> float | None:
        if self._report_at is None:
            return None
        wait = self._report_at - time.monotonic()
        if wait > 0:
            return wait
        began = time.monotonic()
        await anyio.to_thread.run_sync(write_reports, self._folder)  # events are answered all the while
        ended = time.monotonic()
        self._report_at = None
        self._next_report_at = max(began + BETWEEN_REPORTS, ended + REST_AFTER_REPORTS * (ended - began))
        return None

    async def _round(self) -> float | None:
        job = ApplyEvents(timestamp(time.time()))
        require_there(self._folder / FILE)
        _, stop, _ = await run_job(self._folder, job, self._settings, self._on_event, self._interrupt, lock_wait=0)
        self._report_at = self._report_at or max(time.monotonic(), self._next_report_at)
        if stop is None or stop.exit_code == 130:
            return None
        if stop.exit_code == JournalError.exit_code:
            due = next_try(time.time(), 0.0, stop)
            self._on_event(Warned(f"{stop.reason}. Listening goes on; the rest is tried again at {timestamp(due)}"))
            return max(due - time.time(), 0.0)
        self.stop = stop
        self._interrupt.set()
        return None


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to its caller."""

    def __init__(self, reception: WebhookReceiver) -> None:
        app = Starlette(routes=[Route("/{path:path}", reception.receive, methods=["POST"])])
        super().__init__(
            uvicorn.Config(
                app,
                loop="asyncio",
                ws="none",
                lifespan="off",
                log_level="critical",
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=5,
            )
        )

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
