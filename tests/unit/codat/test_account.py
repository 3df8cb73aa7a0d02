"""`check --online` asks about the account, and reports only what Codat really said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import anyio
import pytest

from bulk.codat import responses
from bulk.codat.account import Account, read_account
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply

NOW = 1_795_392_000.0
XERO, SAGE, ZOHO = {"key": "gbol", "name": "Xero"}, {"key": "dldf", "name": "Sage"}, {"key": "xxxx", "name": "Zoho"}


def ok(content: object, **headers: str) -> Reply:
    """Return a response with this content."""
    return responses.read(200, headers, json.dumps(content).encode())


def quota_headers(remaining: int) -> Mapping[str, str]:
    """Return the headers that tell the rest of the quota."""
    reset = "Mon, 23 Nov 2026 20:00:00 GMT"
    return {"x-rate-limit-limit": "3000", "x-rate-limit-remaining": str(remaining), "x-rate-limit-reset": reset}


def platforms(*listed: object, following: str | None = None, **headers: str) -> Reply:
    """Return a page of integrations."""
    links = {"next": {"href": following}} if following else {}
    return ok({"results": listed, "_links": links}, **headers)


class Codat:
    """A Sender that answers from a list."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = replies
        self.sent: list[tuple[Request, str | None]] = []

    async def send(self, request: Request, *, key: str | None = None) -> Reply:
        """Return the next reply."""
        self.sent.append((request, key))
        return self._replies[len(self.sent) - 1]


def account(*replies: Reply) -> tuple[Account, int]:
    """Return the account that these replies describe, and the number of requests."""
    codat = Codat(replies)
    return anyio.run(read_account, codat, NOW), len(codat.sent)


COMPANIES = ok({"results": [], "totalResults": 7}, **quota_headers(2000))


def test_the_account_is_read_in_two_requests() -> None:
    """The newest response has the quota."""
    found, requests = account(COMPANIES, platforms(XERO, **quota_headers(1999)))
    assert requests == 2
    assert found.quota is not None
    assert (found.quota.remaining, found.companies, found.linked) == (1999, 7, 2)
    assert found.platforms == {"gbol": "Xero"}


def test_two_pages_of_platforms_are_both_read() -> None:
    """A client can enable more than a hundred."""
    found, requests = account(COMPANIES, platforms(XERO, following="/integrations?page=2"), platforms(SAGE))
    assert requests == 3
    assert found.platforms == {"gbol": "Xero", "dldf": "Sage"}


@pytest.mark.parametrize(
    "second",
    [responses.read(500, {}, b""), responses.no_response("lost"), platforms(SAGE, following="/integrations?page=3")],
    ids=["rejected", "lost", "a third page"],
)
def test_an_incomplete_list_of_platforms_is_no_list(second: Reply) -> None:
    """Otherwise a platform on a page that was not read would be reported as not enabled."""
    found, requests = account(COMPANIES, platforms(XERO, following="/integrations?page=2"), second)
    assert requests == 3
    assert found.platforms is None


def test_a_response_without_headers_does_not_hide_the_quota() -> None:
    """The response before it had the quota."""
    found, _ = account(COMPANIES, platforms(ZOHO))
    assert found.quota is not None
    assert found.quota.remaining == 2000


def test_a_rejected_key_is_reported_after_one_request() -> None:
    """Nothing else can be known."""
    found, requests = account(responses.read(401, {}, b""))
    assert (requests, found.problem is not None, found.quota) == (1, True, None)
