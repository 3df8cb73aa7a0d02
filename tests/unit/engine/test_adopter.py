"""The adopter records the batch's companies and connections that the company list shows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.batches import Batch, good
from support.values import AT, BATCH, LINK, NOW, company, connection, partner

from bulk.codat.endpoints import BATCH_TAG, CUSTOMER_TAG, READABLE_TAG, batch_tag
from bulk.engine.adopter import Adopter
from bulk.engine.reconcile import Taken
from bulk.journal import company_list, customers
from bulk.model import Company, Connection, Labels, customer_tag


@pytest.fixture
def batch(tmp_path: Path) -> Iterator[Batch]:
    """A batch with the customers a, b and c; b has the company `c b` and a pending connection."""
    batch = Batch(tmp_path / BATCH)
    batch.enrol("in.csv", [good("a"), good("b"), good("c")])
    batch.create("b")
    batch.change("b", connection_id="n", connection_status="PendingAuth", link_url=LINK, company_origin="created")
    yield batch
    batch.db.close()


def tagged(customer_id: str, id_: str, *connections: Connection) -> Company:
    """Return a company with the tags of a customer of this batch."""
    tags = {READABLE_TAG: customer_id, CUSTOMER_TAG: customer_tag(customer_id), BATCH_TAG: batch_tag(BATCH)}
    return replace(company(*connections, tags=tags), id=id_)


def adopt(batch: Batch, *companies: Company, of_all: bool = False) -> int:
    """Read a list with one page; return how many customers it changed."""
    return read(batch, *companies, of_all=of_all).changed


def read(batch: Batch, *companies: Company, of_all: bool = False) -> Taken:
    """Read a list with one page."""
    adopter = Adopter(Labels(BATCH))
    adopter = adopter.of_all() if of_all else adopter
    adopter.begin(batch.db)
    taken = adopter.take(batch.db, companies, AT)
    assert adopter.end(batch.db, AT)
    return taken


def test_a_company_that_the_journal_lacks_is_adopted_by_its_tag(batch: Batch) -> None:
    """The journal may have been lost. Once adopted, the company is no longer new."""
    shown = tagged("a", "x", connection("PendingAuth", link="https://x"))
    assert adopt(batch, shown) == 1
    assert batch.read("a", "company_id", "company_origin", "state", "link_url", "updated_at") == {
        "company_id": "x",
        "company_origin": "adopted",  # this journal has not requested it
        "state": "pending",
        "link_url": None,  # Get connection returns one that opens
        "updated_at": NOW,
    }
    assert adopt(batch, shown) == 0


def test_a_company_that_others_tagged_with_the_identifier_is_adopted(batch: Batch) -> None:
    """Codat's documentation shows such a tag."""
    assert adopt(batch, company(tags={READABLE_TAG: "a"})) == 1
    assert batch.read("a", "company_id", "company_batch") == {"company_id": "c", "company_batch": None}


@pytest.mark.parametrize(
    "tags",
    [
        {},
        {READABLE_TAG: "nobody"},
        {CUSTOMER_TAG: customer_tag("nobody")},
        {CUSTOMER_TAG: customer_tag("nobody"), READABLE_TAG: "a"},  # the safe tag is the one that counts
    ],
)
def test_a_company_of_no_customer_changes_nothing(batch: Batch, tags: dict[str, str]) -> None:
    """Codat's other products have companies too."""
    assert adopt(batch, company(tags=tags), of_all=True) == 0


def test_a_known_company_brings_its_customer_up_to_date(batch: Batch) -> None:
    """It has authorized since, and someone created its partner connection."""
    assert adopt(batch, tagged("b", "c b", connection("Linked"), partner())) == 1
    assert batch.read("b", "state", "partner_connection_id") == {"state": "complete", "partner_connection_id": "p"}


@pytest.mark.parametrize("of_all", [False, True])
def test_a_company_that_lost_its_tags_is_known_by_the_journal_in_a_list_of_all(batch: Batch, of_all: bool) -> None:
    """Tags can be removed in Codat's portal."""
    untagged = replace(company(connection("Linked")), id="c b")
    assert adopt(batch, untagged, of_all=of_all) == int(of_all)
    assert company_list.is_missing_any(batch.db) is not of_all


@pytest.mark.parametrize("of_all", [False, True])
def test_two_companies_whose_tags_a_person_has_swapped_stay_with_their_customers(batch: Batch, of_all: bool) -> None:
    """Neither of them counts as deleted. The journal knows them by their ids."""
    batch.create("c")
    adopt(batch, tagged("b", "c c"), tagged("c", "c b", connection("Linked")), of_all=of_all)
    assert company_list.missing(batch.db) == []
    assert batch.read("b", "company_id", "connection_status") == {"company_id": "c b", "connection_status": "Linked"}
    assert batch.read("c", "company_id") == {"company_id": "c c"}


def test_only_a_company_that_a_list_shows_is_not_missing(batch: Batch) -> None:
    """A company of another batch with the same tag is another company."""
    adopt(batch)
    assert company_list.missing(batch.db) == [(batch.seq("b"), "b", 0)]
    adopt(batch, tagged("b", "another"))
    assert company_list.missing(batch.db) == [(batch.seq("b"), "b", 0)]
    adopt(batch, tagged("b", "c b", connection("PendingAuth")))
    assert company_list.missing(batch.db) == []


def test_two_companies_of_one_customer_are_a_warning(batch: Batch) -> None:
    """A company that `undo` deleted does not count: a list may lag."""
    companies = tagged("b", "c b", connection("PendingAuth")), tagged("b", "another")
    assert read(batch, *companies).warnings == ("Codat has more than one company for customer b: another, c b",)
    batch.change("b", deleted_company_id="another")
    assert read(batch, *companies).warnings == ()


def test_a_customers_company_with_the_tags_of_another_is_a_warning(batch: Batch) -> None:
    """Somebody has changed them in the portal. The warning names both customers."""
    company = tagged("b", "c a", connection("PendingAuth"))
    batch.create("a")
    warnings = read(batch, company, of_all=True).warnings
    assert "The company of customer a (c a) has the tags of customer b in Codat" in warnings


def test_a_list_that_is_read_again_warns_once(batch: Batch) -> None:
    """A list that changes while it is read is read up to three times."""
    companies = tagged("b", "c b", connection("PendingAuth")), tagged("b", "another")
    adopter = Adopter(Labels(BATCH))
    adopter.begin(batch.db)
    assert len(adopter.take(batch.db, companies, AT).warnings) == 1
    adopter.begin(batch.db)
    assert adopter.take(batch.db, companies, AT).warnings == ()


def test_of_two_companies_the_linked_one_is_adopted(batch: Batch) -> None:
    """A company that the customer has linked is never lost."""
    adopt(batch, tagged("a", "old"), tagged("a", "linked", connection("Linked")))
    assert batch.read("a", "company_id") == {"company_id": "linked"}


def test_a_list_without_connections_is_one_warning_and_changes_no_connection(batch: Batch) -> None:
    """Whether they exist is not known."""
    silent = replace(tagged("b", "c b"), knows_connections=False)
    taken = read(batch, silent, replace(silent, id="another"))
    assert taken.changed == 0
    assert len([text for text in taken.warnings if "does not show the connections" in text]) == 1


def test_a_company_that_undo_deleted_is_not_adopted(batch: Batch) -> None:
    """The list lags."""
    batch.change("a", deleted_company_id="x")
    assert adopt(batch, tagged("a", "x")) == 0
    found = customers.by_seq(batch.db, batch.seq("a"))
    assert found is not None
    assert found.company_id is None
