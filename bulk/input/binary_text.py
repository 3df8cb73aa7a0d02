"""Reads binary cells as text, one at a time: the text of a cell never depends on another cell.

UTF-8 is text; NUL bytes that fill up the cell are removed. An identifier of 16 other bytes is a UUID. A name in
Windows-1252 is recognized by its letters. All other bytes are not text, and in a field they reject the row.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final

import polars as pl

from bulk.input.frames import NOT_TEXT
from bulk.text import count, shorten

_UUID_SIZE: Final = 16
_CONTROL: Final = r"[\x00-\x1f\x7f-\x9f]"
_HAS_CONTROL: Final = re.compile(_CONTROL)
_WESTERN: Final = re.compile(r"[\x20-\x7e\u00a0-\u00ff€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ]+")
_NEARLY_TEXT: Final = re.compile(rb"(?:[A-Za-z0-9 _./-]*[\xc0-\xff]){1,2}[A-Za-z0-9 _./-]*")
"""An identifier in Windows-1252, with one or two accents. Hardly any UUID consists of such bytes."""
_MAX_SHOWN: Final = 40  # characters of a cell in a note


class BinaryFields:
    """Reads the binary cells of fields, and counts the cells in Windows-1252."""

    def __init__(self) -> None:
        self._western: dict[str, tuple[int, str]] = {}  # the number of cells and the first one, by field

    def texts(self, frame: pl.DataFrame, columns: Mapping[str, str]) -> dict[str, pl.Series]:
        """Return the text of each field of `columns`, which are {field: column of the frame}.

        Bytes that are not text become null, and are added as `NOT_TEXT`.
        """
        texts: dict[str, pl.Series] = {}
        others: dict[int, str] = {}
        for field, column in columns.items():
            values = frame[column]
            texts[field] = _texts(values, _text_or_uuid if field == "customer_id" else self._reader(field))
            for at in (texts[field].is_null() & values.is_not_null()).arg_true():
                if digits := values[at].rstrip(b"\0").hex():
                    others[at] = f"{others.get(at, '')}{field}={digits};"
        if others:
            texts[NOT_TEXT] = pl.Series([others.get(at) for at in range(frame.height)], dtype=pl.String)
        return texts

    def notes(self) -> Iterator[str]:
        """Yield a note for each field with cells in Windows-1252."""
        for field, (cells, first) in self._western.items():
            are, example = "is" if cells == 1 else "are", shorten(first, _MAX_SHOWN)
            yield f"{count(cells, 'cell')} of its {field} column {are} not UTF-8, but read as Windows-1252: {example}"

    def _reader(self, field: str) -> Callable[[bytes], str | None]:
        def read(raw: bytes) -> str | None:
            text = _utf8(raw)
            if text is None and (text := _western(raw)) is not None:
                cells, first = self._western.get(field, (0, text))
                self._western[field] = cells + 1, first
            return text

        return read


def extra_texts(values: pl.Series) -> pl.Series:
    """Return the cells of a column that is not a field. Bytes that are not text are written as hex digits."""
    return _texts(values, lambda raw: _text_or_uuid(raw) or raw.hex())


def utf8_texts(values: pl.Series) -> pl.Series:
    """Return binary cells as text. Cells that are not UTF-8 become null."""
    try:
        return values.cast(pl.String)
    except pl.exceptions.ComputeError:  # a cell is not UTF-8
        return pl.Series(values.name, [None if raw is None else _utf8(raw) for raw in values], dtype=pl.String)


def _texts(values: pl.Series, read: Callable[[bytes], str | None]) -> pl.Series:
    texts = utf8_texts(values)
    if texts.null_count() > values.null_count() or texts.str.contains(_CONTROL).any():
        texts = pl.Series(values.name, [None if raw is None else read(raw) for raw in values], dtype=pl.String)
    return texts.replace("", None)


def _utf8(raw: bytes) -> str | None:
    try:
        return raw.rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return None


def _text_or_uuid(raw: bytes) -> str | None:
    text = _utf8(raw)
    is_text = bool(text and not _HAS_CONTROL.search(text))
    if len(raw) != _UUID_SIZE or is_text or _NEARLY_TEXT.fullmatch(raw):
        return text
    digits = raw.hex()
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _western(raw: bytes) -> str | None:
    """Return the text of bytes that are probably Windows-1252: at least half of it is ASCII letters, or None."""
    try:
        text = raw.rstrip(b"\0").decode("cp1252")
    except UnicodeDecodeError:
        return None
    letters = sum(letter.isascii() and letter.isalpha() for letter in text)
    return text if _WESTERN.fullmatch(text) and 2 * letters >= len(text.replace(" ", "")) else None
