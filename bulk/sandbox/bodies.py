"""The bodies that Codat returns: companies, connections, integrations, pages and errors, with all required fields.

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
class Response:
    """One HTTP response, without the headers that every response has."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: tuple[tuple[str, str], ...] = ()


class Refusal(Exception):  # noqa: N818 - named for Codat's action
    """Codat refuses a request. It is raised where a rule is broken, and becomes an error body."""

    def __init__(self, status: int, message: str, *, errors: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(message)
        self.response = error(status, message, errors=errors)


def ok(content: object) -> Response:
    """Return a JSON response with status 200."""
    return Response(200, json.dumps(content, separators=(",", ":")).encode())


def error(
    status: int, message: str, *, errors: Sequence[tuple[str, str]] = (), headers: Mapping[str, str] | None = None
) -> Response:
    """Return a response with Codat's error body; `errors` are pairs of field and message."""
    content: Json = {
        "statusCode": status,
        "service": "PublicApi",
        "error": message,
        "correlationId": uuid4().hex,
        "validation": _validation(errors) if errors else None,
        "canBeRetried": _can_be_retried(status),
        "detailedErrorCode": 0,
    }
    return Response(status, json.dumps(content).encode(), headers=tuple((headers or {}).items()))


def _validation(errors: Sequence[tuple[str, str]]) -> Json:
    items = [{"itemId": field, "message": message, "validatorName": "SandboxValidator"} for field, message in errors]
    return {"errors": items, "warnings": []}


def _can_be_retried(status: int) -> str:
    if status in {409, 429, 502, 503, 504}:
        return "True"
    return "Unknown" if status >= 500 else "False"


def company_body(company: StoredCompany, base_url: str) -> Json:
    """Return the body of a Company. Its connections' linkUrls have no passwords, as in Codat's own examples."""
    platforms = [PLATFORMS[each.platform_key].name for each in company.accounting]
    return {
        "id": company.id,
        "name": company.name,
        "description": company.description,
        "platform": platforms[0] if platforms else "",
        "redirect": f"{base_url}/link/companies/{company.id}/start",
        "created": company.created,
        "createdByUserName": None,
        "dataConnections": [
            connection_body(each, company.id, base_url, has_password=False) for each in company.connections
        ],
        "products": ["syncForExpenses"],
        "tags": company.tags,
        "referenceSubsidiaryCompanies": [],
    }


def connection_body(connection: StoredConnection, company_id: str, base_url: str, *, has_password: bool = True) -> Json:
    """Return the body of a Connection. Its linkUrl is a page of this server, with the newest password."""
    platform = PLATFORMS.get(connection.platform_key, PARTNER)
    path = f"/link/companies/{company_id}/connections/{connection.id}/start"
    if has_password:
        path += f"?otp={connection.otp}"
    return {
        "id": connection.id,
        "integrationId": platform.id("integration"),
        "integrationKey": platform.key,
        "sourceId": platform.id("source"),
        "sourceType": connection.source_type,
        "platformName": platform.name,
        "linkUrl": base_url + path,
        "status": connection.status,
        "created": connection.created,
        "dataConnectionErrors": json.loads(connection.errors),
        "connectionInfo": {},
        "additionalProperties": {},
    }


def integration_body(platform: Platform, *, is_enabled: bool) -> Json:
    """Return the body of an Integration."""
    return {
        "key": platform.key,
        "name": platform.name,
        "logoUrl": f"https://static.codat.io/public/officialLogos/Full/{platform.id('integration')}.png",
        "enabled": is_enabled,
        "sourceId": platform.id("source"),
        "integrationId": platform.id("integration"),
        "sourceType": platform.source_type,
        "isBeta": False,
        "isOfflineConnector": platform.is_offline,
    }


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request for one page of a list. Every link to another page repeats the filters."""

    path: str
    number: int
    size: int
    filters: tuple[tuple[str, str], ...] = ()

    @property
    def offset(self) -> int:
        """The number of results before this page."""
        return (self.number - 1) * self.size

    def body(self, results: Sequence[Json], total: int) -> Json:
        """Return the page with its relative links (https://docs.codat.io/using-the-api/paging)."""
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
