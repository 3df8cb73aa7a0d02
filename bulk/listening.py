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

import anyio
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bulk.codat.events import read_event
from bulk.engine import steps
from bulk.engine.heed import take_in
from bulk.errors import JournalUnwritable, WrongUsage
from bulk.journal.writer import Writer
from bulk.settings import Secret

HOST = "127.0.0.1"
MOST_BYTES = 1_000_000  # of an event's body
BODY_SECONDS = 10.0  # for all of it to come
SECRET = re.compile(r"whsec_(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?")

Verifier = Callable[[bytes, Mapping[str, str]], bool]


def verifier(secret: Secret) -> Verifier:
    """Give what tells a signed event from a forged one. Raises WrongUsage, also where the library is missing."""
    try:
        from standardwebhooks import Webhook
    except ImportError as error:
        raise WrongUsage("Listening needs one more library. Install it with: pip install 'bulk[listen]'") from error
    if not SECRET.fullmatch(secret.reveal()):  # the library takes nearly anything, and then believes nobody
        raise WrongUsage(
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


class Reception:
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
        if len(body) > MOST_BYTES:
            return PlainTextResponse("too long", 413)
        if not self._is_genuine(body, request.headers):
            return PlainTextResponse("the signature is not Codat's", 401)
        try:
            event = read_event(json.loads(body))
        except (ValueError, RecursionError):
            return PlainTextResponse("no event", 400)
        if event is None:  # an event of another kind
            return Response(status_code=204)
        number, text, at = request.headers["webhook-id"], body.decode(), steps.timestamp(time.time())
        try:
            is_new = await self._writer.write(lambda db: take_in(db, number, event, text, at))
        except JournalUnwritable:
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
            if len(body) > MOST_BYTES:
                break
        return bytes(body)
    return None


def bound(port: int) -> socket.socket:
    """Take a port of this machine, 0 for any that is free. Raises WrongUsage."""
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        raise WrongUsage(f"Port {port} cannot be used ({error.strerror}); give another with --port.") from error


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

    server = _Server(Reception(writer, is_genuine, new))
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


class _Server(uvicorn.Server):
    """uvicorn's server, which leaves signals to its caller."""

    def __init__(self, reception: Reception) -> None:
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
