"""A disk that lacks something, as some network shares do: it is refused before the first request, or used safely.

A library that is preloaded into the process stands for the disk.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.runs import KEY, Codat

SOURCE = Path(__file__).parents[2] / "support" / "lacking_disk.c"
COMPILER = shutil.which("cc") or shutil.which("gcc")

pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="preloads a library, as Linux does"),
    pytest.mark.skipif(COMPILER is None, reason="needs a C compiler"),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the library."""
    path = tmp_path_factory.mktemp("library") / "lacking_disk.so"
    subprocess.run([str(COMPILER), "-shared", "-fPIC", "-o", str(path), str(SOURCE), "-ldl"], check=True)
    return path


class Machine:
    """A machine with a folder `share`, whose disk lacks something."""

    def __init__(self, path: Path, library: Path, codat: Codat) -> None:
        self.path, self._library, self._codat = path, library, codat
        self.share = path / "share"
        self.share.mkdir()
        (path / "c.csv").write_text(f"customer_id,company_name,platform\n{path},Ash Ltd,Xero\n")

    def run(self, lacking: str, *arguments: str, state: str = "state") -> subprocess.CompletedProcess[str]:
        """Run a command of bulk to its end."""
        values = {
            "CODAT_API_KEY": KEY,
            "CODAT_BASE_URL": self._codat.base_url,
            "CODAT_WEBHOOK_SECRET": "whsec_c2VjcmV0",
            "XDG_STATE_HOME": str(self.path / state),
            "LD_PRELOAD": str(self._library),
            "LACKS": lacking,
        }
        command = [sys.executable, "-m", "bulk", *arguments]
        return subprocess.run(
            command, env=os.environ | values, cwd=self.path, capture_output=True, text=True, check=False, timeout=120
        )

    def migrate(self, lacking: str, *options: str, state: str = "state") -> subprocess.CompletedProcess[str]:
        """Migrate the customers to a batch on the share."""
        return self.run(lacking, "migrate", "c.csv", "--reports", str(self.share), *options, state=state)


@pytest.fixture
def machine(tmp_path: Path, library: Path, codat: Codat) -> Machine:
    """Return a machine with an empty share."""
    codat.count_from_zero()
    return Machine(tmp_path, library, codat)


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ("locks", "its disk has no locks"),  # ENOLCK
        ("locks, and says so", "its disk has no locks"),  # ENOSYS
        ("exclusive locks", "its disk has no locks"),  # two may hold one at once
        ("byte locks", "its disk has no locks"),  # those of SQLite: ENOLCK
        ("byte locks, and says so", "its disk has no locks"),  # EOPNOTSUPP
        ("exclusive byte locks", "its disk has no locks"),
        ("shared memory", "its disk has no shared memory"),
        ("syncs", "its disk cannot sync a file"),
        ("renames", "its disk cannot replace a file by renaming another"),
    ],
)
def test_a_disk_that_cannot_hold_a_batch_is_refused(machine: Machine, codat: Codat, lacking: str, reason: str) -> None:
    """The message says what to do, nothing was sent, and nothing is left of the test."""
    ended = machine.migrate(lacking)
    assert ended.returncode == 2, ended.stderr
    assert ended.stderr.startswith(f"bulk: {machine.share / 'c'} cannot be used: {reason}")
    assert "Use a folder on a local disk with --reports" in ended.stderr
    assert ended.stderr.count("\n") == 1
    assert codat.stats()["requests_total"] == 0
    assert list((machine.share / "c").iterdir()) == []


@pytest.mark.parametrize(
    ("lacking", "warning"),
    [
        ("syncs of folders", ""),
        ("permissions", "the mount decides who can read its linkUrls"),
        ("permissions, and is silent", "the mount decides who can read its linkUrls"),
    ],
)
def test_a_disk_that_can_hold_a_batch_is_used(machine: Machine, lacking: str, warning: str) -> None:
    """A file system without permissions is reported once, by the command that creates the batch."""
    ended = machine.migrate(lacking)
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("the disk of this folder") == bool(warning)
    assert warning in ended.stderr
    assert (machine.share / "c" / "links.csv").exists()
    checked = machine.run(lacking, "check", "c.csv", "--output", str(machine.share / "all.csv"))
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("line", ["report c", "sent c --wave 1", "follow-up c", "links c", "listen c"])
def test_the_other_commands_refuse_such_a_disk_too(machine: Machine, line: str) -> None:
    """For example after the batch was copied there."""
    assert machine.migrate("nothing").returncode == 0
    command, _, *options = line.split()
    ended = machine.run("byte locks", command, str(machine.share / "c"), *options)
    assert ended.returncode == 2, ended.stderr
    assert "its disk has no locks" in ended.stderr


def test_a_home_without_locks_is_reported(machine: Machine) -> None:
    """Runs of other batches cannot be noticed then. A file in place of the lock would outlive a killed process."""
    ended = machine.run("locks, and says so", "migrate", "c.csv", state="share")
    assert ended.returncode == 0, ended.stderr
    assert "bulk cannot notice other runs for the same Codat client" in ended.stderr
    assert "UserWarning" not in ended.stderr
