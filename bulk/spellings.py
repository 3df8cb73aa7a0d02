"""Compares identifiers that may be two spellings of one. PURE.

Spreadsheets and exports write one identifier in several ways: `00123` as `123`, a long number as `1.23E+19`, a UUID in
braces. `spelling_key` returns one normal form for all of them. A number that has lost digits may be any of many
numbers, so its key is approximate: it begins with `~` and stands for ranges of exact keys.

Letter case alone is never another spelling, except in UUIDs. So an approximate key keeps its `e` or `E`, and `12E5` is
not read as a number: `12e5` is another customer. `rounded_keys` has the numbers that programs make of it.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

_ZERO_WIDTH: Final = (0x61C, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
_INVISIBLE: Final = (0xAD, 0x180E, *_ZERO_WIDTH)
_FULL_WIDTH: Final = range(0xFF01, 0xFF5F)
_CHARACTERS: Final = {code: chr(code - 0xFEE0) for code in _FULL_WIDTH} | dict.fromkeys(_INVISIBLE)
"""The replacement of each full-width character, and None for each invisible one."""

_APPROXIMATE: Final = "~"
_SMALL_TILDE: Final = "\u02dc"
"""Replaces a tilde at the start of a text, because only approximate keys begin with one."""

_SINGLE_QUOTES: Final = "'‘’`"
_DOUBLE_QUOTES: Final = '"“”„'
_MARKS: Final = "=" + _SINGLE_QUOTES
"""The characters at the start of a cell by which people and spreadsheets make it a text."""

_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|[0-9a-f]{32}", re.IGNORECASE)
_LIKE_A_NUMBER: Final = re.compile(r"[+-]?\d[\d.,'’ ]*", re.ASCII)
_NUMBERS: Final = tuple(
    re.compile(rf"([+-]?){number}", re.ASCII)
    for number in (
        r"(?!0,)(\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})+,\d{3})(?:\.(\d*))?",  # 1,001 and 12,34,567.0
        r"(?!0\D)(\d{1,3}(?: \d{3})+|\d{1,3}(?:['’]\d{3})+)(?:[.,](\d*))?",  # 1 001 and 1'001.0
        r"(?!0\.)(\d{1,3}(?:\.\d{3})+),(\d*)",  # 1.001,0
        r"(?!0\.)(\d{1,3}(?:\.\d{3}){2,})()",  # 1.234.567
        r"(\d+)(?:[.,](\d*))?",  # 1001.0, 1001,0 and 1.001, which is more often a decimal number than 1,001
    )
)
_SHORTENED: Final = re.compile(r"~?([+-]?)(\d+)(?:[.,](\d*))?([eE])(\+?)(\d{1,3})", re.ASCII)
_APPROXIMATE_KEY: Final = re.compile(r"~(-?)(\d)(?:\.(\d+))?[eE]\+(\d{1,3})", re.ASCII)
_WHOLE_KEY: Final = re.compile(r"(-?)(\d+)", re.ASCII)
_POWER: Final = re.compile(r"([1-9]\d*)[eE](\d{1,3})", re.ASCII)

_MIN_SHORTENED: Final = 6
"""The digits of the shortest number that programs write with an exponent: R has `1e+05`."""
_MAX_DIGITS: Final = 308
"""A longer number does not fit into a float."""
_KEPT: Final = 15
"""The significant digits that a spreadsheet keeps."""
_MAX_SIGNIFICANT: Final = 17
"""The most significant digits of a float's text."""
_ROUNDINGS: Final = Fraction(5, 9)
"""The most that repeated rounding changes a number, in units of its last digit: 0.5 + 0.05 + 0.005 + …"""
_MAX_LOSSES: Final = 3
"""The number of times that a number may have lost digits, each time in another way."""


def is_spelling_of(a: str, b: str) -> bool:
    """Return whether one of these identifiers may be another spelling of the other. Equal identifiers are not."""
    if a == b:
        return False
    key, other = spelling_key(a), spelling_key(b)
    if key == other:
        return True
    if key.startswith(_APPROXIMATE) and other.startswith(_APPROXIMATE):
        return _is_rounded_again(key, other) or _is_rounded_again(other, key)
    return _may_be(key, other) or _may_be(other, key) or key in rounded_keys(b) or other in rounded_keys(a)


