"""Commands, faults, crashes and customer actions in any order keep every guarantee.

No customer gets a second company, accounting connection or partner connection; no company that its customer has linked
is deleted; the journal never has a link that no longer opens; and in the end the journal matches Codat.
"""

from __future__ import annotations

import itertools
import random
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from simulation import process
from simulation.memory import folder_in_memory
from support.fault_schedule import Passage
from support.records import PENDING

from bulk.engine.changes import state_of
from bulk.engine.commands.follow_up import FollowUp
from bulk.engine.commands.links import Links
from bulk.engine.commands.migrate import Migrate
from bulk.engine.commands.undo import Undo
from bulk.engine.commands.unlink import Unlink
from bulk.engine.commands.verify import Verify
from bulk.engine.options import Options
from bulk.engine.run import Command as EngineCommand
from bulk.input import open_input
from bulk.journal.database import FILE
from bulk.model import Stop
from integration.crash_runs import (
    BUSY,
    DELETES,
    LAGGING,
    LOST_AFTER,
    LOST_BEFORE,
    NO_CONNECTION,
    THROTTLED,
    WELL,
    WITHOUT_LAG,
    CrashRuns,
    Ending,
    ScriptedCodat,
)

MAX_ROUNDS = 6  # of the commands that finish a batch


COMPLETE = Ending()
CRASHED: Stop | None = process.CRASHED


class Command(StrEnum):
    """A command of bulk, with its options."""

    MIGRATE = "migrate"
    RETRY = "migrate --retry-failed --again"
    FOLLOW_UP = "follow-up"
    RETRY_PARTNERS = "follow-up --retry-failed"
    LINKS = "links"
    UNLINK = "unlink, the first and the last"
    UNDO = "undo --yes"
    VERIFY = "verify"
    ADOPT = "verify --adopt"


class Batch:
    """A batch of some customers, and the runs on it."""

    def __init__(
        self, path: Path, scripted: ScriptedCodat, *, customers: int = 1, concurrency: int = 1, seed: int = 0
    ) -> None:
        self.ids = [f"c{n}" for n in range(customers)]
        self.scripted = scripted
        self._source = path / "customers.csv"
        content = {"customer_id": self.ids, "company_name": self.ids, "platform": ["xero"] * customers}
        pl.DataFrame(content).write_csv(self._source)
        self.runs = CrashRuns(path / "batch", scripted, concurrency, random.Random(seed))  # noqa: S311 - repeatable

    def run(self, command: Command, ending: Ending = COMPLETE) -> Stop | None:
        """Run a command, and check the guarantees that hold at any time."""
        stop = self.runs.do(self._engine_command(command), ending)
        self.runs.rest(2.0)  # requests that were cut off are done by then
        self._no_second_of_anything()
        self._no_stale_link()
        return stop

    def finish(self) -> None:
        """Run commands until no work is left, and check that all commands then find nothing to do."""
        self.settle()
        posts = self.scripted.posts
        assert [self.run(command) for command in (Command.VERIFY, Command.FOLLOW_UP, Command.MIGRATE)] == [None] * 3
        assert self._read("SELECT * FROM findings") == []
        assert self.scripted.posts == posts

    def settle(self, commands: Sequence[Command] = (Command.RETRY, Command.FOLLOW_UP, Command.RETRY_PARTNERS)) -> None:
        """Run commands until no work is left, and check that the journal matches Codat."""
        self.scripted.then()
        for _ in range(MAX_ROUNDS):
            self.runs.rest(60)
            stops = [self.run(command) for command in commands]
            if not any(stops) and self._agree():
                break
        assert self.in_journal() == self.in_codat()

    def in_journal(self) -> dict[str, tuple[Any, ...]]:
        """Return each customer as the journal has it."""
        rows = self._read(
            "SELECT customer_id, company_id, connection_id, connection_status, partner_connection_id, state "
            "FROM customers"
        )
        return {customer_id: tuple(rest) for customer_id, *rest in rows}

    def in_codat(self) -> dict[str, tuple[Any, ...]]:
        """Return each customer as Codat has it, in the journal's form."""
        found: dict[str, tuple[Any, ...]] = {}
        for company in self.scripted.codat.companies:
            (own, *_), partners = company.accounting, company.partners
            state = str(state_of(own.status, has_partner=bool(partners)))
            partner_id = partners[0].id if partners else None
            found[company.tags["uid"]] = (company.id, own.id, own.status, partner_id, state)
        return found

    def _agree(self) -> bool:
        return (
            all(company.accounting for company in self.scripted.codat.companies)
            and self.in_journal() == self.in_codat()
        )

    def _engine_command(self, command: Command) -> EngineCommand:
        match command:
            case Command.MIGRATE | Command.RETRY:
                options = Options(retry_failed=command is Command.RETRY, again=command is Command.RETRY)
                return Migrate(open_input(self._source, mapping={}), options)
            case Command.FOLLOW_UP | Command.RETRY_PARTNERS:
                return FollowUp(retry_failed=command is Command.RETRY_PARTNERS)
            case Command.LINKS:
                return Links(margin=60, lifetime=1)  # every link is due
            case Command.UNLINK:
                return Unlink([self.ids[0], self.ids[-1]])
            case Command.UNDO:
                return Undo(deletes=True)
        return Verify(adopts=command is Command.ADOPT)

    def _no_second_of_anything(self) -> None:
        of_each = Counter(company.tags["uid"] for company in self.scripted.codat.companies)
        assert all(number == 1 for number in of_each.values()), "a second company"
        for company in self.scripted.codat.companies:
            kinds = Counter(connection.source_type for connection in company.connections)
            assert all(number == 1 for number in kinds.values()), f"a second connection: {kinds}"

    def _no_stale_link(self) -> None:
        good = {
            connection.id: connection.link_url
            for company in self.scripted.codat.companies
            for connection in company.accounting
            if connection.status == PENDING
        }
        for connection_id, link in self._read(
            "SELECT connection_id, link_url FROM customers WHERE state = 'link_ready' AND link_url IS NOT NULL"
        ):
            assert good.get(connection_id, link) == link, "a link that no longer opens"

    def _read(self, query: str) -> list[Any]:
        if not (self.runs.folder / FILE).exists():
            return []
        with closing(sqlite3.connect(self.runs.folder / FILE)) as db:
            has_tables = db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'customers'").fetchone()[0]
            return db.execute(query).fetchall() if has_tables else []


