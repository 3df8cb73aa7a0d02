"""What a spreadsheet makes of identifiers that it takes for numbers: `00123` becomes `123`, a long one is rounded."""

from __future__ import annotations

import re
import sqlite3
from decimal import Decimal
from typing import Final

KEPT_DIGITS: Final = 15
_SHOWN_DIGITS: Final = 11
"""A number with more digits is shown as 4.12346E+15."""
_FEWEST_PLACES: Final = 2
_NOW: Final = re.compile(r"(0|[1-9]\d*)(?:[.,](\d+))?(?:[Ee]([+-]?\d{1,3}))?", re.ASCII)
_BEFORE: Final = re.compile(r"\d+(?:\.\d+)?(?:[Ee][+-]?\d{1,3})?", re.ASCII)
_DIGITS: Final = re.compile(r"\d+", re.ASCII)
_NOTE: Final = re.compile(r"(?:; |\A)customer_id: [^;]* before; .*", re.DOTALL)


def is_spoilt(now: str | None, before: str | None) -> bool:
    """Whether a spreadsheet, and nobody else, may have made the one of the other. Written back, it is not."""
    if now is None or before is None or now == before or not _BEFORE.fullmatch(before):
        return False
    found = _NOW.fullmatch(now)
    if found is None:
        return False
    whole, fraction, exponent = found[1], found[2] or "", found[3]
    value, number = Decimal(f"{whole}.{fraction or 0}E{exponent or 0}"), Decimal(before)
    if value == number:
        return True
    if exponent is not None:
        places = max(len(fraction), _FEWEST_PLACES)  # zeros at the end are not shown
        return len(before) > _SHOWN_DIGITS and abs(value - number) <= Decimal(1).scaleb(int(exponent) - places)
    lost = len(whole) - KEPT_DIGITS
    return lost > 0 and not fraction and whole.endswith("0" * lost) and abs(value - number) <= Decimal(1).scaleb(lost)


def in_full(before: str | None) -> str | None:
    """What a spreadsheet makes of an identifier where it shows numbers in full; None where it leaves it."""
    if before is None or not _DIGITS.fullmatch(before):
        return None
    digits = before.lstrip("0") or "0"
    now = digits[:KEPT_DIGITS] + "0" * (len(digits) - KEPT_DIGITS)
    return None if now == before else now


def in_short(before: str | None) -> str | None:
    """What a spreadsheet makes of an identifier where it shortens long numbers; None where it does not."""
    if before is None or not _DIGITS.fullmatch(before) or len(before.lstrip("0")) <= _SHOWN_DIGITS:
        return None
    mantissa, _, exponent = f"{Decimal(before):.5E}".partition("E+")
    return f"{mantissa.rstrip('0').rstrip('.')}E+{exponent:0>2}"


def note(now: str, before: str | None, *, is_restored: int, others: int) -> str:
    """Say of a row why it is rejected for its identifier, and what to do."""
    if is_restored:
        return (
            f"customer_id: {now} was {before} before; Codat has the customer under {before}: "
            "write that, or undo the batch before you change identifiers"
        )
    once = before if not others else f"{before} or another"
    what = "drops leading zeros" if before and before.startswith("0") else "rounds long numbers"
    return (
        f"customer_id: {now} was {once} before; a spreadsheet {what}: "
        "write it as it was, in a column that the spreadsheet takes as text"
    )


def without_note(reasons: str) -> str:
    """Give a row's reasons but for such a note."""
    return _NOTE.sub("", reasons)


def register(connection: sqlite3.Connection) -> None:
    """Make these functions of SQL."""
    for name, arguments, function in (
        ("is_spoilt", 2, is_spoilt),
        ("in_full", 1, in_full),
        ("in_short", 1, in_short),
        ("without_note", 1, without_note),
        (
            "spoilt_note",
            4,
            lambda now, before, restored, others: note(now, before, is_restored=restored, others=others),
        ),
    ):
        connection.create_function(name, arguments, function, deterministic=True)
