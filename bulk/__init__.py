"""Move a company's customers into Codat's Expenses product.

`check(path)`, `report(folder)` and `sent(folder)` are ordinary functions. `migrate(path)` is async, and so are
`follow_up`, `links`, `unlink`, `verify`, `undo` and `listen`, which take a batch's folder. Each of these has a blocking
form, such as `migrate_blocking`. All of them do the same as the commands with these names, and return values instead of
printing them. Errors are in `bulk.errors`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from bulk.api import (
        Account,
        Advanced,
        BatchComparison,
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
        SentResult,
        Started,
        State,
        Stop,
        Threshold,
        UndoResult,
        UnlinkResult,
        VerifyResult,
        Warned,
        WaveWritten,
        check,
        check_account,
        follow_up,
        links,
        listen,
        migrate,
        report,
        sent,
        undo,
        unlink,
        verify,
    )
    from bulk.blocking import (
        check_account_blocking,
        follow_up_blocking,
        links_blocking,
        listen_blocking,
        migrate_blocking,
        undo_blocking,
        unlink_blocking,
        verify_blocking,
    )
    from bulk.reading import Reading
    from bulk.settings import Settings

__all__ = [
    "Account",
    "Advanced",
    "BatchComparison",
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
    "Reading",
    "Reconciled",
    "Resting",
    "SentResult",
    "Settings",
    "Started",
    "State",
    "Stop",
    "Threshold",
    "UndoResult",
    "UnlinkResult",
    "VerifyResult",
    "Warned",
    "WaveWritten",
    "__version__",
    "check",
    "check_account",
    "check_account_blocking",
    "follow_up",
    "follow_up_blocking",
    "links",
    "links_blocking",
    "listen",
    "listen_blocking",
    "migrate",
    "migrate_blocking",
    "report",
    "sent",
    "undo",
    "undo_blocking",
    "unlink",
    "unlink_blocking",
    "verify",
    "verify_blocking",
]


_MODULES = {
    "Reading": "reading",
    "Settings": "settings",
    "check": "input_check",
    "report": "batch",
    "sent": "email_record",
}  # they load less than `api`


def __getattr__(name: str) -> Any:
    """Load a name when it is first used, because importing polars and httpx takes longer than most commands."""
    if name not in __all__:
        raise AttributeError(f"module 'bulk' has no attribute {name!r}")
    module = "blocking" if name.endswith("_blocking") else _MODULES.get(name, "api")
    return getattr(import_module(f"bulk.{module}"), name)


def __dir__() -> list[str]:
    """List the names that are loaded when they are first used, too, so that editors and Jupyter complete them."""
    return sorted({*globals(), *__all__})
