"""One request to the API from its arrival to its answer, or to the lack of one.

Arrival is counted first. Then the gate (key, limits), the Idempotency-Key, the latency, a fault in front, the work with
the answer kept in the same transaction, and a fault on the way back. The work itself never awaits, so requests
change the state one after the other.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from bulk.sandbox import transports
from bulk.sandbox.bodies import HTML_TYPE, Answer, Refusal, error
from bulk.sandbox.changes import Changes
from bulk.sandbox.clock import Clock, http_date
from bulk.sandbox.faults import Faults, Place, Rule
from bulk.sandbox.gate import Gate
from bulk.sandbox.idempotency import Idempotency, Keyed, keyed
from bulk.sandbox.limits import DayQuota
from bulk.sandbox.operations import ApiRequest, Operations
from bulk.sandbox.outbox import Outbox
from bulk.sandbox.stats import LogEntry, Stats
from bulk.sandbox.store import Store

_GATEWAY_PAGE = b"<html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
_WELCOME_PAGE = b"<!doctype html><html><body><p>Welcome to the network. Please sign in.</p></body></html>"


@dataclass(frozen=True, slots=True)
class Services:
    """All that answers requests, put together once."""

    store: Store
    outbox: Outbox
    changes: Changes
    clock: Clock
    gate: Gate
    quota: DayQuota
    idempotency: Idempotency | None
    faults: Faults
    operations: Operations
    stats: Stats
    latency: float


@dataclass(slots=True)
class _Outcome:
    """What became of a request, for the log."""

    status: int | None = None
    fault: str | None = None
    replayed: bool = False


class _NoAnswer(Exception):  # noqa: N818 - an outcome, not an error
    """The client gets no answer."""


class Endpoint:
    """The ASGI end of one operation."""

    def __init__(self, desk: Services, operation: str) -> None:
        self._desk = desk
        self._operation = operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and count it."""
        stats = self._desk.stats
        arrival = stats.arrive(self._operation, self._desk.clock.now())
        outcome = _Outcome()
        key = None
        try:
            request = await _read(self._operation, scope, receive)
            key = request.headers.get("idempotency-key")
            await _Exchange(self._desk, scope, receive, send, outcome).run(request)
        except _NoAnswer:
            pass
        except asyncio.CancelledError:
            # The server stops; left to itself it would answer 500, which Codat never said.
            transports.hang_up(tuple(scope["client"]), reset=False)
            raise
        finally:
            stats.leave(
                LogEntry(
                    number=arrival.number,
                    at=arrival.at,
                    operation=self._operation,
                    method=scope["method"],
                    path=scope["path"],
                    status=outcome.status,
                    seconds=time.monotonic() - arrival.started,
                    key=key,
                    fault=outcome.fault,
                    replayed=outcome.replayed,
                )
            )


async def _read(operation: str, scope: Scope, receive: Receive) -> ApiRequest:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _NoAnswer
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    return ApiRequest(
        operation=operation,
        method=scope["method"],
        path=scope["path"],
        params=scope.get("path_params", {}),
        query=dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True)),
        headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
    )


