"""How figures, times and values are put into words on a terminal."""

from __future__ import annotations

import contextlib
import json
import math
import sys
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TextIO


def say(text: str) -> None:
    """Print a message or progress: to standard error, which is for people."""
    _print(text, sys.stderr)


def give(text: str) -> None:
    """Print a result: to standard output."""
    _print(text, sys.stdout)


def give_json(text: str) -> None:
    """Print a result that is JSON, and stays JSON where the encoding lacks some of its characters."""
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        text = json.dumps(json.loads(text), ensure_ascii=True)
    give(text)


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


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Give `1 customer`, `2 customers`, `1,000 companies`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def moment(seconds: float) -> str:
    """Give a time as people read it, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def duration(seconds: float) -> str:
    """Give a length of time in the two units that matter."""
    if not math.isfinite(seconds):
        return "unknown"
    whole = max(round(seconds), 0)
    for size, unit, lesser, least in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // lesser} {least}"
    return f"{whole} s"


def table(rows: Sequence[Sequence[str]], *, indent: str = "  ") -> str:
    """Set rows of text in columns."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
    return "\n".join(indent + line.rstrip() for line in lines)
