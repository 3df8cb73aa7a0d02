"""Stands in for the customers: a share of those who were asked authorize, others decline."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass

from bulk.sandbox.clock import Clock, iso_time
from bulk.sandbox.store import Store, StoredConnection


@dataclass(frozen=True, slots=True)
class Wishes:
    """How large a share of the waiting customers does what; the seed makes the choice repeatable."""

    share: float
    decline_share: float = 0.0
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Decisions:
    """How many customers waited, and what they did."""

    waiting: int
    authorized: int
    declined: int


def decide(store: Store, clock: Clock, wishes: Wishes) -> Decisions:
    """Let customers decide, as one transaction; every waiting one is as likely as the next."""
    waiting = [each.n for each in store.connections_in("PendingAuth")]
    authorized = round(len(waiting) * wishes.share)
    declined = min(round(len(waiting) * wishes.decline_share), len(waiting) - authorized)
    chance = random.Random(wishes.seed)  # noqa: S311 - a made-up choice, no secret
    chosen = chance.sample(waiting, authorized + declined)
    with store.transaction():
        for number in chosen[:authorized]:
            authorize(store, number)
        for number in chosen[authorized:]:
            decline(store, clock, number)
    return Decisions(len(waiting), authorized, declined)


def authorize(store: Store, number: int) -> None:
    """Link a connection, named by its n, and spend its linkUrl."""
    store.change_connection(number, status="Linked", otp_spent=1, errors="[]")


def decline(store: Store, clock: Clock, number: int) -> None:
    """Spend the linkUrl of a connection that its customer does not want; it goes on waiting, with an error to say so.

    Another linkUrl lets the customer think again.
    """
    error = {
        "statusCode": "401",
        "statusText": "Unauthorized",
        "errorMessage": "The customer declined to authorize access.",
        "erroredOnUtc": iso_time(clock.now()),
    }
    store.change_connection(number, otp_spent=1, errors=json.dumps([error]))


def can_open(connection: StoredConnection | None, otp: str, *, now: float, lifetime: float) -> bool:
    """Say whether a linkUrl opens: its password is the last one minted, unused and not expired.

    https://docs.codat.io/auth-flow/authorize-hosted-link: it can be used once, and expires after a day even if unused.
    """
    if connection is None or connection.status == "Linked" or connection.otp_spent:
        return False
    return connection.otp == otp and now < connection.otp_minted + lifetime
