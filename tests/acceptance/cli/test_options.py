"""Impossible options are refused before anything is created, and the next commands repeat the possible ones."""

from __future__ import annotations

from typing import Any

import pytest

from acceptance.cli.conftest import Shell
from bulk.api import Options, Threshold
from bulk.errors import UsageError
from bulk.sandbox.launch import start
from bulk.settings import CODAT, Settings

HUGE = 10**23  # more than SQLite can store


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--base-url ''", "--base-url"),  # a shell variable without a value
        ("--base-url '' --sandbox", "--base-url"),
        ("--timeout inf", "--timeout"),
        ("--timeout nan --sandbox", "--timeout"),
        ("--timeout inf --sandbox", "--timeout"),
        ("--rate 0 --sandbox", "--rate"),
        ("--concurrency 0 --sandbox", "--concurrency"),
        ("--max-failures 101%", "--max-failures"),
        ("--max-failures x", "--max-failures"),
        (f"--max-failures {HUGE}", "--max-failures"),
        (f"--limit {HUGE}", "--limit"),
        (f"--reserve {HUGE}", "--reserve"),
        (f"--rate {HUGE}", "--rate"),
        (f"--concurrency {HUGE}", "--concurrency"),
        (f"--timeout {HUGE}", "--timeout"),
        (f"--link-lifetime {HUGE}", "--link-lifetime"),
        ("--sandbox --base-url http://127.0.0.1:1", "--sandbox and --base-url"),
        ("--map customer_id=customer_id --map customer_id=email", "customer_id is mapped twice"),
        ("--map customer_id=customer_id --map 'Customer ID=email'", "customer_id is mapped twice"),
        ("--map email=id --map email=id", "email is mapped twice: email=id and email=id. Give one of them."),
        ("--map customer_id", "is not FIELD=COLUMN"),
        ("--batch a/b", "--batch"),
    ],
)
def test_an_impossible_option_is_refused_before_anything_is_created(
    shell: Shell, arguments: str, expected: str
) -> None:
    """The message names this option and no other; there is neither a folder nor a sandbox."""
    shell.customers(2)
    ended = shell.run(f"bulk migrate x.csv {arguments}", CODAT_API_KEY="k")
    assert ended.returncode == 2, ended.stderr
    assert expected in ended.stderr
    assert not {"--rate", "--concurrency", "--timeout"} - {expected} & set(ended.stderr.replace(",", " ").split())
    assert not (shell.path / "reports").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--base-url nonsense", "--base-url"),
        ("--timeout -3", "--timeout"),
        ("--rate 0", "--rate"),
        ("--sandbox --base-url http://127.0.0.1:1", "--sandbox and --base-url"),
    ],
)
def test_check_refuses_the_same_options_as_migrate(shell: Shell, arguments: str, expected: str) -> None:
    """It does so without --online too: the command that it prints would fail."""
    shell.customers(1)
    ended = shell.run(f"bulk check x.csv {arguments}")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert expected in ended.stderr


@pytest.mark.parametrize("command", ["check x.csv", "migrate x.csv"])
def test_the_address_in_the_environment_is_checked_like_the_option(shell: Shell, command: str) -> None:
    """It is checked only if it is used."""
    shell.customers(1)
    ended = shell.run(f"bulk {command}", CODAT_API_KEY="k", CODAT_BASE_URL="nonsense")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "CODAT_BASE_URL must be a URL" in ended.stderr
    assert shell.run(f"bulk {command} --sandbox", CODAT_BASE_URL="nonsense").returncode == 0
    assert shell.run("bulk check x.csv", CODAT_BASE_URL="").returncode == 0


@pytest.mark.parametrize("line", ["links reports/x --limit", "links reports/x --margin", "listen reports/x --port"])
def test_huge_numbers_are_refused_by_the_other_commands(shell: Shell, line: str) -> None:
    """The error is a message, not an internal error."""
    ended = shell.run(f"bulk {line} {HUGE}")
    assert ended.returncode == 2
    assert line.split()[-1] in ended.stderr


def test_an_empty_variable_counts_as_unset() -> None:
    """This is usual for the environment. An empty argument is an error."""
    assert Settings.make(api_key="k", environ={"CODAT_BASE_URL": ""}).base_url == CODAT
    with pytest.raises(UsageError, match="--base-url"):
        Settings.make(api_key="k", base_url="", environ={"CODAT_BASE_URL": "http://127.0.0.1:1"})


