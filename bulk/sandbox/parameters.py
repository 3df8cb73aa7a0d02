"""The types of the sandbox's option values: whole numbers, seconds and shares. Each type parses the user's text."""

from __future__ import annotations

import math
import re
from typing import Any

import click

MAX_NUMBER = 1_000_000_000_000
MAX_SECONDS = 1_000_000_000


class WholeNumber(click.ParamType[int]):
    """A whole number between two limits."""

    name = "n"

    def __init__(self, minimum: int = 0, maximum: int = MAX_NUMBER) -> None:
        """Accept the numbers from `minimum` to `maximum`."""
        self._minimum, self._maximum = minimum, maximum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number."""
        text = str(value).strip()
        if not re.fullmatch(r"-?\d{1,20}", text, re.ASCII) or not self._minimum <= int(text) <= self._maximum:
            self.fail(f"{text!r} is not a whole number from {self._minimum:,} to {self._maximum:,}.", param, ctx)
        return int(text)


class Decimal(click.ParamType[float]):
    """A number between two limits. `kind` names it in the error."""

    name = "number"

    def __init__(self, kind: str, minimum: float, maximum: float) -> None:
        """Accept the numbers from `minimum` to `maximum`."""
        self._kind, self._minimum, self._maximum = kind, minimum, maximum

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number."""
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not self._minimum <= number <= self._maximum:
            text = str(value).strip()
            self.fail(f"{text!r} is not {self._kind} from {self._minimum:,g} to {self._maximum:,.0f}.", param, ctx)
        return number


SHARE = Decimal("a share", 0, 1)


def seconds(minimum: float) -> Decimal:
    """Return the type of a number of seconds of at least `minimum`."""
    return Decimal("a number of seconds", minimum, MAX_SECONDS)
