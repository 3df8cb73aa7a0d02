"""The customers: some of those with a link authorize, others decline; some withdraw later."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bulk.sandbox.changes import Changes
from bulk.sandbox.platforms import PLATFORMS, Platform
from bulk.sandbox.query import Comparison
from bulk.sandbox.store import Store, StoredConnection

CUSTOMER_TAG = "uid"  # the tag with a customer's identifier


@dataclass(frozen=True, slots=True)
class CustomerRequest:
    """The customers who are to act: a random share of those who can, or those named by their identifier.

    The seed makes the choice repeatable. If `platform` is set, customers connect that software, whatever the client
    asked for.
    """

    share: float | None = None
    decline_share: float = 0.0
    seed: int | None = None
    customers: Sequence[str] = ()
    platform: str | None = None


class Customers:
    """All customers of a sandbox."""

    def __init__(self, store: Store, changes: Changes) -> None:
        self._store = store
        self._changes = changes

    def decide(self, request: CustomerRequest) -> dict[str, int]:
        """Let customers authorize or decline; return the numbers of those who waited, authorized and declined.

        Raises ValueError for an unknown customer or platform.
        """
        platform = _platform(request.platform)
        with self._store.transaction():
            waiting = self._named_waiting(request.customers) if request.customers else self._store.waiting()
            authorized = round(len(waiting) * _share(request))
            declined = min(round(len(waiting) * request.decline_share), len(waiting) - authorized)
            selected = _sample(waiting, authorized + declined, request.seed)
            for connection in selected[:authorized]:
                self._authorize(connection, platform)
            for connection in selected[authorized:]:
                self._changes.decline(connection)
        return {"waiting": len(waiting), "authorized": authorized, "declined": declined}

    def withdraw(self, request: CustomerRequest) -> dict[str, int]:
        """Let linked customers withdraw, as from within the accounting software; return the numbers of those who were
        linked and of those who withdrew.

        Raises ValueError for an unknown customer.
        """
        with self._store.transaction():
            linked = self._named_linked(request.customers) if request.customers else self._store.linked()
            selected = _sample(linked, round(len(linked) * _share(request)), request.seed)
            for connection in selected:
                self._changes.set_status(connection, "Deauthorized")
        return {"linked": len(linked), "deauthorized": len(selected)}

    def _authorize(self, connection: StoredConnection, platform: Platform | None) -> None:
        company = self._store.company_by_number(connection.company)
        if platform and company:
            self._changes.choose(company, platform)
        else:
            self._changes.authorize(connection)

    def _named_waiting(self, names: Sequence[str]) -> list[StoredConnection]:
        """Return the connection that each named customer would authorize: the pending one, else the newest.

        Customers who have a linked connection are left out.
        """
        return [
            next((each for each in own if each.status == "PendingAuth"), own[-1])
            for own in self._accounting_of(names)
            if own and not any(each.status == "Linked" for each in own)
        ]

    def _named_linked(self, names: Sequence[str]) -> list[StoredConnection]:
        return [each for own in self._accounting_of(names) for each in own if each.status == "Linked"]

    def _accounting_of(self, names: Sequence[str]) -> list[list[StoredConnection]]:
        tags = {name: (Comparison(CUSTOMER_TAG, "=", name),) for name in names}
        companies_of = {name: self._store.companies(tags[name], limit=-1, offset=0) for name in names}
        unknown = [name for name, companies in companies_of.items() if not companies]
        if unknown:
            raise ValueError(f"Unknown customer: {', '.join(unknown)}")
        return [company.accounting for companies in companies_of.values() for company in companies]


def _share(request: CustomerRequest) -> float:
    if request.share is not None:
        if not 0 <= request.share <= 1:
            raise ValueError("A share must be a number from 0 to 1.")
        return request.share
    if not request.customers:
        raise ValueError("Name customers, or give a share of them.")
    return 1.0 - request.decline_share


def _sample(connections: list[StoredConnection], count: int, seed: int | None) -> list[StoredConnection]:
    return random.Random(seed).sample(connections, count)  # noqa: S311 - a simulated choice, no secret


def _platform(key: str | None) -> Platform | None:
    if key is not None and key not in PLATFORMS:
        raise ValueError(f"Unknown platform: {key}")
    return PLATFORMS[key] if key else None
