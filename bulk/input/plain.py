"""Finds plain rows: those whose fields do not change and break no rule, as nearly all rows do.

One pattern for each field shows it. Only the other rows are trimmed, folded and checked against the rules one by one.
"""

from __future__ import annotations

from typing import Final

import polars as pl

from bulk.input.emails import MAX_EMAIL, PLAIN_ADDRESS
from bulk.input.empty import BLANK, is_null_word
from bulk.input.frames import NOT_TEXT
from bulk.input.names import KEPT
from bulk.input.platform_keys import PlatformKeys
from bulk.input.rules import CONTROL, CONTROL_BUT_SPACING, MAX_DESCRIPTION, MAX_ID, MAX_NAME, RULES


def with_platform_keys(rows: pl.DataFrame, keys: PlatformKeys) -> pl.DataFrame:
    """Add the column `platform_key`, with null for any platform that is not plain."""
    platforms = rows["platform"]
    plain = [text for text in platforms.unique().drop_nulls() if text.isprintable() and text == text.strip()]
    known = dict(zip(plain, keys.keys(pl.Series(plain, dtype=pl.String)), strict=True))
    return rows.with_columns(
        platforms.replace_strict(known, default=None, return_dtype=pl.String).alias("platform_key")
    )


def _is_plain(field: str, pattern: str, limit: int) -> pl.Expr:
    text = pl.col(field)
    return text.str.contains(pattern) & (text.str.len_bytes() <= limit) & ~is_null_word(text)


def _without(control: str) -> str:
    """Return a pattern for a trimmed text without these control characters."""
    inside = f"[^{control}]"
    at_end = f"[^{control}{BLANK}]"
    return rf"\A{at_end}(?:{inside}*{at_end})?\z"


def _is_plain_or_missing(field: str, pattern: str, limit: int) -> pl.Expr:
    return pl.col(field).is_null() | _is_plain(field, pattern, limit)


IS_PLAIN: Final = pl.all_horizontal(
    ~pl.col("is_ragged"),
    pl.col(NOT_TEXT).is_null(),
    _is_plain("customer_id", _without(CONTROL), MAX_ID),
    _is_plain("company_name", rf"\A[{KEPT}]+(?: [{KEPT}]+)*\z", MAX_NAME),
    pl.col("platform_key").is_not_null(),
    _is_plain_or_missing("email", PLAIN_ADDRESS, MAX_EMAIL),
    _is_plain_or_missing("description", _without(CONTROL_BUT_SPACING), MAX_DESCRIPTION),
    *(~rule.is_broken for rule in RULES if rule.can_break_plain),
).fill_null(value=False)
"""Whether a row is plain. It needs the fields as they are in the file, `is_ragged` and `platform_key`."""
