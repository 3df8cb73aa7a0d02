"""`bulk sandbox` and `bulk sandbox authorize`, as a user types them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from support.http_client import HTTP
from support.measured import UNMEASURED
from support.sandbox import start

from acceptance.sandbox.client import Connect, new_company, new_connection, stats
from bulk.sandbox.command import sandbox
from bulk.sandbox.faults import FIELDS, KINDS, OPERATIONS
from bulk.sandbox.launch import Running, find
from bulk.sandbox.options import WEBHOOK_SECRET


@contextmanager
def served(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Serve in the foreground; yield the process and the output that it printed when it was ready."""
    command = [sys.executable, "-m", "bulk.sandbox", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield process, "".join(process.stdout.readline() for _ in range(3))
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_a_signal_stops_it(tmp_path: Path, number: signal.Signals) -> None:
    """It prints how to use it. Both signals end it with exit code 0 and without further output."""
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "journal.sqlite3").touch()
    with served("--batch", str(tmp_path / "b"), "--rate", "7") as (process, output):
        running = find(tmp_path / "b" / "sandbox")
        assert running
        assert f"CODAT_BASE_URL={running.base_url} CODAT_API_KEY=sandbox-key" in output
        process.send_signal(number)
        assert process.wait(60) == 0
        assert process.stderr
        assert process.stderr.read() == ""


def test_a_second_server_on_a_folder_is_refused(tmp_path: Path) -> None:
    """The error is one clear line."""
    with start(tmp_path / "state"):
        result = CliRunner().invoke(sandbox, ["--state", str(tmp_path / "state")])
    assert result.exit_code == 1
    assert "is already running" in result.stderr


def test_only_the_folder_of_a_batch_is_served_as_a_batch(tmp_path: Path) -> None:
    """A mistyped name is refused, and no folder is created for it."""
    result = CliRunner().invoke(sandbox, ["--batch", str(tmp_path / "nope")])
    assert result.exit_code == 2
    assert "has no journal. Pass the folder of a batch" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_wrong_options_are_wrong_usage(tmp_path: Path) -> None:
    """The exit code is 2, and no server starts."""
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


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--port", "70000"], "'--port': '70000' is not a whole number from 0 to 65,535."),
        (["--day-seconds", "0"], "'--day-seconds': '0' is not a number of seconds from 0.01 to 1,000,000,000."),
        (["--latency", "nan"], "'--latency': 'nan' is not a number of seconds from 0 to 1,000,000,000."),
        (["authorize", "--share", "2"], "'--share': '2' is not a share from 0 to 1."),
        (["--fault", "stall,probability=7"], "'--fault': the probability must be from 0 to 1, not 7"),
        (["--fault", "stall,count=many"], "'--fault': count cannot be 'many'"),
    ],
)
def test_a_wrong_value_is_named_together_with_the_right_ones(arguments: list[str], expected: str) -> None:
    """The words are those of the other commands."""
    result = CliRunner().invoke(sandbox, arguments)
    assert result.exit_code == 2
    assert f"Error: Invalid value for {expected}" in result.stderr


def test_the_help_lists_the_parts_of_a_fault() -> None:
    """It has no limits in the notation of a program."""
    text = " ".join(CliRunner().invoke(sandbox, ["--help"]).stdout.split())
    assert "<=x" not in text
    assert "x>=" not in text
    assert "[default: 86400]" in text
    assert all(name in text for name in (*OPERATIONS, *KINDS, *FIELDS))


@pytest.fixture
def batch(tmp_path: Path) -> Path:
    """Return the folder of a batch."""
    return tmp_path / "batch"


def ten_waiting(running: Running, connect: Connect) -> None:
    """Create ten pending connections."""
    api = connect(running)
    for _ in range(10):
        new_connection(api, new_company(api))


