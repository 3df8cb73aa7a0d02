"""From a file's bytes, in whatever encoding, to a stream of UTF-8 text, in bounded memory.

`survey` reads the file once, to take its digest and to find out what it is; `chunks` reads it again, as often as
wanted. Nothing is written to disk on the way: customers' data has no copy that could be left behind.
"""

from __future__ import annotations

import codecs
import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from bulk.errors import InputError

_PIECE: Final = (1 << 19, 3 << 21)
_LARGE_FILE: Final = 1 << 26
_SCANNED: Final = 1 << 20
_SAMPLE: Final = 1 << 16

_MAGIC: Final = (
    (b"PK\x03\x04", "is a zip file or an Excel workbook, not a text table: save it as CSV"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook, not a text table: save it as CSV"),
    (b"PAR1", "is a Parquet file: rename it to .parquet"),
    (b"\x1f\x8b", "is compressed: rename it to .csv.gz"),
    (b"%PDF-", "is a PDF file, not a text table: save it as CSV"),
)
_BOMS: Final = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_FEW_NULS: Final = 8
_NULS: Final = "holds NUL bytes, so it is no text table; save it as CSV in UTF-8"
_END_OF_TEXT: Final = b"\x1a"
"""Ctrl-Z: with it old systems end a text."""
_HIGH: Final = bytes(range(128, 256))
_REPLACED: Final = "\ufffd"
"""What stands in decoded text for bytes that are none."""


@dataclass(frozen=True)
class Survey:
    """What one reading of a text file told about it."""

    path: Path
    digest: str
    encoding: str
    bom: int
    is_compressed: bool
    has_bare_returns: bool
    """Lines end with a carriage return alone, as on old Macs."""
    notes: tuple[str, ...]


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what goes wrong with reading a file into one clear line."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; check its name") from None
    except PermissionError:
        raise InputError(f"{path}: reading it is not allowed; check its permissions") from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: is no whole gzip file ({error}); copy it again, or rename it to .csv") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error}); copy it again") from error


