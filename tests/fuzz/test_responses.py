"""Responses of any shape: each has an outcome, and each run of the engine ends in order."""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from integration.crash_runs import CrashRuns, Ending, ScriptedCodat
from simulation.clock import START
from simulation.memory import folder_in_memory
from support.fault_schedule import Fate, Passage
from support.values import WAITING

from bulk.codat import boundary, endpoints, quota, responses, selection
from bulk.codat.deadline import MAX_WAIT
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.codat.webhooks import read_event
from bulk.engine import changes
from bulk.engine.commands.follow_up import FollowUp
from bulk.engine.commands.links import Links
from bulk.engine.commands.migrate import Migrate
from bulk.engine.commands.undo import Undo
from bulk.engine.commands.unlink import Unlink
from bulk.engine.commands.verify import Verify
from bulk.engine.options import Options
from bulk.engine.run import Command
from bulk.input import open_input
from bulk.model import Labels, Outcome, Quota
from bulk.reports.write import write_reports
from fuzz.damage import damaged, odd
from fuzz.effort import share

CONNECTION = {
    "id": "8a6a3f6c-5a0a-4c6b-9b0a-0f7a4a1b2c3d",
    "integrationId": "b18d8d81-fd7b-4764-a31e-475cb1f36591",
    "integrationKey": "gbol",
    "sourceId": "35b92968-9851-4095-ad60-395c95cbcba4",
    "sourceType": "Accounting",
    "platformName": "Xero",
    "linkUrl": "https://link.codat.io/companies/x/connections/y/start?otp=742271",
    "status": "PendingAuth",
    "created": "2026-11-23T08:21:58.123Z",
    "dataConnectionErrors": [{"statusCode": "401", "statusText": "Unauthorized", "errorMessage": "x"}],
}
COMPANY = {
    "id": "0498e921-9b53-4396-a412-4f2f5983b0a2",
    "name": "Acme",
    "description": "about",
    "redirect": "https://link.codat.io/company/0498e921",
    "created": "2026-11-23T08:21:58Z",
    "tags": {"uid": "1", "bulk_uid": "ab" * 16, "bulk_batch": "cd" * 8},
    "dataConnections": [CONNECTION],
}
PAGE = {
    "results": [COMPANY, COMPANY],
    "pageNumber": 1,
    "pageSize": 2000,
    "totalResults": 2,
    "_links": {"next": {"href": "/companies?page=2"}, "self": {"href": "/companies"}},
}
ERROR = {
    "statusCode": 400,
    "service": "PublicApi",
    "error": "no",
    "correlationId": "c1",
    "validation": {"errors": [{"itemId": "name", "message": "too long", "validatorName": "x"}], "warnings": []},
}
INTEGRATIONS = {"results": [{"key": "gbol", "name": "Xero", "enabled": True}], "_links": {}}
EVENT = {
    "id": "e1",
    "eventType": "connection.connected",
    "generatedDate": "2026-11-23T08:21:58.123Z",
    "payload": {
        "referenceCompany": {"id": COMPANY["id"], "name": "Acme", "tags": COMPANY["tags"]},
        "connection": CONNECTION,
    },
}
GOOD = (CONNECTION, COMPANY, PAGE, {"results": [CONNECTION], "_links": {}}, ERROR, INTEGRATIONS, EVENT)
SEEDS = st.integers(0, 2**32)
BODIES = (
    st.binary(max_size=60)
    | st.builds(odd, st.sampled_from(GOOD), SEEDS)
    | st.builds(lambda content, seed: damaged(json.dumps(content).encode(), seed), st.sampled_from(GOOD), SEEDS)
    | st.sampled_from([b"", b" ", b"[" * 50_000, b'{"a":' * 50_000, b'{"id":' + b"9" * 5000 + b"}", b"<html>"])
)
NUMBERS = [
    "²",
    "٣",
    "1e308",
    "-1e308",
    "1e400",
    "nan",
    "inf",
    "-1",
    "0",
    "1_000",
    " 7 ",
    "9" * 5000,
    "0x10",
    "１２",
    "1.5",
]
DATES = [
    *(
        "9999-12-31T23:59:59-14:00",
        "0001-01-01T00:00:00+14:00",
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "2026-11-24T00:00:00Z",
    ),
    *("Mon, 01 Jan 0001 00:00:00 +1400", "Tue, 24 Nov 2026 00:00:00 GMT", "Mon, 99 Foo 99999 99:99:99 +99999999999"),
]
VALUES = st.sampled_from([*NUMBERS, *DATES]) | st.text(max_size=12) | st.integers().map(str) | st.floats().map(str)
NAMES = ("retry-after", "date", "location", "x-rate-limit-limit", "x-rate-limit-remaining", "x-rate-limit-reset")
HEADERS = st.dictionaries(st.sampled_from(NAMES), VALUES)


