"""Combines all limits of one run: calculates the next wait, and applies each response. No I/O, no clock.

- A request waits for the rate, for a free slot, and for the end of a hold.
- A customer waits until the daily quota has room for all requests that it needs, so no customer is left half done.
- A 429 or a Retry-After holds all requests; so does the circuit breaker while Codat is down.
- A hold that is longer than `max_hold` stops the run instead.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bulk.codat.blockade import Blockade, blocked_reason
from bulk.codat.circuit_breaker import FAULTS, GIVE_UP_AFTER, CircuitBreaker
from bulk.codat.concurrency import ConcurrencyLimit
from bulk.codat.deadline import MAX_WAIT, Deadline, Now
from bulk.codat.quota import Budget, read_quota, retry_after
from bulk.codat.rate import RateWindow
from bulk.codat.responses import UNTRUSTED, Reply
from bulk.model import Outcome, Stop

MIN_REPORTED_WAIT = 2.0  # seconds: a shorter hold is not reported
MIN_HOLD = 1.0  # seconds, after a 429
TIMER_MARGIN = 0.05  # seconds: timers may fire a little early
RESET_MARGIN = 1.0  # seconds after a quota's reset
# Retry-After has a meaning in these responses (RFC 9110, 10.2.3): nothing leaves before it has passed.
OUTCOMES_WITH_RETRY_AFTER = (Outcome.RATE_LIMITED, Outcome.CONFLICT, Outcome.SERVER_ERROR, Outcome.UNKNOWN)
OUT_OF_QUOTA = "Codat's daily quota is used up"
ONLY_RESERVE_LEFT = "Only the requests that --reserve keeps are left of Codat's daily quota"
FIX_TRUST = "Nothing was sent to it. If your network inspects TLS, set SSL_CERT_FILE to the certificates it uses"


@dataclass(frozen=True, slots=True)
class Hold:
    """A wait of all requests: its reason, and its end in seconds since 1970."""

    why: str
    until: float


class Limits:
    """Combines the limits. `stop` is set when no request may leave any more."""

    def __init__(
        self,
        *,
        rate: int,
        concurrency: int,
        reserve: int,
        max_hold: float,
        on_hold: Callable[[Hold], None],
        ended: Iterable[float],
    ) -> None:
        """Create limits without a hold. For `ended`, see RateWindow."""
        self.stop: Stop | None = None
        self.budget = Budget(reserve)
        self.breaker = CircuitBreaker(concurrency)
        self.blockade = Blockade()
        self.asked_until: Deadline | None = None  # the end of the longest Retry-After
        self._rate = RateWindow(rate, ended=ended)
        self._concurrency = ConcurrencyLimit(concurrency)
        self._slots = 0  # in use
        self._max_hold = max_hold
        self._on_hold = on_hold
        self._held: Deadline | None = None
        self._reported: Deadline | None = None
        self._reset: Deadline | None = None  # of the budget's quota
        self._has_response = False  # since the last reset

    # -- seconds to wait: 0 for no wait, infinity for a wait until something changes

    def hold(self, now: Now) -> float:
        """Return the seconds for which all requests are held."""
        if self._held is None:
            return 0.0
        wait = self._held.remaining(now)
        if not wait:
            self._held = None
        return wait

    def wait_for_quota(self, requests: int, now: Now) -> float:
        """Return the seconds until this many requests can be reserved. May stop the run."""
        left = self.budget.left
        if left is None:
            # Until a response has reported the quota, one customer goes ahead of the others.
            return 0.0 if self._has_response or self.budget.is_idle else math.inf
        if left >= requests:
            return 0.0
        return self._wait_for_reset(now) if self.budget.is_idle else math.inf

    def wait_for_slot(self, now: Now) -> float:
        """Return the seconds until a request may start. May stop the run."""
        if held := self.hold(now):
            return held
        if self.budget.is_overdrawn:
            if self.budget.in_flight:
                return math.inf
            if wait := self._wait_for_reset(now):
                return wait
        if self._slots >= min(self.breaker.slots, self._concurrency.allowed):
            return math.inf
        return self._rate.wait(now.steady)

    def _wait_for_reset(self, now: Now) -> float:
        """Hold all requests until the quota's reset; once that has passed, forget the quota."""
        wait = _remaining(self._reset, now)
        if wait and self.budget.keeps_everything:
            self.close(Stop("--reserve keeps the whole daily quota, so no request may leave on any day", 75))
        elif wait:
            self.hold_for(wait, ONLY_RESERVE_LEFT if self.budget.keeps_some else OUT_OF_QUOTA, now)
        else:
            self.budget.expire()
            self._has_response = False
        return wait

    # -- events

    def close(self, stop: Stop) -> None:
        """Let no further request leave. The first reason is kept."""
        self.stop = self.stop or stop

    def take_slot(self) -> None:
        """Count a request that starts."""
        self._slots += 1
        self._rate.start()

    def free_slot(self, now: Now) -> None:
        """Count a request that has ended."""
        self._slots -= 1
        self._rate.end(now.steady)

    def hold_for(self, seconds: float, why: str, now: Now) -> None:
        """Hold all requests, or stop the run if the hold is too long."""
        seconds = min(seconds, MAX_WAIT)
        if seconds > self._max_hold:
            self.close(Stop(why, 75, now.wall + seconds))
            return
        if seconds <= self.hold(now):
            return
        self._held = Deadline.after(seconds, now)
        if seconds - _remaining(self._reported, now) >= MIN_REPORTED_WAIT:
            self._reported = self._held
            self._on_hold(Hold(why, self._held.until))

    def resume_hold(self, seconds: float, now: Now) -> None:
        """Hold all requests for the rest of a Retry-After that an earlier run received."""
        if seconds > 0:
            self.asked_until = Deadline.after(seconds, now)
            self.hold_for(seconds, "Codat asked to wait", now)

    def on_response(self, number: int, reply: Reply, now: Now, *, creates: bool, is_repeat: bool = False) -> None:
        """Apply the quota, the Retry-After and the outcome of a reply. For `is_repeat`, see Blockade."""
        self._apply_quota(number, reply, now)
        requested_wait = self._note_retry_after(reply, now)
        if reply.outcome is Outcome.RATE_LIMITED:
            self._on_429(requested_wait, now)
        elif reply.outcome is Outcome.DONE:
            self._concurrency.on_success()
        elif reply.outcome is Outcome.FATAL and reply.problem:
            self.close(Stop(_refusal(reply), 3))
        elif reply.problem and reply.problem.code == UNTRUSTED:
            self.close(Stop(f"{reply.problem.text}. {FIX_TRUST}", 75))
        elif requested_wait is not None:
            self.hold_for(requested_wait, f"Codat asked to wait ({reply.status})", now)
        self._watch_faults(reply, now, creates=creates)
        self.blockade.on_reply(reply, now.steady, creates=creates, is_repeat=is_repeat)
        if reply.outcome is Outcome.BLOCKED and self.blockade.is_total(now.steady):
            self.close(Stop(blocked_reason(reply), 75))

    def _apply_quota(self, number: int, reply: Reply, now: Now) -> None:
        quota = read_quota(reply.headers, now.wall) if reply.status is not None else None
        has_reached_codat = reply.outcome not in (Outcome.NOT_SENT, Outcome.BLOCKED)
        self._has_response = self._has_response or (has_reached_codat and reply.status is not None)
        self.budget.on_response(number, quota, may_count=has_reached_codat)
        if quota is not None and self.budget.quota is quota:
            self._reset = Deadline.after(quota.resets_at - now.wall + RESET_MARGIN, now)

    def _note_retry_after(self, reply: Reply, now: Now) -> float | None:
        """Return the seconds that a reply asks to wait, or None; remember the wait that ends last."""
        requested_wait = retry_after(reply.headers, now.wall) if reply.outcome in OUTCOMES_WITH_RETRY_AFTER else None
        if requested_wait is None:
            return None
        requested_wait += TIMER_MARGIN
        if requested_wait >= _remaining(self.asked_until, now):
            self.asked_until = Deadline.after(requested_wait, now)
        if requested_wait >= MAX_WAIT:  # it may have asked for years: one request shows whether the wait was enough
            self._concurrency.probe()
        return requested_wait

    def _on_429(self, requested_wait: float | None, now: Now) -> None:
        quota = self.budget.quota
        is_daily = quota is not None and quota.remaining <= 0
        is_first = not self.hold(now)  # otherwise the request was in flight together with one that got a 429
        if requested_wait is None:
            backoff = self._concurrency.backoff + TIMER_MARGIN if is_first else 0.0
            requested_wait = _remaining(self._reset, now) if is_daily else backoff
        if is_first:
            self._concurrency.on_429()
        if self._concurrency.is_hopeless:
            self.close(Stop("Codat keeps responding 429, although each wait it asked for was observed", 75))
        self.hold_for(max(requested_wait, MIN_HOLD), OUT_OF_QUOTA if is_daily else "Codat asked to wait (429)", now)

    def _watch_faults(self, reply: Reply, now: Now, *, creates: bool) -> None:
        pause = self.breaker.on_outcome(reply.outcome, now.steady, creates=creates)
        text = reply.problem.text if reply.problem else "no response"
        if reply.outcome in FAULTS and self.breaker.is_hopeless(now.steady):
            minutes = round(GIVE_UP_AFTER / 60)
            self.close(Stop(f"Codat has been unreachable for {minutes} minutes: {text}", 75))
        elif pause:
            self.hold_for(pause, _outage(self.breaker, reply, text), now)


