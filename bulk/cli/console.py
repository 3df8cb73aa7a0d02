"""Prints on a terminal: removes control characters, and lays out tables and long lines.

Messages go to standard error, results to standard output.
"""

from __future__ import annotations

import contextlib
import json
import math
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TextIO

from bulk.text import display_width, shorten_to_width

WIDTH = 80  # columns of running text
MIN_LAST_COLUMN = 24  # a narrower last column of a table is not wrapped

# Control characters, and those that are invisible or change the direction of the text.
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def echo(text: str) -> None:
    """Print a message to standard error."""
    _print(text, sys.stderr)


def print_result(text: str) -> None:
    """Print a result to standard output."""
    _print(text, sys.stdout)


def print_json(content: Mapping[str, object], *, indent: int | None = None) -> None:
    """Print a result as JSON. Characters that the terminal cannot show, and control characters, are escaped."""
    text = json.dumps(content, ensure_ascii=False, indent=indent)  # without indent: the fast encoder
    if not _is_encodable(text, sys.stdout):
        text = json.dumps(content, ensure_ascii=True, indent=indent)
    if not text.isprintable():
        text = _CONTROL.sub(lambda match: match[0] if match[0] == "\n" else json.dumps(match[0])[1:-1], text)
    print_result(text)


def _is_encodable(text: str, stream: TextIO | None) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _print(text: str, stream: TextIO | None) -> None:
    """Print if possible. A failed write to the terminal never stops a run."""
    if stream is None:  # print would write to standard output instead
        return
    with contextlib.suppress(OSError, ValueError):
        print(printable(text, keep="\n"), file=stream, flush=True)


def printable(text: str, *, keep: str = "") -> str:
    """Replace each character that could control the terminal, except those in `keep`."""
    if text.isprintable():  # much faster than the pattern, for megabytes of JSON
        return text
    return _CONTROL.sub(lambda match: match[0] if match[0] in keep else "\N{REPLACEMENT CHARACTER}", text)


def valid_unicode(text: object) -> str:
    """Return a file's name as text that can be encoded, even if its bytes are not valid UTF-8."""
    return str(text).encode("utf-8", "backslashreplace").decode("utf-8")


def fit(value: object, width: int = 60) -> str:
    """Return a value as printable text of at most `width` columns; an ellipsis replaces the end of a longer one."""
    return shorten_to_width(printable("" if value is None else str(value)), width)


def table(rows: Sequence[Sequence[str]], *, indent: str = "  ", width: float = math.inf) -> str:
    """Align rows of text in columns. A last column beyond `width` or the terminal's width is wrapped."""
    if not rows:
        return ""
    widths = [max(display_width(row[column]) for row in rows) for column in range(len(rows[0]))]
    left = display_width(indent) + sum(width + 2 for width in widths[:-1])
    room = min(_terminal_width(), width) - left
    return "\n".join(line for row in rows for line in _table_lines(row, widths, indent, room))


def figures_table(rows: Sequence[Sequence[str]], *, indent: str = "  ") -> str:
    """Align rows of figures to the right, below a header of two lines: the first row, broken at spaces."""
    header = [[*[""] * (2 - len(words)), *words] for words in (cell.split(" ") for cell in rows[0])]
    lines = [*zip(*header, strict=True), *rows[1:]]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join((indent + "  ".join(map(str.rjust, line, widths))).rstrip() for line in lines)


def _table_lines(row: Sequence[str], widths: Sequence[int], indent: str, room: float) -> Iterator[str]:
    cells = [cell + " " * (width - display_width(cell)) for cell, width in zip(row[:-1], widths, strict=False)]
    start = indent + "".join(cell + "  " for cell in cells)
    last = list(wrap(row[-1], room)) if room >= MIN_LAST_COLUMN else [row[-1]]
    for line in last or [""]:
        yield (start + line).rstrip()
        start = " " * display_width(start)


def wrap(text: str, width: float) -> Iterator[str]:
    """Yield the text in lines of at most `width` columns, broken at spaces. Longer words are not broken."""
    line = ""
    for word in text.split(" "):
        if line and display_width(line) + 1 + display_width(word) > width:
            yield line
            line = word
        else:
            line = f"{line} {word}" if line else word
    yield line


def paragraph(text: str, *, first: str = "", indent: str = "", width: int = WIDTH) -> str:
    """Return running text in lines of at most `width` columns. `first` starts the first line, `indent` the others."""
    lines = wrap(text, width - max(display_width(first), display_width(indent)))
    return "\n".join((indent if number else first) + line for number, line in enumerate(lines))


def screen_width(most: int) -> int:
    """Return the width of the terminal, but no more than `most`; without a terminal, return that."""
    return int(min(_terminal_width(), most))


def _terminal_width() -> float:
    """Return the terminal's width in columns, or infinity without a terminal."""
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return shutil.get_terminal_size((WIDTH, 24)).columns if is_terminal else math.inf
