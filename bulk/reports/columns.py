"""The columns of each report, in order. Programs rely on them (reports/README.md)."""

from __future__ import annotations

from typing import Final

RESULTS: Final = (
    "row",
    "customer_id",
    "company_name",
    "name_sent",
    "email",
    "platform_key",
    "state",
    "company_id",
    "connection_id",
    "connection_status",
    "link_url",
    "link_expires_at",
    "partner_connection_id",
    "partner_status",
    "error_step",
    "error_code",
    "error",
    "correlation_id",
    "attempts",
    "updated_at",
    "platform",
    "link_error",
)
"""The columns of the results. The input's other columns follow."""

CHANGE: Final = "change"
"""The column that follows RESULTS if the results are compared with an earlier time."""

LINKS: Final = (
    *("customer_id", "company_name", "email", "platform", "link_url", "link_expires_at", "wave", "first_issued_at"),
)
"""The columns of the links. The input's other columns follow."""

PARTNER: Final = (
    "customer_id",
    "company_name",
    "email",
    "company_id",
    "connection_id",
    "connection_status",
    "partner_connection_id",
    "partner_status",
    "error_code",
    "error",
    "correlation_id",
    "link_error",
)
FINDINGS: Final = ("finding", "customer_id", "company_id", "connection_id", "detail", "adopted")
REJECTS: Final = ("row", "reasons")
"""The columns that follow the input's own in the rejects."""

CONFLICTS: Final = ("row", "conflict", "found")
"""The columns that follow the input's own in the conflicts."""

DIFFERENCES: Final = ("customer_id", "field", "in_codat", "in_input")
COMPANIES: Final = ("customer_id", "company_name", "company_id", "connection_status")
"""The companies that `undo` lists."""

NUMBERS: Final = frozenset({"row", "attempts", "wave"})
"""The columns of whole numbers; all others are text."""
