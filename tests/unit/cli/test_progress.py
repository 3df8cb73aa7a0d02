"""Progress: one bar at a time on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys

import pytest

from bulk.api import Advanced, Enrolled, Reconciled, Resting, Started, State, Warned
from bulk.cli.progress import Progress
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
    """At the end there is no time left to show."""
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
