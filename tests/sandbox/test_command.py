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
from support.sandbox import start

from bulk.sandbox.command import sandbox
from bulk.sandbox.launch import Running, find
from bulk.sandbox.options import WEBHOOK_SECRET
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
    assert "is already running" in result.stderr


def test_wrong_options_are_wrong_usage(tmp_path: Path) -> None:
    """Exit code 2, nothing served."""
    for arguments in (
        ["--fault", "no_such"],
        ["--batch", "a", "--state", "b"],
        ["--rate", "-1"],
        ["authorize", "--share", "2"],
        ["authorize"],
        ["authorize", "--share", "1", "--customer", "1"],
        ["deauthorize"],
        ["deauthorize", "--share", "-1"],
    ):
        assert CliRunner().invoke(sandbox, arguments).exit_code == 2
    nowhere = CliRunner().invoke(sandbox, ["authorize", str(tmp_path / "none"), "--share", "1"])
    assert nowhere.exit_code == 2
    assert "no sandbox" in nowhere.stderr


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    """Return the folder of a batch."""
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


def three_customers(running: Running, connect: Connect) -> list[str]:
    """Make three customers who wait, known as 1, 2 and 3; give their companies."""
    api = connect(running)
    companies = [new_company(api, tags={"uid": str(n)}) for n in (1, 2, 3)]
    for company in companies:
        new_connection(api, company)
    return companies


@pytest.mark.parametrize("is_running", [True, False])
def test_named_customers_authorize(batch: Path, connect: Connect, is_running: bool) -> None:
    """`--customer`, repeatable; once is enough, and nobody does if one of them is not there."""
    running = start(batch / "sandbox")
    companies = three_customers(running, connect)
    if not is_running:
        running.stop()
    unknown = CliRunner().invoke(sandbox, ["authorize", str(batch), "--customer", "1", "--customer", "9"])
    assert unknown.exit_code == 1
    assert "Unknown customer: 9" in unknown.stderr
    named = ("--customer", "1", "--customer", "3")
    assert authorized(batch, *named) == "2 customers waited: 2 authorized, 0 declined.\n"
    assert authorized(batch, *named) == "0 customers waited: 0 authorized, 0 declined.\n"
    assert authorized(batch, "--share", "0.0") == "1 customers waited: 0 authorized, 0 declined.\n"
    assert authorized(batch, "--customer", "2", "--decline-share", "1").endswith("0 authorized, 1 declined.\n")
    with start(batch / "sandbox") as again:
        shown = [connect(again).get(f"/companies/{each}").json()["dataConnections"][0]["status"] for each in companies]
    assert shown == ["Linked", "PendingAuth", "Linked"]
    running.stop()


@pytest.mark.parametrize("is_running", [True, False])
def test_customers_deauthorize(batch: Path, connect: Connect, is_running: bool) -> None:
    """A share of those who are linked, or those who are named; they can come back."""
    running = start(batch / "sandbox")
    ten_waiting(running, connect)
    three_customers(running, connect)
    if not is_running:
        running.stop()

    def deauthorized(*arguments: str) -> str:
        result = CliRunner().invoke(sandbox, ["deauthorize", str(batch), *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert deauthorized("--share", "1") == "0 customers were linked: 0 deauthorized.\n"
    authorized(batch, "--share", "1")
    assert deauthorized("--customer", "2") == "1 customers were linked: 1 deauthorized.\n"
    assert deauthorized("--share", "0.5", "--seed", "1") == "12 customers were linked: 6 deauthorized.\n"
    assert authorized(batch, "--share", "1") == "0 customers waited: 0 authorized, 0 declined.\n"
    assert authorized(batch, "--customer", "2") == "1 customers waited: 1 authorized, 0 declined.\n"
    with start(batch / "sandbox") as again:
        assert stats(again)["connections"] == {"Accounting Linked": 7, "Accounting Deauthorized": 6}
    running.stop()


def test_customers_can_have_other_software(batch: Path, connect: Connect) -> None:
    """`--platform`: who authorizes takes that; who did is not asked again about what was asked for first."""
    with start(batch / "sandbox") as running:
        companies = three_customers(running, connect)
        assert authorized(batch, "--customer", "1", "--platform", "qhyg").startswith("1 customers waited: 1 auth")
        assert authorized(batch, "--share", "0").startswith("2 customers waited")
        connections = connect(running).get(f"/companies/{companies[0]}").json()["dataConnections"]
        assert [(each["integrationKey"], each["status"]) for each in connections] == [
            ("gbol", "PendingAuth"),
            ("qhyg", "Linked"),
        ]
        wrong = CliRunner().invoke(sandbox, ["authorize", str(batch), "--share", "1", "--platform", "zzzz"])
        assert (wrong.exit_code, "Unknown platform: zzzz" in wrong.stderr) == (1, True)
        requests: list[object] = [{}, {"customers": "1"}, {"customers": [1]}, {"share": 2}, {"share": "1"}, []]
        for content in requests:
            for handle in ("customers", "customers/deauthorize"):
                asked = httpx.post(f"{running.base_url}/_sandbox/{handle}", json=content)
                assert asked.status_code == 400


def test_the_help_explains_the_webhooks() -> None:
    """With the secret, which is fake and says so."""
    said = CliRunner().invoke(sandbox, ["--help"]).stdout
    for word in ("--webhook-url", "--webhook-secret", "--partner-events", "deauthorize"):
        assert word in said
    assert WEBHOOK_SECRET in said.replace("\n", "").replace(" ", "")


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