def _remaining(deadline: Deadline | None, now: Now) -> float:
    return 0.0 if deadline is None else deadline.remaining(now)


def _outage(breaker: CircuitBreaker, reply: Reply, text: str) -> str:
    """Return the message for a pause: whether Codat responds to no request, or to some."""
    if answered := sum(breaker.recent):
        return f"Codat answers {answered} of {len(breaker.recent)} requests ({text}); continuing slowly"
    state = "is unreachable" if reply.status is None else "responds with errors"
    return f"Codat {state} ({text}); trying again"


def _refusal(reply: Reply) -> str:
    """Return the message for a reply that stops the run: the reason and the remedy."""
    text = reply.problem.text if reply.problem else ""
    if reply.problem and reply.problem.correlation_id:
        text = f"{text} (correlation id {reply.problem.correlation_id})"
    if reply.status == 401:
        return f"Codat refused the API key (401): {text}. Check CODAT_API_KEY, then run the same command again"
    if reply.status == 403:
        return f"This API key has no access (403): {text}. Ask Codat for access, then run the same command again"
    if reply.status == 402:
        return f"Codat's account limit is reached (402): {text}. Ask Codat to raise it, then run the same command again"
    return f"The server at Codat's address responded {reply.status}: {text}. Check CODAT_BASE_URL or --base-url"
