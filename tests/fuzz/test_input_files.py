"""Any table in any form: each row is accepted, or rejected with reasons; no identifier is changed or lost."""

from __future__ import annotations

import csv
import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.compressed import COMPRESSED

from bulk import problems
from bulk.errors import UsageError
from bulk.input import open_input
from bulk.input.empty import BLANK, NULL_WORDS
from fuzz.effort import share

NEEDED = ("customer_id", "company_name", "platform")
LETTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\x1a")
AWKWARD = st.sampled_from(
    [
        "",
        " ",
        '"',
        '""',
        "a,b",
        "a;b",
        "a\tb",
        "a|b",
        "a\nb",
        "a\r\nb",
        "a\rb",
        "'",
        "=1+1",
        "\ufeff",
        "\u2028",
        "é",
        "ｘ",
    ]
)
CELLS = st.text(LETTERS, max_size=12) | AWKWARD | st.sampled_from(["x" * 5000, "1", "00123", "xero", "qbo", "Acme"])
NARROW = st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=12) | st.sampled_from(["", "Café"])


@dataclass(frozen=True)
class Rows:
    """The rows that were read from a file."""

    ids: dict[int, str | None]  # by row
    reasons: list[str]


def read_rows(path: Path) -> Rows:
    """Read a file to its end. Raises UsageError."""
    ids: dict[int, str | None] = {}
    reasons: list[str] = []
    for part in open_input(path).read():
        for frame in (part.accepted, part.rejected):
            ids |= dict(frame.select("row", "customer_id").rows())
        reasons += map(problems.reasons, part.rejected["problems"])
    return Rows(ids, reasons)


def assert_rows(rows: Rows, ids: Sequence[str]) -> None:
    """Assert that exactly these identifiers were read, and that each rejected row has reasons."""
    texts = [text.strip(BLANK) for text in ids]
    expected = ["" if text in NULL_WORDS else _one_line(text) for text in texts]  # a reader may use other ends of lines
    assert [_one_line(rows.ids[row] or "") for row in sorted(rows.ids)] == expected
    assert sorted(rows.ids) == list(range(1, len(ids) + 1))
    assert all(rows.reasons)


def written(rows: Sequence[Sequence[str]], *, delimiter: str, line_end: str, quoting: Any) -> str:
    """Return rows as the csv module writes them."""
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, lineterminator=line_end, quoting=quoting).writerows(rows)
    return file.getvalue()


DIALECTS = st.fixed_dictionaries(
    {
        "delimiter": st.sampled_from([",", ";", "\t", "|"]),
        "line_end": st.sampled_from(["\n", "\r\n"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    }
)
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])


