"""The page in a real Chromium, opened from its file: people use it, and hostile values have no effect."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import polars.selectors as cs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from selenium.webdriver.common.keys import Keys
from support.browser import Browser
from unit.reports.html.batches import NOW, reports, text
from unit.reports.journals import Journal

from bulk.reports.write import write_reports
from bulk.text import FORMULA, escape_formula, unescape_formula


class Opened:
    """A page that is open in the browser."""

    def __init__(self, browser: Browser, page: Path) -> None:
        self.browser = browser
        self.folder = page.parent
        browser.open("about:blank")
        browser.console()
        browser.requested()
        browser.open(page.as_uri())

    def column(self, name: str) -> list[str]:
        """Return the texts of a column on the current page of the table."""
        script = "return [...document.querySelectorAll(`#table td.is-${arguments[0]}`)].map(cell => cell.innerText)"
        return list(self.browser.run(script, name))

    @property
    def count(self) -> tuple[int, int]:
        """Return how many rows match the filters, and the number of all rows."""
        found = re.fullmatch(r"([\d,]+) of ([\d,]+) rows?", self.browser.text("#count"))
        assert found
        return int(found[1].replace(",", "")), int(found[2].replace(",", ""))

    def results(self) -> pl.DataFrame:
        """Return the results that were written with the page."""
        return pl.read_parquet(self.folder / "results.parquet")

    def downloaded(self, folder: Path) -> Path:
        """Click *Download CSV* and return the file."""
        return self.browser.download("#download", folder)

    @property
    def announced(self) -> str:
        """Return the last announcement for screen readers."""
        return str(self.browser.run("return document.getElementById('live').textContent"))

    def clipboard(self) -> str:
        """Return the content of the clipboard."""
        self.browser.allow_clipboard()
        return str(self.browser.run("return navigator.clipboard.readText()"))


@pytest.fixture
def autumn(browser: Browser, ordinary: Path) -> Iterator[Opened]:
    """Open the page of an ordinary batch; at the end nothing was fetched, and the console is empty."""
    opened = Opened(browser, ordinary)
    yield opened
    assert browser.console() == []
    fetched = {url.partition("#")[0] for url in browser.requested() if not url.startswith(("blob:", "about:"))}
    assert fetched == {ordinary.as_uri()}


@pytest.fixture
def since(browser: Browser, compared: Path) -> Opened:
    """Open the page of a batch with a comparison."""
    return Opened(browser, compared)


@pytest.fixture
def attack(browser: Browser, dangerous: Path) -> Opened:
    """Open the page in which every value is hostile."""
    return Opened(browser, dangerous)


def test_the_table_has_all_customers(autumn: Opened) -> None:
    """They are in input order, one page at a time."""
    results = autumn.results()
    assert autumn.count == (results.height, results.height)
    assert autumn.column("customer_id") == results["customer_id"].head(25).to_list()
    assert autumn.column("state") == results["state"].head(25).to_list()


@pytest.mark.parametrize(
    ("field", "column", "label", "value"),
    [
        ("#state", "state", "failed", "failed"),
        ("#platform", "platform_key", "Xero", "gbol"),
    ],
)
def test_a_filter_shows_matching_customers(autumn: Opened, field: str, column: str, label: str, value: str) -> None:
    """Customers are filtered by state, and by platform under its name."""
    autumn.browser.select(field, label)
    found = autumn.results().filter(pl.col(column) == value)
    assert 0 < found.height < 25
    assert autumn.column("customer_id") == found["customer_id"].to_list()
    assert set(autumn.column(column)) == {label}
    assert autumn.count[0] == found.height
    autumn.browser.press("#clear")
    assert autumn.count[0] == autumn.count[1]


def test_filters_and_search_apply_together(autumn: Opened) -> None:
    """Words of any column match, even a hidden one, in any case and without accents."""
    browser, results = autumn.browser, autumn.results()
    company_id = results["company_id"].drop_nulls()[3]
    browser.type("#search", company_id.upper())
    assert autumn.column("customer_id") == results.filter(company_id=company_id)["customer_id"].to_list()
    browser.press("#clear")
    browser.type("#search", "becker ANGSTROM")
    browser.select("#state", "complete")
    found = results.filter(
        pl.col("company_name").str.contains("Ångström"),
        pl.col("account manager") == "Tom Becker",
        pl.col("state") == "complete",
    )
    assert autumn.column("customer_id") == found["customer_id"].to_list()
    browser.type("#search", " no such customer")
    assert autumn.count[0] == 0
    assert "No customer matches these filters." in browser.text("#table")


def test_a_group_of_errors_opens_its_rows(autumn: Opened) -> None:
    """So does each value. The view has an address of its own, to share and to return to."""
    browser, rejected = autumn.browser, autumn.results().filter(state="rejected")
    for selector in ("#errors [data-value='platform_unknown']", "#errors .values button"):
        browser.press("#clear")
        browser.press(selector)
        assert autumn.column("customer_id") == rejected["customer_id"].to_list()
        assert set(autumn.column("platform_key")) == {"Zero"}
    address = str(browser.run("return location.href"))
    assert address.endswith("#show?error=platform_unknown%3DZero")
    browser.press("#clear")
    assert autumn.count[0] == autumn.count[1]
    browser.run("history.back()")
    browser.until(f"document.getElementById('count').textContent.startsWith('{rejected.height} of')")
    browser.open("about:blank")
    browser.open(address)
    assert autumn.count[0] == rejected.height


def test_each_group_of_errors_opens_as_many_rows_as_it_has(autumn: Opened) -> None:
    """Those of Codat's errors too."""
    browser = autumn.browser
    groups = browser.run(
        "return [...document.querySelectorAll('#errors article')].map(each =>"
        " [each.querySelector('.badge').textContent, each.querySelector('[data-filter]').dataset.value])"
    )
    assert len(groups) > 3
    for number, key in groups:
        browser.press(f"#errors [data-value='{key}']")
        assert autumn.count[0] == int(number)


