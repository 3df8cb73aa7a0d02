"""The differences of an input from a batch as text. PURE."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from bulk.cli.console import fit, paragraph, table
from bulk.text import count

if TYPE_CHECKING:
    from bulk.batch_comparison import BatchComparison

MAX_EXAMPLES = 3  # of each kind of conflict


def text(batch: BatchComparison) -> str:
    """Return the numbers, then examples of each kind of conflict."""
    parts = [f"Compared with the batch {fit(batch.folder.name)}:", table(list(_numbers(batch)))]
    if batch.adds_file:
        adds = "This file is new to the batch: it adds customers and removes none. migrate needs --batch for that."
        parts.append(paragraph(adds, first="  Note: ", indent="    "))
    if batch.conflicts.height:
        parts += ["", _conflicts(batch)]
    return "\n".join(parts)


def _numbers(batch: BatchComparison) -> Iterator[tuple[str, str]]:
    numbers = f"{batch.new:,} new, {batch.same:,} same, {batch.changed:,} changed, {batch.gone:,} gone"
    yield "customers", numbers
    if batch.rejected:
        yield "rejected", f"{count(batch.rejected, 'row')} of the batch"
    unread = "migrate may find more, because only migrate reads Codat's company list"
    yield "conflicts", f"{count(batch.in_conflict, 'row')} of the batch; {unread}"


def _conflicts(batch: BatchComparison) -> str:
    kinds = batch.conflicts.partition_by("code", maintain_order=True)
    examples = pl.concat(kind.head(MAX_EXAMPLES) for kind in kinds)
    lines = [
        (
            "" if row["row"] is None else str(row["row"]),
            fit(row["customer_id"], 24),
            fit(row["company_name"], 32),
            f"{row['field']} {fit(row['conflict'], 200)}; {fit(row['remedy'], 200)}",
        )
        for row in examples.iter_rows(named=True)
    ]
    left = batch.in_conflict - examples.height
    more = f"{left:,} more. " if left > 0 else ""
    title = "Rows in conflict, for which nothing is sent until you decide:\n"
    listed = f"\n  {more}After migrate, conflicts.csv lists all of them with these row numbers."
    return title + table([("row", "customer", "name", "conflict; remedy"), *lines]) + listed
