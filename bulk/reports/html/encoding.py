"""Encodes the customers compactly for the page's script. PURE.

The rows are written column by column, because values in a column repeat: a state, a time, an error or the beginning of
a linkUrl is written once. `page.js` decodes them (`decodeColumns`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

import polars as pl
from markupsafe import Markup

_SAME_AS: Final = {"name_sent": "company_name"}  # most names are sent as they are


def encode(frame: pl.DataFrame) -> Markup:
    """Return the rows as a JSON list of columns, safe inside an HTML script element."""
    # One column after the other: as Python lists, all at once would take ten times the memory of the frame.
    return Markup("[{}]").format(Markup(",").join(_column(frame, name) for name in frame.columns))


def as_json(value: object) -> Markup:
    """Return a value as JSON that is safe inside an HTML script element, with any texts."""
    text = json.dumps(value, separators=(",", ":"))  # in ASCII: other characters double the memory of the whole page
    return Markup(text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026"))  # noqa: S704 - escaped


def _column(frame: pl.DataFrame, name: str) -> Markup:
    series = frame.get_column(name)  # never `frame.schema`: it describes all columns, for each of thousands
    values = series.to_list()
    column: dict[str, object] = {"name": name}
    if series.dtype != pl.String:
        return as_json(column | {"values": values})
    if name in _SAME_AS:
        pairs = zip(values, frame.get_column(_SAME_AS[name]).to_list(), strict=True)
        encoded = [0 if value is not None and value == other else value for value, other in pairs]
        return as_json(column | {"same_as": frame.get_column_index(_SAME_AS[name]), "values": encoded})
    return as_json(column | _texts(values))


def _texts(values: Sequence[str | None]) -> dict[str, object]:
    """Return texts as indexes into a list of words if they repeat, otherwise without their common prefix."""
    present = [value for value in values if value is not None]
    words = {word: number for number, word in enumerate(dict.fromkeys(present))}
    if len(words) * 2 <= len(present):
        return {"words": list(words), "values": [None if value is None else words[value] for value in values]}
    prefix = _common_prefix(present)
    return {"prefix": prefix, "values": [value and value[len(prefix) :] for value in values]}


def _common_prefix(texts: Sequence[str]) -> str:
    if not texts:
        return ""
    first, last = min(texts), max(texts)
    length = next((place for place, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), None)
    return first if length is None else first[:length]