def test_the_address_has_every_filter_and_the_order(autumn: Opened) -> None:
    """A view that somebody shared is restored, whatever it was."""
    browser = autumn.browser
    browser.type("#search", "no such customer", Keys.TAB)
    browser.press("#clear")
    browser.type("#search", "tom becker", Keys.TAB)
    browser.select("#state", "failed")
    browser.select("#sort", "company")
    browser.select("#direction", "Descending")
    address, shown = str(browser.run("return location.href")), autumn.column("customer_id")
    assert address.endswith("#show?search=tom+becker&state=failed&sort=company_name&direction=desc")
    browser.open("about:blank")
    browser.open(address)
    assert autumn.column("customer_id") == shown != []
    browser.open(address.partition("#")[0] + "#show?state=nonsense&error=%00&sort=%3Cb%3E&x=1")
    assert autumn.count[0] == autumn.count[1]


def test_every_column_can_be_sorted(autumn: Opened) -> None:
    """The header sorts its column; the list also has the hidden columns. Numbers are sorted as numbers."""
    browser = autumn.browser
    browser.select("#sort", "row")
    browser.select("#direction", "Descending")
    assert autumn.column("row") == [str(row) for row in range(60, 35, -1)]
    for direction in ("ascending", "descending"):
        browser.press("#table th.is-company_name")
        browser.until("document.querySelector('#table th.is-company_name').ariaSort === arguments[0]", direction)
        names = autumn.results()["company_name"].sort(descending=direction == "descending")
        assert autumn.column("company_name") == names.head(25).to_list()
        assert browser.run("return document.getElementById('sort').value") == "company_name"
        assert browser.run("return document.getElementById('direction').value") == direction.removesuffix("ending")
    browser.select("#sort", "region")
    assert len(browser.run("return [...document.getElementById('sort').options]")) == autumn.results().width + 1


def test_the_download_is_results_csv(autumn: Opened, tmp_path: Path) -> None:
    """If no filter is set, it has the same bytes."""
    found = autumn.downloaded(tmp_path)
    assert found.name == "autumn customers.csv"
    assert found.read_bytes() == (autumn.folder / "results.csv").read_bytes()


def test_the_download_has_the_filtered_rows(autumn: Opened, tmp_path: Path) -> None:
    """They are in the order of the table, with all columns."""
    autumn.browser.select("#state", "link_ready")
    autumn.browser.select("#sort", "row")
    autumn.browser.select("#direction", "Descending")
    found = pl.read_csv(autumn.downloaded(tmp_path), schema_overrides=autumn.results().schema)
    expected = autumn.results().filter(state="link_ready").sort("row", descending=True)
    assert found.with_columns(unescape_formula(cs.string())).rows() == expected.rows()


