"""The key goes to Codat and nowhere else. (`runs.fixture` checks the files and the output of every run.)"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from support.runs import KEY, BatchFixture, Codat

from bulk.engine import retry


class _Elsewhere(BaseHTTPRequestHandler):
    """Redirects every request to another path, and records the requested paths."""

    seen: list[str]

    def do_GET(self) -> None:
        """Redirect."""
        self.seen.append(self.path)
        self.send_response(302)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_POST = do_GET  # noqa: N815 - the name that http.server looks for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in http.server
        """Print nothing."""


@contextmanager
def _redirecting() -> Iterator[tuple[str, list[str]]]:
    """Serve redirects; yield the URL and the requested paths."""
    seen: list[str] = []

    class Handler(_Elsewhere):
        pass

    Handler.seen = seen
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


def test_a_redirect_is_not_followed(codat: Codat, fixture: BatchFixture) -> None:
    """The run stops and names the address that the response names, and the key does not go there."""
    fixture.customers(5)

    with _redirecting() as (url, seen):
        ended = fixture.run("--base-url", url)

    assert ended.code == 75
    assert "blocks the requests: HTTP 302, redirected to" in ended.err
    assert "/elsewhere" not in seen
    assert sum(path.startswith("/companies") for path in seen) == retry.MAX_TRIES
    assert codat.stats()["requests_total"] == 0


@pytest.mark.parametrize("url", ["http://api.codat.io", "http://10.0.0.1:8080", "http://localhost.example.com"])
def test_plain_http_to_anything_but_this_machine_is_refused(url: str, fixture: BatchFixture) -> None:
    """Before anything is sent or written."""
    fixture.customers(1)

    ended = fixture.run("--base-url", url)

    assert ended.code == 2
    assert "https://" in ended.err
    assert not fixture.folder.exists()


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="only Linux shows command lines as files")
def test_the_key_is_not_on_the_command_line(codat: Codat, fixture: BatchFixture) -> None:
    """The process list of a run shows its command, but not the key."""
    fixture.customers(3)
    environment = os.environ | {"CODAT_API_KEY": KEY, "CODAT_BASE_URL": codat.base_url}
    command = [sys.executable, "-m", "bulk", "migrate", str(fixture.input)]
    with codat.holding(after=1) as wait_until_held:
        process = subprocess.Popen(command, cwd=fixture.path, env=environment, stderr=subprocess.DEVNULL)
        wait_until_held()
        line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    assert process.wait(240) == 0
    assert b"migrate" in line
    assert KEY.encode() not in line


def test_the_complete_header_value_is_accepted_too(codat: Codat, fixture: BatchFixture) -> None:
    """A key may have the form `Basic ...`."""
    fixture.key = "Basic c2FuZGJveC1rZXk="
    assert fixture.codat is codat
    ids = fixture.customers(2)

    assert fixture.run().code == 0

    fixture.assert_once_only(ids)


def test_without_a_key_nothing_is_sent(codat: Codat, fixture: BatchFixture) -> None:
    """The message names the variable for the key."""
    fixture.environment = {"CODAT_API_KEY": ""}
    fixture.customers(2)

    ended = fixture.run()

    assert ended.code == 2
    assert "CODAT_API_KEY" in ended.err
    assert codat.stats()["requests_total"] == 0


def test_a_key_in_a_dotenv_file_is_used(codat: Codat, fixture: BatchFixture) -> None:
    """A file .env in the working directory works like the environment."""
    ids = fixture.customers(2)
    (fixture.path / ".env").write_text(f"CODAT_API_KEY={KEY}\nCODAT_BASE_URL={codat.base_url}\n")
    fixture.uses_dotenv = True

    assert fixture.run().code == 0

    fixture.assert_once_only(ids)


def test_unexpected_responses_show_no_key(codat: Codat, fixture: BatchFixture) -> None:
    """The key is not shown even with BULK_DEBUG."""
    fixture.customers(2)
    fixture.environment = {"BULK_DEBUG": "1"}
    codat.inject_faults({"kind": "html_200", "count": 1}, {"kind": "cut", "count": 1})

    assert fixture.run().code == 0
