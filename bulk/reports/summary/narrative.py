"""What happened, in sentences: how the batch stands, and what its last run did. PURE."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from bulk.model import State
from bulk.reports.figures import Figures
from bulk.text import count, duration, time

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


def headline(figures: Figures) -> str:
    """Say in one sentence how far the batch's customers have got."""
    customers = figures.summary.customers
    total = sum(customers.values())
    if not total:
        return "Nobody is in this batch yet."
    said = {
        State.COMPLETE: "{} {have} a partner connection",
        State.LINKED: "{} {have} authorized and {wait} for the partner connection",
        State.LINK_READY: "{} {have} yet to authorize",
        State.PENDING: "{} {are} not done yet",
        State.UNLINKED: "{} {are} no longer linked",
        State.FAILED: "{} failed",
        State.REJECTED: "{} {were} rejected",
    }
    parts = [_agree(text, customers[state]) for state, text in said.items() if customers[state]]
    told = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"Of {count(total, 'row')}, {told}."


def last_run(figures: Figures) -> str:
    """Say what the last run of a command did, and why it stopped if it did."""
    run = figures.last_run
    if run is None:
        return "No command has run on this batch yet."
    done = [f"{number:,} {_DONE[name][number != 1]}" for name, number in run.done.items() if name in _DONE]
    if run.newly_linked and "partner" not in run.done:
        done.append(f"{count(run.newly_linked, 'customer')} newly linked")
    if run.findings:
        done.append(count(run.findings, "finding"))
    did = ", ".join(done) or "nothing new"
    took = f" in {duration(run.seconds)}" if run.seconds is not None else ""
    requests = count(figures.summary.requests_total, "request")
    said = f"bulk {run.command}, {time(run.started_at)}: {did}, with {requests}{took}."
    if run.stopped is not None:
        return f"{said} It stopped: {run.stopped}."
    return said if run.finished_at is not None else f"{said} It has not come to its end."


def _agree(text: str, number: int) -> str:
    one = number == 1
    return text.format(
        f"{number:,}",
        have="has" if one else "have",
        wait="waits" if one else "wait",
        are="is" if one else "are",
        were="was" if one else "were",
    )
