"""Select the customer's company or connection where Codat has several."""

from __future__ import annotations

import pytest

from bulk.codat.selection import accounting_connection, is_of_customer, most_advanced, partner_connection
from bulk.model import Company, Connection, CustomerRecord, customer_tag

TAG = customer_tag("a")


def connection(
    name: str, status: str, *, kind: str = "Accounting", key: str = "gbol", created: str = "1"
) -> Connection:
    """Build a connection."""
    return Connection(name, status, kind, key, None, created)


def company(name: str, *connections: Connection, created: str = "1", **tags: str) -> Company:
    """Build a company."""
    return Company(name, "Acme", None, created, tags, connections)


def id_of(found: Company | Connection | None) -> str | None:
    """Return the id, if there is one."""
    return found.id if found else None


@pytest.mark.parametrize(
    ("companies", "expected"),
    [
        ([], None),  # no company
        ([company("1", uid="b")], None),  # another customer's
        ([company("1", uid="a")], "1"),  # created by another program, with the identifier
        ([company("1", uid="a", bulk_uid=customer_tag("b"))], None),  # another customer's, with an edited `uid`
        ([company("2", bulk_uid=TAG, created="2"), company("1", bulk_uid=TAG)], "1"),  # the older one
        # the one with a connection
        ([company("1", bulk_uid=TAG), company("2", connection("n", "PendingAuth"), bulk_uid=TAG)], "2"),
        # the one that the customer has linked
        (
            [
                company("1", connection("n", "PendingAuth"), bulk_uid=TAG),
                company("2", connection("m", "Linked"), bulk_uid=TAG, created="2"),
            ],
            "2",
        ),
    ],
)
def test_the_most_advanced_company_of_the_customer_is_selected(companies: list[Company], expected: str | None) -> None:
    """A company that the customer has linked is never left behind."""
    customer = CustomerRecord(1, "a", TAG, "Acme", "gbol", None)
    own = [each for each in companies if is_of_customer(each, customer, None)]
    assert id_of(most_advanced(own)) == expected


@pytest.mark.parametrize(
    ("connections", "expected"),
    [
        ([connection("e", "Linked", kind="Expense")], None),  # the partner connection does not count
        ([connection("1", "Unlinked"), connection("2", "PendingAuth")], "2"),  # one that can still be linked
        ([connection("1", "PendingAuth"), connection("2", "Linked", key="qhyg")], "2"),  # the linked one first
        ([connection("1", "PendingAuth", key="qhyg"), connection("2", "PendingAuth")], "2"),  # then the platform's
        ([connection("2", "Linked", created="2"), connection("1", "Linked")], "1"),  # then the oldest
    ],
)
def test_one_accounting_connection_is_selected(connections: list[Connection], expected: str | None) -> None:
    """The order of Codat's list does not matter."""
    assert id_of(accounting_connection(connections, "gbol")) == expected
    assert id_of(accounting_connection(connections[::-1], "gbol")) == expected


@pytest.mark.parametrize(
    ("connections", "expected"),
    [
        ([connection("1", "Linked")], None),  # an accounting connection
        ([connection("1", "Unlinked", kind="Expense"), connection("2", "Linked", kind="Expense")], "2"),
        ([connection("2", "Linked", kind="Expense", created="2"), connection("1", "Linked", kind="Expense")], "1"),
    ],
)
def test_one_partner_connection_is_selected(connections: list[Connection], expected: str | None) -> None:
    """The linked one comes first, then the oldest."""
    assert id_of(partner_connection(connections)) == expected