@share(120)
@given(data=st.data(), dialect=DIALECTS, encoding=ENCODINGS, kind=st.sampled_from(["csv", "tsv", *COMPRESSED]))
def test_every_row_of_any_text_table_is_read_once(
    data: st.DataObject, dialect: dict[str, Any], encoding: str, kind: str
) -> None:
    """Order and identifiers stay, with any delimiter, quotes, ends of lines and encoding, also of ragged rows."""
    extras = data.draw(st.lists(st.sampled_from(["", "note", "note", "Größe", "a,b", 'a"b']), max_size=4))
    header = [*NEEDED, *extras]
    lengths = st.just(len(header)) | st.integers(0, len(header) + 3)
    rows = data.draw(st.lists(lengths.flatmap(lambda size: st.lists(CELLS, min_size=size, max_size=size)), max_size=30))
    content = written([header, *rows], **dialect).encode(encoding)
    ids = [row[0] for row in rows if any(row)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"in.{kind}"
        path.write_bytes(COMPRESSED[kind](content) if kind in COMPRESSED else content)
        if ids:
            assert_rows(read_rows(path), ids)
        else:
            with pytest.raises(UsageError, match="no rows"):
                read_rows(path)


@share(30)
@given(
    rows=st.lists(st.lists(NARROW, min_size=5, max_size=5), min_size=1, max_size=30),
    codec=st.sampled_from(["cp1252", "latin-1"]),
)
def test_every_row_in_an_old_encoding_is_read_once(rows: list[list[str]], codec: str) -> None:
    """The file is refused if it could be UTF-8 with some damage."""
    content = written([[*NEEDED, "email", "note"], *rows], delimiter=",", line_end="\n", quoting=csv.QUOTE_MINIMAL)
    raw = content.encode(codec, "replace")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.csv"
        path.write_bytes(raw)
        try:
            found = read_rows(path)
        except UsageError:
            return
    text = raw.decode("cp1252" if any("Windows-1252" in note for note in open_notes(raw)) else "utf-8")
    expected = [row for row in csv.reader(io.StringIO(text, newline="")) if any(row)][1:]
    assert_rows(found, [row[0] for row in expected])


def open_notes(raw: bytes) -> tuple[str, ...]:
    """Return the notes about how a file was read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.csv"
        path.write_bytes(raw)
        return open_input(path).notes


DATES = st.dates(date(1, 1, 1), date(9999, 12, 31))
FIRST, LAST = datetime(1, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 - a column without a zone
INNER = st.text(LETTERS, max_size=5)
COLUMNS: dict[str, tuple[Any, st.SearchStrategy[Any]]] = {
    "text": (pl.String, CELLS),
    "int8": (pl.Int8, st.integers(-128, 127)),
    "int64": (pl.Int64, st.integers(-(2**63), 2**63 - 1)),
    "uint64": (pl.UInt64, st.integers(0, 2**64 - 1)),
    "float32": (pl.Float32, st.floats(width=32)),
    "float64": (pl.Float64, st.floats()),
    "decimal": (pl.Decimal(38, 4), st.decimals(-(10**20), 10**20, places=4).map(Decimal)),
    "boolean": (pl.Boolean, st.booleans()),
    "date": (pl.Date, DATES),
    "datetime": (pl.Datetime("us"), st.datetimes(FIRST, LAST)),
    "zoned": (pl.Datetime("ms", "Asia/Tokyo"), st.datetimes(FIRST.replace(year=1900), FIRST.replace(year=2200))),
    "time": (pl.Time, st.times().map(lambda at: time(at.hour, at.minute, at.second, at.microsecond))),
    "duration": (pl.Duration("us"), st.timedeltas(timedelta(days=-9000), timedelta(days=9000))),
    "binary": (pl.Binary, st.binary(max_size=8) | st.just(b"\0")),
    "categorical": (pl.Categorical, INNER),
    "null": (pl.Null, st.none()),
    "list": (pl.List(pl.String), st.lists(st.none() | INNER, max_size=3)),
    "deep": (pl.List(pl.List(pl.Int64)), st.lists(st.lists(st.integers(-9, 9), max_size=2), max_size=2)),
    "struct": (pl.Struct({"a": pl.String, "é": pl.Int64}), st.fixed_dictionaries({"a": INNER, "é": st.integers(0, 9)})),
}


@share(8)
@given(data=st.data(), kinds=st.lists(st.sampled_from(sorted(COLUMNS)), min_size=1, max_size=6))
def test_every_row_of_any_parquet_file_is_read_once(data: st.DataObject, kinds: list[str]) -> None:
    """The other columns may have any types and values."""
    ids = data.draw(st.lists(CELLS, min_size=1, max_size=20))
    columns = [
        pl.Series("customer_id", ids, dtype=pl.String),
        pl.Series("company_name", data.draw(st.lists(CELLS, min_size=len(ids), max_size=len(ids))), dtype=pl.String),
        pl.Series("platform", ["xero"] * len(ids)),
    ]
    for at, kind in enumerate(kinds):
        dtype, values = COLUMNS[kind]
        some = data.draw(st.lists(st.none() | values, min_size=len(ids), max_size=len(ids)))
        columns.append(pl.Series(f"{kind} {at}", some, dtype=dtype, strict=False))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.parquet"
        pl.DataFrame(columns).write_parquet(path)
        assert_rows(read_rows(path), ids)


def _one_line(text: str) -> str:
    return text.replace("\r\n", "\n")
