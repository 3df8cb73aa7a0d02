"""Short forms of the requests that tests send to a sandbox."""

from __future__ import annotations

import base64
import time
from collections.abc import Callable
from typing import Any

import httpx
from support.http_client import HTTP

from bulk.sandbox.launch import Running

Launch = Callable[..., Running]
Connect = Callable[[Running], httpx.Client]


def authorization(key: str = "sandbox-key") -> dict[str, str]:
    """Return the header that Codat's authentication page describes."""
    return {"Authorization": "Basic " + base64.b64encode(key.encode()).decode()}


def new_company(api: httpx.Client, **content: object) -> str:
    """Create a company; return its id."""
    answer = api.post("/companies", json={"name": "Acme Ltd", **content})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def new_connection(api: httpx.Client, company: str, platform: str = "gbol") -> dict[str, str]:
    """Create an accounting connection; return it."""
    answer = api.post(f"/companies/{company}/connections", json={"platformKey": platform})
    assert answer.status_code == 200, answer.text
    content: dict[str, str] = answer.json()
    return content


def authorize(connection: dict[str, str]) -> None:
    """Press the button on the page behind a linkUrl."""
    answer = HTTP.post(connection["linkUrl"], data={"decision": "authorize"})
    assert answer.status_code == 200, answer.text


def stats(running: Running) -> dict[str, Any]:
    """Return the sandbox's counts."""
    content: dict[str, Any] = HTTP.get(running.base_url + "/_sandbox/stats").json()
    return content


def advance(running: Running, seconds: float) -> None:
    """Move the sandbox's clock forward."""
    HTTP.post(running.base_url + "/_sandbox/clock", json={"advance_seconds": seconds}).raise_for_status()


def faults(running: Running, *rules: dict[str, object]) -> None:
    """Add faults to the sandbox."""
    HTTP.post(running.base_url + "/_sandbox/faults", json=rules).raise_for_status()


def until(holds: Callable[[], bool], *, seconds: float = 240) -> None:
    """Wait until a condition is true; fail after this many seconds."""
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "the condition is still false"
        time.sleep(0.01)
