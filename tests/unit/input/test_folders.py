"""A folder of parts is read as one table."""

from __future__ import annotations

import gzip
from pathlib import Path

import polars as pl
import pytest

from bulk.errors import InputError
from bulk.input import open_input
from unit.input.input_files import read


def rows(*ids: str, **others: str) -> pl.DataFrame:
    """Return rows with these identifiers."""
    return pl.DataFrame({"customer_id": list(ids), "company_name": [f"Firm {each}" for each in ids]} | others)


def write(path: Path, frame: pl.DataFrame) -> None:
    """Write a part; its suffix selects the format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)


@pytest.mark.parametrize("suffix", [".parquet", ".csv"])
def test_the_parts_of_spark_are_one_table(tmp_path: Path, suffix: str) -> None:
    """Hidden files and those that begin with `_` are no parts, and an empty text is a part without rows."""
    folder = tmp_path / f"export{suffix}"
    write(folder / f"part-00001{suffix}", rows("3", platform="qbo"))
    write(folder / f"part-00000{suffix}", rows("1", "2", platform="xero"))
    others = [
        "_SUCCESS",
        ".part-00000.crc",
        "_temporary/part-9.json",
        "part-00001.crc",
        "part-00003.csv._COPYING_",
        *(["part-00002.csv"] if suffix == ".csv" else []),
    ]
    for name in others:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).touch()
    outcome = read(folder)
    assert outcome.ids == ["1", "2", "3"]
    assert outcome.accepted["row"].to_list() == [1, 2, 3]
    assert "it is a folder with 2 parts, in the order of their paths" in outcome.opened.notes


def test_the_content_of_parts_counts_and_not_their_names(tmp_path: Path) -> None:
    """Programs name parts as they like. Texts may have other delimiters and compressions."""
    names = ["part-00000", "b.pq", "c.parq", "_year=2024/d.snappy.parquet", "e"]
    for number, name in enumerate(names):
        (tmp_path / "parquet" / name).parent.mkdir(exist_ok=True, parents=True)
        rows(str(number), platform="xero").write_parquet(tmp_path / "parquet" / name)
    assert sorted(read(tmp_path / "parquet").ids) == ["0", "1", "2", "3", "4"]

    (tmp_path / "text").mkdir()
    rows("1", platform="xero").write_csv(tmp_path / "text" / "part-00000")
    rows("2", platform="xero").write_csv(tmp_path / "text" / "part-00001.tsv", separator="\t")
    content = rows("3", platform="xero").write_csv().encode()
    (tmp_path / "text" / "part-00002.csv.gz").write_bytes(gzip.compress(content))
    (tmp_path / "text" / "part-00003").touch()
    assert read(tmp_path / "text").ids == ["1", "2", "3"]


@pytest.mark.parametrize("content", [b"", bytes(range(256)) * 4])
def test_a_damaged_part_is_never_left_out(tmp_path: Path, content: bytes) -> None:
    """The customers of an empty Parquet file are missing. Only an empty text is a part without rows."""
    write(tmp_path / "a.parquet", rows("1", platform="xero"))
    (tmp_path / "b.parquet").write_bytes(content)
    with pytest.raises(InputError, match=r"b\.parquet is (empty|damaged or not a Parquet file)"):
        open_input(tmp_path)


@pytest.mark.parametrize("name", ["x.parquet", "x.pq", "x.PARQ"])
def test_random_bytes_with_the_name_of_a_parquet_file_are_called_damaged(tmp_path: Path, name: str) -> None:
    """Another encoding or a CSV export would not help. A text table may have any name."""
    (tmp_path / name).write_bytes(b"\x93" + bytes(range(256)) * 4)
    with pytest.raises(InputError, match="is damaged or not a Parquet file, because it does not begin as one"):
        open_input(tmp_path / name)
    rows("1", platform="xero").write_csv(tmp_path / name)
    assert read(tmp_path / name).ids == ["1"]
    (tmp_path / name).write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="has no column for customer_id"):
        open_input(tmp_path / name)


def test_the_keys_of_hive_are_columns(tmp_path: Path) -> None:
    """Their values are percent-encoded. A column of the file is never replaced."""
    write(tmp_path / "platform=QuickBooks%20Online" / "year=2024" / "part-0.parquet", rows("1", email="a@example.com"))
    write(tmp_path / "platform=Xero" / "year=__HIVE_DEFAULT_PARTITION__" / "part-0.parquet", rows("2", year="2020"))
    write(tmp_path / "platform=Xero" / "year=2025" / "part-0.parquet", rows("3"))
    outcome = read(tmp_path)
    assert dict(zip(outcome.ids, outcome.accepted["platform_key"], strict=True)) == {
        "1": "qhyg",
        "3": "gbol",
        "2": "gbol",
    }
    assert outcome.accepted["email"].to_list() == ["a@example.com", None, None]
    assert [outcome.extras(at)["year"] for at in range(3)] == ["2024", "2025", "2020"]


def test_a_mapped_column_and_binary_cells_are_found_in_each_part(tmp_path: Path) -> None:
    """The parts may have their columns in another order and of another type."""
    first = pl.DataFrame({"No": [b"\xff\x01", b"a"], "company_name": ["Acme", "Bolt"], "platform": "xero"})
    write(tmp_path / "a.parquet", first)
    write(tmp_path / "b.parquet", pl.DataFrame({"platform": ["xero"], "company_name": ["Cod"], "x": [1], "No": [7]}))
    outcome = read(tmp_path, {"customer_id": "No"})
    assert outcome.ids == ["a", "7"]
    assert [row for row, *_ in outcome.found] == [1]
    assert [outcome.extras(at) for at in range(2)] == [{"x": None}, {"x": "1"}]
    assert any(note.startswith("b.parquet: its customer_id column has numbers") for note in outcome.opened.notes)


def test_a_ragged_row_of_a_part_is_rejected(tmp_path: Path) -> None:
    """The columns of the folders' names make no difference."""
    folder = tmp_path / "platform=Xero"
    folder.mkdir()
    (folder / "a.csv").write_text("customer_id,company_name\n1,Acme\n2,Bolt,x\n3\n")
    outcome = read(tmp_path)
    assert outcome.ids == ["1"]
    assert outcome.rejected["row"].to_list() == [2, 3]


