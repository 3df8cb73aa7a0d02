"""A round as `make chaos` runs it; and the round itself: a broken guarantee is noticed."""

from __future__ import annotations

import logging
import random
import socket
from pathlib import Path

import pytest
from support.runs import Connection

from chaos.judge import Company, CreatedTwice, once_only
from chaos.proxy import HOST, Proxy
from chaos.round import Round
from chaos.wire_faults import Message, corrupted

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11"


@pytest.mark.long
@pytest.mark.timeout(3600)  # on a busy machine everything takes longer
def test_the_guarantees_hold_despite_faults_of_processes_and_network(tmp_path: Path) -> None:
    """One round here; another seed each time with `make chaos`."""
    figures = Round(tmp_path, 7).run()
    assert figures.rounds == 1
    assert figures.requests >= figures.customers


def test_a_corrupted_response_is_never_readable() -> None:
    """A readable one would be forged, which only TLS notices."""
    rng = random.Random(1)  # noqa: S311 - repeatable, not a secret
    response = Message(HEAD, b'{"id":"ab"}')
    names = set()
    for _ in range(500):
        name, content = corrupted(rng, response)
        names.add(name)
        assert content != response.whole()
    assert len(names) == 11


def test_a_second_company_or_connection_is_noticed() -> None:
    """Otherwise a round would prove nothing."""
    one = Connection("c", "1", "Accounting", "PendingAuth")
    tag = "ca978112ca1bbdcafac231b39a23dc4d"  # of a customer `a`
    once_only([Company("c", "a", tag, (one,))])
    for companies in (
        [Company("c", "a", tag, (one,)), Company("d", "a", tag, ())],
        [Company("c", "a", tag, (one, one))],
    ):
        with pytest.raises(CreatedTwice):
            once_only(companies)


def test_a_proxy_ends_in_order_with_requests_in_flight(caplog: pytest.LogCaptureFixture) -> None:
    """asyncio logs tasks that are destroyed, or that end with an error: there are none."""
    with caplog.at_level(logging.WARNING, logger="asyncio"), socket.create_server((HOST, 0)) as silent:
        clients = []
        with Proxy(silent.getsockname()[1], "seed") as proxy:
            for _ in range(20):
                client = socket.create_connection((HOST, int(proxy.base_url.rpartition(":")[2])))
                client.sendall(b"GET / HTTP/1.1\r\n\r\n")
                clients.append(client)
        for client in clients:
            client.close()
    assert caplog.records == []
