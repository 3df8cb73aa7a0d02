"""The part of the daily quota that is kept for one customer, so that no customer is begun who cannot be finished."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from bulk.codat.throttle import Throttle


class Reservation:
    """Requests of the daily quota that are kept for one customer."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._kept = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    async def require(self, requests: int) -> None:
        """Keep this many requests, which may have to wait for those that others release."""
        if self._kept < requests:
            self._release()
            await self._throttle.reserve(requests)
            self._kept = requests

    def spend(self) -> int:
        """Take one for a request that leaves now; return the request's number."""
        self._kept -= 1
        return self._throttle.on_sent()

    def _release(self) -> None:
        self._throttle.release(self._kept)
        self._kept = 0
