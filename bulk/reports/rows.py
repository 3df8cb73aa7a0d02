"""Reads the rows of each report from the journal as frames, and the values that commands look up.

Texts are not escaped here: the CSV file does that.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

import polars as pl

from bulk.journal.sql import load
from bulk.model import State
from bulk.platforms import platform_names
from bulk.reports.changes import compare
from bulk.reports.columns import (
    CHANGE,
    COMPANIES,
    CONFLICTS,
    DIFFERENCES,
    FINDINGS,
    LINKS,
    NUMBERS,
    PARTNER,
    REJECTS,
    RESULTS,
)
from bulk.reports.fragments import FRAGMENTS
from bulk.reports.input_columns import InputColumns
from bulk.reports.snapshot import CHUNK_ROWS, Snapshot
from bulk.spellings import exact_ranges, power_keys, rounded_keys, spelling_key
from bulk.text import timestamp

_SQL: Final = load("bulk.reports", "rows.sql", **FRAGMENTS)
_OBJECT: Final = ""  # the column with the input's other columns, a JSON object


class Status(NamedTuple):
    """What the journal knows about a customer in Codat."""

    company_id: str | None
    company_origin: str | None
    connection_status: str | None
    error: str | None


class Reader(Snapshot):
    """Reads the reports' rows at one moment. Every report has at least one frame, so that its columns are known."""

    def results(self, chunk_rows: int = CHUNK_ROWS, *, since: datetime | None = None) -> Iterator[pl.DataFrame]:
        """Yield the results in input order, then the removed customers that are in Codat.

        Removed customers have no `row`. With `since`, a column shows the change since that time.
        """
        extras = InputColumns(self._column_lists("extra_columns"), taken=(*RESULTS, CHANGE))
        values = {"lifetime": self.lifetime, "since": since and timestamp(since)}
        for frame in self._frames(("in_input", "removed"), (*RESULTS, CHANGE, _OBJECT), chunk_rows, values):
            yield extras.append_to(compare(frame) if since is not None else frame.drop(CHANGE))

    def links(self, now: datetime, chunk_rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
        """Yield the linkUrls that are valid now, those of the last wave first. The first to expire come last."""
        extras = InputColumns(self._column_lists("extra_columns"), taken=LINKS)
        values = {"lifetime": self.lifetime, "now": timestamp(now)}
        for frame in self._frames(("links",), (*LINKS, _OBJECT), chunk_rows, values):
            yield extras.append_to(frame.with_columns(platform_names(pl.col("platform"))))

    def rejects(self, chunk_rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
        """Return the rejected rows: the input's own columns, then `row` and `reasons`."""
        cells = InputColumns(self._column_lists("all_columns"), taken=REJECTS)
        return map(cells.prepend_to, self._frames(("rejects",), (*REJECTS, _OBJECT), chunk_rows))

    def conflicts(self, chunk_rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
        """Return the rows in conflict: the input's own columns, then `row`, `conflict` and `found`."""
        cells = InputColumns(self._column_lists("all_columns"), taken=CONFLICTS)
        return map(cells.prepend_to, self._frames(("conflicts",), (*CONFLICTS, _OBJECT), chunk_rows))

    def conflict_problems(self) -> Iterator[list[tuple[int | None, int, int, str | None, str, str]]]:
        """Yield row, file, row of that file, customer_id, company_name and problems of the rows of `conflicts`.

        The file is its id in the journal, and the problems are JSON. The rows come in lists.
        """
        for rows in self.chunks(_SQL["conflicts"], CHUNK_ROWS, {}):
            yield [(row, *others[-5:]) for row, *others in rows]

    def differences(self, chunk_rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
        """Return the values that differ between Codat and the input."""
        return self._frames(("differences",), DIFFERENCES, chunk_rows)

    def findings(self, chunk_rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame] | None:
        """Return the findings of the last verify, or None if there was none yet."""
        if "verified_at" not in self.facts:
            return None
        return self._frames(("findings",), FINDINGS, chunk_rows)

    def counts(self) -> dict[str, int]:
        """Return the number of rows of the results by state, for every state."""
        counts = dict.fromkeys(map(str, State), 0)
        for state, count in self.rows(_SQL["count_states"]):
            counts[state] += count
        return counts

    def created(self, *, linked: bool) -> pl.DataFrame:
        """Return the companies that this batch created: those ever linked by a customer, or the others."""
        return pl.concat(self._frames(("created",), COMPANIES, CHUNK_ROWS, {"linked": linked}))

    def count_adopted(self) -> int:
        """Return the number of the batch's companies that it did not create."""
        ((number,),) = self.rows(_SQL["count_adopted"])
        return int(number)

    def statuses(self, customer_ids: Sequence[str]) -> dict[str, Status]:
        """Return the status of those of these customers who are in the batch."""
        rows = self.rows(_SQL["statuses"], {"ids": json.dumps(list(customer_ids))})
        return {customer_id: Status(*rest) for customer_id, *rest in rows}

    def other_spelling(self, customer_id: str) -> str | None:
        """Return the identifier of a customer of which this one is another spelling, or None."""
        key = spelling_key(customer_id)
        keys = [key, *rounded_keys(customer_id), *power_keys(customer_id)]
        known = self.rows(_SQL["spellings"], {"keys": json.dumps(keys)})
        for low, high in exact_ranges(key):
            known += self.rows(_SQL["in_range"], {"low": low, "high": high})
        return next((each for (each,) in known if each != customer_id), None)

    def with_link(self, customer_ids: Sequence[str]) -> frozenset[str]:
        """Return those of these customers for whom a linkUrl was ever issued."""
        rows = self.rows(_SQL["with_link"], {"ids": json.dumps(list(customer_ids))})
        return frozenset(customer_id for (customer_id,) in rows)

    def held(self, customer_ids: Sequence[str]) -> dict[str, State]:
        """Return those of these customers for whom nothing is sent: their rows are rejected or in conflict."""
        rows = self.rows(_SQL["held"], {"ids": json.dumps(list(customer_ids))})
        return {customer_id: State(state) for customer_id, state in rows}

    def known(self, customer_ids: Sequence[str]) -> dict[str, tuple[State, str | None]]:
        """Return the states of these customers in the batch, and the problems of those for whom nothing is sent."""
        rows = self.rows(_SQL["known"], {"ids": json.dumps(list(customer_ids))})
        return {customer_id: (State(state), text) for customer_id, state, text in rows}

    def has_ended(self, run: int) -> bool:
        """Return whether a run has ended."""
        ((has_ended,),) = self.rows(_SQL["has_ended"], {"run": run})
        return bool(has_ended)

    def done_in_run(self, run: int, operation: str) -> int:
        """Return the number of successful requests of this operation in a run."""
        ((number,),) = self.rows(_SQL["count_done"], self.run_values(run) | {"operation": operation})
        return int(number)

    def deleted_in_run(self, run: int) -> int:
        """Return the number of companies that a run deleted, also those of which only a look-up showed it."""
        ((number,),) = self.rows(_SQL["count_deleted"], self.run_values(run))
        return int(number)

    def run_values(self, run: int) -> dict[str, object]:
        """Return a run and its first request, as parameters of a query about the run's requests."""
        return {"run": run, "first": self._first_request(run)}

    def _first_request(self, run: int) -> int:
        """Find the first request of a run by bisection, because requests are in the order of their runs."""
        low, ((high,),) = 0, self.rows(_SQL["last_request"])
        while low < high:
            middle = (low + high) // 2
            ((next_run,),) = self.rows(_SQL["run_of_next_request"], {"id": middle})
            low, high = (middle + 1, high) if next_run < run else (low, middle)
        return int(low)

    def _column_lists(self, statement: str) -> list[list[str]]:
        return [json.loads(text) for (text,) in self.rows(_SQL[statement])]

    def _frames(
        self,
        statements: Sequence[str],
        names: Sequence[str],
        chunk_rows: int,
        values: Mapping[str, object] | None = None,
    ) -> Iterator[pl.DataFrame]:
        is_empty = True
        for statement in statements:
            for rows in self.chunks(_SQL[statement], chunk_rows, values or {}):
                is_empty = False
                yield _frame(rows, names)
        if is_empty:
            yield _frame([], names)


def partners(results: pl.DataFrame) -> pl.DataFrame:
    """Return the customers with a company, from rows of the results."""
    return results.filter(results.get_column("company_id").is_not_null()).select(PARTNER)


def _frame(rows: Sequence[Sequence[object]], names: Sequence[str]) -> pl.DataFrame:
    """Build a frame. Values beyond the names were needed only for sorting, and are dropped."""
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    # Each column is a list, because polars takes three times as long to build a frame from rows or tuples.
    return pl.DataFrame(
        [pl.Series(name, list(values), _dtype(name)) for name, values in zip(names, columns, strict=False)]
    )


def _dtype(name: str) -> type[pl.DataType]:
    return pl.Int64 if name in NUMBERS else pl.String
