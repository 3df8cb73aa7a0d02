"""One round: the migration of some customers and the days after, while processes are killed and the network is bad.

A seed decides the plan: the customers, the commands, the fault of each exchange, and the moments at which a process is
killed. The exact moment depends on real processes: a seed repeats the plan of a round, not its timing.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from support.runs import BatchFixture, Codat, Ended, Process, row, until
from support.sandbox import start

from bulk.sandbox.folder import SandboxError
from bulk.sandbox.options import Options
from chaos import judge
from chaos.figures import Figures
from chaos.judge import Company, require
from chaos.proxy import Proxy
from chaos.wire_faults import CUTS, DELAYS, GATEWAYS, WireFault

ODD_IDS = (
    "00123",
    "=1+1",
    "+49 30",
    "@home",
    "O'Brien & Söhne",
    "a||b{c}&&d=e",
    "日本",
    "x,y",
    'he said "hi"',
    "%2F?#",
)
ODD_NAMES = ("Café Ångström", "Codat[1] (Ltd)", "O'Neill & Sons, Inc.", "x" * 200)
# A disturbed command that is still running after this time is killed, which may happen at any moment anyway.
MAX_DISTURBED_SECONDS = 8.0
MAX_CALM_SECONDS = 900.0
MAX_CALM_RUNS = 4
CALM_CODES = {0, 1}
CODES = {0, 1, 75, 130}  # a bad network is neither wrong usage nor a rejected key
REQUESTS_PER_TROUBLE = 3  # at most: a look-up, the same request again, and a look at the connections
FLAGS = ("--timeout", "2")
DOUBTS = "SELECT count(*) FROM requests WHERE outcome IS NULL OR outcome IN ('unknown', 'server_error')"


class Round:
    """A folder with a sandbox, a proxy in front of it, and a batch."""

    def __init__(self, path: Path, seed: int) -> None:
        self.rng = random.Random(seed)  # noqa: S311 - repeatable, not a secret
        self._options = Options(
            rate=0,
            daily_limit=0,
            latency=self.rng.choice([0.0, 0.01, 0.03]),
            ignore_idempotency=self.rng.random() < 0.5,
            second_connection="allow",
            seed=seed,
        )
        self._path = path
        self._seed = seed
        self.figures = Figures(rounds=1)
        self.needed = 0  # requests
        self.doubts = 0  # requests in doubt that a lost journal knew of
        self.has_lost_journal = False

    def run(self) -> Figures:
        """Run the round and judge it. Raises AssertionError if a guarantee is broken."""
        began = time.monotonic()
        self._sandbox = start(self._path / "sandbox", options=self._options)
        self._codat = Codat(self._sandbox)
        port = int(self._codat.base_url.rpartition(":")[2])
        try:
            with Proxy(port, f"{self._seed} wire") as self._proxy:
                self._fixture = BatchFixture(
                    self._path, self._codat, through=self._proxy.base_url, environment={"POLARS_MAX_THREADS": "1"}
                )
                try:
                    self._run_all()
                finally:
                    self._fixture.stop_processes()
        finally:
            self._sandbox.stop()
        return self._counted(time.monotonic() - began)

    def _run_all(self) -> None:
        self._write_input()
        for _ in range(self.rng.randint(1, 3)):
            self._disturb("migrate")
            if self.rng.random() < 0.1:
                self._lose_the_journal()
        self._calmly("migrate")
        judge.links_open(self._fixture)
        require(len(self._companies()) == len(self._ids), f"{len(self._companies())} companies of {len(self._ids)}")
        self._authorize()
        self._disturb("follow-up")
        self._calmly("follow-up")
        done = {result["state"] for result in self._fixture.results()} - {"rejected"}
        require(done <= {"link_ready", "complete"}, f"after the follow-up there are {done}")
        self._calmly("verify", codes={0})
        judge.nothing_to_find(self._fixture)
        self.rng.choice([self._renew, self._unlink, self._undo])()
        self._within_bounds()

    # -- the commands

    def _renew(self) -> None:
        with suppress(OSError):
            self._fixture.change_journal(
                "UPDATE customers SET link_issued_at = strftime('%Y-%m-%dT%H:%M:%SZ', link_issued_at, '-23 hours')"
            )
        self.needed += sum(result["state"] == "link_ready" for result in self._fixture.results())
        self._disturb("links")
        self._calmly("links")
        judge.links_open(self._fixture)

    def _unlink(self) -> None:
        linked = [judge.text(each["customer_id"]) for each in self._fixture.results() if each["state"] == "complete"]
        named = self.rng.sample(linked, min(3, len(linked)))
        if not named:
            return
        self.needed += len(named)
        options = [f"--customer={each}" for each in named]
        self._disturb("unlink", *options)
        self._calmly("unlink", *options)
        ended = {judge.text(each["customer_id"]) for each in self._fixture.results() if each["state"] == "unlinked"}
        require(ended == set(named), f"{ended} are unlinked, {named} were named")

    def _undo(self) -> None:
        before = self._companies()
        linked = {company.id for company in before if company.of_kind("Expense")}
        self._disturb("undo", "--yes")
        self._calmly("undo", "--yes")
        left = {company.id for company in self._companies()}
        require(linked <= left, "a linked company was deleted")
        self.needed += 2 * (len(before) - len(left))
        if not self.has_lost_journal:
            require(left == linked, f"{len(left - linked)} companies are left although nobody has linked them")

    def _start(self, command: str, *options: str) -> Process:
        reads_list = command in ("follow-up", "unlink", "undo", "verify")
        self.needed += reads_list or (command == "migrate" and self._has_more_to_send())
        self.figures += Figures(commands=1)
        return self._fixture.start(*FLAGS, "--concurrency", str(self._concurrency), *options, command=command)

    def _has_more_to_send(self) -> bool:
        return sum(bool(company.connections) for company in self._companies()) < len(self._ids)

    def _calmly(self, command: str, *options: str, codes: set[int] | None = None) -> None:
        """Run a command undisturbed, again if it has not finished, and judge the result."""
        for _ in range(MAX_CALM_RUNS):
            ended = self._start(command, *options).wait(MAX_CALM_SECONDS)
            if ended.code != 75:
                break
        require(ended.code in (codes or CALM_CODES), f"{command} ended with {ended.code}: {ended.err}")
        companies = self._companies()
        judge.once_only(companies)
        judge.reports_true(self._fixture, companies, self._rows)

    def _disturb(self, command: str, *options: str) -> None:
        """Run a command while faults happen to it; it ends, or is killed."""
        self._proxy.badness = self.rng.choice([0.0, 0.05, 0.15, 0.4])
        process = self._start(command, *options)
        if self.rng.random() < 0.35:
            self._wait(process, self._moment())
            self._kill_sandbox()
        ending = self.rng.choice([signal.SIGKILL] * 5 + [signal.SIGINT, signal.SIGTERM, None])
        self._wait(process, _never if ending is None else self._moment())
        self._end(process, ending)
        self._proxy.badness = 0.0
        judge.once_only(self._companies())

    def _end(self, process: Process, ending: signal.Signals | None) -> None:
        # A process without any output may still be loading. A Ctrl-C there is Python's own, with its traceback.
        if process.popen.poll() is None and ending in (signal.SIGINT, signal.SIGTERM) and process.stderr_so_far():
            self.figures += Figures(signals=1)
            process.send_signal(ending)
            self._wait(process, _never)
        if process.popen.poll() is None:
            process.kill()
            self.figures += Figures(kills_of_bulk=1, troubles=self._concurrency)
            self._fixture.judge(Ended(-9, "", process.stderr_so_far()))
            return
        ended = process.wait()
        require(ended.code in CODES, f"the run ended with {ended.code}: {ended.err}")

    # -- the disturbances

    def _moment(self) -> Callable[[], bool]:
        """Select a moment: after some requests, after some seconds, or while the reports are written."""
        kind = self.rng.choice(["requests", "requests", "seconds", "reports"])
        requests = self._proxy.requests + self.rng.randint(0, 2 * len(self._ids))
        end = time.monotonic() + self.rng.uniform(0.0, 1.5)
        pause = self.rng.uniform(0.0, 0.1)

        def has_come() -> bool:
            if kind == "seconds":
                return time.monotonic() >= end
            if kind == "requests":
                return self._proxy.requests >= requests
            if (self._fixture.folder / ".reports.part").exists():
                time.sleep(pause)
                return True
            return False

        return has_come

    def _wait(self, process: Process, has_come: Callable[[], bool]) -> None:
        end = time.monotonic() + MAX_DISTURBED_SECONDS
        while process.popen.poll() is None and not has_come() and time.monotonic() < end:
            time.sleep(0.005)

    def _kill_sandbox(self) -> None:
        assert self._sandbox.process is not None
        assert self._sandbox.process.stdin is not None
        self._sandbox.process.kill()
        self._sandbox.process.wait()
        self._sandbox.process.stdin.close()
        self.figures += Figures(kills_of_sandbox=1)
        time.sleep(self.rng.choice([0.0, 0.1, 0.5]))
        until(self._has_started_again, "the sandbox starts again")

    def _has_started_again(self) -> bool:
        with suppress(SandboxError):  # its port may be in use for another moment
            self._sandbox = start(self._path / "sandbox", options=self._options)
            return True
        return False

    def _lose_the_journal(self) -> None:
        """Lose the journal, or its write-ahead log, once nothing is in flight."""
        self._proxy.settle()
        pattern = self.rng.choice(["journal.sqlite3*", "journal.sqlite3-wal"])
        self.doubts += self._count_doubts()
        lost = list(self._fixture.folder.glob(pattern))
        for path in lost:
            path.unlink()
        if lost:
            self.has_lost_journal = True
            self.figures += Figures(journals_lost=1)

    # -- the customers

    def _write_input(self) -> None:
        number = self.rng.randint(20, 60)
        self._concurrency = self.rng.choice([1, 4, 10])
        odd = self.rng.sample(ODD_IDS, self.rng.randint(0, len(ODD_IDS)))
        self._ids = [f"{self._seed}-{n:03}" for n in range(number - len(odd))] + odd
        self.rng.shuffle(self._ids)
        rows = [row(each, n, email=f"customer{n}@example.com") for n, each in enumerate(self._ids)]
        for each in self.rng.sample(rows, 3):
            each["company_name"] = self.rng.choice(ODD_NAMES)
        bad = [row("", 1), row("nowhere", company_name="x", platform="no such"), row(self._ids[0])]
        rows += bad[: self.rng.randint(0, len(bad))]
        self._rows = len(rows)
        self._fixture.write(rows)
        self.needed += 2 * number
        self.figures += Figures(customers=number)

    def _authorize(self) -> None:
        share = self.rng.choice([0.2, 0.6, 1.0])
        named = self.rng.sample(self._ids, max(1, int(len(self._ids) * share)))
        self._codat.authorize(named)
        self.needed += len(named)

    def _companies(self) -> list[Company]:
        return judge.companies(self._sandbox.folder.database)

    # -- the figures

    def _count_doubts(self) -> int:
        """Count the requests whose outcome the journal does not know."""
        if not (self._fixture.folder / "journal.sqlite3").exists():
            return 0
        return int(self._fixture.query_journal(DOUBTS)[0][0])

    def _within_bounds(self) -> None:
        """Check the number of requests. On a busy machine a request can time out without a fault on the wire."""
        extra = self._proxy.requests - self.needed
        troubles = max(self._proxy.troubles, self.doubts + self._count_doubts()) + self.figures.troubles
        limit = REQUESTS_PER_TROUBLE * troubles + self.figures.commands
        require(extra <= limit, f"{extra} requests beyond those needed, and {troubles} went wrong")

    def _counted(self, seconds: float) -> Figures:
        faults = self._proxy.faults
        return self.figures + Figures(
            cuts=sum(faults[each] for each in CUTS),
            delays=sum(faults[each] for each in DELAYS),
            gateway_pages=sum(faults[each] for each in GATEWAYS),
            corrupted_responses=faults[WireFault.CORRUPTED],
            requests=self._proxy.requests,
            needed=self.needed,
            troubles=self._proxy.troubles,
            seconds=seconds,
        )


def _never() -> bool:
    return False
