"""Which column of the input holds which field."""

from __future__ import annotations

import difflib
import itertools
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import polars as pl

from bulk.errors import InputError, UsageError
from bulk.text import unescape_formula

NEEDED: Final = ("customer_id", "company_name", "platform")
FIELDS: Final = (*NEEDED, "email", "description")
OUR_OWN: Final = ("row", "reasons")
"""What our own rejects file adds at the end of the input's columns."""
OUR_REPORTS: Final = (frozenset(("link_url", "link_expires_at")), frozenset(("company_id", "connection_id")))
"""Columns by which the other reports are known that name customers, also cut down to some of their columns."""
_SET_APART: Final = " (input)"
"""What our own rejects file adds to the name of a column of the input that has such a name."""


@dataclass(frozen=True)
class Header:
    """The input's columns, and the place of each field among them."""

    columns: tuple[str, ...]
    places: Mapping[str, int]
    is_rejects_file: bool
    guarded: bool
    """Whether its texts may have an apostrophe that keeps a spreadsheet from running them: it is one of our reports."""
    cells: int
    """How many cells the header has in the file; ours, and nameless ones behind them, are none of the columns."""
    named_cells: int
    """How many of them there are up to the last that has a name."""
    notes: tuple[str, ...]

    @property
    def extras(self) -> tuple[str, ...]:
        """The columns that hold none of the fields."""
        taken = set(self.places.values())
        return tuple(name for place, name in enumerate(self.columns) if place not in taken)


