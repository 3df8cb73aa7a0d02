"""LibreOffice as a user has it, for tests of how it reads workbooks and CSV files, and how it saves them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

_SOFFICE = shutil.which("soffice")
_OPENED_CSV = "Text - txt - csv (StarCalc):44,34,76,1"
"""How its dialog proposes to open a file with commas and the byte order mark of UTF-8. It has no dialog here."""

needs_office = pytest.mark.skipif(_SOFFICE is None, reason="needs LibreOffice: apt-get install libreoffice-calc")


def convert(paths: Path | Sequence[Path], to: str, folder: Path) -> list[Path]:
    """Open files, save them into the folder in another format, and return the new files. `to`: LibreOffice's filter."""
    opened = [paths] if isinstance(paths, Path) else list(paths)
    profile = folder / "profile"  # otherwise an open LibreOffice would take the job and do nothing
    out = folder / "converted"
    command = [str(_SOFFICE), f"-env:UserInstallation={profile.as_uri()}", "--headless", "--norestore"]
    if opened[0].suffix == ".csv":
        command.append(f"--infilter={_OPENED_CSV}")
    command += ["--convert-to", to, "--outdir", str(out), *map(str, opened)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(out.iterdir())
