"""Handles one request to the API, from its arrival to its response or the lack of one.

The order is: the gate (key, limits), the Idempotency-Key, the latency, a fault in front, the work, a fault on the way
back. One transaction does the work and keeps its response. It never awaits, so requests change the state one by one.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from starlette.requests import ClientDisconnect, Request
from starlette.types import Receive, Scope, Send

from bulk.sandbox import transports
from bulk.sandbox.bodies import HTML_TYPE, Refusal, Response, error
from bulk.sandbox.changes import Changes
from bulk.sandbox.clock import Clock, http_date
from bulk.sandbox.faults import Faults, Rule, Stage
from bulk.sandbox.idempotency import Idempotency, KeyedRequest, keyed
from bulk.sandbox.limits import DayQuota, Gate
from bulk.sandbox.operations import ApiRequest, Operations
from bulk.sandbox.outbox import Outbox
from bulk.sandbox.store import Store

_GATEWAY_PAGE = b"<html><head><title>Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"
_FIREWALL_PAGE = b"<html><head><title>Access denied</title></head><body>Blocked by the firewall.</body></html>"
_WELCOME_PAGE = b"<!doctype html><html><body><p>Welcome to the network. Please sign in.</p></body></html>"


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of a sandbox that answer requests."""

    store: Store
    outbox: Outbox
    changes: Changes
    clock: Clock
    gate: Gate
    quota: DayQuota
    idempotency: Idempotency | None
    faults: Faults
    operations: Operations
    latency: float


@dataclass(slots=True)
class Outcome:
    """The result of a request: its response, or None if the client got none, and the reasons."""

    response: Response | None = None
    key: str | None = None  # its Idempotency-Key
    fault: str | None = None
    is_replay: bool = False


class _NoResponse(Exception):  # noqa: N818 - an outcome, not an error
    """The client gets no response."""


class Endpoint:
    """The ASGI endpoint of one operation."""

    def __init__(self, services: Services, operation: str) -> None:
        self.services = services
        self.operation = operation

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self.answer(scope, receive, send, Outcome())

    async def answer(self, scope: Scope, receive: Receive, send: Send, outcome: Outcome) -> None:
        """Answer one request, and record the result in `outcome`."""
        try:
            with self.services.gate.entered():
                request = await _read(self.operation, scope, receive)
                await _Exchange(self.services, scope, receive, send, outcome).run(request)
        except _NoResponse:
            outcome.response = None
        except asyncio.CancelledError:
            # The server is stopping. Starlette would answer 500, which a client would take for Codat's response.
            transports.hang_up(tuple(scope["client"]), reset=False)
            raise


async def _read(operation: str, scope: Scope, receive: Receive) -> ApiRequest:
    request = Request(scope, receive)
    try:
        body = await request.body()
    except ClientDisconnect as error:
        raise _NoResponse from error
    return ApiRequest(
        operation=operation,
        method=request.method,
        path=scope["path"],
        params=request.path_params,
        query=request.query_params,
        headers=request.headers,
        body=body,
    )