def digest_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    with readable(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def survey(path: Path, *, is_compressed: bool) -> Survey:
    """Read a whole text file once and find out how it is written; raises UnreadableInput."""
    digest = digest_of(path)
    with readable(path), _opened(path, is_compressed=is_compressed) as file:
        sample = file.read(_SAMPLE)
    if not sample:
        raise InputError(f"{path}: is empty; give a file with a header and a row for each customer")
    for magic, what in _MAGIC:
        if sample.startswith(magic):
            raise InputError(f"{path}: {what}")
    encoding, bom, notes = _encoding(path, sample, is_compressed=is_compressed)
    found = Survey(path, digest, encoding, bom, is_compressed, has_bare_returns=False, notes=notes)
    start = b"".join(_take(chunks(found), _SAMPLE))
    return Survey(path, digest, encoding, bom, is_compressed, has_bare_returns=_ends_in_returns(start), notes=notes)


def chunks(found: Survey) -> Iterator[bytes]:
    """The file's text as UTF-8, without its byte order mark, in pieces of a few megabytes; raises UnreadableInput."""
    decoder = None if found.encoding == "utf-8" else codecs.getincrementaldecoder(found.encoding)()
    held, size = b"", _piece(found)
    with readable(found.path), _opened(found.path, is_compressed=found.is_compressed) as file:
        file.seek(found.bom)
        while raw := file.read(size):
            text = raw if decoder is None else decoder.decode(raw).encode("utf-8", "replace")
            whole = held + text
            text = whole.rstrip(_END_OF_TEXT)
            if found.has_bare_returns:
                # A pair of return and newline may be cut in two by the end of a piece.
                text = text.removesuffix(b"\r")
            held = whole[len(text) :]
            if found.has_bare_returns:
                text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            yield text
    if held.startswith(b"\r"):
        yield b"\n"


def _piece(found: Survey) -> int:
    """How much to read at once: much of a large file, for speed, and little of any other, for a small footprint."""
    with readable(found.path):
        size = found.path.stat().st_size
    little, much = _PIECE
    return much if size * (8 if found.is_compressed else 1) > _LARGE_FILE else little


def _opened(path: Path, *, is_compressed: bool) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb")) if is_compressed else path.open("rb")


def _take(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    taken = 0
    for piece in pieces:
        yield piece
        taken += len(piece)
        if taken >= size:
            return


def _ends_in_returns(start: bytes) -> bool:
    """Whether the first line ends with a carriage return alone."""
    outside = re.sub(rb'"[^"]*"', b"", start.lstrip(b"\r\n"))
    line = outside.split(b"\n", 1)[0]
    return b"\r" in line.removesuffix(b"\r")


def _encoding(path: Path, sample: bytes, *, is_compressed: bool) -> tuple[str, int, tuple[str, ...]]:
    for bom, encoding in _BOMS:
        if sample.startswith(bom):
            return _proven(path, encoding, len(bom), is_compressed=is_compressed), len(bom), _told(encoding)
    if b"\0" in sample:
        guess = _utf16(sample)
        if guess is not None:
            note = f"read as {guess.upper()}: it has no byte order mark, and every other byte is zero"
            return _proven(path, guess, 0, is_compressed=is_compressed), 0, (note,)
        if _is_binary(sample.count(0), len(sample)):
            raise InputError(f"{path}: {_NULS}")
    encoding = _proven(path, "utf-8", 0, is_compressed=is_compressed)
    return encoding, 0, _told(encoding)


def _told(encoding: str) -> tuple[str, ...]:
    if encoding == "utf-8":
        return ()
    if encoding == "cp1252":
        return ("read as Windows-1252, because it is not UTF-8; look whether accented names came out right",)
    return (f"read as {encoding.upper()}",)


def _utf16(sample: bytes) -> str | None:
    """Which UTF-16 a sample without byte order mark is, told by where its zero bytes stand."""
    even, odd = sample[::2].count(0), sample[1::2].count(0)
    if odd * 3 >= len(sample) / 2 and even * 20 <= odd:
        return "utf-16-le"
    if even * 3 >= len(sample) / 2 and odd * 20 <= even:
        return "utf-16-be"
    return None


def _is_binary(nuls: int, size: int) -> bool:
    """Whether there are too many NULs for a text in which a few cells are damaged."""
    return nuls > max(_FEW_NULS, size // 1000)


def _proven(path: Path, encoding: str, bom: int, *, is_compressed: bool) -> str:
    """Read the whole file in this encoding; one that is not UTF-8 after all may be Windows-1252."""
    try:
        _decode_all(path, encoding, bom, is_compressed=is_compressed)
    except UnicodeDecodeError:
        if encoding != "utf-8" or bom:
            raise InputError(
                f"{path}: begins as {encoding.upper()} but has bytes that are none; save it again as CSV in UTF-8"
            ) from None
        _refuse_damaged_utf8(path, is_compressed=is_compressed)
        try:
            _decode_all(path, "cp1252", 0, is_compressed=is_compressed)
        except UnicodeDecodeError:
            raise InputError(f"{path}: is neither UTF-8 nor Windows-1252 text; save it as CSV in UTF-8") from None
        return "cp1252"
    return encoding


def _decode_all(path: Path, encoding: str, bom: int, *, is_compressed: bool) -> None:
    decoder = codecs.getincrementaldecoder(encoding)()
    is_utf8 = encoding == "utf-8"
    with readable(path), _opened(path, is_compressed=is_compressed) as file:
        file.seek(bom)
        is_pending = False
        while raw := file.read(_SCANNED):
            nuls = raw.count(0)
            if not is_utf8:
                nuls = decoder.decode(raw).count("\0")
            elif is_pending or not raw.isascii():
                decoder.decode(raw)
                is_pending = decoder.getstate()[0] != b""
            if _is_binary(nuls, len(raw)):
                raise InputError(f"{path}: {_NULS}")
        decoder.decode(b"", final=True)


def _refuse_damaged_utf8(path: Path, *, is_compressed: bool) -> None:
    """Tell Windows-1252 from UTF-8 with some damage, which read as Windows-1252 would garble every good name."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    letters = bad = lines = first_bad = 0
    with readable(path), _opened(path, is_compressed=is_compressed) as file:
        while raw := file.read(_SCANNED):
            text = decoder.decode(raw)
            letters += len(text) - len(raw.translate(None, _HIGH))
            bad += text.count(_REPLACED)
            if bad and not first_bad:
                first_bad = lines + text.count("\n", 0, text.find(_REPLACED)) + 1
            lines += raw.count(b"\n")
    if letters - bad > bad:
        raise InputError(
            f"{path}: is UTF-8 but for {bad} bytes that are not text, the first in line {first_bad}; mend that line"
        )
