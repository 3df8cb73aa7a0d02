"""`check --online` asks about the account, and reports only what Codat really said."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import anyio
import pytest

from bulk.codat import responses
from bulk.codat.account import Account, read_account
from bulk.codat.endpoints import Profile, Request
from bulk.codat.responses import Reply

NOW = 1_795_392_000.0
XERO = {"key": "gbol", "name": "Xero", "enabled": True, "sourceType": "Accounting"}
CLIENT = {"clientId": "c-1", "settings": []}
PROFILE = {"name": "Acme", "redirectUrl": "https://acme.example/{companyId}"}


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


def test_the_account_is_read_in_four_requests() -> None:
    """The newest response has the quota."""
    found, requests = account(COMPANIES, ok(CLIENT), ok(PROFILE), platforms(XERO, **quota_headers(1997)))
    assert requests == 4
    assert found.quota is not None
    assert (found.quota.remaining, found.companies, found.linked) == (1997, 7, 2)
    assert found.platforms == {"gbol": "Xero"}
    assert (found.client_id, found.profile) == ("c-1", Profile("Acme", "https://acme.example/{companyId}"))


def test_only_enabled_accounting_software_counts() -> None:
    """Codat may ignore the query."""
    others = [{**XERO, "key": "offx", "enabled": False}, {**XERO, "key": "bank", "sourceType": "Banking"}, 7, {}]
    found, _ = account(COMPANIES, ok(CLIENT), ok(PROFILE), platforms(*others, XERO))
    assert found.platforms == {"gbol": "Xero"}


@pytest.mark.parametrize(
    "listed",
    [responses.read(500, {}, b""), responses.no_response("lost"), platforms(XERO, following="/integrations?page=2")],
    ids=["rejected", "lost", "a second page"],
)
def test_an_incomplete_list_of_platforms_is_no_list(listed: Reply) -> None:
    """Otherwise a platform on a page that was not read would be reported as not enabled."""
    found, requests = account(COMPANIES, ok(CLIENT), ok(PROFILE), listed)
    assert (requests, found.platforms) == (4, None)


def test_a_client_that_codat_does_not_show_is_unknown() -> None:
    """The key may have no access to it. A profile without a redirect URL says that there is none."""
    denied = responses.read(403, {}, b'{"statusCode": 403, "error": "no"}')
    found, _ = account(COMPANIES, denied, denied, platforms(XERO))
    assert (found.client_id, found.profile, found.platforms) == (None, None, {"gbol": "Xero"})
    found, _ = account(COMPANIES, ok({}), ok({}), platforms(XERO))
    assert (found.client_id, found.profile) == (None, Profile(None, None))


def test_a_response_without_headers_does_not_hide_the_quota() -> None:
    """The response before it had the quota."""
    found, _ = account(COMPANIES, ok(CLIENT), ok(PROFILE), platforms(XERO))
    assert found.quota is not None
    assert found.quota.remaining == 2000


def test_a_rejected_key_is_reported_after_one_request() -> None:
    """Nothing else can be known."""
    found, requests = account(responses.read(401, {}, b""))
    assert (requests, found.problem is not None, found.quota) == (1, True, None)
