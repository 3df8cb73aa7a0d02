"""The text of `check` fits on a screen, whatever the file."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from bulk.cli import check_text, console
from bulk.cli.commands.check import check as command
from bulk.cli.forecasts import Assumptions, forecast
from bulk.codat.forecast import Linking
from bulk.input_check import check

HEADER = "customer_id,company_name,platform,email,description\n"
PLATFORMS = (
    "MYOB",
    "Xreo",
    "Sage",
    "QuickBooks",
    "",
    "NULL",
    "xero",
    "abcd",
    "efgh",
    "ijkl",
    "qbo",
    "freeagent",
    "\x01x",
)
NAMES = (
    "Café",
    "株式会社 A",
    "Foo (UK)",
    "O’Brien",
    "A  B",
    "01-Feb",
    "",
    "株式会社",
    "1E+05",
    "B?n",
    "x" * 600,
    "#NAME?",
)
EMAILS = ("none", "a@x.example;b@x.example", "tel 1", "", "c@x.example", "a" * 300)
IDS = ("00{n}", "{n}", "{n}.0", "7", "", "01-Mar", "y{n}" * 60, "1234567890{n}000000", "'{n}", "ÅB{n}", "TRUE")
DESCRIPTIONS = ("", "z" * 6_000)


def hostile(folder: Path, rows: int) -> Path:
    """Write a file with nearly every problem, warning and change of a name."""
    path = folder / f"{'long name ' * 15}.csv"
    lines = [
        ",".join(
            values[n * prime % len(values)].format(n=n) for values, prime in zip(COLUMNS, (1, 5, 7, 11, 1), strict=True)
        )
        for n in range(rows)
    ]
    path.write_text(HEADER + "\n".join(lines) + "\nshort\n1,2,3,4,5,6,7\n", "utf-8")
    return path


COLUMNS = (IDS, NAMES, PLATFORMS, EMAILS, DESCRIPTIONS)


@pytest.mark.parametrize("rows", [60, 3_000])
def test_the_text_of_a_bad_file_fits_on_a_screen(tmp_path: Path, rows: int) -> None:
    """It shows each kind of finding; only the commands to paste may be longer than a line."""
    result = check(hostile(tmp_path, rows))
    assumptions = Assumptions(0, Linking(0.1, 7))
    text = check_text.text(
        result,
        None,
        forecast(result, None, assumptions),
        assumptions,
        now=datetime(2026, 11, 28, tzinfo=UTC),
        next_options=[],
        all_rows=check_text.all_rows(result, None, []),
    )
    lines = text.splitlines()
    assert len(lines) <= 50
    assert max(len(line) for line in lines if not line.startswith("    bulk ")) <= 100
    for title in ("Problems", "Warnings", "Names", "Platforms", "Forecast", "All rows", "Next"):
        assert any(line.startswith(title) for line in lines), title


def test_a_value_is_shown_with_its_number_and_three_of_its_rows(tmp_path: Path) -> None:
    """The whole list is in the file of --output."""
    path = tmp_path / "in.csv"
    path.write_text(HEADER + "".join(f"{n},Café {n % 2},MYOB,,\n" for n in range(9)) + "10,Café,xero,,\n", "utf-8")
    shown = CliRunner().invoke(command, [str(path)]).stdout
    assert "  9  platform is unknown or ambiguous; write the name" in shown
    assert '     9 × "MYOB" (rows 1, 2, 3, …)\n' in shown
    assert '     "Café" → "Cafe" (row 10)\n' in shown


def test_each_kind_of_problem_of_a_bad_file_has_its_number_and_a_value(tmp_path: Path) -> None:
    """The value is the most frequent one, with three of its rows."""
    path = hostile(tmp_path, 3_000)
    shown = CliRunner().invoke(command, [str(path)]).stdout
    problems = shown.partition("Problems")[2].partition("\n\n")[0].splitlines()[1:]
    groups = check(path).problem_groups
    assert len(groups) > 7
    starts = [re.match(r" +([\d,]+)  ", line) for line in problems]
    assert [int(each[1].replace(",", "")) for each in starts if each] == [group.rows for group in groups]
    for group in groups:
        rows = ", ".join(map(str, group.values[0].first_rows))
        assert rows in shown


def test_three_rows_of_each_kind_of_conflict_are_shown_and_the_others_counted(tmp_path: Path) -> None:
    """The whole list is in conflicts.csv after `migrate`."""
    path = tmp_path / "in.csv"
    path.write_text(HEADER + "".join(f"c{n},CafÃ© {n},xero,,\n" for n in range(1_200)), "utf-8")
    shown = CliRunner().invoke(command, [str(path)]).stdout
    assert "migrate writes conflicts.csv" in shown
    assert shown.count("CafÃ©") == 3
    assert "1,197 others" in " ".join(shown.split())


def test_a_character_that_cannot_be_seen_has_its_code(tmp_path: Path) -> None:
    """A sign for an unknown character would look like damaged text."""
    path = tmp_path / "in.csv"
    path.write_text(HEADER + "1,Birch\x0bLtd,xero,,\n", "utf-8")
    shown = CliRunner().invoke(command, [str(path)]).stdout
    assert "company_name loses tabs or line breaks" in shown
    assert '"Birch<U+000B>Ltd" → "Birch Ltd" (row 1)' in shown


def test_a_single_row_of_a_platform_has_the_singular(tmp_path: Path) -> None:
    """Several customers have rows."""
    path = tmp_path / "in.csv"
    path.write_text(HEADER + "1,Ash,abcd,,\n2,Birch,efgh,,\n3,Cedar,efgh,,\n", "utf-8")
    shown = CliRunner().invoke(command, [str(path)]).stdout
    assert "abcd (1 customer, row 1) is not" in shown
    assert "efgh (2 customers, rows 2, 3) is not" in shown


def test_platforms_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    """A wrong column may have thousands of words of four letters."""
    path = tmp_path / "in.csv"
    words = ["".join(letters) for letters in itertools.product("vwz", repeat=4)]
    path.write_text(HEADER + "".join(f"{n},Ash,{word},,\n" for n, word in enumerate(words)), "utf-8")
    shown = CliRunner().invoke(command, [str(path)]).stdout
    others = re.search(r"^  (\d+) other platforms$", shown, re.MULTILINE)
    assert others
    assert int(others[1]) + shown.count(" (1 customer, row ") == len(words)
    assert len(shown.splitlines()) <= 50


@pytest.mark.parametrize("columns", [40, 80])
def test_titles_are_no_wider_than_the_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
    """A command to paste is not broken."""
    monkeypatch.setattr(console, "_terminal_width", lambda: columns)
    path = tmp_path / "in.csv"
    path.write_text(HEADER + "1,Ash,abcd,,\n2,CafÃ©,xero,,\n3,,xero,,\n4,Cédar,xero,none,\n", "utf-8")
    monkeypatch.chdir(tmp_path)
    shown = CliRunner().invoke(command, ["in.csv"]).stdout
    for title in ("Problems", "Rows", "Warnings", "Names", "Platforms", "All rows"):
        assert any(line.startswith(title) for line in shown.splitlines()), title
    for line in shown.splitlines():
        assert len(line) <= columns or line.startswith("    bulk "), line


@pytest.mark.parametrize("length", [1, 60, 70, 80, 200])
def test_the_numbers_are_on_the_first_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: int) -> None:
    """A program may look for them there, whatever the length of the path is."""
    monkeypatch.chdir(tmp_path)
    path = Path("x" * length + ".csv")
    path.write_text(HEADER + "1,Ash,xero,,\n2,,xero,,\n", "utf-8")
    shown = CliRunner().invoke(command, [str(path)]).stdout
    assert shown.splitlines()[0].endswith(": 2 rows, 1 accepted, 1 rejected")


def test_the_file_with_all_rows_is_named(tmp_path: Path) -> None:
    """Without --output, the text has the command that writes it."""
    path = tmp_path / "in.csv"
    path.write_text(HEADER + "1,Café,xero,,\n", "utf-8")
    hint = CliRunner().invoke(command, [str(path), "--map", "email=description"]).stdout
    assert f"    bulk check {path} --map email=description --output checked.csv\n" in hint
    shown = CliRunner().invoke(command, [str(path), "--output", str(tmp_path / "out.csv")]).stdout
    assert f"All rows, with what would happen to each and why: {tmp_path / 'out.csv'}\n" in shown
    assert "--output" not in shown
