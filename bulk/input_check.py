"""The check of an input file: what a migration would send, reject and cost. Nothing is sent, and no client loaded."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from bulk.codat.endpoints import page_count
from bulk.codat.forecast import NOBODY, Linking, forecast
from bulk.codat.quota import QUOTA_A_COMPANY
from bulk.input import Suspects, open_input
from bulk.model import REQUESTS_OF_A_CUSTOMER
from bulk.problems import parse, remedy, sentence
from bulk.text import echo_column


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

    `problems`: row, customer_id, code, field, value, problem, remedy.
    `renamed`: row, customer_id, company_name, name_sent.
    `suspects`, which a spreadsheet has probably changed: row, customer_id, field, value, suspicion, remedy. No row is
    rejected for it.
    """

    input: Path
    accepted: int
    rejected: int
    platforms: Mapping[str, int]  # customers by platformKey
    problems: pl.DataFrame
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

    `mapping`: field → column. `most_lines`: of problems, renamed customers and suspects that are kept.
    """
    source = open_input(Path(path), mapping=mapping or {})
    accepted = rejected = 0
    problems: list[_Line] = []
    renamed: list[pl.DataFrame] = []
    platforms: dict[str, int] = {}
    suspects = Suspects()
    for rows in source.read():
        accepted += rows.accepted.height
        rejected += rows.rejected.height
        for key, customers in rows.accepted["platform_key"].value_counts().iter_rows():
            platforms[key] = platforms.get(key, 0) + customers
        changed = rows.accepted.filter(pl.col("company_name") != pl.col("name_sent"))
        renamed.append(changed.select("row", "customer_id", "company_name", "name_sent"))
        problems += itertools.islice(_lines(rows.rejected), most_lines - len(problems))
        suspects.look(rows)
    return CheckResult(
        Path(path),
        accepted,
        rejected,
        dict(sorted(platforms.items(), key=lambda item: -item[1])),
        pl.DataFrame(problems, schema=_PROBLEMS, orient="row"),
        pl.concat(renamed, how="vertical").head(most_lines) if renamed else pl.DataFrame(),
        (*source.notes, *suspects.notes()),
        rate,
        suspects.found(most_lines),
    )


_Line = tuple[int, str | None, str, str, str | None, str, str]
_PROBLEMS: Final = dict.fromkeys(("row", "customer_id", "code", "field", "value", "problem", "remedy"), pl.String) | {
    "row": pl.Int64
}


def _lines(rejected: pl.DataFrame) -> Iterator[_Line]:
    rows = rejected.select("row", echo_column(pl.col("customer_id"), 80), "problems")
    for row, customer_id, text in rows.iter_rows():
        for each in parse(text):
            yield row, customer_id, each["code"], each["field"], each.get("value"), sentence(each), remedy(each)
