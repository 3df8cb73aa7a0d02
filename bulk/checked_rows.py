"""Writes a file with every row of an input, what `migrate` would do with it, and why: for `check --output`.

The input is read a second time, in bounded memory, because some warnings are known only after its last row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

import polars as pl

from bulk import problems
from bulk.batch_comparison import Known
from bulk.input import Input
from bulk.input.email_warnings import email_lines
from bulk.input.frames import cell
from bulk.input.validate import CheckedRows
from bulk.model import State
from bulk.reports.input_columns import InputColumns
from bulk.reports.table_file import table_file

COLUMNS: Final = ("row", "action", "reasons", "values", "warnings", "name_sent", "platform_key", "email_used")
"""The columns that follow the input's own."""
SEND, REJECT, HOLD, NOTHING = "send", "reject", "hold", "none"
_MAX_ROWS: Final = 10_000  # to write at once
_NO_TEXT: Final = pl.lit(None, dtype=pl.String)


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known about the rows of an input after a first reading."""

    warnings: Callable[[int, int], pl.DataFrame]
    """Returns the warnings of the rows between two."""
    platforms: pl.DataFrame
    """The warnings of platforms."""
    known: Known | None
    """The customers of the batch that the input is compared with."""


def write_rows(path: Path, source: Input, findings: Findings) -> Sequence[str]:
    """Write the file; return notes about it.

    Raises InputError, UsageError if the path cannot be used, JournalError if a disk fails.
    """
    names = InputColumns([source.columns], taken=COLUMNS).names
    with table_file(path) as table:
        for rows in source.read(raw_cells=True):
            frame = _frame(rows, findings)
            cells = [frame.get_column(cell(at)).alias(name) for at, name in enumerate(names)]
            for part in pl.DataFrame(cells).hstack(frame.select(COLUMNS)).iter_slices(_MAX_ROWS):
                table.write(part)
    return table.notes()


def _frame(rows: CheckedRows, findings: Findings) -> pl.DataFrame:
    """Return the rows in order, with the cells and our columns."""
    action = pl.when(pl.col("damage").is_null()).then(pl.lit(SEND)).otherwise(pl.lit(HOLD)).alias("action")
    damage, email = pl.col("damage").alias("problems"), pl.col("email").alias("email_used")
    accepted = rows.accepted.with_columns(action, damage, email)
    if findings.known is not None:
        accepted = _with_batch(accepted, findings.known)
    rejected = rows.rejected.with_columns(
        pl.lit(REJECT).alias("action"), *(_NO_TEXT.alias(name) for name in ("name_sent", "platform_key", "email_used"))
    )
    columns = [name for name in rejected.columns if name in accepted.columns]
    frame = _with_texts(pl.concat([accepted.select(columns), rejected.select(columns)]).sort("row"))
    return frame.join(_warnings(rows, findings), on="row", how="left", maintain_order="left")


def _warnings(rows: CheckedRows, findings: Findings) -> pl.DataFrame:
    """Return `row, warnings` for the rows that have any."""
    numbers = pl.concat([rows.accepted.get_column("row"), rows.rejected.get_column("row")])
    first, last = numbers.sort().gather([0, -1]).to_list()
    platforms = rows.accepted.select("row", "platform_key").join(findings.platforms, on="platform_key")
    lines = [
        findings.warnings(first, last),
        email_lines(rows.email_problems),
        platforms.with_columns(pl.lit("platform").alias("field")),
    ]
    text = pl.format("{} {}: {}", "field", "warning", "remedy").alias("text")
    found = pl.concat([each.select("row", text) for each in lines])
    return found.group_by("row", maintain_order=True).agg(pl.col("text").str.join("; ").alias("warnings"))


def _with_batch(accepted: pl.DataFrame, known: Known) -> pl.DataFrame:
    """Replace the actions of rows that the batch knows, and add the problems of those that it holds."""
    found = known(accepted.get_column("customer_id").to_list())
    has = [found.get(each, (State.PENDING, None)) for each in accepted.get_column("customer_id")]
    actions = pl.Series("action", [_action(state) for state, _ in has], dtype=pl.String)
    return accepted.with_columns(actions, pl.Series("problems", [text for _, text in has], dtype=pl.String))


def _action(state: State) -> str:
    return {State.PENDING: SEND, State.CONFLICT: HOLD, State.REJECTED: REJECT}.get(state, NOTHING)


def _with_texts(frame: pl.DataFrame) -> pl.DataFrame:
    """Add the columns `reasons` and `values`."""
    texts = [(None, None) if text is None else _texts(text) for text in frame.get_column("problems")]
    columns = zip(("reasons", "values"), zip(*texts, strict=True), strict=True)
    return frame.with_columns(pl.Series(name, list(values), dtype=pl.String) for name, values in columns)


@lru_cache(maxsize=1024)  # many rows have the same problems
def _texts(text: str) -> tuple[str, str]:
    """Return the reasons of a row, and the values of its cells that have problems."""
    found = problems.parse(text)
    values = (f"{each['field']}={each['value']}" for each in found if each["value"])
    return problems.describe(found), "; ".join(dict.fromkeys(values))