def spelling_key(customer_id: str) -> str:
    """Return the normal form of an identifier. Identifiers with equal keys are spellings of each other.

    The key of a key is the key itself. The key of a number with lost digits, such as `1.23E+19`, begins with `~`, and
    no other key does.
    """
    if customer_id.isascii() and customer_id.isalnum() and len(customer_id) != 32:
        return (customer_id.lstrip("0") or "0") if customer_id.isdigit() else customer_id  # nearly all identifiers
    text = _without_marks(_cleaned(customer_id))
    key = _uuid_key(text) or _number_key(text) or _shortened_key(text)
    if key:
        return key
    return _SMALL_TILDE + text[1:] if text.startswith(_APPROXIMATE) else text


def exact_ranges(key: str) -> tuple[tuple[str, str], ...]:
    """Return the ranges of whole numbers that an approximate key stands for, and () for any other key.

    Each range is (first key, last key). All keys in it have the same number of digits, so their order as texts is that
    of the numbers.
    """
    read = _read(key)
    if read is None:
        return ()
    low, high = str(math.ceil(read.least)), str(math.floor(read.greatest))
    sign = "-" if key.startswith("~-") else ""
    ranges = [(low, high)]
    if len(low) < len(high):
        ranges = [(low, "9" * len(low)), ("1".ljust(len(high), "0"), high)]
    return tuple((sign + first, sign + last) for first, last in ranges if int(first) <= int(last))


def rounded_keys(customer_id: str) -> tuple[str, ...]:
    """Return the keys of the forms that programs make of a number when they remove digits, or () for any other text.

    Numbers of 6 digits or more have approximate keys, each with 1 to 17 digits. Those of 16 digits or more also have
    exact keys: 15 digits followed by zeros, and the nearest floats.
    """
    key = spelling_key(customer_id)
    power = _POWER.fullmatch(key)
    if power and len(power[1]) + int(power[2]) <= _MAX_DIGITS:
        number = power[1] + "0" * int(power[2])
        return (number, *rounded_keys(number))
    whole = _WHOLE_KEY.fullmatch(key)
    if whole is None or not _MIN_SHORTENED <= len(whole[2]) <= _MAX_DIGITS:
        return ()
    sign, digits = whole.groups()
    exact = (sign + number for number in _inexact(digits))
    approximate = (f"~{sign}{form}" for form in _approximate(digits))
    return tuple(dict.fromkeys((*exact, *approximate)))


def power_keys(customer_id: str) -> tuple[str, ...]:
    """Return the keys of identifiers that programs read as this number: `1E5` for 100000 and for `1.00E+05`."""
    key = spelling_key(customer_id)
    read = _read(key)
    number = key if read is None else str(int(read.number)) if read.number.denominator == 1 else ""
    if not number.isdigit() or not number.isascii():
        return ()
    zeros = len(number) - len(number.rstrip("0"))
    return tuple(
        f"{number[:-exponent]}{letter}{exponent:0{width}}"
        for exponent in range(1, min(zeros, len(number) - 1) + 1)
        for letter in ("E", "e")
        for width in range(len(str(exponent)), 4)
    )


