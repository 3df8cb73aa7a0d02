"""What to do next, with whom, and by which command. PURE: figures in, words out; page and console say the same."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

from bulk.model import State
from bulk.problems import group_remedy, group_sentence
from bulk.reports.figures import Example, Failure, Figures, Rejected
from bulk.settings import CODAT, SANDBOX
from bulk.text import count, time

MAX_EXAMPLES: Final = 3


@dataclass(frozen=True, slots=True)
class BatchLocation:
    """Where a batch's files are, as the user names it, and whether it has a stand-in for Codat of its own."""

    folder: Path
    has_sandbox: bool
    has_differences: bool


@dataclass(frozen=True, slots=True)
class NextStep:
    """One thing to do: with a file, or by a command."""

    title: str
    what: str
    why: str
    command: str = ""  # to type; empty where there is none


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Errors for which the same is to be done."""

    title: str
    remedy: str
    command: str  # empty where none helps
    customers: int
    examples: tuple[Example, ...]
    correlation_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Quota:
    """The day's quota in requests, and what is still to be sent. None: Codat has not said."""

    limit: int | None
    used: int | None
    left: int | None
    resets_at: str | None
    is_over: bool  # the day that the answer spoke of is over: all of the quota is left again
    to_do: int  # requests
    days: int | None  # days of the quota that they need, today included


def quota(figures: Figures) -> Quota:
    """Say what of the day's quota is used and left, and how many days the rest needs if nobody links meanwhile."""
    known, to_do = figures.summary.quota, figures.requests_to_do
    limit, left = known.limit, known.remaining
    is_over = known.resets_at is not None and datetime.fromisoformat(known.resets_at) <= figures.at
    used = limit - left if limit is not None and left is not None else None
    today = limit if is_over else left
    days = None
    if not to_do:
        days = 0
    elif limit and today is not None:
        days = math.ceil(max(to_do - today, 0) / limit) + (today > 0)
    return Quota(limit, used, left, known.resets_at, is_over, to_do, days)


def where(figures: Figures, place: BatchLocation) -> list[str]:
    """Give the options that say where Codat is, for the next command on the batch."""
    if place.has_sandbox and figures.codat == SANDBOX:
        return ["--sandbox"]
    url = figures.base_url
    return [] if url in (None, CODAT) else ["--base-url", str(url)]


def migration(figures: Figures, place: BatchLocation, *more: str) -> str:
    """Give the command that goes on with the batch's last input."""
    return _migrate(figures.summary.input or "INPUT", figures, place, figures.mapping, *more)


def _migrate(path: str, figures: Figures, place: BatchLocation, mapping: Mapping[str, str], *more: str) -> str:
    folder = place.folder
    path = f"./{path}" if path.startswith("-") else path  # or it would be taken for an option
    words = ["bulk", "migrate", path, "--batch", folder.name]
    if folder.parent != Path("reports"):
        words += ["--reports", str(folder.parent)]
    for name, column in mapping.items():
        words += ["--map", f"{name}={column}"]
    return shlex.join([*words, *more, *where(figures, place)])


def command(name: str, figures: Figures, place: BatchLocation, *more: str) -> str:
    """Give a command on the batch's folder."""
    return shlex.join(["bulk", name, str(place.folder), *more, *where(figures, place)])


def stand_in(place: BatchLocation) -> str:
    """Give the command that opens the batch's stand-in for its customers."""
    return shlex.join(["bulk", "sandbox", "--batch", str(place.folder)])


def next_steps(figures: Figures, place: BatchLocation) -> Iterator[NextStep]:
    """Say what to do next, the most urgent first."""
    folder, customers, links = place.folder, figures.summary.customers, figures.links
    if links.usable:
        said = f"{count(links.usable, 'linkUrl')}, the next expires {time(links.next_expiry or figures.at)}"
        yield NextStep("Email", str(folder / "links.csv"), said)
    if links.stale:
        renew = command("links", figures, place)
        yield NextStep("Renew", renew, f"{count(links.stale, 'linkUrl')} no longer good", renew)
    if customers[State.LINK_READY] or customers[State.LINKED]:
        follow_up = command("follow-up", figures, place)
        said = "for those who have authorized" if customers[State.LINKED] else "when customers have authorized"
        yield NextStep("Follow up", follow_up, said, follow_up)
    if customers[State.REJECTED]:
        yield _mend(figures, place)
    yield from _failed_steps(figures, place)
    if figures.last_run is not None and figures.last_run.findings:
        said = f"{count(figures.last_run.findings, 'finding')} of the last verify"
        yield NextStep("Look into", str(folder / "verify.csv"), said)
    if place.has_differences:
        said = "what Codat has and the input now says otherwise"
        yield NextStep("Differs", str(folder / "differences.csv"), said)
    if customers[State.PENDING]:
        go_on = migration(figures, place)
        is_undone = figures.last_run is not None and figures.last_run.command == "undo"
        said = f"{count(customers[State.PENDING], 'customer')} to do"
        said += ", if they are to be created again after the undo" if is_undone else ""
        yield NextStep("Go on", go_on, said, go_on)


