"""What Codat answers: companies, connections, pages and errors as JSON-ready values, all required fields there.

Field names and which of them are required follow Codat's OpenAPI description (https://github.com/codatio/oas).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlencode
from uuid import uuid4

from bulk.sandbox.platforms import PARTNER, PLATFORMS, Platform
from bulk.sandbox.store import StoredCompany, StoredConnection

Json: TypeAlias = dict[str, Any]

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP answer, all but the headers that every answer has."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()


class Refusal(Exception):  # noqa: N818 - named for what Codat does
    """Codat refuses a request: raised where a rule is broken, and answered with an error body."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        faults: Sequence[tuple[str, str]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.answer = error(status, message, faults=faults, headers=headers)


def answer(content: object, status: int = 200) -> Answer:
    """Give a JSON answer."""
    return Answer(status, json.dumps(content, separators=(",", ":")).encode())


def error(
    status: int, message: str, *, faults: Sequence[tuple[str, str]] = (), headers: Mapping[str, str] | None = None
) -> Answer:
    """Give an answer with Codat's error body; `faults` are (field, message)."""
    content: Json = {
        "statusCode": status,
        "service": "PublicApi",
        "error": message,
        "correlationId": uuid4().hex,
        "validation": _validation(faults) if faults else None,
        "canBeRetried": _can_be_retried(status),
        "detailedErrorCode": 0,
    }
    return Answer(status, json.dumps(content).encode(), headers=tuple((headers or {}).items()))


def _validation(faults: Sequence[tuple[str, str]]) -> Json:
    items = [{"itemId": field, "message": message, "validatorName": "SandboxValidator"} for field, message in faults]
    return {"errors": items, "warnings": []}


def _can_be_retried(status: int) -> str:
    if status in {409, 429, 502, 503, 504}:
        return "True"
    return "Unknown" if status >= 500 else "False"


def company_body(company: StoredCompany, base_url: str) -> Json:
    """Give a Company."""
    content: Json = {
        "id": company.id,
        "name": company.name,
        "description": company.description,
        "platform": _platform_name(company),
        "redirect": f"{base_url}/link/companies/{company.id}/start",
        "created": company.created,
        "createdByUserName": None,
        "dataConnections": [connection_body(each, company.id, base_url) for each in company.connections],
        "products": ["syncForExpenses"],
        "tags": company.tags,
        "referenceSubsidiaryCompanies": [],
    }
    syncs = [each.last_sync for each in company.connections if each.last_sync]
    return content | {"lastSync": max(syncs)} if syncs else content


def connection_body(connection: StoredConnection, company_id: str, base_url: str) -> Json:
    """Give a Connection. Its linkUrl is a page of this very server."""
    platform = PLATFORMS.get(connection.platform_key, PARTNER)
    content: Json = {
        "id": connection.id,
        "integrationId": platform.integration_id,
        "integrationKey": platform.key,
        "sourceId": platform.source_id,
        "sourceType": connection.source_type,
        "platformName": platform.name,
        "linkUrl": link_url(connection, company_id, base_url),
        "status": connection.status,
        "created": connection.created,
        "dataConnectionErrors": json.loads(connection.errors),
        "connectionInfo": {},
        "additionalProperties": {},
    }
    return content | {"lastSync": connection.last_sync} if connection.last_sync else content


def link_url(connection: StoredConnection, company_id: str, base_url: str) -> str:
    """Give the linkUrl with the one-time password last minted."""
    return f"{base_url}/link/companies/{company_id}/connections/{connection.id}/start?otp={connection.otp}"


def integration_body(platform: Platform, *, enabled: bool) -> Json:
    """Give an Integration."""
    return {
        "key": platform.key,
        "name": platform.name,
        "logoUrl": f"https://static.codat.io/public/officialLogos/Full/{platform.integration_id}.png",
        "enabled": enabled,
        "sourceId": platform.source_id,
        "integrationId": platform.integration_id,
        "sourceType": platform.source_type,
        "isBeta": False,
        "isOfflineConnector": platform.offline,
    }


@dataclass(frozen=True, slots=True)
class PageAsked:
    """Which page was asked for, of what."""

    path: str
    number: int
    size: int
    filters: tuple[tuple[str, str], ...] = ()  # query, orderBy, tags: every link repeats them

    def body(self, results: Sequence[Json], total: int) -> Json:
        """Give the page with its relative links (https://docs.codat.io/using-the-api/paging)."""
        links = {"self": {"href": self.path}, "current": self._link(self.number)}
        if self.number * self.size < total:
            links["next"] = self._link(self.number + 1)
        if self.number > 1:
            links["previous"] = self._link(self.number - 1)
        return {
            "results": list(results),
            "pageNumber": self.number,
            "pageSize": self.size,
            "totalResults": total,
            "_links": links,
        }

    def _link(self, number: int) -> Json:
        query = urlencode([("page", number), ("pageSize", self.size), *self.filters])
        return {"href": f"{self.path}?{query}"}


def _platform_name(company: StoredCompany) -> str:
    keys = [each.platform_key for each in company.connections if each.source_type == "Accounting"]
    return PLATFORMS[keys[0]].name if keys else ""
