"""What Codat itself says of an account, in at most three requests: is the key good, what is left, what is enabled."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from bulk.codat import endpoints
from bulk.codat.client import Client
from bulk.codat.endpoints import Request
from bulk.codat.quota import QUOTA_A_COMPANY, read_quota
from bulk.codat.responses import Reply
from bulk.model import Outcome, Problem, Quota
from bulk.settings import Settings


@dataclass(frozen=True, slots=True)
class Account:
    """What Codat answered. `problem`: why there is no answer, and then nothing else is known."""

    quota: Quota | None = None
    companies: int | None = None
    platforms: dict[str, str] | None = None  # enabled for this client: platformKey → name
    problem: Problem | None = None

    @property
    def linked(self) -> int | None:
        """Estimate the linked companies from the quota: a thousand requests a day for each, and a thousand more."""
        return (
            None if self.quota is None or self.quota.limit is None else max(self.quota.limit // QUOTA_A_COMPANY - 1, 0)
        )


async def ask(settings: Settings) -> Account:
    """Ask Codat about the account. Two requests; a third where the platforms need a second page."""
    async with Client(replace(settings, concurrency=1)) as client:
        reply = await client.send(endpoints.list_companies(page_size=1))
        if reply.outcome is not Outcome.DONE:
            return Account(problem=reply.problem)
        page = endpoints.read_company_page(reply.content)
        platforms, reply = await _platforms(client, endpoints.list_integrations())
        quota = read_quota(reply.headers, time.time())
        return Account(quota, page.total if page else None, platforms)


async def _platforms(client: Client, request: Request) -> tuple[dict[str, str] | None, Reply]:
    reply = await client.send(request)
    if reply.outcome is not Outcome.DONE:
        return None, reply
    found, following = endpoints.read_platforms(reply.content)
    if following and found is not None:
        reply = await client.send(endpoints.Request("list_integrations", "GET", following))
        more, _ = endpoints.read_platforms(reply.content)
        found |= more or {}
    return found, reply
