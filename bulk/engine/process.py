"""The work on one customer: plan, commit the intent, send, commit the outcome. Here alone Codat and journal meet.

Between the commit of an intent and that of its outcome nothing is cancelled. If the process dies there, the intent
without an outcome is what the next run finds, and looks up before it repeats.
"""

from __future__ import annotations

import random
import sqlite3
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace

import anyio

from bulk.codat import endpoints, responses
from bulk.codat.client import Sender
from bulk.codat.endpoints import Request
from bulk.codat.responses import Reply
from bulk.codat.throttle import Gate, Turn
from bulk.engine import retry, steps
from bulk.engine.queue import Item
from bulk.engine.retry import Look, Send, Wait
from bulk.engine.steps import Aim, Changes
from bulk.journal import database
from bulk.journal.database import Intent, Result
from bulk.journal.writer import Writer
from bulk.model import Ask, Company, Entry, Outcome, State, Step

WITH_KEY = ("POST", "PATCH")  # the methods for which Codat keeps an Idempotency-Key


@dataclass(frozen=True, slots=True)
class Tools:
    """What work is done with: one set for a run."""

    client: Sender
    gate: Gate
    writer: Writer
    run: int
    batch: str
    aim: Aim
    wall: Callable[[], float]  # seconds since 1970
    rng: random.Random
    timeout: float = 30.0  # seconds that an answer is waited for
    sweep: retry.Sweep | None = None  # the last one of the company list


@dataclass(frozen=True, slots=True)
class Parked:
    """The customer waits until `due` (seconds since 1970) and is then taken up again."""

    item: Item
    due: float


@dataclass(frozen=True, slots=True)
class Finished:
    """Nothing more is to be done for the customer in this run. A state of None: it is no longer in the batch."""

    state: State | None
    is_left: bool = False  # there is, but for another run


@dataclass(frozen=True, slots=True)
class _Answered:
    """What one request came to: the reply, and the customer after it."""

    reply: Reply
    entry: Entry


class _Booking:
    """Requests of the day's quota that are kept for one customer."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._kept = 0

    async def need(self, requests: int) -> None:
        """Keep so many, which may have to wait for all that the others give back."""
        if self._kept < requests:
            self.give_back()
            await self._gate.book(requests)
            self._kept = requests

    def spend(self) -> int:
        """Take one for a request that leaves now; gives the request's number."""
        self._kept -= 1
        return self._gate.depart()

    def give_back(self) -> None:
        """Keep none any longer."""
        self._gate.unbook(self._kept)
        self._kept = 0


async def advance(item: Item, tools: Tools) -> Parked | Finished:
    """Take a customer as far as it gets now. Raises Stopped when the gate is closed, JournalUnwritable."""
    booking = _Booking(tools.gate)
    try:
        return await _advance(item, tools, booking)
    finally:
        booking.give_back()


async def _advance(item: Item, tools: Tools, booking: _Booking) -> Parked | Finished:
    entry = item.entry
    refused = False  # this run was refused, and looks whether an earlier try had done it after all
    while (step := steps.next_step(entry, tools.aim)) is not None:
        decision = _decide(entry, step, tools)
        if isinstance(decision, Wait):
            return Parked(replace(item, entry=entry), decision.until)
        if isinstance(decision, Send) and not entry.is_present and tools.aim is Aim.LINK_READY:
            # As long as a key that was in doubt is good, what it asked for may still come about.
            may_come = decision.key is not None and retry.standing(_asks(entry, step)).was_doubted
            return Finished(entry.state) if may_come else await _let_go(entry, tools)
        answered = await _carry_out(decision, entry, step, tools, booking)
        if answered is None:
            continue
        entry, outcome = answered.entry, answered.reply.outcome
        if outcome in (Outcome.DONE, Outcome.FOUND):
            item = Item(entry)
            refused = False
        elif outcome in (Outcome.LOST, Outcome.KEPT, Outcome.BUSY, Outcome.UNSENT):
            return await _try_later(replace(item, entry=entry), step, answered.reply, tools)
        elif refused and outcome is Outcome.ABSENT and steps.next_step(entry, tools.aim) is step:
            return await _fail(entry, step, tools, steps.unsent(step))
        elif outcome is Outcome.REFUSED:
            refused = isinstance(decision, Send) and retry.standing(_asks(entry, step)).in_doubt
            if not refused:
                return await _fail(entry, step, tools)
    return await _finish(entry, tools)


async def _finish(entry: Entry, tools: Tools) -> Finished:
    if entry.company_id is None and not entry.is_present:  # it was deleted, and the input no longer asks for it
        return await _let_go(entry, tools)
    state = steps.state_after(entry)
    if entry.state != state:  # a failed one that was put back to work, and whom nothing is left to be asked for
        changes = {"state": state, "updated_at": steps.timestamp(tools.wall())}
        await tools.writer.write(lambda connection: database.change(connection, entry.seq, changes))
    return Finished(state)


