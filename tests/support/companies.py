"""The companies of the fake Codat, and their changes by requests, by customers and by people in Codat's portal."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from support.records import (
    ACCOUNTING,
    DEAUTHORIZED,
    LINKED,
    NEVER,
    PENDING,
    UNLINKED,
    Company,
    Connection,
    iso_time,
)


class Companies:
    """All companies of one client. `clock` returns seconds since 1970."""

    def __init__(self, clock: Callable[[], float], *, has_events: bool = False) -> None:
        self.clock = clock
        self._has_events = has_events
        self.all_companies: list[Company] = []  # the deleted ones too: a company's place is its index
        self.events: list[bytes] = []  # bodies of webhooks, in order; empty unless `has_events`
        self._linked: set[int] = set()  # the places of companies with a linked accounting connection
        self._otps = 0
        self._found: dict[str, list[Company]] = {}  # by filter, until a company is added or deleted

    @property
    def companies(self) -> list[Company]:
        """The companies that are not deleted, in order of creation."""
        return self.matching("")

    @property
    def linked(self) -> int:
        """How many companies have linked their accounting software."""
        return len(self._linked)

    def is_linked(self, company: Company) -> bool:
        """Return whether a company has linked its accounting software."""
        return company.place in self._linked

    def matching(self, tags: str) -> list[Company]:
        """Return the companies that match `key=value`; all if the filter is empty."""
        if tags not in self._found:
            live = (each for each in self.all_companies if each.deleted_at == NEVER)
            self._found[tags] = _tagged(live, tags)
        return self._found[tags]

    def matching_at(self, tags: str, moment: float) -> list[Company]:
        """Return the companies that existed at a moment, filtered by their present tags."""
        return _tagged((each for each in self.all_companies if each.created <= moment < each.deleted_at), tags)

    # -- changes

    def add_company(self, sent: bytes) -> Company:
        """Add the company that the body of a request describes."""
        company = Company(len(self.all_companies), sent.decode().lstrip().removeprefix("{"), self.clock())
        self.all_companies.append(company)
        self._found.clear()
        return company

    def describe(self, company: Company, content: str) -> None:
        """Replace a company's name, description and tags by those of this JSON object."""
        company.sent = content.removeprefix("{")
        self._found.clear()

    def add_connection(
        self, company: Company, platform_key: str, *, source_type: str = ACCOUNTING, status: str = PENDING
    ) -> Connection:
        """Add a connection to a company."""
        place = len(company.all_connections)
        connection = Connection(company.place, place, platform_key, source_type, status, self.clock(), self.mint())
        company.all_connections += (connection,)
        if status == LINKED:
            self._count(company)
        return connection

    def mint(self) -> int:
        """Issue the next one-time password."""
        self._otps += 1
        return self._otps

    def link(self, connection: Connection) -> None:
        """Authorize a connection as its customer does."""
        connection.errors = "[]"
        self.set_status(connection, LINKED)

    def select(self, company: Company, platform_key: str) -> None:
        """Link the software that a customer really uses. The connection that the client created stays as it is."""
        same = [each for each in company.accounting if each.platform_key == platform_key]
        connection = same[-1] if same else self.add_connection(company, platform_key)
        connection.is_chosen |= not same
        self.link(connection)

    def decline(self, connection: Connection) -> None:
        """Refuse a connection as its customer does: it stays pending, with an error."""
        error = {"statusCode": "401", "statusText": "Unauthorized", "errorMessage": "The customer declined."}
        connection.errors = json.dumps([error | {"erroredOnUtc": iso_time(self.clock())}])

    def deauthorize(self, connection: Connection) -> None:
        """Withdraw the authorization as a customer does in the accounting software."""
        self.set_status(connection, DEAUTHORIZED)

    def set_status(self, connection: Connection, status: str) -> None:
        """Change the status of a connection."""
        if status == connection.status:
            return
        connection.past += ((self.clock(), connection.status),)
        before, connection.status = connection.status, status
        company = self.all_companies[connection.company]
        self._count(company)
        if status == LINKED:
            is_first = before == PENDING and not connection.was_announced
            connection.was_announced |= is_first
            self._announce("connection.connected" if is_first else "connection.reconnected", company, connection)
        elif status in (UNLINKED, DEAUTHORIZED):
            self._announce("connection.disconnected", company, connection)

    def delete_connection(self, connection: Connection) -> None:
        """Delete a connection."""
        company = self.all_companies[connection.company]
        self._announce("connection.deleted", company, connection)
        connection.deleted_at = self.clock()
        self._count(company)

    def delete_company(self, company: Company) -> None:
        """Delete a company with its connections."""
        for connection in company.connections:
            self.delete_connection(connection)
        company.deleted_at = self.clock()
        self._found.clear()

    def _count(self, company: Company) -> None:
        """Update the number of linked companies, on which the quota depends."""
        if any(each.status == LINKED for each in company.accounting):
            self._linked.add(company.place)
        else:
            self._linked.discard(company.place)

    def _announce(self, event_type: str, company: Company, connection: Connection) -> None:
        if not self._has_events:
            return
        reference = {"id": company.id, "name": company.content["name"], "tags": company.tags}
        event = {
            "id": f"event-{len(self.events) + 1}",
            "eventType": event_type,
            "generatedDate": iso_time(self.clock()),
            "payload": {"referenceCompany": reference, "connection": json.loads(connection.body())},
        }
        self.events.append(json.dumps(event, ensure_ascii=False).encode())


def _tagged(companies: Iterable[Company], tags: str) -> list[Company]:
    key, _, value = tags.partition("=")
    return [each for each in companies if not key or each.tags.get(key) == value]
