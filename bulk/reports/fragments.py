"""SQL that several statements share. It replaces {name} in the .sql files."""

from __future__ import annotations

from typing import Final

FRAGMENTS: Final = {
    # The row's number in the reports: rows of a second file follow those of the first.
    "number": "(SELECT shift FROM sources WHERE sources.id = source) + row",
    "expires_at": "strftime('%Y-%m-%dT%H:%M:%SZ', link_issued_at, :lifetime)",
    # The state of the customer at :since if it has changed since, otherwise null.
    "was": "CASE WHEN :since IS NOT NULL"
    " THEN (SELECT was FROM changes WHERE customer = seq AND at > :since ORDER BY n LIMIT 1) END",
    # Customers in the input, and removed ones that are in Codat, or may be while an outcome is unknown.
    "is_shown": "(presence <> 'removed' OR company_id IS NOT NULL OR name_sent IS NOT NULL)",
}
