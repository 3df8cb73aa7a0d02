"""Codat's rules for the Idempotency-Key (https://docs.codat.io/using-the-api/write-data/idempotency).

- On POST and PATCH the first response is kept for 90 minutes and replayed for the same key.
- The same key with another body or path: 422. The same key while the first request still runs: 409.
- A 429 is never kept, and neither is that 409. Every other response is kept, including a 5xx and another 409.

The response is kept in the transaction that did the work, so a crash leaves both or neither.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bulk.sandbox.bodies import Refusal, Response
from bulk.sandbox.clock import Clock
from bulk.sandbox.store import KeptResponse, Store

LIFETIME_SECONDS = 90 * 60
_NEVER_KEPT = frozenset({429})


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """A request with an Idempotency-Key; the fingerprint must be the same when the key is used again."""

    key: str
    fingerprint: str


def keyed(method: str, path: str, body: bytes, key: str | None) -> KeyedRequest | None:
    """Return the keyed request, or None if the header is missing or the method ignores it."""
    if not key or method not in {"POST", "PATCH"}:
        return None
    return KeyedRequest(key, hashlib.sha256(f"{method} {path}\n".encode() + body).hexdigest())


class Idempotency:
    """The kept responses, and the keys of the requests in progress."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._running: set[str] = set()

    @contextmanager
    def running(self, request: KeyedRequest | None) -> Iterator[None]:
        """Reserve the key while its request runs. Raises Refusal (409) if another request has reserved it."""
        if request is None:
            yield
            return
        if request.key in self._running:
            raise Refusal(409, "A request with this Idempotency-Key is still being processed.")
        self._running.add(request.key)
        try:
            yield
        finally:
            self._running.discard(request.key)

    def recall(self, request: KeyedRequest | None) -> Response | None:
        """Return the response kept for a request. Raises Refusal (422) if the key was used for another one."""
        kept = self._store.kept_response(request.key) if request else None
        if request is None or kept is None or kept.kept_at <= self._clock.now() - LIFETIME_SECONDS:
            return None
        if kept.fingerprint != request.fingerprint:
            raise Refusal(422, "This Idempotency-Key was used for a different request.")
        return Response(kept.status, kept.body, kept.content_type)

    def keep(self, request: KeyedRequest | None, response: Response) -> None:
        """Keep the first response to a request; the caller holds the transaction of its work."""
        if request is None or response.status in _NEVER_KEPT:
            return
        now = self._clock.now()
        kept = KeptResponse(request.fingerprint, response.status, response.content_type, response.body, now)
        self._store.keep_response(request.key, kept)
