"""Requests as Codat wants them, and answers read whatever they look like."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bulk.codat import endpoints
from bulk.codat.endpoints import read_company, read_company_page, read_connection
from bulk.model import Company


@pytest.mark.parametrize("customer_id", ["00123", "a&&b||{c}=d", "株式会社" * 25, "'; drop"])
def test_the_tag_that_is_asked_for_is_safe_whatever_the_identifier(customer_id: str) -> None:
    """The identifier itself is kept beside it for people."""
    request = endpoints.create_company(customer_id=customer_id, name="Acme", description=None, batch="b")
    tags = json.loads(request.body or "")["tags"]
    assert tags["uid"] == customer_id
    assert set(tags["bulk_uid"]) <= set("0123456789abcdef")
    assert all(len(key) <= 27 and len(value) <= 100 for key, value in tags.items())


@pytest.mark.parametrize(
    "odd",
    [
        None,
        [],
        "x",
        7,
        {},
        *({"id": id_, "status": "Linked"} for id_ in ("", None, [1], True, "..", "\ufffd", "a\n", "x" * 201)),
    ],
)
def test_what_lacks_its_identifier_is_no_company_and_no_connection(odd: Any) -> None:
    """Whatever JSON it is."""
    assert read_company(odd) is None
    assert read_connection(odd) is None


def test_odd_fields_of_a_company_are_left_out() -> None:
    """Fields may be added, missing, or of another kind."""
    read = read_company(
        {"id": 7, "name": None, "tags": ["x"], "dataConnections": [None, {"id": "n"}], "created": "yesterday", "new": 1}
    )
    assert read == Company("7", "", None, None, {}, ())


@pytest.mark.parametrize(
    ("links", "following"),
    [
        ({"next": {"href": "/companies?page=2"}}, "/companies?page=2"),  # a path
        ({"next": {"href": "/companies?a=b c%20d&#"}}, "/companies?a=b%20c%20d&%23"),  # what a request line cannot hold
        ({"next": {"href": "https://evil.example.com/companies"}}, None),  # another host
        ({"next": {"href": "//evil.example.com/companies"}}, None),  # another host, in short
        ({"next": {"href": "companies?page=2"}}, None),  # no path
        ({"next": {"href": 2}}, None),  # no text
        ({"next": {"href": "/companies?page=2\n"}}, None),  # no address
        ({"next": {"href": "/companies?query=é"}}, None),  # nor this
        ({"next": {"href": "/" + "x" * 9000}}, None),  # longer than any
        ({"next": None}, None),  # the last page
        (None, None),  # nothing said
    ],
)
def test_only_a_path_is_followed(links: object, following: str | None) -> None:
    """An answer must not be able to send the key to another host."""
    page = read_company_page({"results": [{"id": "c"}], "_links": links})
    assert page is not None
    assert page.next_path == following


@pytest.mark.parametrize("results", [[], [None], [{"name": "no id"}]])
def test_a_page_without_companies_that_names_another_is_none(results: list[object]) -> None:
    """Such a list could go on for ever; an empty page that names none is the end of it."""
    assert read_company_page({"results": results, "_links": {"next": {"href": "/companies?page=2"}}}) is None
    assert read_company_page({"results": results, "_links": {}}) is not None


@pytest.mark.parametrize(
    ("told", "status"),
    [("linked", "Linked"), ("PENDINGAUTH", "PendingAuth"), ("deauthorized", "Deauthorized"), ("Parked", "Parked")],
)
def test_a_status_is_read_in_any_letter_case(told: str, status: str) -> None:
    """One that is not known stays as it is."""
    connection = endpoints.read_connection({"id": "1", "status": told})
    assert connection is not None
    assert connection.status == status
