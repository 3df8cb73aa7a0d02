"""What each of Codat's operations does to the sandbox's state: one method for each, named as in `faults.OPERATIONS`.

All is synchronous and runs inside one transaction that the caller holds; a broken rule raises Refusal before anything
is written.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from bulk.sandbox import query as language
from bulk.sandbox import selection
from bulk.sandbox.bodies import (
    Answer,
    PageAsked,
    Refusal,
    answer,
    company_body,
    connection_body,
    integration_body,
)
from bulk.sandbox.changes import Changes, one_time_password
from bulk.sandbox.clock import Clock, iso_time
from bulk.sandbox.options import Options
from bulk.sandbox.platforms import PARTNER, PLATFORMS, Platform
from bulk.sandbox.rules import company_faults, description_faults, kept_name, name_faults, tag_faults
from bulk.sandbox.store import EVERYTHING, Condition, Store, StoredCompany, StoredConnection

LARGEST_PAGE = 5000  # by the parameter's schema and https://docs.codat.io/using-the-api/paging
NO_CONTENT = Answer(204)


@dataclass(frozen=True, slots=True)
class ApiRequest:
    """A request to the API: path parameters and query decoded, the body still bytes."""

    operation: str
    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def content(self) -> Any:
        """Read the JSON body, or refuse."""
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Refusal(400, "The body is not valid JSON.") from error


class Operations:
    """The API, without the wire."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        clock: Clock,
        options: Options,
        *,
        base_url: str,
        on_second: Callable[[], None],
    ) -> None:
        self._store = store
        self._changes = changes
        self._clock = clock
        self._options = options
        self._base_url = base_url
        self._on_second = on_second

    def perform(self, request: ApiRequest, *, lag_seconds: float = 0.0) -> Answer:
        """Do what the request asks; a refusal is an answer too. A list that lags shows what was so long ago."""
        past = self._store.as_of(iso_time(self._clock.now() - lag_seconds)) if lag_seconds else nullcontext()
        try:
            with past:
                result: Answer = getattr(self, request.operation)(request)
        except Refusal as refusal:
            return refusal.answer
        return result

    # -- companies

    def create_company(self, request: ApiRequest) -> Answer:
        """POST /companies. Names need not be unique."""
        content = request.content()
        _refuse_faults(company_faults(content))
        most = self._options.max_companies
        if most and self._store.count_companies() >= most:
            raise Refusal(402, "Company limit exceeded")
        company = self._store.add_company(
            company_id=str(uuid4()),
            name=kept_name(content["name"]),
            description=content.get("description"),
            created=iso_time(self._clock.now()),
            tags=content.get("tags") or {},
        )
        return answer(company_body(company, self._base_url))

    def list_companies(self, request: ApiRequest) -> Answer:
        """GET /companies, each with its connections and the linkUrls last minted."""
        page = self._page(request)
        try:
            where = selection.both(self._by_query(request), self._by_tags(request))
            order_by = selection.order(request.query.get("orderBy"))
        except (language.Unparsable, selection.UnknownField) as error:
            raise Refusal(400, f"The query cannot be read: {error}") from error
        total = self._store.count_companies(where)
        offset = (page.number - 1) * page.size
        companies = self._store.companies(where, order_by=order_by, limit=page.size, offset=offset)
        return answer(page.body([company_body(each, self._base_url) for each in companies], total))

    def get_company(self, request: ApiRequest) -> Answer:
        """GET /companies/{companyId}."""
        return answer(company_body(self._company(request), self._base_url))

    def update_company(self, request: ApiRequest) -> Answer:
        """PATCH /companies/{companyId}: what is not named stays; empty tags remove them."""
        company, content = self._company(request), request.content()
        if not isinstance(content, Mapping):
            raise Refusal(400, "The body must be a JSON object.")
        merged = {"name": company.name, "description": company.description, "tags": company.tags, **content}
        names = name_faults(content) if "name" in content else []  # a name of which nothing was kept may stay
        _refuse_faults(names + description_faults(merged) + tag_faults(merged["tags"]))
        return self._changed(company, merged)

    def replace_company(self, request: ApiRequest) -> Answer:
        """PUT /companies/{companyId}: what is not named goes."""
        company, content = self._company(request), request.content()
        _refuse_faults(company_faults(content))
        return self._changed(company, content)

    def delete_company(self, request: ApiRequest) -> Answer:
        """DELETE /companies/{companyId}: irreversible, the connections go along."""
        self._changes.delete_company(self._company(request))
        return NO_CONTENT

    # -- connections

    def create_connection(self, request: ApiRequest) -> Answer:
        """POST /companies/{companyId}/connections: one source of accounting data for a company."""
        company, content = self._company(request), request.content()
        key = content.get("platformKey") if isinstance(content, Mapping) else None
        platform = PLATFORMS.get(key) if isinstance(key, str) else None
        if platform is None or platform.key in self._options.disabled_platform:
            raise Refusal(
                400, "The integration is not known or not enabled.", faults=[("platformKey", f"No such: {key}")]
            )
        if self._options.second_connection == "refuse" and _active(company, "Accounting"):
            self._on_second()
            raise Refusal(400, "The company already has a connection to an accounting platform.")
        return self._connected(company, platform, status="PendingAuth")

    def create_partner_expense_connection(self, request: ApiRequest) -> Answer:
        """POST …/sync/expenses/connections/partnerExpense: only once the accounting connection is linked.

        A second one is made when it is asked for: no page of Codat's says that it would be refused.
        """
        company = self._company(request)
        if not any(each.status == "Linked" for each in _active(company, "Accounting")):
            raise Refusal(400, "The company has no linked accounting connection.")
        if self._options.second_partner == "refuse" and _active(company, "Expense"):
            self._on_second()
            raise Refusal(400, "The company already has a partner expense connection.")
        return self._connected(company, PARTNER, status="Linked")

    def list_connections(self, request: ApiRequest) -> Answer:
        """GET /companies/{companyId}/connections, with fresh linkUrls."""
        company, page = self._company(request), self._page(request)
        chosen = self._matching(company, request.query.get("query"))
        start = (page.number - 1) * page.size
        fresh = self._minted(chosen[start : start + page.size])
        results = [connection_body(each, company.id, self._base_url) for each in fresh]
        return answer(page.body(results, len(chosen)))

    def get_connection(self, request: ApiRequest) -> Answer:
        """GET /companies/{companyId}/connections/{connectionId}, with a fresh linkUrl."""
        return self._shown(request, self._minted([self._connection(request)])[0])

    def unlink_connection(self, request: ApiRequest) -> Answer:
        """PATCH /companies/{companyId}/connections/{connectionId}: only a linked connection can be unlinked."""
        connection, content = self._connection(request), request.content()
        if not isinstance(content, Mapping) or content.get("status") != "Unlinked":
            raise Refusal(400, "The status can only be changed to Unlinked.", faults=[("status", "Must be Unlinked.")])
        if connection.status != "Linked":
            raise Refusal(400, f"Only a Linked connection can be unlinked; this one is {connection.status}.")
        self._changes.set_status(connection, "Unlinked")
        return self._shown(request, self._connection(request))

    def delete_connection(self, request: ApiRequest) -> Answer:
        """DELETE /companies/{companyId}/connections/{connectionId}: whatever its status, and irreversible."""
        self._changes.delete_connection(self._connection(request))
        return NO_CONTENT

    def update_authorization(self, request: ApiRequest) -> Answer:
        """PUT …/connections/{connectionId}/authorization: tokens of an existing OAuth integration link it."""
        connection, content = self._connection(request), request.content()
        if (
            not isinstance(content, Mapping)
            or not content
            or not all(isinstance(each, str) for each in content.values())
        ):
            raise Refusal(400, "The body must be a flat object of strings.")
        self._changes.set_status(connection, "Linked", otp_spent=1)
        return self._shown(request, self._connection(request))

    def refresh_all_data(self, request: ApiRequest) -> Answer:
        """POST /companies/{companyId}/data/all: starts a sync of what is linked."""
        for connection in self._company(request).connections:
            if connection.status == "Linked":
                self._store.change_connection(connection.n, last_sync=iso_time(self._clock.now()))
        return NO_CONTENT

    # -- integrations

    def list_integrations(self, request: ApiRequest) -> Answer:
        """GET /integrations."""
        page = self._page(request)
        bodies = [
            integration_body(each, enabled=each.key not in self._options.disabled_platform)
            for each in PLATFORMS.values()
        ]
        chosen = _filtered(bodies, request.query.get("query"))
        start = (page.number - 1) * page.size
        return answer(page.body(chosen[start : start + page.size], len(chosen)))

    # -- what they share

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

    def _changed(self, company: StoredCompany, content: Mapping[str, Any]) -> Answer:
        name, tags = kept_name(content["name"]), content.get("tags") or {}
        self._store.change_company(company, name=name, description=content.get("description"), tags=tags)
        changed = self._store.company(company.id)
        return answer(company_body(changed or company, self._base_url))

    def _connected(self, company: StoredCompany, platform: Platform, *, status: str) -> Answer:
        connection = self._changes.add(company, platform, status=status)
        return answer(connection_body(connection, company.id, self._base_url))

    def _minted(self, connections: list[StoredConnection]) -> list[StoredConnection]:
        self._store.mint([(each.n, one_time_password()) for each in connections], self._clock.now())
        again = (self._store.connection_by_id(each.id) for each in connections)
        return [each for each in again if each]

    def _shown(self, request: ApiRequest, connection: StoredConnection) -> Answer:
        return answer(connection_body(connection, request.params["company_id"], self._base_url))

    def _page(self, request: ApiRequest) -> PageAsked:
        number = _whole_number(request.query, "page", 1)
        size = _whole_number(request.query, "pageSize", 100)
        if size > LARGEST_PAGE:
            raise Refusal(400, "The page is too large.", faults=[("pageSize", f"At most {LARGEST_PAGE}.")])
        filters = tuple((name, request.query[name]) for name in ("query", "orderBy", "tags") if name in request.query)
        return PageAsked(request.path, number, min(size, self._options.max_page_size), filters)

    def _by_query(self, request: ApiRequest) -> Condition:
        text = request.query.get("query")
        return selection.by_query(language.parse(text)) if text else EVERYTHING

    def _by_tags(self, request: ApiRequest) -> Condition:
        text = request.query.get("tags")
        if not text:
            return EVERYTHING
        return selection.by_tags(language.parse(text, operators=language.TAG_OPERATORS))

    def _matching(self, company: StoredCompany, text: str | None) -> list[StoredConnection]:
        bodies = [connection_body(each, company.id, self._base_url) for each in company.connections]
        ids = {body["id"] for body in _filtered(bodies, text)}
        return [each for each in company.connections if each.id in ids]


def _refuse_faults(faults: list[tuple[str, str]]) -> None:
    if faults:
        raise Refusal(400, "The request is not valid: " + " ".join(message for _, message in faults), faults=faults)


def _active(company: StoredCompany, source_type: str) -> list[StoredConnection]:
    return [
        each
        for each in company.connections
        if each.source_type == source_type and each.status in {"PendingAuth", "Linked"}
    ]


def _whole_number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) < 2**31:
        raise Refusal(400, f"'{name}' must be a whole number from 1.", faults=[(name, f"Not valid: {text}")])
    return int(text)


def _filtered(bodies: list[dict[str, Any]], text: str | None) -> list[dict[str, Any]]:
    if not text:
        return bodies
    try:
        query = language.parse(text)
    except language.Unparsable as error:
        raise Refusal(400, f"The query cannot be read: {error}") from error
    unknown = language.fields(query) - set(bodies[0] if bodies else language.fields(query))
    if unknown:
        raise Refusal(400, f"The query cannot be read: there is no field {', '.join(sorted(unknown))}")
    return [body for body in bodies if language.matches(query, partial(_text_of, body))]


def _text_of(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None else str(value)
