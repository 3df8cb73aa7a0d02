"""The one gate that every request passes: rate, requests in flight, holds, the day's quota, outages.

Rules, each for the whole run:
- no 60 seconds hold more requests than the rate allows, as Codat sees them;
- after a 429 nothing leaves before its Retry-After is over;
- nothing leaves that the day's quota has no room for, and no customer is begun that it cannot finish;
- when Codat is down for everybody, one request at a time asks whether it is over;
- a wait longer than the patience stops the run instead of sleeping, and every other wait is said.

What has to wait is worked out from values (`quota`, `outage`, `bucket`); only this file sleeps.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import anyio
from aiolimiter import AsyncLimiter

from bulk.codat.circuit_breaker import GIVE_UP_AFTER, CircuitBreaker
from bulk.codat.quota import Budget, read_quota, retry_after
from bulk.codat.responses import UNTRUSTED, Reply
from bulk.model import Outcome, Stop

PATIENCE = 300.0  # seconds: a longer wait stops the run, unless it was told to wait
MAX_429S = 30  # holds in a row, without one success
MIN_REPORTED_WAIT = 2.0  # seconds: a shorter wait is not worth a word
MARGIN = 0.05  # seconds: timers may fire a little early
# Retry-After belongs to these answers (RFC 9110, 10.2.3): whatever they say besides, nothing leaves before it is over.
ASKING_TO_WAIT = (Outcome.RATE_LIMITED, Outcome.CONFLICT, Outcome.SERVER_ERROR, Outcome.UNKNOWN)
MEND_TRUST = "Nothing was sent to it. Where your network looks into TLS, name its certificates with SSL_CERT_FILE"
OUT_OF_QUOTA = "Codat's daily quota is used up"


class Stopped(Exception):  # noqa: N818 - not an error: the gate is closed for good, and the run ends
    """The gate is closed: nothing leaves any more."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Everybody waits, and why; `until` in seconds since 1970."""

    why: str
    until: float


