"""The sandbox is independent of bulk."""

from __future__ import annotations

import ast
from pathlib import Path

import bulk.sandbox


def test_it_imports_nothing_else_from_bulk() -> None:
    """If bulk misunderstands Codat, its runs must fail against the sandbox. Shared code would hide the error."""
    unmatched = set()
    for path in Path(bulk.sandbox.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or "."] if isinstance(node, ast.ImportFrom) else []
            unmatched |= {
                name for name in names if name.split(".")[0] in {"bulk", ""} and not name.startswith("bulk.sandbox")
            }
    assert unmatched == set()
