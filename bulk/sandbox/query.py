"""Codat's query language (https://docs.codat.io/using-the-api/querying), as far as bulk needs it. PURE.

The sandbox reads comparisons with `=`, `!=` and `~` (contains), joined by `&&`. It rejects the rest of the language
(`||`, braces, `<` and `>`), so that nobody mistakes an unfiltered list for a filtered one. Codat documents no escape
sequence, so a query cannot contain a value with an operator in it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_QUERY = 2048
_COMPARISON = re.compile(r"\s*([^=!~<>&|{}]+?)\s*(=|!=|~)\s*((?:[^=!~<>&|{}]|&(?!&)|\|(?!\|)|!(?!=))+?)\s*")


class QueryError(Exception):
    """A query that the sandbox cannot read."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison: a field, an operator, a value."""

    field: str
    operator: str
    value: str

    def holds(self, actual: str | None) -> bool:
        """Return whether the comparison holds for the field's actual value; None is a missing value."""
        if actual is None:
            return self.operator == "!="
        if self.operator == "~":
            return self.value.lower() in actual.lower()
        return (actual == self.value) == (self.operator == "=")


def parse(text: str) -> tuple[Comparison, ...]:
    """Parse a query. All its comparisons must hold. Raises QueryError."""
    if len(text) >= MAX_QUERY:
        raise QueryError(f"a query must be shorter than {MAX_QUERY} characters")
    return tuple(_comparison(part) for part in text.split("&&"))


def _comparison(text: str) -> Comparison:
    match = _COMPARISON.fullmatch(text)
    if not match:
        raise QueryError(f"the sandbox reads FIELD=VALUE, != and ~, joined by &&, and not '{text[:40]}'")
    return Comparison(*match.groups())
