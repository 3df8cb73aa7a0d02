"""Codat's query language (https://docs.codat.io/using-the-api/querying), as far as bulk needs it. PURE.

The sandbox reads comparisons with `=`, `!=` and `~` (contains), joined by `&&`. It rejects the rest of the language
(`||`, braces, comparisons of size), so that nobody takes an unfiltered list for a filtered one. Codat documents no
escape, so a value that contains an operator cannot be asked for.
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

    def holds(self, found: str | None) -> bool:
        """Return whether it holds for the value of the field; None is a missing value."""
        if found is None:
            return self.operator == "!="
        if self.operator == "~":
            return self.value.lower() in found.lower()
        return (found == self.value) == (self.operator == "=")


def parse(text: str) -> tuple[Comparison, ...]:
    """Read a query: all its comparisons must hold. Raises QueryError."""
    if len(text) >= MAX_QUERY:
        raise QueryError(f"a query must be shorter than {MAX_QUERY} characters")
    return tuple(_comparison(part) for part in text.split("&&"))


def _comparison(text: str) -> Comparison:
    found = _COMPARISON.fullmatch(text)
    if not found:
        raise QueryError(f"the sandbox reads FIELD=VALUE, != and ~, joined by &&, and not '{text[:40]}'")
    return Comparison(*found.groups())
