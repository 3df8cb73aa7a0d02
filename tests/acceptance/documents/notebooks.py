"""Runs the code cells of a notebook as ipykernel does: in order, in one process, inside a running event loop.

`python -m acceptance.documents.notebooks` reads the cells as a JSON list of texts from standard input.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import FunctionType
from typing import Any

from acceptance.documents.commands import ROOT, SECONDS, environ


def code_cells(path: Path) -> list[str]:
    """Return the source of each code cell of a notebook file."""
    cells = json.loads(path.read_text("utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run_notebook(cells: list[str], folder: Path, **environment: str) -> str:
    """Run the cells in a process of their own, in this folder; return what they print. Warnings are errors."""
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "acceptance.documents.notebooks"],
        input=json.dumps(cells),
        cwd=folder,
        env=environ(environment | {"PYTHONPATH": str(ROOT / "tests")}),
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


async def run_cells(cells: list[str]) -> None:
    """Run the cells, which may use `await`. They share their global names."""
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells, 1):
        code = compile(cell, f"<cell {number}>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        outcome = FunctionType(code, names)()
        if inspect.isawaitable(outcome):
            await outcome


if __name__ == "__main__":
    asyncio.run(run_cells(json.load(sys.stdin)))
