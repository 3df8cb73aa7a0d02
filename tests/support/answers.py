"""The responses of the fake Codat."""

from __future__ import annotations

from typing import NamedTuple


class Answer(NamedTuple):
    """One HTTP response; the body is JSON or empty."""

    status: int
    body: str = ""
    headers: tuple[tuple[str, str], ...] = ()


class Refusal(Exception):  # noqa: N818 - an action of Codat, not an error of the model
    """Codat refuses a request that breaks a rule. The fake Codat turns this into a response with an error body."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
