"""`check` warns of values that a spreadsheet has changed, and rejects that were fixed in a spreadsheet are accepted."""

from __future__ import annotations

import csv
import json

from acceptance.cli.conftest import HEADER, Shell

CHANGED = HEADER + "00123,Acme,Xero,\n00124,Bolt,Xero,\n125,01-Feb,Xero,\n"


def test_warnings_are_shown_and_reject_nothing(shell: Shell) -> None:
    """Each warning has its row and a remedy; the exit code is that of a good file."""
    (shell.path / "x.csv").write_text(CHANGED)
    ended = shell.run("bulk check x.csv")
    assert ended.returncode == 0, ended.stderr
    assert "Warnings: look at these values. No row is rejected for them:" in ended.stdout
    assert "if your own system has 00125, write that" in ended.stdout
    assert "01-Feb" in ended.stdout


def test_warnings_are_in_the_json(shell: Shell) -> None:
    """One object for each, in the order of rows and fields."""
    (shell.path / "x.csv").write_text(CHANGED)
    content = json.loads(shell.run("bulk check x.csv --json").stdout)
    found = content["warnings"]
    assert [(one["row"], one["customer_id"], one["field"], one["value"]) for one in found] == [
        (3, "125", "customer_id", "125"),
        (3, "125", "company_name", "01-Feb"),
    ]
    assert all(one["warning"] and one["remedy"] for one in found)
    groups = {group["field"]: group for group in content["warning_groups"]}
    assert [(value["value"], value["first_rows"]) for value in groups["company_name"]["values"]] == [("01-Feb", [3])]
    assert content["problem_groups"] == content["conflict_groups"] == []
    shell.customers(3, "good.csv")
    good = json.loads(shell.run("bulk check good.csv --json").stdout)
    assert (good["warnings"], good["warning_groups"]) == ([], [])
    assert "spreadsheet" not in shell.run("bulk check good.csv").stdout


def test_rejects_that_were_fixed_in_a_spreadsheet_replace_their_rows(shell: Shell) -> None:
    """The spreadsheet wrote semicolons, empty columns and rows, and dropped one of the escapes."""
    (shell.path / "x.csv").write_text(HEADER + "007,Acme,Xero,\n008,=Bolt,Sage,\n-9,Cog,Sage,\n")
    assert shell.run("bulk migrate x.csv --sandbox").returncode == 1
    with (shell.path / "reports" / "x" / "rejects.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert [row[:2] for row in rows[1:]] == [["008", "'=Bolt"], ["'-9", "Cog"]]
    rows[1][2] = rows[2][2] = "qbo"
    rows[2][0] = "-9"
    lines = [";".join('"' + cell.replace('"', '""') + '"' for cell in (*row, "", "")) for row in rows] + [";" * 7] * 3
    (shell.path / "fixed.csv").write_bytes(("\r\n".join(lines) + "\r\n").encode("utf-8-sig"))
    ended = shell.run("bulk migrate fixed.csv --batch x --sandbox")
    assert ended.returncode == 0, ended.stderr
    with (shell.path / "reports" / "x" / "results.csv").open(encoding="utf-8-sig", newline="") as file:
        results = [(row["row"], row["customer_id"], row["company_name"], row["state"]) for row in csv.DictReader(file)]
    assert results == [
        ("1", "007", "Acme", "link_ready"),
        ("2", "008", "'=Bolt", "link_ready"),
        ("3", "'-9", "Cog", "link_ready"),
    ]
