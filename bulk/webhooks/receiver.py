"""Receives webhook events: verifies the signature over the raw body, stores the event, and only then answers.

Codat delivers at least once and in any order. It waits 15 seconds for a 2xx, and delivers again without one
(https://docs.codat.io/using-the-api/webhooks/receive-webhooks). So an event counts as received once it is on disk.
"""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable, Mapping

import anyio
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from bulk.codat.webhooks import read_event
from bulk.engine.commands.listen import record_event
from bulk.errors import JournalError, JournalGoneError, UsageError
from bulk.journal.writer import Writer
from bulk.settings import Secret
from bulk.text import timestamp

MAX_BYTES = 1_000_000  # of an event's body
BODY_SECONDS = 10.0  # for all of it to arrive
SECRET = re.compile(r"whsec_(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?")

Verifier = Callable[[bytes, Mapping[str, str]], bool]


def verifier(secret: Secret) -> Verifier:
    """Return a function that verifies the signature of an event. Raises UsageError."""
    try:
        from standardwebhooks import Webhook
    except ImportError as error:
        raise UsageError("`bulk listen` needs the extra `listen`: pip install 'codat-bulk[listen]'") from error
    if not SECRET.fullmatch(secret.reveal()):  # the library accepts almost any text, but then no signature is valid
        raise UsageError(
            "CODAT_WEBHOOK_SECRET is not a webhook secret. Copy it from Codat's portal: it begins with whsec_."
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
    """Answers deliveries of events."""

    def __init__(self, writer: Writer, is_genuine: Verifier, on_event: Callable[[], None]) -> None:
        """Create a receiver. `on_event` is called for each new event."""
        self._writer = writer
        self._is_genuine = is_genuine
        self._on_event = on_event

    async def receive(self, request: Request) -> Response:
        """Answer one delivery."""
        body = await _body(request)
        if body is None:
            return PlainTextResponse("the body came too slowly", 408)
        if len(body) > MAX_BYTES:
            return PlainTextResponse("the body is too long", 413)
        if not self._is_genuine(body, request.headers):
            return PlainTextResponse("the signature is not Codat's", 401)
        try:
            text = body.decode()  # JSON may also be UTF-16, but this text is stored and read again
            event = read_event(json.loads(text))
        except (ValueError, RecursionError):
            return PlainTextResponse("not an event", 400)
        if event is None:  # an event of another kind
            return Response(status_code=204)
        number, at = request.headers["webhook-id"], timestamp(time.time())
        try:
            is_new = await self._writer.write(lambda db: record_event(db, number, event, text, at))
        except JournalGoneError:
            self._on_event()  # then the worker gets the same error, and ends `listen`
            return PlainTextResponse("the batch is gone", 503)
        except JournalError:
            return PlainTextResponse("the event cannot be stored now", 503)
        if is_new:
            self._on_event()
        return Response(status_code=204)


async def _body(request: Request) -> bytes | None:
    """Return the body, or its beginning if it is too long, or None if it does not arrive in time."""
    body = bytearray()
    with anyio.move_on_after(BODY_SECONDS), contextlib.suppress(ClientDisconnect):
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BYTES:
                break
        return bytes(body)
    return None
