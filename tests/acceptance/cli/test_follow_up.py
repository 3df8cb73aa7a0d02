"""`follow-up` prints the end of a watch before the watch begins."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from acceptance.cli.conftest import Shell
from bulk.cli.commands.follow_up import end_of_watch

NOW = datetime(2026, 11, 27, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("until", "message"),
    [
        (datetime(2026, 11, 27, 18, 0, tzinfo=UTC), "Watching until 2026-11-27 18:00:00 UTC"),
        (datetime(2026, 11, 28, 10, 0, tzinfo=UTC), "Watching until 2026-11-28 10:00:00 UTC (tomorrow)"),
        (datetime(2026, 12, 28, 10, 0, tzinfo=UTC), "Watching until 2026-12-28 10:00:00 UTC"),
    ],
)
def test_the_end_of_a_watch_is_a_full_date(until: datetime, message: str) -> None:
    """A time of day that has passed today is that of tomorrow, and the message says so."""
    assert end_of_watch(until, NOW) == message


def test_the_end_of_a_watch_is_printed_first(shell: Shell) -> None:
    """On standard error, before anything is sent."""
    shell.customers(1)
    assert shell.run("bulk migrate x.csv --sandbox").returncode == 0
    assert shell.run("bulk sandbox authorize reports/x --share 1").returncode == 0
    ended = shell.run("bulk follow-up reports/x --sandbox --watch 1s --until 00:00")
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.splitlines()[0].startswith("Watching until ")
    assert ended.stderr.splitlines()[0].endswith(" 00:00:00 UTC (tomorrow)")
    assert ended.stdout.startswith("1 partner connection created.\n")


def test_until_needs_a_watch(shell: Shell) -> None:
    """Without one, there is nothing to end."""
    shell.customers(1)
    assert shell.run("bulk migrate x.csv --sandbox").returncode == 0
    ended = shell.run("bulk follow-up reports/x --sandbox --until 18:00")
    assert ended.returncode == 2
    assert "--until needs --watch" in ended.stderr
