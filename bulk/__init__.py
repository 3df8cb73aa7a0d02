"""Move a customer base into Codat's Sync for Expenses.

`check(path)`, `await migrate(path)`, `report(folder)` and, to be awaited too, `follow_up`, `links`, `unlink`, `verify`,
`undo` and `listen` do what the commands of the same names do, and give back values instead of printing;
`migrate_blocking` waits for a migration. What they raise is in `bulk.errors`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from bulk.api import (
        Advanced,
        BatchResult,
        CheckResult,
        Cost,
        Ended,
        Enrolled,
        Event,
        Hold,
        Linking,
        LinksResult,
        Options,
        Reconciled,
        Resting,
        Started,
        State,
        Stop,
        Threshold,
        UndoResult,
        UnlinkResult,
        VerifyResult,
        Warned,
        check,
        follow_up,
        links,
        listen,
        look_online,
        migrate,
        migrate_blocking,
        report,
        undo,
        unlink,
        verify,
    )
    from bulk.settings import Settings

__all__ = [
    "Advanced",
    "BatchResult",
    "CheckResult",
    "Cost",
    "Ended",
    "Enrolled",
    "Event",
    "Hold",
    "Linking",
    "LinksResult",
    "Options",
    "Reconciled",
    "Resting",
    "Settings",
    "Started",
    "State",
    "Stop",
    "Threshold",
    "UndoResult",
    "UnlinkResult",
    "VerifyResult",
    "Warned",
    "__version__",
    "check",
    "follow_up",
    "links",
    "listen",
    "look_online",
    "migrate",
    "migrate_blocking",
    "report",
    "undo",
    "unlink",
    "verify",
]


def __getattr__(name: str) -> Any:
    """Load what is asked for when it is asked for: polars and httpx take longer to import than most commands to run."""
    if name not in __all__:
        raise AttributeError(f"module 'bulk' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module("bulk.settings" if name == "Settings" else "bulk.api"), name)