@contextmanager
def batch(scripted: ScriptedCodat, **values: int) -> Iterator[Batch]:
    """Make a batch in a folder of its own."""
    with folder_in_memory() as path:
        yield Batch(path, scripted, **values)


ENDINGS = st.builds(
    Ending,
    crashes_at=st.none() | st.integers(1, 60),
    interrupted_after=st.none() | st.floats(0.0, 1.0),
    loses_journal=st.sampled_from([False] * 7 + [True]),
)


@pytest.mark.timeout(900)  # hypothesis shrinks a failure before it reports it
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(
    customers=st.integers(1, 4),
    passages=st.lists(st.sampled_from(WITHOUT_LAG) | st.just(WELL), max_size=40),
    actions=st.lists(st.none() | st.integers(0, DELETES), max_size=60),
    runs=st.lists(st.tuples(st.sampled_from(Command), ENDINGS), min_size=1, max_size=7),
    concurrency=st.sampled_from([1, 2, 10]),
    honours_keys=st.booleans(),
    allows_second=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_any_order_of_commands_faults_and_customer_actions_keeps_every_guarantee(
    customers: int,
    passages: list[Passage],
    actions: list[int | None],
    runs: list[tuple[Command, Ending]],
    concurrency: int,
    honours_keys: bool,
    allows_second: bool,
    seed: int,
) -> None:
    """The guarantees are checked after each run and at the end."""
    scripted = ScriptedCodat(passages, actions=actions, honours_keys=honours_keys, allows_second=allows_second)
    with batch(scripted, customers=customers, concurrency=concurrency, seed=seed) as ours:
        ours.run(Command.MIGRATE, runs[0][1])
        for command, ending in runs:
            ours.run(command, ending)
        ours.finish()


@pytest.mark.parametrize("command", [Command.VERIFY, Command.ADOPT, Command.FOLLOW_UP])
def test_a_reading_of_the_list_that_adopts_nothing_resolves_no_doubt(command: Command) -> None:
    """A migrate crashes at any moment. A later command reads the list; the next migrate creates no second company."""
    stop, moments = CRASHED, itertools.count(1)
    while stop == CRASHED:
        with batch(ScriptedCodat(honours_keys=False)) as ours:
            stop = ours.run(Command.MIGRATE, Ending(crashes_at=next(moments)))
            ours.runs.rest(60)
            ours.run(command)
            ours.settle([Command.RETRY])


@pytest.mark.parametrize("command", [Command.VERIFY, Command.ADOPT, Command.FOLLOW_UP, Command.UNDO])
def test_a_journal_without_customers_learns_nothing_from_a_list(command: Command) -> None:
    """It was lost, and the first command after that enrolled no customer. The next migrate reads the company list."""
    with batch(ScriptedCodat(honours_keys=False)) as ours:
        ours.run(Command.MIGRATE, Ending(loses_journal=True))
        ours.run(command)
        ours.finish()


@pytest.mark.parametrize("then", [NO_CONNECTION, THROTTLED, BUSY])
def test_a_link_is_not_restored_once_another_may_have_been_minted(then: Passage) -> None:
    """The response with the new link was lost, the second try had no effect, and the run crashed after it."""
    stop, moments = CRASHED, itertools.count(1)
    while stop == CRASHED:
        with batch(ScriptedCodat([WELL, WELL, WELL, LOST_AFTER, then, then])) as ours:
            ours.run(Command.MIGRATE)
            ours.runs.rest(60)
            stop = ours.run(Command.LINKS, Ending(crashes_at=next(moments)))


def test_a_customer_that_links_again_after_an_unlink_in_doubt_is_unlinked_again() -> None:
    """Codat would replay its first response under the old key, and leave the customer linked."""
    stop, moments = CRASHED, itertools.count(1)
    while stop == CRASHED:
        scripted = ScriptedCodat()
        with batch(scripted) as ours:
            ours.run(Command.MIGRATE)
            scripted.act(0)
            ours.run(Command.FOLLOW_UP)
            stop = ours.run(Command.UNLINK, Ending(crashes_at=next(moments)))
            ours.runs.rest(60)
            ours.run(Command.FOLLOW_UP)
            if ours.in_codat()["c0"][2] == "Unlinked":
                scripted.act(0)
            ours.runs.rest(60)
            assert ours.run(Command.UNLINK) is None
            assert ours.in_codat()["c0"][2] == "Unlinked"
            ours.settle()


def test_a_customer_that_links_right_after_the_list_was_read_keeps_its_company() -> None:
    """`undo` looks up each company right before it deletes it. The look-up of a crashed run is too old."""
    stop, moments = CRASHED, itertools.count(1)
    while stop == CRASHED:
        scripted = ScriptedCodat()
        with batch(scripted) as ours:
            ours.run(Command.MIGRATE)
            stop = ours.run(Command.UNDO, Ending(crashes_at=next(moments)))
            if scripted.codat.companies:
                scripted.then(actions=[None, 0])
                assert ours.run(Command.UNDO) is None
                assert ours.in_codat()["c0"][2] == "Linked"


def test_a_customer_that_withdraws_while_a_partner_connection_is_in_doubt_has_not_failed() -> None:
    """Codat rejects the second try, because the customer is no longer linked. The next look-up shows that."""
    scripted = ScriptedCodat()
    with batch(scripted) as ours:
        ours.run(Command.MIGRATE)
        scripted.act(0)
        # The list, the lost POST, the look-up; then the customer acts before the POST is repeated.
        scripted.then([WELL, LOST_BEFORE], actions=[None, None, None, 0])
        assert ours.run(Command.FOLLOW_UP) is None
        assert ours.in_journal() == ours.in_codat()


@pytest.mark.parametrize(
    ("command", "is_linked"),
    [(Command.FOLLOW_UP, True), (Command.UNLINK, True), (Command.UNDO, True), (Command.LINKS, False)],
)
def test_wherever_a_command_crashes_the_guarantees_hold(command: Command, is_linked: bool) -> None:
    """It crashes at every moment, with the first of two customers linked or not."""
    stop, moments = CRASHED, itertools.count(1)
    while stop == CRASHED:
        scripted = ScriptedCodat(honours_keys=False)
        with batch(scripted, customers=2) as ours:
            ours.run(Command.MIGRATE)
            if is_linked:
                scripted.act(0)
            stop = ours.run(command, Ending(crashes_at=next(moments)))
            ours.runs.rest(60)
            ours.settle()


def test_a_company_that_a_list_did_not_show_is_looked_up_before_another_is_created() -> None:
    """A list that lags makes a company seem deleted, but it does not prove that Codat has none."""
    scripted = ScriptedCodat()
    with batch(scripted) as ours:
        ours.run(Command.MIGRATE)
        scripted.then([LAGGING, LAGGING])  # the list of the batch's companies, and that of all
        ours.run(Command.FOLLOW_UP)
        ours.runs.rest(3600)
        assert ours.in_journal()["c0"][4] == "failed"
        ours.run(Command.RETRY)
        ours.finish()
