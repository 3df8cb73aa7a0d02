"""Opens a file's bytes, and turns every failure to read them into an `InputError`."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from bulk.errors import InputError


@contextmanager
def wrap_read_errors(path: Path) -> Iterator[None]:
    """Turn errors of reading this file into an `InputError` of one line."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: the file does not exist; check its name") from None
    except PermissionError:
        raise InputError(f"{path}: permission to read the file is denied; check its permissions") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        remedy = "copy it again, or rename it to .csv if it is not compressed"
        raise InputError(f"{path}: the gzip file is incomplete or damaged; {remedy}") from error
    except OSError as error:
        raise InputError(f"{path}: the file cannot be read ({error.strerror or error}); copy it again") from error


def open_bytes(path: Path, *, is_compressed: bool) -> BinaryIO:
    """Open a file for reading, through gzip if it is compressed."""
    return cast("BinaryIO", gzip.open(path, "rb")) if is_compressed else path.open("rb")


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex. Raises InputError."""
    with wrap_read_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
