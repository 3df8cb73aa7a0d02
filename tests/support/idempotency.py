"""The responses that the fake Codat stores under Idempotency-Keys."""

from __future__ import annotations

from collections.abc import Callable

from support.answers import Answer, Refusal

KEY_LIFETIME = 5400.0  # seconds: https://docs.codat.io/using-the-api/write-data/idempotency


class Keys:
    """The responses stored under Idempotency-Keys (https://docs.codat.io/using-the-api/write-data/idempotency)."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[str, tuple[object, float, Answer]] = {}
        self.running: set[str] = set()  # keys whose first request is still running: a second one gets a 409

    def recall(self, key: str | None, request: object) -> Answer | None:
        """Return the response stored for a request. Raises Refusal (422) if the key was used for another one."""
        if key is None or key not in self._kept:
            return None
        first, kept_at, answer = self._kept[key]
        if kept_at <= self._clock() - KEY_LIFETIME:
            return None
        if first != request:
            raise Refusal(422, "This Idempotency-Key was used for a different request.")
        return answer

    def keep(self, key: str | None, request: object, answer: Answer) -> None:
        """Store the response to a request; Codat never stores a 429."""
        if key is not None and answer.status != 429:
            self._kept[key] = request, self._clock(), answer
