"""The same as `bulk_migrate` without journal entries for requests: the difference is the cost of the journal.

The journal exists, because the engine reads the customers from it; its writes for a request return at once.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

import anyio

import bulk
from benchmarks.loads.bulk_migrate import figures, note
from bulk.engine.commands.migrate import Migrate
from bulk.engine.options import Options
from bulk.engine.run import Run
from bulk.input import open_input
from bulk.journal.writer import Writer

T = TypeVar("T")
# The functions of engine/process.py that write to the journal for each request.
OF_A_REQUEST = ("_exchange.<locals>.record_intent", "_record.<locals>.record")


class NoWriter(Writer):
    """A writer that skips the writes for requests."""

    skipped = 0

    async def write(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run the operation, unless it writes for a request."""
        if operation.__qualname__ not in OF_A_REQUEST:
            return await super().write(operation)
        NoWriter.skipped += 1
        await asyncio.sleep(0)  # other tasks run in the meantime, as with the real writer
        return cast(T, self.skipped)


async def main(path: Path, folder: Path, url: str, in_flight: int) -> None:
    """Migrate the customers and print the figures."""
    settings = bulk.Settings.make(api_key="benchmark", base_url=url, rate=10_000_000, concurrency=in_flight, environ={})
    run = Run(folder, settings, Options(), version="benchmark", hook=note, writer=NoWriter)
    end = await run.do(Migrate(open_input(path, mapping={}), Options()), anyio.Event())
    if end.stop is not None:
        raise RuntimeError(end.stop.reason)
    if not NoWriter.skipped:
        raise RuntimeError("no write was skipped: OF_A_REQUEST no longer names the engine's functions")
    print(json.dumps(figures))


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
