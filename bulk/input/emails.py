"""Reads the address from a cell for emails. PURE.

A cell may have a name before the address, `mailto:`, quotes, comments and several addresses. The first address is used.
A text that is perhaps only a part of an address is no address: `a b@example.com` may mean `a.b@example.com`.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

import polars as pl

from bulk.input.empty import INVISIBLE

MAX_EMAIL: Final = 254
_WORD: Final = r'[^\s@,;:<>()"\\\x00-\x1f\x7f-\x9f]+'
_LABEL: Final = r'[^\s@,;:<>()"\\.\x00-\x1f\x7f-\x9f]+'
_ADDRESS: Final = re.compile(rf"{_WORD}@{_LABEL}(?:\.{_LABEL})+")
_MAX_CELL: Final = 10_000
"""The most characters of a cell to look at."""
_INVISIBLE: Final = dict.fromkeys(map(ord, INVISIBLE))
_QUOTED_NAME: Final = re.compile(r'"[^"]*"(?=\s*<)')
_COMMENT: Final = re.compile(r"\([^()]*\)")
_SEPARATOR: Final = re.compile(r"[;,|\r\n\t\u2028\u2029]|:::")
_IN_BRACKETS: Final = re.compile(r"<([^<>]*)>\s*\Z")
_SCHEME: Final = re.compile(r"mailto:\s*", re.IGNORECASE)
_QUERY: Final = re.compile(r"(mailto:[^?]*)\?.*", re.IGNORECASE)
_QUOTES: Final = "\"'`\u2018\u2019\u201c\u201d"
_READ: Final = {"email": pl.String(), "email_problem": pl.String()}

_PLAIN_WORD: Final = r"!#-&*+\-./0-9=?A-Z\[\]^_a-z{}~"
_PLAIN_LABEL: Final = r"!#-&*+\-/0-9=?A-Z\[\]^_a-z{}~"
_INSIDE: Final = f"{_PLAIN_LABEL}'`"
PLAIN_ADDRESS: Final = (
    rf"\A[{_PLAIN_WORD}][{_PLAIN_WORD}'`]*@[{_INSIDE}]+(?:\.[{_INSIDE}]+)*\.[{_INSIDE}]*[{_PLAIN_LABEL}]\z"
)
"""A cell that is an address, without quotes around it, as nearly all are."""


class Address(NamedTuple):
    """The address of a cell, or None, and the code of what is wrong with the cell, or None."""

    email: str | None
    email_problem: str | None


def read_address(cell: str) -> Address:
    """Return the first address of a cell."""
    addresses = _addresses(cell[:_MAX_CELL].translate(_INVISIBLE))
    found = list({address.casefold(): address for address in reversed(addresses)}.values())[::-1]
    if not found:
        return Address(None, "email_invalid")
    usable = [address for address in found if len(address) <= MAX_EMAIL]
    if not usable:
        return Address(None, "email_too_long")
    return Address(usable[0], "email_several" if len(found) > 1 else None)


def read_addresses(cells: pl.Expr) -> pl.Expr:
    """Return the structs `email, email_problem` of a column of cells; a cell without text has neither."""

    def read(series: pl.Series) -> pl.Series:
        is_plain = series.str.contains(PLAIN_ADDRESS) & (series.str.len_bytes() <= MAX_EMAIL)
        others = series.filter(~is_plain).unique().drop_nulls()
        found = pl.DataFrame(
            [(cell, *read_address(cell)) for cell in others], schema={"cell": pl.String()} | _READ, orient="row"
        )
        rows = pl.DataFrame({"cell": series, "is_plain": is_plain}).join(
            found, on="cell", how="left", maintain_order="left"
        )
        address = pl.when("is_plain").then("cell").otherwise("email").alias("email")
        return rows.select(pl.struct(address, "email_problem")).to_series()

    return cells.map_batches(read, return_dtype=pl.Struct(_READ), is_elementwise=True)


def _addresses(cell: str) -> list[str]:
    text = _COMMENT.sub(" ", _QUOTED_NAME.sub(" ", cell))
    return [address for part in _SEPARATOR.split(text) for address in _in_part(part)]


def _in_part(part: str) -> list[str]:
    """Return the addresses of a part of a cell: one, several with spaces between them, or none."""
    if bracketed := _IN_BRACKETS.search(part):
        part = bracketed[1]
    part = _SCHEME.sub(" ", _QUERY.sub(r"\1", part))  # mailto:a@example.com?subject=Invoice
    words = [word for each in part.split() if (word := each.strip(_QUOTES).rstrip("."))]
    return words if all(_ADDRESS.fullmatch(word) for word in words) else []
