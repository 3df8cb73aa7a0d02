"""Detects the encoding and the line ends of a text file."""

from __future__ import annotations

import codecs
import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from bulk.errors import InputError
from bulk.input.compression import Layers, open_content
from bulk.input.files import wrap_read_errors
from bulk.input.legacy import choose
from bulk.input.text_file import TextFile
from bulk.text import count

_SAMPLE: Final = 1 << 16
_CHUNK: Final = 1 << 20
_SLICE: Final = 1 << 16
"""Bytes to decode at once: a small buffer is reused, a large one is new memory each time."""

_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # begins as the next one
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
)
_NOTES: Final = {
    "utf-16-le": "read as UTF-16-LE",
    "utf-16-be": "read as UTF-16-BE",
    "utf-32-le": "read as UTF-32-LE",
    "utf-32-be": "read as UTF-32-BE",
    "cp1252": "read as Windows-1252, because it is not UTF-8; check that accented names are right",
}
_MAX_NULS: Final = 8
_HIGH_BYTES: Final = bytes(range(128, 256))
_REPLACEMENT: Final = "\ufffd"


def detect(
    path: Path, layers: Layers, *, named: str | None = None, remembered: str | None = None
) -> tuple[TextFile, tuple[str, ...]]:
    """Detect how a text file is written by reading all of it; return notes for its author too. Raises InputError.

    `named` is the encoding that the user names. `remembered` is what the user named for an earlier file, which counts
    for a file that is not Unicode. A byte order mark counts more than both.
    """
    with wrap_read_errors(path), open_content(path, layers) as file:
        sample = file.read(_SAMPLE)
    if not sample:
        raise InputError(f"{path} is empty; it must have a header and a row for each customer")
    if named is not None and not any(sample.startswith(mark) for mark, _ in _MARKS):
        confirmed = _named(TextFile(path, named, 0, layers))
        return _with_line_ends(confirmed), (f"read as {named}",)
    candidate, notes = _candidate(path, sample, layers)
    confirmed = _confirmed(candidate, remembered)
    if confirmed.encoding == remembered != "utf-8":
        notes = (f"read as {remembered}, as before",)
    elif confirmed.encoding in _NOTES and not notes:
        notes = (_NOTES[confirmed.encoding],)
        if confirmed.encoding == "cp1252" and remembered is not None:
            notes += (f"it does not fit --encoding {remembered}, which the batch remembers",)
    return _with_line_ends(confirmed), notes


def _candidate(path: Path, sample: bytes, layers: Layers) -> tuple[TextFile, tuple[str, ...]]:
    """Guess from its first bytes how the file is written."""
    for mark, encoding in _MARKS:
        if sample.startswith(mark):
            return TextFile(path, encoding, len(mark), layers), ()
    if b"\0" in sample:
        guess = _utf16(sample)
        if guess is not None:
            note = f"read as {guess.upper()}: it has no byte order mark, and every other byte is zero"
            return TextFile(path, guess, 0, layers), (note,)
        _refuse_binary(path, sample.count(0), len(sample))
    return TextFile(path, "utf-8", 0, layers), ()


def _utf16(sample: bytes) -> str | None:
    """Return the byte order of a UTF-16 sample without a mark, from the places of its zero bytes, or None."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if odd * 3 >= len(sample) / 2 and even * 20 <= odd:
        return "utf-16-le"
    if even * 3 >= len(sample) / 2 and odd * 20 <= even:
        return "utf-16-be"
    return None


def _named(file: TextFile) -> TextFile:
    """Confirm the encoding that the user names by decoding the whole file."""
    try:
        _decode(file)
    except UnicodeError:
        raise InputError(
            f"{file.path} has bytes that are no text in the encoding {file.encoding}; name another one with "
            "--encoding, or save the file as CSV in UTF-8"
        ) from None
    return file


def _confirmed(file: TextFile, remembered: str | None) -> TextFile:
    """Confirm the encoding by decoding the whole file. A file that seems to be UTF-8 may be in an older encoding."""
    try:
        _decode(file)
    except UnicodeDecodeError:
        if file.encoding != "utf-8" or file.mark_size:
            raise InputError(
                f"{file.path} begins as {file.encoding.upper()} but has bytes in another encoding; "
                "save it again as CSV in UTF-8"
            ) from None
    else:
        return file
    if remembered is None:
        _refuse_damaged_utf8(file)
    return _named(replace(file, encoding=choose(file, remembered)))


def _decode(file: TextFile) -> None:
    """Decode all bytes. Raises UnicodeDecodeError, and InputError for a binary file."""
    decoder = codecs.getincrementaldecoder(file.encoding)()
    is_utf8 = file.encoding == "utf-8"
    with wrap_read_errors(file.path), open_content(file.path, file.layers) as stream:
        stream.read(file.mark_size)
        is_pending = False
        nuls = size = 0
        while raw := stream.read(_SLICE):
            if not is_utf8:
                nuls += decoder.decode(raw).count("\0")
            else:
                nuls += raw.count(0)
                if is_pending or not raw.isascii():  # many slices are ASCII, which needs no decoding
                    decoder.decode(raw)
                    is_pending = decoder.getstate()[0] != b""
            size += len(raw)
            if size == _CHUNK:
                _refuse_binary(file.path, nuls, size)
                nuls = size = 0
        _refuse_binary(file.path, nuls, size)
        decoder.decode(b"", final=True)


def _refuse_binary(path: Path, nuls: int, size: int) -> None:
    """Raise InputError if there are more NUL bytes than in a text with a few damaged cells."""
    if nuls > max(_MAX_NULS, size // 1000):
        raise InputError(f"{path} contains NUL bytes and is not a text table; save it as CSV in UTF-8")


def _refuse_damaged_utf8(file: TextFile) -> None:
    """Raise InputError for UTF-8 with some damage, because reading it as Windows-1252 would garble every good name."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    letters = bad = lines = first_bad = 0
    with wrap_read_errors(file.path), open_content(file.path, file.layers) as stream:
        while raw := stream.read(_CHUNK):
            text = decoder.decode(raw)
            letters += len(text) - len(raw.translate(None, _HIGH_BYTES))
            bad += text.count(_REPLACEMENT)
            if bad and not first_bad:
                first_bad = lines + text.count("\n", 0, text.find(_REPLACEMENT)) + 1
            lines += raw.count(b"\n")
    if decoder.decode(b"", final=True) and letters and not bad:
        raise InputError(
            f"{file.path} ends in the middle of a character in line {lines + 1:,}, so its end is missing; export or "
            "copy it again"
        )
    if letters - bad > bad:
        damage = "1 byte that is not text, in" if bad == 1 else f"{count(bad, 'byte')} that are not text, the first in"
        raise InputError(f"{file.path} is UTF-8 except for {damage} line {first_bad}; correct that line")


def _with_line_ends(file: TextFile) -> TextFile:
    """Return the file with the unusual line ends of its first line."""
    outside = re.sub(rb'"[^"]*"', b"", file.start(_SAMPLE).lstrip(b"\r\n"))
    line, newline, _ = outside.partition(b"\n")
    is_double = newline != b"" and line.endswith(b"\r\r")
    return replace(file, has_bare_returns=b"\r" in line.rstrip(b"\r"), has_double_returns=is_double)
