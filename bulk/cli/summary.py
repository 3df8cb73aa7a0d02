"""What is said at the end of a command on a batch: what happened, and what to do next. The words are the page's."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from bulk.cli.console import echo, print_json, print_result, shown, table
from bulk.text import count, duration, moment, percent

if TYPE_CHECKING:
    from bulk.reports.summary.advice import NextStep
    from bulk.results import BatchResult


def print_summary(
    result: BatchResult,
    *,
    as_json: bool,
    more: Mapping[str, object] | None = None,
    did: str = "",
    can_wait: bool = False,
) -> None:
    """Print the end of a run: its summary to standard output, why it stopped to standard error.

    `more`: what the JSON says besides. `did`: what the run has done, in a line. `can_wait`: the command takes --wait.
    """
    if result.stop is not None:
        echo(_stopped(result, can_wait=can_wait))
    if as_json:
        summary = json.loads(result.summary.to_json()) | dict(more or {})
        print_json(json.dumps(summary, ensure_ascii=False, indent=2))
        return
    if did:
        print_result(did)
    print_result("\n".join(_summary(result)))


def _summary(result: BatchResult) -> list[str]:
    from bulk.reports.summary import advice, commands, funnel

    figures = result.figures
    rows = sum(figures.summary.customers.values())
    lines = [f"\n{count(rows, 'row')} in batch {shown(figures.summary.batch)}:"]
    if rows:
        lines.append(table([(s.state, f"{s.rows:,}", percent(s.share), s.meaning) for s in funnel.states(figures)]))
        stages = " → ".join(f"{stage.name} {stage.rows:,}" for stage in funnel.funnel(figures))
        lines.append(f"\n{stages}")
    if figures.since is not None:
        changed = (
            ", ".join(f"{number:,} {said.replace('_', ' ')}" for said, number in funnel.changes(figures))
            or "nothing has changed"
        )
        lines.append(f"\nSince {moment(figures.since.timestamp())}: {changed}.")
    lines.append(f"\n{_requests(result)}\n")
    folder = result.folder
    is_explained = folder.parent.name == "reports" and (folder.parent / "README.md").is_file()
    said = "open report.html" + ("; README.md in reports/ explains every file" if is_explained else "")
    steps = [(step.title, step.why, _how(step)) for step in advice.next_steps(figures, result.location)]
    if "--sandbox" in commands.codat_options(figures, result.location) and figures.summary.customers["link_ready"]:
        steps.append(("Try", "open a linkUrl and authorize", commands.sandbox(result.location)))
    return [*lines, table([("Reports", said, str(folder)), *steps])]


def _how(step: NextStep) -> str:
    return step.what if step.command in ("", step.what) else f"{step.what}, then: {step.command}"


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
    from bulk.reports.summary.quota import quota as quota_of

    summary, quota = result.summary, quota_of(result.figures)
    took = "" if summary.seconds is None else f" in {duration(summary.seconds)}"  # none: killed, or still at it
    parts = [
        count(summary.requests_total, "request") + took,
        f"{summary.retries:,} repeated",
        f"{summary.rate_limited:,} answered 429",
    ]
    if quota.left is not None:
        of = f" of {quota.limit:,}" if quota.limit is not None else ""
        over = " (over since: all of it is left again)" if quota.is_over else ""
        parts.append(f"daily quota {quota.left:,}{of} left, reset {quota.resets_at}{over}")
    if quota.days:
        parts.append(f"{count(quota.to_do, 'request')} to do, {count(quota.days, 'day')} of the quota")
    return ", ".join(parts) + "."
