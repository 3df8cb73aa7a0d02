"""Small file systems in memory, mounted where a test needs them. This needs root, and not every container allows it."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

MISSING = "needs the right to mount a file system in memory: root, and not in every container"


@cache
def can_mount() -> bool:
    """Return whether this process may mount a file system."""
    with tempfile.TemporaryDirectory() as path:
        try:
            with small(Path(path), "64k"):
                return True
        except (OSError, subprocess.CalledProcessError):
            return False


@contextmanager
def small(path: Path, size: str) -> Iterator[None]:
    """Mount a file system of this size (such as `300k`) on a folder. It disappears after the block, with its files."""
    path.mkdir(parents=True, exist_ok=True)
    _run("mount", "-t", "tmpfs", "-o", f"size={size},mode=700", "tmpfs", str(path))
    try:
        yield
    finally:
        _run("umount", "--lazy", str(path))


def remount(path: Path, options: str) -> None:
    """Change the size of a mounted file system (`size=9m`), or make it read-only (`ro`)."""
    _run("mount", "-o", f"remount,{options}", str(path))


def _run(*line: str) -> None:
    subprocess.run(line, check=True, capture_output=True)
