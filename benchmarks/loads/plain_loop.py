"""A script that takes half an hour to write: asyncio, httpx, workers, the same POSTs, and no journal.

`python -m benchmarks.loads.plain_loop INPUT URL IN_FLIGHT` prints the CPU seconds of the work.
"""

from __future__ import annotations

import asyncio
import csv
import hashlib
import json
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx

PLATFORMS = {"Xero": "gbol", "QuickBooks Online": "qhyg", "FreeAgent": "fbrh", "NetSuite": "akxx"}


def company(customer: dict[str, str]) -> dict[str, object]:
    """Return the body of the request that creates a customer's company."""
    customer_id = customer["customer_id"]
    tags = {
        "uid": customer_id,
        "bulk_uid": hashlib.sha256(customer_id.encode()).hexdigest()[:32],
        "bulk_batch": "0123456789abcdef",
    }
    return {"name": customer["company_name"], "description": customer["description"], "tags": tags}


async def worker(customers: Iterator[dict[str, str]], client: httpx.AsyncClient, links: dict[str, str]) -> None:
    """Create a company and a connection for one customer after the other."""
    for customer in customers:
        created = await client.post(
            "/companies", json=company(customer), headers={"Idempotency-Key": str(uuid.uuid4())}
        )
        created.raise_for_status()
        connected = await client.post(
            f"/companies/{created.json()['id']}/connections",
            json={"platformKey": PLATFORMS.get(customer["platform"], "gbol")},
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
        connected.raise_for_status()
        links[customer["customer_id"]] = connected.json()["linkUrl"]


async def main(path: Path, url: str, in_flight: int) -> None:
    """Share the customers among the workers."""
    with path.open(encoding="utf-8", newline="") as file:
        customers = list(csv.DictReader(file))
    links: dict[str, str] = {}
    shared = iter(customers)
    began = time.process_time()
    client = httpx.AsyncClient(base_url=url, headers={"Authorization": "Basic YmVuY2htYXJr"}, timeout=30.0)
    async with client, asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(worker(shared, client, links))
    print(json.dumps({"cpu_seconds": time.process_time() - began}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
