"""Compares an input with a batch, as `migrate` does before it sends anything. The batch does not change.

The input is enrolled in a temporary copy of the journal, so the result is that of `migrate`. Only `migrate` reads
Codat's company list: it may find more conflicts there.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from bulk.engine.enrolling import compare as compare_rows
from bulk.engine.enrolling import in_batch, is_known
from bulk.input import Group, Groups, Input, of_problem
from bulk.journal import conflicts, customers, database, enrolment, facts, runs
from bulk.journal.private_copy import private_copy
from bulk.model import State
from bulk.problems import parse, remedy, sentence
from bulk.reports.rows import Reader
from bulk.text import shorten_column, timestamp

_COLUMNS: Final = ("row", "customer_id", "company_name", "code", "field", "value", "found", "conflict", "remedy")
_CONFLICTS: Final = dict.fromkeys(_COLUMNS, pl.String) | {"row": pl.Int64}
_CUSTOMER: Final = pl.concat_str(
    *(shorten_column(pl.col(name), 40) for name in ("customer_id", "company_name")), separator=", ", ignore_nulls=True
)
Known = Callable[[Sequence[str]], Mapping[str, tuple[State, str | None]]]
"""Returns what the batch has for customers: the state, and as JSON the problems of a row for which nothing is sent."""
_Conflict = tuple[int | None, str | None, str, str, str, str | None, str, str, str]


@dataclass(frozen=True)
class BatchComparison:
    """The differences of an input from a batch, as numbers of customers; `rejected` and `in_conflict` count rows.

    `conflicts` has the columns row, customer_id, company_name, code, field, value, found, conflict, remedy. It has the
    conflicts that the batch would have after `migrate`, and their rows are numbered as in conflicts.csv.
    `conflict_groups` are those of the input by kind; their values are identifiers with names, and their rows are
    numbered as in the input. With a correction, whose rows belong to several files, they are those of the batch, and
    numbered as in conflicts.csv.
    """

    folder: Path
    new: int
    same: int
    changed: int
    gone: int
    rejected: int  # in the whole batch
    in_conflict: int  # in the whole batch
    to_do: int  # customers that `migrate` would send
    adds_file: bool  # the batch has other files, and `migrate` needs --batch to add this one to them
    kinds: Mapping[str, int]  # rows in conflict by their code
    conflicts: pl.DataFrame
    conflict_groups: tuple[Group, ...] = ()
    codat: str | None = None  # the Codat that the batch belongs to
    base_url: str | None = None  # of the last run; None: no run


@contextmanager
def comparing(
    opening: Callable[..., Input], folder: Path, *, max_lines: int
) -> Iterator[tuple[Input, BatchComparison, Known]]:
    """Compare an input with the batch in a folder.

    Yield the input with what the batch remembers, the result with at most `max_lines` conflicts, and a look-up.
    `opening` opens the input, with `remembered` for what the batch remembers.

    Raises InputError, BatchError if the folder has no usable journal, JournalError if a disk fails.
    """
    with private_copy(folder) as copy:
        known = facts.get_all(copy)
        source = opening(remembered=facts.remembered(known))
        with database.transaction(copy):
            run = runs.begin_run(copy, command="check", version="", source=None, at=timestamp(time.time()))
            source = in_batch(copy, source)
            adds_file = not is_known(copy, source)
            diff = compare_rows(copy, source, run, facts.get(copy, "source"))
            conflicts.index_held(copy)
        file = None if source.is_rejects_file else enrolment.id_of(copy, source.digest)
        to_do = customers.count_pending(copy, limit=None)
        with Reader(folder / database.FILE, copy=copy) as reader:
            kinds, found, groups = _conflicts(reader, max_lines, file)
            numbers = (diff.new, diff.same, diff.changed, diff.removed, diff.rejected, diff.conflicts)
            codat = (known.get("codat"), known.get("base_url"))
            result = BatchComparison(folder, *numbers, to_do, adds_file, kinds, found, groups, *codat)
            yield source, result, reader.known


def _conflicts(
    reader: Reader, max_lines: int, file: int | None
) -> tuple[dict[str, int], pl.DataFrame, tuple[Group, ...]]:
    """Return the numbers of rows in conflict by code, the first conflicts, and the groups of a file or of all."""
    kinds: Counter[str] = Counter()
    groups = Groups(of_problem)
    frames = [pl.DataFrame(schema=_CONFLICTS)]
    left = max_lines
    for rows in reader.conflict_problems():
        # One frame for each part, because the same values as Python objects take several times the memory.
        lines = [_conflict(row, customer, name, text) for row, _, _, customer, name, text in rows]
        frame = pl.DataFrame(lines, schema=_CONFLICTS, orient="row")
        kinds.update(frame.get_column("code").to_list())
        grouped = frame.rename({"conflict": "sentence"}).with_columns(_CUSTOMER.alias("value"))
        if file is not None:
            # A customer that is gone from the file has no row.
            numbers = [None if row is None else of_file for row, _, of_file, *_ in rows]
            is_own = pl.Series([source == file for _, source, *_ in rows], dtype=pl.Boolean)
            grouped = grouped.with_columns(pl.Series("row", numbers, dtype=pl.Int64)).filter(is_own)
        groups.add(grouped)
        frames.append(frame.head(left))
        left -= frames[-1].height
    return dict(kinds), pl.concat(frames), groups.result()


def _conflict(row: int | None, customer_id: str | None, company_name: str, text: str) -> _Conflict:
    (each,) = parse(text)
    texts = (each["value"], each["found"], sentence(each), remedy(each))
    return row, customer_id, company_name, each["code"], each["field"], *texts
