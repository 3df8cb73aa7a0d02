"""SQL that several statements share: it replaces {name} in the other .sql files of the reports."""

from __future__ import annotations

from typing import Final

from bulk.journal.sql import SHARED, load

FRAGMENTS: Final = {**SHARED, **load("bulk.reports", "fragments.sql")}
