"""A round as `make torture` tells them; and the round itself: a broken promise is noticed."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from runs.fixture import Connection

from chaos.corruption import Answer, garbled
from chaos.judge import Company, MadeTwice, once_only
from chaos.round import Round

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 11"


def test_whatever_is_done_to_processes_and_wire_the_promises_hold(tmp_path: Path) -> None:
    """One round here; another seed each time with `make torture`."""
    tally = Round(tmp_path, 7).tell()
    assert tally.rounds == 1
    assert tally.requests >= tally.customers


def test_an_answer_is_never_garbled_into_one_that_can_be_read() -> None:
    """That would be forgery, which only TLS notices."""
    chance = random.Random(1)  # noqa: S311 - repeatable, no secret
    answer = Answer(HEAD, b'{"id":"ab"}')
    ways = set()
    for _ in range(500):
        how, content = garbled(chance, answer)
        ways.add(how)
        assert content != answer.whole()
    assert len(ways) == 11


def test_a_second_company_or_connection_is_noticed() -> None:
    """Else a round would prove nothing."""
    one = Connection("c", "1", "Accounting", "PendingAuth")
    tag = "ca978112ca1bbdcafac231b39a23dc4d"  # of a customer `a`
    once_only([Company("c", "a", tag, (one,))])
    for companies in (
        [Company("c", "a", tag, (one,)), Company("d", "a", tag, ())],
        [Company("c", "a", tag, (one, one))],
    ):
        with pytest.raises(MadeTwice):
            once_only(companies)
