"""The operations of Codat that bulk uses: builders of the requests and readers of the responses. No I/O.

JSON turns into our own types here and goes no further. A reader returns None for a response without the fields that
Codat documents as required.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter
from typing import Any
from urllib.parse import quote, urlencode

from bulk.codat import boundary
from bulk.model import Company, Connection, Labels

# The schema of the response allows 2,000 companies on a page, that of the parameter 5,000: the smaller one is safe.
PAGE_SIZE = 2000
MAX_INTEGRATIONS = 500  # on a page: more than Codat has, so that one request is enough
STATUSES = {status.casefold(): status for status in ("PendingAuth", "Linked", "Unlinked", "Deauthorized")}

# The documentation's own example has the customer's identifier in the tag `uid`, which people read
# (https://docs.codat.io/using-the-api/managing-companies). An identifier may contain operators of the query language,
# which has no escape, so queries use a second tag whose value is always safe.
READABLE_TAG = "uid"
CUSTOMER_TAG = "bulk_uid"
BATCH_TAG = "bulk_batch"
SOURCE_TAG = "bulk_source"  # only with --source


@dataclass(frozen=True, slots=True)
class Request:
    """One request to Codat, without the API key and the host."""

    operation: str
    method: str
    path: str  # relative to the base URL, with the query
    body: str | None = None  # JSON


@dataclass(frozen=True, slots=True)
class ConnectionPage:
    """A page of a company's connections together with the pages before it; `next_path` is None after the last page."""

    connections: tuple[Connection, ...]
    next_path: str | None


@dataclass(frozen=True, slots=True)
class CompanyPage:
    """One page of the company list; `next_path` is None on the last page."""

    companies: tuple[Company, ...]
    total: int | None
    next_path: str | None


@dataclass(frozen=True, slots=True)
class Platform:
    """Accounting software that Codat can connect to."""

    key: str
    name: str
    is_enabled: bool  # for this client


@dataclass(frozen=True, slots=True)
class Profile:
    """The client's own settings; None: it has none."""

    name: str | None = None
    redirect_url: str | None = None  # where customers go after they have authorized


def batch_tag(batch: str) -> str:
    """Return the value of the tag that marks the companies created by a batch."""
    return hashlib.sha256(batch.encode()).hexdigest()[:16]


def page_count(companies: int) -> int:
    """Return the number of requests needed to read the list of this many companies."""
    return max(1, math.ceil(companies / PAGE_SIZE))


# -- requests


def create_company(*, customer_id: str, tag: str, name: str, description: str | None, labels: Labels) -> Request:
    """Build POST /companies. Names need not be unique; only the tags link the company to the customer.

    `tag` is the customer's tag.
    """
    tags = {READABLE_TAG: customer_id, CUSTOMER_TAG: tag, BATCH_TAG: batch_tag(labels.batch)}
    if labels.source is not None:
        tags[SOURCE_TAG] = labels.source
    content: dict[str, Any] = {"name": name}
    if description:
        content["description"] = description
    if labels.products:
        content["products"] = list(labels.products)
    return Request("create_company", "POST", "/companies", _json(content | {"tags": tags}))


def create_connection(company_id: str, platform_key: str) -> Request:
    """Build POST /companies/{companyId}/connections for the accounting platform."""
    return Request("create_connection", "POST", _connections(company_id), _json({"platformKey": platform_key}))


def get_connection(company_id: str, connection_id: str) -> Request:
    """Build GET of one connection; its response contains a fresh linkUrl."""
    return Request("get_connection", "GET", _connection(company_id, connection_id))


def create_partner_expense_connection(company_id: str) -> Request:
    """Build POST of the partner expense connection, without a body; the accounting connection must be Linked.

    https://docs.codat.io/sync-for-expenses-api#/operations/create-partner-expense-connection
    """
    path = f"{_company(company_id)}/sync/expenses/connections/partnerExpense"
    return Request("create_partner_expense_connection", "POST", path)


def unlink_connection(company_id: str, connection_id: str) -> Request:
    """Build PATCH of a Linked connection to Unlinked (https://docs.codat.io/using-the-api/unlink)."""
    path = _connection(company_id, connection_id)
    return Request("unlink_connection", "PATCH", path, _json({"status": "Unlinked"}))


def get_company(company_id: str) -> Request:
    """Build GET of one company with its connections; unlike GET of a connection, it does not renew linkUrls."""
    return Request("get_company", "GET", _company(company_id))


def delete_company(company_id: str) -> Request:
    """Build DELETE of a company and its connections, which is irreversible."""
    return Request("delete_company", "DELETE", _company(company_id))


def list_connections(company_id: str) -> Request:
    """Build GET of a company's connections; the response contains fresh linkUrls."""
    return Request("list_connections", "GET", f"{_connections(company_id)}?page=1&pageSize={PAGE_SIZE}")


def next_connections(path: str) -> Request:
    """Build GET of the page of connections at the path in `_links.next`."""
    return Request("list_connections", "GET", path)


def list_companies(*, tag: tuple[str, str] | None = None, page: int = 1, page_size: int = PAGE_SIZE) -> Request:
    """Build GET of a page of the company list: all companies, or those with a tag."""
    query = {"page": str(page), "pageSize": str(page_size)}
    if tag:
        query["tags"] = "=".join(tag)
    return Request("list_companies", "GET", "/companies?" + urlencode(query))


