"""What people do meanwhile: customers link, decline, choose other software, take it back; the portal deletes."""

from __future__ import annotations

import random

from support.records import LINKED, PENDING, Company

from simulation.network import Network
from simulation.trace import Trace

DEEDS = ("link", "link", "link", "link", "link other software", "decline", "withdraw", "withdraw")
OF_THE_PORTAL = ("delete the connection", "delete the partner connection", "delete the company")


class Customers:
    """All customers of Codat, and who works in its portal."""

    def __init__(self, network: Network, rng: random.Random, trace: Trace, *, has_portal: bool) -> None:
        self._network = network
        self._rng = rng
        self._trace = trace
        self._deeds = DEEDS + (OF_THE_PORTAL if has_portal else ())
        self._done_at: list[float] = []
        self._is_over = False

    def plan(self, begin: float, end: float, deeds: int) -> None:
        """Have this many actions done between two moments."""
        for _ in range(deeds):
            self._network.at(self._rng.uniform(begin, end), self._act)

    def stop(self) -> None:
        """Let nobody do anything any more."""
        self._is_over = True

    def done_since(self, moment: float) -> int:
        """Count the deeds since a moment of the story's clock."""
        return sum(at >= moment for at in self._done_at)

    def _act(self) -> None:
        if self._is_over:
            return
        companies = self._network.codat.companies
        deed = self._rng.choice(self._deeds)
        chance = self._rng.random()
        if companies:
            company = companies[int(chance * len(companies))]
            if self._do(deed, company):
                self._done_at.append(self._network.now)
                self._trace.note(f"        {company.id} of {company.tags.get('uid')}: {deed}")

    def _do(self, deed: str, company: Company) -> bool:
        network, codat, own = self._network, self._network.codat, company.accounting
        linked = next((each for each in own if each.status == LINKED), None)
        waiting = next((each for each in own if each.status != LINKED), None)
        partner = next(iter(company.partners), None)
        match deed:
            case "link" if waiting and not linked:
                codat.link(waiting)
                network.linked_since[company.id] = network.now
            case "link other software" if waiting and not linked:
                codat.choose(company, self._rng.choice(["gbol", "qhyg", "pbtz"]))
                network.linked_since[company.id] = network.now
            case "decline" if waiting and waiting.status == PENDING and not linked:
                codat.decline(waiting)
            case "withdraw" if linked:
                codat.deauthorize(linked)
            case "delete the connection" if own:
                network.deletions += 1
                codat.delete_connection(own[-1])
            case "delete the partner connection" if partner:
                network.deletions += 1
                codat.delete_connection(partner)
            case "delete the company":
                network.deletions += 1
                codat.delete_company(company)
            case _:
                return False
        return True
