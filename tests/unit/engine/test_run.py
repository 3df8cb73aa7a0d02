"""A run has a beginning and an end in the journal, whatever happens in between."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.trip import NO_COMPANIES, Replies
from support.values import NO_RESPONSE, error, ok

from bulk.codat import responses
from bulk.codat.client import Sender
from bulk.codat.endpoints import Request
from bulk.codat.throttle import Stopped
from bulk.engine.commands.migrate import Migrate
from bulk.engine.events import Ended, Event, Hook, Warned
from bulk.engine.options import Options
from bulk.engine.run import Run, RunEnd
from bulk.engine.session import Session
from bulk.engine.step import Step
from bulk.errors import BatchError, BulkError, InputError, JournalError, UsageError
from bulk.input import open_input
from bulk.journal import database, facts
from bulk.journal.writer import Writer
from bulk.model import Stop
from bulk.settings import Secret, Settings

SETTINGS = Settings(Secret("Basic none"), rate=1_000_000, base_url="https://codat.example")
NEW_KEY = Settings(Secret("Basic new"), rate=1_000_000, base_url="https://codat.example")


OWN_CLIENT = ok({"clientId": "one", "settings": []})


class Codat(Replies):
    """Replies from a list, and with `client` to the question for the client of the key."""

    client = OWN_CLIENT
    questions = 0

    async def send(self, request: Request, *, key: str | None = None) -> responses.Reply:
        """Return the reply."""
        if request.operation != "get_sync_settings":
            return await super().send(request, key=key)
        self.questions += 1
        return self.client


async def work_nothing(_: Session) -> None:
    """Do nothing."""


class Command:
    """A command whose parts a test provides."""

    name = "test"
    source: str | None = None
    steps: tuple[Step, ...] = ()
    only_present = False

    def __init__(
        self,
        *,
        prepare: Callable[[sqlite3.Connection], None] = lambda _: None,
        begin: Callable[[], bool] = lambda: True,
        work: Callable[[Session], Any] = work_nothing,
    ) -> None:
        self._prepare, self._begin, self._work = prepare, begin, work

    def prepare(self, connection: sqlite3.Connection, run: int) -> None:  # noqa: ARG002 - a command's signature
        """Run the preparation that the test provides."""
        self._prepare(connection)

    async def begin(self, writer: Writer, hook: Hook, now: float) -> bool:  # noqa: ARG002 - a command's signature
        """Return the result that the test provides."""
        return self._begin()

    async def work(self, session: Session) -> None:
        """Run the work that the test provides."""
        await self._work(session)


def fail(error: BaseException) -> Callable[..., Any]:
    """Return a function that raises an error."""

    def raise_it(*_: object) -> Any:
        raise error

    return raise_it


def do(
    folder: Path,
    command: Any,
    *replies: responses.Reply,
    settings: Settings = SETTINGS,
    connect: Callable[[Settings], Any] | None = None,
    codat: Codat | None = None,
    hook: Callable[[Event], None] = lambda _: None,
    is_interrupted: bool = False,
) -> RunEnd:
    """Do a run whose requests get these replies."""

    @asynccontextmanager
    async def connected(_: Settings) -> AsyncIterator[Sender]:
        yield codat or Codat(deque(replies))

    async def work() -> RunEnd:
        interrupt = anyio.Event()
        if is_interrupted:
            interrupt.set()
        run = Run(folder, settings, Options(), version="9", hook=hook, connect=connect or connected)
        return await run.do(command, interrupt)

    return anyio.run(work)


def last_run(folder: Path, *columns: str) -> tuple[Any, ...]:
    """Return columns of the newest run in the journal."""
    with closing(sqlite3.connect(folder / database.FILE)) as db:
        cursor = db.execute("SELECT * FROM runs ORDER BY id DESC LIMIT 1")
        found = dict(zip([column[0] for column in cursor.description], cursor.fetchone(), strict=True))
    return tuple(found[column] for column in columns)


def has_ended(folder: Path) -> str | None:
    """Return why the newest run stopped early, once it has an end."""
    finished_at, seconds, stopped = last_run(folder, "finished_at", "seconds", "stopped")
    assert finished_at is not None
    assert seconds >= 0
    return None if stopped is None else str(stopped)


def test_a_run_that_did_its_work_has_no_reason_to_stop(tmp_path: Path) -> None:
    """Its number is the one in the journal."""
    events: list[Event] = []
    end = do(tmp_path / "b", Command(), hook=events.append)
    assert end == RunEnd(1, None)
    assert has_ended(tmp_path / "b") is None
    assert last_run(tmp_path / "b", "id", "command", "version") == (1, "test", "9")
    assert events == [Ended(None)]
    assert do(tmp_path / "b", Command()) == RunEnd(2, None)


async def close_and_stop(session: Session) -> None:
    """Stop as the throttle does when the day's quota is used up."""
    session.context.throttle.close(Stop("Codat's daily quota is used up", 75, until=86_400.0))
    raise Stopped


async def leave_two(session: Session) -> None:
    """Leave two customers for another run."""
    session.left = 2


