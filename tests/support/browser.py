"""Chromium without a window, for tests that open a linkUrl or a report."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, TimeoutException
from selenium.webdriver.common.by import By
from selenium.webdriver.common.proxy import Proxy, ProxyType
from selenium.webdriver.remote.client_config import ClientConfig
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select
from selenium.webdriver.support.wait import WebDriverWait

MISSING = "no Chromium here; on Debian: apt-get install chromium chromium-driver"
_SECONDS = 30  # for each wait: long, because the machine may be busy
_ARGUMENTS = (
    "--headless",
    "--no-sandbox",  # Chromium's own sandbox does not work for root in a container
    "--disable-dev-shm-usage",  # a container's /dev/shm is small
    "--disable-gpu",
    "--remote-debugging-pipe",  # without its driver, the pipe closes and Chromium ends
    # Nothing leaves this machine: no host name resolves, and nothing runs in the background.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-domain-reliability",
    "--disable-extensions",
    "--disable-quic",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--no-pings",
    "--password-store=basic",
)


class ChromiumMissingError(Exception):
    """Chromium or its driver is not installed; the message says how to install them."""


class NotConfirmedError(Exception):
    """A page did not confirm a click; the message has the text of the page."""


class Browser:
    """A browser. A CSS selector means the first element that matches."""

    def __init__(self, driver: webdriver.Remote, *, driver_pid: int) -> None:
        self._driver = driver
        self.driver_pid = driver_pid

    def open(self, url: str) -> None:
        """Open a page."""
        self._driver.get(url)

    @property
    def status(self) -> int:
        """The HTTP status of the open page."""
        script = "return performance.getEntriesByType('navigation')[0].responseStatus"
        return int(self._driver.execute_script(script))

    def authorize(self, link_url: str) -> str:
        """Open a linkUrl, click Authorize and return the text of the confirmation.

        Raises NotConfirmedError if there is no such button or no confirmation.
        """
        self.open(link_url)
        before = self._driver.title
        try:
            self._driver.find_element(By.XPATH, "//button[normalize-space()='Authorize']").click()
            # The title is empty between two pages.
            WebDriverWait(self._driver, _SECONDS).until(lambda driver: driver.title not in ("", before))
        except (NoSuchElementException, TimeoutException) as error:
            raise NotConfirmedError(self._text()) from error
        if self._driver.title != "Connected":
            raise NotConfirmedError(self._text())
        return self._text()

    def console(self) -> list[str]:
        """Return the messages on the console since the last call."""
        return [f"{entry['level']}: {entry['message']}" for entry in self._log("browser")]

    def requested(self) -> list[str]:
        """Return the addresses that were requested since the last call, with or without a response."""
        events = [json.loads(entry["message"])["message"] for entry in self._log("performance")]
        return [e["params"]["request"]["url"] for e in events if e["method"] == "Network.requestWillBeSent"]

    def run(self, script: str, *arguments: object) -> Any:
        """Run a script in the page and return its result."""
        return self._driver.execute_script(script, *arguments)

    def until(self, condition: str, *arguments: object) -> None:
        """Wait until a JavaScript expression is true in the page."""
        wait = WebDriverWait(self._driver, _SECONDS, poll_frequency=0.02)
        wait.until(lambda driver: driver.execute_script(f"return {condition}", *arguments), condition)

    def text(self, selector: str) -> str:
        """Return the text of an element."""
        return self._find(selector).text

    def press(self, selector: str) -> None:
        """Click an element."""
        self._find(selector).click()

    def type(self, selector: str, *keys: str) -> None:
        """Send keys to an element."""
        self._find(selector).send_keys(*keys)

    def keys(self, *keys: str) -> None:
        """Send keys to the element that has the focus."""
        self._driver.switch_to.active_element.send_keys(*keys)

    def select(self, selector: str, label: str) -> None:
        """Select an option of a select element."""
        Select(self._find(selector)).select_by_visible_text(label)

    def screenshot(self) -> bytes:
        """Return a PNG of the window."""
        return bytes(self._driver.get_screenshot_as_png())

    def printed(self) -> bytes:
        """Return the page printed on A4, as PDF."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
        return base64.b64decode(self._devtools("Page.printToPDF", **paper)["data"])

    @contextmanager
    def seen(
        self, *, width: int = 1280, height: int = 900, scale: float = 1, scheme: str = "light", media: str = ""
    ) -> Iterator[None]:
        """Show pages as on this screen in this colour scheme, or as on paper with the media `print`."""
        is_phone = width < 600
        screen = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": is_phone}
        self._devtools("Emulation.setDeviceMetricsOverride", **screen)
        scheme_feature = {"name": "prefers-color-scheme", "value": scheme}
        self._devtools("Emulation.setEmulatedMedia", media=media, features=[scheme_feature])
        try:
            yield
        finally:
            self._devtools("Emulation.setEmulatedMedia", media="", features=[])
            self._devtools("Emulation.clearDeviceMetricsOverride")

    def download(self, selector: str, folder: Path) -> Path:
        """Click an element that saves a file into this folder, and return the file."""
        self._devtools("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(folder))
        before = {*folder.iterdir()}
        self.press(selector)
        wait = WebDriverWait(self._driver, _SECONDS, poll_frequency=0.02)
        return wait.until(lambda _: [path for path in {*folder.iterdir()} - before if path.suffix != ".crdownload"])[0]

    def allow_clipboard(self) -> None:
        """Let pages read the clipboard."""
        self._devtools("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])

    def _find(self, selector: str) -> WebElement:
        return self._driver.find_element(By.CSS_SELECTOR, selector)

    def _log(self, kind: str) -> list[dict[str, Any]]:
        return list(self._driver.execute("getLog", {"type": kind})["value"])

    def _devtools(self, command: str, **values: object) -> dict[str, Any]:
        return dict(self._driver.execute_cdp_cmd(command, values))

    def _text(self) -> str:
        return self._driver.find_element(By.TAG_NAME, "body").text


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser with a temporary profile, and end it.

    It also ends if this process is killed. Raises ChromiumMissingError if it is not installed.
    """
    programs = shutil.which("chromium"), shutil.which("chromedriver")
    if programs[0] is None or programs[1] is None:
        raise ChromiumMissingError(MISSING)
    with ExitStack() as stack:
        # A short name: Chromium creates a socket in it, and the path of a socket has at most 107 characters.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bulk-")))
        driver = stack.enter_context(_process(programs[1], folder))
        url = f"http://127.0.0.1:{_port(driver, folder)}"
        direct = Proxy({"proxyType": ProxyType.DIRECT})
        config = ClientConfig(remote_server_addr=url, proxy=direct, timeout=2 * _SECONDS)
        remote = webdriver.Remote(url, options=_options(programs[0], folder), client_config=config)
        stack.callback(remote.quit)
        remote.set_page_load_timeout(_SECONDS)
        yield Browser(remote, driver_pid=driver.pid)


def _options(program: str, folder: Path) -> webdriver.ChromeOptions:
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for argument in (*_ARGUMENTS, f"--user-data-dir={folder / 'profile'}"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return options


@contextmanager
def _process(program: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the driver in a process group of its own, which includes Chromium and ends as a whole."""
    setpriv = shutil.which("setpriv")  # Linux: the driver ends when this process ends for any reason
    command = [*((setpriv, "--pdeathsig", "TERM", "--") if setpriv else ()), program, "--port=0"]
    # Its files stay in the folder, and it gets no other variables of this process's environment.
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder), "LANG": "C.UTF-8"}
    with (folder / "driver.log").open("wb") as log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True
        )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # it was not waited for yet, so no other process has its number
        process.wait()


def _port(process: subprocess.Popen[bytes], folder: Path) -> int:
    """Wait until the driver has printed its port."""
    end = time.monotonic() + _SECONDS
    while True:
        ended = process.poll() is not None
        log = (folder / "driver.log").read_text("utf-8", "replace")
        found = re.search(r"started successfully on port (\d+)", log)
        if found:
            return int(found[1])
        assert not ended, f"the driver ended: {log}"
        assert time.monotonic() < end, f"the driver prints no port: {log}"
        time.sleep(0.02)
