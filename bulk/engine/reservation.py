"""The part of the daily quota that is reserved for one customer, so that every customer begun can be finished."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from bulk.codat.throttle import Throttle


class Reservation:
    """Requests of the daily quota that are reserved for one customer. On exit, unused ones are released."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._reserved = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._release()

    async def require(self, requests: int) -> None:
        """Reserve this many requests, unless that many are reserved. May wait until other customers release some."""
        if self._reserved < requests:
            self._release()
            await self._throttle.reserve(requests)
            self._reserved = requests

    def spend(self) -> int:
        """Use one for a request that leaves now; return the request's number."""
        self._reserved -= 1
        return self._throttle.on_sent()

    def _release(self) -> None:
        self._throttle.release(self._reserved)
        self._reserved = 0
