"""Codat's companies and connections in memory, and their JSON, kept small and fast.

The first digits of an identifier (a UUID) show its kind: `1...` is a company, `2...` its connection to accounting
software, `5...` its partner expense connection. The last twelve digits are the company's place in order of creation.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

ACCOUNTING, EXPENSE = "Accounting", "Expense"
PENDING, LINKED, UNLINKED, DEAUTHORIZED = "PendingAuth", "Linked", "Unlinked", "Deauthorized"
NEVER = math.inf
PARTNER_KEY = "prex"
_COMPANY_PREFIX = "11111111-c0da-4000-8000"
PLATFORM_NAMES = {
    "gbol": "Xero",
    "qhyg": "QuickBooks Online",
    "fbrh": "FreeAgent",
    "akxx": "Oracle NetSuite",
    PARTNER_KEY: "Partner Expense",
}


@dataclass(slots=True, eq=False)
class Connection:
    """A connection of a company. Times are seconds since 1970."""

    company: int  # its company's place
    place: int  # among all connections that the company ever had
    platform_key: str
    source_type: str
    status: str
    created: float
    otp: int  # the one-time password that was issued last
    errors: str = "[]"  # JSON
    is_chosen: bool = False  # created by the customer, who uses other software than the client requested
    was_announced: bool = False  # as connected, to webhooks
    deleted_at: float = NEVER
    past: tuple[tuple[float, str], ...] = ()  # earlier statuses, each with the time at which it ended

    @property
    def id(self) -> str:
        """Its identifier."""
        kind = "2" if self.source_type == ACCOUNTING else "5"
        return f"{kind * 8}-c0da-4000-8{self.place:03x}-{self.company:012x}"

    @property
    def link_url(self) -> str:
        """The only linkUrl that is valid."""
        return f"https://link-api.codat.io/connections/{self.id}/start?otp={self.otp:06}"

    def status_at(self, moment: float) -> str:
        """Return its status at a moment."""
        return next((status for until, status in self.past if until > moment), self.status)

    def body(self, status: str | None = None) -> str:
        """Return its JSON; with another status if a list lags behind."""
        key, connection_id = self.platform_key, self.id
        return (
            f'{{"id":"{connection_id}","integrationId":"33333333-c0da-4000-8000-000000000000",'
            f'"integrationKey":"{key}","sourceId":"44444444-c0da-4000-8000-000000000000",'
            f'"sourceType":"{self.source_type}","platformName":"{PLATFORM_NAMES.get(key, key)}",'
            f'"linkUrl":"https://link-api.codat.io/connections/{connection_id}/start?otp={self.otp:06}",'
            f'"status":"{status or self.status}","created":"{iso_time(self.created)}","lastSync":null,'
            f'"dataConnectionErrors":{self.errors},"connectionInfo":{{}}}}'
        )


@dataclass(slots=True, eq=False)
class Company:
    """A company, described by the request that created it."""

    place: int
    sent: str  # that request's body: a JSON object without its opening brace
    created: float
    all_connections: tuple[Connection, ...] = ()  # the deleted ones too: a place is never used twice
    deleted_at: float = NEVER

    @property
    def id(self) -> str:
        """Its identifier."""
        return f"{_COMPANY_PREFIX}-{self.place:012x}"

    @property
    def content(self) -> dict[str, Any]:
        """The request's body: name, description, tags."""
        content: dict[str, Any] = json.loads("{" + self.sent)
        return content

    @property
    def tags(self) -> dict[str, str]:
        """Its tags."""
        tags: dict[str, str] = self.content.get("tags") or {}
        return tags

    @property
    def connections(self) -> list[Connection]:
        """Its connections, in order of creation."""
        return [each for each in self.all_connections if each.deleted_at == NEVER]

    @property
    def accounting(self) -> list[Connection]:
        """Its connections to accounting software, in order of creation."""
        return [each for each in self.connections if each.source_type == ACCOUNTING]

    @property
    def partners(self) -> list[Connection]:
        """Its partner expense connections, in order of creation."""
        return [each for each in self.connections if each.source_type == EXPENSE]

    def connections_at(self, moment: float) -> list[Connection]:
        """Return its connections at a moment."""
        return [each for each in self.all_connections if each.created <= moment < each.deleted_at]

    def body(self, moment: float | None = None) -> str:
        """Return its JSON now, or as a list from that moment shows it."""
        if moment is None:
            connections = ",".join([each.body() for each in self.connections])
        else:
            connections = ",".join([each.body(each.status_at(moment)) for each in self.connections_at(moment)])
        company_id = self.id
        return (
            f'{{"id":"{company_id}","redirect":"https://link.codat.io/company/{company_id}",'
            f'"created":"{iso_time(self.created)}","createdByUserName":null,"lastSync":null,"platform":"",'
            f'"dataConnections":[{connections}],"products":[],{self.sent}'
        )


def place_of(company_id: str) -> int | None:
    """Return the place of the company with this identifier; None if it is not a company's."""
    prefix, _, place = company_id.rpartition("-")
    return int(place, 16) if prefix == _COMPANY_PREFIX else None


def iso_time(seconds: float) -> str:
    """Return a time as Codat writes it: ISO 8601, UTC."""
    whole, part = divmod(int(seconds * 1_000_000), 1_000_000)
    return f"{_iso_second(whole)}.{part:06d}Z"


@lru_cache(maxsize=16)
def _iso_second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
