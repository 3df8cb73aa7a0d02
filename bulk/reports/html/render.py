"""How the page is put together: what others have worked out, in one template, with all that it needs inside.

Whatever comes from outside (names, identifiers, errors, headers, addresses, the batch's own name) is text: the template
escapes it, and no script runs but the three whose hashes stand in the Content-Security-Policy.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bulk.model import State
from bulk.platforms import NAMES
from bulk.reports.columns import CHANGE, RESULTS
from bulk.reports.figures import Figures, RejectedRow
from bulk.reports.html import charts
from bulk.reports.html.customers import Customers, as_json, coded
from bulk.reports.snapshot import timestamp
from bulk.reports.summary import advice, commands, funnel, narrative
from bulk.reports.summary.commands import BatchLocation
from bulk.reports.summary.error_groups import error_groups
from bulk.reports.summary.quota import quota
from bulk.reports.summary.timeline import timeline
from bulk.settings import SANDBOX
from bulk.text import FORMULA, count, duration, percent, time

MAX_HOLDS: Final = 10
MAX_ERROR_GROUPS: Final = 50
_LONGEST: Final = 300  # characters of a text from outside
_SCRIPTS: Final = ("vendor/dataTables.min.js", "vendor/dataTables.responsive.min.js", "page.js")


def page(figures: Figures, customers: Customers, rejected: Iterable[RejectedRow], location: BatchLocation) -> str:
    """Make the page."""
    progress = timeline(figures)
    listed = customers.listed()
    stages, platforms = funnel.funnel(figures), funnel.platforms(figures)
    groups = error_groups(figures, rejected, location)
    scripts = [_asset(name) for name in _SCRIPTS]
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            figures=figures,
            summary=figures.summary,
            run=figures.last_run,
            headline=narrative.headline(figures),
            last_run=narrative.last_run(figures),
            codat=figures.codat or (SANDBOX if location.has_sandbox else figures.base_url),
            steps=tuple(advice.next_steps(figures, location)),
            changes=funnel.changes(figures),
            states=funnel.states(figures),
            stages=stages,
            funnel_chart=charts.funnel(stages),
            links_chart=charts.links(figures.links),
            timeline=progress,
            progress_charts=charts.progress(progress),
            holds=sorted(progress.holds, key=lambda hold: hold.since - hold.until)[:MAX_HOLDS],
            platforms=platforms,
            platforms_chart=charts.platforms(platforms),
            stage_names=funnel.STAGES,
            error_groups=groups[:MAX_ERROR_GROUPS],
            count_of_error_groups=len(groups),
            quota=quota(figures),
            rows=customers.rows,
            listed=listed.height,
            again=commands.report(location),
            data=coded(listed),
            facts=as_json(_facts(figures)),
            style=_asset("page.css"),
            scripts=scripts,
            hashes=" ".join(f"'{_hash(script)}'" for script in scripts),
        )
    )


def _facts(figures: Figures) -> dict[str, object]:
    """Return what the script has to know besides the rows."""
    return {
        "batch": figures.summary.batch,
        "written": timestamp(figures.at),
        "platforms": dict(NAMES),
        "columns": [CHANGE, *RESULTS],
        "states": [str(state) for state in State],
        "formula": FORMULA,
    }


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("bulk.reports.html", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "count": count,
        "cut": _cut,
        "isolated": _isolated,
        "number": "{:,}".format,
        "rate": lambda rate: f"{rate:,.1f}".removesuffix(".0"),
        "share": percent,
        "time": time,
        "took": lambda length: duration(length / timedelta(seconds=1)),
        "words": lambda text: text.replace("_", " "),
    }
    made.globals["LONGEST"] = _LONGEST
    return made


@cache
def _asset(name: str) -> Markup:
    return Markup(files("bulk.reports.html").joinpath(name).read_text("utf-8"))  # noqa: S704 - our own, or vendored


def _hash(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _isolated(sentence: str, part: str | None) -> Markup:
    """Set a part of a sentence apart, so that marks of direction in it leave the sentence as it is."""
    before, found, after = sentence.partition(part) if part else (sentence, "", "")
    return Markup("{}<bdi>{}</bdi>{}").format(before, _cut(found), after)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