def _mend(figures: Figures, place: BatchLocation) -> NextStep:
    rejects, mapping = str(place.folder / "rejects.csv"), figures.mapping_of_rejects
    said = f"{count(figures.summary.customers[State.REJECTED], 'row')} rejected: mend a copy"
    if mapping is None:
        return NextStep("Mend", rejects, f"{said} of those of each input, and give it with that input's --map")
    return NextStep("Mend", rejects, said, _migrate(rejects, figures, place, mapping))


def _failed_steps(figures: Figures, place: BatchLocation) -> Iterator[NextStep]:
    """Part those whose partner connection alone has failed from the others: another command helps them."""
    failed = figures.summary.customers[State.FAILED]
    partners = sum(f.customers for f in figures.failures if f.state is State.FAILED and f.step == "partner")
    results = str(place.folder / "results.csv")
    if failed > partners:
        said = f"{count(failed - partners, 'customer')} failed: mend the rows in the input, or ask again as they are"
        yield NextStep("Failed", results, said, migration(figures, place, "--retry-failed"))
    if partners:
        said = f"{count(partners, 'partner connection')} failed: see error, then ask again"
        yield NextStep("Failed", results, said, command("follow-up", figures, place, "--retry-failed"))


def _kind(failure: Failure) -> str:
    """Say what a failure asks for. The first that fits holds."""
    step, code = failure.step, failure.code
    if step in ("link", "unlink", "delete") and code not in ("linked", "deleted"):
        return step
    if code == "linked":
        return "left alone"
    if code == "deleted" or failure.is_deleted:
        return "partner deleted" if step == "partner" else "deleted"
    if failure.state is State.FAILED:
        return "partner refused" if step == "partner" else "refused"
    return "partner later" if step == "partner" else "later"


_SAID: Final = {
    "refused": (
        "Refused by Codat",
        "Mend these rows in the input and run the migration again. If the reason lies with Codat, send it the "
        "correlation ids; then repeat with --retry-failed.",
    ),
    "deleted": (
        "Deleted in Codat",
        "Somebody has deleted the company or connection there. If that was a mistake, have it created again.",
    ),
    "partner deleted": (
        "Partner connection deleted in Codat",
        "If that was a mistake, have it created again.",
    ),
    "partner refused": (
        "Partner connection refused by Codat",
        "Send Codat the correlation ids, and ask whether Sync for Expenses is enabled; then ask again.",
    ),
    "later": (
        "No answer, or not now",
        "Run the migration again: it looks up what was done, and goes on from there.",
    ),
    "partner later": (
        "Partner connection: no answer, or not now",
        "Run the follow-up again: it looks up what was done, and goes on from there.",
    ),
    "link": ("linkUrl not renewed", "Renew the links again."),
    "unlink": ("Not unlinked", "Unlink these customers again."),
    "delete": ("Not deleted", "Undo again, if they are to be deleted still."),
    "left alone": (
        "Left alone by undo",
        "Somebody has linked these companies, so they were not deleted. Nothing has to be done.",
    ),
}


def _command(kind: str, figures: Figures, place: BatchLocation) -> str:
    match kind:
        case "refused" | "deleted":
            return migration(figures, place, "--retry-failed")
        case "partner deleted" | "partner refused":
            return command("follow-up", figures, place, "--retry-failed")
        case "later":
            return migration(figures, place)
        case "partner later":
            return command("follow-up", figures, place)
        case "link":
            return command("links", figures, place)
        case "delete":
            return command("undo", figures, place, "--yes")
        case _:
            return ""


@dataclass(slots=True)
class _Group:
    customers: int = 0
    examples: list[Example] = field(default_factory=list)
    correlation_ids: dict[str, None] = field(default_factory=dict)


def troubles(figures: Figures, rejected: Iterable[Rejected], place: BatchLocation) -> tuple[ErrorGroup, ...]:
    """Group all errors by what is to be done about them, the most frequent first; faulty rows by fault."""
    groups: dict[tuple[str, str], _Group] = {}
    for failure in figures.failures:
        group = groups.setdefault((_kind(failure), failure.code), _Group())
        group.customers += failure.customers
        group.examples += failure.examples
        group.correlation_ids |= dict.fromkeys(failure.correlation_ids)
    found = [_failed(kind, code, group, figures, place) for (kind, code), group in groups.items()]
    by_code: dict[str, _Group] = {}
    for row in rejected:
        for code in dict.fromkeys(problem["code"] for problem in row.problems):
            group = by_code.setdefault(code, _Group())
            group.customers += 1
            if len(group.examples) < MAX_EXAMPLES:
                group.examples.append(Example(row.row, row.customer_id, row.reasons))
    for code, group in by_code.items():
        said = f"Fix it in a copy of rejects.csv: {group_remedy(code)}."
        title = f"Rejected: {group_sentence(code)}"
        found.append(ErrorGroup(title, said, "", group.customers, tuple(group.examples), ()))
    return tuple(sorted(found, key=lambda trouble: -trouble.customers))


def _failed(kind: str, code: str, group: _Group, figures: Figures, place: BatchLocation) -> ErrorGroup:
    title, remedy = _SAID[kind]
    told = f"{title} ({code})" if code and code not in ("deleted", "linked") else title
    return ErrorGroup(
        told,
        remedy,
        _command(kind, figures, place),
        group.customers,
        tuple(group.examples[:MAX_EXAMPLES]),
        tuple(group.correlation_ids)[:10],
    )
