"""The headers that report limits, and a budget that is never overdrawn."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk.codat.deadline import MAX_WAIT
from bulk.codat.quota import A_DAY, Budget, read_quota, retry_after
from bulk.model import Quota

NOW = 1_795_392_000.0  # 2026-11-23T00:00:00Z
DATE = {"date": "Mon, 23 Nov 2026 00:00:00 GMT"}


@pytest.mark.parametrize(
    ("headers", "now", "seconds"),
    [
        ({}, NOW, None),
        ({"retry-after": ""}, NOW, None),
        ({"retry-after": "120"}, NOW, 120.0),
        ({"retry-after": " 1.5 "}, NOW, 1.5),
        ({"retry-after": "0"}, NOW, 0.0),
        ({"retry-after": "-5"}, NOW, None),
        ({"retry-after": "soon"}, NOW, None),
        ({"retry-after": "nan"}, NOW, None),  # not a number, although Python reads it as one
        ({"retry-after": "inf"}, NOW, None),
        ({"retry-after": "172801"}, NOW, 48 * 3600.0),  # not honoured for more than 48 hours
        ({"retry-after": "99999999"}, NOW, MAX_WAIT),  # three years
        ({"retry-after": "Mon, 23 Nov 2026 00:01:00 GMT", **DATE}, NOW, 61.0),  # a date, rounded up
        ({"retry-after": "Mon, 23 Nov 2026 00:01:00 GMT", **DATE}, NOW + 9999, 61.0),  # this clock is fast
        ({"retry-after": "Mon, 23 Nov 2026 00:01:00 GMT", **DATE}, NOW - 9999, 61.0),  # or slow
        ({"retry-after": "Mon, 23 Nov 2026 00:01:00 GMT"}, NOW, 61.0),  # without a Date, this clock decides
        ({"retry-after": "Sun, 22 Nov 2026 00:00:00 GMT", **DATE}, NOW, None),  # it has passed
        ({"retry-after": "Thu, 31 Dec 9999 23:59:59 GMT", **DATE}, NOW, MAX_WAIT),
        ({"retry-after": "Mon, 99 Nov 2026 25:61:00 GMT", **DATE}, NOW, None),  # not a date
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], now: float, seconds: float | None) -> None:
    """Nonsense counts as missing."""
    assert retry_after(headers, now) == seconds


@pytest.mark.parametrize(
    ("headers", "now", "quota"),
    [
        ({}, NOW, None),
        ({"x-rate-limit-remaining": "many"}, NOW, None),  # not a number
        ({"x-rate-limit-remaining": "1e300"}, NOW, None),  # not one of requests
        # all three
        (
            {
                "x-rate-limit-limit": "1000",
                "x-rate-limit-remaining": "7",
                "x-rate-limit-reset": "2026-11-23T06:00:00Z",
                **DATE,
            },
            NOW,
            Quota(1000, 7, NOW + 6 * 3600),
        ),
        # the reset is by Codat's clock: this one is an hour fast
        ({"x-rate-limit-remaining": "7", **DATE}, NOW + 3600, Quota(None, 7, NOW + 3600 + A_DAY)),
        # without a reset: the next midnight
        ({"x-rate-limit-remaining": "7"}, NOW + 60, Quota(None, 7, NOW + A_DAY)),
        # a reset that has passed
        (
            {"x-rate-limit-remaining": "7", "x-rate-limit-reset": "Sun, 22 Nov 2026 00:00:00 GMT", **DATE},
            NOW,
            Quota(None, 7, NOW),
        ),
        # a reset in the distant future
        (
            {"x-rate-limit-remaining": "7", "x-rate-limit-reset": "9999-12-31T00:00:00Z", **DATE},
            NOW,
            Quota(None, 7, NOW + MAX_WAIT),
        ),
        # a Date in the distant future
        ({"x-rate-limit-remaining": "7", "date": "Fri, 31 Dec 9999 23:59:59 GMT"}, NOW, Quota(None, 7, NOW + A_DAY)),
    ],
)
def test_the_three_headers_are_read(headers: dict[str, str], now: float, quota: Quota | None) -> None:
    """If Codat's clock and this one differ, the time until the reset counts."""
    assert read_quota(headers, now) == quota


