"""The page as HTML: what it says, and that nothing in it can run or be fetched."""

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
from reports.journals import Journal

from bulk.reports.figures import Figures
from bulk.reports.figures_reader import read_figures, rejected_rows
from bulk.reports.rows import Reader
from bulk.reports.summary import advice, funnel, narrative
from bulk.reports.summary.commands import BatchLocation
from bulk.reports.summary.error_groups import error_groups
from bulk.reports.summary.timeline import timeline
from bulk.text import FORMULA, percent, time

from .batches import HOSTILE, NOW, SCRIPT, batch, insert, reports, text
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
    """Take a page apart."""
    return Html(page.read_text("utf-8"))


def figures_of(page: Path) -> Figures:
    """Read the figures that the page is made of."""
    with Reader(page.parent / "journal.sqlite3") as reader:
        return read_figures(reader, at=NOW)


@pytest.fixture(params=["ordinary", "compared", "dangerous"])
def page(request: pytest.FixtureRequest) -> Html:
    """Return each of the pages."""
    return parsed(request.getfixturevalue(request.param))


def test_every_element_ends_where_it_should(page: Html) -> None:
    """Nothing from outside opens or closes one."""
    assert page.unbalanced == []


def test_only_scripts_whose_hash_is_named_run(page: Html) -> None:
    """The policy names exactly the scripts that are there; all else is data, and nothing may be fetched or sent."""
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


def test_the_policy_stands_before_anything_that_it_governs(page: Html) -> None:
    """Only what says how the page is to be read comes before it."""
    tags = [tag for tag, _ in page.elements]
    assert tags[:4] == ["html", "head", "meta", "meta"]


def test_nothing_is_fetched_and_nothing_runs_from_an_attribute(page: Html) -> None:
    """No address but places in the page and an empty icon; no handler; no style that asks for anything."""
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert tag not in ("iframe", "object", "embed", "img", "image", "use", "foreignobject", "base", "form", "audio")
        for name in set(URLS) & attributes.keys():
            assert re.fullmatch(r"#[a-z-]+|data:,", attributes[name] or ""), (tag, name)
    ((_, style),) = page.all("style")
    assert "url(" not in style
    assert "@import" not in style
    assert page.all("meta", name="referrer", content="no-referrer")


def test_hostile_texts_are_only_text(dangerous: Path) -> None:
    """They are seen as they are, and make no element."""
    page = parsed(dangerous)
    assert SCRIPT in page.text("h1")
    assert f"It stopped: {SCRIPT}" in page.text("dl", **{"class": "facts"})
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"b", "img"}
    assert "{{ 7 * 7 }}" in dangerous.read_text("utf-8")
    assert set(HOSTILE) <= set(listed(page)["company_name"])


def test_marks_of_direction_end_with_their_value(dangerous: Path) -> None:
    """Whatever holds one is set apart from what stands around it."""
    outside = re.sub(
        r"<bdi.*?</bdi>|<(script|style|title).*?</\1>|<[^>]*>", "", dangerous.read_text("utf-8"), flags=re.S
    )
    assert not set("\u202a\u202b\u202d\u202e\u2066\u2067\u2068") & set(outside)


def test_long_texts_are_cut(tmp_path: Path) -> None:
    """The table says where the rest is, so the page above it stays a page."""
    journal = Journal(tmp_path, name="autumn")
    journal.source()
    journal.customer(1, "a", state="failed", error_step="company", error_code="400", error="x" * 10_000)
    said = parsed(reports(journal)).text("section", id="errors")
    assert "x" * 300 + "…" in said
    assert "x" * 301 not in said


def test_it_says_what_the_other_reports_say(ordinary: Path) -> None:
    """Headline, last run, steps, states, stages, platforms, holds and errors are those of the console."""
    page, figures = parsed(ordinary), figures_of(ordinary)
    location = BatchLocation(ordinary.parent, has_sandbox=False)
    assert page.text("p", **{"class": "headline"}) == narrative.headline(figures)
    facts = [(said, page.texts[place + 1]) for place, said in enumerate(page.texts) if page.elements[place][0] == "dt"]
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
        assert " ".join(step.command.split()) in steps
        assert step.why.removesuffix(step.command).strip() in steps
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


def test_it_says_how_to_make_it_again(dangerous: Path) -> None:
    """By a command that asks Codat nothing, and so is not told where Codat is."""
    command = shlex.split(parsed(dangerous).text("footer").removesuffix("Copy").partition("again: ")[2])
    assert command == ["bulk", "report", str(dangerous.parent)]


def test_its_rows_are_those_of_the_results(ordinary: Path) -> None:
    """All of them, with all columns, in the same order."""
    results = pl.read_parquet(ordinary.parent / "results.parquet")
    found = listed(parsed(ordinary))
    assert found.columns == results.columns
    assert found.rows() == results.rows()


def test_holds_are_listed_with_their_reasons(tmp_path: Path) -> None:
    """The ten longest of them, and how long nothing could leave in all."""
    journal = batch(tmp_path / "autumn")
    for number in range(1, 13):
        since = NOW - timedelta(minutes=10 * number)
        until = since + timedelta(seconds=20 * number)
        journal.insert("holds", run=1, since=text(since), until=text(until), why=f"reason {number}.")
    insert(journal, "requests", (_request(number) for number in range(100)))
    said = parsed(reports(journal)).text("section", id="progress")
    limited = timeline(figures_of(journal.folder / "report.html")).limited
    assert limited == 10
    assert "10 answers said too many requests (429)." in said
    assert "Nothing could leave for 26 min 0 s in all, in 12 holds; the 10 longest:" in said
    assert "reason 12." in said
    assert "reason 3." in said
    assert "reason 2." not in said


