"""A customer gets one of each thing and a link that opens, whatever happens to its requests and runs.

`process` and the journal run against a Codat that keeps responses under their keys, with random fates for requests.
The company list is read only where a journal was lost.
"""

from __future__ import annotations

import json
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from enum import Enum, auto
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.answers import Answer, Refusal
from support.batches import good
from support.fake_codat import FakeCodat
from support.idempotency import Keys
from support.records import LINKED, Company
from support.trip import CrashError, Trip, without_link
from support.values import BATCH

from bulk.codat import responses
from bulk.codat.endpoints import Request, read_company_page
from bulk.codat.responses import Reply
from bulk.engine.adopter import Adopter
from bulk.engine.commands.follow_up import FollowUp
from bulk.engine.commands.links import Links
from bulk.engine.commands.migrate import Migrate
from bulk.journal import conflicts, database, reopening
from bulk.model import Labels

MAX_RUNS = 40


class Fate(Enum):
    """The fate of a request."""

    WELL = auto()
    NOT_SENT = auto()
    LOST_BEFORE = auto()  # on its way there
    LOST_AFTER = auto()  # the response is lost
    KEPT_BEFORE = auto()  # Codat's own 5xx, which it keeps under the key; nothing was done
    KEPT_AFTER = auto()  # the same, and it was done
    GATEWAY_BEFORE = auto()
    GATEWAY_AFTER = auto()
    RATE_LIMITED = auto()
    CONFLICT = auto()
    REJECTED = auto()  # kept as well
    CRASH_BEFORE = auto()  # the process dies before the request arrives
    CRASH_AFTER = auto()  # or before its response does


BEFORE = {
    Fate.NOT_SENT: responses.not_sent("no connection"),
    Fate.LOST_BEFORE: responses.no_response("lost"),
    Fate.GATEWAY_BEFORE: responses.read(502, {}, b"<html>"),
    Fate.RATE_LIMITED: responses.read(429, {"retry-after": "1"}, b""),
    Fate.CONFLICT: responses.read(409, {}, b""),
}
AFTER = {Fate.LOST_AFTER: responses.no_response("lost"), Fate.GATEWAY_AFTER: responses.read(502, {}, b"<html>")}


class Codat:
    """A Sender whose requests meet a list of fates; after those, every request succeeds."""

    def __init__(self, fates: Iterator[Fate], clock: Callable[[], float]) -> None:
        self.fake = FakeCodat(clock)
        self.keys = Keys(clock)
        self.fates = fates
        self.bodies: defaultdict[str, set[str | None]] = defaultdict(set)  # that were sent under each key

    async def send(self, request: Request, *, key: str | None = None) -> Reply:
        """Let a request meet its fate."""
        if key is not None:
            self.bodies[key].add(request.body)
        fate = next(self.fates, Fate.WELL)
        if fate in BEFORE:
            return BEFORE[fate]
        if fate is Fate.CRASH_BEFORE:
            raise CrashError
        answer = self._answer(request, key, fate)
        if fate is Fate.CRASH_AFTER:
            raise CrashError
        if fate in AFTER:
            return AFTER[fate]
        return responses.read(answer.status, dict(answer.headers), answer.body.encode())

    def _answer(self, request: Request, key: str | None, fate: Fate) -> Answer:
        content = (request.method, request.path, (request.body or "").encode())
        try:
            kept = self.keys.recall(key, content)
        except Refusal as refusal:
            return self.fake.error(refusal.status, str(refusal))
        if kept is not None:
            return kept
        answer = self.fake.error(400, "no") if fate is Fate.REJECTED else self.fake.error(500, "a fault")
        if fate not in (Fate.REJECTED, Fate.KEPT_BEFORE):
            done = self.fake.perform(*content)
            answer = answer if fate is Fate.KEPT_AFTER else done
        self.keys.keep(key, content, answer)
        return answer

    @property
    def company(self) -> Company:
        """The customer's only company."""
        (company,) = self.fake.companies
        return company


FATES = st.lists(st.sampled_from(Fate), max_size=12)
# After these the next key is used although Codat keeps nothing under the last one: another journal cannot know that.
SKIPS_A_KEY = (Fate.CONFLICT, Fate.GATEWAY_BEFORE, Fate.GATEWAY_AFTER)
FATES_WITH_THEIR_KEYS = st.lists(st.sampled_from([fate for fate in Fate if fate not in SKIPS_A_KEY]), max_size=12)


