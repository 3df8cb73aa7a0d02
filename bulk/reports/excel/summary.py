"""The content of the first sheet: the state of the batch, in the words and numbers of the page and the console."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from bulk.reports.excel.formats import ACCENT
from bulk.reports.excel.summary_page import LAST_COLUMN, SummaryPage, plain
from bulk.reports.figures import Figures
from bulk.reports.summary import advice, funnel, narrative
from bulk.reports.summary.commands import BatchLocation
from bulk.reports.summary.funnel import Stage
from bulk.reports.summary.quota import quota as quota_of
from bulk.reports.summary.waves import HEADER, waves
from bulk.text import time

SHEET: Final = "Summary"

_CHART_WIDTH_PIXELS: Final = 560
_CHART_HEIGHT_PIXELS: Final = 320


def fill(book: Any, sheet: Any, figures: Figures, location: BatchLocation, notes: Sequence[str]) -> None:
    """Write the sheet from top to bottom. `notes` describe the differences between other sheets and the CSV files."""
    book.set_properties({"title": plain(f"{figures.summary.batch}: results"), "created": figures.at})
    page = SummaryPage(book, sheet)
    _heading(page, figures)
    top = page.row
    _states(page, figures)
    _funnel(page, funnel.funnel(figures), top)
    _changes(page, figures)
    _platforms(page, figures)
    _waves(page, figures)
    _quota(page, figures)
    _next_steps(page, figures, location)
    if notes:
        page.heading("Notes")
        for note in notes:
            page.text("text", note)


def _heading(page: SummaryPage, figures: Figures) -> None:
    page.text("title", figures.summary.batch)
    page.text("lead", narrative.headline(figures))
    page.text("quiet", narrative.last_run(figures))
    unfinished = narrative.unfinished(figures)
    if unfinished:
        page.text("warning", unfinished)
    page.skip()
    run = figures.last_run
    page.facts(
        {
            "As of": time(figures.at),
            "Input": figures.summary.input,
            "Version": f"bulk {run.version}" if run else None,
        }
    )


def _states(page: SummaryPage, figures: Figures) -> None:
    page.heading("States")
    page.header(["State", "Rows", "Share"], note="Meaning")
    for row in funnel.states(figures):
        page.line(row.state, [row.rows, row.share], note=row.meaning, state=row.state)


def _funnel(page: SummaryPage, stages: Sequence[Stage], top: int) -> None:
    page.heading("Funnel")
    page.header(["Stage", "Rows", "Share"], note="No further")
    first = page.row
    for stage in stages:
        losses = "; ".join(f"{loss.rows:,} {loss.state}: {loss.meaning}" for loss in stage.losses)
        page.line(stage.name, [stage.rows, stage.share], note=losses)
    place = {"object_position": 2, "description": "Bars: the number of rows that have reached each stage of the funnel"}
    page.sheet.insert_chart(top + 1, LAST_COLUMN + 2, _chart(page.book, stages, first, page.row - 1), place)


def _chart(book: Any, stages: Sequence[Stage], first: int, last: int) -> Any:
    """Return a native chart of the funnel, which is in these rows of the sheet."""
    chart = book.add_chart({"type": "bar"})
    chart.add_series(
        {
            "name": "Rows",
            "categories": [SHEET, first, 0, last, 0],
            "values": [SHEET, first, 1, last, 1],
            # For programs that do not calculate. XlsxWriter cannot look up the values, as the rows are written already.
            "categories_data": [stage.name for stage in stages],
            "values_data": [stage.rows for stage in stages],
            "fill": {"color": ACCENT},
            "gap": 45,
            "data_labels": {"value": True, "num_format": "#,##0", "font": {"color": "#404040", "size": 10}},
        }
    )
    chart.set_title({"name": "Rows by stage", "name_font": {"size": 13, "bold": True, "color": ACCENT}})
    chart.set_legend({"none": True})
    chart.set_y_axis({"reverse": True, "line": {"none": True}, "major_tick_mark": "none", "num_font": {"size": 10}})
    chart.set_x_axis({"visible": False, "major_gridlines": {"visible": False}, "min": 0})
    chart.set_chartarea({"border": {"color": "#D9D9D9"}})
    chart.set_size({"width": _CHART_WIDTH_PIXELS, "height": _CHART_HEIGHT_PIXELS})
    return chart


def _changes(page: SummaryPage, figures: Figures) -> None:
    if figures.since is None:
        return
    page.heading(f"Changes since {time(figures.since)}")
    changes = funnel.changes(figures)
    if not changes:
        page.text("text", "Nothing has changed.")
        return
    page.header(["Change", "Customers"])
    for change, customers in changes:
        page.line(change, [customers])


def _platforms(page: SummaryPage, figures: Figures) -> None:
    platforms = funnel.platforms(figures)
    if not platforms:
        return
    page.heading("Platforms")
    page.header(["Platform", *funnel.STAGES[1:], "authorized"])
    for each in platforms:
        page.line(each.name, [*each.reached, each.authorized / each.customers if each.customers else 0.0])


def _waves(page: SummaryPage, figures: Figures) -> None:
    rows = waves(figures)
    if not rows:
        return
    page.heading("Waves of linkUrls")
    page.header(HEADER)
    for row in rows:
        days = (row.issued_days, row.emailed_days)
        page.line(str(row.number), [row.issued, days[0], row.emailed, days[1], row.attempted, row.linked])


def _quota(page: SummaryPage, figures: Figures) -> None:
    quota = quota_of(figures)
    page.heading("Daily quota")
    page.facts(
        {
            "Used": quota.used,
            "Left": quota.left,
            "Daily limit": quota.limit,
            "Was reset" if quota.is_over else "Resets": time(quota.resets_at) if quota.resets_at else None,
            "Requests to do": quota.to_do,
            "Days needed": quota.days,
        }
    )


def _next_steps(page: SummaryPage, figures: Figures, location: BatchLocation) -> None:
    page.heading("Next steps")
    steps = tuple(advice.next_steps(figures, location))
    for step in steps:
        page.facts({step.title: step.what})
        page.text("quiet", step.why, first_column=1)
        for command in step.commands:
            if command != step.what:
                page.text("quiet", command, first_column=1)
    if not steps:
        page.text("text", "There is nothing to do.")
