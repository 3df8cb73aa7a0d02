"""Measures the commands after `migrate`: their requests, time and memory."""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import customers
from benchmarks.figures import Figure, ratio, table
from benchmarks.processes import BULK, Measured, Peer, run_command, running_peer

IN_FLIGHT = 16
A_PAGE = 2_000  # companies
FEW = 2_000
ASKED = 5_000  # GETs that the loop sends at most; the rest is extrapolated
NEWLY_LINKED = 0.01  # of the customers


@dataclass
class Loop:
    """The loop's times for the whole batch, one for each repetition."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)


@dataclass
class Runs:
    """The processes of each command, one for each repetition."""

    follow_up: list[Measured] = field(default_factory=list)
    nothing_new: list[Measured] = field(default_factory=list)
    links: list[Measured] = field(default_factory=list)


def run(*, quick: bool) -> list[Figure]:
    """`bulk follow-up` after 1 in 100 has authorized, compared with a loop that asks for each customer.

    The commands are whole processes with their reports, without latency or rate limit. The loop only sends requests.
    """
    number = 10_000 if quick else 100_000
    repetitions = 2 if quick else 3
    few, many, loop = Runs(), Runs(), Loop()
    with tempfile.TemporaryDirectory() as folder:
        _follow(_finished(Path(folder) / "few", FEW), FEW, few, None, repetitions=1)
        _follow(_finished(Path(folder) / "many", number), number, many, loop, repetitions=repetitions)
    linked = _linked(number)
    rows = [
        (f"a GET each, {linked:,} POSTs", f"{number + linked:,}", *_took(loop.seconds, loop.cpu_seconds), ""),
        _row("follow-up", _pages(number) + linked, many.follow_up),
        _row("follow-up, nothing new", _pages(number), many.nothing_new),
        _row("links, none to renew", 0, many.links),
        _row(f"follow-up of {FEW:,}", _pages(FEW) + _linked(FEW), few.follow_up),
    ]
    print(f"  {_sample(number):,} of the loop's GETs were sent, the rest is extrapolated; medians of {repetitions}:")
    print(table((f"{number:,} customers", "requests", "seconds", "CPU seconds", "peak MB"), rows))
    seconds = [each.seconds for each in many.follow_up]
    cpu = [each.cpu_seconds for each in many.follow_up]
    again = [each.seconds for each in many.nothing_new]
    peak, small = (max(each.megabytes for each in runs.follow_up) for runs in (many, few))
    what = f"follow-up of {number:,}"
    return [
        Figure(f"{what}: requests, a GET each / bulk", (number + linked) / (_pages(number) + linked), least=50),
        Figure(f"{what}: seconds, a GET each / bulk", ratio(loop.seconds, seconds), least=10),
        Figure(f"{what}: CPU time, a GET each / bulk", ratio(loop.cpu_seconds, cpu)),
        Figure(f"{what}: peak memory", peak, "MB", most=300),
        Figure(f"{what}: peak memory / at {FEW:,}", peak / small, most=1.5),
        Figure(f"{what}, nothing new: seconds, a GET each / bulk", ratio(loop.seconds, again), least=10),
        Figure(f"links of {number:,}, none to renew: seconds", median(each.seconds for each in many.links), most=10),
    ]


def _finished(folder: Path, number: int) -> Path:
    """Make a batch in which every customer has a linkUrl."""
    folder.mkdir()
    path = customers.write(folder / "customers.csv", number)
    run_command([sys.executable, "-m", "benchmarks.loads.finished_batch", str(path), str(folder / "customers")])
    return folder / "customers"


def _follow(batch: Path, number: int, runs: Runs, loop: Loop | None, *, repetitions: int) -> None:
    """Run the loop and the commands this many times, each time on a copy of the batch."""
    pages, linked = _pages(number), _linked(number)
    with running_peer(batch=batch, linked=linked) as peer:
        for turn in range(repetitions):
            copy = batch.parent / f"{batch.name}-{turn}"
            shutil.copytree(batch, copy)
            if loop is not None:
                _get_each(batch, number, peer, loop)
            peer.forget()
            runs.follow_up.append(_bulk("follow-up", copy, peer, due=pages + linked))
            runs.nothing_new.append(_bulk("follow-up", copy, peer, due=pages))
            runs.links.append(_bulk("links", copy, peer, due=0))
            shutil.rmtree(copy)


def _bulk(command: str, batch: Path, peer: Peer, *, due: int) -> Measured:
    """Run a bulk command. Raises RuntimeError unless it sends exactly `due` requests."""
    before = peer.seen().requests
    options = ["--base-url", peer.url, "--rate=1000000", f"--concurrency={IN_FLIGHT}"]
    done = run_command([*BULK, command, str(batch), *options])
    sent = peer.seen().requests - before
    if sent != due:
        raise RuntimeError(f"bulk {command}: {due:,} requests were due, {sent:,} came")
    return done


def _get_each(batch: Path, number: int, peer: Peer, loop: Loop) -> None:
    gets = _sample(number)
    command = [sys.executable, "-m", "benchmarks.loads.one_by_one", str(batch), peer.url]
    reported = json.loads(run_command([*command, *map(str, (IN_FLIGHT, gets, _linked(number)))]).output)
    for name, values in (("seconds", loop.seconds), ("cpu_seconds", loop.cpu_seconds)):
        values.append(reported["gets"][name] * number / gets + reported["posts"][name])


def _pages(number: int) -> int:
    return -(-number // A_PAGE)


def _linked(number: int) -> int:
    return round(number * NEWLY_LINKED)


def _sample(number: int) -> int:
    return min(number, ASKED)


def _row(name: str, requests: int, runs: Sequence[Measured]) -> tuple[str, ...]:
    took = _took([each.seconds for each in runs], [each.cpu_seconds for each in runs])
    return (name, f"{requests:,}", *took, f"{max(each.megabytes for each in runs):,.0f}")


def _took(seconds: Sequence[float], cpu_seconds: Sequence[float]) -> tuple[str, str]:
    return f"{median(seconds):,.1f}", f"{median(cpu_seconds):,.1f}"
