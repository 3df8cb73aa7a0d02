"""Writes input files of any number of customers: six columns, the same rows on every call."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from pathlib import Path

COLUMNS = ("customer_id", "company_name", "platform", "email", "description", "account_manager")
PLATFORMS = (
    "Xero",
    "QuickBooks Online",
    "QBO",
    "quickbooks-online",
    "FreeAgent",
    "NetSuite",
    "gbol",
    "Business Central",
)
KINDS = ("Bakery", "Joinery", "Logistics", "Design", "Dental Care", "Brewing", "Consulting", "Garage")
PLACES = (
    "Harbour Lane",
    "Northgate",
    "Elm Street",
    "Riverside",
    "Old Mill",
    "Castle Hill",
    "Market Square",
    "Westfield",
)
FOREIGN = ("Café Ångström", "Müller & Söhne", "O’Brien – Daughters", "Société Générale d’Été", "Łódź Metal")
MANAGERS = ("Priya Nair", "Tom Becker", "Ana Sousa", "")
FAULTY = (
    {"platform": "Quickboks"},
    {"platform": ""},
    {"email": "not an address"},
    {"company_name": "株式会社"},
    {"customer_id": ""},
    {"customer_id": "C0000001"},
)


def write(path: Path, customers: int, *, faulty: float = 0.0) -> Path:
    """Write a CSV file of this many rows. The share `faulty` is invalid, and 3% have a foreign name."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows(_rows(customers, faulty))
    return path


def _rows(customers: int, faulty: float) -> Iterator[tuple[str, ...]]:
    rng = random.Random(1)  # noqa: S311 - the rows must be the same every time
    for number in range(1, customers + 1):
        name = f"{rng.choice(PLACES)} {rng.choice(KINDS)} {number}"
        row = {
            "customer_id": f"C{number:07}",
            "company_name": f"{rng.choice(FOREIGN)} {number}" if rng.random() < 0.03 else name,
            "platform": rng.choice(PLATFORMS),
            "email": f"accounts{number}@example.com" if rng.random() < 0.9 else "",
            "description": f"{rng.choice(KINDS)}, customer since {2000 + number % 26}" if rng.random() < 0.5 else "",
            "account_manager": rng.choice(MANAGERS),
        }
        if number > 1 and rng.random() < faulty:
            row |= rng.choice(FAULTY)
        yield tuple(row[column] for column in COLUMNS)