def test_hostile_values_are_downloaded_as_in_results_csv(attack: Opened, tmp_path: Path) -> None:
    """Escapes and quotes are the same, so `bulk` reads them back; headers too."""
    assert attack.downloaded(tmp_path).read_bytes() == (attack.folder / "results.csv").read_bytes()


def test_hostile_values_are_inert(attack: Opened) -> None:
    """In cells, details, filters and search, they run no script, add no element and fetch nothing."""
    browser = attack.browser
    assert browser.run("return document.scripts.length") == 5
    browser.select(".dt-length select", "100")
    browser.run("document.querySelectorAll('button.more').forEach(button => button.click())")
    browser.type("#search", "alert & <img>")
    browser.press("#clear")
    for name in ("customer", "error", "=cmd"):
        browser.select("#sort", name)
    browser.run(
        "document.querySelectorAll('#platform option').forEach((option, n, all) => {"
        "all[n].selected = true; option.parentNode.dispatchEvent(new Event('change')) })"
    )
    browser.press("#clear")
    active = "return [...document.body.querySelectorAll('script, img, b, iframe, form, a, svg, [onerror], [onload]')]"
    found = browser.run(
        f"{active}.filter(each => !each.matches('script, .skip, nav a, figure svg')).map(each => each.outerHTML)"
    )
    assert found == []
    assert browser.run("return document.scripts.length") == 5
    assert browser.console() == []
    assert browser.requested() == [(attack.folder / "report.html").as_uri()]


def test_a_single_row_is_in_the_singular(browser: Browser, tmp_path: Path) -> None:
    """This is true of the count above the table and of the announcement of a download."""
    journal = Journal(tmp_path / "one", name="one")
    journal.source()
    journal.customer(1, "a")
    opened = Opened(browser, reports(journal))
    assert browser.text("#count") == "1 of 1 row"
    opened.downloaded(tmp_path)
    assert opened.announced == "Saved 1 row as CSV."


def test_hostile_links_are_not_offered(attack: Opened) -> None:
    """A script or plain text is not a linkUrl."""
    attack.browser.select("#state", "link_ready")
    assert set(attack.column("link_url")) == {"not a linkUrl"}


def test_only_a_link_url_is_offered(browser: Browser, tmp_path: Path) -> None:
    """It must be HTTPS, or on this machine."""
    is_offered = {
        "https://link-api.codat.io/companies/1/connections/2/start?otp=123456": True,
        "http://127.0.0.1:8123/companies/1/start": True,  # a sandbox on this machine
        "http://localhost:8123/companies/1/start": True,
        "http://[::1]:8123/companies/1/start": True,
        "http://link-api.codat.io/companies/1/start": False,  # readable on the way
        "http://127.0.0.1.example.com/": False,
        "http://localhost.example.com/": False,
        "javascript:alert(1)//https://link-api.codat.io": False,
        "data:text/html,<script>alert(1)</script>": False,
        "file:///etc/passwd": False,
        "https:": False,
    }
    journal = Journal(tmp_path, name="autumn")
    journal.source(rows=len(is_offered))
    for row, url in enumerate(is_offered, 1):
        journal.created(row, url, link_url=url, link_issued_at=text(NOW))
    write_reports(tmp_path, now=NOW)
    opened = Opened(browser, tmp_path / "report.html")
    assert opened.column("customer_id") == list(is_offered)
    offered = [link.startswith("Copy link") for link in opened.column("link_url")]
    assert dict(zip(is_offered, offered, strict=True)) == is_offered
    assert {link for link in opened.column("link_url") if not link.startswith("Copy link")} == {"not a linkUrl"}


def test_a_link_is_copied(autumn: Opened) -> None:
    """Only valid links of waiting customers can be copied; screen readers announce it."""
    browser, results = autumn.browser, autumn.results()
    browser.select("#state", "link_ready")
    waiting = results.filter(state="link_ready").head(25)
    is_valid = waiting["link_expires_at"] > text(datetime.now(UTC))
    assert [text.startswith("Copy link") for text in autumn.column("link_url")] == is_valid.to_list()
    assert {text for text in autumn.column("link_url") if "Copy" not in text} == {"expired"}
    first = waiting.filter(is_valid).row(0, named=True)
    browser.press("#table button.copy")
    browser.until("document.getElementById('live').textContent !== ''")
    assert browser.text("#table button.copy") == "Copied"
    assert autumn.announced == f"Copied the link of {first['customer_id']}."
    assert autumn.clipboard() == first["link_url"]
    browser.select("#state", "complete")
    assert set(autumn.column("link_url")) == {""}


