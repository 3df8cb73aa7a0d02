"""The folder of a simulated batch. It is in memory if possible: no simulated crash loses writes to the disk."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MEMORY = Path("/dev/shm")  # noqa: S108 - only to make a private folder in it


@contextmanager
def folder_in_memory() -> Iterator[Path]:
    """Return a folder that is deleted afterwards."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as path:
        yield Path(path)
