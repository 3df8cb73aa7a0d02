"""Folds a company's name to the form that Codat stores.

Codat silently removes every character of a name except `A-Z a-z 0-9`, white space and `- ' & @ . , ? !`. `Café
Ångström` would become `Caf ngstrm`, and `O’Brien` `OBrien`. So letters are first replaced by the plain letters that
people write for them, and typographic quotes and dashes by `'` and `-`.
"""

from __future__ import annotations

from typing import Final

import polars as pl

# Letters that Unicode does not decompose, with the letters that people write for them.
_PLAIN: Final = {
    "ø": "o", "Ø": "O", "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L",
    "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ħ": "h", "Ħ": "H", "ı": "i", "ŧ": "t", "Ŧ": "T",
    "ŋ": "ng", "Ŋ": "Ng", "ĸ": "k", "ƒ": "f", "ɨ": "i", "ə": "e", "Ə": "E",
}  # fmt: skip
QUOTES: Final = "\u2018\u2019\u201a\u201b\u201c\u201d\u201e\u201f\u2039\u203a\u00ab\u00bb\u02bb\u02bc"
DASHES: Final = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"
_REPLACED: Final = _PLAIN | dict.fromkeys(QUOTES, "'") | dict.fromkeys(DASHES, "-")

ACCENTS: Final = "´¨¯¸"
"""Accents that are characters of their own."""

KEPT: Final = r"A-Za-z0-9\-'&@.,?!"
"""The characters that Codat keeps, except spaces, as a part of a pattern."""
_REMOVED: Final = rf"[^\s{KEPT}]+"
_CHANGED: Final = rf"\A |  | \z|[^ {KEPT}]"
"""Matches anything in a name that folding changes. Most names contain no match."""


def fold_names(names: pl.Expr) -> pl.Expr:
    """Return each name as Codat will store it, or an empty one if no character is left."""
    return names.map_batches(_folded, return_dtype=pl.String, is_elementwise=True)


def fold_name(name: str) -> str:
    """Return one name as Codat will store it, by the same rule."""
    text = name.encode("utf-8", "replace").decode()
    return str(_folded(pl.Series("name", [text], dtype=pl.String)).item())


def _folded(names: pl.Series) -> pl.Series:
    """Fold only the names that change."""
    is_changed = names.str.contains(_CHANGED).fill_null(value=False)
    if not is_changed.any():
        return names
    changed = names.filter(is_changed).to_frame("name").select(_fold(pl.col("name"))).to_series()
    return names.clone().scatter(is_changed.arg_true(), changed)


def _fold(names: pl.Expr) -> pl.Expr:
    kept = plain_letters(names).str.replace_all(_REMOVED, "")
    return kept.str.replace_all(r"\s+", " ").str.strip_chars(" ")


def plain_letters(names: pl.Expr) -> pl.Expr:
    """Return names with plain letters, quotes and dashes. The accents of letters are separate characters."""
    # Accents that are characters of their own are removed first: NFKD would turn each into a space and an accent.
    plain = names.str.replace_all(f"[{ACCENTS}]", "").str.normalize("NFKD")
    return plain.str.replace_many(list(_REPLACED), list(_REPLACED.values()))
