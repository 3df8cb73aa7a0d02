"""Chooses the size of the company list's pages: large pages can time out, so they are halved until they work. PURE."""

from __future__ import annotations

from dataclasses import dataclass

from bulk.codat.endpoints import PAGE_SIZE

MIN_PAGE_SIZE = 100  # Codat's default, which its documentation recommends


@dataclass
class PageSize:
    """The size to request. After a change, the list is read from its beginning, so no company is skipped."""

    size: int = PAGE_SIZE
    shown: int = PAGE_SIZE  # companies on a full page: Codat may show fewer than requested
    faults: int = 0  # of the same page, in a row
    has_worked: bool = False
    has_failed: bool = False  # at any size

    def on_page(self, companies: int, *, is_last: bool) -> None:
        """Record a page that was received."""
        self.has_worked, self.faults = True, 0
        if not is_last:
            self.shown = companies

    def on_fault(self) -> bool:
        """Halve the size after a page that Codat did not return; return whether it has changed.

        A size that has worked is tried twice, because the fault may have another cause.
        """
        self.has_failed = True
        self.faults += 1
        smaller = max(self.size // 2, MIN_PAGE_SIZE)
        if smaller >= min(self.size, self.shown) or self.faults <= self.has_worked:
            return False
        self.size, self.faults, self.has_worked, self.shown = smaller, 0, False, PAGE_SIZE
        return True

    @property
    def next_size(self) -> int:
        """The size for the next run: this one, or the double if there was no fault."""
        return self.size if self.has_failed else min(2 * self.size, PAGE_SIZE)
