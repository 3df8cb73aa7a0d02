"""Sends the events of the outbox to a receiver, in the background, until it answers 2xx.

After each failure, an event waits longer. If the receiver does not answer at all, every event waits. After a restart,
all pending events are sent immediately, under the same webhook-id. A receiver has 15 seconds to answer, as with Codat
(https://docs.codat.io/using-the-api/webhooks/troubleshooting).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bulk.sandbox.outbox import Event, Outbox
from bulk.sandbox.signing import signed_headers

if TYPE_CHECKING:
    import httpx

ANSWER_SECONDS = 15.0
_FIRST_PAUSE = 0.25
_MAX_PAUSE = 30.0
_MAX_HOLD = 5.0  # a receiver that has just started should not wait long


def check_url(url: str) -> None:
    """Raise ValueError unless an address is on this machine."""
    parts = urlsplit(url)
    host, _ = parts.hostname or "", parts.port
    # Two URL parsers may find different hosts in such an address.
    if parts.scheme != "http" or "@" in url or "\\" in url or re.search(r"[^\x21-\x7e]", url):
        raise ValueError("it must be http://127.0.0.1:PORT/PATH")
    if host != "localhost" and not _is_loopback(host):
        raise ValueError("the sandbox sends to this machine only, as in http://127.0.0.1:PORT/PATH")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class Deliverer:
    """Sends the events that are due to a receiver, signed with a key."""

    def __init__(self, outbox: Outbox, url: str, key: bytes, *, concurrency: int) -> None:
        self._outbox = outbox
        self._url = url
        self._key = key
        self._concurrency = concurrency
        self._is_more = asyncio.Event()
        self._failed_rounds = 0  # consecutive rounds without an answer

    async def run(self) -> None:
        """Send events until cancelled. An event in flight at that moment is sent again after the next start."""
        import httpx  # here, since few sandboxes have a receiver

        self._outbox.watch(self._is_more.set)
        # No proxy from the environment and no redirect: no event leaves this machine.
        async with httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=ANSWER_SECONDS) as client:
            while True:
                self._is_more.clear()
                events = self._outbox.due(time.monotonic(), limit=self._concurrency)
                if events:
                    await self._send_all(client, events)
                else:
                    await self._wait()

    async def _wait(self) -> None:
        due = self._outbox.next_due()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(0.0, due - time.monotonic())):
                await self._is_more.wait()

    async def _send_all(self, client: httpx.AsyncClient, events: list[Event]) -> None:
        has_answered = await asyncio.gather(*(self._send(client, event) for event in events))
        self._failed_rounds = 0 if any(has_answered) else self._failed_rounds + 1
        if self._failed_rounds:
            await asyncio.sleep(min(_pause(self._failed_rounds), _MAX_HOLD))

    async def _send(self, client: httpx.AsyncClient, event: Event) -> bool:
        """Send one event and record the result; return whether the receiver answered."""
        import httpx

        headers = {"content-type": "application/json", "user-agent": "bulk-sandbox"}
        # The time is this machine's, which is the receiver's too.
        headers |= signed_headers(self._key, message_id=event.id, seconds=int(time.time()), body=event.body)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await client.post(self._url, content=event.body, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            self._record_failure(event, type(error).__name__)
            return False
        if answer.is_success:
            self._outbox.record_delivery(event, str(answer.status_code))
        else:
            self._record_failure(event, str(answer.status_code))
        return True

    def _record_failure(self, event: Event, answer: str) -> None:
        self._outbox.record_failure(event, answer, due=time.monotonic() + _pause(event.tries + 1))


def _pause(tries: int) -> float:
    """Return the seconds until the next attempt: 0.25, 0.5, 1, ... 30."""
    return min(_MAX_PAUSE, _FIRST_PAUSE * 2.0 ** min(tries - 1, 10))
