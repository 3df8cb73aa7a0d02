"""A sandbox in its own process: its port, its restarts, its end."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from support import sandbox as counted
from support.http_client import HTTP

from acceptance.sandbox.client import Connect, faults, new_company, new_connection, stats, until
from bulk.sandbox.folder import SandboxError
from bulk.sandbox.launch import find, start
from bulk.sandbox.options import API_KEY


def answers(base_url: str) -> bool:
    """Return whether a sandbox answers at this address."""
    try:
        return HTTP.get(base_url + "/_sandbox/health").status_code == 200
    except httpx.TransportError:
        return False


def test_its_state_and_address_survive_a_restart(tmp_path: Path, connect: Connect) -> None:
    """A link from before the restart still works."""
    with start(tmp_path / "state") as first:
        api = connect(first)
        company = new_company(api)
        connection = new_connection(api, company)
    with pytest.raises(httpx.ConnectError):
        HTTP.get(connection["linkUrl"])
    with start(tmp_path / "state") as second:
        assert second.base_url == first.base_url
        assert HTTP.get(connection["linkUrl"]).status_code == 200
        assert connect(second).get(f"/companies/{company}").json()["name"] == "Acme Ltd"


def test_acknowledged_requests_survive_a_kill(tmp_path: Path, connect: Connect) -> None:
    """A kill of the server loses no company whose creation was answered."""
    with start(tmp_path / "state") as running:
        api = connect(running)
        made = {new_company(api) for _ in range(50)}
        assert running.process
        running.process.kill()
    with start(tmp_path / "state") as running:
        results = connect(running).get("/companies").json()["results"]
        assert {each["id"] for each in results} == made


def test_the_folder_is_its_owners_alone(tmp_path: Path) -> None:
    """It contains linkUrls, which are credentials."""
    with start(tmp_path / "new" / "state") as running:
        assert running.folder.path.stat().st_mode & 0o777 == 0o700
        assert running.api_key == API_KEY


def test_a_running_sandbox_is_used_and_left_running(tmp_path: Path) -> None:
    """The second user of a folder gets the server of the first."""
    with start(tmp_path / "state") as first:
        with start(tmp_path / "state") as second:
            assert second.base_url == first.base_url
            assert first.is_ours
            assert not second.is_ours
        assert answers(first.base_url)
        found = find(tmp_path / "state")
        assert found
        assert found.base_url == first.base_url
    assert find(tmp_path / "state") is None


def test_two_that_start_together_share_one_server(tmp_path: Path) -> None:
    """The slower one uses the server of the faster one."""
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: start(tmp_path / "state"), range(2)))
    try:
        assert len({each.base_url for each in both}) == 1
        assert sorted(each.is_ours for each in both) == [False, True]
    finally:
        for each in both:
            each.stop()


def test_a_port_in_use_is_reported(tmp_path: Path) -> None:
    """Another port would break earlier links, so the sandbox does not select one silently."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        (tmp_path / "state").mkdir()
        (tmp_path / "state" / "port").write_text(str(port))
        with pytest.raises(SandboxError, match=f"Another program uses port {port} "):
            start(tmp_path / "state")


def test_a_state_of_another_version_is_rejected(tmp_path: Path) -> None:
    """The tables differ, and the message explains the solution."""
    (tmp_path / "state").mkdir()
    with closing(sqlite3.connect(tmp_path / "state" / "sandbox.sqlite3")) as database:
        database.execute("CREATE TABLE company (n INTEGER)")
    with pytest.raises(SandboxError, match="another version of bulk"):
        start(tmp_path / "state")


def test_a_damaged_state_is_named(tmp_path: Path) -> None:
    """The message has the remedy and what it costs, and no traceback."""
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "sandbox.sqlite3").write_bytes(b"garbage" * 1000)
    with pytest.raises(SandboxError) as raised:
        start(tmp_path / "state")
    file = (tmp_path / "state" / "sandbox.sqlite3").resolve()
    expected = f"The sandbox did not start. {file} is damaged. Remove it to begin again: its companies are lost."
    assert str(raised.value) == expected


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    """A file has the same name."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxError, match="cannot be created"):
        start(tmp_path / "file" / "state")


PARENT = """
import sys, time
from pathlib import Path
from bulk.sandbox.launch import start
running = start(Path(sys.argv[1]))
print(running.base_url, running.process.pid, flush=True)
time.sleep(600)
"""


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """No other process would stop it, so it stops itself."""
    with _parent(tmp_path) as parent:
        base_url = _first_word(parent)
        assert answers(base_url)
        parent.kill()
        until(lambda: not answers(base_url))
    until(lambda: find(tmp_path / "state") is None)


def test_a_ctrl_c_of_the_terminal_does_not_reach_it(tmp_path: Path) -> None:
    """It continues to serve while its parent finishes the requests in flight."""
    with _parent(tmp_path) as parent:
        base_url = _first_word(parent)
        assert os.getsid(int(HTTP.get(base_url + "/_sandbox/health").json()["pid"])) != os.getsid(parent.pid)
        parent.send_signal(signal.SIGSTOP)
        assert answers(base_url)
        parent.kill()
        until(lambda: not answers(base_url))


def test_its_environment_has_no_real_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process list shows environments to the user's other processes."""
    monkeypatch.setenv("CODAT_API_KEY", "very-secret")
    with start(tmp_path / "state") as running:
        assert running.process
        environment = Path(f"/proc/{running.process.pid}/environ")
        if not environment.exists():
            pytest.skip("only Linux shows a process's environment as a file")
        assert b"very-secret" not in environment.read_bytes()


def test_a_stalled_request_does_not_prevent_its_end(tmp_path: Path, connect: Connect) -> None:
    """The sandbox drops a request that has no response after a second, and the exit code is 0."""
    with counted.start(tmp_path / "state") as running:
        faults(running, {"kind": "stall"})
        with ThreadPoolExecutor(1) as pool:
            stalled = pool.submit(connect(running).get, "/companies")
            until(lambda: stats(running)["in_flight"] == 1)
            running.stop()
            assert isinstance(stalled.exception(), httpx.TransportError)
        assert running.process
        assert running.process.returncode == 0


def test_handles_need_no_key_and_are_not_counted(tmp_path: Path) -> None:
    """Reading the counts does not change them."""
    with counted.start(tmp_path / "state") as running:
        assert stats(running) == stats(running)
        assert stats(running)["requests_total"] == 0


def _parent(tmp_path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "state")]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _first_word(parent: subprocess.Popen[str]) -> str:
    assert parent.stdout
    return parent.stdout.readline().split()[0]


def test_a_server_that_ends_without_a_message_points_at_the_disk(tmp_path: Path) -> None:
    """On a full disk it cannot write its log."""
    with pytest.raises(SandboxError, match=r"did not start\. It ended without a message\. Is the disk full\?"):
        start(tmp_path / "state", program=(sys.executable, "-c", "raise SystemExit(1)"))
