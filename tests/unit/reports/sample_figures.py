"""Builds the figures of a batch without a journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from bulk.model import State
from bulk.reports.figures import (
    CustomerGroup,
    Example,
    Failure,
    Figures,
    LastRun,
    LinkAges,
    QuotaFigures,
    RowFigures,
    Summary,
    Wave,
)
from bulk.reports.summary.commands import BatchLocation

from .journals import NOON

LOCATION = BatchLocation(Path("reports/autumn"), has_sandbox=False)
UNKNOWN_QUOTA = QuotaFigures(None, None, None)
RUN = LastRun(
    number=1,
    command="migrate",
    version="1.0",
    started_at="2026-11-23T10:00:00Z",
    finished_at="2026-11-23T10:01:00Z",
    seconds=60.0,
    stopped=None,
    done={},
    newly_linked=0,
    findings=0,
)


def figures(
    groups: Mapping[tuple[int, State], int] | None = None, *, rejected: int = 0, held: int = 0, **others: Any
) -> Figures:
    """Build the figures of a batch. `groups`: customers by the stage that they have reached and their state.

    `rejected` and `held` are rows that became no customers: invalid ones, and ones in conflict.
    """
    found = [CustomerGroup("gbol", furthest, state, number) for (furthest, state), number in (groups or {}).items()]
    customers = dict.fromkeys(map(str, State), 0) | {"rejected": rejected, "conflict": held}
    for group in found:
        customers[group.state] += group.customers
    summary = Summary(
        batch="autumn",
        input="in.csv",
        started_at=RUN.started_at,
        finished_at=RUN.finished_at,
        seconds=RUN.seconds,
        customers=customers,
        requests={},
        requests_total=21,
        retries=0,
        rate_limited=0,
        quota=UNKNOWN_QUOTA,
        rows=RowFigures(0, 0, 0, 0),
    )
    built = Figures(
        at=NOON,
        since=None,
        summary=summary,
        base_url=None,
        codat=None,
        mapping_of_rejects={},
        mapping_of_conflicts={},
        groups=tuple(found),
        links=LinkAges(0, 0, 0, 0, None),
        waves=(),
        failures=(),
        minutes=(),
        holds=(),
        requests_to_do=0,
        last_run=RUN,
        changes={},
        has_differences=False,
        max_rejected=None,
        undone=0,
        links_limit=0,
    )
    return replace(built, **others)


def failure(state: State, step: str, code: str, *, is_deleted: bool = False, customers: int = 1) -> Failure:
    """Build a failure with one example."""
    return Failure(state, step, code, is_deleted, customers, (Example(1, "a", "why"),), ("correlation-id",))


def wave(
    number: int, *, usable: int, issued: int = 5, emailed: int = 0, next_expiry: str | None = None, without: int = 0
) -> Wave:
    """Build a wave of which nobody has linked; customers `without` an address."""
    at = "2026-11-23T09:00:00Z"
    return Wave(number, at, issued, emailed, at if emailed else None, 0, 0, usable, next_expiry, without)
