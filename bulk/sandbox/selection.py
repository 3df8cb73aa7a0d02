"""A query over companies, turned into SQL: which of its fields there are, and how each is compared."""

from __future__ import annotations

from collections.abc import Callable

from bulk.sandbox.query import AllOf, Clause, Query
from bulk.sandbox.store import EVERYTHING, Condition

_COMPANY = {"id": "c.id", "name": "c.name", "description": "c.description", "created": "c.created"}
_CONNECTION = {
    "id": "id",
    "status": "status",
    "sourceType": "source_type",
    "integrationKey": "platform_key",
    "created": "created",
    "lastSync": "last_sync",
}
_ORDERS = {"created": "c.n", "name": "c.name", "id": "c.id"}


class UnknownField(Exception):  # noqa: N818 - named for the field, which the caller refuses
    """A query or an order names a field that companies do not have."""


def by_query(query: Query) -> Condition:
    """Give the condition for `query=`: fields of the company, `dataConnections.…`, `tags.…`."""
    return _combined(query, _of_field)


def by_tags(query: Query) -> Condition:
    """Give the condition for `tags=`, whose fields are tags."""
    return _combined(query, _of_tag)


def both(first: Condition, second: Condition) -> Condition:
    """Give the condition that holds where two do."""
    if EVERYTHING in (first, second):
        return second if first is EVERYTHING else first
    return Condition(f"({first.sql} AND {second.sql})", first.values + second.values)


def order(order_by: str | None) -> str:
    """Give the SQL order for `orderBy=`, a field or `-field`; ties and no order at all go by creation."""
    if not order_by:
        return "c.n"
    column = _ORDERS.get(order_by.removeprefix("-"))
    if column is None:
        raise UnknownField(order_by)
    return f"{column} DESC, c.n" if order_by.startswith("-") else f"{column}, c.n"


def _combined(query: Query, of_clause: Callable[[Clause], Condition]) -> Condition:
    if isinstance(query, Clause):
        return of_clause(query)
    parts = [_combined(part, of_clause) for part in query.parts]
    word = " AND " if isinstance(query, AllOf) else " OR "
    return Condition(
        f"({word.join(part.sql for part in parts)})", tuple(value for part in parts for value in part.values)
    )


def _of_field(clause: Clause) -> Condition:
    field = clause.field
    if field in _COMPANY:
        return _compared(_COMPANY[field], clause)
    parent, _, rest = field.partition(".")
    if parent == "dataConnections" and rest in _CONNECTION:
        inner = _compared(_CONNECTION[rest], clause)
        return Condition(f"c.n IN (SELECT company FROM connection WHERE {inner.sql})", inner.values)  # noqa: S608 - values are bound
    if parent == "tags" and rest:
        return _of_tag(Clause(rest, clause.operator, clause.value))
    raise UnknownField(field)


def _of_tag(clause: Clause) -> Condition:
    if clause.operator == "!=":
        return Condition(
            "c.n NOT IN (SELECT company FROM tag WHERE key = ? AND value = ?)", (clause.field, clause.value)
        )
    inner = _compared("value", clause)
    return Condition(f"c.n IN (SELECT company FROM tag WHERE key = ? AND {inner.sql})", (clause.field, *inner.values))  # noqa: S608 - values are bound


def _compared(column: str, clause: Clause) -> Condition:
    if clause.operator == "~":
        return Condition(f"instr(lower({column}), lower(?)) > 0", (clause.value,))
    operator = "IS NOT" if clause.operator == "!=" else clause.operator
    return Condition(f"{column} {operator} ?", (clause.value,))
