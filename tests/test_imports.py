"""Imports go down only: cli, api, listening, engine, then rows, codat and journal, then model, errors and settings."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import bulk

HOME = Path(bulk.__file__).parent
BASE = {"model", "errors", "settings", "text", "platforms", "problems"}
MAY_IMPORT = {
    "cli": {
        "api",
        "batch",
        "results",
        "input_check",
        "webhooks",
        "engine",
        "input",
        "codat",
        "journal",
        "reports",
        "sandbox",
        *BASE,
    },
    "input_check": {"input", "codat", *BASE},
    "results": {"journal", "reports", *BASE},
    "batch": {"results", "engine", "journal", "reports", *BASE},
    "webhooks": {"batch", "results", "engine", "codat", "journal", *BASE},
    "api": {"batch", "results", "input_check", "webhooks", "engine", "input", "codat", "journal", "reports", *BASE},
    "blocking": {"api"},
    "engine": {"input", "codat", "journal", *BASE},
    "codat": BASE,
    "journal": BASE,
    "input": {"errors", "text", "platforms", "problems"},
    "reports": {"journal", *BASE},
    "sandbox": set(),
    **{leaf: {"model", "errors"} for leaf in BASE},
    "problems": {"platforms", "text"},
}
FILES = sorted(HOME.rglob("*.py"))


def room(path: Path) -> str:
    """Say which room of the house a file belongs to."""
    return path.relative_to(HOME).parts[0].removesuffix(".py")


def imported(path: Path) -> Iterator[str]:
    """Give the rooms that a file imports from, wherever in it the import stands."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            module = node.module or ""
            names = [f"bulk.{alias.name}" for alias in node.names] if module == "bulk" else [module]
        yield from (name.split(".")[1] for name in names if name.startswith("bulk."))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(HOME)))
def test_imports_go_down_only(path: Path) -> None:
    """An upward import is a value or a hook that was not passed."""
    own = room(path)
    if own in ("__init__", "__main__"):
        return
    allowed = MAY_IMPORT[own] | {own, "__version__"}
    assert {name for name in imported(path) if (HOME / name).is_dir() or (HOME / f"{name}.py").is_file()} <= allowed


# The files of `codat` that wait, read, or (the HTTP message) build httpx's values.
WAIT_OR_READ = ("account", "client", "http_message", "network", "throttle", "transport")
PURE = (
    *(f"codat/{path.stem}" for path in sorted((HOME / "codat").glob("*.py")) if path.stem not in WAIT_OR_READ),
    *(f"engine/steps/{path.stem}" for path in sorted((HOME / "engine" / "steps").glob("*.py"))),
    *("engine/changes", "engine/polling", "engine/retry", "engine/step"),
)
IMPURE = {"anyio", "asyncio", "httpx", "os", "pathlib", "socket", "sqlite3", "time"}


@pytest.mark.parametrize("name", PURE)
def test_what_the_architecture_calls_pure_neither_waits_nor_reads(name: str) -> None:
    """Values in, values out: no clock, no disk, no network."""
    tree = ast.parse((HOME / f"{name}.py").read_text("utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {name.split(".")[0] for name in names} & IMPURE


COMMANDS = {path.stem for path in (HOME / "engine" / "commands").glob("*.py")} - {"__init__"}
ENGINE = sorted(path for path in (HOME / "engine").rglob("*.py") if path.parent.name != "commands")


@pytest.mark.parametrize("path", ENGINE, ids=lambda path: path.stem)
def test_nothing_in_the_engine_imports_a_command(path: Path) -> None:
    """What the commands have in common does not know them."""
    assert "bulk.engine.commands" not in path.read_text("utf-8")


def test_only_the_command_line_knows_the_sandbox() -> None:
    """What sends customers to Codat must not know whether it is Codat."""
    assert {room(path) for path in FILES if "sandbox" in imported(path)} <= {"cli", "sandbox"}


def test_only_the_command_line_and_the_sandbox_print() -> None:
    """Everything else tells by values and events."""
    printing = {
        room(path)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "click.echo", "click.secho", "echo")
    }
    assert printing <= {"cli", "sandbox"}
