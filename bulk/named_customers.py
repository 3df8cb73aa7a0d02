"""The customers that a caller names: checks them, and gives the reason for each that a command has left alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from pathlib import Path
from typing import Final

from bulk.errors import UsageError
from bulk.journal.database import FILE
from bulk.model import ENDED, State
from bulk.reports.rows import Reader, Status

MAX_NAMED: Final = 20  # customers listed in a message
NOT_SENT: Final = {
    State.REJECTED: "its row was rejected, so nothing was sent for it",
    State.CONFLICT: "its row is in conflict, so nothing was sent for it: decide as its row in conflicts.csv says",
}


def require_ids(customer_ids: Sequence[str]) -> list[str]:
    """Return the identifiers, each once. Raises UsageError if it is one text, which would be read letter by letter."""
    if isinstance(customer_ids, str) or not customer_ids or not all(isinstance(each, str) for each in customer_ids):
        raise UsageError(f"customer_ids must be a list of identifiers, such as ['00012'], not {customer_ids!r}.")
    return list(dict.fromkeys(customer_ids))


def require_known(folder: Path, customer_ids: Sequence[str]) -> None:
    """Raise UsageError if the batch has none of the customers."""
    with Reader(folder / FILE) as reader:
        is_known = bool(reader.statuses(customer_ids) or reader.held(customer_ids))
        named = [] if is_known else [_with_spelling(each, reader) for each in customer_ids[:MAX_NAMED]]
    if not is_known:
        raise UsageError(
            f"{folder} has no such customer: {', '.join(named)}. See results.csv for its customers. Nothing was sent."
        )


def _with_spelling(customer_id: str, reader: Reader) -> str:
    known = reader.other_spelling(customer_id)
    return customer_id if known is None else f'{customer_id} (but "{known}", which may be the same identifier)'


def not_unlinked(reader: Reader, customer_ids: Sequence[str]) -> dict[str, str]:
    """Return the reason for each customer who is not unlinked."""
    return _reasons(reader, customer_ids, _why_not_unlinked)


def not_emailed(reader: Reader, customer_ids: Sequence[str]) -> dict[str, str]:
    """Return the reason for each customer without a linkUrl that could be emailed."""
    issued = reader.with_link(customer_ids)
    others = [customer_id for customer_id in customer_ids if customer_id not in issued]
    return _reasons(reader, others, lambda _: "no linkUrl was issued for it")


def not_deletable(reader: Reader, customer_ids: Sequence[str], deletable: Set[str]) -> dict[str, str]:
    """Return the reason for each customer who has a company that `undo` leaves alone, or had none."""
    others = [customer_id for customer_id in customer_ids if customer_id not in deletable]
    return _reasons(reader, others, _why_not_deletable)


def _reasons(reader: Reader, customer_ids: Sequence[str], reason_of: Callable[[Status], str | None]) -> dict[str, str]:
    """Return a reason for each customer that has one, or whom the batch does not have."""
    statuses, held = reader.statuses(customer_ids), reader.held(customer_ids)
    reasons: dict[str, str] = {}
    for customer_id in customer_ids:
        status = statuses.get(customer_id)
        reason = reason_of(status) if status is not None else _why_unknown(customer_id, reader)
        if reason is not None:
            reasons[customer_id] = NOT_SENT[held[customer_id]] if customer_id in held else reason
    return reasons


def _why_unknown(customer_id: str, reader: Reader) -> str:
    known = reader.other_spelling(customer_id)
    if known is None:
        return "this batch has no such customer"
    return f'this batch has no such customer, but "{known}", which may be the same identifier: name that one'


def _why_not_unlinked(customer: Status) -> str | None:
    """Return the reason why a customer is not unlinked, or None if the customer is unlinked."""
    status = customer.connection_status
    if status in ENDED:
        return None
    if customer.company_id is None or status is None:
        return "has no connection in Codat"
    if status == "Linked":
        return f"is still linked: {customer.error}" if customer.error else "is still linked"
    return f"has a connection with the status {status}; only a Linked one can be unlinked"


def _why_not_deletable(customer: Status) -> str | None:
    """Return the reason why the company of a customer cannot be deleted, or None if undo has deleted it."""
    if customer.company_origin == "undone":
        return None
    if customer.company_id is None:
        return "has no company in Codat"
    if customer.company_origin != "created":
        return "has a company that this batch did not create"
    return "has linked its company, now or before, or has a partner connection"
