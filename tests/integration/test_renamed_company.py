"""Somebody renames a company in Codat's portal while its customer has a linkUrl."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from bulk.journal.database import FILE
from bulk.reports.rows import Reader
from integration.crash_runs import ScriptedCodat
from integration.test_any_order_of_commands import Batch, Command, batch


def rename(scripted: ScriptedCodat) -> None:
    """Rename the first company."""
    company = scripted.codat.companies[0]
    company.sent = json.dumps(company.content | {"name": "Another Firm"})[1:]


def links(ours: Batch) -> list[str]:
    """Return the customers to email."""
    with Reader(ours.runs.folder / FILE) as reader:
        return [each for frame in reader.links(datetime.fromtimestamp(0, UTC)) for each in frame["customer_id"]]


def linked_in_results(ours: Batch) -> list[str]:
    """Return the customers whose results have a linkUrl."""
    with Reader(ours.runs.folder / FILE) as reader:
        return [row["customer_id"] for frame in reader.results() for row in frame.to_dicts() if row["link_url"]]


def test_its_link_is_kept_back_until_a_person_retries_the_customer() -> None:
    """It may be another customer's company now."""
    scripted = ScriptedCodat()
    with batch(scripted, customers=2) as ours:
        ours.run(Command.MIGRATE)
        assert links(ours) == ["c0", "c1"]
        rename(scripted)
        assert ours.run(Command.FOLLOW_UP) is None
        assert links(ours) == linked_in_results(ours) == ["c1"]
        assert ours.in_journal()["c0"][4] == "failed"
        ours.run(Command.MIGRATE)
        assert links(ours) == ["c1"]
        ours.run(Command.RETRY)
        assert links(ours) == linked_in_results(ours) == ["c0", "c1"]


def test_a_renamed_company_whose_customer_has_authorized_gets_its_partner_connection() -> None:
    """Its linkUrl is used up. The reports list the names that differ."""
    scripted = ScriptedCodat()
    with batch(scripted) as ours:
        ours.run(Command.MIGRATE)
        rename(scripted)
        scripted.act(0)
        assert ours.run(Command.FOLLOW_UP) is None
        assert ours.in_journal()["c0"][4] == "complete"
        with Reader(ours.runs.folder / FILE) as reader:
            differences = [row for frame in reader.differences() for row in frame.to_dicts()]
        assert [row["customer_id"] for row in differences] == ["c0"]
