"""Reads the figures of a batch from its journal, in the same snapshot as the rows of its reports."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, time, timedelta
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from bulk import problems
from bulk.journal.facts import max_rejected
from bulk.journal.sql import load
from bulk.model import State
from bulk.reports.figures import (
    NO_LINKS,
    CustomerGroup,
    Example,
    Failure,
    Figures,
    Hold,
    LastRun,
    LinkAges,
    Minute,
    ProblemRow,
    QuotaFigures,
    RowFigures,
    Summary,
    Wave,
    total,
)
from bulk.reports.fragments import FRAGMENTS
from bulk.reports.rows import Reader
from bulk.reports.snapshot import CHUNK_ROWS, number
from bulk.text import timestamp

MAX_EXAMPLES: Final = 5  # of customers with the same error
MAX_CORRELATION_IDS: Final = 10
LINKED: Final = 4  # the stage of customers who have authorized, in the query `groups`

_SQL: Final = load("bulk.reports", "figures.sql", **FRAGMENTS)


def read_figures(reader: Reader, *, at: datetime, since: datetime | None = None) -> Figures:
    """Read the figures of a batch. `at` is the time for which links are valid or expired."""
    counts, ages = reader.rows(_SQL["groups"]), dict(_link_ages(reader, at))
    return Figures(
        at=at,
        since=since,
        summary=read_summary(reader),
        base_url=reader.facts.get("base_url"),
        codat=reader.facts.get("codat"),
        mapping_of_rejects=_single_mapping(reader, "mappings_of_rejects"),
        mapping_of_conflicts=_single_mapping(reader, "mappings_of_conflicts"),
        groups=tuple(_groups(counts)),
        links=total(ages.values()),
        waves=tuple(_waves(reader, counts, ages)),
        failures=tuple(_failures(reader)),
        minutes=tuple(_minutes(reader)),
        holds=tuple(_holds(reader, at)),
        requests_to_do=_count(reader, "requests_to_do"),
        last_run=_last_run(reader),
        changes=_changes(reader, since),
        has_differences=bool(_count(reader, "has_differences")),
        max_rejected=max_rejected(reader.facts),
        undone=_count(reader, "undone"),
        links_limit=number(reader.facts.get("links_limit")) or 0,
    )


def read_summary(reader: Reader) -> Summary:
    """Read the content of summary.json."""
    run, _, _, started_at, finished_at, seconds, _ = _row(reader, "last_run") or (0, *(None,) * 6)
    source, *rows = _row(reader, "last_input") or (None, 0, 0, 0, 0)
    values = reader.run_values(run)
    requests = reader.rows(_SQL["requests_of_run"], values)
    return Summary(
        batch=reader.facts.get("name") or reader.path.absolute().parent.name,
        input=source,
        started_at=started_at,
        finished_at=finished_at,
        seconds=seconds,
        customers=reader.counts(),
        requests={operation: count for operation, count, _ in requests},
        requests_total=sum(count for _, count, _ in requests),
        retries=_count(reader, "retries_of_run", values),
        rate_limited=sum(limited for *_, limited in requests),
        quota=QuotaFigures(
            limit=number(reader.facts.get("quota_limit")),
            remaining=number(reader.facts.get("quota_remaining")),
            resets_at=reader.facts.get("quota_resets_at"),
        ),
        rows=RowFigures(*rows),
    )


def rejected_rows(reader: Reader) -> Iterator[ProblemRow]:
    """Yield the rejected rows that the results show, in input order."""
    return _problem_rows(reader, "rejected_rows")


def conflict_rows(reader: Reader) -> Iterator[ProblemRow]:
    """Yield the rows in conflict that the results show, in input order."""
    return _problem_rows(reader, "conflict_rows")


def _problem_rows(reader: Reader, statement: str) -> Iterator[ProblemRow]:
    for rows in reader.chunks(_SQL[statement], CHUNK_ROWS, {}):
        for row, customer_id, text, *_ in rows:
            yield ProblemRow(row, customer_id, tuple(problems.parse(text)))


def _row(reader: Reader, statement: str, values: Mapping[str, object] | None = None) -> tuple[Any, ...]:
    """Return the first row of a query, or () if there is none."""
    return next(iter(reader.rows(_SQL[statement], values or {})), ())


def _count(reader: Reader, statement: str, values: Mapping[str, object] | None = None) -> int:
    (count,) = _row(reader, statement, values)
    return int(count)


def _single_mapping(reader: Reader, statement: str) -> Mapping[str, str] | None:
    """Return the mapping of the inputs that a query selects, or None if they have different ones."""
    mappings = reader.rows(_SQL[statement])
    if len(mappings) > 1:
        return None
    return dict(json.loads(mappings[0][0])) if mappings else {}


def _groups(counts: Iterable[tuple[str, int, str, int | None, int]]) -> Iterator[CustomerGroup]:
    groups: Counter[tuple[str, int, str]] = Counter()
    for key, furthest, state, _, customers in counts:
        groups[key, furthest, state] += customers
    for (key, furthest, state), customers in groups.items():
        yield CustomerGroup(key, furthest, State(state), customers)


def _link_ages(reader: Reader, at: datetime) -> Iterator[tuple[int | None, LinkAges]]:
    """Yield the linkUrls of each wave by expiry. None stands for customers who had no linkUrl yet."""
    tomorrow = datetime.combine(at.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    values = {"now": timestamp(at), "tomorrow": timestamp(tomorrow), "lifetime": reader.lifetime}
    for wave, *ages in reader.rows(_SQL["link_ages"], values):
        yield wave, LinkAges(*ages)


def _waves(
    reader: Reader, counts: Iterable[tuple[str, int, str, int | None, int]], ages: Mapping[int | None, LinkAges]
) -> Iterator[Wave]:
    linked: Counter[int | None] = Counter()
    for _, furthest, _, wave, customers in counts:
        linked[wave] += customers if furthest >= LINKED else 0
    links = {wave: numbers for wave, *numbers in reader.rows(_SQL["links_by_wave"])}
    for wave, issued_at in reader.rows(_SQL["waves"]):
        issued, emailed, emailed_at, attempted = links.get(wave, (0, 0, None, 0))
        usable = ages.get(wave, NO_LINKS)
        numbers = (
            issued,
            emailed,
            emailed_at,
            attempted,
            linked[wave],
            usable.usable,
            usable.next_expiry,
            usable.without_address,
        )
        yield Wave(wave, issued_at, *numbers)


def _failures(reader: Reader) -> Iterator[Failure]:
    rows = reader.rows(_SQL["failures"], {"examples": MAX_EXAMPLES, "correlation_ids": MAX_CORRELATION_IDS})
    for (state, step, code, deleted), members in groupby(rows, key=itemgetter(0, 1, 2, 3)):
        errors = [row[4:] for row in members]
        correlation_ids = dict.fromkeys(correlation_id for *_, correlation_id, _ in errors if correlation_id)
        yield Failure(
            State(state),
            step,
            code,
            bool(deleted),
            errors[0][-1],
            tuple(Example(row, customer_id, error) for customer_id, row, error, *_ in errors[:MAX_EXAMPLES]),
            tuple(correlation_ids)[:MAX_CORRELATION_IDS],
        )


def _minutes(reader: Reader) -> Iterator[Minute]:
    customers = dict(reader.rows(_SQL["customers_by_minute"]))
    requests = {at: (count, limited) for at, count, limited in reader.rows(_SQL["requests_by_minute"])}
    for at in sorted(requests.keys() | customers.keys()):
        yield Minute(at, *requests.get(at, (0, 0)), customers.get(at, 0))


def _holds(reader: Reader, at: datetime) -> Iterator[Hold]:
    for since, until, why in reader.rows(_SQL["holds"], {"at": timestamp(at)}):
        yield Hold(datetime.fromisoformat(since), datetime.fromisoformat(until), why)


def _last_run(reader: Reader) -> LastRun | None:
    row = _row(reader, "last_run")
    if not row:
        return None
    run, command, version, started_at, finished_at, seconds, stopped = row
    return LastRun(
        number=run,
        command=command,
        version=version,
        started_at=started_at,
        finished_at=finished_at,
        seconds=seconds,
        stopped=stopped,
        done=dict(reader.rows(_SQL["steps_of_run"], reader.run_values(run))),
        newly_linked=_count(reader, "linked_in_run", {"run": run}),
        findings=_count(reader, "open_findings") if command == "verify" else 0,
    )


def _changes(reader: Reader, since: datetime | None) -> Mapping[tuple[State, State], int]:
    if since is None:
        return {}
    rows = reader.rows(_SQL["changes"], {"since": timestamp(since)})
    return {(State(was), State(now)): count for was, now, count in rows}
