"""The charts of the page: what each shows, and in which words. PURE."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final

from bulk.model import State
from bulk.reports.figures import LinkAges
from bulk.reports.html.drawing import MAX_NAME, Chart, Part, Row, bar_chart, cut, time_chart
from bulk.reports.summary.funnel import Platform, Stage
from bulk.reports.summary.timeline import Timeline
from bulk.text import count, percent

MAX_PLATFORMS: Final = 12

_STATES: Final = (State.COMPLETE, State.LINKED, State.LINK_READY, State.PENDING, State.FAILED, State.UNLINKED)
_REQUESTS: Final = Part("requests", "accent")
_LIMITED: Final = Part("answered 429", "warn")
_CUSTOMERS: Final = Part("customers", "accent")


def funnel(stages: Sequence[Stage]) -> Chart:
    """Draw how many rows have got to each stage."""
    total = stages[0].rows
    rows = [
        Row(each.name, f"{each.rows:,} ({percent(each.share)})", (each.rows,), (_about_stage(each, total),))
        for each in stages
    ]
    got = ", ".join(f"{each.rows:,} to {each.name}" for each in stages[1:])
    summary = f"Of {count(total, 'row')}, this many have got to each stage: {got}."
    return bar_chart("How far the rows have got", summary, rows, (Part("rows", "accent"),), whole=total)


def progress(timeline: Timeline) -> tuple[Chart, ...]:
    """Draw the requests and the customers a minute over time, or what there is of them."""
    slices = timeline.slices
    requests = [each.requests for each in slices]
    limited = [each.limited for each in slices]
    customers = [each.customers for each in slices]
    charts = []
    if any(requests):
        told = f"{count(timeline.limited, 'request')} answered 429" if timeline.limited else "none answered 429"
        charts.append(time_chart("Requests a minute", told, timeline, {_REQUESTS: requests, _LIMITED: limited}))
    if any(customers):
        told = "counted when they get a linkUrl, authorize or are complete"
        charts.append(time_chart("Customers a minute", told, timeline, {_CUSTOMERS: customers}))
    return tuple(charts)


def links(ages: LinkAges) -> Chart | None:
    """Draw the linkUrls not used yet by how long they are good; None if there is none."""
    parts = (Part("good", "good"), Part("expires today", "expiring"), Part("expired", "expired"))
    numbers = [(ages.good, 0, 0), (0, ages.expiring, 0), (0, 0, ages.expired)]
    names = ["good", "expires today (UTC)", "expired"]
    if ages.missing:
        numbers.append((0, 0, ages.missing))
        names.append("missing")
    total = ages.usable + ages.stale
    if not total:
        return None
    rows = []
    for name, values in zip(names, numbers, strict=True):
        figure = f"{sum(values):,} ({percent(sum(values) / total)})"
        rows.append(Row(name, figure, values, (f"{name}: {figure}",) * len(parts)))
    told = ", ".join(f"{row.name}: {sum(row.values):,}" for row in rows)
    summary = f"{count(total, 'linkUrl')} not used yet; {told}."
    return bar_chart("Links not used yet, by how long they are good", summary, rows, parts, whole=total)


def platforms(platforms: Sequence[Platform]) -> Chart | None:
    """Draw how many customers each platform has, by state; None if there is nobody."""
    used = [each for each in platforms if each.customers]
    if not used:
        return None
    shown = _biggest(used)
    states = [state for state in _STATES if any(each.states.get(state) for each in shown)]
    parts = tuple(Part(_caption(state), f"state-{state.replace('_', '-')}") for state in states)
    rows = [_platform_row(each, states) for each in shown]
    told = ", ".join(f"{cut(each.name, MAX_NAME)}: {each.customers:,}" for each in shown)
    summary = f"Customers of {count(len(used), 'platform')}; {told}."
    return bar_chart("Customers by platform and state", summary, rows, parts)


def _about_stage(stage: Stage, total: int) -> str:
    lost = ", ".join(f"{loss.rows:,} {_caption(loss.state)}" for loss in stage.losses)
    ended = f"; no further: {lost}" if lost else ""
    return f"{stage.name}: {stage.rows:,} of {count(total, 'row')} ({percent(stage.share)}){ended}"


def _biggest(platforms: Sequence[Platform]) -> list[Platform]:
    """Add up all but the first as "others", if there are too many. They come with the biggest first."""
    if len(platforms) <= MAX_PLATFORMS:
        return list(platforms)
    first, rest = platforms[: MAX_PLATFORMS - 1], platforms[MAX_PLATFORMS - 1 :]
    states: Counter[State] = Counter()
    for each in rest:
        states.update(each.states)
    reached = tuple(sum(numbers) for numbers in zip(*(each.reached for each in rest), strict=True))
    return [*first, Platform("", f"{len(rest)} others", sum(each.customers for each in rest), reached, states)]


def _platform_row(platform: Platform, states: Iterable[State]) -> Row:
    values = {state: platform.states.get(state, 0) for state in states}
    figure = f"{platform.customers:,} · {percent(platform.authorized / platform.customers)} authorized"
    of = count(platform.customers, "customer")
    hints = tuple(f"{platform.name}: {number:,} {_caption(state)}, of {of}" for state, number in values.items())
    return Row(platform.name, figure, tuple(values.values()), hints)


def _caption(state: State) -> str:
    return state.replace("_", " ")
