"""Renders the page from one template. The page is self-contained.

Everything from outside (names, identifiers, errors, headers, addresses, the batch's own name) is text: the template
escapes it, and only the three scripts with a hash in the Content-Security-Policy run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from bulk.model import State
from bulk.platforms import NAMES
from bulk.problem_groups import Value
from bulk.reports.columns import CHANGE, RESULTS
from bulk.reports.figures import Figures, ProblemRow
from bulk.reports.html import charts
from bulk.reports.html.customers import Customers
from bulk.reports.html.encoding import as_json, encode
from bulk.reports.summary import advice, commands, funnel, narrative
from bulk.reports.summary.commands import BatchLocation
from bulk.reports.summary.error_groups import ErrorGroup, conflict_groups, error_groups
from bulk.reports.summary.quota import quota
from bulk.reports.summary.timeline import timeline
from bulk.reports.summary.waves import HEADER, waves
from bulk.settings import SANDBOX
from bulk.text import FORMULA, count, duration, percent, shorten, time, timestamp

MAX_HOLDS: Final = 10
MAX_ERROR_GROUPS: Final = 50
MAX_WAVES: Final = 50
_MAX_TEXT: Final = 300  # characters of a text from outside
_PACKAGE: Final = "bulk.reports.html"
_SCRIPTS: Final = ("vendor/dataTables.min.js", "vendor/dataTables.responsive.min.js", "page.js")


def page(
    figures: Figures,
    customers: Customers,
    rejected: Iterable[ProblemRow],
    conflicts: Iterable[ProblemRow],
    location: BatchLocation,
) -> str:
    """Return the page as HTML."""
    errors = error_groups(figures, rejected, location)
    in_conflict, shown = conflict_groups(conflicts), errors[:MAX_ERROR_GROUPS]
    return template().render(
        _batch(figures, location)
        | _progress(figures)
        | _waves(figures)
        | {"conflict_groups": in_conflict, "error_groups": shown, "count_of_error_groups": len(errors)}
        | _customers(figures, customers, (*in_conflict, *shown))
        | _assets()
    )


def _batch(figures: Figures, location: BatchLocation) -> dict[str, object]:
    stages, platforms = funnel.funnel(figures), funnel.platforms(figures)
    return {
        "figures": figures,
        "summary": figures.summary,
        "run": figures.last_run,
        "headline": narrative.headline(figures),
        "last_run": narrative.last_run(figures),
        "unfinished": narrative.unfinished(figures),
        "codat": figures.codat or (SANDBOX if location.has_sandbox else figures.base_url),
        "steps": tuple(advice.next_steps(figures, location)),
        "changes": funnel.changes(figures),
        "states": funnel.states(figures),
        "stages": stages,
        "funnel_chart": charts.funnel(stages),
        "links_chart": charts.links(figures.links),
        "platforms": platforms,
        "platforms_chart": charts.platforms(platforms),
        "stage_names": funnel.STAGES,
        "quota": quota(figures),
        "again": commands.report(location),
    }


def _waves(figures: Figures) -> dict[str, object]:
    rows = waves(figures)
    return {"waves": rows[:MAX_WAVES], "more_waves": len(rows[MAX_WAVES:]), "wave_header": HEADER}


def _progress(figures: Figures) -> dict[str, object]:
    progress = timeline(figures)
    longest = sorted(progress.holds, key=lambda hold: hold.since - hold.until)[:MAX_HOLDS]
    return {"timeline": progress, "progress_charts": charts.progress(progress), "holds": longest}


def _customers(figures: Figures, customers: Customers, groups: Sequence[ErrorGroup]) -> dict[str, object]:
    listed = customers.listed()
    facts = {
        "batch": figures.summary.batch,
        "written": timestamp(figures.at),
        "platforms": dict(NAMES),
        "columns": [CHANGE, *RESULTS],
        "states": [str(state) for state in State],
        "formula": FORMULA,
        "errors": [each for group in groups for each in _filters(group)],
    }
    return {"rows": customers.rows, "listed": listed.height, "data": encode(listed), "facts": as_json(facts)}


def _filters(group: ErrorGroup) -> Iterator[Mapping[str, object]]:
    """Yield what the script needs to list the rows of a group, and those of each value."""
    yield {
        "key": group.key,
        "label": f"{group.title} ({group.customers:,})",
        "kinds": group.kinds,
        "rows": group.rows,
        "has_gone": not group.kinds,  # rows in conflict that the input no longer has are found by their code
    }
    for value in group.values:
        label = f"\u2014 {value.value or 'empty'} ({value.rows:,})"
        yield {"key": _key(group, value), "label": label, "kinds": (), "rows": value.first_rows, "has_gone": False}


def _key(group: ErrorGroup, value: Value) -> str:
    return f"{group.key}={value.value or ''}"


def _assets() -> dict[str, object]:
    scripts = [_asset(name) for name in _SCRIPTS]
    hashes = " ".join(f"'{_hash(script)}'" for script in scripts)
    return {"style": _asset("page.css"), "scripts": scripts, "hashes": hashes}


@cache
def template() -> Template:
    """Return the compiled template. The first call takes longer than a small page."""
    environment = Environment(
        loader=PackageLoader(_PACKAGE, "."),
        autoescape=True,
        optimized=False,  # optimizing the template takes longer than rendering it once
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "count": count,
        "isolated": _isolated,
        "length_of_time": lambda length: duration(length / timedelta(seconds=1)),
        "number": "{:,}".format,
        "rate": lambda rate: f"{rate:,.1f}".removesuffix(".0"),
        "share": percent,
        "short": _short,
        "time": time,
        "words": lambda text: text.replace("_", " "),
        "key_of": _key,
    }
    environment.globals["MAX_TEXT"] = _MAX_TEXT
    return environment.get_template("report.html.jinja")


@cache
def _asset(name: str) -> Markup:
    return Markup(files(_PACKAGE).joinpath(name).read_text("utf-8"))  # noqa: S704 - a file of this package


def _hash(script: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}"


def _short(text: str) -> str:
    return shorten(text, _MAX_TEXT)


def _isolated(sentence: str, part: str | None) -> Markup:
    """Isolate the part of a sentence that is from outside, so that direction marks in it do not reverse the rest."""
    before, isolated, after = sentence.partition(part) if part else (sentence, "", "")
    return Markup("{}<bdi>{}</bdi>{}").format(before, _short(isolated), after)
