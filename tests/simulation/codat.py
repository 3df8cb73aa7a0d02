"""Codat inside the process: the sandbox's own rules and state, reached through a border where faults strike.

What happens there happens in the order of time, whether or not the run that asked for it still lives: requests that
arrive, work that is done late, what customers do. A run only collects its answers.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from bulk.codat import responses
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.model import Outcome
from bulk.sandbox.bodies import Answer, Refusal, error
from bulk.sandbox.changes import Changes
from bulk.sandbox.clock import Clock, http_date
from bulk.sandbox.idempotency import Idempotency, keyed
from bulk.sandbox.limits import WINDOW_SECONDS, DayQuota
from bulk.sandbox.operations import ApiRequest, Operations
from bulk.sandbox.options import Options
from bulk.sandbox.outbox import Outbox
from bulk.sandbox.store import Store, StoredCompany, StoredConnection
from simulation.clock import START, Time
from simulation.fault_schedule import NOT_DONE, OWN, Fate, Passage, RetryAfter, Weather
from simulation.trace import Broken, Trace

BASE_URL = "https://codat.example"
PAGE = b"<html><body><h1>Bad Gateway</h1></body></html>"
KEY_LIFETIME = 5400.0
CREATES = ("create_company", "create_connection", "create_partner_expense_connection")


@dataclass
class Exchange:
    """One request that has left, and what becomes of it."""

    number: int
    request: Request
    key: str | None
    passage: Passage
    ends_at: float  # when the client has its answer, or gives up
    gives_up: bool
    answer: Answer | None = None  # Codat's own
    done_at: float = math.inf
    looked_at: float = 0.0  # of a deletion: of when the client has seen the company
    did: bool = False  # it has changed something in Codat
    refused: bool = False  # by a rule of Codat's, not by a fault
    reply: Reply | None = None  # as the client has read it
    asks_until: float = 0.0  # until when the answer asks not to be asked, of the story's clock


@dataclass(order=True)
class _Due:
    at: float
    number: int
    do: Callable[[], None] = field(compare=False)


class _Clock(Clock):
    """Codat's own time of day: that of what happens there now."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 0.0

    def now(self) -> float:
        return START + self.at


class _Store(Store):
    """The sandbox's state in memory; its identifiers and passwords are counted, so that a seed repeats them."""

    def __init__(self) -> None:
        super().__init__(Path(":memory:"))
        self._numbers = itertools.count(1)

    def add_company(self, **values: Any) -> StoredCompany:
        return super().add_company(**values | {"company_id": f"company-{next(self._numbers)}"})

    def add_connection(self, **values: Any) -> StoredConnection:
        number = next(self._numbers)
        return super().add_connection(**values | {"connection_id": f"connection-{number}", "otp": f"{number:06}"})

    def mint(self, connections: Iterable[tuple[int, str]], minted: float) -> None:
        super().mint([(number, f"{next(self._numbers):06}") for number, _ in connections], minted)


