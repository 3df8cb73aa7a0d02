"""Requests in Codat's form, and responses that are read whatever they contain."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bulk.codat import endpoints
from bulk.codat.endpoints import Request
from bulk.model import Company, Labels, customer_tag

BASE = "/companies/c%2F1"


@pytest.mark.parametrize(
    ("request_", "method", "path", "body"),
    [
        (endpoints.create_connection("c/1", "gbol"), "POST", f"{BASE}/connections", '{"platformKey":"gbol"}'),
        (endpoints.get_connection("c/1", "n/2"), "GET", f"{BASE}/connections/n%2F2", None),
        (
            endpoints.create_partner_expense_connection("c/1"),
            "POST",
            f"{BASE}/sync/expenses/connections/partnerExpense",
            None,
        ),
        (endpoints.unlink_connection("c/1", "n/2"), "PATCH", f"{BASE}/connections/n%2F2", '{"status":"Unlinked"}'),
        (endpoints.get_company("c/1"), "GET", BASE, None),
        (endpoints.delete_company("c/1"), "DELETE", BASE, None),
        (endpoints.list_connections("c/1"), "GET", f"{BASE}/connections?page=1&pageSize=2000", None),
        (endpoints.list_companies(page=3), "GET", "/companies?page=3&pageSize=2000", None),
        (
            endpoints.list_companies(tag=("bulk_uid", "ab"), page_size=1),
            "GET",
            "/companies?page=1&pageSize=1&tags=bulk_uid%3Dab",
            None,
        ),
    ],
)
def test_requests_have_codats_form(request_: Request, method: str, path: str, body: str | None) -> None:
    """An id never changes the meaning of a path."""
    assert (request_.method, request_.path, request_.body) == (method, path, body)


@pytest.mark.parametrize("customer_id", ["00123", "a&&b||{c}=d", "株式会社" * 25, "'; drop"])
def test_the_tag_in_a_query_is_safe_for_any_identifier(customer_id: str) -> None:
    """People read the identifier itself in a second tag."""
    request = endpoints.create_company(
        customer_id=customer_id, tag=customer_tag(customer_id), name="Acme", description=None, labels=Labels("b")
    )
    tags = json.loads(request.body or "")["tags"]
    assert tags["uid"] == customer_id
    assert set(tags["bulk_uid"]) <= set("0123456789abcdef")
    assert all(len(key) <= 27 and len(value) <= 100 for key, value in tags.items())


@pytest.mark.parametrize(("companies", "pages"), [(0, 1), (1, 1), (2000, 1), (2001, 2), (10_000, 5)])
def test_a_page_has_2000_companies(companies: int, pages: int) -> None:
    """An empty list takes a request too."""
    assert endpoints.page_count(companies) == pages


@pytest.mark.parametrize(
    "content",
    [
        None,
        [],
        "x",
        7,
        {},
        *({"id": id_, "status": "Linked"} for id_ in ("", None, [1], True, "..", "\ufffd", "a\n", "x" * 201)),
    ],
)
def test_an_object_without_a_usable_id_is_neither_a_company_nor_a_connection(content: Any) -> None:
    """Any JSON may arrive."""
    assert endpoints.read_company(content) is None
    assert endpoints.read_connection(content) is None


def test_unusable_fields_of_a_company_are_left_out() -> None:
    """Fields may be added, missing, or of another type."""
    content = {
        "id": 7,
        "name": None,
        "tags": ["x"],
        "dataConnections": [None, {"id": "n"}],
        "created": "yesterday",
        "new": 1,
    }
    assert endpoints.read_company(content) == Company("7", "", None, None, {}, ())


def test_a_company_without_a_list_of_connections_does_not_know_its_connections() -> None:
    """That is not the same as a company without connections."""
    company = endpoints.read_company({"id": "c"})
    assert company is not None
    assert not company.knows_connections


@pytest.mark.parametrize(
    ("href", "path"), [("/companies?page=2", "/companies?page=2"), ("https://evil.example.com/companies", None)]
)
def test_a_page_has_the_path_of_the_next_one(href: str, path: str | None) -> None:
    """A full URL is not followed."""
    links = {"next": {"href": href}}
    page = endpoints.read_company_page({"results": [{"id": "c"}], "totalResults": 2, "_links": links})
    assert page is not None
    assert (page.total, page.next_path) == (2, path)


@pytest.mark.parametrize("results", [[], [None], [{"name": "no id"}]])
def test_a_page_without_companies_that_has_a_next_page_is_not_a_page(results: list[object]) -> None:
    """Such a list might never end; an empty page without a next one ends it."""
    links = {"next": {"href": "/companies?page=2"}}
    assert endpoints.read_company_page({"results": results, "_links": links}) is None
    assert endpoints.read_company_page({"results": results, "_links": {}}) is not None


SHOWN = [{"id": "1", "status": "Linked"}]
NEXT = {"_links": {"next": {"href": "/next"}}}


@pytest.mark.parametrize(
    ("content", "next_path"),
    [
        ({"results": SHOWN}, None),
        ({"results": SHOWN, "totalResults": 1}, None),
        ({"results": SHOWN, "totalResults": 2} | NEXT, "/next"),
        ({"results": SHOWN} | NEXT, "/next"),
        ({"results": SHOWN, "totalResults": 1} | NEXT, None),  # a list that never ends
    ],
)
def test_a_list_of_connections_continues_until_all_are_known(content: dict[str, Any], next_path: str | None) -> None:
    """The number of results says how many there are."""
    page = endpoints.read_connections(content)
    assert page is not None
    assert page.next_path == next_path


def test_a_list_of_connections_that_ends_too_early_is_not_complete() -> None:
    """Then nothing can be said to be absent."""
    assert endpoints.read_connections({"results": SHOWN, "totalResults": 2}) is None


def test_the_pages_of_a_list_are_read_together() -> None:
    """An empty page ends the list, whatever it links to; other content is no page."""
    page = endpoints.read_connections(endpoints.joined({"results": SHOWN}, {"results": [{"id": "2", "status": "x"}]}))
    assert page is not None
    assert [each.id for each in page.connections] == ["1", "2"]
    ended = endpoints.read_connections(endpoints.joined({"results": SHOWN}, {"results": []} | NEXT))
    assert ended is not None
    assert ended.next_path is None
    assert endpoints.joined({"results": SHOWN}, {"error": "no"}) == {"error": "no"}
    assert endpoints.joined(None, {"results": SHOWN}) == {"results": SHOWN}


@pytest.mark.parametrize("content", [None, [], {}, {"results": None}, {"results": {}}])
def test_content_without_results_is_not_a_page(content: Any) -> None:
    """This is true of companies, connections and integrations."""
    assert endpoints.read_company_page(content) is None
    assert endpoints.read_connections(content) is None
    assert endpoints.read_platforms(content) is None


@pytest.mark.parametrize(
    ("written", "status"),
    [("linked", "Linked"), ("PENDINGAUTH", "PendingAuth"), ("deauthorized", "Deauthorized"), ("Paused", "Paused")],
)
def test_a_status_is_read_in_any_letter_case(written: str, status: str) -> None:
    """An unknown one stays as it is."""
    connection = endpoints.read_connection({"id": "1", "status": written})
    assert connection is not None
    assert connection.status == status


CANCELLED = {"statusCode": "403", "statusText": "Forbidden", "errorMessage": "User cancelled linking"}


@pytest.mark.parametrize(
    ("errors", "shown"),
    [
        ([CANCELLED | {"erroredOnUtc": "2026-11-23T10:00:00"}], "2026-11-23T10:00:00Z 403 User cancelled linking"),
        # the last one, in any order
        (
            [CANCELLED | {"erroredOnUtc": "2026-11-24T10:00:00"}, {"erroredOnUtc": "2026-11-23T10:00:00"}],
            "2026-11-24T10:00:00Z 403 User cancelled linking",
        ),
        ([{"statusCode": 401, "statusText": "Unauthorized"}], "401 Unauthorized"),
        ([{}], None),
        (["403", None], None),
        ([], None),
        (None, None),
        ({"statusCode": "403"}, None),
        ([CANCELLED | {"errorMessage": "x" * 9000}], "403 " + "x" * 496),
    ],
)
def test_the_last_error_of_a_connection_is_read(errors: object, shown: str | None) -> None:
    """It shows who has tried to link and failed."""
    connection = endpoints.read_connection({"id": "1", "status": "PendingAuth", "dataConnectionErrors": errors})
    assert connection is not None
    assert connection.link_error == shown
