"""The catalogue of what bulk asks of Codat: for each operation one builder of the request and one reader of the answer.

JSON becomes our own types here and goes no further. A reader returns None where the answer lacks what Codat promises.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from bulk.model import Company, Connection, customer_tag

# By the response's schema a page holds at most 2,000 companies (by the parameter's 5,000): the smaller is safe.
PAGE_SIZE = 2000
MAX_ID = 200  # a GUID has 36
OF_A_PATH = "/?:@!$&'()*+,;=-._~%[]"  # besides letters and digits (RFC 3986); all else is sent as %20 and the like
MAX_PATH = 8000  # of a next page: a query has under 2,048 (https://docs.codat.io/using-the-api/querying)
LINK_LIFETIME = 24 * 3600  # seconds: https://docs.codat.io/auth-flow/authorize-hosted-link; older pages say an hour

# The documentation's own example keeps the customer's identifier in the tag `uid`
# (https://docs.codat.io/using-the-api/managing-companies): people read that one. It may hold characters that the query
# language gives a meaning and no escape, so what is asked for is a second tag that is safe in any query.
READABLE_TAG = "uid"
STATUSES = {each.casefold(): each for each in ("PendingAuth", "Linked", "Unlinked", "Deauthorized")}
CUSTOMER_TAG = "bulk_uid"
BATCH_TAG = "bulk_batch"


@dataclass(frozen=True, slots=True)
class Request:
    """One request to Codat, all but the key and the address."""

    operation: str
    method: str
    path: str  # from the base URL, with its query
    body: str | None = None  # JSON


@dataclass(frozen=True, slots=True)
class CompanyPage:
    """One page of the company list; `next_path` is None on the last."""

    companies: tuple[Company, ...]
    total: int | None
    next_path: str | None


def batch_tag(batch: str) -> str:
    """Give the value of the tag that marks all companies that a batch creates."""
    return hashlib.sha256(batch.encode()).hexdigest()[:16]


def create_company(*, customer_id: str, name: str, description: str | None, batch: str) -> Request:
    """POST /companies. Names need not be unique: nothing but the tags ties the company to the customer."""
    tags = {READABLE_TAG: customer_id, CUSTOMER_TAG: customer_tag(customer_id), BATCH_TAG: batch_tag(batch)}
    content: dict[str, Any] = {"name": name}
    if description:
        content["description"] = description
    return Request("create_company", "POST", "/companies", _dump(content | {"tags": tags}))


def create_connection(company_id: str, platform_key: str) -> Request:
    """POST /companies/{companyId}/connections, for the accounting software."""
    return Request("create_connection", "POST", _connections(company_id), _dump({"platformKey": platform_key}))


def get_connection(company_id: str, connection_id: str) -> Request:
    """GET one connection; its answer carries a fresh linkUrl."""
    return Request("get_connection", "GET", f"{_connections(company_id)}/{quote(connection_id, safe='')}")


def create_partner_expense_connection(company_id: str) -> Request:
    """POST the partner expense connection, which has no body; only once the accounting connection is Linked.

    https://docs.codat.io/sync-for-expenses-api#/operations/create-partner-expense-connection
    """
    path = f"{_company(company_id)}/sync/expenses/connections/partnerExpense"
    return Request("create_partner_expense_connection", "POST", path)


def unlink_connection(company_id: str, connection_id: str) -> Request:
    """PATCH a connection to Unlinked; only a Linked one can be (https://docs.codat.io/using-the-api/unlink)."""
    path = f"{_connections(company_id)}/{quote(connection_id, safe='')}"
    return Request("unlink_connection", "PATCH", path, _dump({"status": "Unlinked"}))


def get_company(company_id: str) -> Request:
    """GET one company with its connections; unlike a GET of a connection it leaves their linkUrls as they are."""
    return Request("get_company", "GET", _company(company_id))


def delete_company(company_id: str) -> Request:
    """DELETE a company and its connections, for good."""
    return Request("delete_company", "DELETE", _company(company_id))


def list_connections(company_id: str) -> Request:
    """GET the connections of a company; the answer carries fresh linkUrls."""
    return Request("list_connections", "GET", _connections(company_id) + f"?page=1&pageSize={PAGE_SIZE}")


def list_companies(*, tag: tuple[str, str] | None = None, page: int = 1, page_size: int = PAGE_SIZE) -> Request:
    """GET a page of the company list, of all companies or of those with a tag."""
    query = {"page": str(page), "pageSize": str(page_size)}
    if tag:
        query["tags"] = "=".join(tag)
    return Request("list_companies", "GET", "/companies?" + urlencode(query))


def next_page(path: str) -> Request:
    """GET the page of the company list that `_links.next` names."""
    return Request("list_companies", "GET", path)


def list_integrations() -> Request:
    """GET the accounting platforms that are enabled for this client."""
    query = urlencode({"query": "sourceType=Accounting&&enabled=true", "page": "1", "pageSize": "100"})
    return Request("list_integrations", "GET", "/integrations?" + query)


def read_company(content: Any) -> Company | None:
    """Read a Company, or None if it has no id."""
    company_id = _id(content)
    if company_id is None:
        return None
    tags = content.get("tags")
    connections = content.get("dataConnections")
    return Company(
        id=company_id,
        name=str(content.get("name") or ""),
        description=_text(content.get("description")),
        created=_time(content.get("created")),
        tags={str(k): str(v) for k, v in tags.items()} if isinstance(tags, dict) else {},
        connections=_connections_in(connections),
        knows_connections=isinstance(connections, list),
    )


def read_connection(content: Any) -> Connection | None:
    """Read a Connection, or None if it has no id or status."""
    connection_id = _id(content)
    if connection_id is None or not content.get("status"):
        return None
    return Connection(
        id=connection_id,
        status=_status(str(content["status"])),
        source_type=str(content.get("sourceType") or "Unknown"),
        platform_key=_text(content.get("integrationKey")),
        link_url=_text(content.get("linkUrl")),
        created=_time(content.get("created")),
    )


def read_connections(content: Any) -> tuple[Connection, ...] | None:
    """Read a page of connections, or None if it is no page."""
    results = content.get("results") if isinstance(content, dict) else None
    return _connections_in(results) if isinstance(results, list) else None


def read_company_page(content: Any) -> CompanyPage | None:
    """Read a page of companies, or None if it is no page."""
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, list):
        return None
    companies = tuple(company for company in map(read_company, results) if company)
    total, following = content.get("totalResults"), _next(content.get("_links"))
    if following is not None and not companies:
        return None  # else a list could go on for ever
    return CompanyPage(companies, total if isinstance(total, int) else None, following)