def authorized(batch: Path, *arguments: str) -> str:
    """Run `authorize`; return its output."""
    result = CliRunner().invoke(sandbox, ["authorize", str(batch), *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


@pytest.mark.parametrize("is_running", [True, False])
def test_a_share_of_the_customers_authorizes(batch: Path, connect: Connect, is_running: bool) -> None:
    """This works with and without a running server. A server that is started later shows it too."""
    running = start(batch / "sandbox")
    ten_waiting(running, connect)
    if not is_running:
        running.stop()
    output = authorized(batch, "--share", "0.6", "--decline-share", "0.2", "--seed", "1")
    assert output == "10 customers waited: 6 authorized, 2 declined.\n"
    with start(batch / "sandbox") as again:
        assert stats(again)["connections"] == {"Accounting Linked": 6, "Accounting PendingAuth": 4}
        assert connect(again).get("/companies").headers["X-Rate-Limit-Limit"] == "7000"
    running.stop()


def test_a_seed_selects_the_same_customers(tmp_path: Path, connect: Connect) -> None:
    """So a run can be repeated."""
    statuses = []
    for name in ("a", "b"):
        with start(tmp_path / name / "sandbox") as running:
            ten_waiting(running, connect)
            authorized(tmp_path / name, "--share", "0.5", "--seed", "7")
            results = connect(running).get("/companies").json()["results"]
            statuses.append([each["dataConnections"][0]["status"] for each in results])
    assert statuses[0] == statuses[1]


def test_all_customers_can_authorize_in_the_end(batch: Path, connect: Connect) -> None:
    """A customer who declined can still authorize. A customer who has authorized no longer waits."""
    with start(batch / "sandbox") as running:
        ten_waiting(running, connect)
        authorized(batch, "--share", "0", "--decline-share", "1")
        assert authorized(batch, "--share", "1") == "10 customers waited: 10 authorized, 0 declined.\n"
        assert authorized(batch, "--share", "1") == "0 customers waited: 0 authorized, 0 declined.\n"


def three_customers(running: Running, connect: Connect) -> list[str]:
    """Create three customers with pending connections and the ids 1, 2 and 3; return their companies."""
    api = connect(running)
    companies = [new_company(api, tags={"uid": str(n)}) for n in (1, 2, 3)]
    for company in companies:
        new_connection(api, company)
    return companies


@pytest.mark.parametrize("is_running", [True, False])
def test_named_customers_authorize(batch: Path, connect: Connect, is_running: bool) -> None:
    """`--customer` can be repeated. If one customer is unknown, none of them authorizes."""
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
    assert authorized(batch, "--share", "0.0") == "1 customer waited: 0 authorized, 0 declined.\n"
    assert authorized(batch, "--customer", "2", "--decline-share", "1").endswith("0 authorized, 1 declined.\n")
    with start(batch / "sandbox") as again:
        shown = [connect(again).get(f"/companies/{each}").json()["dataConnections"][0]["status"] for each in companies]
    assert shown == ["Linked", "PendingAuth", "Linked"]
    running.stop()


@pytest.mark.parametrize("is_running", [True, False])
def test_customers_deauthorize(batch: Path, connect: Connect, is_running: bool) -> None:
    """A share of the linked customers, or the named ones, deauthorizes. They can authorize again."""
    running = start(batch / "sandbox")
    ten_waiting(running, connect)
    three_customers(running, connect)
    if not is_running:
        running.stop()

    def deauthorized(*arguments: str) -> str:
        result = CliRunner().invoke(sandbox, ["deauthorize", str(batch), *arguments])
        assert result.exit_code == 0, result.output
        return result.stdout

    assert deauthorized("--share", "1") == "0 customers could withdraw: 0 deauthorized.\n"
    authorized(batch, "--share", "1")
    assert deauthorized("--customer", "2") == "1 customer could withdraw: 1 deauthorized.\n"
    assert deauthorized("--share", "0.5", "--seed", "1") == "12 customers could withdraw: 6 deauthorized.\n"
    assert authorized(batch, "--share", "1") == "0 customers waited: 0 authorized, 0 declined.\n"
    assert authorized(batch, "--customer", "2") == "1 customer waited: 1 authorized, 0 declined.\n"
    with start(batch / "sandbox") as again:
        assert stats(again)["connections"] == {"Accounting Linked": 7, "Accounting Deauthorized": 6}
    running.stop()


def test_customers_can_have_other_software(batch: Path, connect: Connect) -> None:
    """A customer who authorized with `--platform` no longer waits, although the first connection is still pending."""
    with start(batch / "sandbox") as running:
        companies = three_customers(running, connect)
        assert authorized(batch, "--customer", "1", "--platform", "qhyg").startswith("1 customer waited: 1 auth")
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
                answer = HTTP.post(f"{running.base_url}/_sandbox/{handle}", json=content)
                assert answer.status_code == 400


def test_the_help_explains_the_webhooks() -> None:
    """It also shows the secret, which is fake."""
    text = CliRunner().invoke(sandbox, ["--help"]).stdout
    for word in ("--webhook-url", "--webhook-secret", "--partner-events", "deauthorize"):
        assert word in text
    assert WEBHOOK_SECRET in text.replace("\n", "").replace(" ", "")


def test_a_connection_can_be_deauthorized(batch: Path, connect: Connect) -> None:
    """A customer does this in the accounting software."""
    with start(batch / "sandbox") as running:
        api = connect(running)
        company = new_company(api)
        connection = new_connection(api, company)
        path = f"{running.base_url}/_sandbox/connections/{connection['id']}"
        assert HTTP.put(path, json={"status": "Lost"}).status_code == 400
        assert HTTP.put(path, json={"status": "Deauthorized"}).status_code == 200
        assert api.get(f"/companies/{company}").json()["dataConnections"][0]["status"] == "Deauthorized"


@UNMEASURED
def test_help_is_quick_to_import() -> None:
    """`bulk --help` imports the commands, so they must not import a web server."""
    code = "import sys, bulk.sandbox.command; print({'starlette', 'uvicorn', 'sqlite3'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