@share(400)
@given(status=st.integers(100, 599), headers=HEADERS, body=BODIES)
def test_any_response_has_an_outcome(status: int, headers: dict[str, str], body: bytes) -> None:
    """Every value that is read from it can be stored, and every path can be requested."""
    reply = responses.read(status, headers, body)
    assert reply.outcome is not Outcome.DONE or 200 <= status < 300
    assert reply.outcome is Outcome.DONE or reply.problem is not None
    if reply.problem is not None:
        _can_be_stored(reply.problem.text, reply.problem.code, reply.problem.correlation_id)
        assert len(reply.problem.text) <= boundary.MAX_MESSAGE + 100
    _read_in_every_way(reply)


def _read_in_every_way(reply: Reply) -> None:
    content = reply.content
    page, connected = endpoints.read_company_page(content), endpoints.read_connections(content)
    companies = [each for each in (endpoints.read_company(content), *(page.companies if page else ())) if each]
    connections = [
        each for each in (endpoints.read_connection(content), *(connected.connections if connected else ())) if each
    ]
    for company in companies:
        _can_be_stored(company.id, company.name, company.description, company.created)
        _can_be_stored(*company.tags, *company.tags.values())
        _can_be_requested(endpoints.get_company(company.id))
        connections += company.connections
    for connection in connections:
        _can_be_stored(connection.id, connection.status, connection.source_type)
        _can_be_stored(connection.platform_key, connection.link_url, connection.created)
        _can_be_requested(endpoints.get_connection("c", connection.id))
    if page and page.next_path:
        _can_be_requested(endpoints.next_page(page.next_path))
    changes.company_of(WAITING, companies, Labels("autumn"))
    selection.accounting_connection(connections, "gbol")
    selection.partner_connection(connections)
    for platform in endpoints.read_platforms(content) or ():
        _can_be_stored(platform.key, platform.name)
    profile = endpoints.read_profile(content)
    _can_be_stored(profile.name, profile.redirect_url, endpoints.read_client_id(content))
    read_event(content)


def _can_be_stored(*texts: str | None) -> None:
    for text in texts:
        assert text is None or text.encode().decode() == text


def _can_be_requested(request: Request) -> None:
    assert request.path.isascii()
    assert request.path.isprintable()
    assert request.path.startswith("/")
    assert not {"..", "."} & set(request.path.partition("?")[0].split("/"))
    assert len(request.path) < 60_000


@share(400)
@given(headers=HEADERS, now=st.floats(1e9, 4e9))
def test_any_headers_contain_limits_of_a_sensible_size_or_none(headers: dict[str, str], now: float) -> None:
    """No wait is endless, and no quota has hundreds of digits."""
    wait = quota.retry_after(headers, now)
    assert wait is None or 0 <= wait <= MAX_WAIT
    read = quota.read_quota(headers, now)
    if isinstance(read, Quota):
        assert abs(read.remaining) <= boundary.MAX_NUMBER
        assert abs(read.limit or 0) <= boundary.MAX_NUMBER
        assert now <= read.resets_at <= now + MAX_WAIT


