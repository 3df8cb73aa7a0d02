"""The return values of the commands on a batch: summary, reason for a stop, reports as data frames, exit code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

import polars as pl

from bulk.journal.database import FILE
from bulk.model import Stop
from bulk.reports.figures import Figures, Summary, Wave
from bulk.reports.rows import Reader
from bulk.reports.summary.commands import BatchLocation
from bulk.reports.wave_files import name_of


@dataclass(frozen=True)
class BatchResult:
    """A batch after a run, or after its reports were written again."""

    folder: Path
    figures: Figures
    location: BatchLocation
    stop: Stop | None  # the reason why the run stopped early, or None
    paths: tuple[Path, ...]  # the reports that were written
    advanced: Mapping[str, int] = field(default_factory=dict)  # customers that the run moved to each state
    run: int = 0  # the run's number in the journal; 0: there was none
    wave: Wave | None = None  # of the linkUrls to email that were issued since the last reports; None: there are none

    @property
    def exit_code(self) -> int:
        """The exit code of the corresponding command."""
        if self.stop is not None:
            return self.stop.exit_code
        customers = self.summary.customers
        has_limit = self.figures.max_rejected is not None
        has_rejected = self.figures.has_too_many_rejected if has_limit else customers["rejected"] > 0
        return int(has_rejected or any(customers[state] for state in ("conflict", "failed")))

    @property
    def summary(self) -> Summary:
        """The content of summary.json."""
        return self.figures.summary

    @property
    def wave_file(self) -> Path | None:
        """The file of the new wave, or None if there are no new linkUrls to email."""
        return None if self.wave is None or not self.wave.usable else self.folder / name_of(self.wave.number)

    @property
    def waiting(self) -> int:
        """The number of customers who have not authorized, or have no partner connection yet."""
        return self.summary.customers["link_ready"] + self.summary.customers["linked"]

    @cached_property
    def results(self) -> pl.DataFrame:
        """One row for each input row, in input order, then the customers in Codat that were removed from the input."""
        return pl.read_parquet(self.folder / "results.parquet")

    @cached_property
    def links(self) -> pl.DataFrame:
        """The customers to email now, with their linkUrls. The newest linkUrls come first."""
        with Reader(self.folder / FILE) as reader:
            return pl.concat(reader.links(datetime.now(UTC)), how="vertical")

    @cached_property
    def rejects(self) -> pl.DataFrame:
        """The rejected rows: the input's columns, then `row` and `reasons`."""
        with Reader(self.folder / FILE) as reader:
            return pl.concat(reader.rejects(), how="vertical")

    @cached_property
    def conflicts(self) -> pl.DataFrame:
        """The rows in conflict: the input's columns, then `row`, `conflict` and `found`."""
        with Reader(self.folder / FILE) as reader:
            return pl.concat(reader.conflicts(), how="vertical")


@dataclass(frozen=True)
class LinksResult(BatchResult):
    """The result of `links`."""

    renewed: int = 0  # linkUrls


@dataclass(frozen=True)
class SentResult(BatchResult):
    """The result of `sent`."""

    emailed: int = 0  # customers that were recorded now
    before: int = 0  # customers that had been recorded before
    others: Mapping[str, str] = field(default_factory=dict)  # {customer_id: reason why it is not recorded}

    @property
    def exit_code(self) -> int:
        """1 if a customer could not be recorded."""
        return self.stop.exit_code if self.stop is not None else int(bool(self.others))


@dataclass(frozen=True)
class UnlinkResult(BatchResult):
    """The result of `unlink`, by customer_id."""

    unlinked: tuple[str, ...] = ()  # now or before, by us or by the customer
    others: Mapping[str, str] = field(default_factory=dict)  # {customer_id: reason why it is not unlinked}

    @property
    def exit_code(self) -> int:
        """1 if a customer could not be unlinked."""
        return self.stop.exit_code if self.stop is not None else int(bool(self.others))


@dataclass(frozen=True)
class VerifyResult(BatchResult):
    """The result of `verify`: the differences between Codat and the journal.

    `findings` has the columns finding, customer_id, company_id, connection_id, detail, adopted.
    """

    findings: pl.DataFrame = field(default_factory=pl.DataFrame)

    @property
    def exit_code(self) -> int:
        """1 if there is a difference that was not adopted."""
        if self.stop is not None:
            return self.stop.exit_code
        return int((self.findings["adopted"] == "no").any())


@dataclass(frozen=True)
class UndoResult(BatchResult):
    """The result of `undo`. Its tables have the columns customer_id, company_name, company_id, connection_status."""

    deletes: bool = False  # False: the companies were only listed
    deletable: pl.DataFrame = field(default_factory=pl.DataFrame)  # never linked, and they still exist
    left_alone: pl.DataFrame = field(default_factory=pl.DataFrame)  # linked, now or before
    deleted: int = 0  # companies
    taken_over: int = 0  # companies that the batch did not create
    others: Mapping[str, str] = field(default_factory=dict)  # {customer_id: reason why a named one is left alone}

    @property
    def exit_code(self) -> int:
        """1 if a company could not be deleted, or a named customer is left alone."""
        if self.stop is not None:
            return self.stop.exit_code
        return int(bool(self.others) or (self.deletes and self.deletable.height > 0))
