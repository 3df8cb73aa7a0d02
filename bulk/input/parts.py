"""The parts of a folder that is one table, as Spark and Hive write it.

Files and folders whose names begin with `_` or `.` are no parts, such as `_SUCCESS`. A folder called `KEY=VALUE` gives
all rows below it a column.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from bulk.errors import InputError
from bulk.input.files import digest_of, wrap_read_errors

_HIDDEN: Final = ("_", ".")
_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True)
class Part:
    """A file of the table."""

    path: Path
    name: str
    """Its path in the folder, for people."""
    keys: Mapping[str, str | None]
    """The columns that the names of its folders give all its rows, with their value."""


def parts_of(folder: Path) -> tuple[Part, ...]:
    """Return the parts of a folder in the order of their rows: that of their paths. Raises InputError."""
    with wrap_read_errors(folder):
        paths = [path for path in folder.rglob("*") if path.is_file() and not _is_empty_text(path)]
    found = sorted(path.relative_to(folder).parts for path in paths)
    parts = [names for names in found if not any(name.startswith(_HIDDEN) for name in names)]
    if not parts:
        raise InputError(f"{folder} is a directory without parts of a table; name the file, or a folder of parts")
    kinds = {_kind(names[-1]) for names in parts}
    if len(kinds) > 1:
        first, other = (next(names for names in parts if _kind(names[-1]) == kind) for kind in sorted(kinds)[:2])
        raise InputError(
            f"{folder} is a directory with files of several kinds, such as {'/'.join(first)} and {'/'.join(other)}; "
            "name the file, or a folder that has only the parts of one table"
        )
    return tuple(Part(folder.joinpath(*names), "/".join(names), _keys(names[:-1])) for names in parts)


def digest_of_parts(folder: Path) -> str:
    """Return the SHA-256, in hex, of the names and bytes of a folder's parts. Raises InputError."""
    digests = [(part.name, digest_of(part.path)) for part in parts_of(folder)]
    return hashlib.sha256(repr(digests).encode()).hexdigest()


def stamp_of_parts(folder: Path) -> tuple[int, int]:
    """Return values that change with the parts: their size, and a hash of their names, sizes and times."""
    stamps = []
    for part in parts_of(folder):
        with wrap_read_errors(part.path):
            status = part.path.stat()
        stamps.append((part.name, status.st_size, status.st_mtime_ns))
    return sum(size for _, size, _ in stamps), hash(tuple(stamps))


def _is_empty_text(path: Path) -> bool:
    """Return whether a file is an empty text, which Spark writes for a part without rows."""
    return not path.stat().st_size and _kind(path.name) != "parquet"


def _kind(name: str) -> str:
    """Return the ending of a file's name, without those of compressions."""
    words = name.lower().split(".")[1:]
    return next((word for word in reversed(words) if word not in ("gz", "zst", "bz2", "xz", "zip")), "")


def _keys(folders: tuple[str, ...]) -> dict[str, str | None]:
    keys: dict[str, str | None] = {}
    for name in folders:
        key, separator, value = name.partition("=")
        if key and separator:
            keys[unquote(key)] = None if value in ("", _NO_VALUE) else unquote(value)
    return keys
