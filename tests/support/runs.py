"""A fixture for whole runs: a folder to work in, a sandbox, and readers of what a run leaves in both.

Every run that ends here is also checked against the rules for all runs: no key in its output and files, no traceback,
files for their owner only, and reports that add up.
"""

from __future__ import annotations

import base64
import csv
import json
import os
import signal
import sqlite3
import stat
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bulk.sandbox.launch import Running
from support.http_client import HTTP
from support.process_server import Child, ProcessServer

KEY = "sandbox-key"
PLATFORMS = ("xero", "qbo", "Business Central", "FreeAgent", "netsuite", "QuickBooks Desktop")
SERVER = ProcessServer()
UNLIMITED_RATE = "1000000"  # requests a minute: other tests cover the rate
MAX_SECONDS = 240.0  # for any wait: long enough for a slow machine, and only a failing test waits that long


def until(holds: Callable[[], bool], what: str) -> None:
    """Poll until a condition holds; fail after MAX_SECONDS."""
    end = time.monotonic() + MAX_SECONDS
    while not holds():
        assert time.monotonic() < end, f"not within {MAX_SECONDS:g} s: {what}"
        time.sleep(0.01)


@dataclass(frozen=True)
class Connection:
    """A connection as the sandbox has it."""

    company: str
    id: str
    kind: str
    status: str


class Codat:
    """A test's access to a sandbox: its counts, its clock, its faults."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.base_url = running.base_url

    def stats(self) -> dict[str, Any]:
        """Return the sandbox's counts."""
        content: dict[str, Any] = HTTP.get(self.base_url + "/_sandbox/stats", timeout=30).json()
        return content

    def posts(self) -> int:
        """Count the requests that create companies and accounting connections."""
        requests = self.stats()["requests"]
        return int(requests.get("create_company", 0) + requests.get("create_connection", 0))

    def log(self) -> list[dict[str, Any]]:
        """List the finished requests in the order in which they came."""
        entries: list[dict[str, Any]] = HTTP.get(self.base_url + "/_sandbox/log", timeout=30).json()
        return sorted(entries, key=lambda entry: int(entry["number"]))

    def count_from_zero(self) -> None:
        """Reset the counts."""
        HTTP.delete(self.base_url + "/_sandbox/stats", timeout=30).raise_for_status()

    def advance(self, seconds: float) -> None:
        """Move the sandbox's clock forward."""
        self._post("/_sandbox/clock", {"advance_seconds": seconds})

    def inject_faults(self, *rules: Mapping[str, object]) -> None:
        """Activate faults."""
        self._post("/_sandbox/faults", list(rules))

    def struck(self) -> int:
        """Count the requests that the active faults have struck."""
        rules = HTTP.get(self.base_url + "/_sandbox/faults", timeout=30).json()
        return sum(rule["struck"] for rule in rules)

    def clear_faults(self) -> None:
        """Remove all faults."""
        HTTP.delete(self.base_url + "/_sandbox/faults", timeout=30).raise_for_status()

    @contextmanager
    def holding(self, *, after: int, operation: str | None = None) -> Iterator[Callable[[], None]]:
        """Hold the requests (of one operation) that come after the next `after` ones, until the block ends.

        The value of the block waits for the first request that is held.
        """
        url = self.base_url + "/_sandbox/hold"
        HTTP.post(url, json={"after": after, "operation": operation}, timeout=60).raise_for_status()
        try:
            yield lambda: until(lambda: HTTP.get(url, timeout=60).json()["held"] > 0, "a request is held")
        finally:
            HTTP.delete(url, timeout=60).raise_for_status()

    def companies(self) -> list[dict[str, Any]]:
        """List all companies with their connections from the sandbox's own file, without limits and faults."""
        database = self.running.folder.database.as_uri() + "?mode=ro"
        with closing(sqlite3.connect(database, uri=True)) as state:
            connections = state.execute("SELECT company, id FROM connection WHERE until IS NULL ORDER BY n").fetchall()
            return [
                {
                    "id": id_,
                    "name": name,
                    "tags": json.loads(tags),
                    "connections": [c for n, c in connections if n == number],
                }
                for number, id_, name, tags in state.execute(
                    "SELECT n, id, name, tags FROM company WHERE until IS NULL ORDER BY n"
                )
            ]

    def connections(self, ids: Iterable[str]) -> dict[str, list[Connection]]:
        """List the connections of these customers, the oldest first, as `companies` does; a customer may have none."""
        found: dict[str, list[Connection]] = {each: [] for each in ids}
        database = self.running.folder.database.as_uri() + "?mode=ro"
        with closing(sqlite3.connect(database, uri=True)) as state:
            rows = state.execute(
                "SELECT t.value, c.id, d.id, d.source_type, d.status FROM connection d "
                "JOIN company c ON c.n = d.company JOIN tag t ON t.company = c.n AND t.key = 'uid' "
                "WHERE d.until IS NULL ORDER BY d.n"
            )
            for customer_id, *values in rows:
                if customer_id in found:
                    found[customer_id].append(Connection(*values))
        return found

    def accounting(self, customer_id: str) -> Connection:
        """Return a customer's newest accounting connection."""
        return [each for each in self.connections([customer_id])[customer_id] if each.kind == "Accounting"][-1]

    def company_of(self, customer_id: str) -> str:
        """Return the id of a customer's company, of which there is one."""
        (company,) = [each["id"] for each in self.companies() if each["tags"].get("uid") == customer_id]
        return str(company)

    def authorize(self, ids: Sequence[str], *, platform: str | None = None) -> None:
        """Let these customers authorize. With `platform`, they link that software instead of the requested one."""
        self._post("/_sandbox/customers", {"customers": list(ids), "platform": platform})

    def decline(self, ids: Sequence[str]) -> None:
        """Let these customers try to link, and decline."""
        self._post("/_sandbox/customers", {"customers": list(ids), "share": 0, "decline_share": 1})

    def deauthorize(self, ids: Sequence[str]) -> None:
        """Let these customers withdraw their authorization."""
        self._post("/_sandbox/customers/deauthorize", {"customers": list(ids)})

    def set_status(self, connection: Connection, status: str) -> None:
        """Change the status of a connection, as people in Codat's portal can."""
        path = f"/_sandbox/connections/{connection.id}"
        HTTP.put(self.base_url + path, json={"status": status}, timeout=30).raise_for_status()

    def delete(self, what: str, id_: str) -> None:
        """Delete one of the `connections` or `companies`, as somebody in Codat's portal would."""
        HTTP.delete(f"{self.base_url}/_sandbox/{what}/{id_}", timeout=30).raise_for_status()

    def api(self, method: str, path: str, content: object = None) -> httpx.Response:
        """Send a request to the API with the right key."""
        header = "Basic " + base64.b64encode(KEY.encode()).decode()
        answer = HTTP.request(method, self.base_url + path, json=content, headers={"Authorization": header}, timeout=30)
        answer.raise_for_status()
        return answer

    def _post(self, path: str, content: object) -> None:
        HTTP.post(self.base_url + path, json=content, timeout=30).raise_for_status()


