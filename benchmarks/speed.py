"""How fast bulk sends, beside a plain loop without a journal and beside the official client."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks import customers
from benchmarks.figures import Figure, ratio, table
from benchmarks.processes import Peer, a_peer, ran

IN_FLIGHT = "16"
LATENCY = 0.1  # seconds


@dataclass
class Contender:
    """Who sends, and how it did each time."""

    name: str
    module: str
    rates: list[float] = field(default_factory=list)  # requests a second
    cpu: list[float] = field(default_factory=list)  # milliseconds a request


def run(*, quick: bool) -> list[Figure]:
    """Requests a second as the peer sees them, 16 in flight: bulk with its journal / the others."""
    repetitions = 2 if quick else 5
    loop, official = Contender("plain loop", "plain_loop"), Contender("official client", "official_client")
    with tempfile.TemporaryDirectory() as folder:
        fast, slow = Contender("bulk", "bulk_migrate"), Contender("bulk", "bulk_migrate")
        path = customers.write(Path(folder) / "fast.csv", 500 if quick else 2000)
        _race([fast, loop], path, latency=0.0, repetitions=repetitions)
        path = customers.write(Path(folder) / "slow.csv", 150 if quick else 1000)
        _race([slow, official], path, latency=LATENCY, repetitions=2 if quick else 3)
    return [
        Figure("no latency: bulk / plain asyncio + httpx loop", ratio(fast.rates, loop.rates), least=0.9),
        Figure("no latency: CPU time a request, bulk / loop", ratio(fast.cpu, loop.cpu)),
        Figure("100 ms: bulk / official client's async call", ratio(slow.rates, official.rates), least=2.5),
    ]


def _race(contenders: Sequence[Contender], path: Path, *, latency: float, repetitions: int) -> None:
    with a_peer(latency=latency) as peer:
        for turn in range(repetitions):
            for contender in contenders if turn % 2 else reversed(contenders):
                _send(contender, path, peer)
    rows = [
        (c.name, f"{median(c.rates):,.0f}", f"{min(c.rates):,.0f} to {max(c.rates):,.0f}", f"{median(c.cpu):.2f}")
        for c in contenders
    ]
    print(f"  latency {latency * 1000:g} ms, medians of {repetitions}:")
    print(table(("", "requests/s", "from, to", "CPU ms/request"), rows), flush=True)


def _send(contender: Contender, path: Path, peer: Peer) -> None:
    peer.forget()
    command = [sys.executable, "-m", f"benchmarks.loads.{contender.module}", str(path)]
    with tempfile.TemporaryDirectory() as reports:
        command += [reports] if contender.module == "bulk_migrate" else []
        told = json.loads(ran([*command, peer.url, IN_FLIGHT]).output)
    seen = peer.seen()
    contender.rates.append(seen.per_second)
    contender.cpu.append(told["cpu_seconds"] / seen.requests * 1000)
