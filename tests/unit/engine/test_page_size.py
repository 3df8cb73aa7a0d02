"""The size of the company list's pages."""

from __future__ import annotations

from bulk.codat.endpoints import PAGE_SIZE
from bulk.engine.page_size import PageSize


def test_pages_are_halved_down_to_a_hundred() -> None:
    """After each page that does not come."""
    pages, sizes = PageSize(), []
    while pages.on_fault():
        sizes.append(pages.size)
    assert sizes == [1000, 500, 250, 125, 100]
    assert pages.next_size == 100


def test_a_size_that_has_worked_is_tried_twice() -> None:
    """One fault may have another cause."""
    pages = PageSize()
    pages.on_page(PAGE_SIZE, is_last=False)
    assert [pages.on_fault(), pages.on_fault()] == [False, True]
    assert pages.size == 1000


def test_pages_that_codat_makes_smaller_itself_are_not_halved() -> None:
    """The size that was requested is not the reason."""
    pages = PageSize()
    pages.on_page(100, is_last=False)
    assert [pages.on_fault() for _ in range(9)] == [False] * 9


def test_a_run_without_a_fault_lets_the_next_one_try_larger_pages() -> None:
    """A short outage must not cost requests for ever."""
    pages = PageSize(500)
    pages.on_page(3, is_last=True)
    assert pages.next_size == 1000
    assert PageSize().next_size == PAGE_SIZE