class _Exchange:
    def __init__(self, services: Services, scope: Scope, receive: Receive, send: Send, outcome: Outcome) -> None:
        self._services = services
        self._client = tuple(scope["client"])
        self._receive = receive
        self._send = send
        self._outcome = outcome

    async def run(self, request: ApiRequest) -> None:
        self._outcome.key = request.headers.get("idempotency-key")
        refusal = self._services.gate.refusal(request.headers.get("authorization", ""))
        if refusal:
            return await self._respond(refusal)
        idempotency = self._services.idempotency
        if idempotency is None:
            return await self._serve(request, None)
        keyed_request = keyed(request.method, request.path, request.body, self._outcome.key)
        try:
            with idempotency.running(keyed_request):
                await self._serve(request, keyed_request)
        except Refusal as refused:
            await self._respond(refused.response)

    async def _serve(self, request: ApiRequest, keyed_request: KeyedRequest | None) -> None:
        services = self._services
        if services.latency:
            await asyncio.sleep(services.latency)
        kept = services.idempotency.recall(keyed_request) if services.idempotency else None
        content = f"{request.path}?{request.query} {request.body.decode('utf-8', 'replace')}"
        rule = services.faults.pick(request.operation, content, is_replay=kept is not None)
        self._outcome.fault = rule.kind if rule else None
        if rule and rule.stage is Stage.FRONT:
            response = await self._in_front(rule)
            if response:
                return await self._respond(response)
        self._outcome.is_replay = kept is not None
        origin_fault = rule if rule and rule.stage is Stage.ORIGIN else None
        response = kept or self._work(request, keyed_request, origin_fault)
        if rule and rule.stage is Stage.BACK:
            return await self._on_the_way_back(rule, response)
        return await self._respond(response)

    def _work(self, request: ApiRequest, keyed_request: KeyedRequest | None, rule: Rule | None) -> Response:
        """Do the work and keep its response. The rule, if any, is a fault at the origin."""
        services = self._services
        kind = rule.kind if rule else None
        with services.store.transaction():
            services.quota.save()
            if kind == "lag" and rule:
                request = replace(request, lag_seconds=rule.seconds)
            if kind in {None, "lag", "5xx_after"}:
                response = services.operations.perform(request)
            if rule and kind != "lag":
                response = _own_response(rule)
            if services.idempotency:
                services.idempotency.keep(keyed_request, response)
            return response

    async def _in_front(self, rule: Rule) -> Response | None:
        """Apply a fault; return its response, or None if the request continues."""
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
                return Response(200, _WELCOME_PAGE, HTML_TYPE)
            case "blocked":
                return _firewall(rule)
            case "429":
                return self._services.gate.fault(rule)
            case _:
                return _own_response(rule)
        return None

    async def _on_the_way_back(self, rule: Rule, response: Response) -> None:
        match rule.kind:
            case "reset_after":
                self._hang_up(rule)
            case "stall_after":
                await self._stall(rule.seconds)
            case "slow_after":
                await asyncio.sleep(rule.seconds)
            case "cut":
                if response.body:  # without one, the head alone would be a complete response
                    await self._respond(response, sent_bytes=len(response.body) // 2)
                self._hang_up(rule)
            case "gateway_after":
                response = _gateway(rule)
            case "empty":
                response = replace(response, status=rule.status or response.status, body=b"")
            case "truncated":
                response = replace(response, status=200, body=response.body[: len(response.body) // 2])
            case "html_200":
                response = Response(200, _WELCOME_PAGE, HTML_TYPE)
        await self._respond(response)

    def _hang_up(self, rule: Rule) -> None:
        transports.hang_up(self._client, reset=not rule.eof)
        raise _NoResponse

    async def _stall(self, seconds: float) -> None:
        """Wait for some seconds, or forever if 0. A client that gives up ends the wait and gets no response."""
        try:
            async with asyncio.timeout(seconds or None):
                while (await self._receive())["type"] != "http.disconnect":
                    pass
        except TimeoutError:
            return
        raise _NoResponse

    async def _respond(self, response: Response, *, sent_bytes: int | None = None) -> None:
        self._outcome.response = response
        headers = [
            ("Content-Type", response.content_type),
            ("Date", http_date(self._services.clock.now())),
            *self._services.quota.headers(),
            *response.headers,
        ]
        if response.status != 204:
            headers.append(("Content-Length", str(len(response.body))))
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": response.status, "headers": encoded})
        body = response.body if sent_bytes is None else response.body[:sent_bytes]
        await self._send({"type": "http.response.body", "body": body, "more_body": sent_bytes is not None})


def _gateway(rule: Rule) -> Response:
    return Response(rule.status or 502, _GATEWAY_PAGE, HTML_TYPE)


def _firewall(rule: Rule) -> Response:
    status = rule.status or 403
    headers = (("Location", "https://firewall.example.com/sign-in"),) if 300 <= status < 400 else ()
    return Response(status, _FIREWALL_PAGE, HTML_TYPE, headers)


def _own_response(rule: Rule) -> Response:
    code = rule.kind.removesuffix("_kept")
    status = int(code) if code.isdecimal() else rule.status or 500
    message = "Company limit exceeded" if status == 402 else f"A fault of the sandbox ({rule.kind})."
    return error(status, message)
