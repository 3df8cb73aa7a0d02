"""One request after the other with `httpx.Client`: the simplest script.

`python -m benchmarks.loads.plain_client INPUT URL IN_FLIGHT` prints the CPU seconds of the work; IN_FLIGHT is not used.
"""

from __future__ import annotations

import csv
import json
import sys
import time
import uuid
from pathlib import Path

import httpx

from benchmarks.loads.plain_loop import PLATFORMS, company


def main(path: Path, url: str) -> None:
    """Create a company and a connection for one customer after the other."""
    with path.open(encoding="utf-8", newline="") as file:
        customers = list(csv.DictReader(file))
    links: dict[str, str] = {}
    began = time.process_time()
    with httpx.Client(base_url=url, headers={"Authorization": "Basic YmVuY2htYXJr"}, timeout=30.0) as client:
        for customer in customers:
            headers = {"Idempotency-Key": str(uuid.uuid4())}
            created = client.post("/companies", json=company(customer), headers=headers)
            created.raise_for_status()
            connected = client.post(
                f"/companies/{created.json()['id']}/connections",
                json={"platformKey": PLATFORMS.get(customer["platform"], "gbol")},
                headers={"Idempotency-Key": str(uuid.uuid4())},
            )
            connected.raise_for_status()
            links[customer["customer_id"]] = connected.json()["linkUrl"]
    print(json.dumps({"cpu_seconds": time.process_time() - began}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
