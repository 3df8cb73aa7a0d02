"""The meaning of a response: may the requested thing exist now?"""

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
        (200, b'{"id": "c"}', Outcome.DONE),
        (204, b"", Outcome.DONE),  # without a body
        (200, b'{"id": "c', Outcome.UNKNOWN),  # cut off: it may have been carried out
        (200, HTML, Outcome.UNKNOWN),  # a gateway's page
        (200, b"[1]", Outcome.UNKNOWN),  # not an object
        (200, b"[" * 100_000, Outcome.UNKNOWN),  # nested too deeply to read
        (302, b"", Outcome.BLOCKED),  # not followed: something else answers
        (302, CODATS, Outcome.FATAL),
        (400, CODATS, Outcome.REJECTED),  # this row is wrong
        (400, HTML, Outcome.REJECTED),  # only a server that has read the row judges it
        (401, CODATS, Outcome.FATAL),  # the key
        (401, HTML, Outcome.BLOCKED),  # a gateway knows nothing about the key
        (402, b"", Outcome.BLOCKED),
        (402, CODATS, Outcome.FATAL),  # the account
        (403, CODATS, Outcome.FATAL),  # no access
        (403, b'{"message": "Forbidden"}', Outcome.BLOCKED),  # JSON, but not Codat's
        (404, CODATS, Outcome.REJECTED),  # this row
        (404, b"", Outcome.BLOCKED),
        (407, HTML, Outcome.BLOCKED),  # a proxy
        (408, HTML, Outcome.UNKNOWN),  # it may have arrived
        (409, CODATS, Outcome.CONFLICT),  # not ready
        (422, CODATS, Outcome.REJECTED),  # this row
        (422, b"", Outcome.REJECTED),
        (425, HTML, Outcome.UNKNOWN),  # too early
        (429, HTML, Outcome.RATE_LIMITED),  # nothing was done
        (500, CODATS, Outcome.SERVER_ERROR),  # kept under its key
        (502, HTML, Outcome.UNKNOWN),  # a gateway does not know
        (503, b"", Outcome.UNKNOWN),
        (504, b'{"message": "upstream"}', Outcome.UNKNOWN),  # JSON, but not Codat's
        (101, b"", Outcome.UNKNOWN),  # not a response
    ],
)
def test_each_response_has_one_meaning(status: int, body: bytes, outcome: Outcome) -> None:
    """It depends on the status, and on whether the body is Codat's own."""
    reply = responses.read(status, {}, body)
    assert reply.outcome is outcome
    assert reply.is_readable is (body == CODATS or outcome is Outcome.DONE)


@pytest.mark.parametrize("body", [b"", CODATS])
def test_a_redirect_names_its_target(body: bytes) -> None:
    """The target's length is bounded like that of any text from outside."""
    headers = {"location": "https://elsewhere.example.com/" + "x" * 9999}
    problem = responses.read(302, headers, body).problem
    assert problem is not None
    assert problem.text.startswith("HTTP 302, redirected to https://elsewhere.example.com/xxx")
    assert problem.text.endswith(", which is not followed")
    assert len(problem.text) < boundary.MAX_MESSAGE + 50


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ({"error": "wrong"}, "wrong"),  # Codat's words
        ({"error": "x" * 9999}, "x" * boundary.MAX_MESSAGE),  # too many of them
        (
            {"validation": {"errors": [{"itemId": "name", "message": "too long"}, "odd"]}},
            "HTTP 400 (name: too long; odd)",
        ),
        ({"error": None, "validation": {"errors": "odd"}}, "HTTP 400"),  # of unexpected types
        ({"error": {"code": 1}}, "{'code': 1}"),
    ],
)
def test_a_problem_has_codats_words_and_its_correlation_id(content: dict[str, object], text: str) -> None:
    """Codat's support asks for the correlation id."""
    reply = responses.read(400, {}, json.dumps({"statusCode": 400, "correlationId": "c1", **content}).encode())
    assert reply.problem is not None
    assert (reply.problem.text, reply.problem.code, reply.problem.correlation_id) == (text, "400", "c1")


def test_a_problem_of_a_gateway_begins_with_its_status() -> None:
    """The beginning of its page follows, on one line."""
    problem = responses.read(502, {}, b"<html>\n  Bad   Gateway\n" + b"x" * 9999).problem
    assert problem is not None
    assert problem.text.startswith("HTTP 502: Bad Gateway xxx")
    assert len(problem.text) < 150
