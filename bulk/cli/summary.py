"""Prints the end of a command on a batch: its summary, the reason if it stopped, and the next steps.

States and next steps have the same words as in the reports.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from bulk.cli.batch_text import wave_text
from bulk.cli.console import echo, figures_table, fit, paragraph, print_json, print_result, table
from bulk.text import count, display_width, duration, moment, percent, time

if TYPE_CHECKING:
    from bulk.reports.summary.advice import NextStep
    from bulk.reports.summary.funnel import Stage
    from bulk.results import BatchResult

MIN_WAVES = 2
NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def print_summary(
    result: BatchResult,
    *,
    as_json: bool,
    more: Mapping[str, object] | None = None,
    headline: str = "",
    can_wait: bool = False,
) -> None:
    """Print the summary to standard output, and the reason for a stop to standard error.

    `more` is additional content for the JSON, `headline` a line about the result of the run. `can_wait` means that the
    command has the option --wait.
    """
    from bulk.reports.summary import narrative

    if result.stop is not None:
        echo(_stopped(result, can_wait=can_wait))
    elif (unfinished := narrative.unfinished(result.figures)) is not None:
        echo(paragraph(unfinished))
    if as_json:
        print_json(json.loads(result.summary.to_json()) | wave_json(result) | dict(more or {}), indent=2)
        return
    if lines := "\n".join(filter(None, (headline, wave_line(result)))):
        print_result(lines + "\n")
    print_result("\n\n".join(part for part in _parts(result) if part))


def _parts(result: BatchResult) -> Iterator[str]:
    yield _states(result)
    yield _changes(result)
    yield _waves(result)
    yield _requests(result)
    yield _reports(result)
    steps = "\n".join(_next_steps(result))
    yield f"Next:\n{steps}" if steps else ""


def _states(result: BatchResult) -> str:
    from bulk.reports.summary import funnel

    figures = result.figures
    rows = sum(figures.summary.customers.values())
    title = f"{count(rows, 'row')} in batch {fit(figures.summary.batch)}"
    if not rows:
        return f"{title}."
    states = [(s.state, f"{s.rows:,}", percent(s.share), s.meaning) for s in funnel.states(figures)]
    return f"{title}:\n{table(states)}\n\n{_stages(funnel.funnel(figures))}"


def _stages(stages: Sequence[Stage]) -> str:
    """Return the stages with their numbers. A line break never separates a stage from its number."""
    words = (f"{stage.name} {stage.rows:,}".replace(" ", NO_BREAK_SPACE) for stage in stages)
    return paragraph(" → ".join(words)).replace(NO_BREAK_SPACE, " ")


def _changes(result: BatchResult) -> str:
    from bulk.reports.summary import funnel

    if result.figures.since is None:
        return ""
    changes = [f"{number:,} {change.replace('_', ' ')}" for change, number in funnel.changes(result.figures)]
    return paragraph(f"Since {moment(result.figures.since.timestamp())}: {', '.join(changes) or 'no changes'}.")


def _waves(result: BatchResult) -> str:
    """Return the last waves, below each other: who was emailed, and who has linked.

    The sentence about a new wave and the next step already tell everything about a first one.
    """
    from bulk.reports.summary import waves

    rows = waves.waves(result.figures)
    if len(rows) < MIN_WAVES and not any(row.emailed or row.attempted or row.linked for row in rows):
        return ""
    cells = [waves.HEADER, *(row.cells for row in rows[: waves.MAX_SHOWN])]
    others = len(rows) - waves.MAX_SHOWN
    more = f"\n{count(others, 'earlier wave')}: see report.html." if others > 0 else ""
    return f"Waves of linkUrls:\n{figures_table(cells)}{more}"


def wave_line(result: BatchResult) -> str:
    """Return a sentence about the wave that this command has made and its file, or ""."""
    if result.wave is None or result.wave_file is None:
        return ""
    return wave_text(result.wave.number, result.wave.usable, result.wave.without_address, result.wave_file)


def wave_json(result: BatchResult) -> dict[str, object]:
    """Return the waves for the JSON, and the number of the one that this command has made."""
    rows = [asdict(wave) for wave in result.figures.waves]
    return {"wave": None if result.wave is None else result.wave.number, "waves": rows}


def _requests(result: BatchResult) -> str:
    from bulk.reports.summary.quota import quota as quota_of

    summary, quota = result.summary, quota_of(result.figures)
    # None: the run was killed, or is still running.
    took = "" if summary.seconds is None else f" in {duration(summary.seconds)}"
    sent = f"{count(summary.requests_total, 'request')}{took}"
    lines = [f"{sent}: {summary.retries:,} repeated, {summary.rate_limited:,} rate-limited (429)."]
    if quota.is_over and quota.resets_at is not None:
        lines.append(f"Daily quota: reset at {time(quota.resets_at)}.")
    elif quota.left is not None:
        of = f" of {quota.limit:,}" if quota.limit is not None else ""
        reset = f" before the reset at {time(quota.resets_at)}" if quota.resets_at is not None else ""
        lines.append(f"Daily quota: {quota.left:,}{of} left{reset}.")
    if quota.days:
        spread = f", spread over {quota.days:,} days by the quota" if quota.days > 1 else ""
        lines.append(f"To do: {count(quota.to_do, 'request')}{spread}.")
    return "\n".join(map(paragraph, lines))


def _reports(result: BatchResult) -> str:
    folder = result.folder
    has_readme = folder.parent.name == "reports" and (folder.parent / "README.md").is_file()
    readme = f"\n{fit(folder.parent / 'README.md', 200)} explains all files." if has_readme else ""
    return f"Reports: {fit(folder / 'report.html', 500)}{readme}"


def _next_steps(result: BatchResult) -> Iterator[str]:
    """Yield the lines of all next steps. A file or command is on a separate line, so that it can be copied."""
    from bulk.reports.summary import advice, commands

    for step in advice.next_steps(result.figures, result.location):
        yield from _step(step)
    uses_sandbox = "--sandbox" in commands.codat_options(result.figures, result.location)
    if uses_sandbox and result.summary.customers["link_ready"]:
        yield "- Try: serve the linkUrls, open one in a browser and authorize."
        yield f"    {commands.sandbox(result.location)}"


def _step(step: NextStep) -> Iterator[str]:
    first = f"- {step.title}: "
    yield paragraph(f"{step.why}.", first=first, indent=" " * display_width("- "))
    yield from (f"    {line}" for line in dict.fromkeys([step.what, *step.commands]))


def _stopped(result: BatchResult, *, can_wait: bool) -> str:
    stop = result.stop
    if stop is None:
        return ""
    if stop.exit_code == 130:
        return "Interrupted. Requests in flight were completed and recorded. The same command resumes."
    reason = fit(stop.reason, 800)
    if stop.exit_code != 75:
        return f"Stopped: {reason}."
    if stop.until is None:
        return f"Stopped: {reason}. The same command resumes."
    wait = " With --wait, it sleeps until then." if can_wait else ""
    return f"Stopped: {reason} until {moment(stop.until)}. The same command resumes then.{wait}"
