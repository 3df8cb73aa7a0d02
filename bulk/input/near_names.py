"""Finds columns that are not read, but look like a field that the file seems to lack. PURE."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bulk.input.column_names import normalized, quoted
from bulk.text import series

_LOOKS_LIKE: Final = {
    "customer_id": re.compile(
        r"(?:customer|client|account|kunden|cliente?|debitor)(?:id|no|nr|number|ref|reference|code|key|nummer)|id|uid"
    ),
    "company_name": re.compile(
        r"(?:company|business|legal|customer|client|trading|organi[sz]ation|firmen)(?:name)?|name|firma"
    ),
    "platform": re.compile(r"(?:accounting)?(?:platform|software|system|package)(?:name|key)?"),
    "email": re.compile(r"[a-z]*(?:e?mail|correo|courriel)(?:s|id|adress[ea]?|address(?:es)?|electronico|\d)?"),
    "description": re.compile(r"(?:company|customer)?(?:description|beschreibung|descripcion)"),
}
"""What the normalized name of a column for each field may be."""
_MAX_SHOWN: Final = 3


def near_notes(columns: Sequence[str], places: Mapping[str, int]) -> Iterator[str]:
    """Yield a note for each field without a column if columns that are not fields look like it."""
    for field, similar in nearly_named(columns, places).items():
        option = shlex.join(["--map", f"{field}={similar[0]}"])
        shown = series([quoted(name) for name in similar[:_MAX_SHOWN]], "or")
        yield f"no column is read as {field}; {shown} may be it: pass {option} if it is"


def nearly_named(columns: Sequence[str], places: Mapping[str, int]) -> dict[str, list[str]]:
    """Return the columns that look like each field without a column; a field that nothing looks like is left out."""
    used = set(places.values())
    others = [name for place, name in enumerate(columns) if place not in used]
    found = {
        field: [name for name in others if pattern.fullmatch(normalized(name))]
        for field, pattern in _LOOKS_LIKE.items()
        if field not in places
    }
    return {field: names for field, names in found.items() if names}