def test_without_a_clipboard_a_selection_is_copied(autumn: Opened) -> None:
    """Some browsers have no clipboard for a page that is opened from a file. Commands are copied the same way."""
    browser = autumn.browser
    browser.run("navigator.clipboard.writeText = () => Promise.reject(new Error('refused'))")
    browser.press("#next button.copy")
    browser.until("document.getElementById('live').textContent !== ''")
    assert browser.run("return document.activeElement.dataset.what").startswith("the command bulk ")
    command = autumn.clipboard()
    assert command.startswith("bulk ")
    assert command in re.sub(r"\s+", " ", browser.text("#next"))


@pytest.mark.parametrize("days", [-8, 2], ids=["opened a week later", "opened where the clock is behind"])
def test_a_link_that_has_expired_is_not_offered(browser: Browser, tmp_path: Path, days: int) -> None:
    """The later of two clocks decides: the browser's, and that of the machine that wrote the page."""
    journal = Journal(tmp_path, name="autumn")
    journal.source()
    issued = NOW + timedelta(days=min(days, 0))
    journal.created(1, "a", link_issued_at=text(issued))
    write_reports(tmp_path, now=NOW + timedelta(days=days))
    opened = Opened(browser, tmp_path / "report.html")
    assert opened.column("link_url") == ["expired"]
    browser.press("button.more")
    assert not browser.run("return document.querySelector('#customers button.copy')")


def test_a_link_that_expires_while_the_page_is_open_is_not_copied(autumn: Opened) -> None:
    """The page may be open overnight."""
    browser = autumn.browser
    browser.select("#state", "link_ready")
    before = len(browser.run("return document.querySelectorAll('#table button.copy')"))
    browser.run("const now = Date.now(); Date.now = () => now + 48 * 3600 * 1000")
    browser.press("#table button.copy")
    assert "has expired" in autumn.announced
    assert len(browser.run("return document.querySelectorAll('#table button.copy')")) == before - 1


def test_the_changed_customers_can_be_shown(since: Opened) -> None:
    """The button next to their number and the filter show them."""
    browser, results = since.browser, since.results()
    (number,) = browser.run(
        "return [...document.querySelectorAll('#since strong')].slice(0, 1).map(each => each.innerText)"
    )
    browser.press("#since [data-value=newly_linked]")
    found = results.filter(change="newly_linked")
    assert since.count[0] == found.height == int(number)
    assert since.column("customer_id") == found["customer_id"].to_list()
    assert set(since.column("change")) == {"newly linked"}
    assert browser.run("return document.activeElement.id") == "customers-title"
    browser.press("#states [data-value=failed]")
    assert since.count[0] == results.filter(state="failed").height
    browser.select("#change", "newly failed")
    assert since.count[0] == results.filter(change="newly_failed").height


def test_the_keyboard_reaches_everything(autumn: Opened) -> None:
    """The first key skips the navigation; headers sort, details open and links are copied without a mouse."""
    browser = autumn.browser
    browser.keys(Keys.TAB)
    assert browser.run("return document.activeElement.className") == "skip"
    browser.type("#table th.is-state .dt-column-order", Keys.ENTER)
    browser.until("document.querySelector('#table th.is-state').ariaSort === 'ascending'")
    outline = "return getComputedStyle(document.activeElement).outlineStyle"
    browser.type("button.more", Keys.ENTER)
    assert browser.run("return document.activeElement.ariaExpanded") == "true"
    assert browser.run(outline) == "solid"
    assert "company id" in browser.text("#table tr.child")
    browser.type("button.more", Keys.SPACE)
    assert browser.run("return document.activeElement.ariaExpanded") == "false"
    every = "[...document.querySelectorAll('button, input, select, a[href], summary')]"
    assert browser.run(f"return {every}.filter(each => each.tabIndex < 0 && !each.ariaDisabled).length") == 0
    nameless = "[...document.querySelectorAll('input, select')].filter(each => !each.labels.length && !each.ariaLabel)"
    assert browser.run(f"return {nameless}.length") == 0


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("name", ["ordinary", "dangerous"])
def test_the_page_fits_every_width(browser: Browser, request: pytest.FixtureRequest, name: str, width: int) -> None:
    """It never scrolls sideways, even with open rows and the longest values."""
    with browser.seen(width=width, height=800):
        opened = Opened(browser, request.getfixturevalue(name))
        browser.run(
            "document.querySelectorAll('button.more, details').forEach(each => { each.click(); each.open = true })"
        )
        assert browser.run("return document.documentElement.scrollWidth <= document.documentElement.clientWidth")
        assert all(opened.column("state"))
        assert browser.run("return document.querySelector('#table td.is-state').offsetWidth") > 0


