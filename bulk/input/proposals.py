"""Refuses text that Windows-1252 cannot plausibly hold, and proposes encodings that fit it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from bulk.errors import InputError
from bulk.input.alphabets import is_plausible, words
from bulk.input.compression import open_content
from bulk.input.files import wrap_read_errors
from bulk.input.text_file import TextFile
from bulk.text import series, shorten

_ENCODINGS: Final = (
    *("mac_roman", "cp850", "cp437"),  # Western Europe
    *("cp1250", "iso8859_2", "cp852", "mac_latin2"),  # Central Europe
    *("cp1251", "koi8_r", "cp866", "mac_cyrillic", "iso8859_5"),  # Cyrillic
    *("cp1253", "iso8859_7", "cp737", "cp1254", "cp857", "mac_turkish", "cp1257", "cp775"),
    *("cp1255", "cp1256", "cp874"),  # Hebrew, Arabic, Thai
    *("cp932", "gb18030", "big5", "cp949", "euc_jp"),
)
"""The encodings to propose. Of those that fit equally well, the first ones are proposed."""
_CHUNK: Final = 1 << 20
_MAX_LINES: Final = 1_000
_MAX_BYTES: Final = 1 << 18
_MAX_IMPLAUSIBLE: Final = 0.1
"""The share of implausible words in a text that is read in the right encoding. Some names are unusual."""
_MAX_PROPOSALS: Final = 3
_MAX_WORDS: Final = 2
_MAX_WORD: Final = 30


def require_windows_1252(file: TextFile) -> None:
    """Raise InputError if a text that is not UTF-8 is probably not Windows-1252 either."""
    lines = _foreign_lines(file)
    if (read := _words(lines, "cp1252")) is not None and _share(read) <= _MAX_IMPLAUSIBLE:
        return
    if read is None:
        problem = "is neither UTF-8 nor Windows-1252 text"
    else:
        odd = [word for word in read if not is_plausible(word)]
        problem = f"is not UTF-8, and read as Windows-1252 it has words such as {_quoted(odd)}"
    raise InputError(f"{file.path} {problem}; {_remedy(lines)}")


def _remedy(lines: Sequence[bytes]) -> str:
    """Return what to do, with the encodings that fit and the words that they read."""
    found: dict[tuple[str, ...], tuple[float, str]] = {}
    for encoding in _ENCODINGS:
        read = _words(lines, encoding)
        if read is not None and _share(read) <= _MAX_IMPLAUSIBLE:
            found.setdefault(tuple(read[:_MAX_LINES]), (_share(read), encoding))
    best = sorted(found.items(), key=lambda item: item[1][0])[:_MAX_PROPOSALS]
    proposals = [f"--encoding {encoding} reads {_quoted(read)}" for read, (_, encoding) in best]
    if not proposals:
        return "name its encoding with --encoding, or save it as CSV in UTF-8"
    return f"name its encoding: {series(proposals, 'or')}"


def _foreign_lines(file: TextFile) -> list[bytes]:
    """Return the first lines of a file that have other bytes than ASCII."""
    lines: dict[bytes, None] = {}
    size = 0
    held = b""
    with wrap_read_errors(file.path), open_content(file.path, file.layers) as stream:
        while (raw := stream.read(_CHUNK)) and len(lines) < _MAX_LINES and size < _MAX_BYTES:
            *whole, held = re.split(rb"[\r\n]+", held + raw)
            for line in whole:
                if not line.isascii() and line not in lines:
                    lines[line] = None
                    size += len(line)
    if not held.isascii():
        lines[held] = None
    return list(lines)[:_MAX_LINES]


def _words(lines: Sequence[bytes], encoding: str) -> list[str] | None:
    """Return the different words with other characters than ASCII in this encoding, or None if it does not fit."""
    try:
        text = "\n".join(line.decode(encoding) for line in lines)
    except UnicodeDecodeError:
        return None
    return list(dict.fromkeys(words(text)))


def _share(read: Sequence[str]) -> float:
    """Return the share of implausible words."""
    return sum(not is_plausible(word) for word in read) / max(len(read), 1)


def _quoted(read: Sequence[str]) -> str:
    shown = [shorten(word, _MAX_WORD) for word in read[:_MAX_WORDS]]
    return series([f'"{"".join(each if each.isprintable() else chr(0xFFFD) for each in word)}"' for word in shown])
