"""The operations of Codat's API: one method each, named as in `faults.OPERATIONS`.

Everything is synchronous and runs inside a transaction that the caller holds. A broken rule raises Refusal before
anything is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from bulk.sandbox.bodies import (
    Json,
    PageRequest,
    Refusal,
    Response,
    company_body,
    connection_body,
    integration_body,
    ok,
)
from bulk.sandbox.changes import Changes, one_time_password
from bulk.sandbox.clock import Clock, iso_time
from bulk.sandbox.options import Options
from bulk.sandbox.platforms import PARTNER, PLATFORMS, Platform
from bulk.sandbox.query import Comparison, QueryError, parse
from bulk.sandbox.rules import company_errors, stored_name
from bulk.sandbox.store import NOW, Store, StoredCompany, StoredConnection

CLIENT_NAME = "Sandbox"
MAX_PAGE_SIZE = 5000  # by the parameter's schema and https://docs.codat.io/using-the-api/paging


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request to the API. Path parameters and query are decoded; the body is still bytes."""

    operation: str
    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    lag_seconds: float = 0.0  # by which a list is behind

    def content(self) -> Any:
        """Read the JSON body. Raises Refusal."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Refusal(400, "The body is not valid JSON.") from error


class Operations:
    """The API without HTTP."""

    def __init__(self, store: Store, changes: Changes, clock: Clock, options: Options, *, base_url: str) -> None:
        self._store = store
        self._changes = changes
        self._clock = clock
        self._options = options
        self._base_url = base_url

    def perform(self, request: ApiRequest) -> Response:
        """Do the work of a request. A Refusal becomes a response."""
        try:
            response: Response = getattr(self, request.operation)(request)
        except Refusal as refusal:
            return refusal.response
        return response

    # -- companies

    def create_company(self, request: ApiRequest) -> Response:
        """POST /companies. Names need not be unique."""
        content = request.content()
        errors = company_errors(content, needs_products=self._options.no_default_products)
        if errors:
            raise Refusal(400, " ".join(["The request is not valid:", *(text for _, text in errors)]), errors=errors)
        limit = self._options.max_companies
        if limit and self._store.count_companies() >= limit:
            raise Refusal(402, "Company limit exceeded")
        company = self._store.add_company(
            company_id=str(uuid4()),
            name=stored_name(content["name"]),
            description=content.get("description"),
            created=iso_time(self._clock.now()),
            tags=content.get("tags") or {},
        )
        return ok(company_body(company, self._base_url))

    def list_companies(self, request: ApiRequest) -> Response:
        """GET /companies, each with its connections and their newest linkUrls."""
        if request.query.get("query") or request.query.get("orderBy"):
            raise Refusal(400, "The sandbox filters companies by tags only, and lists them in order of creation.")
        page, tags, at = self._page(request), _query(request, "tags"), self._moment(request)
        companies = self._store.companies(tags, limit=page.size, offset=page.offset, at=at)
        results = [company_body(each, self._base_url) for each in companies]
        return ok(page.body(results, self._store.count_companies(tags, at=at)))

    def get_company(self, request: ApiRequest) -> Response:
        """GET /companies/{companyId}."""
        return ok(company_body(self._company(request), self._base_url))

    def delete_company(self, request: ApiRequest) -> Response:
        """DELETE /companies/{companyId}: irreversible, with all its connections."""
        self._changes.delete_company(self._company(request))
        return Response(204)

    # -- connections

    def create_connection(self, request: ApiRequest) -> Response:
        """POST /companies/{companyId}/connections: one source of accounting data for a company."""
        company, content = self._company(request), request.content()
        key = content.get("platformKey") if isinstance(content, Mapping) else None
        platform = PLATFORMS.get(key) if isinstance(key, str) else None
        if platform is None or platform.key in self._options.disabled_platform:
            raise Refusal(
                400, "The integration is not known or not enabled.", errors=[("platformKey", f"Not enabled: {key}")]
            )
        if self._options.second_connection == "refuse" and _has_active(company, "Accounting"):
            raise Refusal(400, "The company already has a connection to an accounting platform.")
        return self._connected(company, platform, status="PendingAuth")

    def create_partner_expense_connection(self, request: ApiRequest) -> Response:
        """POST …/sync/expenses/connections/partnerExpense: only once the accounting connection is linked.

        By default a second one is created, because Codat's documentation does not mention a refusal.
        """
        company = self._company(request)
        if not any(each.status == "Linked" for each in company.accounting):
            raise Refusal(400, "The company has no linked accounting connection.")
        if self._options.second_partner == "refuse" and _has_active(company, "Expense"):
            raise Refusal(400, "The company already has a partner expense connection.")
        return self._connected(company, PARTNER, status="Linked")

    def list_connections(self, request: ApiRequest) -> Response:
        """GET /companies/{companyId}/connections, with fresh linkUrls."""
        company, page = self._company(request), self._page(request)
        at = self._moment(request)
        listed = self._store.connections_of(company.n, at=at)
        self._mint(listed[page.offset : page.offset + page.size])
        fresh = self._store.connections_of(company.n, at=at)[page.offset : page.offset + page.size]
        return ok(page.body([self._connection_body(each, company.id) for each in fresh], len(listed)))

    def get_connection(self, request: ApiRequest) -> Response:
        """GET /companies/{companyId}/connections/{connectionId}, with a fresh linkUrl."""
        self._mint([self._connection(request)])
        return self._connection_response(request)

    def unlink_connection(self, request: ApiRequest) -> Response:
        """PATCH /companies/{companyId}/connections/{connectionId}: only a linked connection can be unlinked."""
        connection, content = self._connection(request), request.content()
        if not isinstance(content, Mapping) or content.get("status") != "Unlinked":
            raise Refusal(400, "The status can only be changed to Unlinked.", errors=[("status", "Must be Unlinked.")])
        if connection.status != "Linked":
            raise Refusal(400, f"Only a Linked connection can be unlinked; this one is {connection.status}.")
        self._changes.set_status(connection, "Unlinked")
        return self._connection_response(request)

    # -- integrations

    def list_integrations(self, request: ApiRequest) -> Response:
        """GET /integrations."""
        page, query = self._page(request), _query(request, "query")
        disabled = self._options.disabled_platform
        bodies = [integration_body(each, is_enabled=each.key not in disabled) for each in PLATFORMS.values()]
        matching = [body for body in bodies if all(each.holds(_text(body, each.field)) for each in query)]
        return ok(page.body(matching[page.offset : page.offset + page.size], len(matching)))

    # -- the client

    def get_profile(self, request: ApiRequest) -> Response:  # noqa: ARG002 - an operation's signature
        """GET /profile. A client without a redirect URL has none in its profile."""
        redirect = self._options.redirect_url
        return ok({"name": CLIENT_NAME, "whiteListUrls": []} | ({"redirectUrl": redirect} if redirect else {}))

    def get_sync_settings(self, request: ApiRequest) -> Response:  # noqa: ARG002 - an operation's signature
        """GET /profile/syncSettings, with the id of the client. Each state folder is a client of its own."""
        client_id = self._store.note("client_id")
        if client_id is None:
            client_id = str(uuid4())
            self._store.keep_note("client_id", client_id)
        return ok({"clientId": client_id, "settings": [], "overridesDefaults": False})

    # -- shared parts

    def _company(self, request: ApiRequest) -> StoredCompany:
        company = self._store.company(request.params["company_id"])
        if company is None:
            raise Refusal(404, f"Company with id {request.params['company_id']} was not found.")
        return company

    def _connection(self, request: ApiRequest) -> StoredConnection:
        connection = self._store.connection(request.params["company_id"], request.params["connection_id"])
        if connection is None:
            raise Refusal(404, f"Data connection with id {request.params['connection_id']} was not found.")
        return connection

    def _connected(self, company: StoredCompany, platform: Platform, *, status: str) -> Response:
        connection = self._changes.add(company, platform, status=status)
        return ok(self._connection_body(connection, company.id))

    def _connection_response(self, request: ApiRequest) -> Response:
        return ok(self._connection_body(self._connection(request), request.params["company_id"]))

    def _connection_body(self, connection: StoredConnection, company_id: str) -> Json:
        has_password = not self._options.no_passwords
        return connection_body(connection, company_id, self._base_url, has_password=has_password)

    def _mint(self, connections: Sequence[StoredConnection]) -> None:
        self._store.mint([(each.n, one_time_password()) for each in connections], self._clock.now())

    def _moment(self, request: ApiRequest) -> str:
        return iso_time(self._clock.now() - request.lag_seconds) if request.lag_seconds else NOW

    def _page(self, request: ApiRequest) -> PageRequest:
        number = _whole_number(request.query, "page", 1)
        size = _whole_number(request.query, "pageSize", 100)
        if size > MAX_PAGE_SIZE:
            raise Refusal(400, "The page is too large.", errors=[("pageSize", f"At most {MAX_PAGE_SIZE}.")])
        filters = tuple((name, request.query[name]) for name in ("query", "tags") if name in request.query)
        return PageRequest(request.path, number, min(size, self._options.max_page_size), filters)


def _has_active(company: StoredCompany, source_type: str) -> bool:
    statuses = (each.status for each in company.connections if each.source_type == source_type)
    return any(status in {"PendingAuth", "Linked"} for status in statuses)


def _query(request: ApiRequest, name: str) -> tuple[Comparison, ...]:
    text = request.query.get(name)
    try:
        return parse(text) if text else ()
    except QueryError as error:
        raise Refusal(400, f"The query cannot be read: {error}") from error


def _text(body: Json, name: str) -> str | None:
    value = body.get(name)
    return str(value).lower() if isinstance(value, bool) else value


def _whole_number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) < 2**31:
        raise Refusal(400, f"'{name}' must be a whole number from 1.", errors=[(name, f"Not valid: {text}")])
    return int(text)
