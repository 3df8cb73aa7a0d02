"""The differences of an input from a batch as text. PURE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from bulk.cli.console import fit, paragraph, screen_width, table
from bulk.cli.groups_text import WIDTH
from bulk.text import count

if TYPE_CHECKING:
    from bulk.batch_comparison import BatchComparison


def text(batch: BatchComparison) -> str:
    """Return the numbers of customers and rows."""
    numbers = table(list(_numbers(batch)), width=WIDTH)
    parts = [f"Compared with the batch {fit(batch.folder.name)}:", numbers]
    if batch.adds_file:
        adds = "This file is new to the batch: it adds customers and removes none. migrate needs --batch for that."
        parts.append(paragraph(adds, first="  Note: ", indent="    ", width=screen_width(WIDTH)))
    return "\n".join(parts)


def _numbers(batch: BatchComparison) -> Iterator[tuple[str, str]]:
    numbers = f"{batch.new:,} new, {batch.same:,} same, {batch.changed:,} changed, {batch.gone:,} gone"
    yield "customers", numbers
    if batch.rejected:
        yield "rejected", f"{count(batch.rejected, 'row')} of the batch"
    unread = "migrate may find more: only migrate reads Codat's list"
    of_file = sum(group.rows for group in batch.conflict_groups)
    own = f", {of_file:,} of this file" if of_file < batch.in_conflict else ""
    yield "conflicts", f"{count(batch.in_conflict, 'row')} of the batch{own}; {unread}"


def wave_text(number: int, links: int, without_address: int, file: object) -> str:
    """Return a sentence about a new wave of linkUrls and its file."""
    from bulk.reports.summary import waves

    no_address = waves.without_address(links, without_address)
    return f"Wave {number}: {count(links, 'linkUrl')} to email{no_address}, in {fit(file, 500)}."