def next_page(path: str) -> Request:
    """Build GET of the page of the company list at the path in `_links.next`."""
    return Request("list_companies", "GET", path)


def list_integrations() -> Request:
    """Build GET of the integrations. Codat may ignore the query, so `read_platforms` selects them too."""
    query = urlencode({"query": "sourceType=Accounting", "page": "1", "pageSize": str(MAX_INTEGRATIONS)})
    return Request("list_integrations", "GET", "/integrations?" + query)


def get_sync_settings() -> Request:
    """Build GET of the client's sync settings; the response contains the client's id."""
    return Request("get_sync_settings", "GET", "/profile/syncSettings")


def get_profile() -> Request:
    """Build GET of the client's profile; the response contains its name and its redirect URL."""
    return Request("get_profile", "GET", "/profile")


# -- responses


def read_company(content: Any) -> Company | None:
    """Read a Company; return None if it has no id."""
    company_id = boundary.identifier(content)
    if company_id is None:
        return None
    connections = content.get("dataConnections")
    return Company(
        id=company_id,
        name=str(content.get("name") or ""),
        description=boundary.text(content.get("description")),
        created=boundary.time(content.get("created")),
        tags=boundary.tags(content.get("tags")),
        connections=_read_connections(connections),
        knows_connections=isinstance(connections, list),
    )


def read_connection(content: Any) -> Connection | None:
    """Read a Connection; return None if it has no id or no status."""
    connection_id = boundary.identifier(content)
    if connection_id is None or not content.get("status"):
        return None
    status = str(content["status"])
    return Connection(
        id=connection_id,
        status=STATUSES.get(status.casefold(), status),
        source_type=str(content.get("sourceType") or "Unknown"),
        platform_key=boundary.text(content.get("integrationKey")),
        link_url=boundary.link_url(content.get("linkUrl")),
        created=boundary.time(content.get("created")),
        link_error=_last_error(content.get("dataConnectionErrors")),
    )


def _last_error(errors: object) -> str | None:
    """Return the time, the status and the message of a connection's last error, or None if it has none."""
    known = [each for each in errors if isinstance(each, dict)] if isinstance(errors, list) else []
    if not known:
        return None
    at, last = max(((boundary.time(each.get("erroredOnUtc")) or "", each) for each in known), key=itemgetter(0))
    words = (boundary.text(last.get(name)) for name in ("errorMessage", "statusText"))
    parts = (at, boundary.text(str(last.get("statusCode") or "")), next(filter(None, words), None))
    return boundary.message(" ".join(filter(None, parts))) or None


def joined(earlier: Any, content: Any) -> Any:
    """Return the content of a page with the results of the earlier pages of its list in front.

    An empty page ends its list, whatever it links to.
    """
    results, known = _results(content), _results(earlier)
    if results is None or known is None:
        return content
    return {**content, "results": [*known, *results], "_links": content.get("_links") if results else None}


def read_connections(content: Any) -> ConnectionPage | None:
    """Read a page of connections, joined with the earlier ones; return None if it is not a page, or not complete."""
    results = _results(content)
    if results is None:
        return None
    total, next_path = content.get("totalResults"), boundary.next_path(content.get("_links"))
    if isinstance(total, int) and len(results) >= total:
        next_path = None  # all are known: a list that names further pages for ever ends here
    elif isinstance(total, int) and next_path is None:
        return None  # some are missing, so nothing can be said to be absent
    return ConnectionPage(_read_connections(results), next_path)


def read_company_page(content: Any) -> CompanyPage | None:
    """Read a page of companies; return None if it is not a page."""
    results = _results(content)
    if results is None:
        return None
    companies = tuple(company for company in map(read_company, results) if company)
    total, next_path = content.get("totalResults"), boundary.next_path(content.get("_links"))
    if next_path is not None and not companies:
        return None  # otherwise a list might never end
    return CompanyPage(companies, total if isinstance(total, int) else None, next_path)


def read_platforms(content: Any) -> tuple[Platform, ...] | None:
    """Read a page of integrations; return None if it is not a page, or not the only one."""
    results = _results(content)
    if results is None or boundary.next_path(content.get("_links")) is not None:
        return None
    integrations = [each for each in results if isinstance(each, dict) and each.get("sourceType") == "Accounting"]
    return tuple(
        Platform(key, boundary.text(each.get("name")) or "", is_enabled=each.get("enabled") is True)
        for each in integrations
        if (key := boundary.text(each.get("key"))) is not None
    )


def read_profile(content: Any) -> Profile:
    """Read the client's profile."""
    fields = content if isinstance(content, dict) else {}
    return Profile(boundary.text(fields.get("name")), boundary.text(fields.get("redirectUrl")))


def read_client_id(content: Any) -> str | None:
    """Read the id of the client from its sync settings; return None if there is none."""
    return boundary.identifier(content, "clientId")


def _results(content: Any) -> list[Any] | None:
    results = content.get("results") if isinstance(content, dict) else None
    return results if isinstance(results, list) else None


def _read_connections(results: object) -> tuple[Connection, ...]:
    if not isinstance(results, list):
        return ()
    return tuple(connection for connection in map(read_connection, results) if connection)


def _company(company_id: str) -> str:
    return f"/companies/{quote(company_id, safe='')}"


def _connections(company_id: str) -> str:
    return _company(company_id) + "/connections"


def _connection(company_id: str, connection_id: str) -> str:
    return f"{_connections(company_id)}/{quote(connection_id, safe='')}"


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
