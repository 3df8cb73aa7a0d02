"""Groups errors by remedy, and rejected rows also by the value of the cell. PURE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Final

import polars as pl

from bulk import problems
from bulk.model import State
from bulk.problem_groups import Groups, Value, of_problem
from bulk.reports.figures import Example, Failure, Figures, ProblemRow
from bulk.reports.summary import commands
from bulk.reports.summary.commands import BatchLocation

MAX_EXAMPLES: Final = 3
MAX_VALUES: Final = 8
MAX_CORRELATION_IDS: Final = 10
MAX_ROWS: Final = 20_000
"""The most rows for which the groups say to which of them a row belongs, or a little more."""
_PART: Final = 2_000  # rows to group at once


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Errors with the same remedy."""

    key: str  # the same in every report
    title: str
    remedy: str
    command: str  # "" if no command helps
    customers: int
    examples: tuple[Example, ...]
    correlation_ids: tuple[str, ...] = ()
    kinds: tuple[tuple[str, str, str, bool], ...] = ()  # of failures: state, step, code, is_deleted
    rows: tuple[int, ...] = ()  # of problems: those of all values
    values: tuple[Value, ...] = ()  # of cells, if one of them is in several rows; each with its rows
    other_rows: int = 0  # the number of rows with further values


def error_groups(figures: Figures, rejected: Iterable[ProblemRow], location: BatchLocation) -> tuple[ErrorGroup, ...]:
    """Return all errors in groups, the largest first: failures by remedy, invalid rows by problem."""
    return _largest_first([*_failures(figures, location), *_invalid_rows(rejected)])


def conflict_groups(conflicts: Iterable[ProblemRow]) -> tuple[ErrorGroup, ...]:
    """Return the rows in conflict in groups by the kind of conflict, the largest first."""
    return _largest_first(_by_problem(conflicts, "{}", "To decide: {}."))


def _largest_first(groups: Iterable[ErrorGroup]) -> tuple[ErrorGroup, ...]:
    return tuple(sorted(groups, key=lambda group: -group.customers))


@dataclass(slots=True)
class _Group:
    customers: int = 0
    examples: list[Example] = field(default_factory=list)
    correlation_ids: dict[str, None] = field(default_factory=dict)
    kinds: list[tuple[str, str, str, bool]] = field(default_factory=list)


def _failures(figures: Figures, location: BatchLocation) -> Iterator[ErrorGroup]:
    groups: dict[tuple[str, str], _Group] = {}
    for failure in figures.failures:
        group = groups.setdefault((_remedy_of(failure), failure.code), _Group())
        group.customers += failure.customers
        group.examples += failure.examples
        group.correlation_ids |= dict.fromkeys(failure.correlation_ids)
        group.kinds.append((failure.state, failure.step, failure.code, failure.is_deleted))
    for (name, code), group in groups.items():
        remedy = _REMEDIES[name]
        yield ErrorGroup(
            f"{name} {code}".strip(),
            f"{remedy.title} ({code})" if code and code not in ("deleted", "linked") else remedy.title,
            remedy.text,
            remedy.command(figures, location),
            group.customers,
            tuple(group.examples[:MAX_EXAMPLES]),
            tuple(group.correlation_ids)[:MAX_CORRELATION_IDS],
            tuple(group.kinds),
        )


def _remedy_of(failure: Failure) -> str:
    """Return the name of the remedy by the first rule that applies."""
    step, code = failure.step, failure.code
    if step in ("link", "unlink", "delete") and code not in ("linked", "deleted"):
        return step
    if code == "linked":
        return "not deleted because linked"
    if code == "deleted" or failure.is_deleted:
        return "partner deleted" if step == "partner" else "deleted"
    if failure.state is State.FAILED:
        return "partner rejected" if step == "partner" else "rejected"
    return "partner unfinished" if step == "partner" else "unfinished"


@dataclass(frozen=True, slots=True)
class _Remedy:
    title: str
    text: str
    command: Callable[[Figures, BatchLocation], str]


