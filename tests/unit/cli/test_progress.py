"""Progress: one bar at a time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import os
import pty
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from bulk.api import Advanced, Enrolled, Hold, Reconciled, Resting, Started, State, Warned
from bulk.cli.estimates import Pace
from bulk.cli.progress import Progress
from bulk.cli.run_state import RunState
from bulk.model import Quota
from unit.cli.test_console import Terminal

MOVES_UP = "\x1b[A"  # written by tqdm when it draws one bar below another


def test_each_round_of_a_watch_has_one_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bar of the round before is closed first, so that the next one does not overwrite it."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress() as progress:
        for _ in range(2):
            progress(Started(to_do=2, done=0))
            progress(Advanced("1", State.COMPLETE, None))
            progress(Resting(1, 1_800_000_000.0, None))
    assert MOVES_UP not in terminal.getvalue()
    lines = terminal.getvalue().split("\n")
    assert len([line for line in lines if "1/2" in line]) == 2
    assert [line for line in lines if "pending" in line] == [
        "1 customer pending. Next round at 2027-01-15 08:00:00 UTC."
    ] * 2


def test_numbers_agree_with_their_nouns(capsys: pytest.CaptureFixture[str]) -> None:
    """`1 row`, not `1 rows`."""
    with Progress() as progress:
        progress(Enrolled(1, 0, 0, 0, rejected=1))
        progress(Reconciled(1, 1))
        progress(Started(to_do=1, done=0))
        progress(Advanced("1", State.COMPLETE, None))
    lines = capsys.readouterr().err.splitlines()
    assert lines[:3] == [
        "Customers: 1 new, 0 same, 0 changed, 0 gone; 1 row rejected",
        "Read 1 company of Codat's company list: 1 change",
        "1 customer to do, 0 already done",
    ]
    assert lines[3].startswith("1 of 1 customer, ")


def test_an_unknown_time_is_called_unknown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """At the end it is not shown."""
    with Progress() as progress:
        progress(Started(to_do=1, done=0))
        progress(Advanced("1", State.COMPLETE, None))
    assert capsys.readouterr().err.splitlines()[-1].endswith(" per minute")
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress() as progress:
        progress(Started(to_do=1, done=0))
        assert terminal.getvalue().endswith(", time left unknown")
        progress(Advanced("1", State.COMPLETE, None))
    assert "left" not in terminal.getvalue().rpartition("1/1")[2]


def test_a_warning_does_not_control_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """This is also true if it is printed above the bar."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with Progress() as progress:
        progress(Started(to_do=1, done=0))
        progress(Warned("a \x1b[31m b"))
    assert "\x1b[31m" not in terminal.getvalue()


NOON = datetime(2026, 11, 28, 12, tzinfo=UTC).timestamp()
MIDNIGHT = NOON + 43_200
IN_WEEKS = "499 of 7,543 today, done about 13 December; 3 days if 10% link"


def of_two_weeks(done: int = 120, *, remaining: int = 758) -> RunState:
    """Return a migration to a new client after a minute of its first day."""
    state = RunState(Pace())
    state.start(Started(7543, 0, requests=2), 0.0)
    for number in range(done):
        state.advance(Advanced(str(number), State.LINK_READY, Quota(1000, remaining, MIDNIGHT)), 60.0)
    return state


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (80, IN_WEEKS),
        (62, IN_WEEKS),
        (40, "499 today, done about 13 December"),
        (24, "done about 13 December"),
    ],
)
def test_a_migration_of_two_weeks_is_not_said_to_end_in_hours(width: int, expected: str) -> None:
    """At two customers a second, all of them would take an hour."""
    assert of_two_weeks().end(width, now=NOON, steady=60.0) == expected
    assert of_two_weeks().line(now=NOON, steady=60.0) == (
        f"120 of 7,543 customers, 120 per minute, quota 758 left; {IN_WEEKS}"
    )


def test_todays_share_does_not_flicker() -> None:
    """The quota lacks the requests of customers in progress. If another program uses the quota, the share falls."""
    state = of_two_weeks()
    assert state.days(now=NOON, steady=60.0) == IN_WEEKS
    for remaining, share in ((740, 499), (720, 499), (680, 463)):
        state.advance(Advanced("x", State.LINK_READY, Quota(1000, remaining, MIDNIGHT)), 60.0)
        assert state.days(now=NOON, steady=60.0).startswith(f"{share} of 7,543 today, ")


