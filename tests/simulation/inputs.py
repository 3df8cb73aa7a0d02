"""The user's file, as it is edited between runs: new rows, changed ones, rows that go, break and are corrected."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from bulk import problems

COLUMNS = ("customer_id", "company_name", "platform", "email", "note")
PLATFORMS = ("Xero", "qbo", "gbol", "FreeAgent")
# What makes a row faulty, and in which column.
FAULTS = (("company_name", ""), ("platform", "Lotus 1-2-3"), ("email", "nobody"))


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the file; `broken` is the fault that is in it now."""

    customer_id: str
    company_name: str
    platform: str
    email: str
    note: str = ""
    broken: tuple[str, str] | None = None

    def cells(self) -> list[str]:
        """Return the cells as they are written."""
        cells = {name: str(getattr(self, name)) for name in COLUMNS}
        return list((cells | dict([self.broken] if self.broken else [])).values())


@dataclass
class InputFile:
    """The file, and what is done to it."""

    path: Path
    rng: random.Random
    rows: list[Row] = field(default_factory=list)
    _made: int = 0

    def add(self, number: int) -> None:
        """Add rows, each somewhere."""
        for _ in range(number):
            self._made += 1
            name = f"c{self._made}"
            row = Row(name, f"Company {name}", self.rng.choice(PLATFORMS), f"{name}@example.com")
            broken = self.rng.choice(FAULTS) if self.rng.random() < 0.1 else None
            self.rows.insert(self.rng.randint(0, len(self.rows)), replace(row, broken=broken))

    def edit(self) -> str:
        """Edit it as a person might; return what was done."""
        what = self.rng.choice(("add", "change", "change", "drop", "break", "correct", "repeat"))
        place = self.rng.randrange(len(self.rows))
        row = self.rows[place]
        match what:
            case "add":
                self.add(self.rng.randint(1, 3))
            case "change":
                self.rows[place] = self._changed(row)
            case "drop" if len(self.rows) > 1:
                del self.rows[place]
            case "break":
                self.rows[place] = replace(row, broken=self.rng.choice(FAULTS))
            case "correct":
                self.correct()
            case "repeat":
                self.rows.append(replace(row, note="once more"))
        return f"{what} {row.customer_id}"

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
        """Take the faults out of all rows; of those that name a customer twice the first stays. Gives if any was."""
        before, named = self.rows, {row.customer_id: row for row in reversed(self.rows)}
        self.rows = [replace(row, broken=None) for row in self.rows if named[row.customer_id] is row]
        return self.rows != before

    def write(self) -> None:
        """Save it."""
        self._write(self.path, [COLUMNS, *(row.cells() for row in self.rows)])

    def write_corrected(self, rejects: Iterable[tuple[int, str, str]]) -> Path | None:
        """Correct the rejects file: number, customer and problems of each row. Return its path if there is any."""
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
