"""The official client's blocking calls, one after the other.

`python -m benchmarks.loads.official_blocking INPUT URL IN_FLIGHT` prints the CPU seconds of the work; IN_FLIGHT is not
used.
"""

from __future__ import annotations

import csv
import json
import sys
import time
from pathlib import Path
from typing import Any

from codat_platform.sdk import CodatPlatform

from benchmarks.loads.official_client import company_of, connection_of


def main(path: Path, url: str) -> None:
    """Create a company and a connection for one customer after the other."""
    with path.open(encoding="utf-8", newline="") as file:
        customers = list(csv.DictReader(file))
    links: dict[str, str] = {}
    began = time.process_time()
    # Its annotations name models in place of its groups of calls.
    client: Any = CodatPlatform(security={"auth_header": "Basic YmVuY2htYXJr"}, server_url=url)
    with client:
        for customer in customers:
            company = client.companies.create(request=company_of(customer))
            connection = client.connections.create(request=connection_of(customer, company.id))
            links[customer["customer_id"]] = connection.link_url
    print(json.dumps({"cpu_seconds": time.process_time() - began}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
