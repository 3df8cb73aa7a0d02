"""The next steps for the user, with the file or the command for each. PURE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bulk.model import State
from bulk.reports.figures import Figures
from bulk.reports.summary import commands
from bulk.reports.summary.commands import BatchLocation
from bulk.reports.summary.waves import size, to_email
from bulk.text import count

MIN_COMMON = 10  # failed customers, as many as a run sends before it stops (bulk.engine.first_creates)
MAX_WAVES = 3  # to email, each with its own step


@dataclass(frozen=True, slots=True)
class NextStep:
    """One step for the user."""

    title: str
    what: str  # the file to use, or the first command
    why: str
    commands: tuple[str, ...] = ()  # to type, one after the other


def next_steps(figures: Figures, location: BatchLocation) -> Iterator[NextStep]:
    """Yield the next steps, the most urgent first."""
    yield from _link_steps(figures, location)
    yield from _conflict_step(figures, location)
    yield from _rejected_step(figures, location)
    yield from _failed_steps(figures, location)
    yield from _review_steps(figures, location)
    yield from _resume_step(figures, location)


def _link_steps(figures: Figures, location: BatchLocation) -> Iterator[NextStep]:
    customers, links = figures.summary.customers, figures.links
    yield from _email_steps(figures, location)
    if links.stale:
        yield _renew_step(figures, location)
    if customers[State.LINK_READY] or customers[State.LINKED]:
        follow_up = commands.on_batch("follow-up", figures, location)
        linked = customers[State.LINKED]
        why = f"{count(linked, 'customer')} {'has' if linked == 1 else 'have'} authorized"
        why = why if linked else "when customers have authorized"
        yield NextStep("Follow up", follow_up, why, (follow_up,))


def _renew_step(figures: Figures, location: BatchLocation) -> NextStep:
    """Return the step to renew linkUrls, as many as the last `links`: the user emails that many at a time."""
    why, options = f"{count(figures.links.stale, 'linkUrl')} expired or missing", []
    if 0 < figures.links_limit < figures.links.stale:
        why += f"; this renews {figures.links_limit:,} of them, as the last time"
        options = ["--limit", str(figures.links_limit)]
    renew = commands.on_batch("links", figures, location, *options)
    return NextStep("Renew", renew, why, (renew,))


def _email_steps(figures: Figures, location: BatchLocation) -> Iterator[NextStep]:
    """Yield a step for each of the last waves to email, the last one first."""
    waves = to_email(figures)
    for wave in waves[:MAX_WAVES]:
        has_address = wave.without_address < wave.to_email
        sent = (commands.sent if has_address else commands.sent_without_address)(wave.number, location)
        why = f"wave {wave.number}: {size(wave)}; then record that it was emailed"
        yield NextStep("Email", str(location.folder / "waves" / f"{wave.number}.csv"), why, (sent,))
    others = sum(wave.to_email for wave in waves[MAX_WAVES:])
    if others:
        why = f"{count(others, 'linkUrl')} of {count(len(waves) - MAX_WAVES, 'earlier wave')}, not recorded as emailed"
        yield NextStep("Email", str(location.folder / "links.csv"), why)


def _conflict_step(figures: Figures, location: BatchLocation) -> Iterator[NextStep]:
    conflicts = figures.summary.customers[State.CONFLICT]
    if not conflicts:
        return
    why, mapping = f"{count(conflicts, 'row')} in conflict", figures.mapping_of_conflicts
    if mapping is None:
        why += "; accept the rows that are right, in a copy for each input, with the --map of that input"
        yield NextStep("Decide", str(location.folder / "conflicts.csv"), why)
        return
    copy = commands.copy("conflicts.csv", commands.ACCEPTED, location)
    options = ("--accept-file", commands.ACCEPTED, *commands.raised_limit(figures))
    accept = commands.migrate_file(commands.ACCEPTED, mapping, figures, location, *options)
    why += "; copy conflicts.csv, delete the rows that are wrong from the copy, and accept the others"
    why += _acceptance(figures)
    yield NextStep("Decide", copy, why, (copy, accept))


def _rejected_step(figures: Figures, location: BatchLocation) -> Iterator[NextStep]:
    rejected = figures.summary.customers[State.REJECTED]
    if not rejected:
        return
    why, mapping = f"{count(rejected, 'row')} rejected", figures.mapping_of_rejects
    if mapping is None:
        why += "; correct a copy for each input, and pass it with the --map of that input"
        yield NextStep("Fix", str(location.folder / "rejects.csv"), why)
        return
    copy = commands.copy("rejects.csv", commands.CORRECTED, location)
    migrate = commands.migrate_file(commands.CORRECTED, mapping, figures, location)
    yield NextStep("Fix", copy, f"{why}; copy rejects.csv, correct the copy and migrate it", (copy, migrate))


def _failed_steps(figures: Figures, location: BatchLocation) -> Iterator[NextStep]:
    """Yield a step for failed partner connections, which have their own command, and one for the other failures."""
    failed = figures.summary.customers[State.FAILED]
    partners = sum(f.customers for f in figures.failures if f.state is State.FAILED and f.step == "partner")
    results = str(location.folder / "results.csv")
    if failed > partners:
        cause = "fix the rows in the input, or retry them as they are"
        if _has_common_cause(figures):
            cause = "correct the cause in the column error first; this command continues with the other customers too"
        why = f"{count(failed - partners, 'customer')} failed; {cause}{_acceptance(figures)}"
        yield NextStep("Retry", results, why, (commands.migrate(figures, location, "--retry-failed"),))
    if partners:
        why = f"{count(partners, 'partner connection')} failed; see the column error, then retry"
        retry = commands.on_batch("follow-up", figures, location, "--retry-failed")
        yield NextStep("Retry", results, why, (retry,))


def _review_steps(figures: Figures, location: BatchLocation) -> Iterator[NextStep]:
    if figures.last_run is not None and figures.last_run.findings:
        why = f"{count(figures.last_run.findings, 'finding')} of the last verify"
        yield NextStep("Review", str(location.folder / "verify.csv"), why)
    if figures.has_differences:
        why = "values that differ between Codat and the input"
        yield NextStep("Compare", str(location.folder / "differences.csv"), why)


def _resume_step(figures: Figures, location: BatchLocation) -> Iterator[NextStep]:
    pending = figures.summary.customers[State.PENDING] - figures.undone  # which are not created again
    if not pending or _has_common_cause(figures):  # ten more customers would fail
        return
    resume = commands.migrate(figures, location)
    why = f"{count(pending, 'customer')} left to do{_acceptance(figures)}"
    yield NextStep("Resume", resume, why, (resume,))


def _acceptance(figures: Figures) -> str:
    """Return the end of a reason for a command that accepts the rejected rows, or ""."""
    if not figures.has_too_many_rejected:
        return ""
    rejected = figures.summary.customers[State.REJECTED]
    return f"; this command also accepts the {count(rejected, 'rejected row')}"


def _has_common_cause(figures: Figures) -> bool:
    """Return whether Codat has rejected the first customers and created none, so it would reject the others too."""
    customers = figures.summary.customers
    has_any = any(customers[state] for state in (State.LINK_READY, State.LINKED, State.COMPLETE, State.UNLINKED))
    return customers[State.FAILED] >= MIN_COMMON and not has_any
