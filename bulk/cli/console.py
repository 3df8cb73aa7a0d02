"""How messages, results and values are printed on a terminal."""

from __future__ import annotations

import contextlib
import json
import sys
import unicodedata
from collections.abc import Sequence
from typing import TextIO


def echo(text: str) -> None:
    """Print a message or progress: to standard error, which is for people."""
    _print(text, sys.stderr)


def print_result(text: str) -> None:
    """Print a result: to standard output."""
    _print(text, sys.stdout)


def print_json(text: str) -> None:
    """Print a result that is JSON, and stays JSON where the encoding lacks some of its characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(json.loads(text), ensure_ascii=True)
    print_result(text)


def _print(text: str, stream: TextIO | None) -> None:
    """Print, if it can be: a message that nobody can read must not end the run that it is about."""
    if stream is None:  # print would take standard output instead
        return
    with contextlib.suppress(OSError, ValueError):
        print(text, file=stream, flush=True)


def legible(name: object) -> str:
    """Give a file's name as text that can be written anywhere, also where its bytes are no text."""
    return str(name).encode("utf-8", "backslashreplace").decode("utf-8")


def shown(value: object, width: int = 60) -> str:
    """Make a value safe to print: no control character reaches the terminal, long texts are cut."""
    text = "" if value is None else str(value)
    text = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c) in ("Cc", "Cf", "Cs") else c for c in text)
    return text if len(text) <= width else text[: width - 1] + "…"


def table(rows: Sequence[Sequence[str]], *, indent: str = "  ") -> str:
    """Set rows of text in columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(indent + line.rstrip() for line in lines)
