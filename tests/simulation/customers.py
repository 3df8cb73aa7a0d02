"""People's actions in a scenario: customers link, decline, select other software or withdraw; the portal deletes."""

from __future__ import annotations

import random

from support.records import LINKED, PENDING, Company

from simulation.network import Network
from simulation.trace import Trace

ACTIONS = ("link", "link", "link", "link", "link other software", "decline", "withdraw", "withdraw")
PORTAL_ACTIONS = ("delete the connection", "delete the partner connection", "delete the company")


class Customers:
    """All customers of Codat, and the people who use its portal."""

    def __init__(self, network: Network, rng: random.Random, trace: Trace, *, has_portal: bool) -> None:
        self._network = network
        self._rng = rng
        self._trace = trace
        self._actions = ACTIONS + (PORTAL_ACTIONS if has_portal else ())
        self._done_at: list[float] = []
        self._is_over = False

    def plan(self, begin: float, end: float, actions: int) -> None:
        """Plan this many actions between two moments."""
        for _ in range(actions):
            self._network.at(self._rng.uniform(begin, end), self._act)

    def stop(self) -> None:
        """Cancel all further actions."""
        self._is_over = True

    def done_since(self, moment: float) -> int:
        """Count the actions since a moment of the scenario's clock."""
        return sum(at >= moment for at in self._done_at)

    def _act(self) -> None:
        if self._is_over:
            return
        companies = self._network.codat.companies
        action = self._rng.choice(self._actions)
        chance = self._rng.random()
        if companies:
            company = companies[int(chance * len(companies))]
            if self._do(action, company):
                self._done_at.append(self._network.now)
                self._trace.mark(f"customer: {action}")
                self._trace.note(f"        {company.id} of {company.tags.get('uid')}: {action}")

    def _do(self, action: str, company: Company) -> bool:
        network, codat, own = self._network, self._network.codat, company.accounting
        linked = next((each for each in own if each.status == LINKED), None)
        waiting = next((each for each in own if each.status != LINKED), None)
        partner = next(iter(company.partners), None)
        match action:
            case "link" if waiting and not linked:
                codat.link(waiting)
                network.linked_since[company.id] = network.now
            case "link other software" if waiting and not linked:
                codat.select(company, self._rng.choice(["gbol", "qhyg", "pbtz"]))
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
