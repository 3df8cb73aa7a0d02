"""Checks at the end of a scenario that the journal and Codat agree, and that no work is left."""

from __future__ import annotations

from typing import Any

from support.records import LINKED, Company

from simulation.judge import Judge, require
from simulation.trace import Broken

ENDED = ("Unlinked", "Deauthorized")


class FinalJudge(Judge):
    """Compares the journal with Codat when everything is over."""

    def known(self) -> dict[str, tuple[Any, ...]]:
        """Return the journal's facts about each customer with a company in Codat."""
        return {
            row[0]: row[1:]
            for row in self.rows(
                "SELECT tag, company_id, connection_id, connection_status, partner_connection_id, state, presence "
                "FROM customers WHERE company_id IS NOT NULL AND (connection_status IS NOT 'Deleted' "
                "OR error_step IS NOT 'company')"
            )
        }

    def is_over(self) -> bool:
        """Return whether the journal matches Codat and no work is left."""
        try:
            self.require_same_as_codat()
            self.require_all_done()
        except Broken:
            return False
        return True

    def require_same_as_codat(self) -> None:
        """Check that the journal and Codat have the same companies, connections, statuses and states."""
        skipped = self.portal.touched_tags | self.network.once.excused
        companies = [each for each in self.companies() if not self.is_touched(each)]
        known = {tag: row for tag, row in self.known().items() if tag not in skipped}
        present = {row[0] for row in self.rows("SELECT tag FROM customers")} - skipped
        left = {row[0] for row in self.rows("SELECT tag FROM customers WHERE presence = 'removed'")} - known.keys()
        expected = [
            each
            for each in companies
            if each.tags["bulk_uid"] in present
            # What another batch has created since is not looked for when the customer has left this input.
            and (each.tags["bulk_uid"] not in left or self.network.once.origins[each.id].sender == self.label)
        ]
        there = {company.tags["bulk_uid"]: company for company in expected}
        require(len(there) == len(expected), "a customer has two companies")
        require(known.keys() == there.keys(), f"the journal has {sorted(known)}, Codat has {sorted(there)}")
        for tag, company in there.items():
            _compare(company.tags["uid"], known[tag], company)
        own = [each for each in companies if self.network.once.origins[each.id].sender == self.label]
        unmatched = [each.tags["uid"] for each in own if each.tags["bulk_uid"] not in present | skipped]
        conditions = self.conditions
        require(
            not unmatched or self.has_lost_journal or conditions.max_delay or conditions.max_lag,
            f"Codat has {unmatched}, and the journal does not know them",
        )

    def require_no_findings(self) -> None:
        """Check that the last `verify` found nothing about the customers of the input, except known deletions.

        A second connection of a customer who has selected other software is allowed, and so is an edited name.
        """
        skipped = self.portal.touched_tags | self.network.once.excused
        findings = [
            row
            for row in self.rows(
                "SELECT finding, customer_id, detail, tag FROM findings JOIN customers USING (customer_id) "
                "WHERE finding NOT IN ('extra_connection', 'different_name') "
                "AND detail NOT LIKE '%(known to be deleted)' AND presence = 'present'"
            )
            if row[3] not in skipped
        ]
        require(not findings, f"verify has found {findings}")

    def require_all_done(self) -> None:
        """Check that no customer of the input has work left."""
        waiting = self.rows(
            "SELECT customer_id, state, error FROM customers "
            "WHERE presence = 'present' AND state IN ('pending', 'failed', 'linked', 'conflict')"
        )
        waiting += self.conflicts()
        require(not waiting, f"these customers have work left: {waiting}")


def _compare(uid: str, known: tuple[Any, ...], company: Company) -> None:
    company_id, connection_id, status, partner_id, state, presence = known
    require(company_id == company.id, f"{uid} has {company.id}, and the journal has {company_id}")
    own = {each.id: each.status for each in company.accounting}
    partners = [each.id for each in company.partners]
    if not own:
        require(status in (None, "Deleted"), f"{uid} has no connection, and the journal has {status}")
        return
    require(connection_id in own, f"{uid} has {own}, and the journal has {connection_id}")
    require(own[connection_id] == status, f"{uid} has {own}, and the journal has {connection_id} {status}")
    require(LINKED not in own.values() or status == LINKED, f"{uid} has linked {own}, and the journal has {status}")
    if status == LINKED:
        require(partner_id is None or partner_id in partners, f"{uid} has {partners}, the journal has {partner_id}")
        require(not partners or partner_id is not None, f"{uid} has {partners}, and the journal has none")
    expected = _state(status, has_partner=partner_id is not None)
    if presence == "removed" and state == "pending" and expected == "link_ready":
        return  # a list shows no linkUrl that opens, and none is requested for a customer who has left the input
    require(state in (expected, "failed"), f"{uid} is {state}, and should be {expected}")


def _state(status: str, *, has_partner: bool) -> str:
    if status == LINKED:
        return "complete" if has_partner else "linked"
    return "unlinked" if status in ENDED else "link_ready"
