"""The result of `check`: what a migration would send or reject, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from bulk.codat.forecast import NOBODY, Linking, forecast
from bulk.codat.quota import QUOTA_A_COMPANY
from bulk.input import Group

if TYPE_CHECKING:
    from bulk.batch_comparison import BatchComparison


@dataclass(frozen=True)
class Cost:
    """The requests and the time of a migration if nothing fails."""

    requests: int
    minutes: float  # at the rate, with enough quota
    days: int  # on which requests are sent, if a run starts right after each reset
    quota: int  # requests on the first day
    elapsed: float  # days from the first request to the last

    def last_day(self, now: datetime) -> date:
        """Return the last day, in UTC, if the migration begins now."""
        return now.astimezone(UTC).date() + timedelta(days=max(self.days, 1) - 1)


@dataclass(frozen=True)
class CheckResult:
    """The result of `check`.

    `problems` has the columns row, customer_id, code, field, value, problem, remedy; each problem rejects its row.
    `renamed` has the columns row, customer_id, company_name, name_sent.
    `warnings` has the columns row, customer_id, code, field, value, warning, remedy, for values that a spreadsheet has
    probably changed, for emails that are left out because they are no address, for those of several customers, and for
    damaged descriptions.
    `platform_warnings` has the columns platform_key, name, customers, rows, code, warning, remedy, for platforms that
    Expenses does not sync and for words of four letters that may not be platformKeys; `rows` has the first rows.
    `problem_groups`, `warning_groups` and `name_groups` count the rows of the first three by kind and value.
    `in_conflict` rows are damaged, so `migrate` would hold them; `conflicts` has the columns of
    `BatchComparison.conflicts`. With a batch, its own conflicts include these rows, and both are empty.
    `batch` has the differences from a batch, or None if the input was not compared.
    `is_correction` is whether the input is our rejects or conflicts file, which `migrate` only takes with --batch.
    """

    input: Path
    accepted: int
    rejected: int
    platforms: Mapping[str, int]  # customers by platformKey, the most frequent first
    problems: pl.DataFrame
    renamed: pl.DataFrame
    notes: tuple[str, ...]  # about how the file was read
    rate: int
    warnings: pl.DataFrame = field(default_factory=pl.DataFrame)
    platform_warnings: pl.DataFrame = field(default_factory=pl.DataFrame)
    batch: BatchComparison | None = None
    is_correction: bool = False
    problem_groups: tuple[Group, ...] = ()
    warning_groups: tuple[Group, ...] = ()
    name_groups: tuple[Group, ...] = ()
    in_conflict: int = 0
    conflicts: pl.DataFrame = field(default_factory=pl.DataFrame)
    conflict_groups: tuple[Group, ...] = ()

    @property
    def to_do(self) -> int:
        """The number of customers that `migrate` would send."""
        return self.accepted if self.batch is None else self.batch.to_do

    @property
    def has_problems(self) -> bool:
        """Whether the input or the batch has rejected rows or rows in conflict."""
        batch = self.batch
        return self.rejected + self.in_conflict > 0 or (batch is not None and batch.rejected + batch.in_conflict > 0)

    def cost(self, *, linked: int = 0, quota: int | None = None, companies: int = 0, linking: Linking = NOBODY) -> Cost:
        """Return the cost of a migration for a client with `linked` companies, or with `quota` requests a day.

        `companies` is the number of companies in Codat; each day's run reads their list first. `linking` describes the
        customers expected to link during the migration; each of them increases the quota.
        """
        first_day = QUOTA_A_COMPANY * (1 + linked) if quota is None else max(quota, 1)
        expected = forecast(self.to_do, quota=first_day, rate=self.rate, companies=companies, linking=linking)
        return Cost(expected.requests, expected.requests / self.rate, expected.days, first_day, expected.elapsed)
