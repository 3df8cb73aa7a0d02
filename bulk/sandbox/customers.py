"""The customers: some of those with a link authorize, others decline; some withdraw later."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bulk.sandbox.changes import Changes
from bulk.sandbox.clock import Clock, iso_time
from bulk.sandbox.platforms import PLATFORMS, Platform
from bulk.sandbox.query import Comparison
from bulk.sandbox.store import Store, StoredCompany, StoredConnection

CUSTOMER_TAG = "uid"  # the tag with a customer's identifier


@dataclass(frozen=True, slots=True)
class CustomerRequest:
    """The customers who act: a share of the possible ones, chosen by chance, or those named by their identifier.

    The seed makes the choice repeatable. With `platform`, customers connect that software, whatever the client asked
    for.
    """

    share: float | None = None
    decline_share: float = 0.0
    seed: int | None = None
    customers: Sequence[str] = ()
    platform: str | None = None


@dataclass(frozen=True, slots=True)
class Decisions:
    """How many customers waited, and what they did."""

    waiting: int
    authorized: int
    declined: int


@dataclass(frozen=True, slots=True)
class Withdrawals:
    """How many customers were linked, and how many of them withdrew."""

    linked: int
    deauthorized: int


class Customers:
    """All customers of a sandbox."""

    def __init__(self, store: Store, changes: Changes, clock: Clock) -> None:
        self._store = store
        self._changes = changes
        self._clock = clock

    def decide(self, request: CustomerRequest) -> Decisions:
        """Let customers authorize or decline, in one transaction.

        Raises ValueError for an unknown customer or platform.
        """
        platform = _platform(request.platform)
        with self._store.transaction():
            waiting = self._named_waiting(request.customers) if request.customers else self._store.waiting()
            authorized = round(len(waiting) * _share(request))
            declined = min(round(len(waiting) * request.decline_share), len(waiting) - authorized)
            chosen = _sample(waiting, authorized + declined, request.seed)
            for connection in self._connections(chosen[:authorized]):
                self._authorize(connection, platform)
            for connection in self._connections(chosen[authorized:]):
                decline(self._store, self._clock, connection)
        return Decisions(len(waiting), authorized, declined)

    def withdraw(self, request: CustomerRequest) -> Withdrawals:
        """Let linked customers withdraw from within the accounting software. Raises ValueError as `decide` does."""
        with self._store.transaction():
            linked = self._named_linked(request.customers) if request.customers else self._store.linked()
            chosen = _sample(linked, round(len(linked) * _share(request)), request.seed)
            for connection in self._connections(chosen):
                self._changes.set_status(connection, "Deauthorized")
        return Withdrawals(len(linked), len(chosen))

    def _authorize(self, connection: StoredConnection, platform: Platform | None) -> None:
        company = self._store.company_by_number(connection.company)
        if platform and company:
            choose(self._store, self._changes, company, platform)
        else:
            authorize(self._store, self._changes, connection)

    def _connections(self, numbers: Sequence[int]) -> list[StoredConnection]:
        return [each for each in map(self._store.connection_by_number, numbers) if each]

    def _named_waiting(self, names: Sequence[str]) -> list[int]:
        """Return what each named customer would authorize: the connection that waits, else the newest one.

        Nothing for a customer who has linked one.
        """
        return [
            next((each.n for each in own if each.status == "PendingAuth"), own[-1].n)
            for own in self._accounting_of(names)
            if own and not any(each.status == "Linked" for each in own)
        ]

    def _named_linked(self, names: Sequence[str]) -> list[int]:
        return [each.n for own in self._accounting_of(names) for each in own if each.status == "Linked"]

    def _accounting_of(self, names: Sequence[str]) -> list[list[StoredConnection]]:
        found = {name: self._companies_of(name) for name in names}
        unknown = [name for name, companies in found.items() if not companies]
        if unknown:
            raise ValueError(f"Unknown customer: {', '.join(unknown)}")
        return [accounting(company) for companies in found.values() for company in companies]

    def _companies_of(self, name: str) -> list[StoredCompany]:
        return self._store.companies((Comparison(CUSTOMER_TAG, "=", name),), limit=-1, offset=0)


def accounting(company: StoredCompany) -> list[StoredConnection]:
    """Return the connections to accounting software, in order of creation."""
    return [each for each in company.connections if each.source_type == "Accounting"]


def authorize(store: Store, changes: Changes, connection: StoredConnection) -> None:
    """Link a connection, and spend its linkUrl."""
    store.spend_link(connection, errors=())
    changes.set_status(connection, "Linked")


def choose(store: Store, changes: Changes, company: StoredCompany, platform: Platform) -> None:
    """Link the software that a customer really has. A connection that the client asked for stays as it is."""
    same = [each for each in accounting(company) if each.platform_key == platform.key]
    connection = same[-1] if same else changes.add(company, platform, status="PendingAuth")
    authorize(store, changes, connection)


def decline(store: Store, clock: Clock, connection: StoredConnection) -> None:
    """Spend the linkUrl of a customer who declines: the connection stays pending, with an error.

    The customer can still authorize with another linkUrl.
    """
    error = {
        "statusCode": "401",
        "statusText": "Unauthorized",
        "errorMessage": "The customer declined to authorize access.",
        "erroredOnUtc": iso_time(clock.now()),
    }
    store.spend_link(connection, errors=(error,))


def can_open(connection: StoredConnection | None, otp: str, *, now: float, lifetime: float) -> bool:
    """Return whether a linkUrl opens: its password was minted last, and is neither spent nor expired.

    https://docs.codat.io/auth-flow/authorize-hosted-link: it can be used once, and expires after a day even if unused.
    """
    if connection is None or connection.status == "Linked" or connection.otp_spent:
        return False
    return connection.otp == otp and now < connection.otp_minted + lifetime


def _share(request: CustomerRequest) -> float:
    if request.share is not None:
        if not 0 <= request.share <= 1:
            raise ValueError("A share must be a number from 0 to 1.")
        return request.share
    if not request.customers:
        raise ValueError("Name customers, or give a share of them.")
    return 1.0 - request.decline_share


def _sample(numbers: list[int], count: int, seed: int | None) -> list[int]:
    return random.Random(seed).sample(numbers, count)  # noqa: S311 - a simulated choice, no secret


def _platform(key: str | None) -> Platform | None:
    if key is not None and key not in PLATFORMS:
        raise ValueError(f"Unknown platform: {key}")
    return PLATFORMS[key] if key else None
