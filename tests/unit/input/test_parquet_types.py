"""A column of any type that Parquet can have is read, or it is dropped with a note; fields are read strictly."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from bulk.errors import InputError
from bulk.input.arrow_cells import intervals
from unit.input.input_files import Outcome, read

BASE = {"customer_id": ["1", "2"], "company_name": ["Acme", "Bolt"], "platform": ["xero", "qbo"]}
KOLKATA = dt.timezone(dt.timedelta(hours=5, minutes=30))
NEW_YEAR = dt.datetime(2020, 1, 1, tzinfo=KOLKATA)
UUID = bytes.fromhex("550e8400e29b41d4a716446655440000")


def not_utf8() -> pa.Array:
    """Return a column of texts whose first one is not UTF-8, as careless writers make it."""
    sizes, texts = struct.pack("<3i", 0, 2, 4), b"\xff\xfeab"
    return pa.Array.from_buffers(pa.string(), 2, [None, pa.py_buffer(sizes), pa.py_buffer(texts)])


def written(folder: Path, *columns: tuple[str, pa.Array]) -> Path:
    """Write a table with two good rows and these columns."""
    path = folder / "in.parquet"
    base = pa.table(BASE)
    names = [*base.column_names, *(name for name, _ in columns)]
    pq.write_table(pa.Table.from_arrays([*base.columns, *(cells for _, cells in columns)], names), path)
    return path


@pytest.mark.parametrize(
    ("column", "note"),
    [
        (
            pa.array([0, None], pa.timestamp("ms", "Mars/Base")),
            'the times in column "x" are in UTC, because their time zone "Mars/Base" is unknown',
        ),
        (
            pa.array([2**62, 0], pa.timestamp("ms")),
            '1 time in column "x" cannot be shown as a date and is the number in the file',
        ),
        (
            pa.array([-(2**31) + 1, 2**31 - 1], pa.date32()),
            '2 times in column "x" cannot be shown as dates and are the numbers in the file',
        ),
        (pa.array([0, None], pa.timestamp("ms", "Europe/Paris")), ""),
        (pa.array([0, None], pa.timestamp("us", "+05:30")), ""),
        (pa.array([0, None], pa.timestamp("s")), ""),
        (pa.array([0, None], pa.date64()), ""),
    ],
)
def test_times_that_are_not_read_as_they_are_meant_are_noted(tmp_path: Path, column: pa.Array, note: str) -> None:
    """The zone is unknown, or no calendar has the day."""
    assert read(written(tmp_path, ("x", column))).opened.notes == ((note,) if note else ())


@pytest.mark.parametrize(
    ("column", "texts"),
    [
        (pa.array([NEW_YEAR, None], pa.timestamp("us", "+05:30")), ["2020-01-01T00:00:00+05:30", None]),
        (pa.array([1, None], pa.timestamp("ns", "-03:00")), ["1969-12-31T21:00:00.000000001-03:00", None]),
        (pa.array([0, None], pa.timestamp("ms", "Europe/Paris")), ["1970-01-01T01:00:00+01:00", None]),
        (pa.array([0, None], pa.timestamp("ms", "Mars/Base")), ["1970-01-01T00:00:00+00:00", None]),  # unknown: in UTC
        (pa.array([2**62, 0], pa.timestamp("ms")), [str(2**62), "1970-01-01T00:00:00"]),  # beyond all calendars
        (pa.array([-(2**62), 0], pa.timestamp("us", "+01:00")), [str(-(2**62)), "1970-01-01T01:00:00+01:00"]),
        (pa.array([2**31 - 1, 0], pa.date32()), [str(2**31 - 1), "1970-01-01"]),
        (pa.array([86_400_000, None], pa.date64()), ["1970-01-02", None]),
        (pa.array([1_000_000, None], pa.duration("us")), ["PT1S", None]),
        (pa.array([Decimal("1" * 50 + ".10"), None], pa.decimal256(60, 2)), ["1" * 50 + ".1", None]),
        (pa.array([Decimal("-1E-10"), Decimal(100)], pa.decimal256(60, 11)), ["-0.0000000001", "100"]),
        (pa.array([float("inf"), float("-inf")]), ["inf", "-inf"]),
        (pa.array([1.5, None], pa.float16()), ["1.5", None]),
        (pa.array(['{"a":1}', None], pa.json_()), ['{"a":1}', None]),
        (pa.array([UUID, None], pa.uuid()), ["550e8400-e29b-41d4-a716-446655440000", None]),
        (pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())), ['[["a",1]]', None]),
        (pa.array([{"a": dt.date(2020, 1, 1), "b": b"\xff", "c": Decimal("1.50")}, None]), None),
        (pa.array(["a", None]).dictionary_encode(), ["a", None]),
        (not_utf8(), ["fffe", "ab"]),  # bytes that are not text are written as hex digits, also in a column of texts
        (pa.array(["", None]), [None, None]),
        (pa.nulls(2), [None, None]),
    ],
    ids=lambda value: str(value.type) if isinstance(value, pa.Array) else "",
)
def test_a_column_of_any_type_is_read(
    tmp_path: Path, column: pa.Array, texts: Sequence[str | None] | None, capfd: pytest.CaptureFixture[str]
) -> None:
    """No cell depends on another one, and the library prints nothing."""
    outcome = read(written(tmp_path, ("x", column)))
    expected = texts or ['{"a":"2020-01-01","b":"ff","c":"1.5"}', None]
    assert [outcome.extras(at)["x"] for at in range(2)] == expected
    assert capfd.readouterr() == ("", "")


def test_an_interval_is_a_duration() -> None:
    """Parquet has months, days and milliseconds; ISO 8601 has a form for them."""
    cells = [struct.pack("<3I", *parts) for parts in ((14, 3, 1500), (0, 0, 0), (0, 1, 0))]
    assert intervals(pa.array([*cells, None], pa.binary(12))).to_list() == ["P1Y2M3DT1.5S", "PT0S", "P1D", None]


def test_a_text_that_is_not_utf8_rejects_its_own_row(tmp_path: Path) -> None:
    """The other rows are read."""
    columns = pa.table(BASE).set_column(0, "customer_id", not_utf8())
    pq.write_table(columns, tmp_path / "in.parquet")
    outcome = read(tmp_path / "in.parquet")
    assert outcome.ids == ["ab"]
    assert [row for row, *_ in outcome.found] == [1]


def test_names_may_be_repeated_empty_or_patterns(tmp_path: Path) -> None:
    """Columns are read by their places, never by their names."""
    names = ("*", "^.*$", "a.b", "a", "a", "", "c0", "b0", "name\nof two lines")
    path = written(tmp_path, *((name, pa.array([str(at), None])) for at, name in enumerate(names)))
    assert read(path).extras() == {
        "*": "0",
        "^.*$": "1",
        "a.b": "2",
        "a_1": "3",
        "a_2": "4",
        "column_9": "5",
        "c0": "6",
        "b0": "7",
        "name\nof two lines": "8",
    }


def encrypted(folder: Path, column: str, *, has_plain_footer: bool) -> Path:
    """Write a file in which this column is encrypted, with a footer that is or is not."""
    path = folder / "in.parquet"
    table = pa.table(BASE | {"email": ["a@example.com", None], "note": ["x", "y"]})
    factory = pe.CryptoFactory(lambda _: _Keys())
    configuration = pe.EncryptionConfiguration(
        footer_key="footer", column_keys={"column": [column]}, plaintext_footer=has_plain_footer
    )
    properties = factory.file_encryption_properties(pe.KmsConnectionConfig(), configuration)
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)
    return path


class _Keys(pe.KmsClient):  # type: ignore[misc] # pyarrow has no types
    """Wraps keys without a secret, which is enough for a file that nobody decrypts."""

    def wrap_key(self, key_bytes: bytes, master_key_identifier: str) -> str:
        return key_bytes.hex() + master_key_identifier

    def unwrap_key(self, wrapped_key: str, master_key_identifier: str) -> bytes:
        return bytes.fromhex(wrapped_key.removesuffix(master_key_identifier))


def test_an_encrypted_column_is_dropped_with_a_note(tmp_path: Path) -> None:
    """It is none of the fields, so all rows are read."""
    outcome = read(encrypted(tmp_path, "note", has_plain_footer=True))
    assert outcome.ids == ["1", "2"]
    assert outcome.extras() == {}
    assert outcome.opened.notes == ('column "note" is left out: it is encrypted',)


def test_an_encrypted_field_or_file_is_called_encrypted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The message says what to do."""
    with pytest.raises(InputError, match="its email column is encrypted; export it without encryption"):
        read(encrypted(tmp_path, "email", has_plain_footer=True))
    with pytest.raises(InputError, match=r"in\.parquet is encrypted; export it without encryption"):
        read(encrypted(tmp_path, "note", has_plain_footer=False))
    assert capfd.readouterr() == ("", "")


def test_numbers_of_more_than_64_bits_are_named(tmp_path: Path) -> None:
    """Only polars writes them, and no other library reads them."""
    rows = pl.DataFrame(BASE).with_columns(pl.Series("x", [2**100, 1], dtype=pl.Int128))
    rows.write_parquet(tmp_path / "in.parquet")
    with pytest.raises(InputError, match="whole numbers of more than 64 bits; write them as text"):
        read(tmp_path / "in.parquet")


def outcome_of(path: Path, rows: int) -> Outcome:
    """Write one row group with this number of rows, and read it."""
    ids = [f"C{at}" for at in range(rows)]
    table = pa.table({"customer_id": ids, "company_name": ["Acme"] * rows, "platform": ["xero"] * rows, "x": ids})
    pq.write_table(table, path, row_group_size=rows)
    return read(path)


def test_a_row_group_is_read_in_parts(tmp_path: Path) -> None:
    """Its size makes no difference for the order of the rows."""
    outcome = outcome_of(tmp_path / "in.parquet", 100_000)
    assert outcome.ids == [f"C{at}" for at in range(100_000)]
    assert max(part.accepted.height for part in outcome.opened.read()) <= 40_000