def read_platforms(content: Any) -> tuple[dict[str, str] | None, str | None]:
    """Read the platformKeys and names of a page of integrations, and the next page; None if it is no page."""
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, list):
        return None, None
    platforms = {str(i["key"]): str(i.get("name") or "") for i in results if isinstance(i, dict) and i.get("key")}
    return platforms, _next(content.get("_links"))


def page_count(companies: int) -> int:
    """Return the number of requests that read a list of this many companies."""
    return max(1, math.ceil(companies / PAGE_SIZE))


def _company(company_id: str) -> str:
    return f"/companies/{quote(company_id, safe='')}"


def _connections(company_id: str) -> str:
    return _company(company_id) + "/connections"


def _id(content: Any) -> str | None:
    """Read the id of a thing: Codat's are GUIDs, and any plain text or number that can stand in a path is taken."""
    told = content.get("id") if isinstance(content, dict) else None
    if not isinstance(told, str | int) or isinstance(told, bool) or not told:
        return None
    text = str(told)
    is_plain = text.isascii() and text.isprintable() and len(text) <= MAX_ID
    return text if is_plain and text not in (".", "..") else None


def _connections_in(results: object) -> tuple[Connection, ...]:
    if not isinstance(results, list):
        return ()
    return tuple(connection for connection in map(read_connection, results) if connection)


def _next(links: object) -> str | None:
    following = links.get("next") if isinstance(links, dict) else None
    href = following.get("href") if isinstance(following, dict) else None
    # Only a path is followed: an answer must not be able to send the key to another host.
    if not isinstance(href, str) or not href.startswith("/") or href.startswith("//"):
        return None
    is_path = href.isascii() and href.isprintable() and len(href) <= MAX_PATH
    return quote(href, safe=OF_A_PATH) if is_path else None


def _dump(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _status(told: str) -> str:
    """Give a status in Codat's own spelling; one that is not known stays as it is."""
    return STATUSES.get(told.casefold(), told)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def exact_time(value: object) -> str | None:
    """Read a time of Codat's, which is UTC with or without saying so: ISO 8601 with fractions that sort as text."""
    moment = _moment(value)
    return moment.replace(tzinfo=None).isoformat(timespec="microseconds") + "Z" if moment else None


def _time(value: object) -> str | None:
    moment = _moment(value)
    return moment.replace(tzinfo=None).isoformat(timespec="seconds") + "Z" if moment else None


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
