"""Keeps standard input in a private temporary file, so that it can be read several times like any other input."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bulk.errors import BulkError, InputError, UsageError
from bulk.reading import STANDARD_INPUT

_NAMES: Final = (Path(STANDARD_INPUT), Path("/dev/stdin"))
_SHOWN: Final = "standard input"


def is_standard_input(path: Path) -> bool:
    """Return whether this is the name of standard input: `-`."""
    return path in _NAMES


def require_batch(path: Path, batch: str | None) -> None:
    """Raise UsageError for standard input without the name of a batch: it has no name that the batch could have."""
    if batch is None and is_standard_input(path):
        raise UsageError("Standard input has no name that the batch could have. Add --batch NAME. Nothing was sent.")


@contextmanager
def spooled(path: Path) -> Iterator[Path]:
    """Yield the path of an input. That of standard input is a file in a folder that only its owner can read.

    The folder is removed at the end. Errors name standard input. Raises InputError.
    """
    if not is_standard_input(path):
        yield path
        return
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError(f"{_SHOWN} is a terminal; name a file, or pipe one into bulk")
    with tempfile.TemporaryDirectory(prefix="bulk-") as folder:  # its mode is 0700
        file = Path(folder) / STANDARD_INPUT
        try:
            with file.open("wb") as copy:
                file.chmod(0o600)
                shutil.copyfileobj(sys.stdin.buffer, copy)
        except OSError as error:
            reason = f"{_SHOWN} cannot be kept in {tempfile.gettempdir()}: {error.strerror}"
            raise InputError(f"{reason}; name a folder with more space in TMPDIR") from error
        try:
            yield file
        except BulkError as error:
            error.args = tuple(str(each).replace(str(file), _SHOWN) for each in error.args)
            raise