def _cleaned(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFC", text.translate(_CHARACTERS))
    return " ".join(text.split())


def _without_marks(text: str) -> str:
    """Remove quotes around a text, and the marks that make a cell a text: `="001"`, `=001`, `'001` and `"001"`."""
    while True:
        inner = (_in_quotes(text) or (text[1:] if text[:1] in _MARKS else "")).strip()
        if not inner:
            return text
        text = inner


def _in_quotes(text: str) -> str:
    """Return what is between quotes of one kind, or "" for any other text."""
    is_quoted = any(text[:1] in kind and text[-1:] in kind for kind in (_SINGLE_QUOTES, _DOUBLE_QUOTES))
    return text[1:-1] if is_quoted else ""


def _uuid_key(text: str) -> str:
    """Return a UUID in lower case with hyphens, or "". One without letters may be a number, and is read as one."""
    inner = text[1:-1] if text.startswith("{") and text.endswith("}") else text
    if not _UUID.fullmatch(inner):
        return ""
    digits = inner.replace("-", "").lower()
    if digits.isdigit():
        return _number_key(digits)
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def _number_key(text: str) -> str:
    """Return a number without leading zeros, separators and a fraction of zeros, or "" for any other text."""
    if not _LIKE_A_NUMBER.fullmatch(text):
        return ""
    match = next(filter(None, (pattern.fullmatch(text) for pattern in _NUMBERS)), None)
    if match is None:
        return ""
    sign, whole, fraction = match[1], re.sub(r"\D", "", match[2]).lstrip("0") or "0", (match[3] or "").rstrip("0")
    number = f"{whole}.{fraction}" if fraction else whole
    return f"-{number}" if sign == "-" and number != "0" else number


def _shortened_key(text: str) -> str:
    """Return an approximate key, or "" for a text that is not a shortened number."""
    match = _SHORTENED.fullmatch(text)
    if match is None or (match[3] is None and not match[5]):
        return ""
    digits = (match[2] + (match[3] or "")).lstrip("0")
    exponent = int(match[6]) + len(match[2]) - 1 - (len(match[2] + (match[3] or "")) - len(digits))
    if not digits:
        exponent = 0
    if exponent < 0:
        return ""
    return f"~{'-' if match[1] == '-' else ''}{_mantissa(digits)}{match[4]}+{exponent}"


def _mantissa(digits: str) -> str:
    digits = digits.rstrip("0") or "0"
    return f"{digits[0]}.{digits[1:]}" if len(digits) > 1 else digits


@dataclass(frozen=True, slots=True)
class _Approximate:
    """The absolute number of an approximate key, and the limits of the numbers that it stands for."""

    number: Fraction
    least: Fraction
    greatest: Fraction


def _read(key: str) -> _Approximate | None:
    """Return the number of an approximate key, or None for any other key."""
    match = _APPROXIMATE_KEY.fullmatch(key)
    if match is None:
        return None
    digits, exponent = match[2] + (match[3] or ""), int(match[4])
    unit = Fraction(10) ** (exponent - len(digits) + 1)
    number = int(digits) * unit
    removed = _removed(exponent)
    below = unit / 10 if digits == "1" else unit  # 9.96 has a digit less than 10
    return _Approximate(number, number - _ROUNDINGS * below - removed, number + _ROUNDINGS * unit + removed)


def _removed(exponent: int) -> Fraction:
    """Return the most that a spreadsheet or a float has removed from a number before it was rounded."""
    return 2 * Fraction(10) ** (exponent - _KEPT + 1)


def _may_be(approximate: str, exact: str) -> bool:
    """Return whether an approximate key stands for this exact key."""
    return any(len(exact) == len(low) and low <= exact <= high for low, high in exact_ranges(approximate))


def _is_rounded_again(key: str, other: str) -> bool:
    """Return whether the approximate key `other` may be that of the number of `key`, rounded again."""
    numbers = _read(key), _read(other)
    if numbers[0] is None or numbers[1] is None or key.startswith("~-") != other.startswith("~-"):
        return False
    return numbers[1].least <= numbers[0].number <= numbers[1].greatest and key.lower() != other.lower()


def _inexact(digits: str) -> set[str]:
    """Return the whole numbers that programs make of a number with more digits than they keep."""
    forms = {digits}
    for _ in range(_MAX_LOSSES if len(digits) > _KEPT else 0):
        forms |= {loss for form in forms for loss in _losses(form)}
    return forms - {digits}


def _losses(digits: str) -> Iterator[str]:
    size, number = len(digits), int(digits)
    unit = 10 ** (size - _KEPT)
    yield str(number // unit * unit)
    yield str((number + unit // 2) // unit * unit)
    if size <= _MAX_DIGITS:
        as_float = float(number)
        yield str(int(as_float))
        mantissa, _, exponent = f"{as_float!r}".partition("e+")
        if exponent:  # some programs write the digits of the float's text, followed by zeros
            yield mantissa.replace(".", "").ljust(int(exponent) + 1, "0")


def _approximate(digits: str) -> Iterator[str]:
    """Yield the forms with an exponent, without `~`."""
    size = len(digits)
    for kept in range(1, min(size, _MAX_SIGNIFICANT) + 1):
        start, rest, unit = int(digits[:kept]), int(digits[kept:] or "0"), 10 ** (size - kept)
        margin = math.floor(_ROUNDINGS * unit + _removed(size - 1))
        if rest <= margin:
            yield from _with_exponent(str(start), size - 1)
        if rest and unit - rest <= margin:
            up = str(start + 1)
            yield from _with_exponent(up, size - 1 + len(up) - kept)
    mantissa, _, exponent = f"{float(int(digits))!r}".partition("e+")
    if exponent:
        yield f"{mantissa}e+{exponent}"


def _with_exponent(digits: str, exponent: int) -> Iterator[str]:
    return (f"{_mantissa(digits)}{letter}+{exponent}" for letter in "Ee")
