"""Codat's query language: text to a tree, and the tree held against plain values.

Rules (https://docs.codat.io/using-the-api/querying): `field=value` with = != ~ > < >= <=; `&&` binds closer than `||`;
braces group. No escape is documented, so a value that holds an operator or a brace cannot be asked for: it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TypeAlias

OPERATORS = frozenset({"=", "!=", "~", ">", "<", ">=", "<="})
TAG_OPERATORS = frozenset({"=", "!=", "~"})
MAX_QUERY = 2048

_TOKEN = re.compile(r"\s*(&&|\|\||[{}]|>=|<=|!=|[=~<>])\s*|((?:[^=!~<>&|{}]|&(?!&)|\|(?!\|)|!(?!=))+)")
_MARKS = OPERATORS | {"&&", "||", "{", "}"}


class Unparsable(Exception):  # noqa: N818 - named for the query, which the caller refuses
    """A query that does not follow the language."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One comparison: a field, an operator, a value."""

    field: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds when every part does (`&&`)."""

    parts: tuple[Query, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds when one of the parts does (`||`)."""

    parts: tuple[Query, ...]


Query: TypeAlias = Clause | AllOf | AnyOf


def parse(text: str, *, operators: Collection[str] = OPERATORS) -> Query:
    """Read a query, or raise Unparsable."""
    if len(text) >= MAX_QUERY:
        raise Unparsable(f"a query must be shorter than {MAX_QUERY} characters")
    reader = _Reader(_tokens(text), operators)
    query = reader.any_of()
    if reader.peek():
        raise Unparsable(f"unexpected '{reader.peek()}'")
    return query


def matches(query: Query, value_of: Callable[[str], str | None]) -> bool:
    """Say whether the query holds for the fields that `value_of` gives; None is a field without a value."""
    match query:
        case AllOf(parts):
            return all(matches(part, value_of) for part in parts)
        case AnyOf(parts):
            return any(matches(part, value_of) for part in parts)
        case Clause(field, operator, value):
            return _compares(value_of(field), operator, value)


def fields(query: Query) -> frozenset[str]:
    """Give the fields that a query names."""
    if isinstance(query, Clause):
        return frozenset({query.field})
    return frozenset().union(*(fields(part) for part in query.parts))


def _compares(have: str | None, operator: str, want: str) -> bool:
    if have is None:
        return operator == "!="
    return {
        "=": have == want,
        "!=": have != want,
        "~": want.lower() in have.lower(),
        ">": have > want,
        "<": have < want,
        ">=": have >= want,
        "<=": have <= want,
    }[operator]


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    while position < len(text):
        found = _TOKEN.match(text, position)
        if not found:
            raise Unparsable(f"cannot read '{text[position : position + 20]}'")
        token = (found[1] or found[2]).strip()
        if token:
            tokens.append(token)
        position = found.end()
    return tokens


class _Reader:
    """Reads the tokens from left to right, one method for each level of binding."""

    def __init__(self, tokens: list[str], operators: Collection[str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._operators = operators

    def peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def any_of(self) -> Query:
        parts = self._separated("||", self._all_of)
        return parts[0] if len(parts) == 1 else AnyOf(parts)

    def _all_of(self) -> Query:
        parts = self._separated("&&", self._term)
        return parts[0] if len(parts) == 1 else AllOf(parts)

    def _separated(self, mark: str, read: Callable[[], Query]) -> tuple[Query, ...]:
        parts = [read()]
        while self.peek() == mark:
            self._take()
            parts.append(read())
        return tuple(parts)

    def _term(self) -> Query:
        if self.peek() != "{":
            return self._clause()
        self._take()
        query = self.any_of()
        if self._take() != "}":
            raise Unparsable("a brace is not closed")
        return query

    def _clause(self) -> Clause:
        field, operator, value = self._take(), self._take(), self._take()
        if operator not in self._operators:
            raise Unparsable(f"'{operator}' is no operator here")
        if not field or not value or field in _MARKS or value in _MARKS:
            raise Unparsable("a comparison needs a field, an operator and a value")
        return Clause(field, operator, value)

    def _take(self) -> str:
        token = self.peek()
        self._at += 1
        return token
