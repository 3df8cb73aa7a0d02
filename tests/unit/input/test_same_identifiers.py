"""The same export has the same identifiers in every readable form."""

from __future__ import annotations

import gzip
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk.input.binary_text import BinaryFields
from bulk.input.cell_text import as_text
from bulk.input.empty import NULL_WORDS
from bulk.reading import Reading
from unit.input.input_files import read

WIDTHS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.Int128, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64)
WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
LETTERS = st.characters(min_codepoint=0x20, max_codepoint=0x7E) | st.characters(min_codepoint=0xC0, max_codepoint=0xFF)
"""In Windows-1252, no two of them are a letter of UTF-8."""
TEXTS = st.text(LETTERS, min_size=1, max_size=8).filter(lambda text: text == text.strip() and text not in NULL_WORDS)


def texts_of(values: pl.Series) -> list[str | None]:
    """Return the identifiers in a column of Parquet, as its reader makes text of them."""
    frame = values.alias("id").to_frame()
    if values.dtype == pl.Binary:
        return BinaryFields().texts(frame, {"customer_id": "id"})["customer_id"].to_list()
    return frame.select(as_text(pl.col("id"), values.dtype)).to_series().to_list()


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_a_text_is_the_same_in_every_type_of_parquet(ids: list[str]) -> None:
    """As text, as a dictionary, as an enumeration, and as binary cells."""
    for dtype in (pl.String, pl.Categorical, pl.Enum(sorted(set(ids)))):
        assert texts_of(pl.Series(ids, dtype=dtype)) == ids, dtype
    assert texts_of(pl.Series([text.encode() for text in ids])) == ids


@given(st.lists(WHOLE, min_size=1, max_size=5))
def test_a_number_is_the_same_in_every_type_of_parquet(numbers: list[int]) -> None:
    """As a whole number of any width, a floating-point number, a decimal number or a text."""
    for dtype in (*WIDTHS, pl.Float64, pl.Decimal(30, 0), pl.Decimal(30, 4), pl.String):
        column = pl.Series(numbers, dtype=pl.Int64).cast(dtype, strict=False)
        fits = column.is_not_null()
        assert texts_of(column) == [str(n) if fit else None for n, fit in zip(numbers, fits, strict=True)], dtype


@given(st.lists(st.uuids(allow_nil=True), min_size=1, max_size=5))
def test_a_uuid_is_the_same_as_text_and_as_16_bytes(uuids: list[UUID]) -> None:
    """It has hyphens and is in lower case."""
    assert texts_of(pl.Series([uuid.bytes for uuid in uuids])) == [str(uuid) for uuid in uuids]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@settings(max_examples=6)
@given(ids=st.lists(TEXTS, min_size=1, max_size=12, unique=True))
def test_an_identifier_is_the_same_in_every_text_table(
    tmp_path_factory: pytest.TempPathFactory, delimiter: str, ids: list[str]
) -> None:
    """With any delimiter, encoding, byte order mark and line end, compressed or not."""
    folder = tmp_path_factory.mktemp("forms")
    quoted = ['"' + each.replace('"', '""') + '"' for each in ids]
    rows = [("customer_id", "company_name", "platform"), *((each, "Café", "xero") for each in quoted)]
    for encoding, end in (("utf-8", "\n"), ("utf-8-sig", "\r\n"), ("utf-16", "\n"), ("cp1252", "\r\n")):
        content = "".join(delimiter.join(row) + end for row in rows).encode(encoding)
        for name in ("x.tsv" if delimiter == "\t" else "x.csv", "x.csv.gz"):
            (folder / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
            reading = Reading(encoding=encoding if encoding == "cp1252" else None)  # any letters, so it is no guess
            assert read(folder / name, reading=reading).ids == ids, (encoding, name)


def test_an_identifier_is_the_same_in_files_of_parquet_and_csv(tmp_path: Path) -> None:
    """The types are those that Parquet stores."""
    uuid = UUID("550e8400-e29b-41d4-a716-446655440000")
    columns: dict[str, tuple[list[object], type[pl.DataType] | pl.DataType]] = {
        "1001": (["1001"], pl.String),
        "1002": ([1002], pl.Int16),
        "1003": ([1003.0], pl.Float32),
        "1004": ([b"1004"], pl.Binary),
        "1005": (["1005"], pl.Categorical),
        "1006": (["1006"], pl.Decimal(20, 2)),
        str(uuid): ([uuid.bytes], pl.Binary),
    }
    for customer_id, (values, dtype) in columns.items():
        others = {"company_name": ["Ash"], "platform": ["xero"]}
        column = pl.Series("customer_id", values).cast(dtype).to_frame()
        column.with_columns(**{name: pl.Series(value) for name, value in others.items()}).write_parquet(
            tmp_path / "x.parquet"
        )
        assert read(tmp_path / "x.parquet").ids == [customer_id]
