"""What commands on a batch give back: its summary, why the run stopped, its reports as frames, and its exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from bulk.journal.database import FILE
from bulk.model import Stop
from bulk.reports.figures import Figures, Summary
from bulk.reports.rows import Reader

if TYPE_CHECKING:
    from bulk.reports.summary.commands import BatchLocation


@dataclass(frozen=True)
class BatchResult:
    """A batch after a run or a report: the summary, why the run stopped if it did, and the reports as frames."""

    folder: Path
    figures: Figures
    location: BatchLocation
    stop: Stop | None
    paths: tuple[Path, ...]
    advanced: Mapping[str, int] = field(default_factory=dict)  # customers that this run has worked on, by their state
    run: int = 0  # the run's number in the journal; 0: there was none

    @property
    def exit_code(self) -> int:
        """Return the exit code of the command that does the same."""
        if self.stop is not None:
            return self.stop.exit_code
        return 1 if self.summary.customers["rejected"] or self.summary.customers["failed"] else 0

    @property
    def summary(self) -> Summary:
        """The content of summary.json."""
        return self.figures.summary

    @property
    def waiting(self) -> int:
        """How many have yet to authorize, or to get their partner connection."""
        return self.summary.customers["link_ready"] + self.summary.customers["linked"]

    @cached_property
    def results(self) -> pl.DataFrame:
        """One row for each row of the input, in its order; then customers gone from it whom Codat has."""
        return pl.read_parquet(self.folder / "results.parquet")

    @cached_property
    def links(self) -> pl.DataFrame:
        """Who to email now, soonest to expire last."""
        with Reader(self.folder / FILE) as reader:
            return pl.concat(reader.links(datetime.now(UTC)), how="vertical")

    @cached_property
    def rejects(self) -> pl.DataFrame:
        """The rows that were not accepted, with the input's own columns and the reasons."""
        with Reader(self.folder / FILE) as reader:
            return pl.concat(reader.rejects(), how="vertical")


@dataclass(frozen=True)
class LinksResult(BatchResult):
    """How many linkUrls were renewed."""

    renewed: int = 0


@dataclass(frozen=True)
class UnlinkResult(BatchResult):
    """What became of the customers that were to be unlinked, by customer_id."""

    unlinked: tuple[str, ...] = ()  # they are not authorized any more, whoever ended that
    others: Mapping[str, str] = field(default_factory=dict)  # and why not

    @property
    def exit_code(self) -> int:
        """Return 1 where a named customer could not be unlinked."""
        return self.stop.exit_code if self.stop is not None else 1 if self.others else 0


@dataclass(frozen=True)
class VerifyResult(BatchResult):
    """What Codat has otherwise than the journal."""

    findings: pl.DataFrame = field(
        default_factory=pl.DataFrame
    )  # finding, customer_id, company_id, connection_id, detail, adopted

    @property
    def exit_code(self) -> int:
        """Return 1 where something was found that was not adopted."""
        if self.stop is not None:
            return self.stop.exit_code
        return 1 if (self.findings["adopted"] == "no").any() else 0


@dataclass(frozen=True)
class UndoResult(BatchResult):
    """The companies that this batch created: customer_id, company_name, company_id, connection_status."""

    deletes: bool = False  # False: they were only listed
    deletable: pl.DataFrame = field(default_factory=pl.DataFrame)  # nobody has linked them, or not deleted after all
    left_alone: pl.DataFrame = field(default_factory=pl.DataFrame)  # somebody has, or had
    deleted: int = 0
    taken_over: int = 0  # companies that this batch has and did not create

    @property
    def exit_code(self) -> int:
        """Return 1 where a company could not be deleted."""
        return self.stop.exit_code if self.stop is not None else 1 if self.deletes and self.deletable.height else 0
