"""The changes of customers' states since an earlier time. PURE."""

from __future__ import annotations

from typing import Final

import polars as pl

from bulk.model import State
from bulk.reports.columns import CHANGE

_AUTHORIZED: Final = (State.LINKED, State.COMPLETE)


def change(was: State, now: State) -> str | None:
    """Return the word for a change of state, or None if the state is the same.

    A customer who has authorized is newly linked, even if the partner connection exists by now.
    """
    is_newly_linked = now in _AUTHORIZED and was not in _AUTHORIZED
    return None if was is now else f"newly_{State.LINKED if is_newly_linked else now}"


_CHANGES: Final = {f"{was} {now}": change(was, now) for was in State for now in State if was is not now}


def compare(frame: pl.DataFrame) -> pl.DataFrame:
    """Replace the earlier state of each customer, in the column CHANGE, with the word for the change."""
    both = pl.concat_str(CHANGE, "state", separator=" ")
    return frame.with_columns(both.replace_strict(_CHANGES, default=None, return_dtype=pl.String).alias(CHANGE))