def _no_command(_: Figures, __: BatchLocation) -> str:
    return ""


def _retry_migrate(figures: Figures, location: BatchLocation) -> str:
    return commands.migrate(figures, location, "--retry-failed")


def _retry_follow_up(figures: Figures, location: BatchLocation) -> str:
    return commands.on_batch("follow-up", figures, location, "--retry-failed")


_REMEDIES: Final[Mapping[str, _Remedy]] = MappingProxyType(
    {
        "rejected": _Remedy(
            "Rejected by Codat",
            "Fix these rows in the input and run the migration again. If the reason lies with Codat, send the "
            "correlation ids to Codat's support, then retry with --retry-failed.",
            _retry_migrate,
        ),
        "deleted": _Remedy(
            "Deleted in Codat",
            "The company or connection was deleted in Codat. If that was a mistake, create it again.",
            _retry_migrate,
        ),
        "partner deleted": _Remedy(
            "Partner connection deleted in Codat", "If that was a mistake, create it again.", _retry_follow_up
        ),
        "partner rejected": _Remedy(
            "Partner connection rejected by Codat",
            "Send the correlation ids to Codat's support and ask whether Sync for Expenses is enabled, then retry.",
            _retry_follow_up,
        ),
        "unfinished": _Remedy(
            "Not finished",
            "Run the migration again: it looks up what Codat has done, and resumes from there.",
            commands.migrate,
        ),
        "partner unfinished": _Remedy(
            "Partner connection not finished",
            "Run the follow-up again: it looks up what Codat has done, and resumes from there.",
            lambda figures, location: commands.on_batch("follow-up", figures, location),
        ),
        "link": _Remedy(
            "linkUrl not renewed",
            "Renew the links again.",
            lambda figures, location: commands.on_batch("links", figures, location),
        ),
        "unlink": _Remedy("Not unlinked", "Unlink these customers again.", _no_command),
        "delete": _Remedy(
            "Not deleted",
            "Run undo again. It lists the companies that can be deleted, and then how to delete them.",
            lambda figures, location: commands.on_batch("undo", figures, location),
        ),
        "not deleted because linked": _Remedy(
            "Kept by undo",
            "The customers have linked these companies, so undo did not delete them. There is nothing to do.",
            _no_command,
        ),
    }
)


def _invalid_rows(rejected: Iterable[ProblemRow]) -> Iterator[ErrorGroup]:
    return _by_problem(rejected, "Invalid row: {}", "Fix it in a copy of rejects.csv: {}.")


def _by_problem(rows: Iterable[ProblemRow], title: str, remedy: str) -> Iterator[ErrorGroup]:
    """Group rows by their problems, and these by the values of the cells."""
    groups = Groups(of_problem, merges=False, most=MAX_ROWS, room=MAX_ROWS)
    examples: dict[str, list[Example]] = {}
    left = iter(rows)
    while part := list(islice(left, _PART)):
        texts = [problems.to_text(row.problems) for row in part]
        numbers = pl.Series("row", [row.row for row in part], dtype=pl.Int64)
        groups.add_problems(pl.DataFrame([numbers, pl.Series("problems", texts, dtype=pl.String)]))
        for row in part:
            for code in dict.fromkeys(problem["code"] for problem in row.problems):
                known = examples.setdefault(code, [])
                if len(known) < MAX_EXAMPLES:
                    known.append(Example(row.row, row.customer_id, problems.describe(row.problems)))
    for group in groups.result():
        values = group.values[:MAX_VALUES] if any(value.rows > 1 for value in group.values) else ()
        yield ErrorGroup(
            group.code,
            title.format(group.sentence),
            remedy.format(group.remedy),
            "",
            group.rows,
            tuple(examples[group.code]),
            rows=tuple(row for value in group.values for row in value.first_rows if row is not None),
            values=values,
            other_rows=group.rows - sum(value.rows for value in values),
        )