def test_a_wait_for_the_quota_counts_down() -> None:
    """The estimate stays, if there is room."""
    state = of_two_weeks(499, remaining=0)
    assert state.waiting(NOON) == 0
    state.hold(Hold("Codat's daily quota is used up", MIDNIGHT + 1))
    assert state.end(100, now=NOON, steady=600.0) == f"waiting 12 h 0 min; {IN_WEEKS}"
    assert state.end(28, now=NOON + 3600, steady=4200.0) == "waiting 11 h 0 min"
    assert state.waiting_line(now=MIDNIGHT - 59, steady=600.0) == f"Waiting for 1 min 0 s; {IN_WEEKS}"
    assert not state.waiting(MIDNIGHT + 1)


def test_after_the_reset_the_speed_and_the_share_are_those_of_the_new_day() -> None:
    """The hours of the wait do not count."""
    state = of_two_weeks(499, remaining=0)
    day = 43_200.0
    for number in range(60):
        quota = Quota(51_000, 50_999 - 2 * number, MIDNIGHT + 86_400)
        state.advance(Advanced(str(number), State.LINK_READY, quota), day + number)
    assert state.line(now=MIDNIGHT + 60, steady=day + 60) == (
        "559 of 7,543 customers, 60 per minute, quota 50,881 left, 1 h 56 min left"
    )


@pytest.mark.parametrize(("seconds", "speed"), [(0.0002, 120), (9.9, 120), (20.0, 15)])
def test_the_first_customers_after_a_reset_are_no_measure(seconds: float, speed: int) -> None:
    """They come at once, so their speed would be millions a minute. A second reset soon after changes nothing."""
    state = of_two_weeks(120, remaining=0)
    for day in (1, 2):
        quota = Quota(1000, 998, MIDNIGHT + day * 86_400)
        for number in range(5):
            state.advance(Advanced(f"{day}-{number}", State.LINK_READY, quota), day * 43_200.0)
    assert f"130 of 7,543 customers, {speed} per minute, " in state.line(now=MIDNIGHT + 60, steady=86_400.0 + seconds)


@contextmanager
def terminal_of(columns: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], str]]:
    """Let standard error be a terminal of this width; yield a function that returns what it shows."""
    first, second = pty.openpty()
    termios.tcsetwinsize(second, (24, columns))
    os.set_blocking(first, False)
    with os.fdopen(first, "rb", buffering=0) as seen, os.fdopen(second, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        yield lambda: b"".join(iter(lambda: seen.read(10_000) or b"", b"")).decode()


@pytest.mark.parametrize(
    ("columns", "shown"),
    [(120, "; 499 of 7,543 today, done about "), (80, "; 499 of 7,543 today, done about "), (40, "waiting ")],
)
def test_the_bar_fits_in_the_terminal(columns: int, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It keeps a few columns, and the text the rest."""
    resets_at = (time.time() // 86_400 + 1) * 86_400
    with terminal_of(columns, monkeypatch) as read, Progress() as progress:
        progress(Started(7543, 0, requests=2))
        progress(Advanced("1", State.LINK_READY, Quota(1000, 996, resets_at)))
        progress(Hold("Codat's daily quota is used up", time.time() + 3600))
        progress.tick()
        lines = [line for line in read().replace("\r", "\n").split("\n") if "/7543 |" in line]
    assert max(map(len, lines)) <= columns
    assert all("|    " in line for line in lines), "the bar has some columns"
    assert shown in lines[-1]


def test_a_terminal_of_width_0_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """`docker exec -t` and some build servers make one, and a bar would show nothing there."""
    with terminal_of(0, monkeypatch) as read:
        with Progress() as progress:
            progress(Started(to_do=2, done=0))
            progress(Advanced("1", State.LINK_READY, None))
        assert read().startswith("2 customers to do, 0 already done\r\n1 of 2 customers, ")


def test_a_long_wait_without_a_terminal_is_reported_from_time_to_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every ten minutes, and not every second."""
    steady = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: steady[0])  # the clock that paces the lines
    progress = Progress()
    progress(Started(7543, 0, requests=2))
    progress(Advanced("1", State.LINK_READY, Quota(1000, 0, time.time() + 40_000)))
    progress(Hold("Codat's daily quota is used up", time.time() + 40_000))
    for _ in range(1300):
        steady[0] += 1
        progress.tick()
    lines = capsys.readouterr().err.splitlines()
    assert lines[1].startswith("Waiting until ")
    assert "Codat's daily quota is used up; 1 of 7,543 today, done about " in lines[1]
    assert len(lines) == 4
    assert all(line.startswith("Waiting for 11 h 6 min; 1 of 7,543 today") for line in lines[2:])
