"""A person in Codat's portal who renames and retags companies, and the names and tags that companies had before."""

from __future__ import annotations

import json
import random
from collections import defaultdict

from support.fake_codat import FakeCodat
from support.records import Company

EDITS = (
    "rename",
    "take a name",
    "remove the tags",
    "remove a tag",
    "swap the tags",
    "take the tags",
    "change the owner",
)
OWN_TAGS = ("uid", "bulk_uid", "bulk_batch", "bulk_source")


class Portal:
    """Codat's portal. It remembers what a person has changed: the judge excuses what follows from it."""

    def __init__(self, codat: FakeCodat) -> None:
        """Open the portal of this client."""
        self._codat = codat
        self.names: defaultdict[str, set[str]] = defaultdict(set)  # companies, and their names before a person came
        self.renamed: set[str] = set()  # companies
        self.retagged: set[str] = set()  # companies
        self.touched_tags: set[str] = set()  # of customers: a person has given them a company, or taken one

    def names_of(self, company: Company) -> set[str]:
        """Return all names that a company has had."""
        return {*self.names[company.id], company.content["name"]}

    def edit(self, rng: random.Random) -> str | None:
        """Make one edit as a person might; return its name, or None if there is nothing to edit."""
        companies = self._codat.companies
        if not companies:
            return None
        company, other, edit = rng.choice(companies), rng.choice(companies), rng.choice(EDITS)
        match edit:
            case "rename":
                self._rename(company, f"Renamed {rng.randint(0, 9)}")
            case "take a name":
                self._rename(company, other.content["name"])
            case "remove the tags":
                self._retag(company, {"team": "north"})
            case "remove a tag":
                tag = rng.choice(OWN_TAGS)
                self._retag(company, {name: value for name, value in company.tags.items() if name != tag})
            case "swap the tags":
                tags = company.tags
                self._retag(company, other.tags)
                self._retag(other, tags)
            case "take the tags":
                self._retag(company, other.tags)
            case "change the owner":
                self._retag(company, company.tags | {"uid": f"{company.tags.get('uid', '')} of another system"})
        return f"{company.id} of {company.tags.get('uid')}: {edit}"

    def remove_tags(self, company: Company) -> None:
        """Remove all tags of a company."""
        self._retag(company, {})

    def _rename(self, company: Company, name: str) -> None:
        self.names[company.id].add(company.content["name"])
        self.renamed.add(company.id)
        self._write(company, company.content | {"name": name})

    def _retag(self, company: Company, tags: dict[str, str]) -> None:
        before = company.tags
        self.retagged.add(company.id)
        self.touched_tags |= {each["bulk_uid"] for each in (before, tags) if "bulk_uid" in each}
        self._write(company, company.content | {"tags": tags})

    def _write(self, company: Company, content: object) -> None:
        self._codat.describe(company, json.dumps(content, ensure_ascii=False, separators=(",", ":")))
