"""The routes of the sandbox, and the assembly of its parts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response as PlainResponse
from starlette.routing import Mount, Route

from bulk.sandbox.bodies import error
from bulk.sandbox.changes import Changes
from bulk.sandbox.clock import Clock
from bulk.sandbox.control import Control
from bulk.sandbox.customers import Customers
from bulk.sandbox.exchange import Endpoint, Services
from bulk.sandbox.faults import Faults, read_text
from bulk.sandbox.idempotency import Idempotency
from bulk.sandbox.limits import DayQuota, Gate
from bulk.sandbox.operations import Operations
from bulk.sandbox.options import Options
from bulk.sandbox.outbox import Outbox
from bulk.sandbox.pages import LinkPages
from bulk.sandbox.store import Store

MakeApp: TypeAlias = Callable[..., Starlette]  # make_app, or a test's function that adds to it
_COMPANY = "/companies/{company_id}"
_CONNECTION = _COMPANY + "/connections/{connection_id}"

# https://docs.codat.io/platform-api and https://docs.codat.io/sync-for-expenses-api
_API = (
    ("POST", "/companies", "create_company"),
    ("GET", "/companies", "list_companies"),
    ("GET", _COMPANY, "get_company"),
    ("DELETE", _COMPANY, "delete_company"),
    ("POST", _COMPANY + "/connections", "create_connection"),
    ("GET", _COMPANY + "/connections", "list_connections"),
    ("GET", _CONNECTION, "get_connection"),
    ("PATCH", _CONNECTION, "unlink_connection"),
    ("POST", _COMPANY + "/sync/expenses/connections/partnerExpense", "create_partner_expense_connection"),
    ("GET", "/integrations", "list_integrations"),
    ("GET", "/profile", "get_profile"),
    ("GET", "/profile/syncSettings", "get_sync_settings"),
)


def make_services(store: Store, options: Options, *, base_url: str) -> Services:
    """Assemble the parts of a sandbox."""
    clock = Clock()
    outbox = Outbox(store)
    changes = Changes(store, outbox, clock, base_url=base_url, partner_events=options.partner_events)
    quota = DayQuota(store, clock, base=options.daily_limit, day_seconds=options.day_seconds)
    return Services(
        store=store,
        outbox=outbox,
        changes=changes,
        clock=clock,
        gate=Gate(clock, quota, options),
        quota=quota,
        idempotency=None if options.ignore_idempotency else Idempotency(store, clock),
        faults=Faults([read_text(text) for text in options.fault], seed=options.seed),
        operations=Operations(store, changes, clock, options, base_url=base_url),
        latency=options.latency,
    )


def make_app(
    services: Services,
    options: Options,
    *,
    folder: Path,
    endpoint: Callable[[Services, str], Endpoint] = Endpoint,
    handles: Sequence[Route] = (),
) -> Starlette:
    """Build the ASGI application. Tests pass their own `endpoint`, and further routes as `handles`."""
    pages = LinkPages(services.store, services.changes, services.clock, options)
    control = Control(Customers(services.store, services.changes), folder=folder)
    return Starlette(
        routes=[
            *(Route(path, endpoint(services, operation), methods=[method]) for method, path, operation in _API),
            Route("/link" + _CONNECTION + "/start", pages.start, methods=["GET", "POST"]),
            Route("/link" + _COMPANY + "/start", pages.choose, methods=["GET", "POST"]),
            Mount("/_sandbox", routes=[*control.routes(), *handles]),
            Route("/{path:path}", _not_found),
        ]
    )


async def _not_found(_request: Request) -> PlainResponse:
    response = error(404, "There is no such address.")
    return PlainResponse(response.body, response.status, media_type=response.content_type)
