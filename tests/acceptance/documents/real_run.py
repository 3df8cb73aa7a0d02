"""What the documents leave to people in a real run: an export, corrected rows, customers that authorize."""

from __future__ import annotations

import csv
from pathlib import Path

from acceptance.documents.commands import ROOT, Command
from bulk.sandbox.launch import Running, ask
from bulk.sandbox.options import WEBHOOK_SECRET

ROWS = 12
FIXED = {"00126": ("company_name", "Sakura"), "00128": ("platform", "Xero")}
LEAVERS = ("00101", "00102")  # they authorize, and are unlinked later


def account(codat: Running) -> dict[str, str]:
    """Return the environment in which a command uses this sandbox as if it were Codat."""
    return {
        "CODAT_BASE_URL": codat.base_url,
        "CODAT_API_KEY": codat.api_key,
        "CODAT_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }


def export_customers(path: Path, *, renamed: dict[str, str] | None = None) -> None:
    """Write a small export: the first customers of the inputs, and the invalid ones that can be fixed."""
    with (ROOT / "inputs" / "customers.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    selected = [*rows[:ROWS], *(row for row in rows if row[0] in FIXED)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[(renamed or {}).get(name, name) for name in header], *selected])


def prepare(command: Command, folder: Path, codat: Running) -> None:
    """Do what a person does before this command."""
    if command.words[0] != "bulk":
        return
    if "corrected.csv" in command.words:
        _fix(folder / "corrected.csv")
    if command.words[1] == "follow-up":
        ask(codat.folder.port() or 0, "POST", "/_sandbox/customers", {"customers": LEAVERS})
    if "leavers.csv" in command.words:
        (folder / "leavers.csv").write_text(f"customer_id\n{LEAVERS[1]}\n", "utf-8")


def _fix(path: Path) -> None:
    """Correct the invalid cells."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        rows = [row | dict([FIXED[row["customer_id"]]]) for row in reader]
    assert len(rows) == len(FIXED)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, reader.fieldnames or ())
        writer.writeheader()
        writer.writerows(rows)
