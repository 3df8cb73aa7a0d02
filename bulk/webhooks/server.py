"""The server of `bulk listen`: a port on loopback, a receiver of events, and a worker that applies them."""

from __future__ import annotations

import contextlib
import math
import socket
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import anyio
import anyio.to_thread
import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route

from bulk.batch import JobEnd, write_reports
from bulk.engine.commands.listen import open_journal
from bulk.engine.events import Hook
from bulk.errors import UsageError
from bulk.journal.database import FILE, require_there
from bulk.journal.writer import Writer
from bulk.model import Stop
from bulk.results import BatchResult
from bulk.settings import Settings
from bulk.webhooks.receiver import Verifier, WebhookReceiver
from bulk.webhooks.worker import WebhookWorker

HOST = "127.0.0.1"


async def listen(
    folder: Path,
    port: int,
    is_genuine: Verifier,
    settings: Settings,
    ready: Callable[[str], None],
    on_event: Hook,
    interrupt: anyio.Event,
) -> BatchResult:
    """Serve until interrupted or stopped by Codat, then write the reports. `ready` is called with the address."""
    with bound(port) as listener:
        async with Writer(open_journal(folder, settings), folder) as writer:
            worker = WebhookWorker(writer, folder, settings, on_event, interrupt)
            ready(f"http://{HOST}:{listener.getsockname()[1]}/")
            await serve(writer, listener, is_genuine, worker.work, interrupt)
    require_there(folder / FILE)
    return await anyio.to_thread.run_sync(write_reports, folder, JobEnd(stop=worker.stop or Stop("Interrupted", 130)))


def bound(port: int) -> socket.socket:
    """Return a socket that listens on a port on loopback; 0 means any free port. Raises UsageError."""
    try:
        return socket.create_server((HOST, port), backlog=128)
    except OSError as error:
        raise UsageError(f"Port {port} cannot be used ({error.strerror}). Choose another with --port.") from error


async def serve(
    writer: Writer,
    listener: socket.socket,
    is_genuine: Verifier,
    work: Callable[[], Awaitable[float | None]],
    interrupt: anyio.Event,
) -> None:
    """Receive events until `interrupt` is set or `work` raises. Call `work` at the start, and after each new event.

    `work` returns the seconds until its next call, or None if it is only to be called after the next event.
    """
    notifications, received = anyio.create_memory_object_stream[None](1)

    def notify() -> None:
        with contextlib.suppress(anyio.WouldBlock, anyio.ClosedResourceError):  # notified already, or at the end
            notifications.send_nowait(None)

    async def close_on_interrupt() -> None:
        await interrupt.wait()
        notifications.close()

    server = _Server(WebhookReceiver(writer, is_genuine, notify))
    failure: Exception | None = None
    async with anyio.create_task_group() as group:
        group.start_soon(server.serve, [listener])
        group.start_soon(close_on_interrupt)
        try:
            with notifications, received, contextlib.suppress(anyio.EndOfStream):
                while not interrupt.is_set():
                    pause = await work()
                    with anyio.move_on_after(math.inf if pause is None else pause):
                        await received.receive()
        except Exception as error:  # noqa: BLE001 - raised below, when the deliveries in progress are answered
            failure = error
        finally:
            server.should_exit = True
            interrupt.set()
    if failure is not None:
        raise failure


class _Server(uvicorn.Server):
    """uvicorn's server without its signal handlers, because the caller has its own."""

    def __init__(self, receiver: WebhookReceiver) -> None:
        app = Starlette(routes=[Route("/{path:path}", receiver.receive, methods=["POST"])])
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
