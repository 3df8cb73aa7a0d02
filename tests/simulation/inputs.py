"""The user's input file and its edits between runs: rows are added, changed, removed, broken, damaged and corrected."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bulk import problems

COLUMNS = ("customer_id", "company_name", "platform", "email", "note")
PLATFORMS = ("Xero", "qbo", "gbol", "FreeAgent")
# Columns and the values that make a row invalid.
FAULTS = (("company_name", ""), ("platform", "Lotus 1-2-3"), ("email", "nobody"))
DAMAGED = " &amp; Co"  # the end of a name that another program has damaged
STORED_DAMAGE = " &amp Co"  # as Codat would store it


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file; `broken` is its present fault."""

    customer_id: str
    company_name: str
    platform: str
    email: str
    note: str = ""
    broken: tuple[str, str] | None = None

    def cells(self) -> list[str]:
        """Return the cells as they are in the file."""
        cells = {name: str(getattr(self, name)) for name in COLUMNS}
        return list((cells | dict([self.broken] if self.broken else [])).values())


@dataclass
class InputFile:
    """The file and its edits."""

    path: Path
    rng: random.Random
    rows: list[Row] = field(default_factory=list)
    _made: int = 0

    def add(self, number: int) -> None:
        """Add rows at random places."""
        for _ in range(number):
            self._made += 1
            name = f"c{self._made}"
            row = Row(name, f"Company {name}", self.rng.choice(PLATFORMS), f"{name}@example.com")
            broken = self._fault(row) if self.rng.random() < 0.1 else None
            self.rows.insert(self.rng.randint(0, len(self.rows)), replace(row, broken=broken))

    def edit(self) -> str:
        """Make one edit as a person might; return its name."""
        edit = self.rng.choice(("add", "change", "change", "drop", "break", "correct", "repeat"))
        place = self.rng.randrange(len(self.rows))
        row = self.rows[place]
        match edit:
            case "add":
                self.add(self.rng.randint(1, 3))
            case "change":
                self.rows[place] = self._changed(row)
            case "drop" if len(self.rows) > 1:
                del self.rows[place]
            case "break":
                self.rows[place] = replace(row, broken=self._fault(row))
            case "correct":
                self.correct()
            case "repeat":
                self.rows.append(replace(row, note="repeated"))
        return f"{edit} {row.customer_id}"

    def _fault(self, row: Row) -> tuple[str, str]:
        return self.rng.choice((*FAULTS, ("company_name", row.company_name + DAMAGED)))

    def _changed(self, row: Row) -> Row:
        value = f"x{self.rng.randint(0, 9)}@example.com"
        match self.rng.choice(("company_name", "platform", "email", "note")):
            case "company_name":
                return replace(row, company_name=value)
            case "platform":
                return replace(row, platform=self.rng.choice(PLATFORMS))
            case "email":
                return replace(row, email=value)
        return replace(row, note=value)

    def correct(self) -> bool:
        """Correct all rows, and keep the first of those with the same customer. Return whether anything changed."""
        before, named = self.rows, {row.customer_id: row for row in reversed(self.rows)}
        self.rows = [replace(row, broken=None) for row in self.rows if named[row.customer_id] is row]
        return self.rows != before

    def write(self) -> None:
        """Write the file."""
        self._write(self.path, [COLUMNS, *(row.cells() for row in self.rows)])

    def write_corrected(self, rejects: Iterable[tuple[int, str, str]]) -> Path | None:
        """Write a corrected rejects file; return its path, or None if it has no rows.

        Each of `rejects` has the row's number, its customer and its problems.
        """
        by_id = {row.customer_id: replace(row, broken=None) for row in reversed(self.rows)}
        corrected = [
            [*by_id[customer_id].cells(), str(number), problems.reasons(found)]
            for number, customer_id, found in rejects
            if customer_id in by_id and "customer_id_duplicate" not in found
        ]
        path = self.path.with_name("corrected.csv")
        self._write(path, [(*COLUMNS, "row", "reasons"), *corrected])
        return path if corrected else None

    @staticmethod
    def _write(path: Path, rows: Iterable[Sequence[str]]) -> None:
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(rows)
