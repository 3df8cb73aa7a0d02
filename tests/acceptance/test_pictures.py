"""The pictures in docs/images show what `bulk` prints today. After a change of its texts, run `make pictures`."""

from __future__ import annotations

import re
import shutil
import struct
from pathlib import Path
from xml.etree import ElementTree

import pytest
from support.terminal import on_screen, run_on_terminal

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"
COMMAND = "bulk migrate inputs/customers.csv --sandbox --batch demo"
MAX_BYTES = 250_000
SVG = "{http://www.w3.org/2000/svg}"


def without_figures(line: str) -> str:
    """Return a line without what differs between two runs: numbers, durations and the length of the bar."""
    line = re.sub(r"(\d+ requests) in [^:]+", r"\1", line)
    return re.sub(r"\d+", "0", re.sub(r"█+\| +", "█| ", line))


def test_the_terminal_shows_what_a_run_prints_now(tmp_path: Path) -> None:
    """The picture has the command, and then each line of a run; only its figures may differ."""
    shutil.copytree(ROOT / "inputs", tmp_path / "inputs")
    code, shown = run_on_terminal(f"{COMMAND} --rate 60000", tmp_path, columns=100)  # the rate saves seconds
    assert code == 1  # the input has rejected rows
    picture = ElementTree.parse(IMAGES / "terminal.svg")  # noqa: S314 - a file of this project
    command, *lines = ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]
    assert command == f"$ {COMMAND}"
    assert [without_figures(line) for line in lines] == [without_figures(line) for line in on_screen(shown).split("\n")]


def test_the_terminal_refers_to_nothing_outside() -> None:
    """The picture has no address of a host, no script, and no path of the machine that made it."""
    content = (IMAGES / "terminal.svg").read_text("utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.findall(r"//|url\(|@import|href|<script|<image|/tmp|/home|/root|/Users", content)


@pytest.mark.parametrize("name", ["report.png", "report-states.png"])
def test_a_screenshot_has_its_size(name: str) -> None:
    """It is one and a half times as wide as it is high, more or less, and small enough for a README."""
    content = (IMAGES / name).read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack_from(">II", content, 16)  # the first chunk is IHDR
    assert width == 1280
    assert 1.4 <= width / height <= 1.7
    assert len(content) < MAX_BYTES
