"""What an answer means: status, headers and body in, an outcome and what it says out. No I/O.

The table is Codat's (https://docs.codat.io/using-the-api/errors), read with one question in mind: may the thing
asked for exist now?
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bulk.model import Outcome, Problem

UNTRUSTED = "untrusted"
MAX_TEXT = 500  # characters of an error that are kept: enough to act on, too few to flood a report


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back for one request, or what kept it from coming back (`status` None)."""

    outcome: Outcome
    status: int | None = None
    content: Any = None  # the JSON of a 2xx
    problem: Problem | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_readable: bool = True  # whether it was Codat itself that answered, not a gateway in between


def read(status: int, headers: Mapping[str, str], body: bytes) -> Reply:
    """Say what an answer means. A 2xx whose body cannot be read may have been done, so it is LOST."""
    content = _json_object(body)
    if 200 <= status < 300:
        if content is None and body.strip():
            problem = Problem(f"Codat answered {status} with a body that cannot be read: {_snippet(body)}", str(status))
            return Reply(Outcome.UNKNOWN, status, None, problem, headers, is_readable=False)
        return Reply(Outcome.DONE, status, content, None, headers)
    is_codats = content is not None and ("statusCode" in content or "correlationId" in content)
    problem = _problem(status, headers, content if is_codats else None, body)
    return Reply(_outcome(status, is_codats=is_codats), status, None, problem, headers, is_codats)


def not_sent(what: str) -> Reply:
    """Say that a request never left this machine."""
    return Reply(Outcome.NOT_SENT, problem=Problem(what, "unreachable"), is_readable=False)


def untrusted(what: str) -> Reply:
    """Say that a request never left this machine, because who answers there could not prove to be Codat."""
    return Reply(Outcome.NOT_SENT, problem=Problem(what, UNTRUSTED), is_readable=False)


def no_response(what: str) -> Reply:
    """Say that a request left and no answer came back."""
    return Reply(Outcome.UNKNOWN, problem=Problem(what, "no answer"), is_readable=False)


def unreadable(reply: Reply, what: str) -> Reply:
    """Say that a 2xx lacks what its operation promises: it may have been done."""
    problem = Problem(f"Codat answered {reply.status} without {what}", str(reply.status))
    return Reply(Outcome.UNKNOWN, reply.status, None, problem, reply.headers, is_readable=False)


def _outcome(status: int, *, is_codats: bool) -> Outcome:
    if status in (401, 402, 403) or 300 <= status < 400:
        return Outcome.FATAL
    if status == 429:
        return Outcome.RATE_LIMITED
    if status == 409:
        return Outcome.CONFLICT
    if status >= 500:
        # Only what Codat itself answered is kept under the key; a gateway's page says nothing of Codat.
        return Outcome.SERVER_ERROR if is_codats else Outcome.UNKNOWN
    if status in (408, 425) or status < 200:
        return Outcome.UNKNOWN
    return Outcome.REJECTED


def _problem(status: int, headers: Mapping[str, str], content: dict[str, Any] | None, body: bytes) -> Problem:
    if 300 <= status < 400:
        return Problem(f"redirected to {headers.get('location', 'nowhere')}, which is not followed", str(status))
    if content is None:
        return Problem(f"HTTP {status}: {_snippet(body) or 'no body'}", str(status))
    text = str(content.get("error") or f"HTTP {status}")
    details = _validation(content.get("validation"))
    if details:
        text = f"{text} ({details})"
    correlation_id = content.get("correlationId")
    return Problem(text[:MAX_TEXT], str(status), str(correlation_id) if correlation_id else None)


def _validation(validation: object) -> str:
    errors = validation.get("errors") if isinstance(validation, dict) else None
    if not isinstance(errors, list):
        return ""
    said = (
        ": ".join(str(e[k]) for k in ("itemId", "message") if e.get(k)) if isinstance(e, dict) else str(e)
        for e in errors
    )
    return "; ".join(text for text in said if text)


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        text = body.decode("utf-8-sig")
        content = json.loads(text)
        if "\\u" in text:
            content = json.loads(_whole(json.dumps(content, ensure_ascii=False)))
    except (ValueError, RecursionError):
        return None
    return content if isinstance(content, dict) else None


def _whole(text: str) -> str:
    """Give a text in which halves of characters, which JSON can hold and no journal or address, are U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _snippet(body: bytes) -> str:
    return " ".join(body[:2000].decode("utf-8", "replace").split())[:120]
