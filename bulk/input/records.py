r"""Cut a stream of CSV text into blocks of whole rows, and count the cells of each row.

What a quote means is the rule of Python's csv module, which is that of the spreadsheets: a cell is quoted if its
very first character is a quote; anywhere else in an unquoted cell a quote is an ordinary character (`12" pipes`).
polars takes every quote for a structural one and quietly fills up or cuts off rows of another length, so neither is
left to it:

1. Cut at the last newline with an even number of quotes before it. That is right if every quote is structural.
2. Blank out all well-formed quoted cells. A quote that is left over shows that step 1 may be wrong: then the block is
   read quote by quote, and the odd cells are written anew in the form that polars reads right.
3. Delete everything but delimiters and newlines. A block of regular rows has become one repeated pattern, and one
   comparison proves it; only in other blocks are the rows counted singly.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bulk.errors import InputError

MAX_ROW: Final = 1 << 24
_TRIES: Final = 8


@dataclass(frozen=True)
class Block:
    """Whole rows of CSV text, each ended by a newline, with quotes where polars expects them."""

    text: bytes
    rows: int
    cells: tuple[int, ...] | None
    """The number of cells of each row (an empty line has one); None if every row has as many as there are columns."""


class Cutter:
    """Cuts text in one delimiter and of one width into blocks."""

    def __init__(self, path: object, delimiter: str, width: int) -> None:
        self._path = path
        self._delimiter = delimiter.encode()
        self._regular = self._delimiter * (width - 1) + b"\n"
        self._noise = bytes(set(range(256)) - set(self._delimiter + b"\n"))
        cell_end = rb"[,\n]".replace(b",", re.escape(self._delimiter))
        # The lookbehind sees the character before the opening quote; each text it is used on begins with a newline.
        self._quoted = re.compile(rb'"(?<=%s")[^"]*+(?:""[^"]*+)*+"(?=\r?+%s)' % (cell_end, cell_end))
        self._body = re.compile(rb'"([^"]*+(?:""[^"]*+)*+)("?)')
        self._rest = re.compile(rb"[^%s\n]*?(?=\r?+(?:%s|\Z))" % (re.escape(self._delimiter), cell_end))

    def blocks(self, chunks: Iterator[bytes]) -> Iterator[Block]:
        """Yield the rows of this text block by block; raises UnreadableInput for a quote that never closes."""
        held, done = b"", 0
        for chunk in chunks:
            held += chunk
            block, taken = self._first_block(held)
            held = held[taken:]
            if block is not None:
                done += block.rows
                yield block
            elif len(held) > MAX_ROW and b'"' in held:
                raise self._endless(done)
            elif len(held) > MAX_ROW:
                raise InputError(
                    f"{self._path}: after about {done} rows there is one of more than {MAX_ROW // 2**20} MB; "
                    "save it again as CSV, a line for each row"
                )
        if held:
            block, taken = self._first_block(held if held.endswith(b"\n") else held + b"\n", is_last=True)
            if block is None or taken < len(held):
                raise self._endless(done + (block.rows if block else 0))
            yield block

    def _endless(self, done: int) -> InputError:
        return InputError(
            f"{self._path}: after about {done} rows a quote opens a cell and is never closed; "
            "close it, or double it if it is text"
        )

    def _first_block(self, text: bytes, *, is_last: bool = False) -> tuple[Block | None, int]:
        """The whole rows at the start of a text, and how much of it they take up."""
        end = len(text) if is_last else _even_newline(text)
        if end and (bare := self._without_quoted(text[:end])) is not None:
            return self._block(text[:end], bare), end
        if b'"' not in text:
            return None, 0
        mended, end = self._mended(text, is_last=is_last)
        bare = self._without_quoted(mended)
        if bare is None:
            raise InputError(f"{self._path}: its quotes cannot be read; save it again as CSV")
        return (self._block(mended, bare) if mended else None), end

    def _without_quoted(self, text: bytes) -> bytes | None:
        """The text without its quoted cells; None if a quote is left over."""
        if b'"' not in text:
            return text
        bare = self._quoted.sub(b"", b"\n" + text)
        return None if b'"' in bare else bare[1:]

    def _block(self, text: bytes, bare: bytes) -> Block:
        shape = bare.translate(None, self._noise)
        rows, rest = divmod(len(shape), len(self._regular))
        if not rest and shape == self._regular * rows:
            return Block(text, rows, None)
        cells = tuple(len(line) + 1 for line in shape.split(b"\n")[:-1])
        return Block(text, len(cells), cells)

    def _mended(self, text: bytes, *, is_last: bool) -> tuple[bytes, int]:
        """Read quote by quote; return the whole rows with every odd cell written anew, and how much they take up."""
        pieces: list[bytes] = []
        written = 0  # so much of the text is in the pieces
        rows_in_pieces = rows_end = 0  # the pieces and the text up to the last newline outside quotes
        at = text.find(b'"')
        while at >= 0:
            before = text.rfind(b"\n", written, at) + 1
            if before:
                pieces.append(text[written:before])
                written = before
                rows_in_pieces, rows_end = len(pieces), before
            start = max(text.rfind(self._delimiter, written, at) + 1, written)
            cell = self._odd_cell(text, start, at, is_last=is_last)
            if cell is None:
                return b"".join(pieces[:rows_in_pieces]), rows_end
            inner, end = cell
            pieces += (text[written:start], b'"', inner, b'"')
            written = end
            at = text.find(b'"', end)
        last = text.rfind(b"\n", written) + 1
        if last:
            pieces.append(text[written:last])
            return b"".join(pieces), last
        return b"".join(pieces[:rows_in_pieces]), rows_end

    def _odd_cell(self, text: bytes, start: int, at: int, *, is_last: bool) -> tuple[bytes, int] | None:
        """What stands between the quotes that a cell should have, and where the cell ends; None if it never closes.

        `start` is the cell's first character, `at` its first quote.
        """
        inner, end = text[start:at], at
        if start == at and (at == 0 or text[at - 1 : at] in (self._delimiter, b"\n")):
            quoted = self._body.match(text, at)
            if quoted is None or not quoted[2] or (quoted.end() == len(text) and not is_last):
                return None
            inner, end = quoted[1], quoted.end()
        # What follows a closed quote, or stands in a cell that does not begin with one, is text, quotes and all.
        rest = self._rest.match(text, end)
        after = rest[0] if rest else b""
        return inner + after.replace(b'"', b'""'), end + len(after)


def _even_newline(text: bytes) -> int:
    """Where the last line ends that has an even number of quotes before its end; 0 if that is not found soon."""
    end = text.rfind(b"\n") + 1
    for _ in range(_TRIES):
        if not end or text.count(b'"', 0, end) % 2 == 0:
            return end
        end = text.rfind(b"\n", 0, text.rfind(b'"', 0, end)) + 1
    return 0
