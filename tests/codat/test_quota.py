"""What the limit headers say, and a budget that is never overdrawn."""

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
        ({}, NOW, None),  # none at all
        ({"retry-after": ""}, NOW, None),  # empty
        ({"retry-after": "120"}, NOW, 120.0),  # seconds
        ({"retry-after": " 1.5 "}, NOW, 1.5),  # seconds and a part
        ({"retry-after": "0"}, NOW, 0.0),  # at once
        ({"retry-after": "-5"}, NOW, None),  # negative
        ({"retry-after": "soon"}, NOW, None),  # nonsense
        ({"retry-after": "nan"}, NOW, None),  # no number, though Python reads it as one
        ({"retry-after": "inf"}, NOW, None),  # for ever
        ({"retry-after": "99999999"}, NOW, MAX_WAIT),  # three years: not honoured for more than 48 hours
        ({"retry-after": "Mon, 23 Nov 2026 00:01:00 GMT", **DATE}, NOW, 61.0),  # a date, rounded up
        ({"retry-after": "Mon, 23 Nov 2026 00:01:00 GMT", **DATE}, NOW + 9999, 61.0),  # and our clock is fast
        ({"retry-after": "Mon, 23 Nov 2026 00:01:00 GMT", **DATE}, NOW - 9999, 61.0),  # or slow
        ({"retry-after": "Mon, 23 Nov 2026 00:01:00 GMT"}, NOW, 61.0),  # without a Date our clock must do
        ({"retry-after": "Sun, 22 Nov 2026 00:00:00 GMT", **DATE}, NOW, None),  # over already
        ({"retry-after": "Thu, 31 Dec 9999 23:59:59 GMT", **DATE}, NOW, MAX_WAIT),  # for ever: the same
        ({"retry-after": "Mon, 99 Nov 2026 25:61:00 GMT", **DATE}, NOW, None),  # no date
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], now: float, seconds: float | None) -> None:
    """Nonsense counts as none."""
    assert retry_after(headers, now) == seconds


@pytest.mark.parametrize(
    ("headers", "now", "quota"),
    [
        ({}, NOW, None),  # none at all
        ({"x-rate-limit-remaining": "many"}, NOW, None),  # no number
        ({"x-rate-limit-remaining": "1e300"}, NOW, None),  # none of requests
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
        # the reset is that of Codat's clock: here it is an hour later
        ({"x-rate-limit-remaining": "7", **DATE}, NOW + 3600, Quota(None, 7, NOW + 3600 + A_DAY)),
        # no reset: the next midnight
        ({"x-rate-limit-remaining": "7"}, NOW + 60, Quota(None, 7, NOW + A_DAY)),
        # a reset that is over
        (
            {"x-rate-limit-remaining": "7", "x-rate-limit-reset": "Sun, 22 Nov 2026 00:00:00 GMT", **DATE},
            NOW,
            Quota(None, 7, NOW),
        ),
        # one beyond sense
        (
            {"x-rate-limit-remaining": "7", "x-rate-limit-reset": "9999-12-31T00:00:00Z", **DATE},
            NOW,
            Quota(None, 7, NOW + MAX_WAIT),
        ),
        # an answer's own date beyond sense
        ({"x-rate-limit-remaining": "7", "date": "Fri, 31 Dec 9999 23:59:59 GMT"}, NOW, Quota(None, 7, NOW + A_DAY)),
    ],
)
def test_the_three_headers_are_read(headers: dict[str, str], now: float, quota: Quota | None) -> None:
    """Where they disagree with our clock, the time that is left counts."""
    assert read_quota(headers, now) == quota


def test_the_last_request_of_a_day_can_be_promised() -> None:
    """With nothing in flight the budget is exact."""
    budget = Budget(reserve=3)
    number = budget.on_sent()
    budget.on_response(number, Quota(1000, 4, NOW), may_count=True)
    assert budget.left == 1


def test_an_answer_of_before_the_limit_rose_takes_nothing_back() -> None:
    """Answers overtake each other; what is used tells which was the later."""
    budget = Budget()
    numbers = [budget.on_sent() for _ in range(3)]
    for number, told in zip(numbers, [(2000, 1098), (1000, 100), (2000, 1099)], strict=True):
        budget.on_response(number, Quota(*told, NOW), may_count=True)
    assert budget.left == 1098


def test_a_clock_that_was_set_back_does_not_freeze_the_quota() -> None:
    """What is sent later tells later, whatever the day seems to be."""
    budget = Budget()
    budget.on_response(budget.on_sent(), Quota(1000, 100, NOW), may_count=True)
    budget.on_response(budget.on_sent(), Quota(1000, 99, NOW - 7200), may_count=True)
    assert budget.left == 99


class Codat:
    """Takes requests in, in any order, and counts."""

    def __init__(self, limit: int) -> None:
        self.limit, self.used, self.resets_at = limit, 0, NOW

    def take(self) -> Quota:
        """Count one request and tell what is left."""
        self.used += 1
        return Quota(self.limit, self.limit - self.used, self.resets_at)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("stalgrdf"), st.integers(0, 9)), max_size=120),
    st.integers(1, 40),
    st.integers(0, 3),
)
def test_no_order_of_requests_answers_and_losses_overdraws_it(  # noqa: C901 - a machine of seven small events
    events: list[tuple[str, int]], limit: int, reserve: int
) -> None:
    """s: send, t: Codat takes one in, a: an answer comes, l: one is lost after that, f: before, r: raised, d: a day."""
    codat, budget = Codat(limit), Budget(reserve)
    sent: list[int] = []
    taken: list[tuple[int, Quota]] = []

    def send() -> None:
        if budget.left is None and not (sent or taken):
            sent.append(budget.on_sent())
        elif budget.left is not None and budget.left >= 1:
            sent.append(budget.on_sent())
            assert len(sent) <= codat.limit - codat.used - reserve, "Codat has room for all on their way"

    def take(at: int) -> None:
        if sent:
            number = sent.pop(at % len(sent))
            taken.append((number, codat.take()))

    def answer(at: int) -> None:
        if taken:
            number, told = taken.pop(at % len(taken))
            budget.on_response(number, told, may_count=True)

    def lose(at: int) -> None:
        if taken:
            budget.on_response(taken.pop(at % len(taken))[0], None, may_count=True)

    def fail(at: int) -> None:
        if sent:
            budget.on_response(sent.pop(at % len(sent)), None, may_count=False)

    def raise_limit(by: int) -> None:
        codat.limit += by

    def begin_day(_: int) -> None:
        if not sent and not taken:
            codat.used, codat.resets_at = 0, codat.resets_at + A_DAY
            budget.expire()

    todo: dict[str, Callable[[int], None]] = {
        "s": lambda _: send(),
        "t": take,
        "a": answer,
        "l": lose,
        "g": fail,
        "r": raise_limit,
        "d": begin_day,
        "f": fail,
    }
    for what, number in events:
        todo[what](number)
