"""Groups errors by remedy. PURE."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from bulk import problems
from bulk.model import State
from bulk.reports.figures import Example, Failure, Figures, ProblemRow
from bulk.reports.summary import commands
from bulk.reports.summary.commands import BatchLocation

MAX_EXAMPLES: Final = 3
MAX_CORRELATION_IDS: Final = 10


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Errors with the same remedy."""

    title: str
    remedy: str
    command: str  # "" if no command helps
    customers: int
    examples: tuple[Example, ...]
    correlation_ids: tuple[str, ...]


def error_groups(figures: Figures, rejected: Iterable[ProblemRow], location: BatchLocation) -> tuple[ErrorGroup, ...]:
    """Return all errors in groups, the largest first: failures by remedy, invalid rows by problem."""
    return _largest_first([*_failures(figures, location), *_invalid_rows(rejected)])


def conflict_groups(conflicts: Iterable[ProblemRow]) -> tuple[ErrorGroup, ...]:
    """Return the rows in conflict in groups by the kind of conflict, the largest first."""
    return _largest_first(
        ErrorGroup(problems.group_sentence(code), f"To decide: {problems.group_remedy(code)}.", "", *group.content)
        for code, group in _by_problem(conflicts).items()
    )


def _largest_first(groups: Iterable[ErrorGroup]) -> tuple[ErrorGroup, ...]:
    return tuple(sorted(groups, key=lambda group: -group.customers))


@dataclass(slots=True)
class _Group:
    customers: int = 0
    examples: list[Example] = field(default_factory=list)
    correlation_ids: dict[str, None] = field(default_factory=dict)

    @property
    def content(self) -> tuple[int, tuple[Example, ...], tuple[str, ...]]:
        """The number of customers, and the examples and correlation ids to show."""
        examples, correlation_ids = self.examples[:MAX_EXAMPLES], list(self.correlation_ids)[:MAX_CORRELATION_IDS]
        return self.customers, tuple(examples), tuple(correlation_ids)


def _failures(figures: Figures, location: BatchLocation) -> Iterator[ErrorGroup]:
    groups: dict[tuple[str, str], _Group] = {}
    for failure in figures.failures:
        group = groups.setdefault((_remedy_of(failure), failure.code), _Group())
        group.customers += failure.customers
        group.examples += failure.examples
        group.correlation_ids |= dict.fromkeys(failure.correlation_ids)
    for (name, code), group in groups.items():
        remedy = _REMEDIES[name]
        yield ErrorGroup(
            f"{remedy.title} ({code})" if code and code not in ("deleted", "linked") else remedy.title,
            remedy.text,
            remedy.command(figures, location),
            *group.content,
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
    for code, group in _by_problem(rejected).items():
        fix = f"Fix it in a copy of rejects.csv: {problems.group_remedy(code)}."
        yield ErrorGroup(f"Invalid row: {problems.group_sentence(code)}", fix, "", *group.content)


def _by_problem(rows: Iterable[ProblemRow]) -> dict[str, _Group]:
    """Group rows by their problems. A row counts once for each of its problems."""
    groups: dict[str, _Group] = {}
    for row in rows:
        for code in dict.fromkeys(problem["code"] for problem in row.problems):
            group = groups.setdefault(code, _Group())
            group.customers += 1
            if len(group.examples) < MAX_EXAMPLES:
                group.examples.append(Example(row.row, row.customer_id, problems.describe(row.problems)))
    return groups
