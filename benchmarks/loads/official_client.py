"""The official client's async calls, several at once.

`python -m benchmarks.loads.official_client INPUT URL IN_FLIGHT` prints the CPU seconds of the work. The calls wait in
the event loop's thread pool, however many are in flight.
"""

from __future__ import annotations

import asyncio
import csv
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from codat_platform.sdk import CodatPlatform

from benchmarks.loads.plain_loop import PLATFORMS


def company_of(customer: dict[str, str]) -> Any:
    """Return the request that creates a customer's company."""
    return {
        "name": customer["company_name"],
        "description": customer["description"],
        "tags": {"uid": customer["customer_id"]},
    }


def connection_of(customer: dict[str, str], company_id: str) -> Any:
    """Return the request that creates a customer's connection."""
    return {
        "company_id": company_id,
        "request_body": {"platform_key": PLATFORMS.get(customer["platform"], "gbol")},
    }


async def worker(customers: Iterator[dict[str, str]], client: Any, links: dict[str, str]) -> None:
    """Create a company and a connection for one customer after the other.

    `client` is a CodatPlatform, whose annotations name models in place of its groups of calls.
    """
    for customer in customers:
        company = await client.companies.create_async(request=company_of(customer))
        connection = await client.connections.create_async(request=connection_of(customer, company.id))
        links[customer["customer_id"]] = connection.link_url


async def main(path: Path, url: str, in_flight: int) -> None:
    """Share the customers among the workers."""
    with path.open(encoding="utf-8", newline="") as file:
        customers = list(csv.DictReader(file))
    links: dict[str, str] = {}
    shared = iter(customers)
    began = time.process_time()
    client = CodatPlatform(security={"auth_header": "Basic YmVuY2htYXJr"}, server_url=url)
    async with client, asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(worker(shared, client, links))
    print(json.dumps({"cpu_seconds": time.process_time() - began}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
