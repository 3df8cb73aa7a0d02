"""Codat's own clients work with the sandbox: it must match Codat's view of the API, not only bulk's."""

from __future__ import annotations

import base64
from typing import Any, TypeAlias
from uuid import uuid4

import pytest
from codat_platform.models import errors
from codat_platform.models.shared.dataconnectionstatus import DataConnectionStatus
from codat_platform.models.shared.security import Security
from codat_platform.models.shared.sourcetype import SourceType
from codat_platform.sdk import CodatPlatform
from codat_sync_for_expenses.models import errors as expense_errors
from codat_sync_for_expenses.models.shared.security import Security as ExpenseSecurity
from codat_sync_for_expenses.sdk import CodatSyncExpenses
from support.http_client import HTTP

from acceptance.sandbox.client import faults, stats
from bulk.sandbox.launch import Running

# The clients annotate their groups of operations with the names of models, so a type checker cannot follow them.
Client: TypeAlias = Any


def header(key: str = "sandbox-key") -> str:
    """Return the value of the Authorization header."""
    return "Basic " + base64.b64encode(key.encode()).decode()


@pytest.fixture
def platform(shared: Running) -> Client:
    """Return Codat's client for companies and connections."""
    return connected(shared)


@pytest.fixture
def expenses(shared: Running) -> Client:
    """Return Codat's client for expenses."""
    security = ExpenseSecurity(auth_header=header())
    return CodatSyncExpenses(security=security, server_url=shared.base_url)


def connected(running: Running, key: str = "sandbox-key") -> Client:
    """Return Codat's client with a key."""
    return CodatPlatform(security=Security(auth_header=header(key)), server_url=running.base_url)


def linked(platform: Client) -> tuple[str, str]:
    """Create a company whose customer has authorized; return the ids of the company and its connection."""
    company = platform.companies.create(request={"name": "Acme"})
    request = {"company_id": company.id, "request_body": {"platformKey": "gbol"}}
    connection = platform.connections.create(request=request)
    HTTP.post(connection.link_url, data={"decision": "authorize"}).raise_for_status()
    return company.id, connection.id


def test_a_company_is_created_and_listed(platform: Client) -> None:
    """The client reads both, with tags and times."""
    uid = uuid4().hex
    company = platform.companies.create(request={"name": "Example Company (Codat[1])", "tags": {"uid": uid}})
    assert company.name == "Example Company Codat1"
    page = platform.companies.list(request={"tags": f"uid={uid}", "page": 1, "page_size": 100})
    assert page.results
    assert [each.id for each in page.results] == [company.id]
    assert page.total_results == 1
    assert page.links.next is None


def test_a_connection_is_created_shown_and_listed(platform: Client) -> None:
    """The client reads its status and source type as its own enums."""
    uid = uuid4().hex
    company = platform.companies.create(request={"name": "Acme", "tags": {"uid": uid}})
    request = {"company_id": company.id, "request_body": {"platformKey": "akxx"}}
    made = platform.connections.create(request=request)
    assert made.status is DataConnectionStatus.PENDING_AUTH
    assert made.source_type is SourceType.ACCOUNTING
    assert made.platform_name == "Oracle NetSuite"
    assert platform.connections.get(request={"company_id": company.id, "connection_id": made.id}).id == made.id
    listed = platform.connections.list(request={"company_id": company.id}).results
    assert listed
    assert [each.id for each in listed] == [made.id]
    (found,) = platform.companies.list(request={"tags": f"uid={uid}"}).results or []
    assert [each.id for each in found.data_connections or []] == [made.id]


def test_the_partner_connection_waits_for_the_customer(platform: Client, expenses: Client) -> None:
    """Before, the client for expenses raises its own error. After, it reads a linked expense connection."""
    waiting = platform.companies.create(request={"name": "Acme"})
    with pytest.raises(expense_errors.ErrorMessage) as refused:
        expenses.connections.create_partner_expense_connection(request={"company_id": waiting.id})
    assert refused.value.data.status_code == 400
    company, _ = linked(platform)
    partner = expenses.connections.create_partner_expense_connection(request={"company_id": company})
    assert partner.status.value == "Linked"
    assert partner.source_type == "Expense"


def test_a_linked_connection_is_unlinked(platform: Client) -> None:
    """A second unlink is an error."""
    company, connection = linked(platform)
    request = {
        "company_id": company,
        "connection_id": connection,
        "update_connection_status": {"status": "Unlinked"},
    }
    assert platform.connections.unlink(request=request).status is DataConnectionStatus.UNLINKED
    with pytest.raises(errors.SDKError, match="Only a Linked connection"):
        platform.connections.unlink(request=request)


def test_a_company_is_deleted(platform: Client) -> None:
    """After that, a look-up gets a 404 with a correlationId for support."""
    company = platform.companies.create(request={"name": "Acme"})
    platform.companies.delete(request={"company_id": company.id})
    with pytest.raises(errors.ErrorMessage) as missing:
        platform.companies.get(request={"company_id": company.id})
    assert missing.value.status_code == 404
    assert missing.value.data.correlation_id


def test_integrations_are_listed(platform: Client) -> None:
    """The client reads each of them."""
    page = platform.integrations.list(request={"query": "sourceType=Accounting&&enabled=true"})
    assert {"Xero", "QuickBooks Online"} <= {each.name for each in page.results or []}


def test_a_wrong_key_raises_the_clients_error(shared: Running) -> None:
    """The status in Codat's error body is 401."""
    with pytest.raises(errors.ErrorMessage) as refused:
        connected(shared, "wrong").companies.list(request={})
    assert refused.value.data.status_code == 401


def test_the_clients_own_retries_show_in_the_counts(shared: Running, platform: Client) -> None:
    """The client repeats a POST after a 500 although the work was done. Without a key, this makes a second company."""
    made = stats(shared)["companies"]
    faults(shared, {"kind": "5xx_after", "operations": ["create_company"], "count": 1})
    platform.companies.create(request={"name": "Acme", "tags": {"uid": (uid := uuid4().hex)}})
    assert stats(shared)["companies"] == made + 2
    assert stats(shared)["duplicates"]["companies"] == 1
    assert platform.companies.list(request={"tags": f"uid={uid}"}).total_results == 2


def test_the_client_waits_after_a_429(shared: Running, platform: Client) -> None:
    """It understands the sandbox's Retry-After, and its next request is not early."""
    HTTP.delete(shared.base_url + "/_sandbox/stats")
    faults(shared, {"kind": "429", "operations": ["create_company"], "count": 1, "seconds": 1})
    platform.companies.create(request={"name": "Acme"})
    counts = stats(shared)
    assert (counts["statuses"], counts["early_requests"]) == ({"429": 1, "200": 1}, 0)
