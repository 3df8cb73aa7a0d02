"""Stands in for the customers: some of those who were asked authorize, others decline; some take it back later."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass

from bulk.sandbox.changes import Changes
from bulk.sandbox.clock import Clock, iso_time
from bulk.sandbox.platforms import PLATFORMS, Platform
from bulk.sandbox.store import Store, StoredCompany, StoredConnection


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """Who does what: a share of the waiting customers, chosen by chance, or those who are named by their identifier.

    The seed makes the choice repeatable. With `platform`, who authorizes takes that software, whichever was asked for.
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
    """How many customers were linked, and how many of them took it back."""

    linked: int
    deauthorized: int


class Customers:
    """All customers; `tag` is the one that holds a customer's identifier."""

    def __init__(self, store: Store, changes: Changes, clock: Clock, *, tag: str = "uid") -> None:
        self._store = store
        self._changes = changes
        self._clock = clock
        self._tag = tag

    def decide(self, wishes: AuthorizationRequest) -> Decisions:
        """Let customers decide, as one transaction; every waiting one is as likely as the next.

        Raises ValueError if one who is named, or the platform, is not there.
        """
        platform = _platform(wishes.platform)
        with self._store.transaction():
            waiting = self._named_waiting(wishes.customers) if wishes.customers else list(self._store.waiting())
            authorized = round(len(waiting) * _share(wishes))
            declined = min(round(len(waiting) * wishes.decline_share), len(waiting) - authorized)
            chosen = _sample(waiting, authorized + declined, wishes.seed)
            for number in chosen[:authorized]:
                self._authorize(number, platform)
            for connection in filter(None, map(self._store.connection_by_number, chosen[authorized:])):
                decline(self._store, self._clock, connection)
        return Decisions(len(waiting), authorized, declined)

    def withdraw(self, wishes: AuthorizationRequest) -> Withdrawals:
        """Let linked customers take their authorization back, from within the accounting software."""
        with self._store.transaction():
            linked = self._named_linked(wishes.customers) if wishes.customers else list(self._store.linked())
            chosen = _sample(linked, round(len(linked) * _share(wishes)), wishes.seed)
            for connection in filter(None, map(self._store.connection_by_number, chosen)):
                self._changes.set_status(connection, "Deauthorized")
        return Withdrawals(len(linked), len(chosen))

    def _authorize(self, number: int, platform: Platform | None) -> None:
        connection = self._store.connection_by_number(number)
        company = self._store.company_by_number(connection.company) if connection else None
        if company and platform:
            choose(self._changes, company, platform)
        elif connection:
            authorize(self._changes, connection)

    def _named_waiting(self, names: Sequence[str]) -> list[int]:
        """Give what each would authorize: what waits for it, else what was linked last; nothing if one is linked."""
        return [
            next((each.n for each in mine if each.status == "PendingAuth"), mine[-1].n)
            for mine in self._connections_of(names)
            if mine and not any(each.status == "Linked" for each in mine)
        ]

    def _named_linked(self, names: Sequence[str]) -> list[int]:
        return [each.n for mine in self._connections_of(names) for each in mine if each.status == "Linked"]

    def _connections_of(self, names: Sequence[str]) -> list[list[StoredConnection]]:
        companies = {name: self._store.companies_tagged(self._tag, name) for name in names}
        missing = [name for name, found in companies.items() if not found]
        if missing:
            raise ValueError(f"There is no customer {', '.join(missing)}.")
        return [accounting(company) for found in companies.values() for company in found]


def accounting(company: StoredCompany) -> list[StoredConnection]:
    """Give the connections to accounting software, in order of creation."""
    return [each for each in company.connections if each.source_type == "Accounting"]


def authorize(changes: Changes, connection: StoredConnection) -> None:
    """Link a connection, and spend its linkUrl."""
    changes.set_status(connection, "Linked", otp_spent=1, errors="[]")


def choose(changes: Changes, company: StoredCompany, platform: Platform) -> None:
    """Link the software that a customer really has; if another was asked for, that connection goes on waiting."""
    same = [each for each in accounting(company) if each.platform_key == platform.key]
    authorize(changes, same[-1] if same else changes.add(company, platform, status="PendingAuth", chosen=True))


def decline(store: Store, clock: Clock, connection: StoredConnection) -> None:
    """Spend the linkUrl of a connection that its customer does not want; it goes on waiting, with an error to say so.

    Another linkUrl lets the customer think again.
    """
    error = {
        "statusCode": "401",
        "statusText": "Unauthorized",
        "errorMessage": "The customer declined to authorize access.",
        "erroredOnUtc": iso_time(clock.now()),
    }
    store.change_connection(connection.n, otp_spent=1, errors=json.dumps([error]))


def can_open(connection: StoredConnection | None, otp: str, *, now: float, lifetime: float) -> bool:
    """Say whether a linkUrl opens: its password is the last one minted, unused and not expired.

    https://docs.codat.io/auth-flow/authorize-hosted-link: it can be used once, and expires after a day even if unused.
    """
    if connection is None or connection.status == "Linked" or connection.otp_spent:
        return False
    return connection.otp == otp and now < connection.otp_minted + lifetime


def _share(wishes: AuthorizationRequest) -> float:
    if wishes.share is not None:
        if not 0 <= wishes.share <= 1:
            raise ValueError("A share is a number from 0 to 1.")
        return wishes.share
    if not wishes.customers:
        raise ValueError("Say who: a share of the customers, or which.")
    return 1.0 - wishes.decline_share


def _sample(numbers: list[int], count: int, seed: int | None) -> list[int]:
    return random.Random(seed).sample(numbers, count)  # noqa: S311 - a made-up choice, no secret


def _platform(key: str | None) -> Platform | None:
    if key is not None and key not in PLATFORMS:
        raise ValueError(f"There is no platform {key}.")
    return PLATFORMS[key] if key else None
