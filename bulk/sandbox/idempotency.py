"""Codat's Idempotency-Key, to the letter (https://docs.codat.io/using-the-api/write-data/idempotency).

- On POST and PATCH the first answer is kept for 90 minutes and replayed for the same key.
- The same key with another body or path: 422. The same key while the first request still runs: 409.
- 429 is never kept, and neither is that 409. Every other answer is, the 5xx too.

The answer is kept in the transaction that did the work, so a kill between the two leaves both or none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bulk.sandbox.bodies import Answer, Refusal
from bulk.sandbox.clock import Clock
from bulk.sandbox.store import Store

_NEVER_KEPT = frozenset({409, 429})
_SWEEP_EVERY = 10_000  # answers kept between two sweeps of those whose time is over


@dataclass(frozen=True, slots=True)
class Keyed:
    """A request with an Idempotency-Key: the key, and what must be the same when it comes again."""

    key: str
    fingerprint: str


def keyed(method: str, path: str, body: bytes, key: str | None) -> Keyed | None:
    """Give the keyed request, or None where the header is missing or the method takes none."""
    if not key or method not in {"POST", "PATCH"}:
        return None
    return Keyed(key, hashlib.sha256(f"{method} {path}\n".encode() + body).hexdigest())


class Idempotency:
    """The answers kept, and the keys whose first request still runs."""

    def __init__(self, store: Store, clock: Clock, *, lifetime: float) -> None:
        self._store = store
        self._clock = clock
        self._lifetime = lifetime
        self._running: set[str] = set()
        self._kept_since_sweep = 0

    @contextmanager
    def running(self, request: Keyed | None) -> Iterator[None]:
        """Hold the key while its request runs; raises Refusal (409) if one holds it already."""
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

    def recall(self, request: Keyed | None) -> Answer | None:
        """Give the answer kept for this request, or None; raises Refusal (422) if the key was used for another."""
        kept = self._store.kept_answer(request.key) if request else None
        if request is None or kept is None:
            return None
        fingerprint, status, content_type, body, kept_at = kept
        if kept_at <= self._clock.now() - self._lifetime:
            return None
        if fingerprint != request.fingerprint:
            raise Refusal(422, "This Idempotency-Key was used for a different request.")
        return Answer(status, body, content_type)

    def keep(self, request: Keyed | None, answer: Answer) -> None:
        """Keep the first answer of a request; the caller holds the transaction of its work."""
        if request is None or answer.status in _NEVER_KEPT:
            return
        now = self._clock.now()
        self._store.keep_answer(request.key, request.fingerprint, answer.status, answer.content_type, answer.body, now)
        self._kept_since_sweep += 1
        if self._kept_since_sweep >= _SWEEP_EVERY:
            self._kept_since_sweep = 0
            self._store.forget_answers(now - self._lifetime)