class Scenario:
    """A batch with one customer, its Codat, and runs that may crash."""

    def __init__(self, fates: list[Fate]) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.trip = Trip(Path(self.folder.name) / "0", Migrate.steps)
        self.codat = Codat(iter(fates), lambda: self.trip.now)

    def __enter__(self) -> Scenario:
        return self

    def __exit__(self, *_: object) -> None:
        self.trip.batch.db.close()
        self.folder.cleanup()

    def run(self) -> None:
        """Run on the customer, and reopen it first if it has failed."""
        with database.transaction(self.trip.batch.db):
            reopening.reopen_failed(self.trip.batch.db)
        try:
            self.trip.run(self.codat)
        except CrashError:
            self.trip.now += 1.0

    def run_until(self, is_done: Callable[[], bool], *, after_each: Callable[[int], None] = lambda _: None) -> None:
        """Run again and again until a condition holds."""
        for number in range(MAX_RUNS):
            self.run()
            after_each(number)
            if is_done():
                return
        pytest.fail("it never ends")

    def lose_journal(self, *, reads_list: bool) -> None:
        """Begin with an empty journal and the same input; read the company list first, as `migrate` does."""
        old = self.trip
        self.trip = Trip(old.batch.path.parent.parent / f"{old.number} lost", Migrate.steps)
        self.trip.now, self.trip.number = old.now, old.number
        old.batch.db.close()
        if reads_list:
            self.read_list()

    def read_list(self, *, accepts: tuple[str, ...] = ()) -> None:
        """Read the company list. Accept the conflicts of these customers."""
        page = read_company_page(json.loads(self.codat.fake.perform("GET", "/companies").body))
        assert page is not None
        with database.transaction(self.trip.batch.db):
            conflicts.accept(self.trip.batch.db, accepts)
            adopter = Adopter(Labels(BATCH))
            adopter.begin(self.trip.batch.db)
            adopter.take(self.trip.batch.db, page.companies, self.trip.now)
            adopter.end(self.trip.batch.db, self.trip.now)

    def has_link(self) -> bool:
        """Return whether the customer waits for an authorization."""
        return bool(self.trip.column("state") == "link_ready")


def require_one_of_each(fates: list[Fate], *, edited_after: int, lost_after: int, reads_list: bool) -> None:
    """Migrate a customer with these fates, an edit of the input and a loss of the journal; check the state of Codat."""

    def between(number: int) -> None:
        if number == lost_after:
            scenario.lose_journal(reads_list=reads_list)
        if number == edited_after:
            scenario.trip.batch.enrol("in.csv", [good("a", name="Acme Ltd")])
        if scenario.trip.column("state") == "conflict":  # a new journal does not know the name before the edit
            assert scenario.codat.company.content["name"] != scenario.trip.column("name")
            assert scenario.trip.column("company_id") is None
            scenario.read_list(accepts=("a",))

    with Scenario(fates) as scenario:
        scenario.run_until(scenario.has_link, after_each=between)
        (connection,) = scenario.codat.company.all_connections
        assert scenario.trip.column("company_id") == scenario.codat.company.id
        assert scenario.trip.column("connection_id") == connection.id
        if reads_list:  # a replayed response has the link of its time
            assert scenario.trip.column("link_url") == connection.link_url, "the link is the one that opens"
        assert scenario.codat.company.tags["uid"] == "a"


@given(fates=FATES, edited_after=st.integers(0, 6), lost_after=st.integers(0, 12))
@settings(max_examples=40)
def test_a_customer_gets_one_company_and_one_connection(fates: list[Fate], edited_after: int, lost_after: int) -> None:
    """This is true even if the input is edited between two runs, or the journal is lost."""
    require_one_of_each(fates, edited_after=edited_after, lost_after=lost_after, reads_list=True)


@given(fates=FATES_WITH_THEIR_KEYS, edited_after=st.integers(0, 6), lost_after=st.integers(0, 6))
@settings(max_examples=40)
def test_a_lost_journal_creates_nothing_twice_even_if_the_list_lags(
    fates: list[Fate], edited_after: int, lost_after: int
) -> None:
    """The list shows nothing yet: the keys, which are computed again, protect alone."""
    require_one_of_each(fates, edited_after=edited_after, lost_after=lost_after, reads_list=False)


@given(fates=FATES, edited_after=st.integers(0, 6))
@settings(max_examples=25)
def test_no_key_is_sent_with_two_bodies(fates: list[Fate], edited_after: int) -> None:
    """Codat would answer with a 422. A lost journal is an exception."""

    def between(number: int) -> None:
        if number == edited_after:
            scenario.trip.batch.enrol("in.csv", [good("a", name="Acme Ltd", platform="qhyg")])

    with Scenario(fates) as scenario:
        scenario.run_until(scenario.has_link, after_each=between)
        assert [bodies for bodies in scenario.codat.bodies.values() if len(bodies) > 1] == []


@given(fates=FATES)
@settings(max_examples=25)
def test_a_linked_customer_gets_one_partner_connection(fates: list[Fate]) -> None:
    """Codat itself allows two."""
    with Scenario([]) as scenario:
        scenario.run_until(scenario.has_link)
        company = scenario.codat.company
        scenario.codat.fake.set_status(company.all_connections[0], LINKED)
        scenario.trip.batch.change("a", connection_status="Linked", state="linked")
        scenario.trip.steps, scenario.trip.only_present = FollowUp.steps, False
        scenario.codat.fates = iter(fates)
        scenario.run_until(lambda: scenario.trip.column("state") == "complete")
        (partner,) = company.partners
        assert scenario.trip.column("partner_connection_id") == partner.id


@given(fates=FATES, runs=st.integers(1, 8))
@settings(max_examples=25)
def test_a_link_in_the_journal_always_opens(fates: list[Fate], runs: int) -> None:
    """Between any two runs of `links`: a link that may be dead is not shown."""
    with Scenario([]) as scenario:
        scenario.run_until(scenario.has_link)
        (connection,) = scenario.codat.company.all_connections
        scenario.trip.steps, scenario.trip.only_present = Links.steps, False
        scenario.trip.feed = without_link
        scenario.codat.fates = iter(fates)
        for _ in range(runs):
            scenario.run()
            assert scenario.trip.column("link_url") in (None, connection.link_url)
        scenario.codat.fates = iter(())
        scenario.run()
        assert scenario.trip.column("link_url") == connection.link_url
