"""Text for people and spreadsheets: numbers, times, shortened texts, and cells that never run as formulas.

A cell that begins like a formula gets an apostrophe in front. So does one that begins with apostrophes and then like a
formula: `unescape_formula` removes exactly one, and every text survives the round trip.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:  # importing polars takes longer than most commands run
    import polars as pl

# Spreadsheets ignore spaces, quotes, control and invisible characters before the sign, and read full-width and small
# signs like plain ones. A tab or line break at the start is dangerous even alone: some readers drop it and run the rest
# (https://owasp.org/www-community/attacks/CSV_Injection).
FORMULA: Final = r'(?:[\t\r\n]|[\s\p{Cc}\p{Cf}"]*[=+\-@＝＋－＠﹦﹢﹣﹫])'
"""The beginning of a formula, as a pattern that means the same in polars and in JavaScript with the flag `u`."""
MIN_SIMILARITY: Final = 0.7  # of a suggestion, from 0 to 1
_MAX_SHOWN: Final = 80  # characters
_BIDI: Final = (0x61C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
_UNSEEN: Final = (*range(0x20), *range(0x7F, 0xA0), 0xAD, 0x200B, 0x2028, 0x2029, 0x2060, 0xFEFF, *_BIDI)
_CODES: Final = {chr(code): f"<U+{code:04X}>" for code in _UNSEEN}
"""The code of each control character, and of each one that changes the direction of a text or is invisible."""


def escape_formula(expr: pl.Expr) -> pl.Expr:
    """Return the text in a form that is safe to open in a spreadsheet. `unescape_formula` restores it exactly."""
    return expr.str.replace(rf"\A('*{FORMULA})", "'${1}")


def unescape_formula(expr: pl.Expr) -> pl.Expr:
    """Remove the apostrophe that `escape_formula` added. Any other text does not change."""
    return expr.str.replace(rf"\A'('*{FORMULA})", "${1}")


def shorten(text: str, width: int) -> str:
    """Return the text with at most `width` characters; an ellipsis replaces the end of a longer text."""
    return text if len(text) <= width else text[: width - 1] + "…"


def shorten_to_width(text: str, width: int) -> str:
    """Return the text with at most `width` columns; an ellipsis replaces the end of a wider text."""
    if len(text) <= width and display_width(text) <= width:
        return text
    used = 1  # the ellipsis
    for at, character in enumerate(text):
        used += _columns(character)
        if used > width:
            return text[:at] + "…"
    return text


def display_width(text: str) -> int:
    """Return the columns that the text takes in a monospaced font. East Asian wide characters take two."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):  # accents that combine with the character before
        return 0
    return 2 if unicodedata.east_asian_width(character) in ("W", "F") else 1


def shorten_column(texts: pl.Expr, width: int = _MAX_SHOWN) -> pl.Expr:
    """Return texts from outside in a form that is safe to show: shortened, on one line, without control characters."""
    start = texts.str.slice(0, width + 1)
    line = start.str.replace_all(r"[\r\n\t\u2028\u2029]+", " ").str.replace_all(r"[\x00-\x1f\x7f-\x9f]", "\ufffd")
    return line.str.replace(rf"(?s)\A(.{{{width - 1}}}).{{2,}}\z", "${1}…")


def with_codes(text: str) -> str:
    """Return a text with the codes of characters that cannot be seen, such as `<U+000A>`."""
    return text if text.isprintable() else "".join(_CODES.get(each, each) for each in text)


def shown_cells(texts: pl.Expr) -> pl.Expr:
    """Return cells as `shorten_column` does, but with the codes of characters that cannot be seen: `<U+000A>`."""
    return shorten_column(texts.str.slice(0, _MAX_SHOWN + 1).str.replace_many(_CODES))


def count(number: int, noun: str, plural: str | None = None) -> str:
    """Return `1 customer`, `2 customers`, `1,000 companies`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def argument(path: object) -> str:
    """Return a path in a form that a command never reads as an option. `-` alone is standard input."""
    return f"./{path}" if str(path).startswith("-") and str(path) != "-" else str(path)


def series(words: Sequence[str], conjunction: str = "and") -> str:
    """Return `a`, `a and b`, or `a, b and c`."""
    return f" {conjunction} ".join([*filter(None, [", ".join(words[:-1])]), *words[-1:]])


def closest(word: str, words: Iterable[str], *, normalized: Callable[[str], str] = str.casefold) -> list[str]:
    """Return the words that the user has probably meant, at most three; several if they are almost equally similar."""
    from difflib import SequenceMatcher  # most commands need no suggestion

    typed = normalized(word)
    ratios = {}
    for each in words:
        other = normalized(each)
        is_beginning = len(typed) > 1 and other.startswith(typed)
        ratios[each] = max(SequenceMatcher(None, typed, other).ratio(), MIN_SIMILARITY * is_beginning)
    best = max(ratios.values(), default=0)
    close = [each for each, ratio in ratios.items() if ratio >= max(MIN_SIMILARITY, best - 0.05)]
    return sorted(close, key=ratios.__getitem__, reverse=True)[:3]


def moment(seconds: float) -> str:
    """Format a time for people, to the second, in UTC."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def timestamp(at: float | datetime) -> str:
    """Return a time in the form of the journal and the reports: UTC, ISO 8601, whole seconds."""
    seconds = at.replace(microsecond=0).timestamp() if isinstance(at, datetime) else at
    return _timestamp(math.floor(seconds))


@lru_cache(maxsize=8)  # hundreds of rows are written in a second
def _timestamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: float) -> str:
    """Format a duration in its two largest units."""
    if not math.isfinite(seconds):
        return "unknown"
    whole = max(round(seconds), 0)
    for size, unit, lesser, least in ((86_400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            return f"{whole // size} {unit} {whole % size // lesser} {least}"
    return f"{whole} s"


def percent(share: float) -> str:
    """Format a share (0 to 1) as a percentage. A small share is never 0%, and an incomplete one never 100%."""
    if 0 < share < 0.001:
        return "<0.1%"
    if 0.999 < share < 1:
        return ">99.9%"
    return f"{share:.1%}".replace(".0%", "%")


def time(text: str | datetime) -> str:
    """Format a time of the journal for people, to the minute, in UTC."""
    moment = datetime.fromisoformat(text) if isinstance(text, str) else text
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
