"""A wrong folder, name or permission is wrong usage: exit code 2, before anything is sent."""

from __future__ import annotations

import os
import stat

import pytest

from acceptance.cli.conftest import Shell

LONG = "n" * 300
KEY = {"CODAT_API_KEY": "k", "CODAT_BASE_URL": "http://127.0.0.1:9"}  # nothing listens there


@pytest.mark.parametrize("sandbox", ["", "--sandbox"])
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--reports file", "a file is where a folder should be"),
        ("--reports /dev/null/x", "a file is where a folder should be"),
        ("--reports . --batch file", "a file is where a folder should be"),
        (f"--batch {LONG}", "the name is too long"),
        ("--batch held", "a folder is where a file should be"),  # where the journal should be
    ],
)
def test_an_unusable_place_for_a_batch_is_refused(shell: Shell, arguments: str, expected: str, sandbox: str) -> None:
    """One line says what is wrong there, and that nothing was sent."""
    shell.customers(2)
    (shell.path / "file").touch()
    (shell.path / "reports" / "held" / "journal.sqlite3").mkdir(parents=True)
    ended = shell.run(f"bulk migrate x.csv {arguments} {sandbox}", **({} if sandbox else KEY))
    assert ended.returncode == 2, ended.stderr
    assert expected in ended.stderr
    assert "nothing was sent" in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "line",
    [
        "bulk sandbox --batch file",
        "bulk sandbox --batch nowhere",
        f"bulk sandbox --batch {LONG}",
        "bulk sandbox --state /dev/null/x",
        f"bulk report {LONG}",
        "bulk report file",
    ],
)
def test_the_other_commands_refuse_unusable_places_too(shell: Shell, line: str) -> None:
    """The exit code is that of wrong usage, and there is no traceback."""
    (shell.path / "file").touch()
    ended = shell.run(line)
    assert ended.returncode == 2, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "internal error" not in ended.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("sandbox", ["", "--sandbox"])
def test_a_folder_without_permission_is_refused(shell: Shell, sandbox: str) -> None:
    """Whether it is the folder, its parent or only the journal."""
    shell.customers(2)
    place = shell.path / "reports" / "x"
    place.mkdir(parents=True)
    (place / "journal.sqlite3").touch()
    for path, mode in ((place / "journal.sqlite3", 0o000), (place, 0o500), (place.parent, 0o000)):
        path.chmod(mode)
        ended = shell.run(f"bulk migrate x.csv {sandbox}", **({} if sandbox else KEY))
        path.chmod(0o700)
        assert ended.returncode == 2, ended.stderr
        assert "this user may not" in ended.stderr


def test_a_sandbox_keeps_its_files_for_their_owner(shell: Shell) -> None:
    """They contain linkUrls, which stay private even if somebody opens the folder to others later."""
    shell.customers(2)
    assert shell.run("bulk migrate x.csv --sandbox").returncode == 0
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) & 0o077
        for path in (shell.path / "reports" / "x" / "sandbox").iterdir()
    }
    assert "sandbox.sqlite3" in modes
    assert not any(modes.values()), modes


def test_a_damaged_sandbox_is_one_message(shell: Shell) -> None:
    """It names the file to remove, whatever command starts the sandbox."""
    shell.customers(1)
    shell.run("bulk migrate x.csv --sandbox")
    state = shell.path / "reports" / "x" / "sandbox" / "sandbox.sqlite3"
    state.write_bytes(b"garbage")
    for line in ("bulk sandbox --batch reports/x", "bulk undo reports/x --sandbox"):
        ended = shell.run(line)
        assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
        assert f"{state.resolve()} is damaged. Remove it to begin again: its companies are lost." in ended.stderr


def test_an_incomplete_installation_is_reported(shell: Shell) -> None:
    """Running the command again would not help: exit code 2, and what does."""
    (shell.path / "broken" / "pyarrow").mkdir(parents=True)
    (shell.path / "broken" / "pyarrow" / "__init__.py").write_text("raise ImportError('libarrow.so: no such file')")
    (shell.path / "x.parquet").write_bytes(b"PAR1")
    ended = shell.run("bulk check x.parquet", PYTHONPATH="broken")
    assert ended.returncode == 2, ended.stderr
    assert "its installation is incomplete (libarrow.so: no such file)" in ended.stderr
    assert "Install codat-bulk again" in ended.stderr
