"""The page as HTML: its content, and that nothing in it runs or is fetched."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shlex
from datetime import timedelta
from importlib.resources import files
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from bulk.reports.figures import Figures
from bulk.reports.figures_reader import read_figures, rejected_rows
from bulk.reports.rows import Reader
from bulk.reports.summary import advice, funnel, narrative
from bulk.reports.summary.commands import BatchLocation
from bulk.reports.summary.error_groups import error_groups
from bulk.reports.summary.timeline import timeline
from bulk.text import FORMULA, percent, time
from unit.reports.journals import Journal

from .batches import HOSTILE, NOW, SCRIPT, batch, reports, text
from .html import Html, listed

HOME = files("bulk.reports.html")
URLS = (
    "src",
    "href",
    "srcset",
    "action",
    "formaction",
    "data",
    "poster",
    "background",
    "xlink:href",
    "ping",
    "manifest",
)


def parsed(page: Path) -> Html:
    """Parse a page."""
    return Html(page.read_text("utf-8"))


def figures_of(page: Path) -> Figures:
    """Read the figures that the page shows."""
    with Reader(page.parent / "journal.sqlite3") as reader:
        return read_figures(reader, at=NOW)


@pytest.fixture(params=["ordinary", "compared", "dangerous"])
def page(request: pytest.FixtureRequest) -> Html:
    """Return each of the pages."""
    return parsed(request.getfixturevalue(request.param))


def test_every_element_is_closed(page: Html) -> None:
    """No value from outside opens or closes an element."""
    assert page.unbalanced == []


def test_only_the_scripts_in_the_policy_run(page: Html) -> None:
    """The policy has the hash of each script. Everything else is data, and nothing may be fetched or sent."""
    scripts = [body for attributes, body in page.all("script") if "type" not in attributes]
    hashes = [base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts]
    ((policy, _),) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    allowed = " ".join(f"'sha256-{digest}'" for digest in hashes)
    assert policy["content"] == (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    assert len(scripts) == 3
    assert [attributes["type"] for attributes, _ in page.all("script") if "type" in attributes] == [
        "application/json"
    ] * 2


def test_the_policy_comes_before_everything_that_it_governs(page: Html) -> None:
    """Only the encoding comes before it."""
    tags = [tag for tag, _ in page.elements]
    assert tags[:4] == ["html", "head", "meta", "meta"]


def test_nothing_is_fetched_and_nothing_runs_from_an_attribute(page: Html) -> None:
    """The only addresses are places in the page and an empty icon; there are no handlers and no imported styles."""
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert tag not in ("iframe", "object", "embed", "img", "image", "use", "foreignobject", "base", "form", "audio")
        for name in set(URLS) & attributes.keys():
            assert re.fullmatch(r"#[a-z-]+|data:,", attributes[name] or ""), (tag, name)
    ((_, style),) = page.all("style")
    assert "url(" not in style
    assert "@import" not in style
    assert page.all("meta", name="referrer", content="no-referrer")


def test_hostile_texts_are_only_texts(dangerous: Path) -> None:
    """They are shown unchanged, and create no element."""
    page = parsed(dangerous)
    assert SCRIPT in page.text("h1")
    assert f"It stopped: {SCRIPT}" in page.text("dl", **{"class": "facts"})
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"b", "img"}
    assert "{{ 7 * 7 }}" in dangerous.read_text("utf-8")
    assert set(HOSTILE) <= set(listed(page)["company_name"])


def test_direction_marks_end_with_their_value(dangerous: Path) -> None:
    """Every value that contains one is isolated from the text around it."""
    outside = re.sub(
        r"<bdi.*?</bdi>|<(script|style|title).*?</\1>|<[^>]*>", "", dangerous.read_text("utf-8"), flags=re.S
    )
    assert not set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068") & set(outside)


def test_long_texts_are_shortened(tmp_path: Path) -> None:
    """The table says where the rest is."""
    journal = Journal(tmp_path, name="autumn")
    journal.source()
    journal.customer(1, "a", state="failed", error_step="company", error_code="400", error="x" * 10_000)
    shown = parsed(reports(journal)).text("section", id="errors")
    assert "x" * 299 + "…" in shown
    assert "x" * 300 not in shown


def test_it_agrees_with_the_other_reports(ordinary: Path) -> None:
    """Headline, last run, steps, states, stages, platforms and errors are those of the console."""
    page, figures = parsed(ordinary), figures_of(ordinary)
    location = BatchLocation(ordinary.parent, has_sandbox=False)
    assert page.text("p", **{"class": "headline"}) == narrative.headline(figures)
    facts = [
        (shown, page.texts[place + 1]) for place, shown in enumerate(page.texts) if page.elements[place][0] == "dt"
    ]
    assert facts[:5] == [
        ("Written", time(NOW)),
        ("Input", "in.csv"),
        ("Codat", "api.codat.io"),
        ("Version", "bulk 1"),
        ("Last run", narrative.last_run(figures)),
    ]
    steps = page.text("section", id="next")
    for step in advice.next_steps(figures, location):
        assert step.title in steps
        assert step.why in steps
        assert all(" ".join(command.split()) in steps for command in step.commands)
    rows = page.rows()
    for row in funnel.states(figures):
        assert (f"{row.state}{row.meaning}", f"{row.rows:,}", percent(row.share), row.meaning, "Show") in rows
    for stage in funnel.funnel(figures):
        assert (stage.name, f"{stage.rows:,}", f"{sum(loss.rows for loss in stage.losses):,}") in rows
    for platform in funnel.platforms(figures):
        assert (platform.name, *(f"{number:,}" for number in platform.reached)) in rows
    assert ("expires today (UTC)", f"{figures.links.expiring:,}") in rows
    errors = page.text("section", id="errors")
    with Reader(ordinary.parent / "journal.sqlite3") as reader:
        for group in error_groups(figures, rejected_rows(reader), location):
            assert f"{group.title} {group.customers:,}" in errors
            assert group.remedy in errors
            assert all(identifier in errors for identifier in group.correlation_ids)


def test_it_names_the_command_that_writes_it_again(dangerous: Path) -> None:
    """The command sends nothing, so it needs no option for Codat."""
    command = shlex.split(parsed(dangerous).text("footer").removesuffix("Copy").partition("again: ")[2])
    assert command == ["bulk", "report", str(dangerous.parent)]


def test_its_rows_are_those_of_the_results(ordinary: Path) -> None:
    """It has all of them, with all columns, in the same order."""
    results = pl.read_parquet(ordinary.parent / "results.parquet")
    found = listed(parsed(ordinary))
    assert found.columns == results.columns
    assert found.rows() == results.rows()


def test_holds_are_listed_with_their_reasons(tmp_path: Path) -> None:
    """The ten longest are listed, with the total time without requests."""
    journal = batch(tmp_path / "autumn")
    journal.run(id=2, finished_at=text(NOW))
    for number in range(1, 13):
        since = NOW - timedelta(minutes=10 * number)
        until = since + timedelta(seconds=20 * number)
        journal.insert("holds", run=2, since=text(since), until=text(until), why=f"reason {number}.")
    journal.insert_rows("requests", (_request(number) for number in range(100)))
    shown = parsed(reports(journal)).text("section", id="progress")
    limited = timeline(figures_of(journal.folder / "report.html")).limited
    assert limited == 10
    assert "10 responses with too many requests (429)." in shown
    assert "No requests were sent for 26 min 0 s in total, in 12 holds; the 10 longest:" in shown
    assert "reason 12." in shown
    assert "reason 3." in shown
    assert "reason 2." not in shown


def _request(number: int) -> dict[str, object]:
    sent_at = (NOW - timedelta(minutes=number)).timestamp()
    return {
        "run": 1,
        "operation": "create_company",
        "sent_at": sent_at,
        "outcome": "done",
        "status": 429 if number % 10 == 0 else 200,
    }


def test_a_run_without_an_end_has_a_warning(tmp_path: Path) -> None:
    """It comes before everything else on the page; a run that has ended has none."""
    journal = batch(tmp_path / "autumn")
    assert "Incomplete:" not in parsed(reports(journal)).text("main")
    journal.run(id=2, finished_at=None, seconds=None)
    page = parsed(reports(journal))
    warning = narrative.unfinished(figures_of(journal.folder / "report.html"))
    assert warning is not None
    assert page.text("main").startswith(f"Incomplete: {warning}")


def test_a_batch_without_customers_has_a_page(tmp_path: Path) -> None:
    """Each section says that it is empty."""
    journal = Journal(tmp_path, name="empty")
    page = parsed(reports(journal))
    assert page.text("p", **{"class": "headline"}) == "This batch has no customers yet."
    assert "There is nothing to do." in page.text("section", id="next")
    assert "Nothing has happened yet." in page.text("section", id="progress")
    assert "No holds." in page.text("section", id="progress")
    assert "This batch has no customers yet." in page.text("section", id="platforms")
    assert page.text("section", id="errors").endswith("No errors.")
    assert "Codat has not reported" in page.text("section", id="quota")
    assert not page.all("section", id="since")


def test_changes_are_shown_only_with_a_comparison(ordinary: Path, compared: Path) -> None:
    """Each has its number, and a button that shows the customers."""
    assert not parsed(ordinary).all("section", id="since")
    page = parsed(compared)
    with Reader(compared.parent / "journal.sqlite3") as reader:
        figures = read_figures(reader, at=NOW, since=NOW.replace(hour=0, minute=0, second=0))
    shown = page.text("section", id="since")
    assert funnel.changes(figures)
    for change, number in funnel.changes(figures):
        assert f"{number:,} {change.replace('_', ' ')}" in shown
        assert page.all("button", **{"data-filter": "change", "data-value": change})
    assert listed(page)["change"].drop_nulls().len() == sum(number for _, number in funnel.changes(figures))


def test_conflicts_have_a_section_only_if_there_are_any(ordinary: Path, tmp_path: Path) -> None:
    """They are grouped by kind, with the rows' own sentences, and they are no errors that Codat has rejected."""
    assert not parsed(ordinary).all("section", id="conflicts")
    journal = Journal(tmp_path, name="autumn")
    journal.source()
    journal.held(3, "a", found="Bolt Ltd")
    journal.in_conflict(4, "b", found="Cog Ltd")
    page = parsed(reports(journal))
    shown = page.text("section", id="conflicts")
    assert "customer_id already belongs to another customer 1" in shown
    assert 'customer_id "a" already belongs to the customer "Bolt Ltd" of another file: accept' in shown
    assert 'company_name "Cafe b" is not the name of this customer\'s company in Codat, "Cog Ltd": accept' in shown
    assert all(who in shown for who in ("Row 3, a", "Row 4, b"))
    assert page.all("button", **{"data-filter": "state", "data-value": "conflict"})
    assert page.text("section", id="errors") == "Errors, grouped by remedy No errors."
    assert "2 rows in conflict; copy conflicts.csv" in page.text("section", id="next")
    assert listed(page)["error_code"].to_list() == ["other_customer", "other_name"]


