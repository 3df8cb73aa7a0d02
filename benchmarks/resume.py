"""Measures how soon a batch resumes that is done, or done but for one customer."""

from __future__ import annotations

import json
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from statistics import median

from benchmarks import customers
from benchmarks.figures import Figure, table
from benchmarks.processes import BULK, Measured, Peer, run_command, running_peer

ONE_TO_DO = """
    UPDATE customers SET state = 'pending', name_sent = NULL, platform_sent = NULL, description_sent = NULL,
        company_id = NULL, company_origin = NULL, connection_id = NULL, connection_status = NULL, link_url = NULL,
        link_issued_at = NULL, updated_at = NULL, attempts = 0
    WHERE seq = (SELECT max(seq) FROM customers)
"""
ITS_REQUESTS = "DELETE FROM requests WHERE customer = (SELECT max(seq) FROM customers)"
A_PAGE = 2_000  # companies


def run(*, quick: bool) -> list[Figure]:
    """A batch of a million done rows: from the start of the process to its first request, or to "nothing to do"."""
    rows = 100_000 if quick else 1_000_000
    times = 2 if quick else 3
    to_request, to_nothing, runs = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        path = customers.write(Path(folder) / "customers.csv", rows)
        batch = Path(folder) / "customers"
        made = run_command([sys.executable, "-m", "benchmarks.loads.finished_batch", str(path), str(batch)])
        size = (batch / "journal.sqlite3").stat().st_size / 1e6
        print(f"  made the journal of {rows:,} customers in {made.seconds:.0f} s: {size:,.0f} MB", flush=True)
        with running_peer() as peer:
            to_nothing += [_nothing_to_do(path, Path(folder), peer) for _ in range(times)]
        _reset_one(batch)
        with running_peer(batch=batch, linked=0) as peer:
            for _ in range(times):
                seconds, whole = _one_to_do(path, batch, peer, due=-(-(rows - 1) // A_PAGE) + 2)
                to_request.append(seconds)
                runs.append(whole)
    lines = [
        ("to nothing to do", f"{median(to_nothing):.2f}", ""),
        ("to the first request", f"{median(to_request):.2f}", ""),
        (
            "to the end, reports included",
            f"{median(r.seconds for r in runs):.2f}",
            f"CPU {median(r.cpu_seconds for r in runs):.2f} s, peak {max(r.megabytes for r in runs):,.0f} MB",
        ),
    ]
    print(table((f"medians of {len(runs)}", "seconds", ""), lines))
    return [
        Figure(f"resume of {rows:,} done: seconds to nothing to do", median(to_nothing), most=3),
        Figure(f"resume of {rows:,} done and one: seconds to its request", median(to_request), most=3),
    ]


def _nothing_to_do(path: Path, reports: Path, peer: Peer) -> float:
    """Return the seconds until a new process knows that it has nothing to do."""
    whole = run_command(
        [sys.executable, "-m", "benchmarks.loads.bulk_migrate", str(path), str(reports), peer.url, "16"]
    )
    reported = json.loads(whole.output)
    if reported["to_do"]:
        raise RuntimeError(f"there should be nothing to do: {reported}")
    return float(reported["began"]) - whole.started


def _reset_one(batch: Path) -> None:
    """Reset the last customer of a batch, as if nothing had been sent for it."""
    with closing(sqlite3.connect(batch / "journal.sqlite3", isolation_level=None)) as journal:
        journal.execute(ONE_TO_DO)
        journal.execute(ITS_REQUESTS)


def _one_to_do(path: Path, batch: Path, peer: Peer, *, due: int) -> tuple[float, Measured]:
    """Run `bulk migrate` with one customer left; return the seconds until its first request arrives, and the run.

    The run reads the company list first. `due` is the number of its pages, plus two requests for the customer.
    """
    _reset_one(batch)
    peer.forget()
    whole = run_command([*BULK, "migrate", str(path), "--reports", str(batch.parent), "--base-url", peer.url])
    seen = peer.seen()
    if seen.requests != due:
        raise RuntimeError(f"{due} requests were due, {seen.requests} came")
    return seen.first - whole.started, whole
