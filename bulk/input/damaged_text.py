r"""Finds text that was damaged before bulk read it, and restores it as far as that is possible.

Three things damage text: a program that reads it in the wrong encoding (`bulk.input.misread`), one that writes escapes
which the next one takes for text (`bulk.input.escapes`), and one whose encoding lacks some letters, so that `?` or
U+FFFD stands for them. A name is damaged only if Codat would store the damage. An identifier with percent escapes may
be right: systems have such identifiers.
"""

from __future__ import annotations

import re
from typing import Final

import polars as pl

from bulk import problems
from bulk.input import escapes, misread
from bulk.input.names import fold_names
from bulk.text import shorten_column

LOST_LETTERS: Final = r"\x{FFFD}|[\p{L}\s]\?\p{Ll}|\A\?\p{Ll}\S*\?|\A\?{3,}(?:\s|\z)"
r"""Matches names of which letters are lost for certain. `?what` or `???` alone may be right."""
_OF_NAMES: Final = ("row", "customer_id", "company_name", "name_sent")
_MAX_ROUNDS: Final = 3  # text may be damaged more than once
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ufeff]+")

_NOT_PLAIN: Final = r"[^\x00-\x7f]|[%<\\?;=_]"
"""Matches all damaged text. It is much faster than the patterns below, and few texts match it."""
_NOT_PLAIN_ID: Final = r"[^\x00-\x7f]|&[#A-Za-z][0-9A-Za-z]*;|\\u[0-9A-Fa-f]{4}"
_MAY_BE_DAMAGED: Final = "|".join((misread.MAY_BE_MISREAD, escapes.MAY_HAVE_ESCAPES, LOST_LETTERS))


def with_damage(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `damage` and `restored_name` to rows, which have `row, customer_id, company_name, name_sent`.

    `damage` is a JSON list with one problem, or null. `restored_name` is the name that Codat would store if it had not
    been damaged, or null if nobody can know it.
    """
    found = pl.concat([_damaged_names(rows), _damaged_ids(rows)]).unique("row", keep="first", maintain_order=True)
    return rows.join(found, on="row", how="left", maintain_order="left")


def restore(text: str) -> str | None:
    """Return the text as it was before it was damaged, the text itself if it was not, or None if letters are lost."""
    restored = text
    for _ in range(_MAX_ROUNDS):
        before, restored = restored, escapes.restore(misread.restore(restored))
        if restored == before:
            break
    if "\ufffd" in restored:
        return None
    return text if restored == text else " ".join(_CONTROL.sub(" ", restored).split())


def damaged_descriptions(rows: pl.DataFrame) -> pl.DataFrame:
    """Return `row, customer_id, description, restored` of the rows whose description is damaged."""
    return _restored(rows.select("row", "customer_id", "description"), "description", _NOT_PLAIN)


def _damaged_names(rows: pl.DataFrame) -> pl.DataFrame:
    texts = _restored(rows.select(_OF_NAMES), "company_name", _NOT_PLAIN, may_lack_letters=True)
    texts = texts.with_columns(fold_names(pl.col("restored")).alias("restored_name"))
    return _described(texts.filter(pl.col("restored_name").ne_missing(pl.col("name_sent"))), "company_name")


def _damaged_ids(rows: pl.DataFrame) -> pl.DataFrame:
    texts = _restored(rows.select(_OF_NAMES), "customer_id", _NOT_PLAIN_ID)
    return _described(texts.with_columns(pl.lit(None, dtype=pl.String).alias("restored_name")), "customer_id")


def _restored(rows: pl.DataFrame, field: str, not_plain: str, *, may_lack_letters: bool = False) -> pl.DataFrame:
    """Return the rows with damage in a field, with the column `restored`."""
    text, restored = pl.col(field), pl.col("restored")
    rows = rows.filter(text.str.contains(not_plain)).filter(text.str.contains(_MAY_BE_DAMAGED))
    rows = rows.with_columns(pl.Series("restored", [restore(each) for each in rows[field]], dtype=pl.String))
    if may_lack_letters:
        rows = rows.with_columns(pl.when(~restored.str.contains(LOST_LETTERS)).then(restored))
    return rows.filter(restored.ne_missing(text))


def _described(rows: pl.DataFrame, field: str) -> pl.DataFrame:
    """Return `row, damage, restored_name`."""
    values = rows.select(shorten_column(pl.col(field)), "restored").iter_rows()
    damage = [problems.to_text([problems.new(f"{field}_damaged", value, found=known or "")]) for value, known in values]
    return rows.select("row", pl.Series("damage", damage, dtype=pl.String), "restored_name")
