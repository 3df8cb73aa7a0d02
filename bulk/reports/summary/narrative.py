"""Describes in sentences the state of the batch and the work of its last run. PURE."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from bulk.model import State
from bulk.reports.figures import Figures
from bulk.text import count, duration, series, time

_DONE: Final = MappingProxyType(
    {
        "company": ("company created", "companies created"),
        "connection": ("accounting connection created", "accounting connections created"),
        "link": ("linkUrl renewed", "linkUrls renewed"),
        "partner": ("partner connection created", "partner connections created"),
        "unlink": ("connection unlinked", "connections unlinked"),
        "delete": ("company deleted", "companies deleted"),
    }
)
_HEADLINES: Final = MappingProxyType(
    {
        State.COMPLETE: "{} {have} a partner connection",
        State.LINKED: "{} {have} authorized and {wait} for the partner connection",
        State.LINK_READY: "{} {have} yet to authorize",
        State.PENDING: "{} {are} not done yet",
        State.UNLINKED: "{} {are} no longer linked",
        State.FAILED: "{} failed",
        State.CONFLICT: "{} {are} in conflict",
        State.REJECTED: "{} {were} rejected",
    }
)


def headline(figures: Figures) -> str:
    """Return the state of the batch in one sentence."""
    customers = figures.summary.customers
    total = sum(customers.values())
    if not total:
        return "This batch has no customers yet."
    parts = [_agree(text, customers[state]) for state, text in _HEADLINES.items() if customers[state]]
    return f"Of {count(total, 'row')}, {series(parts)}."


def last_run(figures: Figures) -> str:
    """Return a sentence about the work of the last run, and another about the reason if it stopped early."""
    run = figures.last_run
    if run is None:
        return "No command has run on this batch yet."
    done = [f"{number:,} {_DONE[step][number != 1]}" for step, number in run.done.items() if step in _DONE]
    if run.newly_linked and "partner" not in run.done:
        done.append(f"{count(run.newly_linked, 'customer')} newly linked")
    if run.findings:
        done.append(count(run.findings, "finding"))
    took = f" in {duration(run.seconds)}" if run.seconds is not None else ""
    requests = count(figures.summary.requests_total, "request")
    text = f"bulk {run.command}, {time(run.started_at)}: {', '.join(done) or 'nothing new'}, with {requests}{took}."
    if run.stopped is not None:
        return f"{text} It stopped: {run.stopped}."
    return text if run.has_ended else f"{text} It has not ended."


def unfinished(figures: Figures) -> str | None:
    """Return a warning if the last run has not ended, because then the batch looks more complete than it is."""
    run = figures.last_run
    if run is None or run.has_ended:
        return None
    return (
        f"The last run has not ended: bulk {run.command}, started {time(run.started_at)}. It is still running, or it "
        "was killed. These reports show its progress so far; run the same command again to complete it."
    )


def _agree(text: str, number: int) -> str:
    one = number == 1
    return text.format(
        f"{number:,}",
        have="has" if one else "have",
        wait="waits" if one else "wait",
        are="is" if one else "are",
        were="was" if one else "were",
    )
