"""Kills a command repeatedly, as a user or a power cut might."""

from __future__ import annotations

import random

from support.runs import BatchFixture, until


def kill_repeatedly(
    fixture: BatchFixture, chance: random.Random, *options: str, command: str = "migrate", kills: int, requests: int
) -> tuple[int, bool]:
    """Run a command, and kill it up to this many times, after at most this many more requests each time.

    Return the number of kills, and whether the command was done before the last of them. The first kill does not depend
    on the speed of the machine: its requests are held.
    """
    options = (*options, "--timeout", "5", "--concurrency", "4")
    with fixture.codat.holding(after=chance.randint(1, requests)) as wait_until_held:
        process = fixture.start(*options, command=command)
        wait_until_held()
        process.kill()
    for number in range(1, kills):
        sent = fixture.codat.stats()["requests_total"]
        more = chance.randint(1, requests)
        process = fixture.start(*options, command=command)
        until(
            lambda since=sent, more=more, process=process: (  # type: ignore[misc]
                process.popen.poll() is not None or fixture.codat.stats()["requests_total"] >= since + more
            ),
            "the next requests, or the end",
        )
        if process.popen.poll() is None:
            process.kill()
        elif process.wait().code == 0:
            return number, True
    return kills, False
