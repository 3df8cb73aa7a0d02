"""The differences that the last `verify` found, stored so that the reports can be written again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from bulk.journal import facts, sql

_SQL: Final = sql.load("bulk.journal", "findings.sql")


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference between Codat and the journal. `finding` is its kind, one of those in reports/README.md."""

    finding: str
    customer_id: str | None
    company_id: str | None
    connection_id: str | None
    detail: str
    can_be_adopted: bool = False


def replace_findings(connection: sqlite3.Connection, findings: Iterable[Finding], *, adopts: bool, at: str) -> None:
    """Replace the findings of the last `verify`. With `adopts`, those that can be adopted were adopted."""
    connection.execute(_SQL["clear"])
    for finding in findings:
        values = {name: getattr(finding, name) for name in ("finding", "customer_id", "company_id", "connection_id")}
        adopted = finding.can_be_adopted and adopts
        connection.execute(_SQL["add"], values | {"detail": finding.detail, "adopted": adopted})
    facts.put(connection, {"verified_at": at})
