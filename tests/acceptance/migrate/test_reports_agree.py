"""All reports of a real batch agree with the journal: page, workbook, CSV, Parquet, summary and console."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

import polars as pl
import pytest
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape
from support.runs import BatchFixture, Codat, row
from unit.reports.html.html import Html, listed

import bulk


@pytest.fixture
def ended(codat: Codat, fixture: BatchFixture) -> str:
    """Make a batch with a customer in nearly every state; return the output of the last command."""
    ids = fixture.customers(24)
    rows = [row(customer_id, number) for number, customer_id in enumerate(ids)]
    rows[3] |= {"platform": "Lotus 1-2-3"}
    rows[5] |= {"platform": "", "company_name": "=1+1"}
    fixture.write(rows)
    codat.inject_faults({"kind": "400", "operations": ["create_company"], "count": 2})
    fixture.run("--limit", "20")
    codat.clear_faults()
    there = [each["customer_id"] for each in fixture.results() if each["state"] == "link_ready"]
    codat.authorize(there[:6])
    fixture.then("follow-up")
    codat.deauthorize(there[:1])
    codat.inject_faults({"kind": "422", "operations": ["create_partner_expense_connection"], "count": 1})
    codat.authorize(there[6:8])
    return fixture.then("follow-up").out


def test_the_counts_of_all_reports_are_those_of_the_journal(ended: str, fixture: BatchFixture) -> None:
    """The counts by state agree in rows and totals, and so does the funnel of page, workbook and console."""
    folder = fixture.folder
    counts = {state: number for state, number in fixture.summary()["customers"].items() if number}
    assert counts == {"rejected": 2, "pending": 2, "failed": 3, "link_ready": 10, "complete": 6, "unlinked": 1}
    in_journal = (
        "SELECT state, count(*) FROM customers GROUP BY state UNION SELECT 'rejected', count(*) FROM rejections"
    )
    assert dict(fixture.query_journal(in_journal)) == counts
    assert Counter(each["state"] for each in fixture.results()) == counts
    assert Counter(pl.read_parquet(folder / "results.parquet")["state"]) == counts
    html = (folder / "report.html").read_text("utf-8")
    page = Html(html)
    assert Counter(listed(page)["state"]) == counts
    shown = re.findall(r'</small></th><td>(\d+)</td>.*data-filter="state" data-value="(\w+)"', html)
    assert {state: int(number) for number, state in shown} == counts
    book = load_workbook(folder / "results.xlsx")
    header, *cells = book["Results"].iter_rows(values_only=True)
    assert Counter(each[header.index("state")] for each in cells) == counts
    summary = [[cell for cell in line if cell is not None] for line in book["Summary"].iter_rows(values_only=True)]
    assert {line[0]: line[1] for line in summary if line and line[0] in counts} == counts
    assert figures_in(ended, counts) == counts
    stages = re.search(
        r"rows (\d+) → valid (\d+) → company (\d+) → link ready (\d+) → linked (\d+) →\s.* (\d+)\n", ended
    )
    assert stages is not None
    assert stages.groups() == ("24", "22", "18", "18", "7", "6")
    names = ("rows", "valid", "company", "link ready", "linked", "partner connection")
    in_workbook = {line[0]: str(line[1]) for line in summary if line and line[0] in names}
    assert tuple(in_workbook[name] for name in names) == stages.groups()
    drawn = dict(re.findall(r"<title>([a-z ]+): (\d+) of 24 rows", html))
    assert tuple(drawn[name] for name in names) == stages.groups()


def figures_in(text: str, words: object) -> dict[str, int]:
    """Return the first number after each word."""
    found = {}
    for word in words:  # type: ignore[attr-defined]
        number = re.search(rf"\b{word}\D*?(\d+)", text)
        if number:
            found[str(word)] = int(number[1])
    return found


def test_the_rows_of_the_workbook_are_those_of_the_csv_files(ended: str, fixture: BatchFixture) -> None:
    """They are equal cell by cell, without escapes. So are those of the page."""
    assert ended
    book = load_workbook(fixture.folder / "results.xlsx")
    results = pl.read_parquet(fixture.folder / "results.parquet")
    assert sheet(book["Results"]) == [[*results.columns], *(texts(each) for each in results.rows())]
    for name in ("links", "rejects", "conflicts", "partner"):
        frame = fixture.table(f"{name}.csv")
        header, *cells = sheet(book[name.capitalize()])
        unescaped = [each | {"company_name": each["company_name"].removeprefix("'")} for each in frame]
        assert cells == [[each[column] for column in header] for each in unescaped]
    page = listed(Html((fixture.folder / "report.html").read_text("utf-8")))
    assert [texts(each) for each in zip(*(page[name] for name in results.columns), strict=True)] == [
        texts(each) for each in results.rows()
    ]


def sheet(cells: object) -> list[list[str]]:
    """Return a sheet's cells as texts."""
    return [texts(line) for line in cells.iter_rows(values_only=True)]  # type: ignore[attr-defined]


def texts(line: object) -> list[str]:
    """Return a row as the texts of a CSV file."""
    return ["" if value is None else unescape(str(value)) for value in line]  # type: ignore[attr-defined]


def test_a_report_with_nothing_new_is_the_same_to_the_byte(ended: str, fixture: BatchFixture) -> None:
    """Only the page and the workbook may differ, in the time at which they were written."""
    assert ended
    before = contents(fixture.folder)
    bulk.report(fixture.folder)
    after = contents(fixture.folder)
    assert {name for name in before if before[name] != after[name]} <= {"report.html", "results.xlsx"}
    assert json.loads(after["summary.json"])["customers"]["complete"] == 6


def contents(folder: Path) -> dict[str, bytes]:
    """Read all reports."""
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.suffix in (".csv", ".parquet", ".json", ".html", ".xlsx")
    }
