"""The output on a terminal: no control characters, aligned columns, and lines that are broken only at spaces."""

from __future__ import annotations

import io
import json
import sys
import unicodedata

import pytest

from bulk.cli import console
from bulk.cli.console import fit, paragraph, printable, table
from bulk.text import display_width


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.mark.parametrize(
    "harmful",
    [
        "\x1b[31m",  # a colour
        "\x1b]0;title\x07",  # the window's title
        "\x9b2J",  # the same as an escape sequence, in one character
        "\r",  # back to the start of the line
        "\b",
        "\x7f",
        "\u202e",  # right-to-left override
        "\u2028",
    ],
)
def test_nothing_that_is_printed_controls_the_terminal(harmful: str, capsys: pytest.CaptureFixture[str]) -> None:
    """This is true of messages, results and JSON. JSON keeps the value, as an escape."""
    console.echo(f"a {harmful} b")
    console.print_result(f"a {harmful} b")
    console.print_json({"name": harmful}, indent=2)
    printed = capsys.readouterr()
    assert not set(harmful) & set(printed.err + printed.out) - set("[31m]0;title2J")
    assert json.loads(printed.out[printed.out.index("{") :]) == {"name": harmful}


def test_line_breaks_stay_in_messages_and_go_from_cells() -> None:
    """A message has lines; the cell of a table has one."""
    assert printable("a\nb", keep="\n") == "a\nb"
    assert fit("a\nb") == "a\N{REPLACEMENT CHARACTER}b"


@pytest.mark.parametrize(
    ("text", "width"),
    [
        ("Acme", 4),
        ("東京", 4),
        ("ﾃｽﾄ", 3),  # half-width letters
        ("Ａ", 2),  # a full-width letter
        ("한글", 4),
        (unicodedata.normalize("NFD", "é"), 1),  # a letter and an accent that combines with it
        ("😀", 2),
    ],
)
def test_the_width_of_a_text_is_that_on_the_terminal(text: str, width: int) -> None:
    """East Asian wide characters take two columns, combining accents none."""
    assert display_width(text) == width


@pytest.mark.parametrize("text", ["東京都渋谷区", "Company of many words", "é" * 30])
def test_a_shortened_text_fits_its_columns(text: str) -> None:
    """This is also true of wide characters."""
    assert display_width(fit(text, 7)) <= 7
    assert fit(text, 7).endswith("…")
    assert fit(text, 100) == text


def test_columns_are_aligned_in_any_script() -> None:
    """The second column starts at the same place in each line."""
    lines = table([("name", "x"), ("東京商事", "x"), ("Ångström", "x"), ("한글", "x")]).splitlines()
    assert {display_width(line.removesuffix("x")) for line in lines} == {2 + 8 + 2}


def test_a_long_last_column_continues_below_itself_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere each row is one line, which other programs can read."""
    rows = [("row", "problem"), ("1", "the platform is unknown or ambiguous; write one of " + "name, " * 20)]
    assert table(rows).count("\n") == 1
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("COLUMNS", "60")
    lines = table(rows).splitlines()
    assert len(lines) > 3
    assert all(len(line) <= 60 for line in lines)
    assert all(line.startswith(" " * 7) for line in lines[2:])


def test_a_paragraph_has_at_most_80_columns() -> None:
    """Its first line starts as the caller wants, and the others are indented."""
    lines = paragraph("word " * 40, first="- ", indent="  ").splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert lines[0].startswith("- word")
    assert lines[1].startswith("  word")
