"""Pages of customers for a queue, read from the journal."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import anyio
import pytest
from support.batches import Batch, good
from support.trip import InlineWriter
from support.values import LINK

from bulk.engine.feeds import PendingFeed, SelectedFeed
from bulk.engine.session import PAGE_SIZE
from bulk.journal import selection
from bulk.model import CustomerRecord


@pytest.fixture
def batch(tmp_path: Path) -> Iterator[Batch]:
    """Return an empty batch."""
    batch = Batch(tmp_path / "autumn")
    yield batch
    batch.db.close()


def pages(feed: Callable[[], Awaitable[list[CustomerRecord]]]) -> list[list[CustomerRecord]]:
    """Return all pages of a feed, without the empty one at the end."""

    async def read() -> list[list[CustomerRecord]]:
        found = []
        while page := await feed():
            found.append(page)
        assert await feed() == [], "it stays empty"
        return found

    return anyio.run(read)


def ids(found: list[list[CustomerRecord]]) -> list[list[str]]:
    """Return the identifiers of the customers on each page."""
    return [[customer.customer_id for customer in page] for page in found]


def test_customers_that_were_begun_come_first(batch: Batch) -> None:
    """So a day's quota ends with linkUrls, not with empty companies."""
    batch.enrol("in.csv", [good(each) for each in "abcd"])
    batch.change("c", name_sent="Acme")
    assert ids(pages(PendingFeed(InlineWriter(batch.db), None))) == [["c"], ["a", "b", "d"]]


def test_a_limit_takes_the_first_customers_of_the_input(batch: Batch) -> None:
    """Begun or not."""
    batch.enrol("in.csv", [good(each) for each in "abcd"])
    batch.change("b", name_sent="Acme")
    batch.change("d", name_sent="Acme")
    assert ids(pages(PendingFeed(InlineWriter(batch.db), 3))) == [["b"], ["a", "c"]]


def test_no_page_is_larger_than_memory_allows(batch: Batch) -> None:
    """No customer is on two pages."""
    every = [f"{number:04}" for number in range(2 * PAGE_SIZE + 1)]
    batch.enrol("in.csv", [good(each) for each in every])
    found = ids(pages(PendingFeed(InlineWriter(batch.db), None)))
    assert [len(page) for page in found] == [PAGE_SIZE, PAGE_SIZE, 1]
    assert sorted(each for page in found for each in page) == every


@pytest.mark.parametrize("replaces_links", [False, True])
def test_a_link_to_renew_is_kept_apart_from_the_links_that_work(batch: Batch, replaces_links: bool) -> None:
    """It is restored if Codat makes no other; the journal still has it."""
    batch.enrol("in.csv", [good("a")])
    issued_at = "2026-09-02T00:00:00Z"
    batch.create("a")
    batch.change("a", link_url=LINK, link_issued_at=issued_at)
    selection.select_stale_links(batch.db, now=2e9, lifetime=1.0, margin=0.0)
    ((customer,),) = pages(SelectedFeed(InlineWriter(batch.db), replaces_links=replaces_links))
    link, replaced = (customer.link_url, customer.link_issued_at), customer.replaced_link
    nothing = (None, None)
    assert (link, replaced) == ((nothing, (LINK, issued_at)) if replaces_links else ((LINK, issued_at), nothing))
    assert batch.read("a", "link_url", "link_issued_at") == {"link_url": LINK, "link_issued_at": issued_at}
