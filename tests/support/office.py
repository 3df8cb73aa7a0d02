"""LibreOffice as a user has it, for tests of how it reads a workbook."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_SOFFICE = shutil.which("soffice")

needs_office = pytest.mark.skipif(_SOFFICE is None, reason="needs LibreOffice: apt-get install libreoffice-calc")


def convert(path: Path, to: str, folder: Path) -> list[Path]:
    """Open a file, save it into the folder in another format, and return the new files. `to`: LibreOffice's filter."""
    profile = folder / "profile"  # otherwise an open LibreOffice would take the job and do nothing
    out = folder / "converted"
    command = [str(_SOFFICE), f"-env:UserInstallation={profile.as_uri()}", "--headless", "--norestore"]
    command += ["--convert-to", to, "--outdir", str(out), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(out.iterdir())
