"""Compares, numbers and quotes the names of columns."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from bulk.text import closest, series, shorten

_MAX_NAME: Final = 60  # characters of a name in a message
_MAX_NAMES: Final = 30


def normalized(name: str) -> str:
    """Return a name in the form for comparisons: without case, spaces, `-`, `_` and invisible characters."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\s\-_\u00ad\u200b-\u200f\u2060\ufeff]+", "", text)


def unique(names: Sequence[str]) -> tuple[str, ...]:
    """Return unique names: a column without a name is named after its place, and repeated names are numbered.

    So each column can be selected, and can appear in the reports.
    """
    counts = Counter(names)
    taken = set(names)
    numbers: dict[str, Iterator[str]] = {}  # thousands of columns may have the same name
    result = []
    for place, name in enumerate(names, 1):
        base = name or f"column_{place}"
        if name and counts[name] == 1:
            new = name
        elif not name and base not in taken:
            new = base
        else:
            candidates = numbers.setdefault(base, _numbered(base))
            new = next(candidate for candidate in candidates if candidate not in taken)
        taken.add(new)
        result.append(new)
    return tuple(result)


def _numbered(name: str) -> Iterator[str]:
    number = 0
    while True:
        number += 1
        yield f"{name}_{number}"


def printable(name: str) -> str:
    """Return a name on one line, without control characters, and shortened."""
    return shorten("".join(letter if letter.isprintable() else "\ufffd" for letter in name), _MAX_NAME)


def quoted(name: str) -> str:
    """Return a name as messages show it."""
    return f'"{printable(name)}"'


def listed(names: Sequence[str]) -> str:
    """Return names as a list for a message."""
    more = f" and {len(names) - _MAX_NAMES} more" if len(names) > _MAX_NAMES else ""
    return ", ".join(map(quoted, names[:_MAX_NAMES])) + more


def did_you_mean(name: str, names: Sequence[str]) -> str:
    """Return a question about the most similar of these names, after a space, or "" if no name is similar."""
    similar = closest(name, names, normalized=normalized)
    return f" (did you mean {series(list(map(quoted, similar)), 'or')}?)" if similar else ""
