r"""Splits a stream of CSV text into blocks of whole rows, and counts the cells of each row.

The rules for quotes are those of Python's csv module and of spreadsheets: a cell is quoted if its first character is a
quote; elsewhere in an unquoted cell, a quote is an ordinary character (`12" pipes`). In addition, blanks may stand
around the quotes of a cell on one line. polars treats every quote as a delimiter of cells, and silently pads or
truncates rows of another length. So neither is left to polars.

Nearly all text consists of regular rows of one line each. One pattern for a whole block proves it. Only other blocks
take these steps:

1. Split at the last newline with an even number of quotes before it. This is right if every quote delimits a cell.
2. Remove all well-formed quoted cells. A remaining quote shows that step 1 may be wrong. Then the block is read quote
   by quote, and its odd cells are quoted in a form that polars reads correctly.
3. Delete everything except delimiters and newlines. A block of regular rows has become one repeated pattern, which one
   comparison proves. Only in other blocks are the rows counted one by one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import polars as pl

from bulk.errors import InputError
from bulk.input.empty import BLANK
from bulk.text import count

MAX_ROW: Final = 1 << 24  # bytes
_MAX_TRIES: Final = 8
_MAX_WIDTH: Final = 200
"""The most columns of a table whose regular rows are matched by a pattern. The pattern grows with the columns."""


@dataclass(frozen=True)
class Block:
    """Whole rows of CSV text. Each ends with a newline, and quotes are where polars expects them."""

    text: bytes
    rows: int
    cells: tuple[int, ...] | None
    """The number of cells in each row (an empty line has one), or None if every row has a cell for each column."""
    after_quotes: Mapping[int, str] = field(default_factory=dict)
    """The rows, counted from 0, that have text after a closing quote, each with its first such cell in the file."""


class BlockSplitter:
    """Splits text with this delimiter and this number of columns into blocks."""

    def __init__(self, path: object, delimiter: str, width: int) -> None:
        self._path = path
        self._delimiter = delimiter.encode()
        self._width = width
        self._regular = self._delimiter * (width - 1) + b"\n"
        self._regular_lines = _regular_lines(delimiter, width) if width <= _MAX_WIDTH else None
        self._other_bytes = bytes(set(range(256)) - set(self._delimiter + b"\n"))
        cell_end = rb"[,\n]".replace(b",", re.escape(self._delimiter))
        # The lookbehind needs a character before the opening quote, so each text that it reads begins with a newline.
        self._quoted = re.compile(rb'"(?<=%s")[^"]*+(?:""[^"]*+)*+"(?=\r?+%s)' % (cell_end, cell_end))
        self._body = re.compile(rb'"([^"]*+(?:""[^"]*+)*+)("?)')
        blanks = b"[%s]*+" % b" \t".replace(self._delimiter, b"")
        self._spaced = re.compile(rb'"([^"\n]*+(?:""[^"\n]*+)*+)"%s(?=\r?+%s)' % (blanks, cell_end))
        self._rest = re.compile(rb"[^%s\n]*?(?=\r?+(?:%s|\Z))" % (re.escape(self._delimiter), cell_end))

    def blocks(self, chunks: Iterator[bytes]) -> Iterator[Block]:
        """Yield the rows of a text in blocks. Raises InputError if a quote is never closed or a row is too long."""
        held, done = b"", 0
        for chunk in chunks:
            held += chunk
            block, taken = self._first_block(held)
            held = held[taken:]
            if block is not None:
                done += block.rows
                yield block
            elif len(held) > MAX_ROW:
                raise self._unclosed(done) if b'"' in held else self._too_long(done)
        if held:
            block, taken = self._first_block(held if held.endswith(b"\n") else held + b"\n", is_last=True)
            if block is None or taken < len(held):
                raise self._unclosed(done + (block.rows if block else 0))
            yield block

    def _unclosed(self, done: int) -> InputError:
        return InputError(
            f"{self._path}: after about {count(done, 'row')} a quote opens a cell and is never closed; "
            "close it, or double it if it is text"
        )

    def _too_long(self, done: int) -> InputError:
        return InputError(
            f"{self._path}: after about {count(done, 'row')} there is a row of more than {MAX_ROW // 2**20} MB; "
            "save it again as CSV, with a line for each row"
        )

    def _first_block(self, text: bytes, *, is_last: bool = False) -> tuple[Block | None, int]:
        """Return the whole rows at the start of a text, and the number of bytes that they take."""
        end = text.rfind(b"\n") + 1
        lines = text[:end]
        if lines and self._has_regular_lines(lines):
            return Block(lines, lines.count(b"\n"), None), end
        end = len(text) if is_last else _even_newline(text)
        if end and (bare := self._without_quoted(text[:end])) is not None:
            return self._block(text[:end], bare), end
        if b'"' not in text:
            return None, 0
        requoted, end, after_quotes = self._requoted(text, is_last=is_last)
        bare = self._without_quoted(requoted)
        if bare is None:
            raise InputError(f"{self._path}: its quotes cannot be read; save it again as CSV")
        return (replace(self._block(requoted, bare), after_quotes=after_quotes) if requoted else None), end

    def _has_regular_lines(self, text: bytes) -> bool:
        """Return whether each line of a text is a regular row."""
        if self._regular_lines is None:
            return False
        whole = pl.Series([text], dtype=pl.Binary).cast(pl.String, strict=False)
        return whole.str.contains(self._regular_lines).item() is True

    def _without_quoted(self, text: bytes) -> bytes | None:
        """Return the text without its quoted cells, or None if a quote is left."""
        if b'"' not in text:
            return text
        bare = self._quoted.sub(b"", b"\n" + text)
        return None if b'"' in bare else bare[1:]

    def _block(self, text: bytes, bare: bytes) -> Block:
        shape = bare.translate(None, self._other_bytes)
        rows, rest = divmod(len(shape), len(self._regular))
        if not rest and shape == self._regular * rows:
            return Block(text, rows, None)
        rows, rest = divmod(len(shape), len(self._regular) + 1)
        if not rest and shape == (self._delimiter + self._regular) * rows:
            return Block(text, rows, (self._width + 1,) * rows)
        cells = tuple(len(line) + 1 for line in shape.split(b"\n")[:-1])
        return Block(text, len(cells), cells)

    def _requoted(self, text: bytes, *, is_last: bool) -> tuple[bytes, int, dict[int, str]]:
        """Quote every odd cell correctly; return the whole rows, their size in the old text, and `after_quotes`.

        `pieces` is the new text so far, and `copied` the place in the old text up to which it is copied. The last
        newline outside quotes ends the whole rows.
        """
        pieces: list[bytes] = []
        after_quotes: list[tuple[int, bytes]] = []  # the place of such a cell in `pieces`, and the cell
        copied = 0
        pieces_of_rows = rows_end = 0
        at = text.find(b'"')
        while at >= 0:
            line_start = text.rfind(b"\n", copied, at) + 1
            if line_start:
                pieces.append(text[copied:line_start])
                copied = rows_end = line_start
                pieces_of_rows = len(pieces)
            start = max(text.rfind(self._delimiter, copied, at) + 1, copied)
            cell = self._odd_cell(text, start, at, is_last=is_last)
            if cell is None:
                break
            content, end, has_text_after = cell
            if has_text_after:
                after_quotes.append((len(pieces) + 1, text[start:end]))
            pieces += (text[copied:start], b'"', content, b'"')
            copied = end
            at = text.find(b'"', end)
        else:
            if last := text.rfind(b"\n", copied) + 1:
                pieces.append(text[copied:last])
                pieces_of_rows, rows_end = len(pieces), last
        del pieces[pieces_of_rows:]
        return b"".join(pieces), rows_end, self._by_row(pieces, after_quotes)

    def _by_row(self, pieces: Sequence[bytes], cells: Sequence[tuple[int, bytes]]) -> dict[int, str]:
        """Return the first of these cells in each row of the pieces, by the row's number from 0."""
        found: dict[int, str] = {}
        row = done = 0
        for place, cell in cells:
            if place >= len(pieces):
                break
            between = b"".join(pieces[done:place])  # from the start of a cell to the start of another one
            row, done = row + self._quoted.sub(b"", b"\n" + between).count(b"\n") - 1, place
            found.setdefault(row, cell.decode("utf-8", "replace"))
        return found

    def _odd_cell(self, text: bytes, start: int, at: int, *, is_last: bool) -> tuple[bytes, int, bool] | None:
        """Return a cell's content for use between quotes, its end, and whether text follows its closing quote.

        Return None if it is never closed. `start` is the place of its first character, `at` that of its first quote.
        """
        content, end = text[start:at], at
        if content and not content.strip(b" \t") and (spaced := self._spaced.match(text, at)):
            return spaced[1], spaced.end(), False
        is_quoted = start == at and (at == 0 or text[at - 1 : at] in (self._delimiter, b"\n"))
        if is_quoted:
            quoted = self._body.match(text, at)
            if quoted is None or not quoted[2] or (quoted.end() == len(text) and not is_last):
                return None
            content, end = quoted[1], quoted.end()
        # After a closed quote, and in a cell that does not begin with one, everything is text, even quotes.
        rest = self._rest.match(text, end)
        after = rest[0] if rest else b""
        has_text_after = is_quoted and after.decode("utf-8", "replace").strip(BLANK) != ""
        return content + after.replace(b'"', b'""'), end + len(after), has_text_after


def _regular_lines(delimiter: str, width: int) -> str:
    """Return a pattern for lines with this number of cells, each without quotes or quoted correctly."""
    cell = rf'(?:[^"{delimiter}\n]*|"[^"\n]*(?:""[^"\n]*)*"\r?)'
    return rf"\A(?:(?:{cell}{re.escape(delimiter)}){{{width - 1}}}{cell}\n)*\z"


def _even_newline(text: bytes) -> int:
    """Return the end of the last line with an even number of quotes before it, or 0 if a few tries find none."""
    end = text.rfind(b"\n") + 1
    for _ in range(_MAX_TRIES):
        if not end or text.count(b'"', 0, end) % 2 == 0:
            return end
        end = text.rfind(b"\n", 0, text.rfind(b'"', 0, end)) + 1
    return 0
