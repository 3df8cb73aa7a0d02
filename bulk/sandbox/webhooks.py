"""Sends the events of the outbox to the receiver, in the background, again and again until it answers 2xx.

An event that fails waits longer each time; if nobody listens at all, everything waits. It goes at once at the next
start, under the same webhook-id. A receiver has 15 seconds, as with Codat
(https://docs.codat.io/using-the-api/webhooks/troubleshooting).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import re
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from bulk.sandbox.outbox import Event, Outbox
from bulk.sandbox.signing import signed_headers

if TYPE_CHECKING:
    import httpx

ANSWER_SECONDS = 15.0
_FIRST_PAUSE = 0.25
_LONGEST_PAUSE = 30.0
_LONGEST_HOLD = 5.0  # a receiver that was just started should not be waited for
_STALE_SECONDS = 3600  # receivers take five minutes at most

# What can be wrong with a forged event.
FORGERIES = {
    "secret": "signed with another secret",
    "body": "signed, then changed",
    "stale": "signed an hour ago",
    "unsigned": "without the three headers",
}


class BadUrl(ValueError):  # noqa: N818 - named for what is bad
    """An address to which the sandbox does not send."""


def check_url(url: str) -> None:
    """Raise BadUrl unless an address is one of this machine's own."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadUrl("it is no address") from error
    # What two readers of an address may take for different hosts is not sent to.
    if parts.scheme != "http" or "@" in url or "\\" in url or re.search(r"[^\x21-\x7e]", url):
        raise BadUrl("it must be http://127.0.0.1:PORT/PATH")
    if host != "localhost" and not _is_loopback(host):
        raise BadUrl("the sandbox sends to this machine only, as in http://127.0.0.1:PORT/PATH")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who gets the events: where, signed with which key, how often each is tried, how many at once."""

    url: str
    key: bytes
    attempts: int
    at_once: int


class Deliverer:
    """Sends what is due for as long as it runs."""

    def __init__(self, outbox: Outbox, receiver: Receiver) -> None:
        self._outbox = outbox
        self._receiver = receiver
        self._more = asyncio.Event()
        self._unheard = 0  # rounds in a row in which nobody answered

    async def run(self) -> None:
        """Deliver until it is cancelled; what is on its way then is sent again next time."""
        import httpx  # here, since few sandboxes have a receiver

        self._outbox.watch(self._more.set)
        # No proxy of the environment, no redirect: nothing of this leaves the machine.
        async with httpx.AsyncClient(trust_env=False, follow_redirects=False, timeout=ANSWER_SECONDS) as client:
            while True:
                self._more.clear()
                events = self._outbox.due(time.monotonic(), most=self._receiver.at_once)
                if events:
                    await self._round(client, events)
                else:
                    await self._wait()

    async def _wait(self) -> None:
        due = self._outbox.next_due()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if due is None else max(0.0, due - time.monotonic())):
                await self._more.wait()

    async def _round(self, client: httpx.AsyncClient, events: list[Event]) -> None:
        heard = await asyncio.gather(*(self._send(client, event) for event in events))
        self._unheard = 0 if any(heard) else self._unheard + 1
        if self._unheard:
            await asyncio.sleep(min(_pause(self._unheard), _LONGEST_HOLD))

    async def _send(self, client: httpx.AsyncClient, event: Event) -> bool:
        """Send one event and write down what became of it; say whether the receiver answered."""
        import httpx

        body, headers = self._written(event)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await client.post(self._receiver.url, content=body, headers=headers)
        except (httpx.HTTPError, TimeoutError) as error:
            self._failed(event, type(error).__name__)
            return False
        if event.forgery:
            self._outbox.note(event, "believed" if answer.is_success else "refused", str(answer.status_code))
        elif answer.is_success:
            self._outbox.note(event, "delivered", str(answer.status_code))
        else:
            self._failed(event, str(answer.status_code))
        return True

    def _failed(self, event: Event, answer: str) -> None:
        tries = event.tries + 1
        if tries >= self._receiver.attempts:
            self._outbox.note(event, "failed", answer)
        else:
            self._outbox.note(event, "pending", answer, due=time.monotonic() + _pause(tries))

    def _written(self, event: Event) -> tuple[bytes, dict[str, str]]:
        """Give body and headers. The time is this machine's, which is the receiver's too, wherever the clock stands."""
        headers = {"content-type": "application/json", "user-agent": "bulk-sandbox"}
        if event.forgery == "unsigned":
            return event.body, headers
        key = secrets.token_bytes(24) if event.forgery == "secret" else self._receiver.key
        seconds = int(time.time()) - (_STALE_SECONDS if event.forgery == "stale" else 0)
        signed = event.body.replace(b"Linked", b"PendingAuth") if event.forgery == "body" else event.body
        return event.body, headers | signed_headers(key, message_id=event.id, seconds=seconds, body=signed)


def _pause(tries: int) -> float:
    """Give the seconds until the next attempt: 0.25, 0.5, 1, ... 30."""
    return min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(tries - 1, 10))