def bucket(rate: int) -> tuple[float, float]:
    """Give the limiter's bucket and period for so many requests a minute.

    A full bucket and a minute's refill stay 1% under the rate, for what jitter on the way squeezes together.
    (`AsyncLimiter(rate, 60)` would let nearly twice the rate through in its first minute.)
    """
    burst = max(1, rate // 250)
    refill_a_minute = max(0.985 * rate, 0.99 * rate - burst)
    return float(burst), burst * 60.0 / refill_a_minute


class Throttle:
    """Every request `enter`s, `depart`s, is `answered` and `leave`s; a customer first `book`s what it will need."""

    def __init__(
        self,
        *,
        rate: int,
        concurrency: int,
        wall: Callable[[], float],
        reserve: int = 0,
        waits: bool = False,
        is_warm: bool = False,
        on_hold: Callable[[Hold], None] = lambda _: None,
    ) -> None:
        """Make an open gate.

        `wall` gives seconds since 1970. `waits`: sleep through an exhausted quota. `is_warm`: requests left this
        machine less than a minute ago, so the bucket starts empty. `on_hold` hears of every wait.
        """
        burst, period = bucket(rate)
        self._limiter = AsyncLimiter(burst, period)
        self._burst_to_spend = int(burst) if is_warm else 0
        self._wall = wall
        self._on_hold = on_hold
        self._patience = math.inf if waits else PATIENCE
        self._concurrency = self._allowed = concurrency
        self._entered = 0
        self._done_since_429 = 0
        self._throttled = 0  # holds for a 429 in a row
        self._said_until = -math.inf
        self.asked_until: float | None = None  # until when Codat has asked not to be asked, seconds since 1970
        self._hold_until = -math.inf
        self._was_told = False  # whether any answer came yet
        self._changed = anyio.Event()
        self._budget = Budget(reserve)
        self.breaker = CircuitBreaker(concurrency)
        self.stop: Stop | None = None
        self.closed = anyio.Event()

    @property
    def budget(self) -> Budget:
        """What is known of the day's quota."""
        return self._budget

    def go_on_holding(self, until: float) -> None:
        """Keep to a Retry-After that an earlier run was told, in seconds since 1970."""
        wall = self._wall()
        if until > wall:
            self.asked_until = until
            self._hold(until - wall, "Codat asked to wait", anyio.current_time(), wall)

    @property
    def is_open(self) -> bool:
        """Whether a request that has entered may still depart."""
        return self.stop is None and anyio.current_time() >= self._hold_until

    def close(self, stop: Stop) -> None:
        """Let nothing leave any more. The first reason stays."""
        self.stop = self.stop or stop
        self.closed.set()
        self._notify()

    async def reserve(self, requests: int) -> None:
        """Wait until the day's quota has room for so many requests, and keep it for the caller. Raises Stopped."""
        while True:
            self._raise_if_stopped()
            budget = self._budget
            idle = budget.in_flight == 0 and budget.reserved == 0
            if budget.quota is None:
                # Until one answer has told the quota, one customer goes ahead of the others.
                if self._was_told or idle:
                    break
            elif budget.left is not None and budget.left >= requests:
                break
            elif idle:
                await self._sleep_till_reset()
                continue
            await self._changed.wait()
        self._budget.reserved += requests

    def release(self, requests: int) -> None:
        """Give back what was booked and is not needed now."""
        self._budget.reserved -= requests
        self._notify()

    async def enter(self) -> None:
        """Wait for the turn of one request. Raises Stopped. Every `enter` is followed by `leave`."""
        while True:
            await self._wait_in_line()
            self._entered += 1
            try:
                while self._burst_to_spend:
                    self._burst_to_spend -= 1
                    await self._limiter.acquire()
                await self._limiter.acquire()
            except BaseException:
                self.leave()
                raise
            if self.is_open:
                return
            self.leave()

    def leave(self) -> None:
        """Make room for the next one."""
        self._entered -= 1
        self._notify()

    def on_sent(self) -> int:
        """Count one booked request as on its way."""
        self._budget.reserved -= 1
        return self._budget.send()

    def on_response(self, number: int, reply: Reply, *, creates: bool) -> None:
        """Learn from what came back: quota, 429s, outages, and what stops everything."""
        now = anyio.current_time()
        wall = self._wall()
        told = read_quota(reply.headers, wall) if reply.status is not None else None
        self._budget.answer(number, told, reached=reply.outcome is not Outcome.NOT_SENT)
        self._was_told = self._was_told or reply.status is not None
        asked = retry_after(reply.headers, wall) if reply.outcome in ASKING_TO_WAIT else None
        if asked is not None:
            self.asked_until = max(self.asked_until or 0.0, wall + asked + MARGIN)
        if reply.outcome is Outcome.RATE_LIMITED:
            self._throttle(asked, now, wall)
        elif reply.outcome is Outcome.DONE:
            self._recover()
        elif reply.outcome is Outcome.FATAL and reply.problem:
            self.close(Stop(_refusal(reply), 3))
        elif reply.problem and reply.problem.code == UNTRUSTED:
            self.close(Stop(f"{reply.problem.text}. {MEND_TRUST}", 75))
        elif asked is not None:
            self._hold(asked + MARGIN, f"Codat asked to wait ({reply.status})", now, wall)
        self._watch_outage(reply, now, wall, creates=creates)
        self._notify()

    def _throttle(self, asked: float | None, now: float, wall: float) -> None:
        quota = self._budget.quota
        is_daily = quota is not None and quota.remaining <= 0
        if asked is None and is_daily and quota is not None:
            asked = quota.resets_at - wall
        if asked is None:
            asked = min(2.0 ** min(self._throttled, 6), 60.0)
        if now >= self._hold_until:  # the others that were in flight with this one say the same
            self._throttled += 1
        if self._throttled > MAX_429S:
            self.close(Stop("Codat has answered 429 again and again, although it was waited for each time", 75))
        if now >= self._hold_until:
            self._allowed = max(1, self._allowed // 2)
            self._done_since_429 = 0
        why = OUT_OF_QUOTA if is_daily else "Codat asked to wait (429)"
        self._hold(max(asked, 1.0) + MARGIN, why, now, wall)

    def _recover(self) -> None:
        self._throttled = 0
        self._done_since_429 += 1
        if self._allowed < self._concurrency and self._done_since_429 % 20 == 0:
            self._allowed += 1

    def _watch_outage(self, reply: Reply, now: float, wall: float, *, creates: bool) -> None:
        until = self.breaker.note(reply.outcome, now, creates=creates)
        if until is None:
            return
        said = reply.problem.text if reply.problem else "no answer"
        if self.breaker.is_hopeless(now):
            minutes = round(GIVE_UP_AFTER / 60)
            self.close(Stop(f"Codat has been out of reach for {minutes} minutes: {said}", 75))
        elif until > self._hold_until:
            self._hold(until - now, f"Codat is out of reach ({said}); trying again", now, wall)

    def _hold(self, seconds: float, why: str, now: float, wall: float) -> None:
        if seconds > self._patience:
            self.close(Stop(why, 75, wall + seconds))
            return
        if now + seconds <= self._hold_until:
            return
        self._hold_until = now + seconds
        if seconds >= MIN_REPORTED_WAIT and wall + seconds > self._said_until + MIN_REPORTED_WAIT:
            self._said_until = wall + seconds
            self._on_hold(Hold(why, wall + seconds))

    async def _sleep_till_reset(self) -> None:
        """Nothing is under way and the quota has no room: wait for the new day, or stop."""
        quota, now, wall = self._budget.quota, anyio.current_time(), self._wall()
        if quota is None:
            return
        self._hold(max(quota.resets_at - wall, 0.0) + 1.0, OUT_OF_QUOTA, now, wall)
        self._raise_if_stopped()
        while (wait := self._hold_until - anyio.current_time()) > 0:
            await self._wait(wait)
            self._raise_if_stopped()
        if self._budget.quota is quota:  # of several who slept, only the first begins the new day
            self._budget.expire()
            self._was_told = False
        self._notify()

    async def _wait_in_line(self) -> None:
        while True:
            self._raise_if_stopped()
            wait = self._hold_until - anyio.current_time()
            if wait <= 0 and self._budget.is_overdrawn and self._budget.in_flight == 0:
                await self._sleep_till_reset()
            elif (
                wait <= 0
                and not self._budget.is_overdrawn
                and self._entered < (1 if self.breaker.is_tripped else self._allowed)
            ):
                return
            else:
                await self._wait(wait if wait > 0 else math.inf)

    async def _wait(self, seconds: float) -> None:
        """Sleep so long, or until something has changed."""
        with anyio.move_on_after(seconds):
            await self._changed.wait()

    def _notify(self) -> None:
        if self._changed.statistics().tasks_waiting:
            self._changed.set()
            self._changed = anyio.Event()

    def _raise_if_stopped(self) -> None:
        if self.stop is not None:
            raise Stopped


class Slot:
    """One request's time inside the gate: an async context manager that may be over before its block is."""

    def __init__(self, throttle: Throttle) -> None:
        """Make a turn at this gate; it begins when the context is entered. Raises Stopped then."""
        self._gate = throttle
        self._is_over = True

    async def __aenter__(self) -> Self:
        await self._gate.enter()
        self._is_over = False
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Make room for the next one: the answer is there, what remains to be done needs no Codat."""
        if not self._is_over:
            self._is_over = True
            self._gate.leave()


def _refusal(reply: Reply) -> str:
    said = reply.problem.text if reply.problem else ""
    if reply.problem and reply.problem.correlation_id:
        said = f"{said} (correlation id {reply.problem.correlation_id})"
    if reply.status == 401:
        return f"Codat refused the API key (401): {said}. Check CODAT_API_KEY, then run the same command again"
    if reply.status == 403:
        return f"Codat gives this API key no access (403): {said}. Ask for access, then run the same command again"
    if reply.status == 402:
        return f"Codat's account limit is reached (402): {said}. Ask Codat to raise it, then run the same command again"
    return f"Codat's address answered with {reply.status}: {said}. Check CODAT_BASE_URL or --base-url"
