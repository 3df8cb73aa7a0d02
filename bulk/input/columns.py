"""Finds the column of each field from the header of the file and the user's mapping."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from dataclasses import field as data_field
from pathlib import Path
from typing import Final

from bulk.errors import InputError, UsageError
from bulk.input import own_reports
from bulk.input.column_names import did_you_mean, listed, normalized, quoted, unique
from bulk.input.near_names import near_notes, nearly_named
from bulk.text import series

REQUIRED: Final = ("customer_id", "company_name", "platform")
FIELDS: Final = (*REQUIRED, "email", "description")
_MAX_COLUMNS: Final = 30  # in a message
_INVISIBLE: Final = "\ufeff\u200b"


class MissingColumnError(UsageError):
    """The file lacks the column that a mapping names for a field."""

    def __init__(self, message: str, field: str) -> None:
        super().__init__(message)
        self.field = field


class MissingFieldsError(InputError):
    """The file has no columns for fields that it must have."""


@dataclass(frozen=True)
class Header:
    """The input's columns, and the place of each field among them."""

    columns: tuple[str, ...]
    """The input's own columns, each with a unique name."""
    places: Mapping[str, int]
    """The place of each field's column, counted from 0."""
    added: tuple[str, ...]
    """The columns that bulk added after those of the input: `row, reasons` in a corrected rejects.csv, `row, conflict,
    found` in a corrected conflicts.csv, and none in any other file."""
    is_escaped: bool
    """Whether cells may begin with an apostrophe that bulk has added, because the file is one of its reports."""
    report: str
    """The report by bulk that the file is, if that cannot be an input; "" for any other file."""
    cells: int
    """The number of cells in the file's header, including added columns and those without a name."""
    named_cells: int
    """The number of cells up to the last one with a name."""
    notes: tuple[str, ...]
    constants: Mapping[str, str] = data_field(default_factory=dict)
    """The fields that have the same value in all rows."""

    def with_constants(self, constants: Mapping[str, str]) -> Header:
        """Return the header with constants in place of the columns of their fields."""
        places = {field: place for field, place in self.places.items() if field not in constants}
        return replace(self, places=places, constants=constants)

    def notes_with_constants(self, notes: Sequence[str]) -> tuple[str, ...]:
        """Return the notes of a table without those about columns in whose place there are constants."""
        needless = tuple(f"no column is read as {field};" for field in self.constants)
        constants = (f"{field} is {quoted(value)} in all rows (--set)" for field, value in self.constants.items())
        return (*(note for note in notes if not note.startswith(needless)), *constants)

    @property
    def needed_cells(self) -> int:
        """The number of cells that a row must have. Programs omit empty cells at the ends of rows.

        A correction of our own report also needs its row number.
        """
        if self.is_rejects_file:
            return self.named_cells - len(self.added) + 1
        return 1 + max((place for field, place in self.places.items() if field in REQUIRED), default=-1)

    @property
    def is_rejects_file(self) -> bool:
        """Whether the file is a corrected rejects.csv or conflicts.csv, whose rows correct those of an input."""
        return bool(self.added)

    @property
    def extras(self) -> tuple[str, ...]:
        """The columns that are not fields."""
        fields = set(self.places.values())
        return tuple(name for place, name in enumerate(self.columns) if place not in fields)


def count_fields(names: Sequence[str], mapping: Mapping[str, str]) -> int:
    """Return the number of fields, or of their mapped columns, among these names."""
    known = {normalized(name) for name in (*FIELDS, *mapping.values())}
    return len(known & {normalized(name) for name in names})


def read_header(
    path: Path, names: Sequence[str], mapping: Mapping[str, str], *, required: Sequence[str] = REQUIRED, is_csv: bool
) -> Header:
    """Find the fields among a file's columns. Raises InputError, and UsageError for an impossible mapping.

    `mapping` is {field: column}, for columns that the header does not identify. `required` lists the fields that must
    exist.
    """
    trimmed = [name.strip().strip(_INVISIBLE).strip() for name in names]
    report = own_reports.recognize(trimmed, is_csv=is_csv)
    columns = unique(report.columns)
    search = _Search(path, report.columns, columns)
    _require_one_column(mapping)
    places = {_field(name): search.mapped(name, column) for name, column in mapping.items()}
    for field in FIELDS:
        if field not in places and (place := search.named(field)) is not None:
            places[field] = place
    if missing := [field for field in required if field not in places]:
        raise search.missing(missing, can_be_mapped=_is_input(required))
    near = near_notes(columns, places) if _is_input(required) else ()
    notes = (*_renamed(report.columns, columns), *_read_as(columns, places), *near, *report.notes)
    cells, named_cells = len(trimmed), own_reports.count_named(trimmed)
    return Header(columns, places, report.added, report.is_escaped, report.report, cells, named_cells, notes)


def read_mapping(mapping: Mapping[str, str]) -> dict[str, str]:
    """Return {field: column} with the names of the fields. Raises UsageError for an unknown field, or for one twice."""
    _require_one_column(mapping)
    return {_field(name): column for name, column in mapping.items()}


def _set_option(field: str, value: str) -> str:
    return f"--set {shlex.quote(f'{field}={value}')}"