def test_a_page_that_does_not_list_all_rows_gives_their_numbers(tmp_path: Path) -> None:
    """It also says where all of them are."""
    journal = Journal(tmp_path, name="many")
    journal.source(rows=20_001)
    row = {"source": 1, "enrolment": 1, "company_name": "A", "name": "A", "platform_key": "gbol", "extra": "{}"}
    numbers = range(1, 20_002)
    journal.insert_rows("customers", (row | {"row": n, "customer_id": f"c{n}", "tag": f"{n}"} for n in numbers))
    shown = parsed(reports(journal)).text("section", id="customers")
    assert "This page lists 20,000 of 20,001 rows" in shown
    assert "results.csv has all of them" in shown


def test_heading_levels_are_in_order(page: Html) -> None:
    """No level is skipped, and there is one title."""
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_everything_has_a_name_for_a_screen_reader(page: Html) -> None:
    """Landmarks, sections, fields, charts and buttons have names, and each chart has a caption."""
    for tag in ("header", "main", "footer"):
        assert len(page.all(tag)) == 1
    ids = {attributes.get("id") for _, attributes in page.elements}
    for attributes, _ in page.all("section"):
        assert attributes["aria-labelledby"] in ids
    labelled = {attributes["for"] for attributes, _ in page.all("label")}
    for tag in ("input", "select"):
        assert {attributes["id"] for attributes, _ in page.all(tag)} <= labelled
    for attributes, shown in page.all("button"):
        assert attributes.get("aria-label") or shown.strip()
    for attributes, _ in page.all("svg"):
        assert attributes["role"] == "img"
        assert attributes["aria-label"]
    assert len(page.all("figcaption")) == len(page.all("figure"))


