"""Turns every failure to read a file into an `InputError`, and calculates a file's digest."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bulk.errors import InputError

_DAMAGED: Final = (gzip.BadGzipFile, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile)
"""The errors of the libraries that unpack files."""


@contextmanager
def wrap_read_errors(path: Path) -> Iterator[None]:
    """Turn errors of reading this file into an `InputError` of one line."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: the file does not exist; check its name") from None
    except PermissionError:
        raise InputError(f"{path}: permission to read the file is denied; check its permissions") from None
    except NotImplementedError as error:  # a method of compression that only some zip programs have
        raise InputError(f"{path} is compressed in a way that bulk cannot read ({error}); unpack it first") from error
    except _DAMAGED as error:
        raise InputError(f"{path}: the compressed file is incomplete or damaged; copy it again") from error
    except OSError as error:
        if error.errno is None:  # only bzip2 and zstd raise it without a number
            raise InputError(f"{path}: the compressed file is incomplete or damaged; copy it again") from error
        raise InputError(f"{path}: the file cannot be read ({error.strerror or error}); copy it again") from error


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hex. Raises InputError."""
    with wrap_read_errors(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
