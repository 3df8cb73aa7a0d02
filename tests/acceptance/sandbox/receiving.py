"""A receiver of webhooks on loopback. It keeps each delivery byte for byte."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from acceptance.sandbox.client import until

# The secret of `bulk sandbox --help`, decoded by hand.
DEFAULT_KEY = b"bulk-sandbox-fake-webhook-secret"


@dataclass(frozen=True, slots=True)
class Received:
    """One delivery."""

    headers: dict[str, str]
    raw: bytes

    @property
    def id(self) -> str:
        """The id, which every repetition has too."""
        return self.headers["webhook-id"]

    @property
    def body(self) -> dict[str, Any]:
        """The event."""
        content: dict[str, Any] = json.loads(self.raw)
        return content

    @property
    def type(self) -> str:
        """The kind of event, without the prefix that all kinds share."""
        return str(self.body["eventType"]).removeprefix("connection.")

    def is_genuine(self, key: bytes = DEFAULT_KEY) -> bool:
        """Check the signature as the standard describes it: of id.timestamp.body, at most five minutes old."""
        try:
            stamp = self.headers["webhook-timestamp"]
            version, _, signature = self.headers["webhook-signature"].partition(",")
            signed = b".".join([self.id.encode(), stamp.encode(), self.raw])
        except KeyError:
            return False
        expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return version == "v1" and signature == expected and abs(time.time() - int(stamp)) < 300


@dataclass
class Receiver:
    """The deliveries until now; `answer` returns the status of each response."""

    url: str
    answer: Callable[[Received], int] = lambda _: 204
    received: list[Received] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        """The kinds of events, in order of arrival."""
        return [each.type for each in self.received]

    def wait_for(self, count: int) -> list[Received]:
        """Wait until this many deliveries have arrived; return them."""
        until(lambda: len(self.received) >= count)
        assert len(self.received) == count
        return self.received


@contextmanager
def receiving(port: int = 0, answer: Callable[[Received], int] | None = None) -> Iterator[Receiver]:
    """Listen on loopback. Without `answer`, every delivery is accepted."""
    with ThreadingHTTPServer(("127.0.0.1", port), _Handler) as server:
        server.daemon_threads = True
        receiver = Receiver(f"http://127.0.0.1:{server.server_address[1]}/hooks")
        if answer:
            receiver.answer = answer
        server.receiver = receiver  # type: ignore[attr-defined]  # the handlers use it
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:
            server.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["content-length"]))
        received = Received({name.lower(): value for name, value in self.headers.items()}, raw)
        receiver: Receiver = self.server.receiver  # type: ignore[attr-defined]  # see receiving()
        receiver.received.append(received)
        self.send_response(receiver.answer(received))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Print nothing."""
