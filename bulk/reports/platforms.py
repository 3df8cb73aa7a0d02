"""What the people who email linkUrls call the accounting software, rather than Codat's platformKey."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import polars as pl

NAMES: Final = MappingProxyType(
    {
        "trji": "Dynamics 365 Business Central",
        "fbrh": "FreeAgent",
        "akxx": "Oracle NetSuite",
        "pqsw": "QuickBooks Desktop",
        "qhyg": "QuickBooks Online",
        "gbol": "Xero",
    }
)
"""The platforms that Sync for Expenses supports, by platformKey."""


def platform_names(expr: pl.Expr) -> pl.Expr:
    """The name of each platformKey; one without a name here stays as it is."""
    return expr.replace(list(NAMES), list(NAMES.values()))
