"""The layers: imports go down only, pure modules stay pure, and each thing has its place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

import bulk
from bulk.engine.step import Step

HOME = Path(bulk.__file__).parent
BASE = {"model", "errors", "settings", "text", "platforms", "problem_groups", "problems", "reading", "spellings"}
BATCH = {"engine", "journal", *BASE}
JOB = {"job", "batch", "results", *BATCH}
CHECK = {"check_result", "input_check", "checked_rows", "batch_comparison"}
API = {
    "standard_input",
    "watch",
    "webhooks",
    "input",
    "codat",
    "reports",
    "named_customers",
    "email_record",
    *CHECK,
    *JOB,
}
MAY_IMPORT = {
    "cli": {"api", "sandbox", *API},
    "blocking": {"api"},
    "api": API,
    "standard_input": {"errors", "reading"},
    "input_check": {
        "standard_input",
        "batch",
        "batch_comparison",
        "check_result",
        "checked_rows",
        "journal",
        "input",
        "reports",
        "codat",
        *BASE,
    },
    "check_result": {"batch_comparison", "codat", "input", *BASE},
    "checked_rows": {"batch_comparison", "input", "reports", *BASE},
    "batch_comparison": {"input", "reports", *BATCH},
    "email_record": {"batch", "results", "named_customers", "journal", "reports", *BASE},
    "named_customers": {"journal", "reports", *BASE},
    "webhooks": {"codat", *JOB},
    "watch": {"codat", *JOB},
    "job": {"batch", "codat", "results", *BATCH},
    "batch": {"results", "reports", "journal", *BASE},
    "results": {"journal", "reports", *BASE},
    "engine": {"input", "codat", "journal", *BASE},
    "codat": BASE,
    "journal": BASE,
    "input": {"errors", "text", "platforms", "problem_groups", "problems", "reading", "spellings"},
    "reports": {"journal", *BASE},
    "sandbox": set(),
    **{module: {"model", "errors"} for module in BASE},
    "problems": {"platforms", "text"},
    "problem_groups": {"problems"},
    "reading": {"errors", "text"},
}
FILES = sorted(HOME.rglob("*.py"))


def name_of(path: Path) -> str:
    """Return a file's path below `bulk`."""
    return path.relative_to(HOME).as_posix()


def layer(path: Path) -> str:
    """Return the package or module of `bulk` that a file belongs to."""
    return path.relative_to(HOME).parts[0].removesuffix(".py")


@cache
def parsed(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text("utf-8"))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """Return all nodes of a file's syntax tree."""
    return tuple(ast.walk(parsed(path)))


def imported(path: Path) -> Iterator[str]:
    """Return all modules that a file imports, wherever in it the import is."""
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)  # a module of a package, perhaps


