"""The README's journey, run as written: each command has the result that its comment describes."""

from __future__ import annotations

import csv
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from documents import ROOT, Command, commands, run, section, serving
from support.browser import Browser
from support.sandbox import start

from bulk.model import State
from bulk.sandbox.launch import ask

IN_THE_BROWSER = "00101"


@dataclass(frozen=True, slots=True)
class Stage:
    """The output of one command, and the state of its batch after it."""

    command: Command
    printed: str
    summary: dict[str, Any]
    results: pl.DataFrame
    links: int  # rows of links.csv
    findings: int | None  # rows of verify.csv

    @property
    def link_urls(self) -> dict[str, str | None]:
        """The linkUrl of each customer. Rejected rows are left out: one repeats a customer_id."""
        accepted = self.results.filter(pl.col("state") != "rejected")
        return dict(accepted.select("customer_id", "link_url").iter_rows())


@dataclass(frozen=True, slots=True)
class Journey:
    """All stages, and the text of the linkUrl's page after the authorization, if there is a browser."""

    batch: Path
    stages: tuple[Stage, ...]
    confirmed: str | None


@pytest.fixture(scope="module")
def journey(tmp_path_factory: pytest.TempPathFactory, installed: Browser | None) -> Journey:
    """Run the commands of the journey one by one."""
    folder = tmp_path_factory.mktemp("journey")
    shutil.copytree(ROOT / "inputs", folder / "inputs")
    batch = folder / "reports" / "journey"
    stages, confirmed = [], None
    for command in commands(section("The whole journey, on the sandbox")):
        if command.serves and installed is not None:
            with serving(command, folder) as printed:
                confirmed = installed.authorize(link_of(batch, IN_THE_BROWSER))
        elif command.serves:
            instead = f"bulk sandbox authorize reports/journey --customer {IN_THE_BROWSER}"
            assert instead in re.sub(r"\s+", " ", section("The whole journey, on the sandbox"))
            printed = run(command, folder) + run(Command(tuple(instead.split()), 0), folder)
        else:
            printed = run(command, folder)
        stages.append(stage(command, printed, batch))
    return Journey(batch, tuple(stages), confirmed)


def link_of(batch: Path, customer_id: str) -> str:
    """Return a customer's linkUrl from links.csv."""
    with (batch / "links.csv").open(encoding="utf-8", newline="") as file:
        return next(row["link_url"] for row in csv.DictReader(file) if row["customer_id"] == customer_id)


def stage(command: Command, printed: str, batch: Path) -> Stage:
    """Read the state of the batch after a command."""
    summary = json.loads((batch / "summary.json").read_text("utf-8"))
    verify = batch / "verify.csv"
    findings = pl.read_csv(verify, infer_schema=False).height if verify.exists() else None
    links = pl.read_csv(batch / "links.csv", infer_schema=False).height
    return Stage(command, printed, summary, pl.read_parquet(batch / "results.parquet"), links, findings)


def test_each_command_has_the_result_in_its_comment(journey: Journey) -> None:
    """Each number in a comment is that of the reports or of the command's output."""
    kinds = set()
    for at in journey.stages:
        for pattern, actual in meanings(at).items():
            for figure in re.findall(pattern, at.command.comment):
                assert int(figure) == actual, f"{at.command} # {at.command.comment}\n{at.printed}"
                kinds.add(pattern)
    assert len(kinds) > 7  # the comments contain numbers


def meanings(at: Stage) -> dict[str, int | None]:
    """Return the actual number for each kind of number in a comment, by its pattern."""
    customers, requests = at.summary["customers"], at.summary["requests"]
    waited = re.search(r"(\d+) customers waited: (\d+) authorized", at.printed)
    listed = re.search(r"(\d+) companies that nobody has linked", at.printed)
    return {
        **{rf"(\d+) {state}\b": customers[state] for state in map(str, State)},
        r"(\d+) requests?\b": sum(requests.values()),
        r"(\d+) links are": at.links,
        r"(\d+) findings": at.findings,
        r"so do (\d+) of": int(waited[2]) if waited else None,
        r"of the (\d+) others": int(waited[1]) if waited else None,
        r"lists (\d+) companies": int(listed[1]) if listed else None,
    }


def test_its_link_opens_in_a_real_browser(journey: Journey, browser: Browser) -> None:
    """Customer 00101 opens the linkUrl of `links.csv` and presses the button."""
    assert browser is not None
    assert journey.confirmed is not None
    assert "is now connected" in journey.confirmed


def test_only_the_renewed_customers_get_new_links(journey: Journey) -> None:
    """`links --limit 10` changes the linkUrls of ten customers. No other command changes any."""
    changes = {}
    for before, after in zip(journey.stages, journey.stages[1:], strict=False):
        urls = before.link_urls, after.link_urls
        changed = [customer for customer, url in urls[1].items() if url and urls[0][customer] != url]
        changes[str(after.command)] = len(changed)
    assert {command: number for command, number in changes.items() if number} == {
        "bulk links reports/journey --sandbox --link-lifetime 1s --limit 10": 10
    }


def test_at_the_end_codat_has_the_linked_companies(journey: Journey) -> None:
    """The unlinked customer has its own state, deleted companies are gone, and nothing exists twice."""
    results = journey.stages[-1].results
    (unlinked,) = results.filter(pl.col("customer_id") == IN_THE_BROWSER).iter_rows(named=True)
    assert (unlinked["state"], unlinked["connection_status"]) == ("unlinked", "Unlinked")
    assert unlinked["partner_connection_id"]
    assert results.filter(state="pending")["company_id"].null_count() == 29
    with start(journey.batch / "sandbox") as running:
        stats = ask(running.folder.port() or 0, "GET", "/_sandbox/stats")
    assert stats["companies"] == results["company_id"].drop_nulls().len() == 20
    assert not any(stats["duplicates"].values())
