"""The notebook in `docs/` runs from top to bottom, and is stored without the outputs of a run."""

from __future__ import annotations

import json
from pathlib import Path

from acceptance.documents.commands import ROOT
from acceptance.documents.notebooks import code_cells, run_notebook

NOTEBOOK = ROOT / "docs" / "library.ipynb"


def test_the_notebook_runs_inside_an_event_loop(tmp_path: Path) -> None:
    """Each cell does what the text above it says. It needs no key, and warnings are errors."""
    printed = run_notebook(code_cells(NOTEBOOK), tmp_path, TMPDIR=str(tmp_path))
    assert printed.splitlines() == [
        "2 accepted, 1 rejected",
        "{'rejected': 1, 'link_ready': 2}",
        "0 requests",
        "1 partner connection created, 1 customer pending",
        "0 findings",
    ]


def test_the_notebook_is_stored_without_outputs() -> None:
    """They would contain the paths and times of one run."""
    cells = json.loads(NOTEBOOK.read_text("utf-8"))["cells"]
    stored = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in stored)
    assert len({cell["id"] for cell in cells}) == len(cells)
