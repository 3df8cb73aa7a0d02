"""The parts of a folder that is one table, as Spark and Hive write it.

Files that such programs write for themselves, such as `_SUCCESS`, are no parts. A folder called `KEY=VALUE` gives all
rows below it a column.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from bulk.errors import InputError
from bulk.input.files import digest_of, wrap_read_errors

_ENDINGS_OF_OTHERS: Final = (".crc", "._COPYING_")
TEXT: Final = "is a text table"
_NO_VALUE: Final = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, eq=False)
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
        found = sorted(path.relative_to(folder).parts for path in folder.rglob("*") if path.is_file())
    parts = [names for names in found if not any(map(_is_others, names))]
    if not parts:
        raise InputError(f"{folder} is a directory without parts of a table; name the file, or a folder of parts")
    return tuple(Part(folder.joinpath(*names), "/".join(names), _keys(names[:-1])) for names in parts)


def with_rows(folder: Path, parts: Sequence[Part], kind_of: Callable[[Path], str]) -> tuple[Part, ...]:
    """Return the parts without empty texts, which Spark writes for parts without rows. Raises InputError.

    `kind_of` returns the kind of a file's content, in words, or "" for an empty file. All parts must have the same.
    """
    kinds = {part: kind_of(part.path) for part in parts}
    first = next((part for part in parts if kinds[part]), parts[0])
    other = next((part for part in parts if kinds[part] not in ("", kinds[first])), None)
    if other is not None:
        raise InputError(
            f"{folder} is a directory with files of several kinds: {first.name} {kinds[first]}, and {other.name} "
            f"{kinds[other]}; name the file, or a folder that has only the parts of one table"
        )
    return tuple(part for part in parts if kinds[part] or kinds[first] != TEXT) or (first,)


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


def _is_others(name: str) -> bool:
    """Return whether a program has written a file or folder for itself. Spark and Hadoop have the same rules."""
    is_hidden = name.startswith(".") or (name.startswith("_") and "=" not in name)
    return is_hidden or name.endswith(_ENDINGS_OF_OTHERS)


def _keys(folders: tuple[str, ...]) -> dict[str, str | None]:
    keys: dict[str, str | None] = {}
    for name in folders:
        key, separator, value = name.partition("=")
        if key and separator:
            keys[unquote(key)] = None if value in ("", _NO_VALUE) else unquote(value)
    return keys