@dataclass(frozen=True)
class Ended:
    """A run that has ended."""

    code: int
    out: str
    err: str

    def assert_one_error(self, *parts: str) -> None:
        """Assert that the run printed exactly one error, and that it contains these parts."""
        lines = [line for line in self.err.splitlines() if line.startswith("bulk: ")]
        assert len(lines) == 1, self.err
        assert all(part in lines[0] for part in parts), lines[0]


@dataclass
class Process:
    """A run that was started."""

    popen: Child
    fixture: BatchFixture
    stdout: Path
    stderr: Path

    def pid(self) -> int:
        """Return the process id."""
        return self.popen.pid

    def stderr_so_far(self) -> str:
        """Return its messages so far."""
        return self.stderr.read_text()

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal to the process."""
        self.popen.send_signal(number)

    def kill(self) -> None:
        """Kill the process, as a power cut would."""
        self.popen.kill()

    def wait(self, seconds: float = MAX_SECONDS) -> Ended:
        """Wait for the end of the run, and check the rules for all runs."""
        try:
            code = self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the run did not end within {seconds:g} s: {self.stderr_so_far()}") from None
        ended = Ended(code, self.stdout.read_text(), self.stderr_so_far())
        self.fixture.judge(ended)
        return ended


@dataclass
class BatchFixture:
    """A working directory with an input, and the folder of its batch."""

    path: Path
    codat: Codat
    name: str = "customers"
    key: str = KEY
    environment: Mapping[str, str] = field(default_factory=dict)
    uses_dotenv: bool = False
    through: str = ""  # the URL of a proxy in front of the sandbox, if there is one
    runs: int = 0
    processes: list[Process] = field(default_factory=list)

    @property
    def folder(self) -> Path:
        """The batch's folder."""
        return self.path / "reports" / self.name

    @property
    def input(self) -> Path:
        """The input file."""
        return self.path / f"{self.name}.csv"

    def customers(self, number: int, *, prefix: str | None = None) -> list[str]:
        """Write an input of this many customers; return their identifiers, which no other fixture's customers have."""
        prefix = prefix or self.path.name
        ids = [f"{prefix}-{n:04}" for n in range(1, number + 1)]
        self.write([row(each, n) for n, each in enumerate(ids)])
        return ids

    def write(self, rows: Iterable[Mapping[str, str]], *, name: str | None = None) -> Path:
        """Write an input."""
        rows = list(rows)
        path = self.path / (name or f"{self.name}.csv")
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        return path

    def start(
        self, *options: str, command: str = "migrate", path: Path | None = None, limit_bytes: int | None = None
    ) -> Process:
        """Start `bulk migrate` on the input, or another command on the batch.

        `limit_bytes` limits the size of each file that the process writes.
        """
        self.runs += 1
        stdout, stderr = (self.path / f"{name}-{self.runs}.txt" for name in ("stdout", "stderr"))
        is_sending = command not in ("report", "sent")
        pace: tuple[str, ...] = () if "--rate" in options or not is_sending else ("--rate", UNLIMITED_RATE)
        if command == "links" and "--timeout" not in options:
            pace += ("--timeout", "3")  # with a short timeout, the wait after a lost request is short too
        place = path or (self.input if command == "migrate" else self.folder)
        base_url = self.through or self.codat.base_url
        arguments = [command, str(place), *pace, *options]
        if command != "migrate" and is_sending:
            arguments += ["--base-url", base_url]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("CODAT_")}
        if not self.uses_dotenv:
            environment |= {"CODAT_API_KEY": self.key, "CODAT_BASE_URL": base_url}
        environment["XDG_STATE_HOME"] = str(self.path / "state")  # as on a machine of its own
        environment |= self.environment
        child = SERVER.start(
            arguments, cwd=self.path, environment=environment, stdout=stdout, stderr=stderr, limit_bytes=limit_bytes
        )
        process = Process(child, self, stdout, stderr)
        self.processes.append(process)
        return process

    def stop_processes(self) -> None:
        """Kill the processes that a failed test has left running."""
        for process in self.processes:
            if process.popen.returncode is None:
                process.kill()

    def run(self, *options: str, path: Path | None = None, limit_bytes: int | None = None) -> Ended:
        """Run `bulk migrate` on the input to its end."""
        return self.start(*options, path=path, limit_bytes=limit_bytes).wait()

    def then(self, command: str, *options: str, path: Path | None = None) -> Ended:
        """Run another command on the batch to its end."""
        return self.start(*options, command=command, path=path).wait()

    def results(self) -> list[dict[str, str]]:
        """Read the rows of the results."""
        return self.table("results.csv")

    def states(self) -> dict[str, int]:
        """Count the results by state."""
        return dict(Counter(result["state"] for result in self.results()))

    def table(self, name: str) -> list[dict[str, str]]:
        """Read a table of the batch's folder."""
        with (self.folder / name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def summary(self) -> dict[str, Any]:
        """Read the summary."""
        content: dict[str, Any] = json.loads((self.folder / "summary.json").read_text())
        return content

    def query_journal(self, sql: str) -> list[tuple[Any, ...]]:
        """Query the journal."""
        with closing(sqlite3.connect(f"{(self.folder / 'journal.sqlite3').as_uri()}?mode=ro", uri=True)) as journal:
            return journal.execute(sql).fetchall()

    def change_journal(self, sql: str, **values: object) -> None:
        """Change the journal directly."""
        with closing(sqlite3.connect(self.folder / "journal.sqlite3")) as journal, journal:
            journal.execute(sql, values)

    def let_hours_pass(self, hours: float) -> None:
        """Let hours pass: move Codat's clock forward, and the times of links and requests in the journal back."""
        self.codat.advance(hours * 3600)
        self.change_journal(
            "UPDATE customers SET link_issued_at = strftime('%Y-%m-%dT%H:%M:%SZ', link_issued_at, :ago)",
            ago=f"-{hours * 3600:.0f} seconds",
        )
        self.change_journal(
            "UPDATE requests SET sent_at = sent_at - :ago, answered_at = answered_at - :ago", ago=hours * 3600
        )

    def delete_journal(self) -> None:
        """Delete the journal."""
        for path in self.folder.glob("journal.sqlite3*"):
            path.unlink()

    def judge(self, ended: Ended) -> None:
        """Check the rules for all runs on a run that has ended."""
        assert "Traceback" not in ended.err, ended.err
        assert "internal error" not in ended.err, ended.err
        for key in _forms(self.key):
            assert key not in ended.err
            assert key not in ended.out
        if not self.folder.is_dir():
            return
        assert stat.S_IMODE(self.folder.stat().st_mode) == 0o700
        for path in self.folder.rglob("*"):
            if path.is_file():
                # A listener may be writing reports, whose temporary files disappear.
                with suppress(FileNotFoundError), path.open("rb") as file:
                    content = file.read()
                    assert not any(key.encode() in content for key in _forms(self.key)), path
                    # The temporary files of a killed report are in a folder that only its owner can open.
                    is_temporary = path.parent.name == ".reports.part"
                    assert is_temporary or stat.S_IMODE(os.fstat(file.fileno()).st_mode) == 0o600, path
        if (self.folder / "summary.json").exists() and ended.code in (0, 1, 3, 75, 130):
            assert sum(self.summary()["customers"].values()) == len(self.results())

    def assert_once_only(self, ids: Sequence[str]) -> None:
        """Assert that each customer has one company and one connection, and that the reports have their ids."""
        companies = [each for each in self.codat.companies() if each["tags"].get("uid") in set(ids)]
        assert Counter(each["tags"]["uid"] for each in companies) == Counter(ids)
        in_codat = {each["tags"]["uid"]: (each["id"], each["connections"]) for each in companies}
        results = self.results()
        assert [result["customer_id"] for result in results] == list(ids)
        for result in results:
            assert in_codat[result["customer_id"]] == (result["company_id"], [result["connection_id"]])
            assert result["state"] == "link_ready", result
            assert result["link_url"], result
            assert not result["error"], result
        assert sorted(link["customer_id"] for link in self.table("links.csv")) == sorted(ids)

    def assert_reports_match(self, ids: Sequence[str]) -> None:
        """Assert that no customer has a second partner connection, and that the reports match Codat."""
        in_codat = self.codat.connections(ids)
        results = {result["customer_id"]: result for result in self.results()}
        for reported in self.table("partner.csv"):
            customer_id = reported["customer_id"]
            there = in_codat[customer_id]
            own = {(each.id, each.status) for each in there if each.kind == "Accounting"}
            partners = [each.id for each in there if each.kind == "Expense"]
            assert (reported["connection_id"], reported["connection_status"]) in own, reported
            assert [reported["partner_connection_id"]] == (partners or [""]), (reported, partners)
            result = results[customer_id]
            assert result["state"] == _state(reported["connection_status"], has_partner=bool(partners)), result
            assert not result["error"], result
        assert sorted(each["customer_id"] for each in self.table("partner.csv")) == sorted(ids)

    def assert_links_open(self, ids: Sequence[str]) -> None:
        """Assert that links.csv has exactly these customers, and that every link opens."""
        links = {link["customer_id"]: link["link_url"] for link in self.table("links.csv")}
        assert sorted(links) == sorted(ids)
        assert [each for each, url in links.items() if HTTP.get(url).status_code != httpx.codes.OK] == []


def _state(status: str, *, has_partner: bool) -> str:
    linked = "complete" if has_partner else "linked"
    return {"PendingAuth": "link_ready", "Linked": linked}.get(status, "unlinked")


def row(customer_id: str, number: int = 0, **changes: str) -> dict[str, str]:
    """Return a row of an input."""
    return {
        "customer_id": customer_id,
        "company_name": f"Company {customer_id}",
        "platform": PLATFORMS[number % len(PLATFORMS)],
        "email": f"{customer_id}@example.com",
    } | changes


def _forms(key: str) -> list[str]:
    """Return the two forms of a key: raw, and encoded as in the header."""
    raw = key.removeprefix("Basic ").strip()
    return [raw, base64.b64encode(raw.encode()).decode().rstrip("=")]
