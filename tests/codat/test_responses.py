"""What an answer means: may the thing asked for exist now?"""

from __future__ import annotations

import json

import pytest

from bulk.codat import boundary, responses
from bulk.model import Outcome

CODATS = json.dumps({"statusCode": 0, "error": "no", "correlationId": "c1"}).encode()
HTML = b"<html>Bad Gateway</html>"


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, b'{"id": "c"}', Outcome.DONE),  # done
        (204, b"", Outcome.DONE),  # done without a word
        (200, b'{"id": "c', Outcome.UNKNOWN),  # cut off: it may have been done
        (200, HTML, Outcome.UNKNOWN),  # a gateway's page
        (200, b"[1]", Outcome.UNKNOWN),  # no object
        (200, b"[" * 100_000, Outcome.UNKNOWN),  # deeper than can be read
        (302, b"", Outcome.FATAL),  # not followed: another address was meant
        (400, CODATS, Outcome.REJECTED),  # this row is wrong
        (401, HTML, Outcome.FATAL),  # the key
        (402, CODATS, Outcome.FATAL),  # the account
        (403, CODATS, Outcome.FATAL),  # no access
        (404, b"", Outcome.REJECTED),  # this row
        (408, HTML, Outcome.UNKNOWN),  # it may have arrived
        (409, CODATS, Outcome.CONFLICT),  # not ready
        (422, CODATS, Outcome.REJECTED),  # this row
        (429, HTML, Outcome.RATE_LIMITED),  # nothing was done
        (500, CODATS, Outcome.SERVER_ERROR),  # replayed under its key
        (502, HTML, Outcome.UNKNOWN),  # nothing is known
        (503, b"", Outcome.UNKNOWN),  # nothing is known
        (504, b'{"message": "upstream"}', Outcome.UNKNOWN),  # a gateway's JSON is not Codat's
        (101, b"", Outcome.UNKNOWN),  # no answer
    ],
)
def test_each_answer_has_one_meaning(status: int, body: bytes, outcome: Outcome) -> None:
    """By its status, and by who wrote its body."""
    assert responses.read(status, {}, body).outcome is outcome


def test_halves_of_characters_are_replaced() -> None:
    """JSON can hold them; the journal, a file or a request cannot."""
    body = rb'{"id": "a\ud800", "na\udfffme": "\ud83d\ude00"}'
    assert responses.read(200, {}, body).content == {"id": "a\ufffd", "na\ufffdme": "\U0001f600"}
    refused = responses.read(400, {}, rb'{"statusCode": 400, "error": "\ud800"}').problem
    assert refused is not None
    assert refused.text == "\ufffd"
    assert responses.read(200, {}, b'{"id": "\xed\xa0\x80"}').outcome is Outcome.UNKNOWN  # which is no UTF-8


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"error": "wrong"}, "wrong"),  # Codat's words
        ({"error": "x" * 9999}, "x" * boundary.MAX_MESSAGE),  # too many of them
        (
            {"validation": {"errors": [{"itemId": "name", "message": "too long"}, "odd"]}},
            "HTTP 400 (name: too long; odd)",
        ),
        ({"error": None, "validation": {"errors": "odd"}}, "HTTP 400"),  # in an odd form
        ({"error": {"code": 1}}, "{'code': 1}"),  # in another
    ],
)
def test_a_problem_is_told_in_codats_words_with_its_correlation_id(content: dict[str, object], text: str) -> None:
    """That is what Codat's support asks for."""
    reply = responses.read(400, {}, json.dumps({"statusCode": 400, "correlationId": "c1", **content}).encode())
    assert reply.problem is not None
    assert (reply.problem.text, reply.problem.correlation_id) == (text, "c1")