class _Exchange:
    def __init__(self, desk: Services, scope: Scope, receive: Receive, send: Send, outcome: _Outcome) -> None:
        self._desk = desk
        self._scope = scope
        self._receive = receive
        self._send = send
        self._outcome = outcome

    async def run(self, request: ApiRequest) -> None:
        answer = self._desk.gate.refusal(request)
        if answer:
            return await self._deliver(answer)
        idempotency = self._desk.idempotency
        if idempotency is None:
            return await self._serve(request, None)
        once = keyed(request.method, request.path, request.body, request.headers.get("idempotency-key"))
        try:
            with idempotency.running(once):
                await self._serve(request, once)
        except Refusal as refusal:
            await self._deliver(refusal.answer)

    async def _serve(self, request: ApiRequest, once: Keyed | None) -> None:
        desk = self._desk
        if desk.latency:
            await asyncio.sleep(desk.latency)
        kept = desk.idempotency.recall(once) if desk.idempotency else None
        rule = desk.faults.pick(request.operation, is_replay=kept is not None)
        if rule:
            self._outcome.fault = rule.kind
        if rule and rule.place is Place.FRONT:
            answer = await self._in_front(rule)
            if answer:
                return await self._deliver(answer)
        self._outcome.replayed = kept is not None
        answer = kept or self._work(request, once, rule if rule and rule.place is Place.ORIGIN else None)
        if rule and rule.place is Place.BACK:
            return await self._on_the_way_back(rule, answer)
        return await self._deliver(answer)

    def _work(self, request: ApiRequest, once: Keyed | None, rule: Rule | None) -> Answer:
        desk = self._desk
        with desk.store.transaction():
            desk.quota.save()
            lag_seconds = rule.seconds if rule and rule.kind == "lag" else 0.0
            if rule is None or rule.kind == "5xx_after" or lag_seconds:
                answer = desk.operations.perform(request, lag_seconds=lag_seconds)
            if rule is not None and not lag_seconds:
                answer = _own_answer(rule)
            if desk.idempotency:
                desk.idempotency.keep(once, answer)
            return answer

    async def _in_front(self, rule: Rule) -> Answer | None:
        """Let the fault strike; give its answer, or None if the request goes on."""
        match rule.kind:
            case "reset_before":
                self._hang_up(rule)
            case "stall":
                await self._stall(rule.seconds)
            case "slow":
                await asyncio.sleep(rule.seconds)
            case "gateway_before":
                return _gateway(rule)
            case "html_200_before":
                return Answer(200, _WELCOME_PAGE, HTML_TYPE)
            case "429":
                return self._desk.gate.fault(rule)
            case _:
                return _own_answer(rule)
        return None

    async def _on_the_way_back(self, rule: Rule, answer: Answer) -> None:
        match rule.kind:
            case "reset_after":
                self._hang_up(rule)
            case "stall_after":
                await self._stall(rule.seconds)
            case "slow_after":
                await asyncio.sleep(rule.seconds)
            case "cut":
                if answer.body:  # without one, the head alone would be a whole answer
                    await self._deliver(answer, sent_bytes=len(answer.body) // 2)
                self._hang_up(rule)
            case "gateway_after":
                answer = _gateway(rule)
            case "empty":
                answer = replace(answer, status=rule.status or answer.status, body=b"")
            case "truncated":
                answer = replace(answer, status=200, body=answer.body[: len(answer.body) // 2])
            case "html_200":
                answer = Answer(200, _WELCOME_PAGE, HTML_TYPE)
        await self._deliver(answer)

    def _hang_up(self, rule: Rule) -> None:
        self._outcome.status = None
        transports.hang_up(tuple(self._scope["client"]), reset=not rule.eof)
        raise _NoAnswer

    async def _stall(self, seconds: float) -> None:
        """Answer nothing for so long, or (0) for good; a client that gives up ends it, and is not served."""
        try:
            async with asyncio.timeout(seconds or None):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return
        raise _NoAnswer

    async def _deliver(self, answer: Answer, *, sent_bytes: int | None = None) -> None:
        self._outcome.status = answer.status
        headers = [
            ("Content-Type", answer.content_type),
            ("Date", http_date(self._desk.clock.now())),
            *self._desk.quota.headers(),
            *answer.headers,
        ]
        if answer.status != 204:
            headers.append(("Content-Length", str(len(answer.body))))
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        body = answer.body if sent_bytes is None else answer.body[:sent_bytes]
        await self._send({"type": "http.response.body", "body": body, "more_body": sent_bytes is not None})


def _gateway(rule: Rule) -> Answer:
    return Answer(rule.status or 502, _GATEWAY_PAGE, HTML_TYPE)


def _own_answer(rule: Rule) -> Answer:
    status = int(rule.kind) if rule.kind.isdecimal() else rule.status or 500
    message = "Company limit exceeded" if status == 402 else f"A fault of the sandbox ({rule.kind})."
    return error(status, message)
