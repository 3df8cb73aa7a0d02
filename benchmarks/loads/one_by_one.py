"""The loop that `bulk follow-up` replaces: a GET for each customer's company, then a POST for each linked one.

`python -m benchmarks.loads.one_by_one FOLDER URL IN_FLIGHT GETS POSTS` requests GETS companies of the batch, spread
evenly, and creates POSTS partner connections. It prints the seconds and the CPU seconds of each part.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import httpx


def company_ids(folder: Path, number: int) -> list[str]:
    """Read this many of the batch's companies, spread evenly."""
    connection = sqlite3.connect(f"{(folder / 'journal.sqlite3').absolute().as_uri()}?mode=ro", uri=True)
    every = [company_id for (company_id,) in connection.execute("SELECT company_id FROM customers ORDER BY seq")]
    connection.close()
    return [every[at * len(every) // number] for at in range(number)]


async def send_all(company_ids: list[str], ask: Callable[[str], Awaitable[None]], in_flight: int) -> dict[str, float]:
    """Send a request for each company, `in_flight` at a time; return the seconds that it took."""
    shared = iter(company_ids)
    began, began_cpu = time.perf_counter(), time.process_time()
    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(_worker(shared, ask))
    return {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - began_cpu}


async def _worker(company_ids: Iterator[str], ask: Callable[[str], Awaitable[None]]) -> None:
    for company_id in company_ids:
        await ask(company_id)


async def main(folder: Path, url: str, in_flight: int, gets: int, posts: int) -> None:
    """Request the companies, then create the connections."""
    client = httpx.AsyncClient(base_url=url, headers={"Authorization": "Basic YmVuY2htYXJr"}, timeout=30.0)
    statuses: dict[str, set[str]] = {}
    partners: dict[str, str] = {}

    async def get(company_id: str) -> None:
        answer = await client.get(f"/companies/{company_id}")
        answer.raise_for_status()
        statuses[company_id] = {each["status"] for each in answer.json()["dataConnections"]}

    async def post(company_id: str) -> None:
        path = f"/companies/{company_id}/sync/expenses/connections/partnerExpense"
        answer = await client.post(path, headers={"Idempotency-Key": str(uuid.uuid4())})
        answer.raise_for_status()
        partners[company_id] = answer.json()["id"]

    async with client:
        asked = await send_all(company_ids(folder, gets), get, in_flight)
        made = await send_all(company_ids(folder, posts), post, in_flight)
    print(json.dumps({"gets": asked, "posts": made}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], *map(int, sys.argv[3:6])))
