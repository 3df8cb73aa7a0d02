"""One round: the migration of some customers and the days after, while processes are killed and the wire is bad.

A seed decides what is done: who the customers are, which commands run, what befalls which exchange, and when somebody
is killed. When exactly that is, real processes decide: a seed repeats the plan of a round and not every moment of it.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from runs.fixture import Bench, Codat, Ended, Process, row
from support.sandbox import start

from bulk.sandbox.folder import SandboxError
from bulk.sandbox.launch import Running
from bulk.sandbox.options import Options
from chaos import judge
from chaos.corruption import CUTS, DELAYS, GATEWAYS, Deed
from chaos.judge import Company, require
from chaos.proxy import Proxy
from chaos.tally import ImportDiff

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
MAX_TURN_SECONDS = 8.0
MAX_CALM_SECONDS = 120.0
MAX_CALM_RUNS = 4
CALM_CODES = {0, 1}
CODES = {0, 1, 75, 130}  # a bad wire is neither wrong usage nor a refused key
A_REQUEST_GONE_WRONG = 3  # requests that it costs at most: a look, the same again, and a look at the connections
FLAGS = ("--timeout", "2")


class Round:
    """A place with a sandbox, a proxy before it, and a batch of its own."""

    def __init__(self, path: Path, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311 - repeatable, no secret
        self._options = Options(
            rate=0,
            daily_limit=0,
            latency=self.chance.choice([0.0, 0.01, 0.03]),
            ignore_idempotency=self.chance.random() < 0.5,
            second_connection="allow",
            seed=seed,
        )
        self._path = path
        self._seed = seed
        self.tally = ImportDiff(rounds=1)
        self.floor = 0
        self.has_lost_journal = False

    def tell(self) -> ImportDiff:
        """Live through it, and judge it. Raises AssertionError with what is broken."""
        began = time.monotonic()
        self._sandbox = start(self._path / "sandbox", options=self._options)
        self._codat = Codat(self._sandbox)
        port = int(self._codat.base_url.rpartition(":")[2])
        try:
            with Proxy(port, f"{self._seed} wire") as self._proxy:
                self._bench = Bench(
                    self._path, self._codat, through=self._proxy.base_url, environment={"POLARS_MAX_THREADS": "1"}
                )
                self._live()
        finally:
            self._bench.clear_up()
            self._sandbox.stop()
        return self._counted(time.monotonic() - began)

    def _live(self) -> None:
        self._write_input()
        for _ in range(self.chance.randint(1, 3)):
            self._disturb("migrate")
            if self.chance.random() < 0.1:
                self._lose_the_journal()
        self._calmly("migrate")
        judge.links_open(self._bench)
        require(len(self._companies()) == len(self._ids), f"{len(self._companies())} companies of {len(self._ids)}")
        self._authorize()
        self._disturb("follow-up")
        self._calmly("follow-up")
        done = {result["state"] for result in self._bench.results()} - {"rejected"}
        require(done <= {"link_ready", "complete"}, f"after the follow-up there are {done}")
        self._calmly("verify", codes={0})
        judge.nothing_to_find(self._bench)
        self.chance.choice([self._renew, self._unlink, self._undo])()
        self._within_bounds()

    # -- the commands

    def _renew(self) -> None:
        with suppress(OSError):
            self._bench.alter(
                "UPDATE customers SET link_issued_at = strftime('%Y-%m-%dT%H:%M:%SZ', link_issued_at, '-23 hours')"
            )
        self.floor += sum(result["state"] == "link_ready" for result in self._bench.results())
        self._disturb("links")
        self._calmly("links")
        judge.links_open(self._bench)

    def _unlink(self) -> None:
        linked = [judge.text(each["customer_id"]) for each in self._bench.results() if each["state"] == "complete"]
        named = self.chance.sample(linked, min(3, len(linked)))
        if not named:
            return
        self.floor += len(named)
        options = [f"--customer={each}" for each in named]
        self._disturb("unlink", *options)
        self._calmly("unlink", *options)
        ended = {judge.text(each["customer_id"]) for each in self._bench.results() if each["state"] == "unlinked"}
        require(ended == set(named), f"{ended} are unlinked, asked was for {named}")

    def _undo(self) -> None:
        before = self._companies()
        linked = {company.id for company in before if company.of_kind("Expense")}
        self._disturb("undo", "--yes")
        self._calmly("undo", "--yes")
        left = {company.id for company in self._companies()}
        require(linked <= left, "a company was deleted that somebody has linked")
        self.floor += 2 * (len(before) - len(left))
        if not self.has_lost_journal:
            require(left == linked, f"{len(left - linked)} companies are left that nobody has linked")

    def _start(self, command: str, *options: str) -> Process:
        if command in ("follow-up", "unlink", "undo", "verify"):
            self.floor += 1  # the list of the batch's companies
        self.tally += ImportDiff(commands=1)
        return self._bench.start(*FLAGS, "--concurrency", str(self._concurrency), *options, command=command)

    def _calmly(self, command: str, *options: str, codes: set[int] | None = None) -> None:
        """Run it to its end with nobody in the way, again if it has not finished, and judge what is there."""
        for _ in range(MAX_CALM_RUNS):
            ended = self._start(command, *options).wait(MAX_CALM_SECONDS)
            if ended.code != 75:
                break
        require(ended.code in (codes or CALM_CODES), f"{command} ended with {ended.code}: {ended.err}")
        there = self._companies()
        judge.once_only(there)
        judge.reports_true(self._bench, there, self._rows)

    def _disturb(self, command: str, *options: str) -> None:
        """Run it while something is done to it; it ends, or is ended."""
        self._proxy.badness = self.chance.choice([0.0, 0.05, 0.15, 0.4])
        process = self._start(command, *options)
        if self.chance.random() < 0.35:
            self._wait(process, self._moment())
            self._kill_sandbox()
        ending = self.chance.choice([signal.SIGKILL] * 5 + [signal.SIGINT, signal.SIGTERM, None])
        if ending is None:
            self._wait(process, lambda: False)
        else:
            self._wait(process, self._moment())
        self._end(process, ending)
        self._proxy.badness = 0.0
        judge.once_only(self._companies())

    def _end(self, process: Process, ending: signal.Signals | None) -> None:
        # One that has said nothing yet may still be loading: there a Ctrl-C is Python's own, with its traceback.
        if process.popen.poll() is None and ending in (signal.SIGINT, signal.SIGTERM) and process.so_far():
            self.tally += ImportDiff(signals=1)
            process.tell(ending)
            with suppress(AssertionError):
                self._wait(process, lambda: False)
        if process.popen.poll() is None:
            process.kill()
            self.tally += ImportDiff(kills_of_bulk=1, troubles=self._concurrency)
            self._bench.judge(Ended(-9, "", process.so_far()))
            return
        ended = process.wait()
        require(ended.code in CODES, f"the run ended with {ended.code}: {ended.err}")

    # -- what is done to it

    def _moment(self) -> Callable[[], bool]:
        """Choose a moment: after some requests, some seconds, or when the reports are being written."""
        kind = self.chance.choice(["requests", "requests", "seconds", "reports"])
        since, more = self._proxy.requests, self.chance.randint(0, 2 * len(self._ids))
        end = time.monotonic() + self.chance.uniform(0.0, 1.5)
        lag = self.chance.uniform(0.0, 0.1)

        def has_come() -> bool:
            if kind == "seconds":
                return time.monotonic() >= end
            if kind == "requests":
                return self._proxy.requests >= since + more
            if (self._bench.folder / ".reports.part").exists():
                time.sleep(lag)
                return True
            return False

        return has_come

    def _wait(self, process: Process, has_come: Callable[[], bool]) -> None:
        end = time.monotonic() + MAX_TURN_SECONDS
        while process.popen.poll() is None and not has_come() and time.monotonic() < end:
            time.sleep(0.005)

    def _kill_sandbox(self) -> None:
        assert self._sandbox.process is not None
        assert self._sandbox.process.stdin is not None
        self._sandbox.process.kill()
        self._sandbox.process.wait()
        self._sandbox.process.stdin.close()
        self.tally += ImportDiff(kills_of_sandbox=1)
        time.sleep(self.chance.choice([0.0, 0.1, 0.5]))
        self._sandbox = _started_again(self._path / "sandbox", self._options)

    def _lose_the_journal(self) -> None:
        """Lose it, or what of it was not in its main file yet, when nothing is under way any more."""
        end = time.monotonic() + MAX_TURN_SECONDS
        while self._proxy.in_flight and time.monotonic() < end:
            time.sleep(0.02)
        pattern = self.chance.choice(["journal.sqlite3*", "journal.sqlite3-wal"])
        lost = list(self._bench.folder.glob(pattern))
        for path in lost:
            path.unlink()
        if lost:
            self.has_lost_journal = True
            self.floor += 1  # the list of all companies
            self.tally += ImportDiff(journals_lost=1)

    # -- who is there

    def _write_input(self) -> None:
        number = self.chance.randint(20, 60)
        self._concurrency = self.chance.choice([1, 4, 10])
        odd = self.chance.sample(ODD_IDS, self.chance.randint(0, len(ODD_IDS)))
        self._ids = [f"{self._seed}-{n:03}" for n in range(number - len(odd))] + odd
        self.chance.shuffle(self._ids)
        rows = [row(each, n, email=f"customer{n}@example.com") for n, each in enumerate(self._ids)]
        for each in self.chance.sample(rows, 3):
            each["company_name"] = self.chance.choice(ODD_NAMES)
        bad = [row("", 1), row("nowhere", company_name="x", platform="no such"), row(self._ids[0])]
        rows += bad[: self.chance.randint(0, len(bad))]
        self._rows = len(rows)
        self._bench.write(rows)
        self.floor += 1 + 2 * number
        self.tally += ImportDiff(customers=number)

    def _authorize(self) -> None:
        share = self.chance.choice([0.2, 0.6, 1.0])
        named = self.chance.sample(self._ids, max(1, int(len(self._ids) * share)))
        self._codat.authorize(named)
        self.floor += len(named)

    def _companies(self) -> list[Company]:
        return judge.companies(self._sandbox.folder.database)

    # -- the figures

    def _within_bounds(self) -> None:
        beyond = self._proxy.requests - self.floor
        troubles = self._proxy.troubles + self.tally.troubles
        most = A_REQUEST_GONE_WRONG * troubles + self.tally.commands
        require(beyond <= most, f"{beyond} requests beyond what is needed, and {troubles} have gone wrong")

    def _counted(self, seconds: float) -> ImportDiff:
        deeds = self._proxy.deeds
        return self.tally + ImportDiff(
            cuts=sum(deeds[each] for each in CUTS),
            delays=sum(deeds[each] for each in DELAYS),
            gateway_pages=sum(deeds[each] for each in GATEWAYS),
            garbled_answers=deeds[Deed.GARBLED],
            requests=self._proxy.requests,
            floor=self.floor,
            troubles=self._proxy.troubles,
            seconds=seconds,
        )


def _started_again(folder: Path, options: Options) -> Running:
    for _ in range(20):
        with suppress(SandboxError):
            return start(folder, options=options)
        time.sleep(0.2)
    return start(folder, options=options)
