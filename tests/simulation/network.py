"""The network between the runs of a scenario and Codat: each request takes its passage and meets its fate.

Events occur in the order of time, even after the run that caused them has ended: requests arrive, work is done late,
customers act. A run only collects its responses.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate, parsedate_to_datetime

from support.answers import Answer, Refusal
from support.fake_codat import CLIENT, FakeCodat, Rules
from support.fault_schedule import NOT_DONE, OWN, Fate, Passage, RetryAfter, Schedule
from support.idempotency import Keys
from support.records import LINKED

from bulk.codat import responses
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.model import Outcome
from simulation.clock import START, Time
from simulation.once import Once
from simulation.portal import Portal
from simulation.trace import Broken

BASE_URL = "https://codat.example"
PAGE = "<html><body><h1>Bad Gateway</h1></body></html>"
CREATES = ("create_company", "create_connection", "create_partner_expense_connection")
RENEWS = ("create_connection", "get_connection", "list_connections")  # linkUrls
A_MINUTE = 60.0


@dataclass
class Exchange:
    """One request that has left, and its progress."""

    number: int
    sender: str  # the label of the batch
    request: Request
    key: str | None
    passage: Passage
    ends_at: float  # when the client gets its response, or gives up
    gives_up: bool
    answer: Answer | None = None  # as it leaves Codat, or the gateway in front of it
    done_at: float = math.inf
    looked_at: float = 0.0  # of a deletion: when the client has last seen the company
    is_replay: bool = False  # of a response that was stored under the key
    is_refused: bool = False  # by one of Codat's rules, not by a fault
    reply: Reply | None = None  # as the client reads it
    left_at: float = 0.0
    asks_until: float = 0.0  # the end of a Retry-After, by the scenario's clock

    @property
    def content(self) -> tuple[str, str, bytes]:
        """The parts that a repetition with the same key must share: method, target and body."""
        return self.request.method, self.request.path, (self.request.body or "").encode()


@dataclass(order=True)
class _Due:
    at: float
    number: int
    do: Callable[[], None] = field(compare=False)


class Network:
    """The way to Codat and Codat itself, over all runs of a scenario."""

    def __init__(
        self, time: Time, schedule: Schedule, rules: Rules, *, honours_keys: bool = True, client: str = CLIENT
    ) -> None:
        self._time = time
        self._schedule = schedule
        self.now = 0.0  # Codat's time, by the scenario's clock
        self.codat = FakeCodat(lambda: START + self.now, rules, has_events=True, client=client)
        self._keys = Keys(self.codat.clock) if honours_keys else None
        self._due: list[_Due] = []
        self._numbers = itertools.count()
        self._minutes: defaultdict[str, deque[float]] = defaultdict(deque)  # of each sender
        self.rate = math.inf  # requests of one sender that may arrive in a minute
        self.is_honest = True  # if not, responses are wrong, and duplicates cannot be ruled out
        self.looked_at: dict[str, float] = {}  # companies, and when the current runs have last read each of them
        self.exchanges: list[Exchange] = []
        self.renewed_by: dict[str, str] = {}  # companies, and who has last renewed their linkUrls
        self.portal = Portal(self.codat)
        self.once = Once(self.codat, self.portal, honours_keys=honours_keys)
        self.linked_since: dict[str, float] = {}  # companies, and when their customers have linked
        self.deletions = 0  # of companies and connections, from every side: they shift the pages of a list

    # -- time

    def at(self, when: float, do: Callable[[], None]) -> None:
        """Plan a call for a moment of the scenario's clock."""
        heapq.heappush(self._due, _Due(when, next(self._numbers), do))

    def catch_up(self) -> None:
        """Make all calls that are due."""
        while self._due and self._due[0].at <= self._time.now:
            due = heapq.heappop(self._due)
            self.now = max(self.now, due.at)
            due.do()
        self.now = max(self.now, self._time.now)

    @property
    def latest(self) -> float:
        """The time of the last planned call."""
        return max((due.at for due in self._due), default=self._time.now)

    # -- requests and responses

    def depart(self, sender: str, request: Request, key: str | None, *, timeout: float) -> Exchange:
        """Send a request now."""
        now = self._time.now
        passage = self._schedule.passage(now, timeout=timeout, operation=request.operation)
        ends_at = now + passage.there + passage.work + passage.back
        if passage.fate is Fate.CUT_OFF:
            ends_at = now + passage.there
        gives_up = passage.fate is Fate.STALLED or ends_at > now + timeout
        key = key if request.method in ("POST", "PATCH") else None  # Codat ignores the key of other methods
        exchange = Exchange(next(self._numbers), sender, request, key, passage, ends_at, gives_up, left_at=now)
        self.exchanges.append(exchange)
        if gives_up:
            exchange.ends_at = now + timeout
        if request.operation == "delete_company":
            exchange.looked_at = self._last_look(request)
        if passage.fate is not Fate.NO_CONNECTION:
            self.at(now + passage.there, lambda: self._arrive(exchange))
        return exchange

    def collect(self, exchange: Exchange) -> Reply:
        """Return the reply that the client reads at the end of an exchange."""
        fate, answer = exchange.passage.fate, exchange.answer
        if fate is Fate.NO_CONNECTION:
            reply = responses.not_sent("no connection: refused")
        elif exchange.gives_up:
            reply = responses.no_response("no response in time")
        elif fate in (Fate.LOST_BEFORE, Fate.LOST_AFTER, Fate.CUT_OFF) or answer is None:
            reply = responses.no_response("connection lost")
        else:
            reply = responses.read(*self._received(exchange.passage, answer))
        exchange.reply = reply
        exchange.asks_until = _asked_until(reply, self.now if fate is Fate.GATEWAY_AFTER else exchange.done_at)
        if reply.outcome is Outcome.DONE:
            self._note_look(exchange)
        return reply

    def _note_look(self, exchange: Exchange) -> None:
        match exchange.request.operation:
            case "get_company":
                self.looked_at[_company_id(exchange.request)] = exchange.done_at
            case "list_companies":
                self.once.note_list(exchange.sender, exchange.request.path, at=exchange.done_at - exchange.passage.lag)

    def _received(self, passage: Passage, answer: Answer) -> tuple[int, Mapping[str, str], bytes]:
        headers = {name.lower(): value for name, value in answer.headers}
        body = answer.body.encode()
        if passage.corrupt:
            return passage.corrupt(answer.status, body)
        match passage.fate:
            case Fate.HTML_AFTER:
                return 200, {}, PAGE.encode()
            case Fate.GATEWAY_AFTER:
                return passage.status, dict(self._asks_to_wait(passage)), PAGE.encode()
            case Fate.EMPTY:
                return answer.status, headers, b""
            case Fate.TRUNCATED:
                return answer.status, headers, body[: len(body) // 2]
        return answer.status, headers, body

    # -- in Codat

    def _arrive(self, exchange: Exchange) -> None:
        self._count_arrival(exchange.sender)
        if exchange.passage.fate in NOT_DONE:
            self._end(exchange, self._in_front(exchange.passage))
            return
        refusal = self.codat.refusal()
        if refusal is None and self._keys and exchange.key in self._keys.running:
            refusal = self.codat.error(409, "A request with this Idempotency-Key is still being processed.")
        if refusal:
            exchange.is_refused = True
            self._end(exchange, self.codat.with_headers(refusal))
            return
        if self._keys and exchange.key:
            self._keys.running.add(exchange.key)
        self.at(self.now + exchange.passage.work, lambda: self._work(exchange))

    def _work(self, exchange: Exchange) -> None:
        try:
            kept = self._keys.recall(exchange.key, exchange.content) if self._keys else None
        except Refusal as refusal:
            kept = self.codat.error(refusal.status, str(refusal))
        answer = kept or self._answer(exchange)
        if self._keys:
            self._keys.running.discard(exchange.key or "")
            if kept is None:
                self._keys.keep(exchange.key, exchange.content, answer._replace(headers=()))
        exchange.is_replay = kept is not None and kept.status != 422
        exchange.is_refused = kept is not None or answer.status >= 400
        self._end(exchange, self.codat.with_headers(answer))

    def _answer(self, exchange: Exchange) -> Answer:
        """Do the work, unless the fate prevents it; return Codat's response."""
        passage = exchange.passage
        status = passage.status if passage.fate is Fate.KEPT_BEFORE else OWN.get(passage.fate)
        if status is None:
            answer = self._done(exchange)
            status = passage.status if passage.fate is Fate.KEPT_AFTER else None
        return answer if status is None else self.codat.error(status, "a fault", self._asks_to_wait(passage))

    def _done(self, exchange: Exchange) -> Answer:
        operation = exchange.request.operation
        if operation == "delete_company":
            self._require_look(_company_id(exchange.request), exchange.looked_at)
        answer = self.codat.perform(*exchange.content, lag=exchange.passage.lag)
        if operation in RENEWS:
            self.renewed_by[_company_id(exchange.request)] = exchange.sender
        if operation in CREATES and answer.status < 400:
            self.once.note_created(exchange.sender, answer.body, at=self.now)
            if self.is_honest:
                self.once.require(exchange.sender)
        self.deletions += operation == "delete_company" and answer.status < 400
        return answer

    def _end(self, exchange: Exchange, answer: Answer | None) -> None:
        exchange.answer, exchange.done_at = answer, self.now

    def _in_front(self, passage: Passage) -> Answer | None:
        match passage.fate:
            case Fate.GATEWAY_BEFORE:
                return Answer(passage.status, PAGE, self._asks_to_wait(passage))
            case Fate.HTML_BEFORE:
                return Answer(200, PAGE)
            case Fate.FIREWALL:
                return Answer(passage.status, "<html>Access denied</html>", (("location", "https://firewall.example"),))
            case Fate.THROTTLED | Fate.BUSY | Fate.KEY_REJECTED:
                error = self.codat.error(int(passage.fate), "a fault", self._asks_to_wait(passage))
                return self.codat.with_headers(error)
        return None

    def _asks_to_wait(self, passage: Passage) -> tuple[tuple[str, str], ...]:
        value = {
            RetryAfter.SECONDS: str(math.ceil(passage.wait)),
            RetryAfter.DATE: formatdate(math.ceil(START + self.now + passage.wait), usegmt=True),
            RetryAfter.NONSENSE: "soon",
        }.get(passage.retry_after)
        date = formatdate(START + self.now, usegmt=True)  # without it, a date is only as good as the client's clock
        return (("retry-after", value), ("date", date)) if value else ()

    # -- guarantees for every moment

    def _count_arrival(self, sender: str) -> None:
        minute = self._minutes[sender]
        minute.append(self.now)
        while minute[0] <= self.now - A_MINUTE:
            minute.popleft()
        if len(minute) > self.rate:
            raise Broken(f"{len(minute)} requests in a minute, and {self.rate} are allowed")

    def _last_look(self, request: Request) -> float:
        company_id = _company_id(request)
        if company_id not in self.looked_at:
            raise Broken(f"{company_id} is to be deleted, and this run has not looked at it")
        return self.looked_at[company_id]

    def _require_look(self, company_id: str, looked_at: float) -> None:
        """Raise Broken if a company is deleted although the client has seen that it is linked."""
        company = next((each for each in self.codat.companies if each.id == company_id), None)
        is_linked = company is not None and any(each.status == LINKED for each in company.connections)
        if is_linked and self.is_honest and self.linked_since.get(company_id, 0.0) < looked_at:
            raise Broken(f"{company_id} is deleted although its customer had linked it")


def _company_id(request: Request) -> str:
    return request.path.split("/")[2]


def _asked_until(reply: Reply, answered_at: float) -> float:
    """Return the end of a Retry-After by the scenario's clock; 0 without a readable one."""
    text = reply.headers.get("retry-after", "")
    if text.isdecimal():
        return answered_at + int(text)
    try:
        return parsedate_to_datetime(text).timestamp() - START
    except ValueError:
        return 0.0