def test_both_schemes_are_painted(browser: Browser, ordinary: Path) -> None:
    """The page and its charts follow the scheme of the system."""
    styles = "[document.body, document.querySelector('figure rect')].map(each => getComputedStyle(each))"
    ground = f"return {styles}.map(style => [style.backgroundColor, style.fill])"
    seen = []
    for scheme in ("light", "dark"):
        with browser.seen(scheme=scheme):
            Opened(browser, ordinary)
            seen.append((browser.run(ground), browser.screenshot()))
    (light, light_picture), (dark, dark_picture) = seen
    assert light[0][0] == "rgb(245, 246, 248)"
    assert dark[0][0] == "rgb(16, 20, 26)"
    assert light[1][1] != dark[1][1]
    assert light_picture != dark_picture


def test_it_prints_light_and_without_controls(browser: Browser, ordinary: Path) -> None:
    """The filtered rows are on the paper; the controls are not."""
    opened = Opened(browser, ordinary)
    browser.select("#state", "failed")
    with browser.seen(scheme="dark", media="print"):
        shown = "return [...document.querySelectorAll(arguments[0])].filter(each => each.checkVisibility()).length"
        assert browser.run(shown, "button, input, select, nav, details") == 0
        assert (
            browser.run(shown, "#table tbody tr") == opened.count[0] == opened.results().filter(state="failed").height
        )
        assert browser.run("return getComputedStyle(document.body).color") == "rgb(28, 37, 48)"
    assert browser.printed().startswith(b"%PDF")


def escaped(browser: Browser, texts: list[str]) -> list[str]:
    """Escape texts as the page's script does, with the pattern that it has."""
    script = "const [pattern, texts] = arguments; const formula = new RegExp(`^'*${pattern}`, 'u');"
    return list(
        browser.run(f"{script} return texts.map(text => formula.test(text) ? `'${{text}}` : text)", FORMULA, texts)
    )


def by_polars(texts: list[str]) -> list[str]:
    """Escape texts as in the CSV files."""
    return pl.DataFrame({"text": texts}, {"text": pl.String}).select(escape_formula(pl.col("text")))["text"].to_list()


def test_every_character_is_escaped_alike_in_both_languages(browser: Browser) -> None:
    """Alone and before an equals sign, both agree on white space and invisible characters."""
    browser.open("about:blank")
    characters = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    flags = """const formula = new RegExp(`^'*${arguments[0]}`, 'u'), found = [];
        for (let code = 0; code < 0x110000; code++) {
            if (code >= 0xD800 && code < 0xE000) continue;
            const text = String.fromCodePoint(code);
            if (formula.test(text) || formula.test(`${text}=1`)) found.push(code);
        }
        return found"""
    pairs = pl.DataFrame({"alone": characters, "before": [f"{each}=1" for each in characters]})
    changed = pairs.select(
        (escape_formula(pl.col("alone")) != pl.col("alone")) | (escape_formula(pl.col("before")) != pl.col("before"))
    )
    assert browser.run(flags, FORMULA) == [
        ord(each) for each, is_changed in zip(characters, changed.to_series(), strict=True) if is_changed
    ]


def test_every_text_is_escaped_alike_in_both_languages(browser: Browser) -> None:
    """`bulk` removes the escapes again, whatever the text is."""
    browser.open("about:blank")

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.text() | st.text("='\"+-@ \t\r\n＝\u200ba", max_size=8), max_size=100))
    def alike(texts: list[str]) -> None:
        found = escaped(browser, texts)
        assert found == by_polars(texts)
        frame = pl.DataFrame({"text": found}, {"text": pl.String})
        assert frame.select(unescape_formula(pl.col("text")))["text"].to_list() == texts

    alike()
