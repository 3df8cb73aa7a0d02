"""Binary cells of Parquet are read one by one: one bad byte never changes another row."""

from __future__ import annotations

import base64
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.errors import InputError
from bulk.input import read_ids
from bulk.input.binary_text import BinaryFields
from bulk.input.frames import NOT_TEXT
from unit.input.input_files import Outcome, read

# A column of the type FIXED_LEN_BYTE_ARRAY(16), logical type UUID, which polars cannot write: two rows, by pyarrow.
UUID_FILE = base64.b64decode(
    "UEFSMRUAFUwVTCwVBBUAFQYVBhwAAAACAAAABAFVDoQA4ptB1KcWRGZVRAAAEjRWeAAAAAAAAAAAAAAAARUAFSwVLCwVBBUAFQYVBhwAAAACAA"
    "AABAEDAAAAQXNoBQAAAEJpcmNoFQAVLBUsLBUEFQAVBhUGHAAAAAIAAAAEAQQAAAB4ZXJvBAAAAHhlcm8VBBlMNQAYBnNjaGVtYRUGABUOFSAV"
    "AhgLY3VzdG9tZXJfaWRs7AAAABUMJQIYDGNvbXBhbnlfbmFtZSUATBwAAAAVDCUCGAhwbGF0Zm9ybSUATBwAAAAWBBkcGTwmABwVDhklBgAZGA"
    "tjdXN0b21lcl9pZBUAFgQWchZyJghJHBUAFQAVAgA8KQYZJgAEAAAAJgAcFQwZJQYAGRgMY29tcGFueV9uYW1lFQAWBBZSFlImekkcFQAVABUC"
    "ADwWEBkGGSYABAAAACYAHBUMGSUGABkYCHBsYXRmb3JtFQAWBBZSFlImzAFJHBUAFQAVAgA8FhAZBhkmAAQAAAAWlgIWBCYIFpYCACggcGFycX"
    "VldC1jcHAtYXJyb3cgdmVyc2lvbiAyNi4wLjEZPBwAABwAABwAAAA1AQAAUEFSMQ=="
)
NIL, RANDOM = UUID(int=0), UUID("550e8400-e29b-41d4-a716-446655440000")


def read_binary(folder: Path, **columns: list[bytes | None]) -> Outcome:
    """Write a table whose other columns are good, and read it."""
    (rows,) = {len(column) for column in columns.values()}
    good = {
        "customer_id": [f"C-{at}" for at in range(rows)],
        "company_name": ["Ash"] * rows,
        "platform": ["xero"] * rows,
    }
    pl.DataFrame(good | columns).write_parquet(folder / "in.parquet")
    return read(folder / "in.parquet")


@pytest.mark.parametrize(
    ("raw", "customer_id"),
    [
        (b"C-1001", "C-1001"),
        ("Größe".encode(), "Größe"),
        (b"00123\0\0\0", "00123"),  # filled up to a fixed length
        (b"C-00000000001001", "C-00000000001001"),  # 16 bytes of text
        (b"C-1001\0\0\0\0\0\0\0\0\0\0", "C-1001"),  # the same, filled up
        (RANDOM.bytes, str(RANDOM)),
        (NIL.bytes, str(NIL)),
        (UUID(int=1).bytes, str(UUID(int=1))),
        (UUID(int=1 << 100).bytes, str(UUID(int=1 << 100))),
    ],
)
def test_an_identifier_of_bytes_is_text_or_a_uuid(tmp_path: Path, raw: bytes, customer_id: str) -> None:
    """It is the same as in a CSV file."""
    assert read_binary(tmp_path, customer_id=[raw, b"other"]).ids == [customer_id, "other"]


def test_a_uuid_column_of_parquet_has_uuids(tmp_path: Path) -> None:
    """In lower case, with hyphens."""
    path = tmp_path / "in.parquet"
    path.write_bytes(UUID_FILE)
    ids = [str(RANDOM), "12345678-0000-0000-0000-000000000001"]
    assert read(path).ids == ids
    assert read_ids(path) == ids


def test_an_identifier_that_is_not_text_rejects_its_own_row(tmp_path: Path) -> None:
    """It is not guessed, and its digits are never taken for an identifier: rejects.csv has an empty cell."""
    outcome = read_binary(tmp_path, customer_id=[b"C-1001", b"Z-\xff", b"5a2dff", b"Caf\xe9-00000000001", None])
    assert outcome.ids == ["C-1001", "5a2dff"]
    assert outcome.found == [
        (2, "customer_id", "has bytes that are not text"),
        (4, "customer_id", "has bytes that are not text"),
        (5, "customer_id", "is missing"),
    ]
    assert [problem["value"] for _, problem in outcome.problems][:1] == ["5a2dff"]
    assert outcome.cells()["customer_id"] is None
    with pytest.raises(InputError, match="identifier in row 2 has bytes that are not text"):
        read_ids(tmp_path / "in.parquet")


def test_one_name_in_another_encoding_is_recognized(tmp_path: Path) -> None:
    """A note says so; the names in UTF-8 stay."""
    outcome = read_binary(tmp_path, company_name=[b"Harbour Bakery", "Café".encode("cp1252"), "Größe".encode()])
    assert outcome.accepted["company_name"].to_list() == ["Harbour Bakery", "Café", "Größe"]
    note = "1 cell of its company_name column is not UTF-8, but read as Windows-1252: Café"
    assert note in outcome.opened.notes
    assert note in outcome.opened.notes, "reading again counts again"


def test_a_name_that_is_not_text_rejects_its_own_row(tmp_path: Path) -> None:
    """An email that is not text rejects no row."""
    outcome = read_binary(tmp_path, company_name=[b"\xff\xfe\x81", b"Ash"], email=[b"\xff", b"a@b.example"])
    assert [(row, field) for row, field, _ in outcome.found] == [(1, "company_name")]
    assert outcome.accepted["email"].to_list() == ["a@b.example"]


def test_a_row_of_nothing_but_strange_bytes_is_not_blank(tmp_path: Path) -> None:
    """It is rejected, and counts as a row."""
    outcome = read_binary(
        tmp_path, customer_id=[b"\xff", b"C-1"], company_name=[b"\xff", b"A"], platform=[b"\xff", b"qbo"]
    )
    assert outcome.ids == ["C-1"]
    assert {row for row, _, _ in outcome.found} == {1}


CELLS = st.one_of(
    st.none(),
    st.text(max_size=5).map(str.encode),
    st.binary(max_size=4),
    st.uuids().map(lambda uuid: uuid.bytes),
    st.sampled_from(["Café", "Müller & Söhne"]).map(lambda text: text.encode("cp1252")),
)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6))
def test_the_text_of_a_cell_depends_on_no_other_cell(cells: list[tuple[bytes | None, bytes | None]]) -> None:
    """Each row alone has the same fields as among the others."""
    columns = {"customer_id": "id", "company_name": "name"}

    def texts(rows: list[tuple[bytes | None, bytes | None]]) -> list[tuple[str | None, ...]]:
        frame = pl.DataFrame(rows, schema=dict.fromkeys(columns.values(), pl.Binary), orient="row")
        read = pl.DataFrame(BinaryFields().texts(frame, columns))
        others = pl.lit(None, dtype=pl.String).alias(NOT_TEXT)
        return (read if NOT_TEXT in read.columns else read.with_columns(others)).rows()

    assert texts(cells) == [text for cell in cells for text in texts([cell])]
