"""The meaning of a response: turns its status, headers and body into an outcome and a problem. No I/O.

The table is Codat's (https://docs.codat.io/using-the-api/errors). The outcome answers one question: may the requested
thing exist now?
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bulk.codat import boundary
from bulk.model import Outcome, Problem

UNTRUSTED = "untrusted"
BLOCKED = "blocked"
CLOCK_TOLERANCE = 5.0  # seconds: the clocks of Codat's servers may differ, and a Date has whole seconds
# Only a server that has read the row judges it with one of these; other refusals without Codat's body are a gateway's.
ABOUT_THE_ROW = (400, 422)


@dataclass(frozen=True, slots=True)
class Reply:
    """The result of one request: a response, or (if `status` is None) the reason why there is none."""

    outcome: Outcome
    status: int | None = None
    content: Any = None  # the JSON of a 2xx
    problem: Problem | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_readable: bool = True  # False: there is no response, or it is not Codat's own but a gateway's
    seconds: float = 0.0  # since the request left, or since the first one with its key

    def is_replay(self, created: str | None) -> bool:
        """Return whether this response shows a thing that was created before the request left. Both times are Codat's.

        A lost journal, or a copy of the batch, has used the key before. Codat replays the response that it keeps under
        a key, even if the thing was deleted or changed meanwhile.
        """
        answered = boundary.header_date(self.headers.get("date", ""))
        created_at = boundary.header_date(created or "")
        if answered is None or created_at is None:
            return False
        return created_at < answered - self.seconds - CLOCK_TOLERANCE


def read(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    """Return the reply for a response. An unreadable 2xx is UNKNOWN: the request may have been carried out."""
    content = boundary.json_object(body)
    if 200 <= status < 300:
        if content is None and body.strip():
            text = f"Codat responded {status} with an unreadable body: {boundary.excerpt(body)}"
            return Reply(Outcome.UNKNOWN, status, None, Problem(text, str(status)), headers, is_readable=False)
        return Reply(Outcome.DONE, status, content, None, headers)
    is_codats = content is not None and ("statusCode" in content or "correlationId" in content)
    outcome = _outcome(status, is_codats=is_codats)
    code = BLOCKED if outcome is Outcome.BLOCKED else str(status)
    if 300 <= status < 400:
        location = boundary.message(headers.get("location", "nowhere"))
        problem = Problem(f"HTTP {status}, redirected to {location}, which is not followed", code)
    elif content is not None and is_codats:
        problem = _codats_problem(status, content)
    else:
        problem = Problem(f"HTTP {status}: {boundary.excerpt(body) or 'no body'}", code)
    return Reply(outcome, status, None, problem, headers, is_codats)


def not_sent(text: str) -> Reply:
    """Return the reply for a request that never left this machine."""
    return Reply(Outcome.NOT_SENT, problem=Problem(text, "unreachable"), is_readable=False)


def untrusted(text: str) -> Reply:
    """Return the reply for a request that was not sent because the server's certificate was rejected."""
    return Reply(Outcome.NOT_SENT, problem=Problem(text, UNTRUSTED), is_readable=False)


def no_response(text: str) -> Reply:
    """Return the reply for a request that left and got no response."""
    return Reply(Outcome.UNKNOWN, problem=Problem(text, "no response"), is_readable=False)


def unreadable(reply: Reply, missing: str) -> Reply:
    """Return the reply for a 2xx that lacks a required field. The request may have been carried out."""
    problem = Problem(f"Codat responded {reply.status} without {missing}", str(reply.status))
    return Reply(Outcome.UNKNOWN, reply.status, None, problem, reply.headers, is_readable=False)


def _outcome(status: int, *, is_codats: bool) -> Outcome:
    if status == 429:
        return Outcome.RATE_LIMITED
    if status == 409:
        return Outcome.CONFLICT
    if status >= 500:
        # Codat keeps only its own responses under the key. A gateway's error page proves nothing about Codat.
        return Outcome.SERVER_ERROR if is_codats else Outcome.UNKNOWN
    if status in (408, 425) or status < 200:
        return Outcome.UNKNOWN
    if not is_codats and status not in ABOUT_THE_ROW:
        return Outcome.BLOCKED  # it says nothing about the key or the row
    return Outcome.FATAL if status in (401, 402, 403) or status < 400 else Outcome.REJECTED


def _codats_problem(status: int, content: Mapping[str, Any]) -> Problem:
    """Return the problem in Codat's words, with the correlation id that Codat's support asks for."""
    text = str(content.get("error") or f"HTTP {status}")
    if details := _validation_errors(content.get("validation")):
        text = f"{text} ({details})"
    correlation_id = content.get("correlationId")
    return Problem(boundary.message(text), str(status), boundary.message(correlation_id) if correlation_id else None)


def _validation_errors(validation: object) -> str:
    errors = validation.get("errors") if isinstance(validation, dict) else None
    if not isinstance(errors, list):
        return ""
    texts = (
        ": ".join(str(error[key]) for key in ("itemId", "message") if error.get(key))
        if isinstance(error, dict)
        else str(error)
        for error in errors
    )
    return "; ".join(text for text in texts if text)