@dataclass
class CorruptingSchedule:
    """Carries out every request, and corrupts a share of the responses."""

    rng: random.Random
    share: float
    lists: bool  # also responses to requests that only read

    def passage(self, now: float, *, timeout: float, operation: str) -> Passage:  # noqa: ARG002 - a schedule's signature
        """Return the passage of a request that leaves now."""
        is_kept = operation.startswith(("get_", "list_")) and not self.lists
        return Passage(Fate.WELL, corrupt=None if self.rng.random() >= self.share or is_kept else self._corrupt)

    def _corrupt(self, status: int, body: bytes) -> tuple[int, dict[str, str], bytes]:
        headers: dict[str, str] = {}
        seed = self.rng.randrange(2**32)
        if self.lists:  # otherwise only the body is corrupted, so its meaning stays certain
            status = self.rng.choice((status, status, status, status, 204, 418, 429, 500, 503, 409))
            headers = {self.rng.choice(NAMES[1:]): self.rng.choice((*NUMBERS, *DATES)) for _ in range(2)}
        is_odd = self.rng.random() < 0.7 and body
        return status, headers, odd(json.loads(body), seed) if is_odd else damaged(body, seed)


@pytest.mark.timeout(3600)  # Hypothesis shrinks a failure before it reports it
@share(4)
@given(customers=st.integers(1, 4), concurrency=st.sampled_from([1, 4]), seed=SEEDS)
def test_corrupt_responses_to_creating_requests_create_nothing_twice(
    customers: int, concurrency: int, seed: int
) -> None:
    """While look-ups are intact; in the end every customer is in Codat."""
    schedule = CorruptingSchedule(random.Random(seed), 0.5, lists=False)  # noqa: S311 - repeatable, not a secret
    with _batch(schedule, customers, concurrency, seed) as (runs, ids, source):
        for attempt in range(4):
            if attempt == 3:
                schedule.share = 0.0
            _run(runs, Migrate(open_input(source), Options()), ids)
            runs.rest(60)
        companies = runs.scripted.codat.companies
        assert Counter(company.tags["uid"] for company in companies) == Counter(ids)
        assert all(len(company.connections) <= 1 for company in companies)


@pytest.mark.timeout(3600)  # Hypothesis shrinks a failure before it reports it
@share(4)
@given(
    customers=st.integers(1, 4), concurrency=st.sampled_from([1, 4]), seed=SEEDS, part=st.sampled_from([0.1, 0.5, 1.0])
)
def test_every_command_survives_corrupt_responses(customers: int, concurrency: int, seed: int, part: float) -> None:
    """Each run ends in order, and its reports contain every customer."""
    schedule = CorruptingSchedule(random.Random(seed), part, lists=True)  # noqa: S311 - repeatable, not a secret
    commands: tuple[Callable[[Path], Command], ...] = (
        lambda source: Migrate(open_input(source), Options()),
        lambda _: FollowUp(),
        lambda _: Verify(adopts=True),
        lambda _: Links(margin=60, lifetime=1),
        lambda _: Unlink(["c0"]),
        lambda _: Undo(deletes=True),
        lambda source: Migrate(open_input(source), Options(retry_failed=True)),
    )
    with _batch(schedule, customers, concurrency, seed) as (runs, ids, source):
        for command in commands:
            runs.scripted.act(0)
            _run(runs, command(source), ids)
            runs.rest(60)


@contextmanager
def _batch(
    schedule: CorruptingSchedule, customers: int, concurrency: int, seed: int
) -> Iterator[tuple[CrashRuns, list[str], Path]]:
    ids = [f"c{number}" for number in range(customers)]
    with folder_in_memory() as path:
        source = path / "customers.csv"
        source.write_text("customer_id,company_name,platform\n" + "".join(f"{each},{each},xero\n" for each in ids))
        scripted = ScriptedCodat(schedule=schedule)
        scripted.network.is_honest = not schedule.lists
        runs = CrashRuns(path / "batch", scripted, concurrency, random.Random(seed))  # noqa: S311 - not a secret
        yield runs, ids, source


def _run(runs: CrashRuns, command: Command, ids: list[str]) -> None:
    stop = runs.do(command, Ending())
    assert stop is None or stop.exit_code in (1, 3, 75)
    write_reports(runs.folder, now=datetime.fromtimestamp(START, UTC))
    results = pl.read_parquet(runs.folder / "results.parquet")
    assert results["customer_id"].to_list() == ids
    json.loads((runs.folder / "summary.json").read_text())
