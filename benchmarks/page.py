"""Measures the size of the page, and the time until a browser shows it."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from statistics import median

import polars as pl
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

from benchmarks import customers
from benchmarks.figures import Figure
from benchmarks.processes import BULK, run_command

TIMES = 5
_UUID = "printf('%s-%s-%s-%s-%s', " + ", ".join(f"lower(hex(randomblob({size})))" for size in (4, 2, 2, 2, 6)) + ")"
# Ids as random as Codat's: repeated text takes no room in the page.
UNLIKE = f"""
    UPDATE customers SET company_id = {_UUID}, connection_id = {_UUID},
        partner_connection_id = CASE WHEN seq % 3 = 0 THEN {_UUID} END,
        updated_at = datetime(updated_at, -seq || ' seconds')
"""  # noqa: S608 - constants
LINKS = """
    UPDATE customers SET link_url = printf('https://link-api.codat.io/companies/%s/connections/%s/start?otp=%06d',
                                           company_id, connection_id, seq * 7919 % 1000000)
"""
PAINT = "return performance.getEntriesByName('first-contentful-paint')[0].startTime"
USABLE = "return performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
SEARCH = """
    const began = performance.now(), field = document.getElementById('search');
    field.value = 'bakery 19';
    field.dispatchEvent(new Event('input'));
    return performance.now() - began;
"""


def run(*, quick: bool) -> list[Figure]:
    """`report.html` of 20,000 customers: its size, and how soon Chromium paints it and its table is usable."""
    rows = 2_000 if quick else 20_000
    with tempfile.TemporaryDirectory() as folder:
        page = _page(Path(folder), rows)
        found = [Figure(f"page of {rows:,} customers: size", page.stat().st_size / 1e6, "MB", most=8)]
        programs = shutil.which("chromium"), shutil.which("chromedriver")
        if programs[0] is None or programs[1] is None:
            print("Chromium is not installed: nothing is painted; on Debian: apt-get install chromium chromium-driver")
            return found
        with _chromium(programs[0], programs[1], Path(folder)) as driver:
            measured = [_measure(driver, page) for _ in range(TIMES)]
    for place, (what, most) in enumerate((("first paint", 2.0), ("table usable", None), ("first search", None))):
        seconds = median(times[place] for times in measured) / 1000
        found.append(Figure(f"page of {rows:,} customers: {what}", seconds, "s", most=most))
    return found


def _page(folder: Path, rows: int) -> Path:
    """Make a batch whose customers have every value that a page shows; return its page."""
    path = customers.write(folder / "customers.csv", rows)
    frame = pl.read_csv(path, infer_schema=False).with_row_index()
    frame.select(pl.all().exclude("index"), region=pl.format("Region {}", pl.col("index") % 97)).write_csv(path)
    batch = folder / "customers"
    run_command([sys.executable, "-m", "benchmarks.loads.finished_batch", str(path), str(batch)])
    with closing(sqlite3.connect(batch / "journal.sqlite3")) as journal, journal:
        journal.execute(UNLIKE)
        journal.execute(LINKS)
    run_command([*BULK, "report", str(batch)])
    return batch / "report.html"


def _measure(driver: webdriver.Chrome, page: Path) -> tuple[float, float, float]:
    """Open the page; return the milliseconds until it is painted, until it is usable, and of a search."""
    driver.get("about:blank")
    driver.get(page.as_uri())
    paint, usable, search = (float(driver.execute_script(script)) for script in (PAINT, USABLE, SEARCH))
    return paint, usable, search


@contextmanager
def _chromium(program: str, driver: str, folder: Path) -> Iterator[webdriver.Chrome]:
    options = webdriver.ChromeOptions()
    options.binary_location = program
    # Its own sandbox does not work for root in a container, whose /dev/shm is small.
    for argument in ("--headless", "--no-sandbox", "--disable-dev-shm-usage", f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(argument)
    opened = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield opened
    finally:
        opened.quit()
