"""The endpoints under /_sandbox, for the command line: they identify the sandbox and let its customers act.

They need no key and are not limited.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bulk.sandbox.customers import CustomerRequest, Customers


class Control:
    """The endpoints for the command line."""

    def __init__(self, customers: Customers, *, folder: Path) -> None:
        self._customers = customers
        self._folder = folder

    def routes(self) -> list[Route]:
        """Return the routes below /_sandbox."""
        return [
            Route("/health", self.health, methods=["GET"]),
            Route("/customers", self.authorize, methods=["POST"]),
            Route("/customers/deauthorize", self.deauthorize, methods=["POST"]),
        ]

    async def health(self, _request: Request) -> JSONResponse:
        """Return the folder and the process id of this sandbox."""
        return JSONResponse({"sandbox": str(self._folder), "pid": os.getpid()})

    async def authorize(self, request: Request) -> JSONResponse:
        """Let waiting customers decide. The body has the fields of CustomerRequest."""
        return _acted(self._customers.decide, await json_of(request))

    async def deauthorize(self, request: Request) -> JSONResponse:
        """Let linked customers withdraw. The body has the same fields."""
        return _acted(self._customers.withdraw, await json_of(request))


async def json_of(request: Request) -> Any:
    """Return the content of a request's JSON body, or None if it has no valid one."""
    try:
        return await request.json()
    except ValueError:
        return None


def bad_request(message: str, *, status: int = 400) -> JSONResponse:
    """Return the response to a request that an endpoint does not understand."""
    return JSONResponse({"error": message}, status_code=status)


def _acted(act: Callable[[CustomerRequest], dict[str, int]], content: Any) -> JSONResponse:
    try:
        request = CustomerRequest(**content)
        if isinstance(request.customers, str) or not all(isinstance(each, str) for each in request.customers):
            raise TypeError("'customers' must be a list of identifiers")
        return JSONResponse(act(request))
    except (TypeError, ValueError) as error:
        return bad_request(str(error))