def test_parts_that_are_not_one_table_are_refused(tmp_path: Path) -> None:
    """The message names the files."""
    write(tmp_path / "a.parquet", rows("1", platform="xero"))
    write(tmp_path / "b.parquet", pl.DataFrame({"x": [1]}))
    with pytest.raises(InputError, match=r"b\.parquet has no column for customer_id, company_name and platform"):
        open_input(tmp_path)
    (tmp_path / "b.parquet").unlink()
    (tmp_path / "read me.txt").write_text("about")
    with pytest.raises(InputError, match=r"several kinds: a\.parquet is a Parquet file, and read me\.txt is a text"):
        open_input(tmp_path)


def test_the_digest_covers_the_names_and_bytes_of_all_parts(tmp_path: Path) -> None:
    """Another part makes another file."""
    write(tmp_path / "a.parquet", rows("1", platform="xero"))
    digests = {open_input(tmp_path).digest}
    write(tmp_path / "b.parquet", rows("2", platform="xero"))
    digests.add(open_input(tmp_path).digest)
    (tmp_path / "b.parquet").rename(tmp_path / "c.parquet")
    digests.add(open_input(tmp_path).digest)
    (tmp_path / "_SUCCESS").touch()
    digests.add(open_input(tmp_path).digest)
    assert len(digests) == 3


def test_a_folder_that_changes_during_reading_is_refused(tmp_path: Path) -> None:
    """The parts of two exports are never mixed."""
    write(tmp_path / "a.parquet", rows("1", platform="xero"))
    parts = open_input(tmp_path).read()
    next(parts)
    write(tmp_path / "b.parquet", rows("2", platform="xero"))
    with pytest.raises(InputError, match="has changed since"):
        list(parts)
