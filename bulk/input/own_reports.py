"""Recognizes reports by bulk that are used as input, by their columns.

A corrected rejects.csv ends with the columns `row, reasons`, a corrected conflicts.csv with `row, conflict, found`. The
cells of a CSV report may begin with an apostrophe, which keeps spreadsheets from running them as formulas. All other
reports may name customers for a command, but they are no input: their customers are in a batch already.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import polars as pl

from bulk.text import series, unescape_formula

_ADDED: Final = {"rejects.csv": ("row", "reasons"), "conflicts.csv": ("row", "conflict", "found")}
"""The columns that each file for corrections adds after the input's."""
_SOME_OF_RESULTS: Final = frozenset(("company_id", "connection_id"))
"""Columns that identify some columns of results.csv or partner.csv."""
_NO_INPUTS: Final = {
    "results.csv": frozenset(("row", "state", "connection_id", "link_url", "updated_at")),
    "links.csv or a wave": frozenset(("link_url", "link_expires_at")),
    "partner.csv": frozenset(("connection_id", "partner_connection_id", "partner_status")),
    "the output of bulk check": frozenset(("row", "action", "reasons", "values", "warnings")),
}
"""The reports that are no input, each with columns that no export of another program has together."""
_SUFFIX: Final = " (input)"
"""The suffix that such a file adds to a column of the input that has the name of an added one, such as `row`."""


@dataclass(frozen=True)
class Recognized:
    """The columns of a file, without those that bulk added."""

    columns: tuple[str, ...]
    added: tuple[str, ...]
    """The columns that bulk added to a file for corrections, such as `row, reasons`; () for any other file."""
    is_escaped: bool
    """Whether cells may begin with an apostrophe that bulk added."""
    report: str = ""
    """The report, if it cannot be an input: `results.csv`."""
    notes: tuple[str, ...] = ()


def recognize(names: Sequence[str], *, is_csv: bool) -> Recognized:
    """Recognize a report by its column names, which must be trimmed."""
    named = count_named(names)  # a spreadsheet adds columns without a name after ours
    for added in _ADDED.values():
        own = named - len(added)
        if own > 0 and tuple(names[own:named]) == added:
            return Recognized(_restored(_unescaped(names[:own]), added), added, is_escaped=True)
    notes = []
    report = next((name for name, columns in _NO_INPUTS.items() if columns <= set(names)), "")
    is_escaped = is_csv and (bool(report) or set(names) >= _SOME_OF_RESULTS)
    if is_escaped:
        notes.append("it is a report by bulk: the apostrophes that keep its cells from running as formulas are removed")
    for file, added in _ADDED.items():
        if any(tuple(names[at : at + len(added)]) == added for at in range(len(names))):
            wrong = f"its columns {series(added)} are not the last ones"
            notes.append(f"{wrong}, so it is not read as a corrected {file}")
    columns = _unescaped(names) if is_escaped else tuple(names)
    return Recognized(columns, (), is_escaped=is_escaped, report=report, notes=tuple(notes))


def count_named(names: Sequence[str]) -> int:
    """Return the number of columns up to the last one with a name."""
    return max((place for place, name in enumerate(names, 1) if name), default=0)


def _unescaped(names: Sequence[str]) -> tuple[str, ...]:
    texts = pl.Series(names, dtype=pl.String).to_frame("name")
    return tuple(texts.select(unescape_formula(pl.col("name"))).to_series())


def _restored(names: Sequence[str], added: Sequence[str]) -> tuple[str, ...]:
    """Remove the suffix from columns whose own name is that of an added one."""
    own = list(names)
    for name in added:
        suffixed = [at for at, other in enumerate(names) if re.fullmatch(rf"{name}({re.escape(_SUFFIX)})+", other)]
        if suffixed:  # if there are several, the others have the suffix in the input too
            own[max(suffixed, key=lambda at: len(names[at]))] = name
    return tuple(own)
