"""The check of an input file: what a migration would send, reject and cost. Nothing is sent, and no client loaded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from bulk.codat.endpoints import page_count
from bulk.codat.forecast import NOBODY, Linking, forecast
from bulk.codat.quota import QUOTA_A_COMPANY
from bulk.input import Suspects, open_input
from bulk.model import REQUESTS_OF_A_CUSTOMER


@dataclass(frozen=True)
class Cost:
    """What a migration asks of Codat, if nothing goes wrong."""

    requests: int
    minutes: float  # at the rate, with quota enough
    days: int  # on which requests leave, if a run begins right after each reset
    quota: int  # requests, of the first day
    elapsed: float  # days from the first request to the last


@dataclass(frozen=True)
class CheckResult:
    """What `check` found in an input file; nothing was sent.

    `faults`: row, customer_id, field, value, problem, remedy. `renamed`: row, customer_id, company_name, name_sent.
    `suspects`, which a spreadsheet has probably changed: row, customer_id, field, value, suspicion, remedy. No row is
    rejected for it.
    """

    input: Path
    accepted: int
    rejected: int
    platforms: Mapping[str, int]  # customers by platformKey
    faults: pl.DataFrame
    renamed: pl.DataFrame
    notes: tuple[str, ...]  # how the file was read
    rate: int
    suspects: pl.DataFrame = field(default_factory=pl.DataFrame)

    def cost(self, *, linked: int = 0, quota: int | None = None, companies: int = 0, linking: Linking = NOBODY) -> Cost:
        """Forecast for a client with so many linked companies, or with so many requests a day.

        `companies`: how many Codat has already; a batch without a journal reads their list first. `linking`: who of the
        input is expected to link meanwhile, which makes the quota grow.
        """
        reading = page_count(companies) if self.accepted else 0
        requests = REQUESTS_OF_A_CUSTOMER * self.accepted + reading
        a_day = QUOTA_A_COMPANY * (1 + linked) if quota is None else max(quota, 1)
        told = forecast(requests, quota=a_day, rate=self.rate, linking=linking, reading=reading)
        return Cost(requests, requests / self.rate, told.days, a_day, told.elapsed)


def check(
    path: str | Path, *, mapping: Mapping[str, str] | None = None, rate: int = 1000, most_lines: int = 100_000
) -> CheckResult:
    """Read and validate an input file; send nothing. Raises UnreadableInput, WrongUsage.

    `mapping`: field → column. `most_lines`: of faults, renamed customers and suspects that are kept.
    """
    source = open_input(Path(path), mapping=mapping or {})
    accepted = rejected = 0
    faults: list[pl.DataFrame] = []
    renamed: list[pl.DataFrame] = []
    platforms: dict[str, int] = {}
    suspects = Suspects()
    for batch in source.batches():
        accepted += batch.accepted.height
        rejected += batch.rejected.height
        for key, customers in batch.accepted["platform_key"].value_counts().iter_rows():
            platforms[key] = platforms.get(key, 0) + customers
        changed = batch.accepted.filter(pl.col("company_name") != pl.col("name_sent"))
        renamed.append(changed.select("row", "customer_id", "company_name", "name_sent"))
        faults.append(batch.faults)
        suspects.look(batch)
    return CheckResult(
        Path(path),
        accepted,
        rejected,
        dict(sorted(platforms.items(), key=lambda item: -item[1])),
        pl.concat(faults, how="vertical").head(most_lines) if faults else pl.DataFrame(),
        pl.concat(renamed, how="vertical").head(most_lines) if renamed else pl.DataFrame(),
        (*source.notes, *suspects.notes()),
        rate,
        suspects.found(most_lines),
    )
