"""Measures how fast bulk sends, compared with a plain loop and Codat's own client, and the cost of its journal."""

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
from benchmarks.processes import Peer, run_command, running_peer

FEW, MANY = 16, 64  # requests in flight, for contenders that send several at once
LATENCY = 0.1  # seconds


@dataclass
class Contender:
    """One sender, the number of customers, and its figures of each run."""

    name: str
    module: str
    customers: int
    rates: list[float] = field(default_factory=list)  # requests a second, as the peer saw them
    cpu: list[float] = field(default_factory=list)  # milliseconds a request

    @property
    def makes_reports(self) -> bool:
        """Whether it takes a folder for reports."""
        return self.module.startswith("bulk_")


def _contenders(many: int, few: int) -> tuple[Contender, ...]:
    """Return the contenders: those with many requests in flight, and those that wait for each response."""
    return (
        Contender("bulk", "bulk_migrate", many),
        Contender("bulk, its journal forgets requests", "bulk_without_journal", many),
        Contender("plain asyncio + httpx loop", "plain_loop", many),
        Contender("official client, async", "official_client", few),
        Contender("httpx.Client, one by one", "plain_client", few),
        Contender("official client, one by one", "official_blocking", few),
    )


def run(*, quick: bool) -> list[Figure]:
    """Requests a second and CPU time a request, the whole path of a migration, compared with others in the same run."""
    fast = _contenders(500, 500) if quick else _contenders(2000, 2000)
    slow = _contenders(500, 20) if quick else _contenders(2500, 60)
    slow[3].customers = slow[0].customers // 5  # its threads send about sixty a second at most
    _race(fast, latency=0.0, in_flight=FEW, repetitions=2 if quick else 5)
    _race(slow, latency=LATENCY, in_flight=MANY, repetitions=2 if quick else 3)
    bulk, forgetful, loop, official, client, blocking = fast
    late, late_forgetful, late_loop, late_official, late_client, late_blocking = slow
    return [
        Figure("no latency: bulk / plain loop", ratio(bulk.rates, loop.rates), least=4.5),
        Figure("no latency: bulk / official client, async", ratio(bulk.rates, official.rates), least=2),
        Figure("no latency: bulk / httpx.Client, one by one", ratio(bulk.rates, client.rates)),
        Figure("no latency: bulk / official client, one by one", ratio(bulk.rates, blocking.rates)),
        Figure("no latency: CPU time a request, bulk / plain loop", ratio(bulk.cpu, loop.cpu), most=0.21),
        Figure("no latency: journal on / off", ratio(bulk.rates, forgetful.rates), least=0.65),
        Figure("100 ms, 64 in flight: bulk / plain loop", ratio(late.rates, late_loop.rates)),
        Figure("100 ms, 64 in flight: bulk / official client, async", ratio(late.rates, late_official.rates), least=10),
        Figure("100 ms: bulk / httpx.Client, one by one", ratio(late.rates, late_client.rates)),
        Figure("100 ms: bulk / official client, one by one", ratio(late.rates, late_blocking.rates)),
        Figure("100 ms, 64 in flight: journal on / off", ratio(late.rates, late_forgetful.rates), least=0.98),
    ]


def _race(contenders: Sequence[Contender], *, latency: float, in_flight: int, repetitions: int) -> None:
    with running_peer(latency=latency) as peer:
        for turn in range(repetitions):
            for contender in contenders if turn % 2 else reversed(contenders):
                _send(contender, peer, in_flight)
    rows = [
        (c.name, f"{median(c.rates):,.0f}", f"{min(c.rates):,.0f} to {max(c.rates):,.0f}", f"{median(c.cpu):.2f}")
        for c in contenders
    ]
    print(f"  latency {latency * 1000:g} ms, {in_flight} in flight, medians of {repetitions}:")
    print(table(("", "requests/s", "from, to", "CPU ms/request"), rows), flush=True)


def _send(contender: Contender, peer: Peer, in_flight: int) -> None:
    peer.forget()
    with tempfile.TemporaryDirectory() as folder:
        path = customers.write(Path(folder) / "customers.csv", contender.customers)
        command = [sys.executable, "-m", f"benchmarks.loads.{contender.module}", str(path)]
        command += [folder] if contender.makes_reports else []
        reported = json.loads(run_command([*command, peer.url, str(in_flight)]).output)
    seen = peer.seen()
    contender.rates.append(seen.per_second)
    contender.cpu.append(reported["cpu_seconds"] / seen.requests * 1000)