def plain(name: str) -> str:
    """A column's name as it is compared: without case, blanks, `-`, `_` and invisible characters."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return re.sub(r"[\s\-_\u00ad\u200b-\u200f\u2060\ufeff]+", "", text)


def matches(names: Sequence[str], mapping: Mapping[str, str]) -> int:
    """How many of the fields these column names hold: what tells the right delimiter from the wrong one."""
    wanted = {plain(field) for field in FIELDS} | {plain(column) for column in mapping.values()}
    return len(wanted & {plain(name) for name in names})


def read_header(
    path: Path, names: Sequence[str], mapping: Mapping[str, str], *, needed: Sequence[str] = NEEDED, has_guards: bool
) -> Header:
    """Match column names to fields; raises UnreadableInput and, for a mapping that cannot be, WrongUsage.

    `has_guards`: whether our reports of this kind are written with guards.
    """
    trimmed = [name.strip().strip("\ufeff\u200b").strip() for name in names]
    cells, named = len(trimmed), max((place for place, name in enumerate(trimmed, 1) if name), default=0)
    is_rejects_file = named > len(OUR_OWN) and tuple(trimmed[named - len(OUR_OWN) : named]) == OUR_OWN
    guarded = is_rejects_file or (has_guards and any(report <= set(trimmed) for report in OUR_REPORTS))
    if is_rejects_file:
        trimmed = trimmed[:named]  # a spreadsheet adds nameless columns
    if guarded:
        trimmed = pl.select(unescape_formula(pl.lit(pl.Series(trimmed, dtype=pl.String)))).to_series().to_list()
    if is_rejects_file:
        trimmed = [*_as_in_the_input(trimmed[:-2]), *OUR_OWN]
    columns, renamed = _unique(trimmed[:-2] if is_rejects_file else trimmed)
    places = {_field(field): _mapped(path, column, columns) for field, column in mapping.items()}
    for field in FIELDS:
        if field not in places and (place := _found(path, field, columns, trimmed)) is not None:
            places[field] = place
    if missing := [field for field in needed if field not in places]:
        raise InputError(_lacking(path, missing, columns, can_be_mapped=needed is NEEDED))
    notes = [
        f"column {_shown(columns[place])} is read as {field}"
        for field, place in places.items()
        if columns[place] != field
    ]
    if guarded and not is_rejects_file:
        notes.append("it is one of bulk's own reports: the apostrophes that guard its texts are taken away")
    if not is_rejects_file and OUR_OWN in itertools.pairwise(trimmed):
        notes.append("its columns row and reasons are not the last, so it is not read as a corrected rejects.csv")
    return Header(columns, places, is_rejects_file, guarded, cells, named, (*renamed, *notes))


def _as_in_the_input(names: Sequence[str]) -> list[str]:
    """Give columns that were set apart from ours their own name again."""
    own = list(names)
    for name in OUR_OWN:
        apart = [at for at, other in enumerate(names) if re.fullmatch(rf"{name}({re.escape(_SET_APART)})+", other)]
        if apart:  # of several, the others have that name in the input
            own[max(apart, key=lambda at: len(names[at]))] = name
    return own


def _unique(names: Sequence[str]) -> tuple[tuple[str, ...], list[str]]:
    """Give nameless columns a name and equal names a number, so that each can come back in the reports."""
    unique: dict[str, None] = {}  # a set that keeps their order
    notes: list[str] = []
    taken = set(names)
    numbers: dict[str, int] = {}  # the next for each name: thousands of columns may have the same
    for place, name in enumerate(names, 1):
        new = wanted = name or f"column_{place}"
        while new in unique or (new != name and new in taken):
            number = numbers.get(wanted, 2)
            new, numbers[wanted] = f"{wanted}_{number}", number + 1
        if new != name:
            notes.append(
                f"column {place}, {_shown(name)}, is called {new}: "
                + ("it has no name" if not name else "its name comes twice")
            )
        unique[new] = None
    return tuple(unique), notes


def _field(field: str) -> str:
    for known in FIELDS:
        if plain(field) == plain(known):
            return known
    raise UsageError(
        f"--map {field}=...: there is no such field{_nearest(field, FIELDS)}; the fields are {', '.join(FIELDS)}"
    )


def _mapped(path: Path, column: str, columns: Sequence[str]) -> int:
    if column in columns:
        return columns.index(column)
    alike = [place for place, name in enumerate(columns) if plain(name) == plain(column)]
    if len(alike) == 1:
        return alike[0]
    if alike:
        raise UsageError(
            f"{path}: --map ...={column} could be any of {_listed([columns[p] for p in alike])}; write it exactly"
        )
    raise UsageError(
        f"{path}: has no column {_shown(column)}{_nearest(column, columns)}; its columns are {_listed(columns)}"
    )


def _found(path: Path, field: str, columns: Sequence[str], originals: Sequence[str]) -> int | None:
    alike = [place for place in range(len(columns)) if plain(originals[place]) == plain(field)]
    if len(alike) > 1:
        names = _listed([columns[place] for place in alike])
        raise InputError(f"{path}: {len(alike)} columns could be {field}: {names}; say which with --map {field}=COLUMN")
    return alike[0] if alike else None


def _lacking(path: Path, missing: Sequence[str], columns: Sequence[str], *, can_be_mapped: bool) -> str:
    options = " ".join(f"--map {field}=COLUMN" for field in missing)
    hint = f"If another column holds it, say so with {options}; the" if can_be_mapped else "The"
    return (
        f"{path}: has no column for {', '.join(missing)}; its columns are {_listed(columns)}. "
        f"{hint} first line must be the header"
    )


def _nearest(name: str, names: Sequence[str]) -> str:
    near = difflib.get_close_matches(plain(name), [plain(other) for other in names], n=1, cutoff=0.6)
    return next((f" (is {_shown(other)} meant?)" for other in names if near and plain(other) == near[0]), "")


def _listed(names: Sequence[str], most: int = 30) -> str:
    shown = [_shown(name) for name in names[:most]]
    return ", ".join(shown) + (f" and {len(names) - most} more" if len(names) > most else "")


def _shown(name: str) -> str:
    text = "".join(letter if letter.isprintable() else "\ufffd" for letter in name)
    return '"' + (text if len(text) <= 60 else text[:59] + "…") + '"'
