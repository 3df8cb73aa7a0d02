"""What is said at the end of a command on a batch: what happened, and what to do next."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bulk.cli.words import count, give, give_json, moment, say, shown, table

if TYPE_CHECKING:
    from bulk.results import BatchResult

MEANING = {
    "rejected": "their rows are faulty, nothing was sent",
    "pending": "not done yet",
    "failed": "refused by Codat, or deleted there: see error",
    "link_ready": "waiting for the customer",
    "linked": "authorized by the customer",
    "complete": "partner connection made",
    "unlinked": "deauthorized",
}


def tell(
    result: BatchResult,
    *,
    as_json: bool,
    again: Sequence[str] = (),
    more: Mapping[str, object] | None = None,
    did: str = "",
    is_migration: bool = False,
) -> None:
    """Print the end of a run: its summary to standard output, why it stopped to standard error.

    `again`: the options that a next run on the same batch needs as well. `more`: what the JSON says besides.
    `did`: what the run has done, in a line. `is_migration`: the same command again goes on with those who are pending.
    """
    if result.stop is not None:
        say(_stopped(result, can_wait=is_migration))
    if as_json:
        summary = json.loads(result.summary.to_json()) | dict(more or {})
        give_json(json.dumps(summary, ensure_ascii=False, indent=2))
        return
    if did:
        give(did)
    summary = result.summary
    states = [(state, f"{number:,}", MEANING[state]) for state, number in summary.customers.items() if number]
    total = sum(summary.customers.values())
    give(f"\n{count(total, 'row')} in batch {shown(summary.batch)}:")
    if states:
        give(table(states))
    give(f"\n{_requests(result)}\n")
    give(table(_next_steps(result, again, is_migration=is_migration)))


def _where(again: Sequence[str]) -> list[str]:
    """Leave out --map, which only commands with an input take."""
    kept = list(again)
    while "--map" in kept:
        place = kept.index("--map")
        del kept[place : place + 2]
    return kept


def _stopped(result: BatchResult, *, can_wait: bool) -> str:
    stop = result.stop
    if stop is None:
        return ""
    until = f" until {moment(stop.until)}" if stop.until is not None else ""
    if stop.exit_code == 130:
        return "Interrupted; what was in flight is written down. The same command resumes."
    if stop.exit_code == 75:
        hint = "The same command resumes then" if until else "The same command resumes"
        wait = " (with --wait it sleeps until then)" if until and can_wait else ""
        return f"Stopped: {shown(stop.reason, 500)}{until}. {hint}{wait}."
    return f"Stopped: {shown(stop.reason, 800)}."


def _requests(result: BatchResult) -> str:
    summary = result.summary
    made = count(summary.requests_total, "request")
    parts = [
        f"{made} in {summary.seconds or 0:.0f} s",
        f"{summary.retries:,} repeated",
        f"{summary.rate_limited:,} answered 429",
    ]
    quota = summary.quota
    if quota.remaining is not None:
        of = f" of {quota.limit:,}" if quota.limit is not None else ""
        parts.append(f"daily quota {quota.remaining:,}{of} left, reset {quota.resets_at}")
    return ", ".join(parts) + "."


def _next_steps(result: BatchResult, again: Sequence[str], *, is_migration: bool) -> list[tuple[str, str, str]]:
    folder, customers = result.folder, result.summary.customers
    is_explained = folder.parent.name == "reports" and (folder.parent / "README.md").is_file()
    said = "README.md in reports/ explains every file" if is_explained else "results.csv has every row"
    steps = [("Reports", str(folder), said), *_after_the_email(result, _where(again))]
    if customers["rejected"]:
        mend = ["bulk", "migrate", str(folder / "rejects.csv"), "--batch", folder.name]
        if folder.parent != Path("reports"):
            mend += ["--reports", str(folder.parent)]
        steps.append(("Mend", str(folder / "rejects.csv"), "mend, then: " + shlex.join([*mend, *again])))
    if customers["failed"]:
        steps.append(("Failed", str(folder / "results.csv"), "see error; mend the rows, or repeat with --retry-failed"))
    if any(path.name == "differences.csv" for path in result.paths):
        steps.append(("Differs", str(folder / "differences.csv"), "what Codat has and the input now says otherwise"))
    if customers["pending"]:
        pending = count(customers["pending"], "customer")
        if is_migration:
            go_on = "the same command again" if result.stop else "the same command without --limit"
            steps.append(("Go on", go_on, f"{pending} to do"))
        else:
            create = ["bulk", "migrate", result.summary.input or "INPUT", "--batch", folder.name]
            if folder.parent != Path("reports"):
                create += ["--reports", str(folder.parent)]
            said = f"{pending} without a company in Codat, or not whole there"
            steps.append(("Create", shlex.join([*create, *_where(again)]), said))
    if "--sandbox" in again and customers["link_ready"]:
        batch = shlex.quote(str(folder))
        steps.append(("Try", f"bulk sandbox --batch {batch}", "then open a linkUrl and authorize"))
    return steps


def _after_the_email(result: BatchResult, where: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Name who is to be mailed now, whose link is to be renewed, and the command for those who have authorized."""
    folder, customers, links = result.folder, result.summary.customers, result.link_figures
    if links.good:
        said = f"{count(links.good, 'linkUrl')}, the next expires {links.next_expiry}"
        yield "Email", str(folder / "links.csv"), said
    if links.expired:
        command = shlex.join(["bulk", "links", str(folder), *where])
        yield "Expired", command, f"renews {count(links.expired, 'linkUrl')} that are no longer good"
    if customers["link_ready"] or customers["linked"]:
        said = "for those who have authorized" if customers["linked"] else "when customers have authorized"
        yield "Then", shlex.join(["bulk", "follow-up", str(folder), *where]), said
