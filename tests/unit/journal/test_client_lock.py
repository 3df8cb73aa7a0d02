"""One run at a time sends for a Codat client on this machine."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bulk.errors import ClientInUseError
from bulk.journal.client_lock import Sender, only_sender

SENDER = Sender("migrate", "reports/a", 17, "2026-11-28T10:00:00Z")


def test_a_second_run_names_the_first(tmp_path: Path) -> None:
    """It has its command, its batch, its process and its beginning."""
    environ = {"XDG_STATE_HOME": str(tmp_path)}
    with only_sender("one", SENDER, environ):
        with (
            pytest.raises(
                ClientInUseError, match=r"bulk migrate on reports/a \(process 17, since 2026-11-28T10:00:00Z\)"
            ),
            only_sender("one", SENDER, environ),
        ):
            pass
        with only_sender("two", SENDER, environ):
            pass
    with only_sender("one", SENDER, environ):
        pass


def test_the_folder_is_private(tmp_path: Path) -> None:
    """Even if another program has created it with other permissions. No file has the client's id."""
    (tmp_path / "bulk").mkdir(mode=0o755)
    with only_sender("client-17", SENDER, {"XDG_STATE_HOME": str(tmp_path)}):
        files = list((tmp_path / "bulk").iterdir())
    assert stat.S_IMODE((tmp_path / "bulk").stat().st_mode) == 0o700
    assert all(stat.S_IMODE(each.stat().st_mode) == 0o600 for each in files if each.exists())
    assert not any("client-17" in each.name for each in files)


@pytest.mark.parametrize("environ", [{}, {"XDG_STATE_HOME": "relative"}, {"HOME": "/dev/null"}])
def test_without_a_folder_there_is_no_lock(environ: dict[str, str]) -> None:
    """The caller says so, and the run continues."""
    with pytest.raises(OSError), only_sender("one", SENDER, environ):  # noqa: PT011 - any of its subclasses
        pass


def test_the_runtime_folder_is_the_second_choice(tmp_path: Path) -> None:
    """A home folder may be read-only."""
    with only_sender("one", SENDER, {"HOME": "/dev/null", "XDG_RUNTIME_DIR": str(tmp_path)}):
        assert (tmp_path / "bulk").is_dir()