@pytest.mark.parametrize(
    ("work", "is_interrupted", "exit_code", "stopped"),
    [
        (close_and_stop, False, 75, "Codat's daily quota is used up until 1970-01-02T00:00:00Z"),
        (leave_two, False, 75, "2 customers could not be finished for now; their errors are in results.csv"),
        (lambda _: anyio.sleep(0.1), True, 130, "Interrupted"),
    ],
)
def test_a_run_that_stops_reports_the_reason(
    tmp_path: Path, work: Callable[[Session], Any], is_interrupted: bool, exit_code: int, stopped: str
) -> None:
    """The reason is in the journal, and the caller gets it."""
    end = do(tmp_path / "b", Command(work=work), is_interrupted=is_interrupted)
    assert end.stop is not None
    assert end.stop.exit_code == exit_code
    assert has_ended(tmp_path / "b") == stopped


def unusable(_: Settings) -> Any:
    """Fail as a proxy of the environment does that cannot be used."""
    raise UsageError("no such proxy")


@pytest.mark.parametrize(
    ("command", "connect", "stopped"),
    [
        (Command(prepare=fail(InputError("row 7 is broken"))), None, "row 7 is broken"),
        (Command(begin=fail(JournalError("the disk is full"))), None, "the disk is full"),
        (Command(work=fail(JournalError("the disk is full"))), None, "the disk is full"),
        (Command(), unusable, "no such proxy"),
    ],
)
def test_a_run_that_ends_with_an_error_has_an_end_in_the_journal(
    tmp_path: Path, command: Command, connect: Callable[[Settings], Any] | None, stopped: str
) -> None:
    """This is true even before its first request. Otherwise the reports would show a run that never ends."""
    with pytest.raises(BulkError, match=stopped):
        do(tmp_path / "b", command, connect=connect)
    assert has_ended(tmp_path / "b") == stopped


@pytest.mark.parametrize("place", ["prepare", "begin", "work"])
def test_an_internal_error_has_an_end_in_the_journal(tmp_path: Path, place: str) -> None:
    """It raises, because it is a mistake of bulk."""
    with pytest.raises((ValueError, ExceptionGroup)):
        do(tmp_path / "b", Command(**{place: fail(ValueError("a mistake"))}))
    assert has_ended(tmp_path / "b") == "it ended with an error"


def test_an_input_that_breaks_in_the_middle_leaves_a_run_with_an_end_and_no_customer(tmp_path: Path) -> None:
    """Enrolment is one transaction."""
    rows = "".join(f"{n},Company {n},Xero\n" for n in range(5_000))
    (tmp_path / "in.csv").write_text("customer_id,company_name,platform\n" + rows + '7,"Acme\n')
    source = open_input(tmp_path / "in.csv", mapping={})
    with pytest.raises(InputError, match="never closed"):
        do(tmp_path / "b", Migrate(source, Options()))
    assert "never closed" in (has_ended(tmp_path / "b") or "")
    with closing(sqlite3.connect(tmp_path / "b" / database.FILE)) as db:
        assert db.execute("SELECT count(*) FROM customers").fetchone() == (0,)


def test_a_batch_of_another_codat_is_refused_before_the_run_begins(tmp_path: Path) -> None:
    """The message names both."""
    do(tmp_path / "b", Command())
    other = Settings(Secret("Basic none"), base_url="https://other.example")
    with pytest.raises(BatchError, match=r"codat\.example.*other\.example"):
        do(tmp_path / "b", Command(), settings=other)
    assert last_run(tmp_path / "b", "id") == (1,)


def test_a_batch_keeps_its_name_when_its_folder_is_renamed(tmp_path: Path) -> None:
    """The name marks its companies in Codat."""
    do(tmp_path / "b", Command())
    (tmp_path / "b").rename(tmp_path / "renamed")
    names: list[str] = []

    async def note_name(session: Session) -> None:
        names.append(session.context.labels.batch)

    do(tmp_path / "renamed", Command(work=note_name))
    assert names == ["b"]


def test_the_end_of_a_run_that_cannot_be_recorded_is_a_warning(tmp_path: Path) -> None:
    """The journal has the run's work."""
    events: list[Event] = []

    async def take_the_journal_away(_: Session) -> None:
        (tmp_path / "b" / database.FILE).rename(tmp_path / "elsewhere")

    do(tmp_path / "b", Command(work=take_the_journal_away), hook=events.append)
    assert any(isinstance(event, Warned) and "is gone" in event.text for event in events)


def test_a_retry_after_of_the_last_run_still_holds(tmp_path: Path) -> None:
    """No request is sent before it has passed."""
    do(tmp_path / "b", Command())
    with closing(database.open_journal(tmp_path / "b")) as db:
        facts.put_retry_after(db, noted_at=4e9, until=4e9 + 30)  # a clock that was decades ahead
    is_open: list[bool] = []

    async def note_hold(session: Session) -> None:
        is_open.append(session.context.throttle.is_open)

    do(tmp_path / "b", Command(work=note_hold), NO_COMPANIES)
    assert is_open == [False]
    with closing(sqlite3.connect(tmp_path / "b" / database.FILE)) as db:
        noted_at, until = facts.retry_after(db) or (0.0, 0.0)
    assert until - noted_at <= 30 + 1
    assert noted_at < 4e9, "the wait counts from now"