async def _carry_out(
    decision: Look | Send, entry: Entry, step: Step, tools: Tools, booking: _Booking
) -> _Answered | None:
    """Look or send; None when it had to wait for so long that the decision no longer holds."""
    if isinstance(decision, Look):
        await booking.need(steps.requests_needed(entry, tools.aim) + 1)
        return await _look(entry, step, tools, booking)
    await booking.need(steps.requests_needed(entry, tools.aim))
    return await _send(entry, step, decision, tools, booking)


def _decide(entry: Entry, step: Step, tools: Tools) -> retry.Decision:
    if step is Step.DELETE:
        return retry.decide_deletion(_asks(entry, step), run=tools.run)
    if step is Step.LINK:
        return retry.decide_renewal(_asks(entry, step), tools.wall(), timeout=tools.timeout)
    is_known = entry.knows_company if step is Step.COMPANY else entry.knows_connections
    # A sweep of the batch's companies shows every company that it made, but not the connections of those taken over.
    # Whose company it did not show, though there was one, is looked for once more: the list may have lagged.
    sweep = tools.sweep if step is Step.COMPANY and is_known else None
    may_exist = step in (Step.COMPANY, Step.CONNECTION, Step.PARTNER) and not is_known
    known = retry.standing(_asks(entry, step), sweep=sweep, may_exist=may_exist)
    decision = retry.decide(known, tools.wall(), is_harmless=step is Step.UNLINK)
    if step is Step.CONNECTION and isinstance(decision, Look):
        return retry.decide_look_at_link(_asks(entry, step), tools.wall(), timeout=tools.timeout)
    return decision


def _asks(entry: Entry, step: Step) -> tuple[Ask, ...]:
    return tuple(ask for ask in retry.since_deletion(entry.asks) if ask.step is step)


async def _send(entry: Entry, step: Step, decision: Send, tools: Tools, booking: _Booking) -> _Answered | None:
    """Send the request of a step, its intent on the disk before it leaves; None as in `_carry_out`."""
    request = steps.request_for(entry, step, batch=tools.batch)
    key = None
    if request.method in WITH_KEY:
        if decision.body == request.body or retry.standing(_asks(entry, step)).was_doubted:
            request, key = replace(request, body=decision.body or request.body), decision.key
        # else nothing was done under the old key: the input's latest values go
        key = key or str(uuid.UUID(int=tools.rng.getrandbits(128), version=4))
    async with Turn(tools.gate) as turn:
        if _decide(entry, step, tools) != decision:
            return None
        with anyio.CancelScope(shield=True):
            answered = await _exchange(entry, step, request, key, tools, booking, turn)
    return answered


async def _exchange(
    entry: Entry, step: Step, request: Request, key: str | None, tools: Tools, booking: _Booking, turn: Turn
) -> _Answered:
    sent_at = tools.wall()
    intent = Intent(entry.seq, step, request.operation, sent_at, key, request.body)
    is_repeat = key is not None and any(ask.key == key for ask in entry.asks)
    may_exist: Changes = {} if is_repeat else steps.sent(entry, step)

    def intend(connection: sqlite3.Connection) -> int:
        database.change(connection, entry.seq, may_exist)
        return database.intend(connection, tools.run, intent)

    number = await tools.writer.write(intend)
    entry = steps.apply(entry, may_exist)

    if tools.gate.is_open:
        ticket = booking.spend()
        reply, changes = steps.read_answer(entry, step, await tools.client.send(request, key=key), tools.wall())
        tools.gate.answered(ticket, reply, creates=key is not None)
        turn.over()
        attempts = 1
    else:  # a 429 or a stop came in while the intent was being committed
        reply, changes, attempts = responses.unsent("the run was held or stopped before it left"), {}, 0

    ask = Ask(step, key, request.body, sent_at, reply.outcome, reply.status, tools.run)
    # A lost answer may have carried another linkUrl: the last one is never restored after it.
    old_link = (None, None) if reply.outcome.is_unknown else entry.old_link
    entry = entry.evolve(asks=(*entry.asks, ask), old_link=old_link)
    left = {}
    if reply.outcome is not Outcome.DONE:
        left = steps.left_by(entry, step, reply, in_doubt=retry.standing(_asks(entry, step)).in_doubt)
    await _settle(entry, number, reply, left | changes, tools, attempts=attempts)
    return _Answered(reply, steps.apply(entry, changes))


async def _look(entry: Entry, step: Step, tools: Tools, booking: _Booking) -> _Answered:
    """Ask Codat whether a step whose outcome is unknown was done, and take over what is there."""
    if step is Step.COMPANY:
        return await _look_for_company(entry, tools, booking)
    look_up = steps.look_up_for(entry, step)
    if step is Step.DELETE:
        return await _ask(entry, step, look_up, tools, booking, read=steps.read_deletable)

    def read(entry: Entry, reply: Reply, at: float) -> tuple[Reply, Changes]:
        return steps.read_connections(entry, step, reply, at)

    return await _ask(entry, step, look_up, tools, booking, read=read)


