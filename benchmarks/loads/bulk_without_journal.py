"""The same as `bulk_migrate`, but what becomes of each request is written nowhere: what does the journal cost?

The journal is there, because the customers in work are read from it; its writes for a request are answered at once.
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
# What is written for each request, by the functions of engine/process.py that write it.
OF_A_REQUEST = ("_exchange.<locals>.record_intent", "_record.<locals>.record")


class NoWriter(Writer):
    """A writer that forgets what is written for a request."""

    forgotten = 0

    async def write(self, operation: Callable[[sqlite3.Connection], T]) -> T:
        """Run the operation, unless it is one of a request's."""
        if operation.__qualname__ not in OF_A_REQUEST:
            return await super().write(operation)
        self.forgotten += 1
        await asyncio.sleep(0)  # as a real one would, let others have their turn
        return cast(T, self.forgotten)


async def main(path: Path, folder: Path, url: str, in_flight: int) -> None:
    """Migrate, and say what it took."""
    settings = bulk.Settings.make(api_key="benchmark", base_url=url, rate=10_000_000, concurrency=in_flight, environ={})
    run = Run(folder, settings, Options(), version="benchmark", hook=note, writer=NoWriter)
    end = await run.do(Migrate(open_input(path, mapping={}), Options(), note), anyio.Event())
    if end.stop is not None:
        raise RuntimeError(end.stop.reason)
    print(json.dumps(figures))


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