@pytest.mark.parametrize(
    "wrong",
    [
        {"rate": "fast"},
        {"rate": 1.5},
        {"rate": True},
        {"concurrency": None},
        {"timeout": "30"},
        {"timeout": float("inf")},
        {"timeout": True},
        {"base_url": 5},
        {"api_key": 5},
    ],
)
def test_a_setting_of_a_wrong_type_is_named(wrong: dict[str, Any]) -> None:
    """The message never shows the key."""
    (name,) = wrong
    expected = "API key" if name == "api_key" else f"--{name.replace('_', '-')}"
    with pytest.raises(UsageError, match=expected):
        Settings.make(**({"api_key": "k", "environ": {}} | wrong))


@pytest.mark.parametrize(
    "wrong",
    [
        {"limit": 0},
        {"limit": -1},
        {"limit": 1.5},
        {"limit": True},
        {"reserve": -1},
        {"reserve": None},
        {"max_failures": "x"},
        {"max_failures": Threshold(101, is_percent=True)},
        {"max_failures": Threshold(-1)},
        {"max_failures": Threshold(float("nan"))},
    ],
)
def test_impossible_options_of_a_run_are_refused(wrong: dict[str, Any]) -> None:
    """A user of the library gets the error when the options are created."""
    with pytest.raises(UsageError, match=next(iter(wrong))):
        Options(**wrong)


def test_next_commands_repeat_the_address(shell: Shell) -> None:
    """They can be run as they are."""
    (shell.path / "x.csv").write_text("customer_id,company_name,platform\n1,Acme,Nonesuch\n2,Acme,Xero\n")
    with start(shell.path / "sandbox") as codat:
        address = f"--base-url {codat.base_url}"
        checked = shell.run(f"bulk check x.csv {address}")
        assert f"    bulk migrate x.csv {address}\n" in checked.stdout
        ended = shell.run(f"bulk migrate x.csv {address}", CODAT_API_KEY=codat.api_key)
    assert (
        f"    cp reports/x/rejects.csv corrected.csv\n    bulk migrate corrected.csv --batch x {address}\n"
        in ended.stdout
    )
    follow_up = f"    bulk follow-up reports/x {address}\n"
    assert follow_up in ended.stdout
    assert follow_up in shell.run("bulk report reports/x").stdout  # the batch remembers the address


def test_next_commands_repeat_the_mapping(shell: Shell) -> None:
    """A column's name is quoted where the shell needs it."""
    (shell.path / "x.csv").write_text("Account No,company_name,platform\n1,Acme,Xero\n")
    checked = shell.run("bulk check x.csv --map 'customer_id=Account No' --sandbox")
    assert "    bulk migrate x.csv --map 'customer_id=Account No' --sandbox\n" in checked.stdout


def test_the_summary_names_the_readme_of_the_reports_if_there_is_one(shell: Shell) -> None:
    """There is one in the project's own folder."""
    shell.customers(1)
    elsewhere = shell.run("bulk migrate x.csv --sandbox --reports out").stdout
    assert "Reports: out/x/report.html\n" in elsewhere
    assert "README.md" not in shell.run("bulk migrate x.csv --sandbox").stdout
    (shell.path / "reports" / "README.md").touch()
    assert "reports/README.md explains all files." in shell.run("bulk report reports/x").stdout


@pytest.mark.parametrize("command", ["check", "report", "migrate"])
def test_an_internal_error_is_one_message(shell: Shell, command: str) -> None:
    """It says what was kept and what to do: a command that sends anything can resume."""
    shell.customers(1)
    (shell.path / "sitecustomize.py").write_text(
        "import bulk.input, bulk.reports.write\n"
        "def broken(*_, **__):\n    raise RuntimeError('broken')\n"
        "bulk.input.open_input = bulk.reports.write.write_reports = broken\n"
    )
    (shell.path / "batch").mkdir()
    (shell.path / "batch" / "journal.sqlite3").write_text("not empty")
    arguments = {"check": "x.csv", "migrate": "x.csv --sandbox", "report": "batch"}[command]
    ended = shell.run(f"bulk {command} {arguments}", PYTHONPATH=str(shell.path))
    assert ended.returncode == 75
    assert ended.stderr.startswith("bulk: internal error (RuntimeError: broken). ")
    assert ended.stderr.count("\n") == 1
    assert ("The same command resumes" in ended.stderr) == (command == "migrate")
    assert ("Nothing was changed" in ended.stderr) == (command != "migrate")
    assert "BULK_DEBUG=1" in ended.stderr
    debugged = shell.run(f"bulk {command} {arguments}", PYTHONPATH=str(shell.path), BULK_DEBUG="1")
    assert "Traceback" in debugged.stderr
