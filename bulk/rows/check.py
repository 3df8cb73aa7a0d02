"""The rules that each row must keep, and for every broken one what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from bulk.rows import platforms
from bulk.rows.names import fold_name

LONGEST_ID: Final = 100
"""Codat keeps it in a tag, whose value has at most 100 characters."""
LONGEST_NAME: Final = 500
LONGEST_DESCRIPTION: Final = 5_000
LONGEST_EMAIL: Final = 254
_SHOWN: Final = 80

INVISIBLE: Final = "\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u180e"
BLANK: Final = (
    " \t\r\n\v\f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000"
) + INVISIBLE

_CONTROL: Final = r"[\x00-\x1f\x7f-\x9f\u2028\u2029]"
_CONTROL_BUT_SPACING: Final = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
_WORD: Final = r'[^\s@,;:<>()"\\\x00-\x1f\x7f-\x9f]+'
_LABEL: Final = r'[^\s@,;:<>()"\\.\x00-\x1f\x7f-\x9f]+'
_EMAIL: Final = rf"\A{_WORD}@{_LABEL}(?:\.{_LABEL})+\z"


@dataclass(frozen=True)
class Rule:
    """One way in which a row can be wrong."""

    name: str
    field: str
    is_broken: pl.Expr
    problem: str
    remedy: str


def trimmed(column: pl.Expr) -> pl.Expr:
    """The text without white space and invisible characters around it; null when nothing is left."""
    text = column.str.strip_chars(BLANK)
    return pl.when(text != "").then(text)


def derived() -> list[pl.Expr]:
    """What is worked out from the trimmed fields before the rules are applied."""
    return [
        fold_name(pl.col("company_name")).alias("name_sent"),
        platforms.platform_keys(pl.col("platform")).alias("platform_key"),
    ]


_ID, _NAME, _EMAIL_TEXT, _DESCRIPTION = (
    pl.col(name) for name in ("customer_id", "company_name", "email", "description")
)


def _longer(column: pl.Expr, most: int) -> pl.Expr:
    # Bytes are counted already, and a text has at most as many characters: few are looked at twice.
    return (column.str.len_bytes() > most) & (column.str.len_chars() > most)


def _missing(field: str) -> Rule:
    return Rule(f"{field}_missing", field, pl.col(field).is_null(), "is missing", "fill it in")


RULES: Final = (
    _missing("customer_id"),
    Rule(
        "id_long",
        "customer_id",
        _longer(_ID, LONGEST_ID),
        f"is longer than {LONGEST_ID} characters",
        "give a shorter identifier",
    ),
    Rule(
        "id_control",
        "customer_id",
        _ID.str.contains(_CONTROL),
        "holds a line break or another control character",
        "remove it",
    ),
    _missing("company_name"),
    Rule(
        "name_long",
        "company_name",
        _longer(_NAME, LONGEST_NAME),
        f"is longer than {LONGEST_NAME} characters",
        "shorten it",
    ),
    Rule(
        "name_control",
        "company_name",
        _NAME.str.contains(_CONTROL_BUT_SPACING),
        "holds a control character",
        "remove it",
    ),
    Rule(
        "name_empty",
        "company_name",
        pl.col("name_sent") == "",
        "has no character that Codat keeps",
        "write it in Latin letters; Codat keeps A-Z a-z 0-9, blanks and - ' & @ . , ? !",
    ),
    _missing("platform"),
    Rule(
        "platform_unknown",
        "platform",
        pl.col("platform_key").is_null() & pl.col("platform").is_not_null(),
        "names no platform, or more than one",
        "",  # depends on the text
    ),
    Rule(
        "email_bad",
        "email",
        ~_EMAIL_TEXT.str.contains(_EMAIL) | _longer(_EMAIL_TEXT, LONGEST_EMAIL),
        "is no email address",
        "write one address such as name@example.com, or leave it empty",
    ),
    Rule(
        "description_long",
        "description",
        _longer(_DESCRIPTION, LONGEST_DESCRIPTION),
        f"is longer than {LONGEST_DESCRIPTION:,} characters",
        "shorten it",
    ),
    Rule(
        "description_control",
        "description",
        _DESCRIPTION.str.contains(_CONTROL_BUT_SPACING),
        "holds a control character",
        "remove it",
    ),
)


def shown(column: pl.Expr) -> pl.Expr:
    """A value as a report may show it: on one line, without control characters, at most 80 characters long."""
    text = (
        column.str.slice(0, _SHOWN + 1)
        .str.replace_all(r"[\r\n\t\u2028\u2029]+", " ")
        .str.replace_all(r"[\x00-\x1f\x7f-\x9f]", "\ufffd")
    )
    return pl.when(text.str.len_chars() > _SHOWN).then(text.str.slice(0, _SHOWN - 1) + "…").otherwise(text)