def _is_input(required: Sequence[str]) -> bool:
    """Return whether the file is an input. Any other file has identifiers only."""
    return required != ("customer_id",) and len(required) > 0


def _renamed(names: Sequence[str], columns: Sequence[str]) -> Iterator[str]:
    for place, (name, column) in enumerate(zip(names, columns, strict=True), 1):
        if name != column:
            reason = "other columns have the same name" if name else "it has no name"
            yield f"column {place}, {quoted(name)}, is called {column}: {reason}"


def _read_as(columns: Sequence[str], places: Mapping[str, int]) -> Iterator[str]:
    for field, place in places.items():
        if columns[place] != field:
            yield f"column {quoted(columns[place])} is read as {field}"


def read_constants(constants: Mapping[str, str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Return {field: value} from what the user names. Raises UsageError for an impossible field or value.

    `mapping` is {field: column}: a field has either a column or a constant.
    """
    mapped = {_field(name) for name in mapping}
    read: dict[str, str] = {}
    for name, value in constants.items():
        field = _field(name, "--set")
        if field == "customer_id":
            raise UsageError(
                "--set customer_id: each customer needs an identifier of its own; name its column with --map"
            )
        if field in mapped:
            raise UsageError(f"{field} has both a column (--map) and a constant (--set); give one of them")
        if read.setdefault(field, value.strip()) != value.strip():
            raise UsageError(f"--set: {field} has two values, {quoted(read[field])} and {quoted(value)}; give one")
        if not read[field]:
            raise UsageError(f"--set {field}=: a constant needs a value")
    return read


def _field(name: str, option: str = "--map") -> str:
    for field in FIELDS:
        if normalized(name) == normalized(field):
            return field
    fields = ", ".join(FIELDS)
    raise UsageError(f"{option} {name}=...: unknown field{did_you_mean(name, FIELDS)}; the fields are {fields}")


def _require_one_column(mapping: Mapping[str, str]) -> None:
    """Raise UsageError if two spellings of a field, such as `customer_id` and `Customer ID`, have a column each."""
    columns: dict[str, str] = {}
    for name, column in mapping.items():
        if (field := _field(name)) in columns:
            raise UsageError(
                f"--map: {field} is mapped twice, to {quoted(columns[field])} and {quoted(column)}; give one"
            )
        columns[field] = column


@dataclass(frozen=True)
class _Search:
    """Finds columns by name. `names` are the names in the file, `columns` the unique names."""

    path: Path
    names: Sequence[str]
    columns: Sequence[str]

    def mapped(self, field: str, column: str) -> int:
        """Return the place of the column that `--map` names. Raises InputError, UsageError."""
        if column in self.columns:
            return self.columns.index(column)
        same = [place for place, name in enumerate(self.names) if name == column]
        similar = same or [place for place, name in enumerate(self.columns) if normalized(name) == normalized(column)]
        if len(similar) == 1:
            return similar[0]
        if similar:
            choices = self._numbered(similar)
            raise InputError(f"{self.path}: --map {field}={column} could be any of {choices}; write the exact name")
        constant = "" if _field(field) == "customer_id" else f". A value for all rows is {_set_option(field, column)}"
        raise MissingColumnError(
            f"{self.path} has no column {quoted(column)}{did_you_mean(column, self.columns)}; "
            f"its columns are {listed(self.columns)}{constant}",
            _field(field),
        )

    def named(self, field: str) -> int | None:
        """Return the place of the column with the field's name, or None. Raises InputError if there are several."""
        places = [place for place, name in enumerate(self.names) if normalized(name) == normalized(field)]
        if len(places) > 1:
            choices, example = self._numbered(places), shlex.quote(f"{field}={self.columns[places[0]]}")
            raise InputError(
                f"{self.path}: {len(places)} columns could be {field}: {choices}; select one, e.g. with --map {example}"
            )
        return places[0] if places else None

    def _numbered(self, places: Sequence[int]) -> str:
        """Return columns with their names in the file, their numbers and, if it differs, the name for `--map`."""
        shown = []
        for place in places[:_MAX_COLUMNS]:
            name, unique_name = self.names[place], self.columns[place]
            called = f", for --map {quoted(unique_name)}" if unique_name != name else ""
            shown.append(f"{quoted(name)} (column {place + 1}{called})")
        more = len(places) - len(shown)
        return series(shown) if not more else f"{', '.join(shown)} and {more} more"

    def missing(self, fields: Sequence[str], *, can_be_mapped: bool) -> InputError:
        """Return the error for fields without a column."""
        near = nearly_named(self.columns, {}) if can_be_mapped else {}
        columns = {field: near.get(field, ["COLUMN"])[0] for field in fields}
        options = " ".join(f"--map {shlex.quote(f'{field}={column}')}" for field, column in columns.items())
        constant = ", or pass --set platform=NAME if all customers have the same" if "platform" in fields else ""
        hint = f"Select other columns with {options}{constant}; the" if can_be_mapped else "The"
        return MissingFieldsError(
            f"{self.path} has no column for {series(fields)}; its columns are {listed(self.columns)}. "
            f"{hint} first line must be the header"
        )
