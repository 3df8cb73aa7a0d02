"""Watches that nothing is created twice, whichever batch asks for it.

A second thing is excused only if no sender could prevent it: Codat has forgotten the key of the first one or ignores
keys, and no list that the second sender has read shows the first one.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

from support.fake_codat import FakeCodat
from support.idempotency import KEY_LIFETIME
from support.records import LINKED, NEVER, PENDING, Company

from simulation.portal import Portal
from simulation.trace import Broken


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that has created a company or a connection."""

    sender: str
    at: float
    tag: str = ""  # of a company's customer


class Once:
    """Remembers who has created what, and what each sender has seen."""

    def __init__(self, codat: FakeCodat, portal: Portal, *, honours_keys: bool) -> None:
        """Watch this Codat, in which a person may have changed tags."""
        self._key_lifetime = KEY_LIFETIME if honours_keys else 0.0
        self._codat = codat
        self._portal = portal
        self.origins: dict[str, Origin] = {}  # companies and connections
        self.excused: set[str] = set()  # tags of customers with two things that no sender could prevent
        # Senders and tags of customers ("" for a list of all), and the time of the state that the list has last shown.
        self._listed_at: dict[tuple[str, str], float] = {}

    def note_list(self, sender: str, path: str, *, at: float) -> None:
        """Remember that a list has shown the state of a moment to a sender."""
        tag = path.partition("bulk_uid%3D")[2] if "tags=" in path else ""
        self._listed_at[sender, tag] = at

    def note_created(self, sender: str, body: str, *, at: float) -> None:
        """Remember who has created the company or the connection of a response."""
        created = json.loads(body)
        self.origins[created["id"]] = Origin(sender, at, (created.get("tags") or {}).get("bulk_uid", ""))

    def require(self, sender: str) -> None:
        """Raise Broken as soon as a duplicate exists that a key or a look-up could have prevented."""
        groups: defaultdict[str, list[str]] = defaultdict(list)
        for company in self._codat.companies:
            if company.id not in self._portal.retagged:
                groups[company.tags["bulk_uid"]].append(company.id)
            for kind, connections in _created_connections(company).items():
                groups[f"{company.id} {kind}"] = connections
        for name, created in groups.items():
            if len(created) > 1 and name not in self.excused:
                if not self._is_excused(sender, created):
                    raise Broken(f"created twice: {name}")
                self.excused |= {name, self._tag_of(name)}

    def _tag_of(self, name: str) -> str:
        """Return the customer's tag of a group: the name itself, or the tag of the company that it begins with."""
        company = self.origins.get(name.partition(" ")[0])
        return company.tag if company else name

    def _is_excused(self, sender: str, created: list[str]) -> bool:
        first, last = (self.origins[each] for each in created[-2:])
        is_forgotten = last.at - first.at >= self._key_lifetime or self._was_deleted(last.tag)
        listed_at = max(self._listed_at.get((sender, tag), 0.0) for tag in ("", last.tag))
        return first.sender != sender and is_forgotten and listed_at <= first.at

    def _was_deleted(self, tag: str) -> bool:
        """Return whether a customer's company was deleted: the one who did it uses the next key, and others do not."""
        return any(each.deleted_at != NEVER and each.tags.get("bulk_uid") == tag for each in self._codat.all_companies)


def _created_connections(company: Company) -> dict[str, list[str]]:
    """Return the connections that a client has created, by kind. The customer's own ones do not count."""
    created: defaultdict[str, list[str]] = defaultdict(list)
    for each in company.connections:
        if each.status in (PENDING, LINKED) and not each.is_chosen:
            created[each.source_type].append(each.id)
    return created