def _request(number: int) -> dict[str, object]:
    sent_at = (NOW - timedelta(minutes=number)).timestamp()
    return {
        "run": 1,
        "operation": "create_company",
        "sent_at": sent_at,
        "outcome": "done",
        "status": 429 if number % 10 == 0 else 200,
    }


def test_a_batch_of_nobody_says_so(tmp_path: Path) -> None:
    """Each section is there, and says plainly that there is nothing."""
    journal = Journal(tmp_path, name="empty")
    page = parsed(reports(journal))
    assert page.text("p", **{"class": "headline"}) == "This batch has no customers yet."
    assert "Nothing." in page.text("section", id="next")
    assert "Nothing has happened yet." in page.text("section", id="progress")
    assert "No holds." in page.text("section", id="progress")
    assert "No customers yet." in page.text("section", id="platforms")
    assert page.text("section", id="errors").endswith("No errors.")
    assert "Codat has not said" in page.text("section", id="quota")
    assert not page.all("section", id="since")


def test_changes_are_there_only_when_compared(ordinary: Path, compared: Path) -> None:
    """Each with its number, and a way to see whom it counts."""
    assert not parsed(ordinary).all("section", id="since")
    page = parsed(compared)
    with Reader(compared.parent / "journal.sqlite3") as reader:
        figures = read_figures(reader, at=NOW, since=NOW.replace(hour=0, minute=0, second=0))
    said = page.text("section", id="since")
    assert funnel.changes(figures)
    for change, number in funnel.changes(figures):
        assert f"{number:,} {change.replace('_', ' ')}" in said
        assert page.all("button", **{"data-filter": "change", "data-value": change})
    assert listed(page)["change"].drop_nulls().len() == sum(number for _, number in funnel.changes(figures))


def test_a_page_that_does_not_list_all_says_how_many(tmp_path: Path) -> None:
    """And where all of them are."""
    journal = Journal(tmp_path, name="many")
    journal.source(rows=20_001)
    row = {"source": 1, "enrolment": 1, "company_name": "A", "name": "A", "platform_key": "gbol", "extra": "{}"}
    numbers = range(1, 20_002)
    insert(journal, "customers", (row | {"row": n, "customer_id": f"c{n}", "tag": f"{n}"} for n in numbers))
    said = parsed(reports(journal)).text("section", id="customers")
    assert "This page lists 20,000 of 20,001 rows" in said
    assert "results.csv has all of them" in said


def test_headings_follow_one_another(page: Html) -> None:
    """No level is left out, and there is one title."""
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_everything_has_a_name_for_a_screen_reader(page: Html) -> None:
    """Landmarks, sections, fields, charts and buttons; and each chart has a caption and its figures as a table."""
    for tag in ("header", "main", "footer"):
        assert len(page.all(tag)) == 1
    ids = {attributes.get("id") for _, attributes in page.elements}
    for attributes, _ in page.all("section"):
        assert attributes["aria-labelledby"] in ids
    labelled = {attributes["for"] for attributes, _ in page.all("label")}
    for tag in ("input", "select"):
        assert {attributes["id"] for attributes, _ in page.all(tag)} <= labelled
    for attributes, said in page.all("button"):
        assert attributes.get("aria-label") or said.strip()
    for attributes, _ in page.all("svg"):
        assert attributes["role"] == "img"
        assert attributes["aria-label"]
    assert len(page.all("figcaption")) == len(page.all("figure"))


def test_what_needs_a_script_is_hidden_until_it_runs(page: Html) -> None:
    """Without JavaScript no button stands there that does nothing, and the page says what is missing."""
    for attributes, _ in page.all("button"):
        assert "hidden" in attributes or attributes.get("id") in ("clear", "download")
    assert page.all("div", id="list", hidden=None)  # type: ignore[arg-type]
    assert "needs JavaScript" in page.text("noscript")


def test_the_guards_pattern_is_the_one_of_the_csv_files(ordinary: Path) -> None:
    """There is one source for it."""
    ((_, facts),) = parsed(ordinary).all("script", id="facts")
    assert json.loads(facts)["formula"] == FORMULA


def test_what_is_brought_along_is_what_was_published() -> None:
    """Each file has the sha256 that the table beside it names."""
    vendor = HOME / "vendor"
    reported = dict(re.findall(r"^\| `(.+?)` .*`([0-9a-f]{64})` \|$", (vendor / "README.md").read_text("utf-8"), re.M))
    found = {
        each.name: hashlib.sha256(each.read_bytes()).hexdigest()
        for each in vendor.iterdir()
        if each.name != "README.md"
    }
    assert found == reported
    for script in found:
        assert "</script" not in (vendor / script).read_text("utf-8")


TEXTS = [("ink", 4.5), ("muted", 4.5), ("accent", 4.5), ("expired", 4.5)]
SIGNS = [
    *TEXTS,
    *((f"state-{state}", 3) for state in ("complete", "linked", "link-ready", "pending", "failed", "rejected")),
]
SIGNS += [("state-unlinked", 3), ("warn", 3), ("held", 3), ("good", 3), ("expiring", 3), ("edge", 3)]


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
    """4.5 for texts, 3 for what is drawn; by the colours that the style sheet sets."""
    roots = re.findall(r":root \{(.*?)\}", (HOME / "page.css").read_text("utf-8"), re.S)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", roots[scheme]))
    light, dark = sorted((_luminance(colours[sign]), _luminance(colours[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= least


def _luminance(colour: str) -> float:
    """Return the relative luminance, https://www.w3.org/TR/WCAG22/#dfn-relative-luminance."""
    shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
