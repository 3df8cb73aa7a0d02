"""The README is right: its commands run as written, and its options and exit codes are those of `bulk`."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import polars as pl
import pytest
from documents import README, ROOT, SECONDS, Command, blocks, commands, environ, interrupted, run, section, serving
from notebooks import run_notebook
from support.sandbox import start

from bulk.api import CheckResult
from bulk.cli.group import bulk
from bulk.model import DELETED, State
from bulk.reports import columns, write
from bulk.sandbox.launch import Running, ask
from bulk.sandbox.options import WEBHOOK_SECRET
from bulk.text import duration

MAKE = shutil.which("make")
FIXED = {"00126": ("company_name", "Sakura"), "00128": ("platform", "Xero")}
LEAVERS = ("00101", "00102")  # they authorize in the real run, and are unlinked later

STEPS = ("company", "connection", "link", "partner", "unlink", "delete")


@dataclass(frozen=True, slots=True)
class Walk:
    """The result of the walk-through: its folder, and what each command printed, by its first two words."""

    folder: Path
    printed: dict[tuple[str, ...], str]


def export_customers(path: Path, *, renamed: dict[str, str] | None = None) -> None:
    """Write a small export: the first customers of the inputs, and the invalid ones that can be fixed."""
    with (ROOT / "inputs" / "customers.csv").open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    selected = [*rows[:12], *(row for row in rows if row[0] in FIXED)]
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([[(renamed or {}).get(name, name) for name in header], *selected])


def fix(path: Path) -> None:
    """Correct the invalid cells, as a person would."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = [row | dict([FIXED[row["customer_id"]]]) for row in reader]
    assert len(rows) == len(FIXED)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, reader.fieldnames or ())
        writer.writeheader()
        writer.writerows(rows)


def known_options(*names: str) -> set[str]:
    """Return the options of a command."""
    command: click.Command | None = bulk
    context = click.Context(bulk)
    for name in names:
        assert isinstance(command, click.Group)
        command = command.get_command(context, name)
    assert command is not None, f"unknown command: {' '.join(names)}"
    return {option for each in command.get_params(context) for option in each.opts if option.startswith("--")} - {
        "--help"
    }


def in_table(text: str) -> set[str]:
    """Return the options in the first column of the tables."""
    return set(re.findall(r"^\| `(--[a-z-]+)", text, re.MULTILINE))


@pytest.fixture
def codat(tmp_path: Path) -> Iterator[Running]:
    """Start a sandbox, which the commands use as if it were Codat."""
    with start(tmp_path / "codat") as running:
        yield running