def test_the_last_request_of_a_day_can_be_reserved() -> None:
    """If nothing is in flight, the budget is exact."""
    budget = Budget(reserve=3)
    budget.on_response(budget.on_sent(), Quota(1000, 4, NOW), may_count=True)
    assert budget.left == 1


def test_a_response_from_before_the_limit_rose_does_not_lower_it_again() -> None:
    """Responses overtake each other; the number of used requests shows which one is newer."""
    budget = Budget()
    numbers = [budget.on_sent() for _ in range(3)]
    for number, (limit, remaining) in zip(numbers, [(2000, 1098), (1000, 100), (2000, 1099)], strict=True):
        budget.on_response(number, Quota(limit, remaining, NOW), may_count=True)
    assert budget.left == 1098


def test_a_clock_that_was_set_back_does_not_freeze_the_quota() -> None:
    """A request that is sent later brings newer figures, whatever the day seems to be."""
    budget = Budget()
    budget.on_response(budget.on_sent(), Quota(1000, 100, NOW), may_count=True)
    budget.on_response(budget.on_sent(), Quota(1000, 99, NOW - 7200), may_count=True)
    assert budget.left == 99


class Exchange:
    """A budget, and the quota as Codat counts it; each method is one event of the requests between them."""

    def __init__(self, limit: int, reserve: int) -> None:
        self.budget, self.reserve = Budget(reserve), reserve
        self.limit, self.used, self.resets_at = limit, 0, NOW
        self.sent: list[int] = []
        self.received: list[tuple[int, Quota]] = []

    def send(self, _: int) -> None:
        """Send a request if the budget allows it; the first one goes alone."""
        left = self.budget.left
        if left is None and not (self.sent or self.received):
            self.sent.append(self.budget.on_sent())
        elif left is not None and left >= 1:
            self.sent.append(self.budget.on_sent())
            assert len(self.sent) <= self.limit - self.used - self.reserve, "Codat has room for all that are in flight"

    def receive(self, at: int) -> None:
        """Let Codat receive one of the requests in flight, and count it."""
        if self.sent:
            number = self.sent.pop(at % len(self.sent))
            self.used += 1
            self.received.append((number, Quota(self.limit, self.limit - self.used, self.resets_at)))

    def respond(self, at: int) -> None:
        """Deliver one of the responses."""
        if self.received:
            number, quota = self.received.pop(at % len(self.received))
            self.budget.on_response(number, quota, may_count=True)

    def lose_response(self, at: int) -> None:
        """Lose one of the responses."""
        if self.received:
            self.budget.on_response(self.received.pop(at % len(self.received))[0], None, may_count=True)

    def lose_request(self, at: int) -> None:
        """Drop one of the requests before it leaves."""
        if self.sent:
            self.budget.on_response(self.sent.pop(at % len(self.sent)), None, may_count=False)

    def raise_limit(self, by: int) -> None:
        """Let customers link, which raises the limit."""
        self.limit += by

    def begin_day(self, _: int) -> None:
        """Reset the quota, when nothing is in flight."""
        if not self.sent and not self.received:
            self.used, self.resets_at = 0, self.resets_at + A_DAY
            self.budget.expire()


EVENTS: list[Callable[[Exchange, int], None]] = [
    Exchange.send,
    Exchange.receive,
    Exchange.respond,
    Exchange.lose_response,
    Exchange.lose_request,
    Exchange.raise_limit,
    Exchange.begin_day,
]


@settings(max_examples=200, deadline=None)
@given(
    events=st.lists(st.tuples(st.sampled_from(EVENTS), st.integers(0, 9)), max_size=120),
    limit=st.integers(1, 40),
    reserve=st.integers(0, 3),
)
def test_no_order_of_requests_responses_and_losses_overdraws_it(
    events: list[tuple[Callable[[Exchange, int], None], int]], limit: int, reserve: int
) -> None:
    """Each request in flight fits into what Codat has left."""
    exchange = Exchange(limit, reserve)
    for event, number in events:
        event(exchange, number)
