"""The tests' own requests.

httpx reads all certificates for each new client, and for each `httpx.get`: twenty times the cost of the request. So
tests share one client, and other clients share its TLS settings: `httpx.Client(verify=TLS, ...)`.
"""

from __future__ import annotations

import httpx

TLS = httpx.create_ssl_context()
# Each request has its own connection, because tests restart servers.
HTTP = httpx.Client(verify=TLS, timeout=60, limits=httpx.Limits(max_keepalive_connections=0))
