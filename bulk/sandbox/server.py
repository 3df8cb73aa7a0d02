"""Runs a sandbox in this process, in the foreground, until it is stopped."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from bulk.sandbox.app import MakeApp, make_app, make_services
from bulk.sandbox.folder import SandboxError, StateFolder
from bulk.sandbox.options import Options
from bulk.sandbox.outbox import Outbox
from bulk.sandbox.signing import key_of
from bulk.sandbox.store import Store
from bulk.sandbox.transports import WatchedProtocol
from bulk.sandbox.webhooks import Deliverer

HOST = "127.0.0.1"
_STOP_SECONDS = 1  # a request that takes longer is dropped

# Below the range from which systems take ports for outgoing connections, so that the port is free tomorrow too.
_FIRST_PORT, _LAST_PORT = 20_000, 32_000


def serve(
    folder: StateFolder,
    options: Options,
    *,
    ready: Callable[[str], None],
    port: int = 0,
    watch_parent: bool = False,
    make_app: MakeApp = make_app,
) -> None:
    """Serve until SIGINT or SIGTERM, or until standard input ends if `watch_parent`.

    `ready` is called with the base URL as soon as the server answers requests. Raises AlreadyRunning, or SandboxError
    if the port is in use. `make_app` is for tests, which add routes.
    """
    os.umask(0o077)  # the state is for its owner only
    folder.make()
    with folder.locked(), _listening(folder, port) as listener:
        base_url = f"http://{HOST}:{listener.getsockname()[1]}"
        store = Store(folder.database)
        try:
            services = make_services(store, options, base_url=base_url)
            app = make_app(services, options, folder=folder.path.resolve())
            deliverer = _deliverer(services.outbox, options)
            server = _Server(_config(app), lambda: ready(base_url), deliverer, watch_parent=watch_parent)
            asyncio.run(server.serve([listener]))
            with store.transaction():
                services.quota.save()
        finally:
            store.close()


def _config(app: object) -> uvicorn.Config:
    return uvicorn.Config(
        app,  # type: ignore[arg-type] # an ASGI application
        http=WatchedProtocol,
        loop="asyncio",
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,  # the sandbox's own clock writes it
        backlog=1024,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=_STOP_SECONDS,
    )


def _deliverer(outbox: Outbox, options: Options) -> Deliverer | None:
    if not options.webhook_url:
        return None
    key = key_of(options.webhook_secret)
    return Deliverer(outbox, options.webhook_url, key, concurrency=options.webhook_concurrent)


class _Server(uvicorn.Server):
    """uvicorn's server, which also exits with 0 on a signal, can watch its parent, and sends events."""

    def __init__(
        self, config: uvicorn.Config, ready: Callable[[], None], deliverer: Deliverer | None, *, watch_parent: bool
    ) -> None:
        super().__init__(config)
        self._ready = ready
        self._deliverer = deliverer
        self._delivering: asyncio.Task[None] | None = None
        self._watch_parent = watch_parent

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self._watch_parent:
            threading.Thread(target=self._wait_for_parent, daemon=True).start()
        if self._deliverer:
            self._delivering = asyncio.create_task(self._deliverer.run())
            self._delivering.add_done_callback(self._on_delivery_end)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self._delivering:
            self._delivering.cancel()
            await asyncio.wait([self._delivering])

    def _on_delivery_end(self, task: asyncio.Task[None]) -> None:
        # Only a bug ends the task before the server. Without this message, events would silently stop.
        if not task.cancelled() and task.exception():
            logging.getLogger("uvicorn.error").error("No more events are sent.", exc_info=task.exception())

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn raises the signal again when it has stopped; here a requested stop is a success.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.handle_exit)
        yield

    def _wait_for_parent(self) -> None:
        # The parent holds the other end of standard input. The kernel closes it even if the parent is killed.
        while os.read(0, 1024):
            pass
        self.should_exit = True


@contextmanager
def _listening(folder: StateFolder, port: int) -> Iterator[socket.socket]:
    fixed_port = port or folder.port()
    listener = _bound(fixed_port) if fixed_port else _bound_anywhere()
    with listener:
        folder.keep_port(listener.getsockname()[1])
        yield listener


def _bound_anywhere() -> socket.socket:
    for _ in range(50):
        try:
            return _bound(_FIRST_PORT + secrets.randbelow(_LAST_PORT - _FIRST_PORT))
        except SandboxError:
            continue
    return _bound(0)


def _bound(port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only if the socket says that it is TCP; without it every response takes 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
            raise
        raise SandboxError(
            f"Another program uses port {port} of {HOST}. The sandbox's links were made for that port: end the other "
            f"program, or choose another port with --port (links made so far will not open then)."
        ) from error
    return listener
