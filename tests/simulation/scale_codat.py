"""Codat for a migration of any size without faults: a quota that grows as customers link after their email."""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque

from support.fake_codat import FakeCodat, Rules
from support.records import LINKED

from bulk.codat import responses
from bulk.codat.endpoints import Request
from bulk.codat.forecast import Linking
from bulk.codat.quota import QUOTA_A_COMPANY
from bulk.codat.responses import Reply
from simulation.clock import START, Time
from simulation.trace import Broken

DAY = 86_400.0
A_MINUTE = 60.0
ANOTHER = b'{"name":"Another","tags":{}}'


class ScaleCodat:
    """Codat, over all runs of a migration."""

    def __init__(self, time: Time, *, rate: int, linked: int, linking: Linking, seed: int) -> None:
        """Start with `linked` other companies; `linking` has the share of customers who link, and when."""
        self._time = time
        self._codat = FakeCodat(lambda: START + time.now, Rules(QUOTA_A_COMPANY))
        for _ in range(linked):
            self._codat.add_connection(self._codat.add_company(ANOTHER), "gbol", status=LINKED)
        self.last_at = 0.0  # when the last request arrived
        self._rate = rate
        self._linking = linking
        self._rng = random.Random(seed)  # noqa: S311 - repeatable, not a secret
        self._emailed = linked  # companies, in order of creation; the other ones get no email
        self._links: list[tuple[float, int]] = []  # when each customer will link
        self._minute: deque[float] = deque()

    @property
    def requests(self) -> Counter[str]:
        """The requests until now, by operation."""
        return self._codat.done

    @property
    def linked(self) -> int:
        """The number of linked companies now."""
        while self._links and self._links[0][0] <= self._time.now:
            _, place = heapq.heappop(self._links)
            self._codat.link(self._codat.all_companies[place].connections[0])
        return self._codat.linked

    def email(self) -> None:
        """Email all new links; some of these customers will link."""
        companies = self._codat.all_companies
        for place in range(self._emailed, len(companies)):
            if self._rng.random() < self._linking.share:
                at = self._time.now + self._rng.uniform(0.0, self._linking.within * DAY)
                heapq.heappush(self._links, (at, place))
        self._emailed = len(companies)

    def answer(self, request: Request) -> Reply:
        """Answer a request that arrives now. Raises Broken if it breaks a limit: without faults none may."""
        self.last_at = now = self._time.now
        self._minute.append(now)
        while self._minute[0] <= now - A_MINUTE:
            self._minute.popleft()
        if len(self._minute) > self._rate:
            raise Broken(f"{len(self._minute)} requests in a minute, and {self._rate} are allowed")
        linked = self.linked
        answer = self._codat.answer(request.method, request.path, (request.body or "").encode())
        if answer.status >= 400:
            raise Broken(f"{request.method} {request.path} with {linked} linked companies: {answer.body}")
        return responses.read(
            answer.status, {name.lower(): value for name, value in answer.headers}, answer.body.encode()
        )
