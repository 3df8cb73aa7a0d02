"""The wheel has every file of bulk, and all commands run where only the wheel and the locked packages are installed."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import bulk

ROOT = Path(__file__).parents[2]
SECONDS = 300
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
IMPORT_ALL = """
import importlib, pkgutil, python_calamine, standardwebhooks, bulk
for module in pkgutil.walk_packages(bulk.__path__, "bulk."):
    if not module.name.endswith("__main__"):
        importlib.import_module(module.name)
print(bulk.__file__)
"""


def run(*command: str | Path, cwd: Path, code: int = 0) -> str:
    """Run a command without the variables of this Python; return its output. It must end with this exit code."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CODAT_"))}
    ended = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert ended.returncode == code, ended.stdout + ended.stderr
    return ended.stdout


def build(source: Path, target: Path) -> tuple[Path, Path]:
    """Build the wheel and the sdist of a source tree; return both files."""
    run(sys.executable, "-m", "hatchling", "build", "--directory", target, cwd=source)
    (wheel,), (sdist,) = target.glob("*.whl"), target.glob("*.tar.gz")
    return wheel, sdist


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return the wheel and the sdist of this project."""
    return build(ROOT, tmp_path_factory.mktemp("dist"))


def test_the_wheel_has_every_file_of_the_package(built: tuple[Path, Path]) -> None:
    """SQL, templates, styles, scripts and py.typed, too. It has nothing else but its metadata."""
    wheel, _ = built
    assert wheel.name == f"codat_bulk-{bulk.__version__}-py3-none-any.whl"
    files = {
        path.relative_to(ROOT).as_posix() for path in (ROOT / "bulk").rglob("*.*") if "__pycache__" not in path.parts
    }
    assert {Path(name).suffix for name in files} >= {".py", ".sql", ".css", ".js", ".typed"}
    with zipfile.ZipFile(wheel) as archive:
        assert {name for name in archive.namelist() if ".dist-info/" not in name} == files


def test_the_sdist_builds_the_same_wheel(built: tuple[Path, Path], tmp_path: Path) -> None:
    """It is the same to the byte."""
    wheel, sdist = built
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    again, _ = build(tmp_path / sdist.name.removesuffix(".tar.gz"), tmp_path / "dist")
    assert again.read_bytes() == wheel.read_bytes()


@pytest.mark.long
def test_an_installed_wheel_runs(built: tuple[Path, Path], tmp_path: Path) -> None:
    """The environment has no other packages, and the commands run outside the checkout."""
    probe = [*PIP, "index", "versions", "click", "--retries", "0", "--timeout", "10"]
    if subprocess.run(probe, capture_output=True, timeout=SECONDS, check=False).returncode != 0:
        pytest.skip("no package index can be reached")
    run(sys.executable, "-m", "venv", "--without-pip", "env", cwd=tmp_path)
    python, command = tmp_path / "env" / "bin" / "python", tmp_path / "env" / "bin" / "bulk"
    pip = [*PIP, "--python", str(python)]
    install = [*pip, "install", "--quiet", "--no-compile"]  # the commands compile what they import
    run(*install, "--require-hashes", "-r", ROOT / "requirements.lock", cwd=tmp_path)
    run(*install, "--no-deps", built[0], cwd=tmp_path)
    run(*pip, "check", cwd=tmp_path)
    assert run(command, "--version", cwd=tmp_path) == f"bulk, version {bulk.__version__}\n"
    assert run(python, "-c", IMPORT_ALL, cwd=tmp_path).startswith(str(tmp_path / "env"))
    customers = ROOT / "inputs" / "customers.csv"  # some of its rows are invalid, so that the exit code is 1
    run(command, "check", customers, cwd=tmp_path, code=1)
    run(command, "migrate", customers, "--sandbox", cwd=tmp_path, code=1)
    (batch := tmp_path / "reports" / "customers").joinpath("report.html").unlink()
    run(command, "report", batch, cwd=tmp_path, code=1)
    assert batch.joinpath("results.csv").read_text("utf-8").count("link_ready") == 49
    assert batch.joinpath("report.html").exists()
