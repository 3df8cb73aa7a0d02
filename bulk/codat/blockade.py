"""Detects that something in front of Codat, such as a firewall, blocks the requests of everybody. No I/O, no clock.

A blocked request proves nothing about other customers: a firewall may dislike one name. So blocked customers are tried
again later, and the others go on. Only if a hundred different customers are blocked in a row, for twenty seconds and
without a success between them, is everybody blocked.
"""

from __future__ import annotations

from dataclasses import dataclass

from bulk.codat.circuit_breaker import SUCCESSES
from bulk.codat.responses import Reply
from bulk.model import Outcome

MIN_BLOCKED = 100  # customers
MIN_SECONDS = 20.0  # the time in which a gateway that restarts recovers
REMEDY = "Allow the requests in the firewall, proxy or gateway, or check the URL"


@dataclass
class Blockade:
    """Counts the customers that are blocked in a row. Times are seconds of one steady clock."""

    newest: Reply | None = None  # the newest blocked reply since the last success
    blocked: int = 0
    first_at: float = 0.0
    _has_blocked_creation: bool = False

    def on_reply(self, reply: Reply, now: float, *, creates: bool, is_repeat: bool) -> None:
        """Record a reply. A repeat is about a customer that was blocked before.

        After a blocked request that creates something, only another such request proves that Codat can be reached.
        """
        if reply.outcome in SUCCESSES and (creates or not self._has_blocked_creation):
            self.newest, self.blocked, self._has_blocked_creation = None, 0, False
        elif reply.outcome is Outcome.BLOCKED:
            self.newest = reply
            self._has_blocked_creation = self._has_blocked_creation or creates
            if not is_repeat:
                self.first_at = self.first_at if self.blocked else now
                self.blocked += 1

    def is_total(self, now: float) -> bool:
        """Return whether everybody is blocked."""
        return self.blocked >= MIN_BLOCKED and now - self.first_at >= MIN_SECONDS


def blocked_reason(reply: Reply) -> str:
    """Return the message for a run that stops because of this blocked reply."""
    text = reply.problem.text if reply.problem else f"HTTP {reply.status}"
    hint = ". If nothing is in between, check CODAT_API_KEY" if reply.status in (401, 403) else ""
    return f"Something between this machine and Codat blocks the requests: {text}. {REMEDY}{hint}"
