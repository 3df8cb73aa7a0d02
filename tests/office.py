"""LibreOffice as a customer has it, for tests of what it makes of a workbook."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

_SOFFICE = shutil.which("soffice")

needs_office = pytest.mark.skipif(_SOFFICE is None, reason="needs LibreOffice: apt-get install libreoffice-calc")


def convert(path: Path, to: str, folder: Path) -> list[Path]:
    """Open a file and save it into the folder in another format; give the new files. `to`: LibreOffice's own words."""
    profile = folder / "profile"  # or a window that somebody has open would take the work and do nothing
    out = folder / "converted"
    command = [str(_SOFFICE), f"-env:UserInstallation={profile.as_uri()}", "--headless", "--norestore"]
    command += ["--convert-to", to, "--outdir", str(out), str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(out.iterdir())
