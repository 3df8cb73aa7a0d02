"""The input file: its columns, its digest, and its checked rows."""

from __future__ import annotations

import hashlib
import shlex
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Final, TypeVar

from bulk.errors import InputError, UsageError
from bulk.input.column_names import quoted
from bulk.input.columns import REQUIRED, Header, MissingColumnError, MissingFieldsError, read_constants, read_mapping
from bulk.input.duplicates import FirstRows
from bulk.input.fields import without_blank
from bulk.input.files import digest_of, wrap_read_errors
from bulk.input.formats import open_table
from bulk.input.frames import Table
from bulk.input.parts import digest_of_parts, stamp_of_parts
from bulk.input.platform_keys import PlatformKeys, Uses
from bulk.input.validate import CheckedRows, Validator
from bulk.reading import NOTHING_REMEMBERED, NOTHING_SAID, Reading, Remembered, mapping_options
from bulk.text import count

_MAX_ROWS: Final = 100_000  # in a frame
_Part = TypeVar("_Part")
_NO_NAMES: Final[Mapping[str, str]] = {}


@dataclass
class Input:
    """An input file whose header has been read."""

    path: Path
    columns: tuple[str, ...]
    """The input's own columns in their order, without those that rejects.csv and conflicts.csv add."""
    extras: tuple[str, ...]
    """The columns that are not fields. The reports contain them."""
    is_rejects_file: bool
    """Whether the file is a corrected rejects.csv or conflicts.csv, by its last columns. Its rows correct others."""
    mapping: Mapping[str, str]
    """The columns that the caller named, or that the batch remembers and the file has: {field: column}."""
    platform_names: Mapping[str, str]
    """The platforms that the caller named: {name in the input: platformKey}."""
    reading: Reading
    """How the text table is read, as far as the caller says it or the batch remembers it."""
    confirmed_keys: Collection[str] | None
    """The platformKeys that Codat has, if the caller knows them. Other words of four letters are rejected."""
    columns_to_remember: Mapping[str, str]
    """The columns that the caller named, and those that the batch remembers of other fields: {field: column}."""
    _header: Header = field(repr=False)
    _table: Table = field(repr=False)
    _stamp: tuple[int, int] = field(repr=False)
    _blank_rows: int = field(default=0, repr=False)
    _unconfirmed: dict[str, Uses] = field(default_factory=dict, repr=False)
    _email_problems: Counter[str] = field(default_factory=Counter, repr=False)

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of the file's bytes and what the caller named. The first use reads the file."""
        of_bytes = digest_of_parts(self.path) if self.path.is_dir() else digest_of(self.path)
        said = (self.mapping, self.platform_names, self.reading.said())
        if not any(said):
            return of_bytes
        named = [sorted(names.items()) for names in said if names]
        return hashlib.sha256(repr((of_bytes, *named)).encode()).hexdigest()

    @property
    def fields(self) -> dict[str, str]:
        """The column of each field."""
        return {name: self.columns[place] for name, place in self._header.places.items()}

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes for the author about how the file was read. They are complete when `read` has reached the end."""
        notes = (*self._header.notes_with_constants(self._table.notes), *self.lost_columns)
        if not self._blank_rows:
            return notes
        one = self._blank_rows == 1
        ending = "was left out; it does not count as a row" if one else "were left out; they do not count as rows"
        return (*notes, f"{count(self._blank_rows, 'blank row')} {ending}")

    @property
    def lost_columns(self) -> tuple[str, ...]:
        """Notes about fields that are empty because the file lacks the column that the batch remembers."""
        read = {*self._header.places, *self._header.constants}
        lost = {field: column for field, column in self.columns_to_remember.items() if field not in read}
        return tuple(
            f"no column is read as {field}: the batch remembers {quoted(column)} (--map), which the file lacks"
            for field, column in lost.items()
        )

    @property
    def unconfirmed_keys(self) -> Mapping[str, Uses]:
        """The accepted platformKeys that only Codat can confirm. They are complete when `read` has reached the end.

        Such a key is a word of four letters that is in no table, and that `platform_names` lacks.
        """
        return dict(self._unconfirmed)

    @property
    def email_problems(self) -> Mapping[str, int]:
        """The numbers of cells without a usable address, or with several, by code; complete like `unconfirmed_keys`."""
        return dict(self._email_problems)

    def read(
        self, *, ids: FirstRows | None = None, only_fields: bool = False, raw_cells: bool = False
    ) -> Iterator[CheckedRows]:
        """Check and yield all rows in input order, in bounded memory. Each call starts again. Raises InputError.

        With `only_fields`, the rows lack the columns `extra` and `cells`, which take time. With `raw_cells`, they have
        the cells as they are in the file in place of these, in the columns of `bulk.input.frames`. `ids` must be empty;
        it remembers the identifiers for the caller.
        """
        platforms = PlatformKeys(self.platform_names, self.confirmed_keys)
        header = self._header
        validator = Validator(header, platforms, ids=ids, only_fields=only_fields, raw_cells=raw_cells)
        unconfirmed: dict[str, Uses] = {}
        emails: Counter[str] = Counter()
        self._require_unchanged()
        frames = (part for frame in _read_ahead(self._table.frames()) for part in frame.iter_slices(_MAX_ROWS))
        for rows in _read_ahead(map(validator.check, frames)):
            for key, uses in rows.unconfirmed_keys.items():
                unconfirmed[key] = unconfirmed[key] + uses if key in unconfirmed else uses
            emails.update(rows.email_problems["code"].to_list())
            if not rows.is_empty:
                yield rows
        self._require_unchanged()
        self._blank_rows, self._unconfirmed, self._email_problems = validator.blank_rows, unconfirmed, emails

    def _require_unchanged(self) -> None:
        if _stamp(self.path) != self._stamp:
            raise InputError(f"{self.path}: the file has changed since it was opened; run the command again")


def open_input(
    path: Path,
    *,
    mapping: Mapping[str, str] = _NO_NAMES,
    platform_names: Mapping[str, str] = _NO_NAMES,
    reading: Reading = NOTHING_SAID,
    remembered: Remembered = NOTHING_REMEMBERED,
    confirmed_keys: Collection[str] | None = None,
) -> Input:
    """Read the file's header. Raises InputError, and UsageError for an impossible mapping.

    `mapping` is {field: column}, for columns that the header does not identify. `platform_names` are {name in the
    input: platformKey}; their keys need no confirmation. `reading` is how the user says that a text table is to be
    read, and `remembered` what the batch remembers. `confirmed_keys` are the platformKeys that Codat has: with them, a
    word of four letters that is no platformKey rejects its row.
    """
    path = Path(path)
    PlatformKeys(platform_names)  # report an impossible name before the file is read
    stamp = _stamp(path)
    mapping = read_mapping(mapping)
    constants = read_constants(reading.constants or {}, mapping)
    columns = {field: column for field, column in remembered.mapping.items() if field not in constants} | mapping
    known = {field: value for field, value in (remembered.reading.constants or {}).items() if field not in constants}
    required = tuple(field for field in REQUIRED if field not in constants and field not in known)
    opening = partial(open_table, path, required=required, reading=reading, remembered=remembered.reading)
    try:
        table, used = _open_with(columns, mapping, opening)
    except MissingFieldsError as error:
        if reading.skip_rows is not None or not (skipped := remembered.reading.skip_rows):
            raise
        raise InputError(
            f"{error}. The batch remembers --skip-rows {skipped}: add --skip-rows 0 if this file begins with its header"
        ) from error
    if table.header.report:
        raise UsageError(
            f"{path} is a report by bulk ({table.header.report}), not an input: its customers are in a batch already. "
            "Use the file that the batch was made from, or a corrected rejects.csv"
        )
    constants |= {field: value for field, value in known.items() if field not in table.header.places}
    header = table.header.with_constants(constants)
    as_said = replace(table.reading, constants=constants or None)
    named = used, dict(platform_names), as_said, confirmed_keys, columns
    opened = Input(path, header.columns, header.extras, header.is_rejects_file, *named, header, table, stamp)
    if not header.is_rejects_file and not _has_rows(table):  # all rows may have been corrected
        raise InputError(f"{path} has a header but no rows; it must have a row for each customer")
    return opened


def _open_with(
    columns: Mapping[str, str], named: Mapping[str, str], opening: Callable[[Mapping[str, str]], Table]
) -> tuple[Table, dict[str, str]]:
    """Open a table with these columns for fields; return it with those that it has. It must have the `named` ones.

    Raises InputError, UsageError.
    """
    used = dict(columns)
    while True:
        try:
            return opening(used), used
        except MissingColumnError as error:
            if error.field in named:
                raise
            del used[error.field]
        except InputError as error:
            if len(used) == len(columns):
                raise
            lost = shlex.join(mapping_options({field: columns[field] for field in columns if field not in used}))
            raise InputError(f"{error}. The batch remembers {lost}, and the file has no such column") from error


def _has_rows(table: Table) -> bool:
    """Return whether the table has a row that is not blank. Read no more of it than necessary."""
    width = len(table.header.columns)
    return any(not without_blank(frame, width).is_empty() for frame in table.frames())


def _read_ahead(parts: Iterator[_Part]) -> Iterator[_Part]:
    """Prepare the next part in a thread while the caller works on the last one."""
    with ThreadPoolExecutor(1, thread_name_prefix="rows") as reader:
        coming = reader.submit(next, parts, None)
        while (part := coming.result()) is not None:
            coming = reader.submit(next, parts, None)
            yield part


def _stamp(path: Path) -> tuple[int, int]:
    """Return values that change with the file: its size, and its modification time in nanoseconds."""
    if path.is_dir():
        return stamp_of_parts(path)
    with wrap_read_errors(path):
        status = path.stat()
    return status.st_size, status.st_mtime_ns
