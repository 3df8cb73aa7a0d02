"""The routes of the sandbox, and all its parts put together."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from bulk.sandbox.bodies import error
from bulk.sandbox.changes import Changes
from bulk.sandbox.clock import Clock
from bulk.sandbox.control import Control
from bulk.sandbox.customers import Customers
from bulk.sandbox.exchange import Endpoint, Services
from bulk.sandbox.faults import Faults, read_text
from bulk.sandbox.gate import Gate
from bulk.sandbox.idempotency import Idempotency
from bulk.sandbox.limits import DayQuota
from bulk.sandbox.operations import Operations
from bulk.sandbox.options import Options
from bulk.sandbox.outbox import Outbox
from bulk.sandbox.pages import LinkPages
from bulk.sandbox.stats import Stats
from bulk.sandbox.store import Store

_COMPANY = "/companies/{company_id}"
_CONNECTION = _COMPANY + "/connections/{connection_id}"

# https://docs.codat.io/platform-api and https://docs.codat.io/sync-for-expenses-api
_API = (
    ("POST", "/companies", "create_company"),
    ("GET", "/companies", "list_companies"),
    ("POST", _COMPANY + "/connections", "create_connection"),
    ("GET", _COMPANY + "/connections", "list_connections"),
    ("GET", _CONNECTION, "get_connection"),
    ("PATCH", _CONNECTION, "unlink_connection"),
    ("DELETE", _CONNECTION, "delete_connection"),
    ("PUT", _CONNECTION + "/authorization", "update_authorization"),
    ("POST", _COMPANY + "/sync/expenses/connections/partnerExpense", "create_partner_expense_connection"),
    ("POST", _COMPANY + "/data/all", "refresh_all_data"),
    ("GET", _COMPANY, "get_company"),
    ("PATCH", _COMPANY, "update_company"),
    ("PUT", _COMPANY, "replace_company"),
    ("DELETE", _COMPANY, "delete_company"),
    ("GET", "/integrations", "list_integrations"),
)


def make_desk(store: Store, options: Options, *, base_url: str) -> Services:
    """Put the parts of a sandbox together."""
    clock = stored_clock(store)
    outbox = Outbox(store)
    changes = Changes(store, outbox, clock, base_url=base_url, partner_events=options.partner_events)
    stats = Stats()
    quota = DayQuota(store, clock, base=options.daily_limit, day_seconds=options.day_seconds)
    keeps = None if options.ignore_idempotency else Idempotency(store, clock, lifetime=options.idempotency_lifetime)
    return Services(
        store=store,
        outbox=outbox,
        changes=changes,
        clock=clock,
        gate=Gate(clock, quota, stats, options),
        quota=quota,
        idempotency=keeps,
        faults=Faults([read_text(text) for text in options.fault], seed=options.seed),
        operations=Operations(store, changes, clock, options, base_url=base_url, on_second=stats.refused_second),
        stats=stats,
        latency=options.latency,
    )


def stored_customers(store: Store, *, base_url: str) -> Customers:
    """Give the customers of a sandbox that does not run; what they do is told to its receiver once it does."""
    clock = stored_clock(store)
    return Customers(store, Changes(store, Outbox(store), clock, base_url=base_url), clock)


def stored_clock(store: Store) -> Clock:
    """Give the clock as far forward as it was moved."""
    return Clock(float(store.note("clock_offset_seconds") or 0.0))


def make_app(desk: Services, options: Options, *, folder: Path) -> Starlette:
    """Give the ASGI application."""
    pages = LinkPages(desk.store, desk.changes, desk.clock, options)
    api = [Route(path, Endpoint(desk, operation), methods=[method]) for method, path, operation in _API]
    links = [
        Route("/link" + _CONNECTION + "/start", pages.start, methods=["GET", "POST"]),
        Route("/link" + _COMPANY + "/start", pages.choose, methods=["GET", "POST"]),
    ]
    control = Mount("/_sandbox", routes=Control(desk, folder=folder, webhook_url=options.webhook_url).routes())
    return Starlette(routes=[*api, *links, control, Route("/{path:path}", _not_found)])


async def _not_found(_request: Request) -> Response:
    answer = error(404, "There is no such address.")
    return Response(answer.body, answer.status, media_type=answer.content_type)
