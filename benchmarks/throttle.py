"""Measures whether bulk stays within Codat's rate limit and uses all of it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks import customers
from benchmarks.figures import Figure
from benchmarks.processes import BULK, run_command, running_peer

RATE = 1000  # requests a minute
LATENCY = 0.3  # seconds


def run(*, quick: bool) -> list[Figure]:
    """`bulk migrate` at 1,000 requests a minute against a peer with 300 ms latency that refuses more, for 3 minutes."""
    minutes = 1 if quick else 3
    with tempfile.TemporaryDirectory() as folder, running_peer(latency=LATENCY, rate_limit=RATE) as peer:
        path = customers.write(Path(folder) / "customers.csv", RATE * minutes // 2)
        done = run_command([*BULK, "migrate", str(path), "--reports", folder, "--base-url", peer.url, f"--rate={RATE}"])
        seen = peer.seen()
    took = f"CPU {done.cpu_seconds:.1f} s of {done.seconds:.1f}"
    print(f"  {seen.requests:,} requests in {seen.last - seen.first:.1f} s; {took}")
    return [
        Figure("rate-limited: requests a minute", seen.per_second * 60, least=975),
        Figure("rate-limited: worst 60 seconds at the peer", seen.worst_minute, most=RATE),
        Figure("rate-limited: answers with 429", seen.refused, most=0),
    ]
