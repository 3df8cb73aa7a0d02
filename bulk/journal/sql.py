"""Reads captioned SQL: files of statements, each below an empty line and a line `-- NAME: caption`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Final

_CAPTION = re.compile(r"(?:\A|(?<=\n\n))-- (\w+): .*$", re.MULTILINE)  # no other comment follows an empty line


def load(package: str, file: str, **parts: str) -> Mapping[str, str]:
    """Return the statements of a file by name. `parts` are constant texts that replace {name} in the file."""
    _, *pieces = _CAPTION.split((files(package) / file).read_text("utf-8"))
    texts = (text.strip().removesuffix(";") for text in pieces[1::2])
    return dict(zip(pieces[::2], (text.format(**parts) if parts else text for text in texts), strict=True))


SHARED: Final = load("bulk.journal", "fragments.sql")
"""Statements' parts that the journal and the reports share."""
