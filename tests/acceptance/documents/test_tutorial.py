"""The tutorial, run as written: each command has the result that its comment describes."""

from __future__ import annotations

import csv
import itertools
import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from support.browser import Browser
from support.sandbox import start

from acceptance.documents.commands import ROOT, Command, commands, read, run, serving
from bulk.model import State
from bulk.sandbox.launch import ask

BATCH = Path("reports", "demo")
IN_THE_BROWSER = "00101"
DEMO = Command(("bulk", "migrate", "inputs/customers.csv", "--sandbox", "--batch", "demo"), 1)
INSTEAD_OF_THE_BROWSER = Command(("bulk", "sandbox", "authorize", str(BATCH), "--customer", IN_THE_BROWSER), 0)


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


@pytest.mark.long
def test_each_command_has_the_result_in_its_comment(tmp_path: Path, installed: Browser | None) -> None:
    """Each number in a comment is that of the reports or of the command's output. Afterwards, nothing exists twice."""
    shutil.copytree(ROOT / "inputs", tmp_path / "inputs")
    check, *others = commands(read("docs/tutorial.md"))
    counts = check.comment.partition(": ")[2].partition(";")[0]
    assert counts in run(check, tmp_path)
    stages = [stage(each, take(each, tmp_path, installed), tmp_path / BATCH) for each in others]
    assert_the_figures_are_right(stages)
    assert_only_the_renewed_customers_have_new_links(stages)
    assert_codat_has_the_linked_companies(stages[-1].results, tmp_path / BATCH)


def take(command: Command, folder: Path, browser: Browser | None) -> str:
    """Run a command of the tutorial, and do what it leaves to people; return what is printed."""
    if command.words == ("make", "demo"):
        return run(DEMO, folder)
    if not command.serves:
        return run(command, folder)
    if browser is None:
        return run(command, folder) + run(INSTEAD_OF_THE_BROWSER, folder)
    with serving(command, folder) as printed:
        assert "is now connected" in browser.authorize(link_of(folder / BATCH, IN_THE_BROWSER))
    return printed


def test_the_text_has_the_other_forms_of_two_commands() -> None:
    """They are what `make demo` runs, and what to do without a browser."""
    text = re.sub(r"\s+", " ", read("docs/tutorial.md"))
    assert f"`make demo` is `{DEMO}`" in text
    assert f"$(BIN)/{DEMO} " in read("Makefile")
    assert f"Without a browser, `{INSTEAD_OF_THE_BROWSER}`" in text


def link_of(batch: Path, customer_id: str) -> str:
    """Return a customer's linkUrl from links.csv."""
    with (batch / "links.csv").open(encoding="utf-8-sig", newline="") as file:
        return next(row["link_url"] for row in csv.DictReader(file) if row["customer_id"] == customer_id)


def stage(command: Command, printed: str, batch: Path) -> Stage:
    """Read the state of the batch after a command."""
    summary = json.loads((batch / "summary.json").read_text("utf-8"))
    verify = batch / "verify.csv"
    findings = pl.read_csv(verify, infer_schema=False).height if verify.exists() else None
    links = pl.read_csv(batch / "links.csv", infer_schema=False).height
    return Stage(command, printed, summary, pl.read_parquet(batch / "results.parquet"), links, findings)


def assert_the_figures_are_right(stages: Sequence[Stage]) -> None:
    """Compare each number in the comments with the reports and the output."""
    kinds = set()
    for at in stages:
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


def assert_only_the_renewed_customers_have_new_links(stages: Sequence[Stage]) -> None:
    """`links --limit 10` changes the linkUrls of ten customers. No other command changes any."""
    changes = {}
    for before, after in itertools.pairwise(stages):
        urls = before.link_urls, after.link_urls
        changed = [customer for customer, url in urls[1].items() if url and urls[0][customer] != url]
        changes[str(after.command)] = len(changed)
    assert {command: number for command, number in changes.items() if number} == {
        "bulk links reports/demo --sandbox --link-lifetime 1s --limit 10": 10
    }


def assert_codat_has_the_linked_companies(results: pl.DataFrame, batch: Path) -> None:
    """The unlinked customer has its own state, deleted companies are gone, and nothing exists twice."""
    (unlinked,) = results.filter(pl.col("customer_id") == IN_THE_BROWSER).iter_rows(named=True)
    assert (unlinked["state"], unlinked["connection_status"]) == ("unlinked", "Unlinked")
    assert unlinked["partner_connection_id"]
    assert results.filter(state="pending")["company_id"].null_count() == 29
    with start(batch / "sandbox") as running:
        stats = ask(running.folder.port() or 0, "GET", "/_sandbox/stats")
    assert stats["companies"] == results["company_id"].drop_nulls().len() == 20
    assert not any(stats["duplicates"].values())
