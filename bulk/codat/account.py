"""The account as Codat describes it: whether the key is valid, its client, the quota that is left and the platforms."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from bulk.codat import endpoints
from bulk.codat.client import Client, Sender
from bulk.codat.endpoints import Profile
from bulk.codat.quota import QUOTA_A_COMPANY, read_quota
from bulk.model import Outcome, Problem, Quota
from bulk.settings import Settings


@dataclass(frozen=True, slots=True)
class Account:
    """The account's quota, number of companies, platforms and client. With a `problem`, nothing else is known."""

    quota: Quota | None = None
    companies: int | None = None
    platforms: dict[str, str] | None = None  # enabled for this client: platformKey → name
    problem: Problem | None = None
    client_id: str | None = None
    profile: Profile | None = None  # None: Codat does not show it

    @property
    def linked(self) -> int | None:
        """The number of linked companies that the quota implies: each adds 1,000 requests a day to the first 1,000."""
        if self.quota is None or self.quota.limit is None:
            return None
        return max(self.quota.limit // QUOTA_A_COMPANY - 1, 0)


async def ask(settings: Settings) -> Account:
    """Ask Codat about the account, with at most four requests."""
    async with Client(replace(settings, concurrency=1)) as client:
        return await read_account(client, time.time())


async def read_account(client: Sender, now: float) -> Account:
    """Return the account, asked through this client. `now` is in seconds since 1970."""
    reply = await client.send(endpoints.list_companies(page_size=1))
    if reply.outcome is not Outcome.DONE:
        return Account(problem=reply.problem)
    page = endpoints.read_company_page(reply.content)
    requests = (endpoints.get_sync_settings(), endpoints.get_profile(), endpoints.list_integrations())
    settings, profile, integrations = [await client.send(each) for each in requests]
    platforms = endpoints.read_platforms(integrations.content)
    replies = (reply, settings, profile, integrations)
    quotas = [quota for each in replies if (quota := read_quota(each.headers, now)) is not None]
    return Account(
        quotas[-1] if quotas else None,
        page.total if page else None,
        {each.key: each.name for each in platforms if each.is_enabled} if platforms is not None else None,
        client_id=endpoints.read_client_id(settings.content),
        profile=endpoints.read_profile(profile.content) if profile.outcome is Outcome.DONE else None,
    )