def test_controls_are_hidden_until_the_script_runs(page: Html) -> None:
    """Without JavaScript the page has no useless buttons, and names the missing functions."""
    for attributes, _ in page.all("button"):
        assert "hidden" in attributes or attributes.get("id") in ("clear", "download")
    assert page.all("div", id="list", hidden=None)
    assert "needs JavaScript" in page.text("noscript")


def test_the_script_escapes_formulas_with_the_pattern_of_the_csv_files(ordinary: Path) -> None:
    """There is one source for the pattern."""
    ((_, facts),) = parsed(ordinary).all("script", id="facts")
    assert json.loads(facts)["formula"] == FORMULA


def test_the_vendored_files_are_the_published_ones() -> None:
    """Each file has the sha256 in the table of the README next to it."""
    vendor = HOME / "vendor"
    expected = dict(re.findall(r"^\| `(.+?)` .*`([0-9a-f]{64})` \|$", (vendor / "README.md").read_text("utf-8"), re.M))
    found = {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest()
        for each in vendor.iterdir()
        if each.name != "README.md"
    }
    assert found == expected
    for script in found:
        assert "</script" not in (vendor / script).read_text("utf-8")


TEXTS = [("ink", 4.5), ("muted", 4.5), ("accent", 4.5), ("expired", 4.5)]
SIGNS = [
    *TEXTS,
    *((f"state-{state}", 3) for state in ("complete", "linked", "link-ready", "pending", "conflict", "failed")),
]
SIGNS += [
    ("state-rejected", 3),
    ("state-unlinked", 3),
    ("warn", 3),
    ("held", 3),
    ("good", 3),
    ("expiring", 3),
    ("edge", 3),
]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("sign", "ground", "least"),
    [
        *((sign, "card", least) for sign, least in SIGNS),
        *((sign, ground, least) for sign, least in TEXTS for ground in ("paper", "wash")),
        ("on-accent", "accent", 4.5),
    ],
)
def test_contrasts_are_those_of_wcag_aa(scheme: int, sign: str, ground: str, least: float) -> None:
    """The colours of the style sheet have a contrast of 4.5 for texts and 3 for drawings."""
    roots = re.findall(r":root \{(.*?)\}", (HOME / "page.css").read_text("utf-8"), re.S)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", roots[scheme]))
    light, dark = sorted((_luminance(colours[sign]), _luminance(colours[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= least


def _luminance(colour: str) -> float:
    """Return the relative luminance (https://www.w3.org/TR/WCAG22/#dfn-relative-luminance)."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
