"""The rules that each row must keep, and for every broken one what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import polars as pl

from bulk import platforms
from bulk.input.names import fold_name

MAX_ID: Final = 100
"""Codat keeps it in a tag, whose value has at most 100 characters."""
MAX_NAME: Final = 500
MAX_DESCRIPTION: Final = 5_000
MAX_EMAIL: Final = 254
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
    problem: pl.Expr
    remedy: pl.Expr


def trimmed(column: pl.Expr) -> pl.Expr:
    """The text without white space and invisible characters around it; null when nothing is left."""
    return column.str.strip_chars(BLANK).replace("", None)  # `when` would strip twice


def derived() -> list[pl.Expr]:
    """What is worked out from the trimmed fields before the rules are applied."""
    return [
        fold_name(pl.col("company_name")).alias("name_sent"),
        platforms.platform_keys(pl.col("platform")).alias("platform_key"),
    ]


def _rule(name: str, field: str, is_broken: pl.Expr, problem: str, remedy: str) -> Rule:
    return Rule(name, field, is_broken, pl.lit(problem), pl.lit(remedy))


def _missing(field: str) -> Rule:
    return _rule(f"{field}_missing", field, pl.col(field).is_null(), "is missing", "fill it in")


def _too_long(field: str, most: int, remedy: str) -> Rule:
    # Bytes are counted already, and a text has at most as many characters: few are looked at twice.
    text = pl.col(field)
    is_broken = (text.str.len_bytes() > most) & (text.str.len_chars() > most)
    return _rule(f"{field}_too_long", field, is_broken, f"is longer than {most:,} characters", remedy)


def _control(field: str, pattern: str, problem: str) -> Rule:
    return _rule(f"{field}_control", field, pl.col(field).str.contains(pattern), problem, "remove it")


RULES: Final = (
    _missing("customer_id"),
    _too_long("customer_id", MAX_ID, "give a shorter identifier"),
    _control("customer_id", _CONTROL, "holds a line break or another control character"),
    _missing("company_name"),
    _too_long("company_name", MAX_NAME, "shorten it"),
    _control("company_name", _CONTROL_BUT_SPACING, "holds a control character"),
    _rule(
        "name_empty",
        "company_name",
        pl.col("name_sent") == "",
        "has no character that Codat keeps",
        "write it in Latin letters; Codat keeps A-Z a-z 0-9, blanks and - ' & @ . , ? !",
    ),
    _missing("platform"),
    _control("platform", _CONTROL, "holds a line break or another control character"),
    _rule(
        "platform_unknown",
        "platform",
        pl.col("platform_key").is_null() & pl.col("platform").is_not_null(),
        "names no platform, or more than one",
        "",  # depends on the text
    ),
    _too_long("email", MAX_EMAIL, "write a shorter one"),
    _rule(
        "email_bad",
        "email",
        ~pl.col("email").str.contains(_EMAIL),
        "is no email address",
        "write one address such as name@example.com, or leave it empty",
    ),
    _too_long("description", MAX_DESCRIPTION, "shorten it"),
    _control("description", _CONTROL_BUT_SPACING, "holds a control character"),
)


def shown(column: pl.Expr) -> pl.Expr:
    """A value as a report may show it: on one line, without control characters, at most 80 characters long."""
    text = (
        column.str.slice(0, _SHOWN + 1)
        .str.replace_all(r"[\r\n\t\u2028\u2029]+", " ")
        .str.replace_all(r"[\x00-\x1f\x7f-\x9f]", "\ufffd")
    )
    return pl.when(text.str.len_chars() > _SHOWN).then(text.str.slice(0, _SHOWN - 1) + "…").otherwise(text)