def asked(client: responses.Reply = OWN_CLIENT) -> Codat:
    """Return a Codat with this reply to the question for the client of the key."""
    codat = Codat(deque())
    codat.client = client
    return codat


def test_codat_is_asked_once_for_the_client_of_a_key(tmp_path: Path) -> None:
    """The journal keeps the client and a salted hash, never the key."""
    codat = asked()
    for _ in range(3):
        assert do(tmp_path / "b", Command(), codat=codat).stop is None
    assert codat.questions == 1
    with closing(sqlite3.connect(tmp_path / "b" / database.FILE)) as db:
        assert facts.get(db, "client_id") == "one"
        assert not any("none" in value for value in facts.get_all(db).values())
        assert db.execute("SELECT operation, outcome FROM requests").fetchall() == [("get_sync_settings", "done")]


def test_a_run_with_nothing_to_do_does_not_ask(tmp_path: Path) -> None:
    """A finished batch costs no request."""
    codat = asked()
    do(tmp_path / "b", Command(begin=lambda: False), codat=codat)
    assert codat.questions == 0


def test_a_key_of_another_client_stops_the_run_before_the_command_prepares(tmp_path: Path) -> None:
    """The message names both clients. The second attempt with this key costs no request."""
    do(tmp_path / "b", Command(), codat=asked())
    codat = asked(ok({"clientId": "two"}))
    prepared: list[object] = []
    for _ in range(2):
        stop = do(tmp_path / "b", Command(prepare=prepared.append), codat=codat, settings=NEW_KEY).stop
        assert stop is not None
        assert stop.exit_code == 3
        assert "client two" in stop.reason
        assert "client one" in stop.reason
        assert has_ended(tmp_path / "b") == stop.reason
    assert (codat.questions, prepared) == (1, [])


def test_the_address_of_another_client_is_not_that_of_the_next_commands(tmp_path: Path) -> None:
    """The address of the batch's own client replaces the one before."""

    def address() -> str | None:
        with closing(sqlite3.connect(tmp_path / "b" / database.FILE)) as db:
            return facts.get(db, "base_url")

    do(tmp_path / "b", Command(), codat=asked())
    elsewhere = replace(NEW_KEY, base_url="https://codat.example/elsewhere")
    for _ in range(2):
        assert do(tmp_path / "b", Command(), codat=asked(ok({"clientId": "two"})), settings=elsewhere).stop is not None
        assert address() == "https://codat.example"
    moved = replace(SETTINGS, base_url="https://codat.example/moved")
    assert do(tmp_path / "b", Command(), codat=asked(), settings=moved).stop is None
    assert address() == "https://codat.example/moved"


def test_another_key_of_the_same_client_is_accepted(tmp_path: Path) -> None:
    """Keys are replaced from time to time."""
    do(tmp_path / "b", Command(), codat=asked())
    codat = asked()
    for _ in range(2):
        assert do(tmp_path / "b", Command(), codat=codat, settings=NEW_KEY).stop is None
    assert codat.questions == 1


@pytest.mark.parametrize("client", [error(404), error(403), error(402), ok({}), ok({"clientId": ["one"]})])
def test_a_codat_that_does_not_name_the_client_stops_no_run(tmp_path: Path, client: responses.Reply) -> None:
    """The run says so once, and other keys are asked about again."""
    codat, worked = asked(client), 0
    events: list[Event] = []

    async def work(_: Session) -> None:
        nonlocal worked
        worked += 1

    for _ in range(2):
        assert do(tmp_path / "b", Command(work=work), codat=codat, hook=events.append).stop is None
    warnings = [event.text for event in events if isinstance(event, Warned)]
    assert (codat.questions, worked) == (1, 2)
    assert len(warnings) == 1
    assert "does not name the client" in warnings[0]
    stop = do(tmp_path / "b", Command(), codat=asked(), settings=NEW_KEY).stop
    assert stop is None


def test_a_refused_key_stops_the_run(tmp_path: Path) -> None:
    """Nothing else is sent."""
    stop = do(tmp_path / "b", Command(), codat=asked(error(401))).stop
    assert stop is not None
    assert (stop.exit_code, "refused the API key" in stop.reason) == (3, True)


def test_a_question_without_a_response_stops_only_a_batch_with_another_key(tmp_path: Path) -> None:
    """A new batch has nothing to compare with. The next run asks again."""
    events: list[Event] = []
    lost = asked(NO_RESPONSE)
    assert do(tmp_path / "b", Command(), codat=lost, hook=events.append).stop is None
    assert lost.questions == 3
    assert any(isinstance(event, Warned) and "does not show which client" in event.text for event in events)
    do(tmp_path / "b", Command(), codat=asked())
    stop = do(tmp_path / "b", Command(), codat=lost, settings=NEW_KEY).stop
    assert stop is not None
    assert stop.exit_code == 75
