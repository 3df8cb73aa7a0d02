"""Builds batches as a migration leaves them, and one in which every value is hostile."""

from __future__ import annotations

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from bulk import problems
from bulk.reports.write import write_reports
from unit.reports.journals import Journal

NOW = datetime.now(UTC).replace(microsecond=0)
"""Today, because the page compares links with the browser's clock."""

SCRIPT = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
HOSTILE = (
    f"{SCRIPT}&lt;b&gt;&amp;",
    "<!--<script>",
    "javascript:alert(3)",
    '"><svg onload=alert(4)>',
    '=HYPERLINK("https://evil.example/","x")',
    "'=1+1",
    "\u202eright to left\u2066",
    '\u2028line\u2029ends\r\nand, "quotes"',
    "{{ 7 * 7 }}{% raw %}",
    "x" * 10_000,
    "\N{SMILING FACE WITH OPEN MOUTH}" * 400,
    "-5",
    "",
    "\0\x07",
)
PLATFORMS = ("gbol", "qhyg", "fbrh", "akxx", "trji", "pqsw")


def text(moment: datetime) -> str:
    """Return a time in the journal's form."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def uuid(number: int) -> str:
    """Return a different UUID for each number."""
    return str(UUID(int=(number * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128))


def batch(folder: Path, customers: int = 60, **facts: str) -> Journal:
    """Build a batch with customers of every state and platform, valid and expired links, and rejected rows."""
    journal = Journal(folder, **({"codat": "api.codat.io", "base_url": "https://api.codat.io"} | facts))
    journal.source(["account manager", "region"], rows=customers)
    journal.insert_rows("customers", (_customer(row) for row in range(1, customers + 1) if row % 20))
    journal.insert_rows("rejections", (_rejection(row) for row in range(1, customers + 1) if not row % 20))
    return journal


def hostile(folder: Path) -> Journal:
    """Build a batch in which every value from outside is hostile, in each way."""
    journal = Journal(folder, name=f"<b>{SCRIPT}", codat=SCRIPT, base_url=SCRIPT)
    journal.source([SCRIPT, "=cmd", 'a,b\n"c"', "\u202eheader"], rows=100)
    with closing(journal.connect()) as connection, connection:
        connection.execute("DELETE FROM runs")
    end = text(NOW + timedelta(hours=1))
    journal.run(id=1, input=SCRIPT, version=SCRIPT, stopped=f"{SCRIPT} {HOSTILE[6]}", finished_at=end)
    for row, value in enumerate(HOSTILE, 1):
        extra = {SCRIPT: value, "=cmd": value, 'a,b\n"c"': value, "\u202eheader": value}
        fields: dict[str, Any] = dict.fromkeys(
            (
                "company_name",
                "name",
                "email",
                "platform_key",
                "platform_sent",
                "name_sent",
                "company_id",
                "connection_id",
            ),
            value,
        )
        error = {"error_step": "company", "error_code": value, "error": value, "correlation_id": value}
        status = {"connection_status": value, "partner_status": value, "partner_connection_id": value}
        failed = fields | error | status | {"state": "failed", "updated_at": value}
        journal.customer(row, f"{row}{value}", extra=extra, **failed)
        waiting = {"link_url": value, "link_issued_at": text(NOW)}
        journal.created(row + 20, f"{row + 20}{value}", extra=extra, **(fields | waiting))
        cells = {"customer_id": value, **extra}
        hostile = json.dumps([problems.new("too_many_cells", value, cells=5, expected=4)])
        journal.rejection(row + 40, customer_id=value, company_name=value, email=value, problems=hostile, cells=cells)
        journal.held(row + 60, f"{row + 60}{value}", found=value, cells=cells)
        journal.in_conflict(row + 80, f"{row + 80}{value}", found=value, extra=extra)
        until = text(NOW + timedelta(seconds=row * 20))
        journal.insert("holds", run=1, since=text(NOW), until=until, why=value)
    return journal


def reports(journal: Journal, *, since: datetime | None = None) -> Path:
    """Write the batch's reports and return its page."""
    write_reports(journal.folder, now=NOW, since=since)
    return journal.folder / "report.html"


def _customer(row: int) -> dict[str, object]:
    state = ("link_ready", "complete", "link_ready", "failed", "linked", "pending", "unlinked", "link_ready")[row % 8]
    there = state not in ("failed", "pending")
    company, connection = uuid(row), uuid(-row)
    url = f"https://link-api.codat.io/companies/{company}/connections/{connection}/start?otp={row % 1_000_000:06}"
    issued = NOW - timedelta(hours=30 if row % 16 == 2 else row % 20, seconds=row % 3600)
    name = f"{('Café Ångström', 'Harbour Transport Bakery', 'Müller & Söhne', 'Northgate Joinery')[row % 4]} {row}"
    partner = {"partner_connection_id": uuid(row + 10**9), "partner_status": "Linked"} if state == "complete" else {}
    error = {
        "error_step": "company",
        "error_code": ("400", "422", "500")[row % 3],
        "error": "Codat says: the name is taken by another company of this client",
        "correlation_id": uuid(row + 10**8),
    }
    return {
        "source": 1,
        "row": row,
        "enrolment": 1,
        "customer_id": f"C{row:07}",
        "tag": f"C{row}",
        "company_name": name,
        "name": name,
        "platform_key": PLATFORMS[row % 11 % 6],
        "email": f"accounts{row}@customer.example.com",
        "extra": json.dumps({"account manager": ("Priya Nair", "Tom Becker")[row % 2], "region": f"Region {row % 40}"}),
        "state": state,
        "attempts": row % 3,
        "updated_at": text(NOW - timedelta(seconds=row)),
        "name_sent": name.encode("ascii", "ignore").decode(),
        "platform_sent": PLATFORMS[row % 11 % 6],
        **({"company_id": company, "company_origin": "created", "connection_id": connection} if there else {}),
        **({"connection_status": "PendingAuth" if state == "link_ready" else "Linked"} if there else {}),
        **({"link_url": url, "link_issued_at": text(issued)} if there else {}),
        **partner,
        **(error if state == "failed" else {}),
    }


def _rejection(row: int) -> dict[str, object]:
    values = {"customer_id": f"C{row:07}", "company_name": f"Rejected {row}", "platform": "Zero", "email": None}
    cells = values | {"account manager": "Priya Nair", "region": "North"}
    extra = {"account manager": "Priya Nair", "region": "North"}
    return {
        "source": 1,
        "row": row,
        **values,
        "extra": json.dumps(extra),
        "cells": json.dumps(cells),
        "problems": json.dumps([problems.new("platform_unknown", "Zero", nearest=["Xero"])]),
    }
