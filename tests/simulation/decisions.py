"""A person decides conflicts: accepts or edits the row, separates systems with --source, or corrects the portal."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bulk.model import customer_tag
from simulation.inputs import InputFile
from simulation.network import Network
from simulation.trace import Trace

DAMAGED_NAME = "company_name_damaged"


@dataclass(frozen=True, slots=True)
class Conflict:
    """A row in conflict."""

    customer_id: str
    problems: str  # JSON
    tag: str | None = None  # of the customer, if the conflict is with a company in Codat

    @property
    def code(self) -> str:
        """The kind of conflict."""
        return str(json.loads(self.problems)[0]["code"])

    @property
    def found(self) -> str:
        """What was found: a company's or a customer's name, or another identifier."""
        return str(json.loads(self.problems)[0]["found"])


class Decisions:
    """The decisions about the conflicts of one batch."""

    def __init__(self, rng: random.Random, network: Network, trace: Trace) -> None:
        """Decide nothing yet."""
        self._rng = rng
        self._network = network
        self._trace = trace
        self.accepted: set[str] = set()  # customers

    def separates(self, found: Sequence[Conflict]) -> bool:
        """Return whether the person begins a batch of its own with --source."""
        is_other = any(each.code == "other_name" for each in found)
        separates = is_other and self._rng.random() < 0.15
        if separates:
            self._note("source", found[0])
        return separates

    def decide(self, found: Sequence[Conflict], file: InputFile, *, is_final: bool) -> frozenset[str]:
        """Decide each conflict; return the customers to accept."""
        accepts = set()
        for conflict in found:
            decision = "portal" if is_final else self._rng.choice(("accept", "accept", "edit", "portal"))
            if decision == "portal" and conflict.code == DAMAGED_NAME:
                decision = "edit"  # Codat has nothing to correct
            self._note(decision, conflict)
            match decision:
                case "accept":
                    accepts.add(conflict.customer_id)
                case "edit" if conflict.code in ("other_name", "other_customer", DAMAGED_NAME):
                    _edit(file, conflict)
                case _:
                    self._correct_portal(conflict)
        self.accepted |= accepts
        return frozenset(accepts)

    def _correct_portal(self, conflict: Conflict) -> None:
        """Remove the tags of the companies that are not the customer's."""
        tag = conflict.tag or customer_tag(conflict.customer_id)
        for company in self._network.codat.companies:
            if tag in (company.tags.get("bulk_uid"), customer_tag(company.tags.get("uid", ""))):
                self._network.portal.remove_tags(company)

    def _note(self, decision: str, conflict: Conflict) -> None:
        self._trace.note(f"a person decides {conflict.code} of {conflict.customer_id}: {decision}")
        self._trace.mark(f"{conflict.code} decided: {decision}")


def _edit(file: InputFile, conflict: Conflict) -> None:
    """Change the name in the customer's rows to the one that was found."""
    file.rows = [
        replace(row, company_name=conflict.found, broken=None) if row.customer_id == conflict.customer_id else row
        for row in file.rows
    ]
