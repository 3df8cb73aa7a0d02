"""How to read a table, as the user says. What the user does not say is detected."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from encodings.aliases import aliases
from typing import Final

from bulk.errors import UsageError

STANDARD_INPUT: Final = "-"
"""The name of standard input, on the command line and in a batch."""
MAX_ROWS: Final = 1_000_000
MAX_PREFIX: Final = 100  # characters
_NO_ENCODINGS: Final = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem")
_OF_BYTES: Final = ("base64_codec", "bz2_codec", "hex_codec", "quopri_codec", "rot_13", "uu_codec", "zlib_codec")
"""Codecs of texts that are no encodings of a file."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How to read a table. None means that it is detected, or that the batch remembers it.

    `encoding` is the name of a codec in Python, `skip_rows` the number of lines before the header, and `comment` the
    prefix of rows that are no customers. An empty `comment` means that there are none. `constants` are {field: value},
    for fields that have the same value in all rows. `sheet` is the name of a sheet in a workbook.
    """

    encoding: str | None = None
    skip_rows: int | None = None
    comment: str | None = None
    constants: Mapping[str, str] | None = None
    sheet: str | None = None

    def __post_init__(self) -> None:
        """Raise UsageError for an impossible value."""
        if self.encoding is not None:
            object.__setattr__(self, "encoding", _codec(self.encoding))
        if self.skip_rows is not None and self.skip_rows not in range(MAX_ROWS + 1):
            raise UsageError(f"--skip-rows must be a number from 0 to {MAX_ROWS:,}, not {self.skip_rows!r}.")
        if self.comment is not None and not (self.comment.isprintable() and len(self.comment) <= MAX_PREFIX):
            raise UsageError(f"--comment must be a prefix of at most {MAX_PREFIX} printable characters.")
        if self.sheet is not None and not self.sheet.strip():
            raise UsageError("--sheet must be the name of a sheet.")

    def __or__(self, other: Reading) -> Reading:
        """Return this, with what it does not say from the other one."""
        return Reading(
            other.encoding if self.encoding is None else self.encoding,
            other.skip_rows if self.skip_rows is None else self.skip_rows,
            other.comment if self.comment is None else self.comment,
            {**(other.constants or {}), **(self.constants or {})} or None,
            other.sheet if self.sheet is None else self.sheet,
        )

    def said(self) -> dict[str, str | int | Mapping[str, str]]:
        """Return what the user says, by name."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: value for name, value in values.items() if value not in (None, {})}

    def options(self) -> list[str]:
        """Return the command's options for this."""
        constants = [("set", f"{name}={value}") for name, value in (self.constants or {}).items()]
        others = [(name, str(value)) for name, value in self.said().items() if name != "constants"]
        return [word for name, value in (*others, *constants) for word in (f"--{name.replace('_', '-')}", value)]


NOTHING_SAID: Final = Reading()


@dataclass(frozen=True, slots=True)
class Remembered:
    """What a batch remembers about reading its inputs: how to read a text table, and {field: column} from --map."""

    reading: Reading = NOTHING_SAID
    mapping: Mapping[str, str] = field(default_factory=dict)


NOTHING_REMEMBERED: Final = Remembered()


def mapping_options(mapping: Mapping[str, str]) -> list[str]:
    """Return the command's options for {field: column}."""
    return [word for name, column in mapping.items() for word in ("--map", f"{name}={column}")]


def _codec(name: str) -> str:
    """Return the name of an encoding in the form of Python: `mac-roman` for `MacRoman`. Raises UsageError."""
    try:
        found = codecs.lookup(name.strip()).name
        " ".encode(found)  # an error for codecs of bytes, such as hex
    except (LookupError, ValueError):
        found = ""
    if not found or found.replace("-", "_") in _NO_ENCODINGS:
        from bulk.text import closest, series  # here, since it loads more than a command's options need

        near = closest(name, [each for each in aliases if aliases[each] not in (*_NO_ENCODINGS, *_OF_BYTES)])
        hint = f" (did you mean {series(near, 'or')}?)" if near else ""
        raise UsageError(
            f"--encoding {name}: unknown encoding{hint}. Use a name such as utf-8, cp1252, mac_roman, cp850, cp1250, "
            "cp1251 or shift_jis."
        )
    return found
