"""Damaged files, and small files with very large content, are read, or refused with one line."""

from __future__ import annotations

import gzip
import tempfile
import time
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.compressed import COMPRESSED

from bulk.errors import UsageError
from bulk.input import FirstRows, open_input, read_ids
from bulk.input.warnings import Warnings
from bulk.problems import reasons
from fuzz.damage import damaged
from fuzz.effort import share
from fuzz.processes import bulk

INPUTS = Path(__file__).parents[2] / "inputs"
MAX_SECONDS = 60.0  # for a damaged file of a few kilobytes, on a busy machine
MAX_MEGABYTES = 1200


def texts() -> dict[str, bytes]:
    """Return good text tables, each with a file name that selects its reader."""
    good = INPUTS.joinpath("customers.csv").read_bytes()
    rejects = b'customer_id,company_name,platform,row,reasons\n\'-1,Acme,xero,7.0,bad\n2,Bolt,qbo,"1,007",bad\n'
    return {
        "plain.csv": good,
        "tabs.tsv": good.replace(b",", b"\t"),
        "semicolons.csv": b"sep=;\r\n" + good.replace(b",", b";").replace(b"\n", b"\r\n"),
        "returns.csv": good.replace(b"\n", b"\r"),
        "utf16.csv": good.decode().encode("utf-16"),
        "old.csv": good.decode().encode("cp1252", "replace"),
        "quoted.csv": b"\n".join(b'"' + line.replace(b",", b'","') + b'"' for line in good.split(b"\n")[:20]),
        "rejects.csv": rejects,
        **{f"packed.csv.{ending}": compress(good) for ending, compress in COMPRESSED.items()},
    }


def parquet() -> bytes:
    """Return a good Parquet file with columns of many types, in several row groups."""
    names = [f"Größe {at}" for at in range(40)]
    frame = pl.DataFrame(
        {
            "customer_id": [f"{at:05}" for at in range(40)],
            "company_name": names,
            "platform": pl.Series(["xero", "qbo"] * 20).cast(pl.Categorical),
            "number": pl.Series([None, 2**40] * 20),
            "real": [1.5, float("nan")] * 20,
            "paid": pl.Series(["1.10", "2.00"] * 20).cast(pl.Decimal(9, 2)),
            "since": [date(2024, 1, 2), None] * 20,
            "raw": [b"\xff\0", b"a"] * 20,
            "list": [[1, 2], None] * 20,
            "struct": [{"a": 'é"'}, None] * 20,
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "good.parquet"
        frame.write_parquet(path, row_group_size=16)
        return path.read_bytes()


GOOD = texts()
GOOD_PARQUET = parquet()


def read_or_refused(name: str, content: bytes) -> None:
    """Read a file as `check` and `unlink --file` do. An error is one line that begins with the path."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        try:
            ids, warnings = FirstRows(), Warnings()
            for rows in open_input(path).read(ids=ids):
                warnings.add(rows)
                assert all(map(reasons, rows.rejected["problems"]))
            warnings.table(ids, 100)
        except UsageError as error:
            assert_is_one_line(error, path)
        try:
            read_ids(path)
        except UsageError as error:
            assert_is_one_line(error, path)
    assert time.monotonic() - began < MAX_SECONDS


def assert_is_one_line(error: UsageError, path: Path) -> None:
    """Assert that the message is one printable line that begins with the path."""
    message = str(error)
    assert message.startswith(str(path))
    assert message.isprintable(), message
    assert len(message) < 3000


@share(150)
@given(name=st.sampled_from(sorted(GOOD)), seed=st.integers(0, 2**32))
def test_a_damaged_text_table_is_read_or_refused(name: str, seed: int) -> None:
    """No damage to its bytes raises any other exception."""
    read_or_refused(name, damaged(GOOD[name], seed))


@share(25)
@given(seed=st.integers(0, 2**32))
def test_a_compressed_table_with_damaged_text_is_read_or_refused(seed: int) -> None:
    """The damage is in the text, not in the gzip file."""
    read_or_refused("in.csv.gz", gzip.compress(damaged(GOOD["plain.csv"], seed), 1, mtime=0))


@share(10)
@given(seed=st.integers(0, 2**32))
def test_a_damaged_parquet_file_is_read_or_refused(seed: int) -> None:
    """No damage ends the process or raises any other exception."""
    read_or_refused("in.parquet", damaged(GOOD_PARQUET, seed))


def many_rows(path: Path) -> None:
    """Write a compressed file with hundreds of times as many bytes of rows."""
    line = b"1,Acme,xero\n"
    path.write_bytes(gzip.compress(b"customer_id,company_name,platform\n" + line * 500_000, mtime=0))


def one_long_row(path: Path) -> None:
    """Write a compressed file with a row of 200 MB."""
    path.write_bytes(gzip.compress(b"customer_id,company_name,platform\n1,Acme," + b"x" * 200_000_000, 1, mtime=0))


def many_columns(path: Path) -> None:
    """Write a header with 20,000 columns without names."""
    path.write_bytes(b"customer_id,company_name,platform" + b"," * 20_000 + b"\n1,Acme,xero" + b",x" * 20_000)


def one_long_text(path: Path) -> None:
    """Write a Parquet file with a text of a million letters that is in a thousand cells."""
    ids = [str(at) for at in range(1000)]
    names = {"customer_id": ids, "company_name": ["Acme"] * 1000, "platform": ["xero"] * 1000}
    pl.DataFrame(names | {"x": ["x" * 1_000_000] * 1000}).write_parquet(path)


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (many_rows, "in.csv.gz"),
        (one_long_row, "in.csv.gz"),
        (many_columns, "in.csv"),
        (one_long_text, "in.parquet"),
    ],
)
def test_a_small_file_with_very_large_content_needs_little_memory(tmp_path: Path, make: object, name: str) -> None:
    """It is read in parts, or refused."""
    assert callable(make)
    make(tmp_path / name)
    ended = bulk(tmp_path, "check", name, "--json", seconds=200)
    assert ended.code in (0, 1, 2)
    assert ended.megabytes < MAX_MEGABYTES, ended.megabytes
