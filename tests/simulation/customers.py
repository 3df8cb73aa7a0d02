"""What people do meanwhile: customers link, decline, choose other software, take it back; the portal deletes."""

from __future__ import annotations

import random

from bulk.sandbox.customers import accounting, authorize, choose, decline
from bulk.sandbox.platforms import PLATFORMS
from bulk.sandbox.selection import order
from bulk.sandbox.store import EVERYTHING, StoredCompany
from simulation.codat import Codat
from simulation.trace import Trace

DEEDS = ("link", "link", "link", "link", "link other software", "decline", "withdraw", "withdraw")
OF_THE_PORTAL = ("delete the connection", "delete the partner connection", "delete the company")


class Customers:
    """All customers of Codat, and who works in its portal."""

    def __init__(self, codat: Codat, rng: random.Random, trace: Trace, *, has_portal: bool) -> None:
        self._codat = codat
        self._rng = rng
        self._trace = trace
        self._deeds = DEEDS + (OF_THE_PORTAL if has_portal else ())
        self._done_at: list[float] = []
        self._is_over = False

    def plan(self, begin: float, end: float, deeds: int) -> None:
        """Have so many deeds done between two moments."""
        for _ in range(deeds):
            self._codat.at(self._rng.uniform(begin, end), self._act)

    def stop(self) -> None:
        """Let nobody do anything any more."""
        self._is_over = True

    def done_since(self, moment: float) -> int:
        """Count the deeds since a moment of the story's clock."""
        return sum(at >= moment for at in self._done_at)

    def _act(self) -> None:
        if self._is_over:
            return
        store = self._codat.store
        companies = store.companies(EVERYTHING, order_by=order(None), limit=1000, offset=0)
        deed = self._rng.choice(self._deeds)
        chance = self._rng.random()
        if companies:
            company = companies[int(chance * len(companies))]
            with store.transaction():
                if self._do(deed, company):
                    self._done_at.append(self._codat.clock.at)
                    self._trace.note(f"        {company.id} of {company.tags.get('uid')}: {deed}")

    def _do(self, deed: str, company: StoredCompany) -> bool:
        codat, own = self._codat, accounting(company)
        linked = next((each for each in own if each.status == "Linked"), None)
        waiting = next((each for each in own if each.status != "Linked"), None)
        partner = next((each for each in company.connections if each.source_type == "Expense"), None)
        match deed:
            case "link" if waiting and not linked:
                authorize(codat.changes, waiting)
                codat.linked_since[company.id] = codat.clock.at
            case "link other software" if waiting and not linked:
                choose(codat.changes, company, PLATFORMS[self._rng.choice(["gbol", "qhyg", "pbtz"])])
                codat.linked_since[company.id] = codat.clock.at
            case "decline" if waiting and waiting.status == "PendingAuth" and not linked:
                decline(codat.store, codat.clock, waiting)
            case "withdraw" if linked:
                codat.changes.set_status(linked, "Deauthorized")
            case "delete the connection" if own:
                codat.deletions += 1
                codat.changes.delete_connection(own[-1])
            case "delete the partner connection" if partner:
                codat.deletions += 1
                codat.changes.delete_connection(partner)
            case "delete the company":
                codat.deletions += 1
                codat.changes.delete_company(company)
            case _:
                return False
        return True
