"""LibreOffice opens our CSV files, saves them in its own way, and `bulk` reads what it has saved."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import pytest
from openpyxl import load_workbook
from support.office import convert, needs_office

from acceptance.cli.conftest import Shell

ROWS = '''\
customer_id,company_name,platform,email,note,since
A-1,Café Zürich,xero,a@x.example,"two
lines; one ""quoted""",2024-01-02
A-2,"Birch, Söhne & Co",qbo,b@x.example,=1+1,01/02/2024
=A-3,Dâle Łódź,QuickBooks,c@x.example,'x,2024-01-02 10:00
00123,Elm,Sage,d@x.example,-5,TRUE
1E5,Fig,Sage,e@x.example,+44 20,false
12345678901234567890,Gum,Sage,f@x.example,@me,12.50
A-8,Ash &amp; Sons,xero,g@x.example,x,3-4
'''
NUMBERS = {
    "00123",
    "1E5",
    "12345678901234567890",
    "2024-01-02",
    "01/02/2024",
    "2024-01-02 10:00",
    "TRUE",
    "false",
    "12.50",
}
"""The texts that LibreOffice takes for numbers, dates and the like."""
REPORTS = ("results", "links", "waves/1", "partner", "rejects", "conflicts")
FORMS = {
    "UTF-8": ("csv:Text - txt - csv (StarCalc):44,34,76,1", "utf-8"),
    "Windows-1252, semicolons": ("csv:Text - txt - csv (StarCalc):59,34,1,1", "cp1252"),
    "UTF-16, tabs, all quoted": ("csv:Text - txt - csv (StarCalc):9,34,65535,1,,0,true", "utf-16"),
    "a workbook": ("xlsx", ""),
}

pytestmark = needs_office


@pytest.fixture
def batch(shell: Shell) -> Path:
    """Return the folder of a batch with rows of each kind, and next to it the file of `check --output`."""
    shell.path.joinpath("x.csv").write_text(ROWS, "utf-8")
    assert shell.run("bulk check x.csv --output checked.csv").returncode == 1
    ended = shell.run("bulk migrate x.csv --sandbox")
    assert ended.returncode == 1, ended.stderr
    return shell.path / "reports" / "x"


@pytest.mark.parametrize("form", FORMS)
def test_the_texts_of_our_csv_files_survive_libreoffice(batch: Path, form: str, tmp_path: Path) -> None:
    """It changes nothing but what it takes for a number or a date."""
    paths = [batch.parents[1] / "checked.csv", *(batch / f"{name}.csv" for name in REPORTS)]
    assert all(path.read_bytes().startswith(b"\xef\xbb\xbf") for path in paths)
    to, encoding = FORMS[form]
    saved = {path.stem: path for path in convert(paths, to, tmp_path)}
    for path in paths:
        written, read = table(path, "utf-8-sig"), table(saved[path.stem], encoding)
        changed = {(one, other) for line in zip(written, read, strict=True) for one, other in zip(*line, strict=True)}
        assert {one for one, other in changed if other != representable(one, encoding)} <= NUMBERS, path.name


@pytest.mark.parametrize("form", [form for form, (_, encoding) in FORMS.items() if encoding])
def test_corrected_rejects_come_back_from_libreoffice(batch: Path, shell: Shell, form: str) -> None:
    """Each row corrects its own, and one whose identifier has become a number is held until a person decides."""
    to, encoding = FORMS[form]
    (saved,) = convert(batch / "rejects.csv", to, shell.path)
    text = saved.read_bytes().decode(encoding)
    for wrong, right in {"QuickBooks": "qbo", "Sage": "knfz"}.items():
        text = text.replace(f'"{wrong}"', f'"{right}"')
    shell.path.joinpath("corrected.csv").write_bytes(text.encode(encoding))
    shell.run("bulk migrate corrected.csv --batch x --sandbox")
    (corrected,) = (row for row in rows(batch / "results.csv") if row["customer_id"] == "'=A-3")
    assert (corrected["row"], corrected["note"]) == ("3", "'x")
    assert (corrected["company_name"], corrected["state"]) in (("Dâle Łódź", "link_ready"), ("Dâle ?ód?", "conflict"))
    found = {row["company_name"]: row["found"] for row in rows(batch / "conflicts.csv")}
    found.pop("Dâle ?ód?", None)  # Windows-1252 lacks two of its letters
    assert found == {"Ash &amp; Sons": "Ash & Sons", "Elm": "00123", "Fig": "1E5", "Gum": "12345678901234567890"}


@pytest.mark.parametrize("form", [form for form, (_, encoding) in FORMS.items() if encoding])
def test_commands_read_customers_from_what_libreoffice_has_saved(batch: Path, shell: Shell, form: str) -> None:
    """They are emailed, undone and accepted."""
    paths = [batch / "links.csv", batch / "conflicts.csv"]
    conflicts, links = convert(paths, FORMS[form][0], shell.path)
    accepted = shell.run(f"bulk migrate x.csv --accept-file {conflicts} --sandbox")
    assert {row["customer_id"]: row["state"] for row in rows(batch / "results.csv")}["A-8"] == "link_ready", accepted
    assert shell.run(f"bulk sent reports/x --file {links}").stdout.startswith("2 customers recorded as emailed.")
    assert "2 companies that nobody has linked" in shell.run(f"bulk undo reports/x --file {links} --sandbox").stdout


def rows(path: Path) -> list[Mapping[str, str]]:
    """Read one of our files."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def table(path: Path, encoding: str) -> list[list[str]]:
    """Return the cells of a table that LibreOffice or `bulk` has written."""
    if path.suffix == ".xlsx":
        cells = load_workbook(path).worksheets[0].iter_rows(values_only=True)
        return [["" if value is None else str(value) for value in row] for row in cells]
    with path.open(encoding=encoding, newline="") as file:
        return list(csv.reader(file, delimiter={"cp1252": ";", "utf-16": "\t"}.get(encoding, ",")))


def representable(text: str, encoding: str) -> str:
    """Return a text as the encoding can hold it."""
    return text.encode(encoding or "utf-8", "replace").decode(encoding or "utf-8")
