"""A customer's linkUrl in a real browser, and the browser's own end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from acceptance.sandbox.client import advance, authorization, new_company, new_connection, until
from selenium.common.exceptions import WebDriverException
from support.browser import Browser, NotConfirmedError, chromium
from support.http_client import TLS
from support.sandbox import start

from bulk.sandbox.launch import Running

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux shows processes as files")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Start a sandbox."""
    with start(tmp_path_factory.mktemp("sandbox") / "state") as started:
        yield started


@pytest.fixture
def api(running: Running) -> Iterator[httpx.Client]:
    """Return a client of the sandbox."""
    with httpx.Client(base_url=running.base_url, headers=authorization(), timeout=10, verify=TLS) as client:
        yield client


@pytest.fixture
def folder() -> Iterator[Path]:
    """Return a folder for temporary files. Its path is short enough for Chromium's socket."""
    with tempfile.TemporaryDirectory() as made:
        yield Path(made)


def status_of(api: httpx.Client, company: str) -> str:
    """Return the status of the company's connection without renewing its link."""
    return str(api.get(f"/companies/{company}").json()["dataConnections"][0]["status"])


def test_pressing_authorize_links_the_connection(browser: Browser, api: httpx.Client) -> None:
    """The page names the company and the software, the button links the connection, and the console stays empty."""
    browser.console()
    company = new_company(api, name="Fish & Chips, O'Brien's")
    link = new_connection(api, company, "qhyg")["linkUrl"]
    browser.open(link)
    asked = browser.text("body")
    assert "Fish & Chips, O'Brien's is asked to share the data of its QuickBooks Online account." in asked
    assert status_of(api, company) == "PendingAuth"
    confirmed = browser.authorize(link)
    assert "QuickBooks Online of Fish & Chips, O'Brien's is now connected." in confirmed
    assert browser.status == 200
    assert status_of(api, company) == "Linked"
    assert browser.console() == []


def test_a_link_that_was_used_is_refused(browser: Browser, api: httpx.Client) -> None:
    """The second time, it is a 401 with a page for people and without a button. The authorization stays."""
    company = new_company(api)
    link = new_connection(api, company)["linkUrl"]
    browser.authorize(link)
    browser.console()
    browser.open(link)
    assert "This link no longer works" in browser.text("body")
    assert browser.status == 401
    assert [line for line in browser.console() if "401 (Unauthorized)" not in line] == []
    with pytest.raises(NotConfirmedError, match="This link no longer works"):
        browser.authorize(link)
    assert status_of(api, company) == "Linked"


def test_a_link_that_expires_while_its_page_is_open_is_refused(
    browser: Browser, running: Running, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The customer opened the page in time and pressed the button too late. The page explains it."""
    company = new_company(api)
    link = new_connection(api, company)["linkUrl"]
    opened = browser.open

    def open_and_wait(url: str) -> None:
        opened(url)
        advance(running, 86_400)

    monkeypatch.setattr(browser, "open", open_and_wait)
    with pytest.raises(NotConfirmedError, match="This link no longer works"):
        browser.authorize(link)
    assert status_of(api, company) == "PendingAuth"


@pytest.mark.parametrize("elsewhere", ["http://192.0.2.1/", "http://codat.example/"])
def test_the_browser_reaches_no_other_machine(browser: Browser, elsewhere: str) -> None:
    """It resolves no other name, so it does not try to connect."""
    with pytest.raises(WebDriverException, match="ERR_NAME_NOT_RESOLVED"):
        browser.open(elsewhere)


@needs_proc
@pytest.mark.usefixtures("browser")  # skips the test without Chromium
def test_the_browser_leaves_nothing_behind(running: Running, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No process and no file is left, even after a failure."""
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    groups = []

    def fail() -> None:
        with chromium() as second:
            groups.append(second.driver_pid)
            assert len(processes(second.driver_pid, folder)) > 2
            second.authorize(running.base_url + "/_sandbox/health")

    with pytest.raises(NotConfirmedError, match="sandbox"):  # a page without a button
        fail()
    assert list(folder.iterdir()) == []
    until(lambda: not processes(groups[0], folder))


PARENT = """
import time
from support.browser import chromium
with chromium() as browser:
    print(browser.driver_pid, flush=True)
    time.sleep(60)
"""


@needs_proc
@pytest.mark.usefixtures("browser")  # skips the test without Chromium
def test_the_browser_ends_when_its_parent_is_killed(folder: Path) -> None:
    """No other process could end it."""
    here = Path(__file__).parent.parent
    environment = {**os.environ, "TMPDIR": str(folder)}
    command = [sys.executable, "-c", PARENT]
    with subprocess.Popen(command, cwd=here, env=environment, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout
        group = int(parent.stdout.readline())
        assert len(processes(group, folder)) > 2
        parent.send_signal(signal.SIGKILL)
    until(lambda: not processes(group, folder))


def processes(group: int, folder: Path) -> list[int]:
    """Return the processes of a group, and those that use a folder."""
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and _belongs(each, group, folder)]


def _belongs(process: Path, group: int, folder: Path) -> bool:
    try:
        state, _, of_group, *_ = (process / "stat").read_text().rpartition(") ")[2].split()
        words = (process / "cmdline").read_bytes()
    except OSError:  # it has ended in the meantime
        return False
    return state != "Z" and (int(of_group) == group or bytes(folder) in words)
