"""`bulk sandbox` and `bulk sandbox authorize`, as a user types them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from bulk.sandbox.command import sandbox
from bulk.sandbox.launch import Running, find, start
from sandbox.asking import Connect, new_company, new_connection, stats


@contextmanager
def served(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve in the foreground; give the process and what it said when it was ready."""
    command = [sys.executable, "-m", "bulk.sandbox", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process, "".join(process.stdout.readline() for _ in range(3))
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, number: signal.Signals) -> None:
    """It says how to use it, and both signals end it with exit code 0 and without a word."""
    with served("--batch", str(tmp_path / "b"), "--rate", "7") as (process, said):
        running = find(tmp_path / "b" / "sandbox")
        assert running
        assert f"CODAT_BASE_URL={running.base_url} CODAT_API_KEY=sandbox-key" in said
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stderr
        assert process.stderr.read() == ""


def test_a_second_server_on_a_folder_is_refused(tmp_path: Path) -> None:
    """With one clear line."""
    with start(tmp_path / "state"):
        result = CliRunner().invoke(sandbox, ["--state", str(tmp_path / "state")])
    assert result.exit_code == 1
    assert "is running already" in result.stderr


def test_wrong_options_are_wrong_usage(tmp_path: Path) -> None:
    """Exit code 2, nothing served."""
    for arguments in (
        ["--fault", "no_such"],
        ["--batch", "a", "--state", "b"],
        ["--rate", "-1"],
        ["authorize", "--share", "2"],
    ):
        assert CliRunner().invoke(sandbox, arguments).exit_code == 2
    nowhere = CliRunner().invoke(sandbox, ["authorize", str(tmp_path / "none"), "--share", "1"])
    assert nowhere.exit_code == 2
    assert "no sandbox" in nowhere.stderr


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    """Give the folder of a batch."""
    return tmp_path / "batch"


def ten_waiting(running: Running, connect: Connect) -> None:
    """Make ten connections that wait for their customers."""
    api = connect(running)
    for _ in range(10):
        new_connection(api, new_company(api))


def authorized(batch: Path, *arguments: str) -> str:
    """Let customers decide, and give what the command printed."""
    result = CliRunner().invoke(sandbox, ["authorize", str(batch), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("is_running", [True, False])
def test_a_share_of_the_customers_authorizes(batch: Path, connect: Connect, is_running: bool) -> None:
    """Whether or not the server runs; a running one sees it, one started later too."""
    running = start(batch / "sandbox")
    ten_waiting(running, connect)
    if not is_running:
        running.stop()
    said = authorized(batch, "--share", "0.6", "--decline-share", "0.2", "--seed", "1")
    assert said == "10 customers waited: 6 authorized, 2 declined.\n"
    with start(batch / "sandbox") as again:
        assert stats(again)["connections"] == {"Accounting Linked": 6, "Accounting PendingAuth": 4}
        assert connect(again).get("/companies").headers["X-Rate-Limit-Limit"] == "7000"
    running.stop()


def test_a_seed_chooses_the_same_customers(tmp_path: Path, connect: Connect) -> None:
    """So that a run can be repeated."""
    chosen = []
    for name in ("a", "b"):
        with start(tmp_path / name / "sandbox") as running:
            ten_waiting(running, connect)
            authorized(tmp_path / name, "--share", "0.5", "--seed", "7")
            results = connect(running).get("/companies").json()["results"]
            chosen.append([each["dataConnections"][0]["status"] for each in results])
    assert chosen[0] == chosen[1]


def test_everybody_authorizes_in_the_end(batch: Path, connect: Connect) -> None:
    """Those who declined can still authorize; nobody is asked twice."""
    with start(batch / "sandbox") as running:
        ten_waiting(running, connect)
        authorized(batch, "--share", "0", "--decline-share", "1")
        assert authorized(batch, "--share", "1") == "10 customers waited: 10 authorized, 0 declined.\n"
        assert authorized(batch, "--share", "1") == "0 customers waited: 0 authorized, 0 declined.\n"


def test_a_connection_can_be_cut_from_the_other_side(batch: Path, connect: Connect) -> None:
    """As a customer does from within the accounting software."""
    with start(batch / "sandbox") as running:
        api = connect(running)
        company = new_company(api)
        connection = new_connection(api, company)
        path = f"{running.base_url}/_sandbox/connections/{connection['id']}"
        assert httpx.put(path, json={"status": "Lost"}).status_code == 400
        assert httpx.put(path, json={"status": "Deauthorized"}).status_code == 200
        assert api.get(f"/companies/{company}").json()["dataConnections"][0]["status"] == "Deauthorized"


def test_help_is_quick_to_import() -> None:
    """`bulk --help` reads the commands, so they must not import a web server."""
    code = "import sys, bulk.sandbox.command; print({'starlette', 'uvicorn', 'sqlite3'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
