"""Codat in memory: its operations and its quota. Any clock, no faults.

It shares no code with the sandbox or with bulk, and it does not validate a request's body.
`answer` does everything at once. A caller who decides when a request arrives and when its work is done uses `refusal`,
`perform` and `with_headers` instead.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from urllib.parse import parse_qsl, urlencode

from support.answers import Answer, Refusal
from support.companies import Companies
from support.quota import Quota
from support.records import (
    EXPENSE,
    LINKED,
    NEVER,
    PARTNER_KEY,
    PENDING,
    UNLINKED,
    Company,
    Connection,
    place_of,
)

CLIENT = "client-of-the-fake"
INTEGRATIONS = [{"key": "abcd", "name": "Example Accounting", "enabled": True, "sourceType": "Accounting"}]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of a fake Codat."""

    quota: int = 0  # requests a day, times (1 + linked companies); 0: no limit and no quota headers
    page_size: int = 2000  # the most results on a page
    allows_second_connection: bool = False  # of a company to accounting software
    allows_second_partner: bool = True


NO_LIMITS = Rules()


class FakeCodat(Companies):
    """One client's Codat. `clock` returns seconds since 1970."""

    def __init__(
        self, clock: Callable[[], float], rules: Rules = NO_LIMITS, *, has_events: bool = False, client: str = CLIENT
    ) -> None:
        super().__init__(clock, has_events=has_events)
        self.rules = rules
        self.done: Counter[str] = Counter()  # operations that succeeded
        self.quota = Quota(clock, rules.quota, linked=lambda: self.linked)
        self._client = client
        self._errors = 0

    def answer(self, method: str, target: str, body: bytes = b"") -> Answer:
        """Answer a request that arrives now."""
        return self.with_headers(self.refusal() or self.perform(method, target, body))

    def refusal(self) -> Answer | None:
        """Use one request of the day's quota; return a 429 if none is left."""
        if self.quota.use():
            return None
        return self.error(429, "Quota used up.", (("Retry-After", str(self.quota.seconds_to_reset())),))

    def perform(self, method: str, target: str, body: bytes = b"", *, lag: float = 0.0) -> Answer:
        """Do the work of a request now. With a lag in seconds, a list shows the state of that long ago."""
        path, _, query = target.partition("?")
        moment = self.clock() - lag if lag else None
        try:
            operation, status, text = self._perform(method, path.strip("/").split("/"), query, body, moment)
        except Refusal as refusal:
            return self.error(refusal.status, str(refusal))
        self.done[operation] += 1
        return Answer(status, text)

    def with_headers(self, answer: Answer) -> Answer:
        """Add the headers that each of Codat's own responses has."""
        headers = (("Date", _http_date(int(self.clock()))), *self.quota.headers(), *answer.headers)
        return Answer(answer.status, answer.body, headers)

    def error(self, status: int, message: str, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        """Return a response with Codat's error body."""
        self._errors += 1
        content = {"statusCode": status, "error": message, "correlationId": f"{self._errors:032}"}
        return Answer(status, json.dumps(content), tuple(headers))

    def _perform(
        self, method: str, parts: list[str], query: str, body: bytes, moment: float | None
    ) -> tuple[str, int, str]:
        """Return the operation, the status and the body of a request that succeeds."""
        if parts == ["companies"]:
            if method == "POST":
                return "create_company", 200, self.add_company(body).body()
            return "list_companies", 200, self._list_companies(dict(parse_qsl(query)), moment)
        if parts == ["profile", "syncSettings"]:
            return "get_sync_settings", 200, json.dumps({"clientId": self._client})
        if parts == ["integrations"]:
            return "list_integrations", 200, json.dumps({"results": INTEGRATIONS, "_links": {}})
        if parts[0] != "companies":
            raise Refusal(404, "The address does not exist.")
        return self._perform_on(self._company(parts[1]), method, parts[2:], query, body, moment)

    def _perform_on(
        self, company: Company, method: str, rest: list[str], query: str, body: bytes, moment: float | None
    ) -> tuple[str, int, str]:
        """Do the same for an address below a company."""
        match method, *rest:
            case "POST", "connections":
                key = json.loads(body)["platformKey"]
                return "create_connection", 200, self._create_connection(company, key).body()
            case ["GET"]:
                return "get_company", 200, company.body()
            case ["DELETE"]:
                self.delete_company(company)
                return "delete_company", 204, ""
            case "GET", "connections":
                return "list_connections", 200, self._list_connections(company, dict(parse_qsl(query)), moment)
            case "GET", "connections", connection_id:
                return "get_connection", 200, self._renewed(_connection(company, connection_id)).body()
            case "PATCH", "connections", connection_id:
                return "unlink_connection", 200, self._unlink(_connection(company, connection_id)).body()
            case "POST", "sync", "expenses", "connections", "partnerExpense":
                return "create_partner_expense_connection", 200, self._create_partner(company).body()
        raise Refusal(404, "The address does not exist.")

    def _company(self, company_id: str) -> Company:
        place = place_of(company_id)
        if place is None or place >= len(self.all_companies) or self.all_companies[place].deleted_at != NEVER:
            raise Refusal(404, "The company does not exist.")
        return self.all_companies[place]

    def _list_companies(self, options: dict[str, str], moment: float | None) -> str:
        tags = options.get("tags", "")
        found = self.matching(tags) if moment is None else self.matching_at(tags, moment)
        page = self._page("/companies", options, len(found))
        return page.body([each.body(moment) for each in found[page.first : page.last]])

    def _list_connections(self, company: Company, options: dict[str, str], moment: float | None) -> str:
        listed = company.connections if moment is None else company.connections_at(moment)
        page = self._page(f"/companies/{company.id}/connections", options, len(listed))
        renewed = [self._renewed(each) for each in listed[page.first : page.last]]
        return page.body([each.body(each.status if moment is None else each.status_at(moment)) for each in renewed])

    def _page(self, path: str, options: dict[str, str], total: int) -> _Page:
        size = min(int(options.get("pageSize", 100)), self.rules.page_size)
        return _Page(path, int(options.get("page", 1)), size, options.get("tags", ""), total)

    def _renewed(self, connection: Connection) -> Connection:
        connection.otp = self.mint()
        return connection

    def _create_connection(self, company: Company, platform_key: str) -> Connection:
        if not self.rules.allows_second_connection and _active(company.accounting):
            raise Refusal(400, "The company already has a connection to an accounting platform.")
        return self.add_connection(company, platform_key)

    def _create_partner(self, company: Company) -> Connection:
        if not self.is_linked(company):
            raise Refusal(400, "The company has no linked accounting connection.")
        if not self.rules.allows_second_partner and _active(company.partners):
            raise Refusal(400, "The company already has a partner expense connection.")
        return self.add_connection(company, PARTNER_KEY, source_type=EXPENSE, status=LINKED)

    def _unlink(self, connection: Connection) -> Connection:
        if connection.status != LINKED:
            raise Refusal(400, f"Only a Linked connection can be unlinked; this one is {connection.status}.")
        self.set_status(connection, UNLINKED)
        return connection


@dataclass(frozen=True, slots=True)
class _Page:
    """A page of a list (https://docs.codat.io/using-the-api/paging)."""

    path: str
    number: int
    size: int
    tags: str
    total: int

    @property
    def first(self) -> int:
        return (self.number - 1) * self.size

    @property
    def last(self) -> int:
        return self.number * self.size

    def body(self, results: Sequence[str]) -> str:
        links = {}
        if self.last < self.total:
            filters = {"tags": self.tags} if self.tags else {}
            query = urlencode({"page": self.number + 1, "pageSize": self.size} | filters)
            links["next"] = {"href": f"{self.path}?{query}"}
        figures = {"pageNumber": self.number, "pageSize": self.size, "totalResults": self.total, "_links": links}
        return f'{{"results":[{",".join(results)}],{json.dumps(figures)[1:]}'


def _connection(company: Company, connection_id: str) -> Connection:
    for each in company.connections:
        if each.id == connection_id:
            return each
    raise Refusal(404, "The connection does not exist.")


def _active(connections: Sequence[Connection]) -> bool:
    return any(each.status in (PENDING, LINKED) for each in connections)


@lru_cache(maxsize=16)
def _http_date(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)