async def _look_for_company(entry: Entry, tools: Tools, booking: _Booking) -> _Answered:
    found: list[Company] = []
    following: str | None = None

    def read(entry: Entry, reply: Reply, at: float) -> tuple[Reply, Changes]:
        nonlocal following
        page = endpoints.read_company_page(reply.content)
        if page is None or page.next_path == request.path:
            return responses.unreadable(reply, "a page of companies"), {}
        following = page.next_path
        found.extend(page.companies)
        company = steps.company_of(entry, found)
        if company is not None:
            return replace(reply, outcome=Outcome.FOUND), steps.taken_over(entry, company, batch=tools.batch, at=at)
        return replace(reply, outcome=Outcome.DONE if following else Outcome.ABSENT), {}

    request = steps.look_up_for(entry, Step.COMPANY)
    while True:
        answered = await _ask(entry, Step.COMPANY, request, tools, booking, read=read)
        if answered.reply.outcome is not Outcome.DONE or following is None:
            return answered
        await booking.need(1 + steps.requests_needed(entry, tools.aim))
        entry, request = answered.entry, endpoints.next_page(following)


async def _ask(
    entry: Entry,
    step: Step,
    request: Request,
    tools: Tools,
    booking: _Booking,
    *,
    read: Callable[[Entry, Reply, float], tuple[Reply, Changes]],
) -> _Answered:
    """Send a request that changes nothing in Codat; it is written down with its answer."""
    async with Turn(tools.gate) as turn:
        with anyio.CancelScope(shield=True):
            sent_at = tools.wall()
            ticket = booking.spend()
            reply = await tools.client.send(request)
            changes: Changes = {}
            if reply.outcome is Outcome.DONE or (step is Step.DELETE and steps.is_gone(reply)):
                reply, changes = read(entry, reply, tools.wall())
            tools.gate.answered(ticket, reply, creates=False)
            turn.over()
            if reply.outcome is Outcome.REFUSED:
                changes = steps.troubled(step, reply.problem)

            intent = Intent(entry.seq, step, request.operation, sent_at)
            ask = Ask(step, None, None, sent_at, reply.outcome, reply.status, tools.run)
            entry = entry.evolve(asks=(*entry.asks, ask))
            await _settle(entry, intent, reply, changes, tools, attempts=1)
    return _Answered(reply, steps.apply(entry, changes))


async def _settle(
    entry: Entry, asked: Intent | int, reply: Reply, changes: Changes, tools: Tools, *, attempts: int
) -> None:
    """Commit an outcome. `asked`: the number of the intent, or a look-up that is only now written down."""
    now = tools.wall()
    result = Result(reply.outcome, now, reply.status, reply.problem)
    note_limits = limits_of(tools)

    def settle(connection: sqlite3.Connection) -> None:
        number = database.intend(connection, tools.run, asked) if isinstance(asked, Intent) else asked
        database.settle(connection, number, result)
        stamped = changes | {"updated_at": steps.timestamp(now)} if changes else changes
        database.change(connection, entry.seq, stamped, attempts=attempts)
        note_limits(connection)

    await tools.writer.write(settle)


def limits_of(tools: Tools) -> Callable[[sqlite3.Connection], None]:
    """Give what writes down what Codat's answers have told of its limits so far."""
    quota, asked_until = tools.gate.budget.quota, tools.gate.asked_until

    def note(connection: sqlite3.Connection) -> None:
        if quota is not None and quota is tools.gate.budget.quota:  # else a later answer is about to be written down
            database.put_quota(connection, quota, steps.timestamp(quota.resets_at))
        if asked_until is not None:
            database.put(connection, {"asked_until": asked_until})

    return note


async def _try_later(item: Item, step: Step, reply: Reply, tools: Tools) -> Parked | Finished:
    """Put a customer with a passing fault back, or leave it for another run.

    While Codat is down for everybody, nobody's tries are counted: the gate does the waiting.
    """
    now = tools.wall()
    is_own_fault = not tools.gate.outage.is_on and tools.gate.is_open
    if not is_own_fault:
        return Parked(Item(item.entry, item.tries), now + retry.backoff(1, tools.rng))
    tries, since = item.tries + 1, now if item.since is None else item.since
    if retry.is_worth_another_try(tries, now - since):
        return Parked(Item(item.entry, tries, since), now + retry.backoff(tries, tools.rng))
    changes = steps.troubled(step, reply.problem) | {"updated_at": steps.timestamp(now)}
    await tools.writer.write(lambda connection: database.change(connection, item.entry.seq, changes))
    return Finished(item.entry.state, is_left=True)


async def _fail(entry: Entry, step: Step, tools: Tools, also: Changes | None = None) -> Finished:
    """Note that Codat refused this step; what it refused to take away is there as before."""
    changes: Changes = (also or {}) | {"updated_at": steps.timestamp(tools.wall())}
    if step not in (Step.UNLINK, Step.DELETE):
        changes["state"] = State.FAILED
    await tools.writer.write(lambda connection: database.change(connection, entry.seq, changes))
    return Finished(State.FAILED)


async def _let_go(entry: Entry, tools: Tools) -> Finished:
    """Codat is known not to have the next thing, and the input no longer asks for it."""
    if entry.company_id is None:
        await tools.writer.write(lambda connection: database.dismiss(connection, entry.seq))
        return Finished(None)
    return Finished(State.PENDING)  # and so it stays: nothing more is asked for it
