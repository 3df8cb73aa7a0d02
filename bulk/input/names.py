"""What Codat keeps of a company's name, worked out before it is sent.

Codat silently removes every character of a name but `A-Z a-z 0-9`, white space and `- ' & @ . , ? !`. So that
`Café Ångström` does not arrive as `Caf ngstrm`, letters are first folded to the plain ones that a reader would write.
"""

from __future__ import annotations

from typing import Final

import polars as pl

# Letters that Unicode does not take apart, with what people write in their place.
_PLAIN: Final = {
    "ø": "o", "Ø": "O", "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ł": "l", "Ł": "L",
    "đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ħ": "h", "Ħ": "H", "ı": "i", "ŧ": "t", "Ŧ": "T",
    "ŋ": "ng", "Ŋ": "Ng", "ĸ": "k", "ƒ": "f", "ɨ": "i", "ə": "e", "Ə": "E",
}  # fmt: skip

_KEPT: Final = r"A-Za-z0-9\-'&@.,?!"
_DROPPED: Final = rf"[^\s{_KEPT}]+"
# A name without any of these is already what Codat keeps, and most names are: only the others are folded.
_UNFOLDED: Final = rf"\A |  | \z|[^ {_KEPT}]"


def _fold(names: pl.Expr) -> pl.Expr:
    # Accents that stand alone go first: the normalization takes them apart into a blank and an accent.
    plain = names.str.replace_all("[´¨¯¸]", "").str.normalize("NFKD")
    plain = plain.str.replace_many(list(_PLAIN), list(_PLAIN.values())).str.replace_all(_DROPPED, "")
    return plain.str.replace_all(r"\s+", " ").str.strip_chars(" ")


def _fold_where_needed(names: pl.Series) -> pl.Series:
    needed = names.str.contains(_UNFOLDED).fill_null(value=False)
    if not needed.any():
        return names
    name = names.name
    both = pl.concat(
        [names.rename("n"), names.rename("n").filter(needed).to_frame().select(_fold(pl.col("n"))).to_series()]
    )
    place = pl.DataFrame({"needed": needed}).select(
        pl.when("needed")
        .then(pl.col("needed").cum_sum().cast(pl.Int64) + (len(names) - 1))
        .otherwise(pl.int_range(pl.len()))
    )
    return both.gather(place.to_series()).rename(name)


def fold_name(expr: pl.Expr) -> pl.Expr:
    """The name as Codat will keep it; empty when nothing of it is left."""
    return expr.map_batches(_fold_where_needed, return_dtype=pl.String, is_elementwise=True)


def folded(name: str) -> str:
    """One name as Codat will keep it, by the very rule of `fold_name`."""
    text = name.encode("utf-8", "replace").decode()
    return str(_fold_where_needed(pl.Series("name", [text], dtype=pl.String)).item())
