"""`docs/commands.md` has the help of all commands as they print it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"COLUMNS": "40", "LC_ALL": "C", "TERM": "dumb"},
        {"COLUMNS": "300", "LC_ALL": "C.UTF-8", "LANGUAGE": "de", "FORCE_COLOR": "1", "CLICOLOR_FORCE": "1"},
    ],
    ids=["as here", "narrow", "wide and in colour"],
)
def test_the_page_is_what_make_commands_writes_on_any_terminal(tmp_path: Path, environment: dict[str, str]) -> None:
    """If this fails, run `make commands` and commit the page."""
    page = tmp_path / "commands.md"
    command = [sys.executable, str(DOCS / "make_commands.py"), str(page)]
    subprocess.run(command, env=os.environ | environment, timeout=60, check=True)
    assert page.read_text("utf-8") == (DOCS / "commands.md").read_text("utf-8")
