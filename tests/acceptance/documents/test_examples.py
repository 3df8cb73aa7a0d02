"""Every example of the documents runs as written, or is one of those that cannot run in a test.

The documents about a real run share one folder and one batch: a command that an earlier one of them has run is not
repeated.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from support.sandbox import start

from acceptance.documents.commands import (
    DOCUMENTS,
    SECONDS,
    Command,
    blocks,
    commands,
    read,
    run,
    section,
    serving,
)
from acceptance.documents.real_run import FIXED, LEAVERS, ROWS, account, export_customers, prepare
from bulk.sandbox.launch import Running, ask

REAL_RUN = ("README.md", "docs/quota.md", "docs/scale.md", "docs/runbook.md")
WITH_TESTS_OF_THEIR_OWN = {
    "docs/input.md": "its header has other names",
    "docs/library.md": "it is Python",
    "docs/mailing.md": "it needs a mail server: see acceptance/test_mailing.py",
    "docs/sandbox.md": "it needs no batch",
    "docs/tutorial.md": "its comments have figures: see test_tutorial.py",
    "docs/webhooks.md": "two commands run at the same time",
}
NOT_RUN = {
    "make": "these take minutes, or install programs; test_reference.py checks that the targets exist",
    "pip": "it downloads packages; another test installs the wheel",
    "export": "its value is yours",
    "python": "tests and benchmarks take minutes",
    ".venv/bin/python": "the same",
    "grep": "it checks a file that a new lock has just changed",
}


@pytest.fixture
def codat(tmp_path: Path) -> Iterator[Running]:
    """Start a sandbox, which the commands use as if it were Codat."""
    with start(tmp_path / "codat") as running:
        yield running


def runnable(text: str) -> list[Command]:
    """Return the commands of a text that can run in a test."""
    return [command for command in commands(text) if command.words[0] not in NOT_RUN]


def test_no_example_is_forgotten() -> None:
    """Each document whose examples can run has a test. Python is in the page about the library, and in a script."""
    can_run = {document for document in DOCUMENTS if runnable(read(document)) or blocks("python", read(document))}
    assert can_run == {*REAL_RUN, *WITH_TESTS_OF_THEIR_OWN}
    python = [document for document in DOCUMENTS if blocks("python", read(document))]
    assert python == ["docs/library.md", "docs/mailing.md"]


@pytest.mark.long
def test_the_real_run_runs_as_written(tmp_path: Path, codat: Running) -> None:
    """The step-by-step run creates one company for each customer, also for those whose rows were fixed."""
    export_customers(tmp_path / "customers.csv")
    requests = {}
    for command in once_each(*map(read, REAL_RUN), section("docs/webhooks.md", "Set it up")):
        prepare(command, tmp_path, codat)
        run(on_a_free_port(command), tmp_path, **account(codat))
        summary = tmp_path / "reports" / "customers" / "summary.json"
        if summary.exists():
            figures = json.loads(summary.read_text("utf-8"))
            requests[command.words[:3]] = figures["requests_total"]

    assert requests["bulk", "migrate", "customers.csv"] == 0  # nothing was left to do
    assert requests["bulk", "undo", "reports/customers"] == 1
    expected = {"link_ready": ROWS + len(FIXED) - len(LEAVERS), "unlinked": len(LEAVERS)}
    assert {state: number for state, number in figures["customers"].items() if number} == expected
    stats = ask(codat.folder.port() or 0, "GET", "/_sandbox/stats")
    assert stats["companies"] == ROWS + len(FIXED)
    assert not any(stats["duplicates"].values())


def once_each(*texts: str) -> Iterator[Command]:
    """Yield the commands of these texts in order, without those that an earlier text has run as often."""
    done: Counter[Command] = Counter()
    for text in texts:
        here: Counter[Command] = Counter()
        for command in runnable(text):
            here[command] += 1
            if here[command] > done[command]:
                yield command
        done |= here


def test_the_webhooks_run_as_written(tmp_path: Path) -> None:
    """A listener creates connections as customers authorize."""
    export_customers(tmp_path / "customers.csv")
    listen, authorize = runnable(section("docs/webhooks.md", "Try it"))
    run(Command(("bulk", "migrate", "customers.csv", "--sandbox", "--batch", "demo"), 1), tmp_path)
    with serving(on_a_free_port(listen), tmp_path) as first_line:
        assert "Listening at" in first_line
        assert "6 authorized" in run(authorize, tmp_path)
        for _ in range(SECONDS):  # each report is a separate process
            counts = json.loads(run(Command(("bulk", "report", "reports/demo", "--json"), 1), tmp_path))["customers"]
            if counts["complete"] == 6:
                break
    assert (counts["complete"], counts["link_ready"]) == (6, 6)


def on_a_free_port(command: Command) -> Command:
    """Let a listener take any free port: another program may use the documented one."""
    return replace(command, words=(*command.words, "--port", "0")) if "listen" in command.words else command


def test_the_input_and_the_sandbox_run_as_written(tmp_path: Path) -> None:
    """Mapped columns are found, and the sandbox serves until Ctrl-C."""
    renamed = {"customer_id": "Account No", "company_name": "Legal name"}
    export_customers(tmp_path / "customers.csv", renamed=renamed)
    for document in ("docs/input.md", "docs/sandbox.md"):
        for command in runnable(read(document)):
            assert run(command, tmp_path)


def test_the_library_examples_run_as_written(tmp_path: Path, codat: Running) -> None:
    """The Python examples run as one program. The notebook runs others in a running event loop."""
    export_customers(tmp_path / "customers.csv")
    examples = blocks("python", read("docs/library.md"))
    (tmp_path / "example.py").write_text("\n\n".join(examples), "utf-8")
    program = Command((sys.executable, "-W", "error", "example.py"), 0)
    printed = run(program, tmp_path, **account(codat))
    assert printed.count("00101") >= len(examples) > 2
