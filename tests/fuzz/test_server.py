"""A server that answers with nonsense, over a real line: no traceback, no hang, no second company, nobody lost."""

from __future__ import annotations

import asyncio
import itertools
import json
import time

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs.conftest import SetUp, set_up, unlimited
from runs.fixture import KEY, Bench, Codat, Ended

from bulk.codat import endpoints
from bulk.codat.client import Client
from bulk.codat.responses import Reply
from bulk.model import Outcome
from bulk.settings import Settings
from fuzz.damage import damaged
from fuzz.effort import share
from fuzz.hostile import HEAD, NONSENSE, REDIRECTS, Nonsense, hostile
from fuzz.processes import bulk

__all__ = ["set_up", "unlimited"]

TIMEOUT = 1.0  # seconds: an answer has twice that to come in whole
MAX_MEGABYTES = 600
GOOD = HEAD + b'X-Rate-Limit-Remaining: 7\r\nContent-Length: 34\r\n\r\n{"id": "c", "dataConnections": []}'
EARLY = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = HEAD + b'Transfer-Encoding: chunked\r\n\r\n4\r\n{"id\r\n7\r\n": "c"}\r\n0\r\n\r\n'


def settings_for(url: str) -> Settings:
    """Give the settings of a client that does not wait long."""
    return Settings.make(api_key=KEY, base_url=url, timeout=TIMEOUT, concurrency=1, environ={})


@pytest.mark.parametrize("what", [*NONSENSE, *REDIRECTS])
def test_nonsense_is_an_outcome_in_time(unlimited: Codat, what: str) -> None:
    """Lost, or a stop that is said; the client never raises, and a server that goes on for ever is left."""
    nonsense = (NONSENSE | REDIRECTS)[what]

    async def ask(url: str) -> Reply:
        async with Client(settings_for(url)) as codat:
            return await codat.send(endpoints.get_company("c"))

    with hostile(unlimited.base_url, lambda *_: nonsense) as server:
        began = time.monotonic()
        reply = anyio.run(ask, server.url)
        assert time.monotonic() - began < 2 * TIMEOUT + 10
    assert reply.outcome in (Outcome.UNKNOWN, Outcome.FATAL, Outcome.DONE)
    assert endpoints.read_company(reply.content) is None


@share(60)
@given(
    seed=st.integers(0, 2**32),
    good=st.sampled_from([GOOD, CHUNKED, GOOD + GOOD, EARLY + GOOD]),
)
def test_any_bytes_on_the_line_are_an_outcome(seed: int, good: bytes) -> None:
    """A good answer, damaged; then the line is closed."""
    content = damaged(good, seed)
    reply = anyio.run(_asked, content)
    assert isinstance(reply.outcome, Outcome)


async def _asked(content: bytes) -> Reply:
    server = await asyncio.get_running_loop().create_server(lambda: _Once(content), "127.0.0.1", 0)
    async with server, Client(settings_for(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")) as codat:
        return await codat.send(endpoints.get_company("c"))


class _Once(asyncio.Protocol):
    def __init__(self, content: bytes) -> None:
        self._content = content

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - a protocol's signature
        self._transport.write(self._content)
        self._transport.close()


def test_nonsense_for_many_customers_makes_no_second_of_anything(unlimited: Codat, set_up: SetUp) -> None:
    """One in four that create is answered with another nonsense; all of it is looked up, and nobody is lost.

    Not more: a server that answers with nothing else counts as out of reach, which has tests of its own.
    """
    bench = set_up(unlimited)
    ids = bench.customers(2 * len(NONSENSE))
    left, posts = list(NONSENSE.values()), itertools.count(1)

    def chooses(first: str, _: bytes) -> Nonsense | None:
        return left.pop() if first.startswith("POST") and next(posts) % 4 == 0 and left else None

    with hostile(unlimited.base_url, chooses) as server:
        ended = _migrate(bench, server.url)
        if ended.code == 75:
            ended = _migrate(bench, server.url)
        assert (ended.code, server.struck) == (0, len(NONSENSE))
    bench.proves_once_only(ids)


def test_nonsense_for_the_lists_stops_the_run_and_makes_nothing(unlimited: Codat, set_up: SetUp) -> None:
    """A page that does not come is asked for again; who may be there already is not made again."""
    bench = set_up(unlimited)
    ids = bench.customers(3)
    left = [NONSENSE[what] for what in ("a bomb", "much JSON", "a body without end", "deep JSON", "a page", "a reset")]

    def chooses(first: str, _: bytes) -> Nonsense | None:
        return left.pop() if first.startswith("GET") and left else None

    with hostile(unlimited.base_url, chooses) as server:
        assert _migrate(bench, server.url).code == 0
        assert not [first for first in server.asked[:6] if first.startswith("POST")]
    bench.proves_once_only(ids)


def _migrate(bench: Bench, url: str) -> Ended:
    ended = bulk(
        bench.path,
        *("migrate", str(bench.input), "--json", "--base-url", url, "--rate", "1000000", "--timeout", str(TIMEOUT)),
        environment={"CODAT_API_KEY": KEY},
        seconds=240,
    )
    json.loads(ended.out)
    assert ended.megabytes < MAX_MEGABYTES, ended.megabytes
    over = Ended(ended.code, ended.out.decode(), ended.err.decode())
    bench.judge(over)
    return over
