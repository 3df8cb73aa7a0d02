"""Groups rows by kind and value, with three rows of each value, in bounded memory.

A kind is the code of a problem, of a warning or of a conflict, or a way in which names change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import polars as pl

from bulk.problems import group_remedy, group_sentence, parse, remedy, sentence

MAX_EXAMPLES: Final = 3  # values of a kind, and rows of a value, unless a caller asks for more
_MAX_VALUES: Final = 10_000
"""The most values to count for each kind. Rows with further values count for the kind only."""
_NO_TOTALS: Final[Mapping[tuple[str, str], int]] = {}
_KEY: Final = ("code", "field", "value", "sentence", "remedy")


class Texts(NamedTuple):
    """A sentence about some rows, and the remedy."""

    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Value:
    """The rows of a group that have the same value. Its texts are "" if the group has the same ones."""

    value: str | None
    rows: int
    first_rows: tuple[int | None, ...]
    sentence: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one kind, with its most frequent values. The sentence begins with the field."""

    code: str
    field: str
    sentence: str
    remedy: str
    rows: int
    values: tuple[Value, ...]


@dataclass(slots=True)
class _Kind:
    rows: int = 0
    values: dict[tuple[str | None, Texts], _Rows] = field(default_factory=dict)


@dataclass(slots=True)
class _Rows:
    number: int = 0
    first: list[int | None] = field(default_factory=list)


class Groups:
    """Counts rows by kind and value. `general` returns the texts that are true of all rows with a code.

    With `merges`, a group has the texts of its values if all of them have the same. A group has its `most` most
    frequent values, and each of them its first rows: three, and beyond these `room` rows of all values together.
    """

    def __init__(
        self, general: Callable[[str], Texts], *, merges: bool = True, most: int = MAX_EXAMPLES, room: int = 0
    ) -> None:
        self._general = general
        self._merges = merges
        self._most = most
        self._room = room
        self._kinds: dict[tuple[str, str], _Kind] = {}

    def add(self, lines: pl.DataFrame) -> None:
        """Count lines: `row, code, field, value, sentence, remedy`. Pass them in the order of rows."""
        counted = lines.group_by(_KEY, maintain_order=True).agg(pl.len(), self._first_rows())
        for code, of_field, value, text, advice, number, rows in counted.iter_rows():
            self._count(code, of_field, value, Texts(text, advice), number, rows)

    def add_problems(self, rows: pl.DataFrame) -> None:
        """Count the problems of rejected rows: `row, problems`. Pass them in the order of rows."""
        # Rows with the same problems have the same JSON text.
        counted = rows.group_by("problems", maintain_order=True).agg(pl.len(), self._first_rows())
        for text, number, first in counted.iter_rows():
            for each in parse(text):
                # Without a similar name, the remedy of a platform lists all names.
                advice = group_remedy(each["code"]) if each.get("nearest") == [] else remedy(each)
                texts = Texts(sentence(each), advice)
                self._count(each["code"], each["field"], each["value"], texts, number, first)

    def _first_rows(self) -> pl.Expr:
        return pl.col("row").head(MAX_EXAMPLES + self._room)

    def result(self, totals: Mapping[tuple[str, str], int] = _NO_TOTALS) -> tuple[Group, ...]:
        """Return the groups, the largest first.

        `totals` has the numbers of rows, by code and field, of kinds whose lines were not all counted.
        """
        groups = (self._group(*key, kind, max(kind.rows, totals.get(key, 0))) for key, kind in self._kinds.items())
        return tuple(sorted(groups, key=lambda group: -group.rows))

    def _count(
        self, code: str, of_field: str, value: str | None, texts: Texts, number: int, rows: Sequence[int | None]
    ) -> None:
        kind = self._kinds.setdefault((code, of_field), _Kind())
        kind.rows += number
        if (value, texts) not in kind.values:
            if len(kind.values) == _MAX_VALUES:
                return
            kind.values[value, texts] = _Rows()
        found = kind.values[value, texts]
        found.number += number
        most = max(MAX_EXAMPLES, len(found.first)) + self._room
        kept = sorted((*found.first, *rows), key=_place)[:most]
        self._room -= max(0, len(kept) - max(MAX_EXAMPLES, len(found.first)))
        found.first = kept

    def _group(self, code: str, of_field: str, kind: _Kind, rows: int) -> Group:
        general = self._general(code)
        text = self._shared({texts.sentence for _, texts in kind.values})
        advice = self._shared({texts.remedy for _, texts in kind.values})
        values = sorted(kind.values.items(), key=lambda item: -item[1].number)  # stable: the first row comes first
        examples = (
            Value(
                value,
                found.number,
                tuple(found.first),
                own.sentence if text is None else "",
                own.remedy if own.remedy not in (advice, general.remedy) else "",
            )
            for (value, own), found in values[: self._most]
        )
        subject = general.sentence if text is None else f"{of_field} {text}"
        return Group(code, of_field, subject, general.remedy if advice is None else advice, rows, tuple(examples))

    def _shared(self, texts: set[str]) -> str | None:
        """Return the text if there is only one and it belongs to the group."""
        return next(iter(texts)) if self._merges and len(texts) == 1 else None


def _place(row: int | None) -> tuple[bool, int]:
    """Return the sort key of a row. A customer that is gone from the input has none, and comes last."""
    return row is None, row or 0


def of_problem(code: str) -> Texts:
    """Return the texts that are true of every problem with this code."""
    return Texts(group_sentence(code), group_remedy(code))