def account(codat: Running) -> dict[str, str]:
    """Return the environment in which a command uses this sandbox as if it were Codat."""
    return {
        "CODAT_BASE_URL": codat.base_url,
        "CODAT_API_KEY": codat.api_key,
        "CODAT_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Future[Walk]]:
    """Run the walk-through of "Try it" during the other tests: it mostly waits, because it keeps to Codat's rate."""
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(walk_through, tmp_path_factory.mktemp("walk"))


def walk_through(folder: Path) -> Walk:
    """Run the commands of "Try it" in a folder with the inputs."""
    shutil.copytree(ROOT / "inputs", folder / "inputs")
    typed = [command for command in commands(section("Try it")) if command.words[0] == "bulk"]
    return Walk(folder, {command.words[1:3]: run(command, folder) for command in typed})


def test_every_make_target_exists() -> None:
    """Each `make` command of the README, of CONTRIBUTING and of the page about tests names a target of the Makefile."""
    assert MAKE is not None
    text = "".join((ROOT / name).read_text("utf-8") for name in ("README.md", "CONTRIBUTING.md", "docs/testing.md"))
    targets = [command.words[1:] for command in commands(text) if command.words[0] == "make"]
    assert ("demo",) in targets
    assert ("test",) in targets
    for target in targets:
        words = [MAKE, "-n", *target]
        done = subprocess.run(words, cwd=ROOT, env=environ({}), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_demo_is_the_command_that_the_readme_continues_with() -> None:
    """`make demo` runs the migration whose batch the walk-through then uses."""
    recipe = (ROOT / "Makefile").read_text("utf-8")
    (migrate,) = [command for command in commands(section("Try it")) if command.words[1] == "migrate"]
    assert str(migrate).removeprefix("bulk ") in recipe


@pytest.mark.parametrize(
    "command", [command for command in commands(README) if command.words[0] == "bulk"], ids=lambda command: str(command)
)
def test_every_option_of_a_command_exists(command: Command) -> None:
    """Each option in the README's commands is an option of `bulk`."""
    words = command.words[1:]
    names = words[:2] if words[:1] == ("sandbox",) and words[1].endswith("authorize") else words[:1]
    known = known_options() if words[0].startswith("--") else known_options(*names)
    assert {word for word in words if word.startswith("--")} <= known


def test_the_tables_of_options_are_complete() -> None:
    """The README explains exactly the options of every command that works on a batch."""
    shared, *own = re.split(r"^### `([a-z-]+) [A-Z]+`$", section("Options"), flags=re.MULTILINE)
    tables = dict(zip(own[::2], own[1::2], strict=True))
    assert set(tables) == set(bulk.list_commands(click.Context(bulk))) - {"sandbox"}
    assert "It takes `--json`, and:" in tables["report"]
    for name, table in tables.items():
        explained = in_table(table) | ({"--json"} if name == "report" else in_table(shared))
        assert explained == known_options(name), name


def test_the_readme_covers_all_commands() -> None:
    """It runs each of them, and its table has the cost of each."""
    existing = set(bulk.list_commands(click.Context(bulk)))
    assert {command.words[1] for command in commands(README) if command.words[0] == "bulk"} - {"--version"} == existing
    costs = re.findall(r"^\| ((?:`[a-z-]+`(?:, )?)+) \|", section("What it costs: the quota"), re.MULTILINE)
    assert {name for names in costs for name in re.findall(r"[a-z-]+", names)} == existing - {"sandbox"}


def test_the_table_of_the_quota_agrees_with_check() -> None:
    """Its requests, days and minutes are those that `check` forecasts."""
    rows = re.findall(r"^\| ([\d,]+) \|(.+)\|$", section("What it costs: the quota"), re.MULTILINE)
    assert [customers for customers, _ in rows] == ["500", "5,000", "50,000"]
    for customers, cells in rows:
        found = CheckResult(Path(), _number(customers), 0, {}, pl.DataFrame(), pl.DataFrame(), (), 1000)
        requests, *days, time = (cell.strip() for cell in cells.split("|"))
        assert _number(requests) == found.cost().requests
        assert [int(cell.split()[0]) for cell in days] == [found.cost(linked=linked).days for linked in (0, 10, 100)]
        assert duration(found.cost().minutes * 60).startswith(time)


def _number(text: str) -> int:
    return int(text.replace(",", ""))


@pytest.mark.usefixtures("walk")
def test_the_real_run_runs_as_written(tmp_path: Path, codat: Running) -> None:
    """The step-by-step run creates one company for each customer, also for those whose rows were fixed."""
    export_customers(tmp_path / "customers.csv")
    spent = {}
    for command in commands(section("A real run, step by step")):
        if command.words[0] == "export":
            continue
        _prepare(command, tmp_path, codat)
        run(command, tmp_path, **account(codat))
        if (tmp_path / "reports" / "customers").exists():
            summary = _summary(tmp_path)
            spent[command.words[:3]] = summary["requests_total"]

    assert spent["bulk", "migrate", "customers.csv"] == 0  # nothing was left to do
    assert spent["bulk", "undo", "reports/customers"] == 1
    expected = {"link_ready": 12 + len(FIXED) - len(LEAVERS), "unlinked": len(LEAVERS)}
    assert {state: number for state, number in summary["customers"].items() if number} == expected
    stats = ask(codat.folder.port() or 0, "GET", "/_sandbox/stats")
    assert stats["companies"] == 12 + len(FIXED)
    assert not any(stats["duplicates"].values())


def test_the_webhooks_run_as_written(tmp_path: Path, codat: Running) -> None:
    """A listener starts and stops as the README says, and creates connections as customers authorize."""
    export_customers(tmp_path / "customers.csv")
    documented = commands(section("Webhooks instead of polling"))
    *real, listen, authorize = [on_a_free_port(command) for command in documented if command.words[0] == "bulk"]
    run(Command(("bulk", "migrate", "customers.csv"), 1), tmp_path, **account(codat))
    for command in real:
        run(command, tmp_path, **account(codat))
    assert [command.words[1] for command in real] == ["follow-up", "listen"]

    run(Command(("bulk", "migrate", "customers.csv", "--sandbox", "--batch", "demo"), 1), tmp_path)
    with serving(listen, tmp_path) as first_line:
        assert "Listening at" in first_line
        assert "6 authorized" in run(authorize, tmp_path)
        for _ in range(SECONDS):  # each report is a separate process
            counts = json.loads(run(Command(("bulk", "report", "reports/demo", "--json"), 1), tmp_path))["customers"]
            if counts["complete"] == 6:
                break
    assert (counts["complete"], counts["link_ready"]) == (6, 6)


def on_a_free_port(command: Command) -> Command:
    """Let a listener take any free port: another program may use the README's."""
    return replace(command, words=(*command.words, "--port", "0")) if command.words[1] == "listen" else command


def _prepare(command: Command, folder: Path, codat: Running) -> None:
    """Do what the README leaves to people: fix rows, authorize, list the customers to unlink."""
    if command.words[0] != "bulk":
        return
    if "corrected.csv" in command.words:
        fix(folder / "corrected.csv")
    if command.words[1] == "follow-up":
        ask(codat.folder.port() or 0, "POST", "/_sandbox/customers", {"customers": LEAVERS})
    if "leavers.csv" in command.words:
        (folder / "leavers.csv").write_text(f"customer_id\n{LEAVERS[1]}\n", "utf-8")


def _summary(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "reports" / "customers" / "summary.json").read_text("utf-8"))
    return found


def test_the_other_examples_run_as_written(tmp_path: Path) -> None:
    """Mapped columns are found, the sandbox serves until Ctrl-C, and the version is printed."""
    renamed = {"customer_id": "Account No", "company_name": "Legal name"}
    export_customers(tmp_path / "customers.csv", renamed=renamed)
    for title in ("Install", "Input", "The sandbox"):
        for command in commands(section(title)):
            if command.words[0] == "bulk":
                assert run(command, tmp_path)


@pytest.mark.parametrize("number", range(len(blocks("python", README))))
def test_the_library_examples_run_as_written(number: int, tmp_path: Path, codat: Running) -> None:
    """Each Python example runs as a program of its own."""
    export_customers(tmp_path / "customers.csv")
    (tmp_path / "example.py").write_text(blocks("python", README)[number], "utf-8")
    program = Command((sys.executable, "-W", "error", "example.py"), 0)
    assert "00101" in run(program, tmp_path, **account(codat))


def test_the_library_examples_run_in_a_notebook(tmp_path: Path, codat: Running) -> None:
    """Each Python example is a cell: an event loop already runs, as in Jupyter."""
    export_customers(tmp_path / "customers.csv")
    examples = blocks("python", README)
    ended = run_notebook(examples, tmp_path, **account(codat))
    assert ended.count("00101") >= len(examples)


def test_every_exit_code_has_the_meaning_in_the_readme(tmp_path: Path, codat: Running) -> None:
    """One case for each code: done, some rejected, a missing file, a refused key, Codat out of reach, interrupted."""
    export_customers(tmp_path / "customers.csv")
    (tmp_path / "good.csv").write_text("customer_id,company_name,platform\n1,Harbour Lane Bakery,Xero\n", "utf-8")
    out_of_reach = {"CODAT_BASE_URL": "http://127.0.0.1:1"}
    cases: list[tuple[int, str, dict[str, str]]] = [
        (0, "bulk migrate good.csv", {}),
        (1, "bulk migrate customers.csv --limit 1", {}),
        (2, "bulk migrate missing.csv", {}),
        (3, "bulk migrate good.csv --batch refused", {"CODAT_API_KEY": "wrong"}),
        (3, "bulk check good.csv --online", {"CODAT_API_KEY": "wrong"}),
        (75, "bulk check good.csv --online", out_of_reach),
    ]
    for code, line, more in cases:
        run(Command(tuple(line.split()), code), tmp_path, **(account(codat) | more))
    slow = Command(("bulk", "migrate", "customers.csv", "--batch", "slow", "--rate", "60"), 130)
    interrupted_code, printed = interrupted(slow, tmp_path, when="to do", **account(codat))
    assert "The same command resumes" in printed

    table = {int(code) for code in re.findall(r"^\| (\d+) \|", section("Exit codes"), re.MULTILINE)}
    assert table == {code for code, *_ in cases} | {interrupted_code}


def test_exit_code_1_has_the_meaning_in_the_readme_for_each_command(tmp_path: Path, codat: Running) -> None:
    """Rejected rows, a customer that cannot be unlinked, a company that cannot be deleted, one that Codat lost."""
    export_customers(tmp_path / "customers.csv")
    (tmp_path / "good.csv").write_text("customer_id,company_name,platform\n1,Harbour Lane Bakery,Xero\n", "utf-8")
    port = codat.folder.port() or 0

    def run_bulk(line: str, code: int) -> None:
        run(Command(("bulk", *line.split()), code), tmp_path, **account(codat))

    run_bulk("check customers.csv", 1)
    run_bulk("migrate good.csv", 0)
    run_bulk("unlink reports/good --customer 1", 1)
    run_bulk("unlink reports/good --customer nobody", 2)
    ask(port, "POST", "/_sandbox/faults", {"kind": "400", "operations": ["delete_company"]})
    run_bulk("undo reports/good", 0)
    run_bulk("undo reports/good --yes", 1)
    run_bulk("verify reports/good", 0)
    (company_id,) = pl.read_parquet(tmp_path / "reports" / "good" / "results.parquet")["company_id"]
    ask(port, "DELETE", f"/_sandbox/companies/{company_id}")
    run_bulk("verify reports/good", 1)
    named = re.findall(r"^\| `([a-z]+)` \|", section("Exit codes"), re.MULTILINE)
    assert named == ["check", "unlink", "verify", "undo"]


def test_the_walk_through_runs_as_written(walk: Future[Walk]) -> None:
    """The commands of "Try it" have the exit codes and the figures of its text."""
    rows, rejected, linked = map(
        int, re.findall(r"(\d+) (?:rows|of them invalid|customers that have a linkUrl)", section("Try it"))
    )
    done = walk.result()
    reports = done.folder / "reports" / "demo"
    assert pl.read_csv(reports / "links.csv").height == linked
    assert pl.read_csv(reports / "rejects.csv").height == rejected
    assert pl.read_parquet(reports / "results.parquet").height == rows
    assert f"{linked} customers waited: {round(0.6 * linked)} authorized" in done.printed["sandbox", "authorize"]


DOCS = [f"docs/{page.name}" for page in sorted((ROOT / "docs").glob("*.md"))]


def test_the_links_of_the_documents_lead_to_files_and_headings() -> None:
    """This is true of every document of the project."""
    for name in ("README.md", "reports/README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md", *DOCS):
        page = ROOT / name
        text = page.read_text("utf-8")
        for target in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (page.parent / target).exists(), f"{name} links to {target}"
        for target, anchor in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", text):
            assert anchor in anchors(page.parent / target if target else page), f"{name} links to {target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def test_every_report_is_explained() -> None:
    """`reports/README.md` names every file, every column that we add, every state, step and finding."""
    text = (ROOT / "reports" / "README.md").read_text("utf-8")
    named = set(re.findall(r"`([^`\n]+)`", text))
    files = {value for name, value in vars(write).items() if name.isupper() and isinstance(value, str)}
    ours = {
        *columns.RESULTS,
        columns.CHANGE,
        *columns.LINKS,
        *columns.PARTNER,
        *columns.FINDINGS,
        *columns.DIFFERENCES,
    }
    assert {*files, *ours, *columns.REJECTS, *map(str, State), *STEPS, DELETED} <= named
    words = set(
        re.findall(r'"(missing|unknown|extra)_', (ROOT / "bulk" / "engine" / "comparison.py").read_text("utf-8"))
    )
    assert len(words) == 3
    assert {f"{word}_" for word in words} | {"_company", "_connection", "_partner"} <= named


def test_the_architecture_names_existing_files() -> None:
    """The same is true of its tables. Its table of changes has the whole path of each file."""
    text = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    table = text.split("## Where to put a change")[1].split("## ")[0]
    named = re.findall(r"`([a-z_/]+\.(?:py|sql))`", table)
    assert len(named) > 20
    assert [name for name in named if not (ROOT / "bulk" / name).is_file()] == []
    everywhere = set(re.findall(r"`([a-z_0-9/-]+\.(?:py|sql))`", text))
    absent = [name for name in sorted(everywhere) if not list((ROOT / "bulk").rglob(name))]
    assert [name for name in absent if not (ROOT / name).is_file()] == []
    words = set(re.findall(r"`(?:changes|retry|process|statuses)\.(_?[a-z_]+)`", text))
    sources = "".join(file.read_text("utf-8") for file in (ROOT / "bulk").rglob("*.py"))
    assert [word for word in sorted(words - {"py"}) if f"def {word}(" not in sources] == []


def test_the_documents_name_existing_tests() -> None:
    """Their tables lead from each guarantee to its tests."""
    text = "".join((ROOT / name).read_text("utf-8") for name in ("docs/testing.md", "SECURITY.md"))
    named = set(re.findall(r"`(tests/[a-z_/]+(?:\.py)?)`", text))
    assert len(named) > 40
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
