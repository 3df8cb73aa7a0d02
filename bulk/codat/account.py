"""The account as Codat describes it: whether the key is valid, the quota that is left and the enabled platforms."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from bulk.codat import endpoints
from bulk.codat.client import Client, Sender
from bulk.codat.endpoints import Request
from bulk.codat.quota import QUOTA_A_COMPANY, read_quota
from bulk.codat.responses import Reply
from bulk.model import Outcome, Problem, Quota
from bulk.settings import Settings

MAX_PAGES = 2  # of platforms, with 100 each


@dataclass(frozen=True, slots=True)
class Account:
    """The account's quota, number of companies and platforms. With a `problem`, nothing else is known."""

    quota: Quota | None = None
    companies: int | None = None
    platforms: dict[str, str] | None = None  # enabled for this client: platformKey → name
    problem: Problem | None = None

    @property
    def linked(self) -> int | None:
        """The number of linked companies that the quota implies: each adds 1,000 requests a day to the first 1,000."""
        if self.quota is None or self.quota.limit is None:
            return None
        return max(self.quota.limit // QUOTA_A_COMPANY - 1, 0)


async def ask(settings: Settings) -> Account:
    """Ask Codat about the account. This takes two requests, and a third if there are two pages of platforms."""
    async with Client(replace(settings, concurrency=1)) as client:
        return await read_account(client, time.time())


async def read_account(client: Sender, now: float) -> Account:
    """Return the account, asked through this client. `now` is in seconds since 1970."""
    reply = await client.send(endpoints.list_companies(page_size=1))
    if reply.outcome is not Outcome.DONE:
        return Account(problem=reply.problem)
    page = endpoints.read_company_page(reply.content)
    platforms, later = await _platforms(client)
    quotas = [quota for each in (reply, *later) if (quota := read_quota(each.headers, now)) is not None]
    return Account(quotas[-1] if quotas else None, page.total if page else None, platforms)


async def _platforms(client: Sender) -> tuple[dict[str, str] | None, list[Reply]]:
    """Return the enabled platforms, or None if Codat did not list them all, and the replies."""
    platforms: dict[str, str] = {}
    replies: list[Reply] = []
    request: Request | None = endpoints.list_integrations()
    while request is not None and len(replies) < MAX_PAGES:
        replies.append(await client.send(request))
        page, following = endpoints.read_platforms(replies[-1].content)
        if page is None:
            return None, replies
        platforms |= page
        request = endpoints.next_integrations(following) if following else None
    return (platforms if request is None else None), replies