def texts_in(path: Path) -> list[str]:
    """Return all texts in a file, also those between the values of an f-string."""
    return [node.value for node in nodes_of(path) if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def layers_imported(path: Path) -> set[str]:
    """Return the packages and modules of `bulk` that a file imports from."""
    names = {name.split(".")[1] for name in imported(path) if name.startswith("bulk.")}
    return {name for name in names if (HOME / name).is_dir() or (HOME / f"{name}.py").is_file()}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_go_down_only(path: Path) -> None:
    """For an upward import, pass a value or a hook instead."""
    own = layer(path)
    if own not in ("__init__", "__main__"):
        assert layers_imported(path) <= MAY_IMPORT[own] | {own}


def says_it_is_pure(path: Path) -> bool:
    """Return whether a module's docstring has the word. The user's commands name paths, but do not use them."""
    is_pure = " PURE" in (ast.get_docstring(parsed(path)) or "")
    return is_pure and name_of(path) != "reports/summary/commands.py"


# The files of `codat` that wait, read, or (the HTTP message) build httpx's values.
WAIT_OR_READ = ("account", "client", "http_message", "network", "throttle", "transport")
PURE = (
    *(f"codat/{path.stem}" for path in sorted((HOME / "codat").glob("*.py")) if path.stem not in WAIT_OR_READ),
    *(f"engine/{name}" for name in ("changes", "event_changes", "events", "options", "polling", "retry", "step")),
    *(f"engine/steps/{path.stem}" for path in sorted((HOME / "engine" / "steps").glob("*.py"))),
    *("model", "problems"),
    *(name_of(path)[:-3] for path in FILES if says_it_is_pure(path)),
)
IMPURE = {
    *("anyio", "asyncio", "httpx", "os", "pathlib", "socket", "sqlite3", "subprocess", "tempfile", "threading", "time"),
}


@pytest.mark.parametrize("name", PURE)
def test_a_pure_module_neither_waits_nor_reads(name: str) -> None:
    """Values in, values out: no clock, no disk, no network."""
    assert not {module.split(".")[0] for module in imported(HOME / f"{name}.py")} & IMPURE


ENGINE = sorted((HOME / "engine").rglob("*.py"))


@pytest.mark.parametrize("path", [path for path in ENGINE if name_of(path)[:-3] in PURE], ids=name_of)
def test_a_pure_module_of_the_engine_imports_pure_ones_of_the_engine_only(path: Path) -> None:
    """A decision that reads the journal through another module is not a value."""
    modules = {
        name.removeprefix("bulk.").replace(".", "/") for name in imported(path) if name.startswith("bulk.engine.")
    }
    assert {name for name in modules if (HOME / f"{name}.py").is_file()} <= set(PURE)


@pytest.mark.parametrize("path", [path for path in ENGINE if path.parent.name != "commands"], ids=name_of)
def test_nothing_in_the_engine_imports_a_command(path: Path) -> None:
    """The modules that the commands share do not know them."""
    assert not any(name.startswith("bulk.engine.commands") for name in imported(path))


STEPS = sorted(path for path in (HOME / "engine" / "steps").glob("*.py") if path.stem != "__init__")
SHARED = [path for path in ENGINE if path.parent.name == "engine"]


@pytest.mark.parametrize("path", SHARED, ids=name_of)
def test_only_a_command_imports_a_step(path: Path) -> None:
    """A new step is one new file in `steps` and one entry in a command."""
    assert not any(name.startswith("bulk.engine.steps") for name in imported(path))


def names_of_steps() -> set[str]:
    """Return the modules and classes of the steps, and their names in the journal."""
    for path in STEPS:
        import_module(f"bulk.engine.steps.{path.stem}")
    steps = [step for step in Step.__subclasses__() if step.__module__.startswith("bulk.")]
    return {path.stem for path in STEPS} | {step.__name__ for step in steps} | {step.name for step in steps}


def test_process_names_no_step() -> None:
    """The trip of a customer is the same for every step."""
    names = names_of_steps()
    assert {"CreateCompany", "company", "connection", "link", "partner", "unlink", "delete"} <= names
    path = HOME / "engine" / "process.py"
    nodes = nodes_of(path)
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    used |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    assert names.isdisjoint(texts_in(path))
    assert not used & (names - {"connection"})  # that one is the journal's, which the writer hands to a function


SQL = re.compile(
    r"\b(SELECT\s.+\sFROM|INSERT (OR \w+ )?INTO|UPDATE \w+ SET|DELETE FROM|(CREATE|DROP) (TEMP )?(TABLE|INDEX))\b",
    re.DOTALL,
)


@pytest.mark.parametrize("path", [path for path in FILES if layer(path) != "sandbox"], ids=name_of)
def test_sql_is_written_only_in_sql_files(path: Path) -> None:
    """Only the journal and the reports read or change SQLite's settings. The sandbox has a database of its own."""
    texts = texts_in(path)
    assert not [text for text in texts if SQL.search(text)]
    assert layer(path) in ("journal", "reports") or not [text for text in texts if re.search(r"\bPRAGMA \w", text)]


@pytest.mark.parametrize("path", sorted(HOME.rglob("*.sql")), ids=name_of)
def test_sql_files_belong_to_the_journal_the_reports_and_the_sandbox(path: Path) -> None:
    """Everything else calls their functions."""
    assert layer(path) in ("journal", "reports", "sandbox")


def test_only_the_command_line_imports_the_sandbox() -> None:
    """The code that sends customers to Codat must not know whether it is Codat."""
    assert {layer(path) for path in FILES if "sandbox" in layers_imported(path)} <= {"cli", "sandbox"}


def test_only_the_command_line_and_the_sandbox_print() -> None:
    """Everything else returns values and emits events."""
    printing = {
        layer(path)
        for path in FILES
        for node in nodes_of(path)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("print", "click.echo", "click.secho", "echo")
    }
    assert printing <= {"cli", "sandbox"}
