"""A server that responds with nonsense over real sockets: no traceback, no endless wait, nothing created twice."""

from __future__ import annotations

import asyncio
import itertools
import json
import time

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.run_fixtures import SetUp, set_up, unlimited
from support.runs import KEY, BatchFixture, Codat, Ended

from bulk.codat import endpoints
from bulk.codat.client import Client
from bulk.codat.responses import Reply
from bulk.model import Outcome
from bulk.settings import Settings
from fuzz.damage import damaged
from fuzz.effort import share
from fuzz.hostile import HEAD, MAX_SECONDS, NONSENSE, REDIRECTS, Nonsense, hostile
from fuzz.processes import bulk

__all__ = ["set_up", "unlimited"]

TIMEOUT = 1.0  # seconds: a response has to be complete in twice that time
MAX_MEGABYTES = 600
GOOD = HEAD + b'X-Rate-Limit-Remaining: 7\r\nContent-Length: 34\r\n\r\n{"id": "c", "dataConnections": []}'
EARLY = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = HEAD + b'Transfer-Encoding: chunked\r\n\r\n4\r\n{"id\r\n7\r\n": "c"}\r\n0\r\n\r\n'


def settings_for(url: str) -> Settings:
    """Return settings of a client that does not wait long."""
    return Settings.make(api_key=KEY, base_url=url, timeout=TIMEOUT, concurrency=1, environ={})


@pytest.mark.parametrize("kind", [*NONSENSE, *REDIRECTS])
def test_nonsense_has_an_outcome_in_time(unlimited: Codat, kind: str) -> None:
    """The client never raises, and it does not wait for the end of an endless response."""
    nonsense = (NONSENSE | REDIRECTS)[kind]

    async def send(url: str) -> Reply:
        async with Client(settings_for(url)) as client:
            return await client.send(endpoints.get_company("c"))

    with hostile(unlimited.base_url, lambda *_: nonsense) as server:
        began = time.monotonic()
        reply = anyio.run(send, server.url)
        assert time.monotonic() - began < MAX_SECONDS
    assert reply.outcome in (Outcome.UNKNOWN, Outcome.BLOCKED, Outcome.DONE)
    assert endpoints.read_company(reply.content) is None


@share(60)
@given(
    seed=st.integers(0, 2**32),
    good=st.sampled_from([GOOD, CHUNKED, GOOD + GOOD, EARLY + GOOD]),
)
def test_any_bytes_have_an_outcome(seed: int, good: bytes) -> None:
    """The server sends a corrupted response and closes the connection."""
    reply = anyio.run(_send_to_server_of, damaged(good, seed))
    assert isinstance(reply.outcome, Outcome)


async def _send_to_server_of(content: bytes) -> Reply:
    server = await asyncio.get_running_loop().create_server(lambda: _RespondsOnce(content), "127.0.0.1", 0)
    async with server, Client(settings_for(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")) as client:
        return await client.send(endpoints.get_company("c"))


class _RespondsOnce(asyncio.Protocol):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport.write(self._content)
        self._transport.close()


def test_nonsense_for_many_customers_creates_nothing_twice(unlimited: Codat, set_up: SetUp) -> None:
    """Every fourth POST gets another kind of nonsense; each is looked up, and no customer is lost.

    The share is not larger, because a server that only sends nonsense counts as unreachable, which has its own tests.
    """
    fixture = set_up(unlimited)
    ids = fixture.customers(2 * len(NONSENSE))
    left, posts = list(NONSENSE.values()), itertools.count(1)

    def select(first: str, _: bytes) -> Nonsense | None:
        return left.pop() if first.startswith("POST") and next(posts) % 4 == 0 and left else None

    with hostile(unlimited.base_url, select) as server:
        ended = _migrate(fixture, server.url)
        if ended.code == 75:
            ended = _migrate(fixture, server.url)
        assert (ended.code, server.struck) == (0, len(NONSENSE))
    fixture.assert_once_only(ids)


@pytest.mark.long
def test_nothing_is_created_while_the_company_list_is_nonsense(unlimited: Codat, set_up: SetUp) -> None:
    """The page is requested again until it is readable."""
    fixture = set_up(unlimited)
    ids = fixture.customers(3)
    left = [NONSENSE[kind] for kind in ("a bomb", "much JSON", "a body without end", "deep JSON", "a page", "a reset")]

    def select(first: str, _: bytes) -> Nonsense | None:
        return left.pop() if first.startswith("GET") and left else None

    with hostile(unlimited.base_url, select) as server:
        assert _migrate(fixture, server.url).code == 0
        assert not [first for first in server.received[:6] if first.startswith("POST")]
    fixture.assert_once_only(ids)


def _migrate(fixture: BatchFixture, url: str) -> Ended:
    process = bulk(
        fixture.path,
        *("migrate", str(fixture.input), "--json", "--base-url", url, "--rate", "1000000", "--timeout", str(TIMEOUT)),
        environment={"CODAT_API_KEY": KEY},
        seconds=240,
    )
    json.loads(process.out)
    assert process.megabytes < MAX_MEGABYTES, process.megabytes
    ended = Ended(process.code, process.out.decode(), process.err.decode())
    fixture.judge(ended)
    return ended
