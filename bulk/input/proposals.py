"""Proposes encodings for a text that is not UTF-8, each with words as it would read them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Final

from bulk.input.alphabets import is_plausible, likelihood, words
from bulk.input.compression import open_content
from bulk.input.files import wrap_read_errors
from bulk.input.text_file import TextFile
from bulk.input.western import unquoted
from bulk.text import series, shorten

_ENCODINGS: Final = (
    *("mac_roman", "cp850", "cp437"),  # Western Europe
    *("cp1250", "iso8859_2", "cp852", "mac_latin2"),  # Central Europe
    *("cp1251", "koi8_r", "cp866", "mac_cyrillic", "iso8859_5"),  # Cyrillic
    *("cp1253", "iso8859_7", "cp737", "cp1254", "cp857", "mac_turkish", "cp1257", "cp775"),
    *("cp1255", "cp1256", "cp874"),  # Hebrew, Arabic, Thai
    *("cp932", "gb18030", "big5", "cp949", "euc_jp"),
    "cp1252",
)
"""The encodings to propose. Of those that fit equally well, the first ones are proposed."""
_CHUNK: Final = 1 << 20
_MAX_LINES: Final = 1_000
_MAX_BYTES: Final = 1 << 18
_MAX_IMPLAUSIBLE: Final = 0.1
"""The share of implausible words in a text that is read in the right encoding. Some names are unusual."""
_MAX_PROPOSALS: Final = 4
_MAX_WORDS: Final = 2
_MAX_WORD: Final = 30


def propose(lines: Sequence[bytes]) -> str:
    """Return the options for the most probable encodings of lines, with words that they read, or nothing.

    Windows-1252 is among them if it is possible at all.
    """
    found: dict[tuple[str, ...], str] = {}
    for encoding in _ENCODINGS:
        if is_probable(lines, encoding):
            reading = tuple(read_words(lines, encoding) or ())
            if reading not in found or encoding == "cp1252":
                found[reading] = encoding
    best = sorted(found.items(), key=lambda item: _share(item[0]) - likelihood(item[0]))
    shown = [item for at, item in enumerate(best) if at < _MAX_PROPOSALS or item[1] == "cp1252"]
    proposals = [f"--encoding {encoding} reads {quoted(reading)}" for reading, encoding in shown]
    return series(proposals, "or") if proposals else ""


def foreign_parts(file: TextFile) -> Iterator[list[bytes]]:
    """Yield the lines of each part of a file that have other bytes than ASCII."""
    held = b""
    with wrap_read_errors(file.path), open_content(file.path, file.layers) as stream:
        while raw := stream.read(_CHUNK):
            lines = (held + raw).splitlines(keepends=True)
            held = lines.pop() if len(lines[-1]) < _CHUNK else b""
            yield [line for line in lines if not line.isascii()]
    if not held.isascii():
        yield [held]


def foreign_lines(file: TextFile) -> list[bytes]:
    """Return the first lines of a file that have other bytes than ASCII."""
    lines: dict[bytes, None] = {}
    size = 0
    for line in itertools.chain.from_iterable(foreign_parts(file)):
        if line not in lines:
            lines[line] = None
            size += len(line)
        if len(lines) >= _MAX_LINES or size >= _MAX_BYTES:
            break
    return list(lines)


def read_words(lines: Sequence[bytes], encoding: str) -> list[str] | None:
    """Return the different words with other characters than ASCII in this encoding, or None if it does not fit."""
    try:
        text = "\n".join(line.decode(encoding) for line in lines)
    except UnicodeDecodeError:
        return None
    return list(dict.fromkeys(words(unquoted(text))))


def is_probable(lines: Sequence[bytes], encoding: str) -> bool:
    """Return whether the bytes of lines have a meaning in an encoding, and most words are plausible."""
    read = read_words(lines, encoding)
    return read is not None and _share(read) <= _MAX_IMPLAUSIBLE


def _share(read: Sequence[str]) -> float:
    """Return the share of implausible words."""
    return sum(not is_plausible(word) for word in read) / max(len(read), 1)


def quoted(read: Sequence[str]) -> str:
    """Return the first words in quotes, shortened and printable."""
    shown = [shorten(word, _MAX_WORD) for word in read[:_MAX_WORDS]]
    return series([f'"{"".join(each if each.isprintable() else chr(0xFFFD) for each in word)}"' for word in shown])
