"""SQL that several statements share: it replaces {name} in the other .sql files of the reports."""

from __future__ import annotations

from typing import Final

from bulk.journal.sql import load

FRAGMENTS: Final = load("bulk.reports", "fragments.sql")