class Codat:
    """The other side, over all runs of a story."""

    def __init__(self, time: Time, weather: Weather, trace: Trace, options: Options) -> None:
        self._time = time
        self.weather = weather
        self._trace = trace
        self.clock = _Clock()
        self.store = _Store()
        self.outbox = Outbox(self.store)
        self.changes = Changes(self.store, self.outbox, self.clock, base_url=BASE_URL)
        self._quota = DayQuota(self.store, self.clock, base=options.daily_limit, day_seconds=options.day_seconds)
        keeps = weather.sky.honours_keys
        self._idempotency = Idempotency(self.store, self.clock, lifetime=KEY_LIFETIME) if keeps else None
        self._operations = Operations(
            self.store, self.changes, self.clock, options, base_url=BASE_URL, on_second=lambda: None
        )
        self._due: list[_Due] = []
        self._numbers = itertools.count()
        self._recent: deque[float] = deque()
        self.rate = math.inf  # the most that may arrive in a minute
        self.looked_at: dict[str, float] = {}  # companies, and of when this run has seen them one by one
        self.linked_since: dict[str, float] = {}  # companies, of those whose customers have linked something
        self.deletions = 0  # of companies and connections, by anybody: lists that are being read move

    # -- time

    def at(self, when: float, do: Callable[[], None]) -> None:
        """Have something happen at a moment of the story's clock."""
        heapq.heappush(self._due, _Due(when, next(self._numbers), do))

    def catch_up(self) -> None:
        """Let everything happen that was to happen until now."""
        while self._due and self._due[0].at <= self._time.now:
            due = heapq.heappop(self._due)
            self.clock.at = max(self.clock.at, due.at)
            due.do()
        self.clock.at = max(self.clock.at, self._time.now)

    @property
    def latest(self) -> float:
        """When the last thing that is known of will happen."""
        return max((due.at for due in self._due), default=self._time.now)

    # -- the border

    def depart(self, request: Request, key: str | None, *, timeout: float) -> Exchange:
        """Let a request leave the machine now."""
        now = self._time.now
        is_list = request.operation in ("list_companies", "list_connections")
        passage = self.weather.passage(now, timeout=timeout, is_list=is_list)
        fate = passage.fate
        ends_at = now + passage.there + passage.work + passage.back
        if fate is Fate.CUT_OFF:
            ends_at = now + passage.there
        gives_up = fate is Fate.STALLED or ends_at > now + timeout
        ends_at = min(ends_at, now + timeout) if fate is not Fate.STALLED else now + timeout
        exchange = Exchange(next(self._numbers), request, key, passage, ends_at, gives_up)
        if request.operation == "delete_company":
            company_id = request.path.rsplit("/", 1)[-1]
            if company_id not in self.looked_at:
                raise Broken(f"{company_id} is to be deleted, and this run has not looked at it")
            exchange.looked_at = self.looked_at[company_id]
        if fate is not Fate.NO_CONNECTION:
            self.at(now + passage.there, lambda: self._arrive(exchange))
        return exchange

    def collect(self, exchange: Exchange) -> Reply:
        """Give what the client makes of a request whose time has come."""
        fate, answer = exchange.passage.fate, exchange.answer
        if fate is Fate.NO_CONNECTION:
            reply = responses.not_sent("no connection: refused")
        elif exchange.gives_up:
            reply = responses.no_response("no answer in time")
        elif fate in (Fate.LOST_BEFORE, Fate.LOST_AFTER, Fate.CUT_OFF) or answer is None:
            reply = responses.no_response("connection lost")
        else:
            reply = responses.read(*self._changed(exchange.passage, answer))
        exchange.reply = reply
        exchange.asks_until = _asked_until(reply, self.clock.at if fate is Fate.GATEWAY_AFTER else exchange.done_at)
        if exchange.request.operation == "get_company" and reply.outcome is Outcome.DONE:
            self.looked_at[exchange.request.path.rsplit("/", 1)[-1]] = exchange.done_at
        return reply

    def _changed(self, passage: Passage, answer: Answer) -> tuple[int, Mapping[str, str], bytes]:
        headers = {name.lower(): value for name, value in answer.headers}
        match passage.fate:
            case Fate.HTML_AFTER:
                return 200, {}, PAGE
            case Fate.GATEWAY_AFTER:
                return passage.status, self._asks(passage), PAGE
            case Fate.EMPTY:
                return answer.status, headers, b""
            case Fate.TRUNCATED:
                return answer.status, headers, answer.body[: len(answer.body) // 2]
        return answer.status, headers, answer.body

    # -- inside

    def _arrive(self, exchange: Exchange) -> None:
        self._count()
        passage, request = exchange.passage, exchange.request
        if passage.fate in NOT_DONE:
            exchange.answer, exchange.done_at = self._in_front(passage), self.clock.at
            return
        if not self._quota.spend():
            wait = self._quota.seconds_to_reset()
            exchange.refused, exchange.done_at = True, self.clock.at
            exchange.answer = self._headed(error(429, "used up", headers={"Retry-After": str(wait)}))
            return
        body = (request.body or "").encode()
        parts = urlsplit(request.path)
        once = keyed(request.method, parts.path, body, exchange.key)
        held = ExitStack()
        try:
            if self._idempotency:
                held.enter_context(self._idempotency.running(once))
        except Refusal as refusal:
            exchange.refused, exchange.answer, exchange.done_at = True, self._headed(refusal.answer), self.clock.at
            return

        def work() -> None:
            with held:
                try:
                    kept = self._idempotency.recall(once) if self._idempotency else None
                    answer = kept or self._work(exchange, _api_request(request, body), once)
                except Refusal as refusal:
                    answer, exchange.refused = refusal.answer, True
                exchange.refused = exchange.refused or kept is not None or answer.status >= 400
                exchange.answer, exchange.done_at = self._headed(answer), self.clock.at

        self.at(self.clock.at + passage.work, work)

    def _work(self, exchange: Exchange, request: ApiRequest, once: Any) -> Answer:
        passage = exchange.passage
        with self.store.transaction():
            if passage.fate in OWN:
                answer = error(OWN[passage.fate] if passage.fate is not Fate.KEPT_BEFORE else passage.status, "a fault")
            else:
                company_id = request.params.get("company_id", "")
                deleted = self.store.company(company_id) if request.operation == "delete_company" else None
                answer = self._operations.perform(request, lag_seconds=passage.lag)
                exchange.did = answer.status < 400 and request.method != "GET"
                self._hold_to_once(request, answer)
                if deleted is not None and exchange.did:
                    self._hold_to_look(deleted, exchange.looked_at)
            if passage.fate is Fate.KEPT_AFTER:
                answer = error(passage.status, "a fault")
            if passage.fate in (Fate.KEPT_BEFORE, Fate.KEPT_AFTER):
                answer = Answer(answer.status, answer.body, answer.content_type, tuple(self._asks(passage).items()))
            if self._idempotency:
                self._idempotency.keep(once, answer)
        return answer

    def _hold_to_once(self, request: ApiRequest, answer: Answer) -> None:
        """Stop at the very moment at which something is made twice."""
        if answer.status < 400 and request.operation in CREATES:
            twice = {name: number for name, number in self.store.duplicates("bulk_uid").items() if number}
            if twice:
                raise Broken(f"made twice: {twice}")

    def _hold_to_look(self, deleted: StoredCompany, looked_at: float) -> None:
        """Stop where a company is deleted of which the client has seen that it is linked."""
        self.deletions += 1
        is_linked = any(each.status == "Linked" for each in deleted.connections)
        if is_linked and self.linked_since.get(deleted.id, 0.0) < looked_at:
            raise Broken(f"{deleted.id} is deleted, though its customer had linked it")

    def _in_front(self, passage: Passage) -> Answer | None:
        match passage.fate:
            case Fate.GATEWAY_BEFORE:
                return Answer(passage.status, PAGE, "text/html", tuple(self._asks(passage).items()))
            case Fate.HTML_BEFORE:
                return Answer(200, PAGE, "text/html")
            case Fate.THROTTLED | Fate.BUSY | Fate.KEY_REFUSED:
                status = {Fate.THROTTLED: 429, Fate.BUSY: 409, Fate.KEY_REFUSED: 401}[passage.fate]
                return self._headed(error(status, "a fault", headers=self._asks(passage)))
        return None

    def _asks(self, passage: Passage) -> dict[str, str]:
        value = {
            RetryAfter.SECONDS: str(math.ceil(passage.wait)),
            RetryAfter.DATE: http_date(math.ceil(self.clock.now() + passage.wait)),
            RetryAfter.NONSENSE: "soon",
        }.get(passage.retry_after)
        return {"retry-after": value} if value else {}

    def _headed(self, answer: Answer) -> Answer:
        headers = (("Date", http_date(self.clock.now())), *self._quota.headers(), *answer.headers)
        return Answer(answer.status, answer.body, answer.content_type, headers)

    def _count(self) -> None:
        at = self.clock.at
        self._recent.append(at)
        while self._recent[0] <= at - WINDOW_SECONDS:
            self._recent.popleft()
        if len(self._recent) > self.rate:
            raise Broken(f"{len(self._recent)} requests in a minute, and {self.rate} are allowed")


def _asked_until(reply: Reply, answered_at: float) -> float:
    """Read Retry-After as what it means by Codat's own clock; 0 if it says nothing."""
    text = reply.headers.get("retry-after", "")
    if text.isdecimal():
        return answered_at + int(text)
    try:
        return parsedate_to_datetime(text).timestamp() - START
    except ValueError:
        return 0.0


def _api_request(request: Request, body: bytes) -> ApiRequest:
    parts = urlsplit(request.path)
    places = parts.path.strip("/").split("/")
    names = ("", "company_id", "", "connection_id")
    params = {name: place for name, place in zip(names, places, strict=False) if name}
    return ApiRequest(request.operation, request.method, parts.path, params, dict(parse_qsl(parts.query)), {}, body)
