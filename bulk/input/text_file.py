"""Reads a text file as a stream of UTF-8, in bounded memory.

Nothing is written to disk meanwhile, so no copy of the customers' data can be left behind.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk.input.compression import Layers, open_content
from bulk.input.files import wrap_read_errors

_CHUNK_SIZES: Final = (1 << 19, 3 << 21)
"""Bytes to read at once: few from a small file, to save memory, and many from a large one, for speed."""
_LARGE_FILE: Final = 1 << 26
_COMPRESSION: Final = 8  # estimated bytes of text for each byte of a compressed file
_END_OF_TEXT: Final = b"\x1a"
"""Ctrl-Z, which ends a text on old systems."""


@dataclass(frozen=True)
class TextFile:
    """A text file with its encoding and line ends."""

    path: Path
    encoding: str
    """The name of a codec. If it is detected, `utf-8`, `utf-16-le`, `utf-16-be` or `cp1252`."""
    mark_size: int
    """The size of its byte order mark, in bytes."""
    layers: Layers
    has_bare_returns: bool = False
    """Whether its lines end with a carriage return alone, as on old Macs."""
    has_double_returns: bool = False
    """Whether its lines end with two carriage returns and a newline, as a program on Windows may write them."""

    def chunks(self, *, are_large: bool = False) -> Iterator[bytes]:
        """Yield the text as UTF-8, without its byte order mark, with `\\n` or `\\r\\n` at the ends of lines.

        Each call starts at the beginning. Small files have small chunks unless `are_large`. Raises InputError.
        """
        held = b""
        for text in self._decoded(are_large=are_large):
            whole = held + text
            text = whole.rstrip(_END_OF_TEXT)
            if self.has_bare_returns or self.has_double_returns:
                text = text.removesuffix(b"\r").removesuffix(b"\r")  # a newline may be in the next chunk
            held = whole[len(text) :]
            if self.has_bare_returns:
                text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            if self.has_double_returns:
                text = text.replace(b"\r\r\n", b"\r\n")
            yield text
        if held.startswith(b"\r"):
            yield b"\n"

    def start(self, size: int) -> bytes:
        """Return the first bytes of the text, at most `size`. Raises InputError."""
        taken = b""
        for chunk in self.chunks():
            taken += chunk
            if len(taken) >= size:
                break
        return taken[:size]

    def _decoded(self, *, are_large: bool) -> Iterator[bytes]:
        decoder = None if self.encoding == "utf-8" else codecs.getincrementaldecoder(self.encoding)()
        first, size = _CHUNK_SIZES[0], _CHUNK_SIZES[1] if are_large else self._chunk_size()
        with wrap_read_errors(self.path), open_content(self.path, self.layers) as file:
            file.read(self.mark_size)
            raw = file.read(first)
            while raw:
                yield raw if decoder is None else decoder.decode(raw).encode("utf-8", "replace")
                raw = file.read(size)

    def _chunk_size(self) -> int:
        with wrap_read_errors(self.path):
            size = self.path.stat().st_size
        small, large = _CHUNK_SIZES
        return large if size * (_COMPRESSION if self.layers else 1) > _LARGE_FILE else small
