"""Checks an input file, and compares it with a batch.

It sends nothing.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import polars as pl

from bulk import standard_input
from bulk.check_result import CheckResult
from bulk.errors import UsageError
from bulk.input import (
    MAX_KEPT,
    CheckedRows,
    DamagedRows,
    DescriptionWarnings,
    EmailWarnings,
    FirstRows,
    Groups,
    Input,
    NameChanges,
    PlatformWarnings,
    SharedEmails,
    Warnings,
    general_texts,
    of_problem,
    open_input,
)
from bulk.input.files import wrap_read_errors
from bulk.problems import parse, remedy, sentence
from bulk.reading import NOTHING_SAID, Reading
from bulk.text import shorten_column

if TYPE_CHECKING:
    from bulk.batch_comparison import BatchComparison, Known

_COLUMNS: Final = ("row", "customer_id", "code", "field", "value", "problem", "remedy")
_PROBLEMS: Final = dict.fromkeys(_COLUMNS, pl.String) | {"row": pl.Int64}
_RENAMED: Final = {"row": pl.Int64, "customer_id": pl.String, "company_name": pl.String, "name_sent": pl.String}
_Problem = tuple[int, str | None, str, str, str | None, str, str]


def check(
    path: str | Path,
    *,
    mapping: Mapping[str, str] | None = None,
    platform_names: Mapping[str, str] | None = None,
    reading: Reading | None = None,
    rate: int = 1000,
    max_lines: int = 100_000,
    reports: str | Path = "reports",
    batch: str | None = None,
    output: str | Path | None = None,
) -> CheckResult:
    """Read and check an input file; send nothing. Raises InputError, and UsageError for an impossible mapping.

    `mapping` is {field: column}, `platform_names` are {name in the input: platformKey}, `reading` says how to read a
    text table, `rate` is in requests a minute, and `max_lines` is the most problems, warnings, conflicts and renamed
    customers to return. With `batch`, compare the input with the batch of this name in the folder `reports`, and change
    nothing there. With `output`, a .csv, .parquet or .xlsx file, write every row with what would happen to it. Raises
    BatchError if the batch has no usable journal, JournalError if a disk fails.
    """
    if output is not None:
        _require_output(Path(output), Path(path))
    comparison = known = None
    with ExitStack() as stack:
        file = stack.enter_context(standard_input.spooled(Path(path)))
        opening = partial(
            open_input,
            file,
            mapping=mapping or {},
            platform_names=platform_names or {},
            reading=reading or NOTHING_SAID,
        )
        if batch is None:
            source = opening()
        else:
            with wrap_read_errors(file):
                file.stat()  # a missing file is reported first, as `migrate` does
            compared = _comparing(opening, _batch_folder(Path(reports), batch), max_lines)
            source, comparison, known = stack.enter_context(compared)
        if output is not None:
            _require_room(Path(output), source)
        found = _Found(max_lines, keeps_all=output is not None)
        for rows in source.read(ids=found.ids, only_fields=True):
            found.add(rows)
        notes = found.write(Path(output), source, known) if output is not None else ()
    return found.result(Path(path), source, rate, comparison, notes)


class _Found:
    """What a check finds in the rows of an input. With `keeps_all`, it keeps all warnings for `write`."""

    def __init__(self, max_lines: int, *, keeps_all: bool) -> None:
        self._max_lines = max_lines
        self._accepted = self._rejected = 0
        self._problems: list[_Problem] = []
        self._renamed = [pl.DataFrame(schema=_RENAMED)]
        self._left_to_rename = max_lines
        self._platforms: Counter[str] = Counter()
        self._groups, self._names = Groups(of_problem), NameChanges()
        self._warnings = Warnings(most=None if keeps_all else MAX_KEPT)
        self._emails = EmailWarnings(max_lines)
        self._shared = SharedEmails(None if keeps_all else max_lines)
        self._damaged = DamagedRows(max_lines)
        self._descriptions = DescriptionWarnings(None if keeps_all else max_lines)
        self._platform_warnings = PlatformWarnings()
        self.ids = FirstRows()

    def add(self, rows: CheckedRows) -> None:
        """Examine some rows."""
        self._accepted += rows.accepted.height
        self._rejected += rows.rejected.height
        by_key: dict[str, int] = dict(rows.accepted["platform_key"].value_counts().iter_rows())
        self._platforms.update(by_key)
        is_renamed = (pl.col("company_name") != pl.col("name_sent")) & pl.col("damage").is_null()
        self._add_renamed(rows.accepted.filter(is_renamed))
        self._problems += itertools.islice(_lines(rows.rejected), self._max_lines - len(self._problems))
        self._groups.add_problems(rows.rejected)
        self._warnings.add(rows)
        self._emails.add(rows)
        self._shared.add(rows)
        self._damaged.add(rows)
        self._descriptions.add(rows)
        self._platform_warnings.add(rows, by_key)

    def _add_renamed(self, rows: pl.DataFrame) -> None:
        self._names.add(rows)
        self._renamed.append(rows.select(_RENAMED.keys()).head(self._left_to_rename))
        self._left_to_rename -= self._renamed[-1].height

    def write(self, path: Path, source: Input, known: Known | None) -> Sequence[str]:
        """Write every row to a file, after all rows; return notes about the file."""
        from bulk.checked_rows import Findings, write_rows  # loads the writers, which few checks need

        others = pl.concat([self._shared.table(), self._descriptions.table()])

        def warnings(first: int, last: int) -> pl.DataFrame:
            more = others.filter(pl.col("row").is_between(first, last))
            return pl.concat([self._warnings.between(first, last, self.ids), more])

        return write_rows(path, source, Findings(warnings, self._platform_warnings.table(), known))

    def result(
        self, path: Path, source: Input, rate: int, comparison: BatchComparison | None, notes: Sequence[str]
    ) -> CheckResult:
        """Return the result, after all rows."""
        of_values = self._warnings.table(self.ids, self._max_lines)
        warnings = pl.concat([of_values, self._emails.table(), self._shared.table(), self._descriptions.table()])
        totals = {(code, "email"): number for code, number in (self._emails.counts + self._shared.counts).items()}
        totals |= {(code, "description"): number for code, number in self._descriptions.counts.items()}
        warning_groups = Groups(general_texts)
        warning_groups.add(warnings.rename({"warning": "sentence"}))
        damaged = self._damaged if comparison is None else DamagedRows(0)
        return CheckResult(
            path,
            self._accepted - damaged.count,
            self._rejected,
            dict(sorted(self._platforms.items(), key=lambda item: (-item[1], item[0]))),
            pl.DataFrame(self._problems, schema=_PROBLEMS, orient="row"),
            pl.concat(self._renamed),
            (*source.notes, *self._warnings.notes(), *notes),
            rate,
            warnings.sort("row", maintain_order=True).head(self._max_lines),
            self._platform_warnings.table(),
            comparison,
            source.is_rejects_file,
            self._groups.result(),
            warning_groups.result(self._warnings.totals() | totals),
            self._names.result(),
            damaged.count,
            damaged.table(),
            damaged.groups(),
        )


def _require_output(output: Path, path: Path) -> None:
    """Raise UsageError for a file that cannot be written, that is the input, or that no check has written."""
    from bulk.checked_rows import COLUMNS
    from bulk.reports.table_file import require_format, require_replaceable

    require_format(output)
    if output.exists() and path.exists() and output.samefile(path):
        raise UsageError(f"--output {output} is the input. Name another file.")
    require_replaceable(output, COLUMNS)


def _require_room(output: Path, source: Input) -> None:
    """Raise UsageError for a file that cannot have the input's columns and ours."""
    from bulk.checked_rows import COLUMNS
    from bulk.reports.table_file import require_room

    require_room(output, len(source.columns) + len(COLUMNS))


def _batch_folder(reports: Path, batch: str) -> Path:
    from bulk.batch import require_batch, storable  # loads the reports, which a check without a batch does not need
    from bulk.journal.error_translator import wrap_errors

    folder = reports / storable(batch)
    with wrap_errors(folder, nothing_sent=True):
        return require_batch(folder)


def _comparing(
    opening: Callable[..., Input], folder: Path, max_lines: int
) -> AbstractContextManager[tuple[Input, BatchComparison, Known]]:
    from bulk.batch_comparison import comparing  # loads the engine, which a check without a batch does not need

    return comparing(opening, folder, max_lines=max_lines)


def _lines(rejected: pl.DataFrame) -> Iterator[_Problem]:
    """Yield the problems of these rows with their sentences."""
    rows = rejected.select("row", shorten_column(pl.col("customer_id")), "problems")
    for row, customer_id, text in rows.iter_rows():
        for each in parse(text):
            yield row, customer_id, each["code"], each["field"], each["value"], sentence(each), remedy(each)
