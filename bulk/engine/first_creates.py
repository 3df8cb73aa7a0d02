"""Watches the first creates of a run: if Codat rejects all of them for the same reason, it rejects the others too.

Until one of them has another outcome, no further customer is begun, so that no more customers fail than necessary.
"""

from __future__ import annotations

import anyio

from bulk.model import Problem, Stop

MAX_REJECTED = 10


class FirstCreates:
    """Admits the first customers of a run, and all others once a create was not rejected for the same reason."""

    def __init__(self) -> None:
        self._begun = self._rejected = 0
        self._problem: Problem | None = None
        self._open = anyio.Event()

    async def admit(self) -> None:
        """Wait until a customer may begin."""
        if self._begun >= MAX_REJECTED:
            await self._open.wait()
        self._begun += 1

    def release(self) -> None:
        """Admit all customers."""
        self._open.set()

    def note(self, rejection: Problem | None) -> Stop | None:
        """Note the result for a customer; return a reason to stop. None means anything but a rejected create."""
        if self._open.is_set():
            return None
        known = self._problem or rejection
        if rejection is None or known is None or (rejection.code, rejection.text) != (known.code, known.text):
            self.release()
            return None
        self._problem = known
        self._rejected += 1
        return _stop(rejection) if self._rejected == MAX_REJECTED else None


def _stop(rejection: Problem) -> Stop:
    reason = (
        f"Codat rejected the first {MAX_REJECTED} creates of this run for the same reason: {rejection.text}. The other "
        "customers stay as they are. If the reason is a missing product, pass --product ID, such as --product "
        "expenses. Correct the cause, then run the command with --retry-failed"
    )
    return Stop(reason, 1)
