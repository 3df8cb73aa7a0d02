"""The charts of the page, with their values and texts. PURE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from bulk.model import State
from bulk.reports.figures import LinkAges
from bulk.reports.html.bar_chart import MAX_NAME, Chart, Row, bar_chart
from bulk.reports.html.svg import Series, fit
from bulk.reports.html.time_chart import time_chart
from bulk.reports.summary.funnel import PlatformRow, Stage
from bulk.reports.summary.timeline import Timeline
from bulk.text import count, percent

MAX_PLATFORMS: Final = 12

_STATES: Final = (  # in the order of the bars
    *(State.COMPLETE, State.LINKED, State.LINK_READY, State.PENDING, State.CONFLICT, State.FAILED, State.UNLINKED),
)
_ROWS: Final = Series("rows", "accent")
_REQUESTS: Final = Series("requests", "accent")
_LIMITED: Final = Series("rate limited (429)", "warn")
_CUSTOMERS: Final = Series("customers", "accent")
_LINKS: Final = (Series("valid", "good"), Series("expires today", "expiring"), Series("expired", "expired"))


def funnel(stages: Sequence[Stage]) -> Chart:
    """Draw the number of rows that have reached each stage."""
    total = stages[0].rows
    rows = [
        Row(each.name, f"{each.rows:,} ({percent(each.share)})", (each.rows,), (_stage_hint(each, total),))
        for each in stages
    ]
    reached = ", ".join(f"{each.rows:,} reached {each.name}" for each in stages[1:])
    return bar_chart("Rows by stage", f"Of {count(total, 'row')}, {reached}.", rows, (_ROWS,), whole=total)


def progress(timeline: Timeline) -> tuple[Chart, ...]:
    """Draw the requests per minute and the customers per minute over time, each if there are any."""
    slices = timeline.slices
    requests = [each.requests for each in slices]
    limited = [each.limited for each in slices]
    customers = [each.customers for each in slices]
    charts = []
    if any(requests):
        note = f"{count(timeline.limited, 'request')} rate limited (429)" if timeline.limited else "none rate limited"
        charts.append(time_chart("Requests per minute", note, timeline, {_REQUESTS: requests, _LIMITED: limited}))
    if any(customers):
        note = "counted when they receive a linkUrl, authorize or become complete"
        charts.append(time_chart("Customers per minute", note, timeline, {_CUSTOMERS: customers}))
    return tuple(charts)


def links(ages: LinkAges) -> Chart | None:
    """Draw the unused linkUrls by expiry, or return None if there are none."""
    rows = [("valid", (ages.good, 0, 0)), ("expires today (UTC)", (0, ages.expiring, 0))]
    rows.append(("expired", (0, 0, ages.expired)))
    if ages.unlimited:
        rows.insert(0, ("never expires", (ages.unlimited, 0, 0)))
    if ages.missing:
        rows.append(("missing", (0, 0, ages.missing)))
    total = ages.usable + ages.stale
    if not total:
        return None
    bars = [_link_row(name, values, total) for name, values in rows]
    each = ", ".join(f"{name}: {sum(values):,}" for name, values in rows)
    summary = f"{count(total, 'unused linkUrl')}; {each}."
    return bar_chart("Unused links by expiry", summary, bars, _LINKS, whole=total)


def platforms(platforms: Sequence[PlatformRow]) -> Chart | None:
    """Draw the customers of each platform by state, or return None if there are no customers."""
    used = [each for each in platforms if each.customers]
    if not used:
        return None
    drawn = _largest(used)
    states = [state for state in _STATES if any(each.states.get(state) for each in drawn)]
    series = tuple(Series(_caption(state), f"state-{state.replace('_', '-')}") for state in states)
    rows = [_platform_row(each, states) for each in drawn]
    each_one = ", ".join(f"{fit(each.name, MAX_NAME)}: {each.customers:,}" for each in drawn)
    summary = f"Customers of {count(len(used), 'platform')}; {each_one}."
    return bar_chart("Customers by platform and state", summary, rows, series)


def _stage_hint(stage: Stage, total: int) -> str:
    lost = ", ".join(f"{loss.rows:,} {_caption(loss.state)}" for loss in stage.losses)
    no_further = f"; no further: {lost}" if lost else ""
    return f"{stage.name}: {stage.rows:,} of {count(total, 'row')} ({percent(stage.share)}){no_further}"


def _link_row(name: str, values: tuple[int, ...], total: int) -> Row:
    figure = f"{sum(values):,} ({percent(sum(values) / total)})"
    return Row(name, figure, values, (f"{name}: {figure}",) * len(values))


def _largest(platforms: Sequence[PlatformRow]) -> list[PlatformRow]:
    """Return the first platforms, which are the largest; if there are too many, add up the others as one."""
    if len(platforms) <= MAX_PLATFORMS:
        return list(platforms)
    first, rest = platforms[: MAX_PLATFORMS - 1], platforms[MAX_PLATFORMS - 1 :]
    states: Counter[State] = Counter()
    for each in rest:
        states.update(each.states)
    reached = tuple(sum(numbers) for numbers in zip(*(each.reached for each in rest), strict=True))
    return [*first, PlatformRow("", f"{len(rest)} others", sum(each.customers for each in rest), reached, states)]


def _platform_row(platform: PlatformRow, states: Iterable[State]) -> Row:
    values = {state: platform.states.get(state, 0) for state in states}
    figure = f"{platform.customers:,} · {percent(platform.authorized / platform.customers)} authorized"
    total = count(platform.customers, "customer")
    hints = tuple(f"{platform.name}: {number:,} {_caption(state)}, of {total}" for state, number in values.items())
    return Row(platform.name, figure, tuple(values.values()), hints)


def _caption(state: State) -> str:
    return state.replace("_", " ")
