"""The comparison of Codat's company list with the journal, for `verify`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.batches import Batch, good
from support.values import AT, BATCH, company, connection, partner

from bulk.codat.endpoints import BATCH_TAG, CUSTOMER_TAG, READABLE_TAG, batch_tag
from bulk.engine.comparison import Comparison
from bulk.model import DELETED, Company, Connection, Labels, customer_tag

COMPLETE = {
    "name_sent": "Acme",
    "company_id": "c",
    "company_origin": "created",
    "connection_id": "n",
    "connection_status": "Linked",
    "partner_connection_id": "p",
    "partner_status": "Linked",
    "state": "complete",
}
LINKED = COMPLETE | {"partner_connection_id": None, "partner_status": None, "state": "linked"}
NOTHING: dict[str, object] = {}


@pytest.fixture
def batch(tmp_path: Path) -> Iterator[Batch]:
    """Return a batch with the customer a."""
    batch = Batch(tmp_path / BATCH)
    batch.enrol("in.csv", [good("a")])
    yield batch
    batch.db.close()


def own(*connections: Connection, id_: str = "c", customer_id: str = "a") -> Company:
    """Return a company with the tags of a customer of this batch."""
    tags = {READABLE_TAG: customer_id, CUSTOMER_TAG: customer_tag(customer_id), BATCH_TAG: batch_tag(BATCH)}
    return replace(company(*connections, tags=tags), id=id_)


def findings(batch: Batch, *companies: Company) -> list[tuple[str, str | None, str | None, str | None, bool]]:
    """Return the differences: what, customer, company, connection, and whether it can be adopted."""
    comparison = Comparison(Labels(BATCH))
    comparison.begin(batch.db)
    for each in companies:  # a separate page for each
        comparison.take(batch.db, [each], AT)
    return [
        (each.finding, each.customer_id, each.company_id, each.connection_id, each.can_be_adopted)
        for each in comparison.findings(batch.db)
    ]


LINKED_CONNECTION, PARTNER = connection("Linked"), partner()


@pytest.mark.parametrize(
    ("known", "companies", "expected"),
    [
        # as expected
        (NOTHING, (), []),
        (COMPLETE, (own(LINKED_CONNECTION, PARTNER),), []),
        (COMPLETE, (replace(company(LINKED_CONNECTION, PARTNER), id="c"),), []),  # it has lost its tags
        (LINKED, (own(LINKED_CONNECTION),), []),
        (LINKED, (own(LINKED_CONNECTION), replace(company(), id="of another product")), []),
        # the customer chose other software: the requested connection stays pending for ever
        (LINKED, (own(connection("Linked", key="qhyg"), connection("PendingAuth", "m")),), []),
        (LINKED, (own(connection("Unlinked", key="qhyg"), connection("PendingAuth", "m")),), []),
        (LINKED, (own(connection("Deauthorized", key="qhyg"), connection("PendingAuth", "m")),), []),
        (LINKED, (own(LINKED_CONNECTION, connection("Unlinked", "m")),), []),  # an old one
        # companies
        (COMPLETE, (), [("missing_company", "a", "c", "n", False)]),
        (NOTHING, (own(id_="x"),), [("unknown_company", "a", "x", None, True)]),
        (LINKED, (own(LINKED_CONNECTION), own(id_="x")), [("extra_company", "a", "x", None, False)]),
        (
            NOTHING,
            (own(id_="x"), own(id_="y")),
            [("unknown_company", "a", "x", None, True), ("extra_company", "a", "y", None, False)],
        ),
        (NOTHING, (own(id_="x", customer_id="gone"),), [("unknown_company", "gone", "x", None, False)]),
        # connections
        (LINKED, (own(),), [("missing_connection", "a", "c", "n", False)]),
        (LINKED, (replace(own(), knows_connections=False),), [("missing_connection", "a", "c", "n", False)]),
        (LINKED | {"connection_id": None}, (replace(own(), knows_connections=False),), []),
        (LINKED | {"connection_id": None}, (own(LINKED_CONNECTION),), [("unknown_connection", "a", "c", "n", True)]),
        (
            LINKED,
            (own(LINKED_CONNECTION, connection("PendingAuth", "m")),),
            [("extra_connection", "a", "c", "m", False)],
        ),
        # partner connections
        (COMPLETE, (own(LINKED_CONNECTION),), [("missing_partner", "a", "c", "p", False)]),
        (LINKED, (own(LINKED_CONNECTION, PARTNER),), [("unknown_partner", "a", "c", "p", True)]),
        (COMPLETE, (own(LINKED_CONNECTION, PARTNER, partner("q")),), [("extra_partner", "a", "c", "q", False)]),
        (
            COMPLETE | {"partner_status": DELETED},
            (own(LINKED_CONNECTION),),
            [("missing_partner", "a", "c", "p", False)],
        ),
    ],
)
def test_each_difference_is_a_finding(
    batch: Batch,
    known: dict[str, object],
    companies: tuple[Company, ...],
    expected: list[tuple[str, str | None, str | None, str | None, bool]],
) -> None:
    """Nothing else is a finding."""
    if known:
        batch.change("a", **known)
    assert findings(batch, *companies) == expected


def test_another_reading_forgets_the_findings_of_the_last_one(batch: Batch) -> None:
    """A list that changed while it was read is read again."""
    batch.change("a", **LINKED)
    comparison = Comparison(Labels(BATCH))
    for companies in ([own(), own(id_="x")], [own(LINKED_CONNECTION)]):
        comparison.begin(batch.db)
        comparison.take(batch.db, companies, AT)
    assert list(comparison.findings(batch.db)) == []


def test_a_company_that_was_adopted_in_the_same_reading_is_not_missing(batch: Batch) -> None:
    """With `--adopt` the journal changes while the list is compared."""
    comparison = Comparison(Labels(BATCH))
    comparison.begin(batch.db)
    comparison.take(batch.db, [own(id_="x")], AT)
    batch.change("a", company_id="x")
    (found,) = comparison.findings(batch.db)
    assert (found.finding, found.can_be_adopted) == ("unknown_company", True)
