"""`check --output` writes every row with what would happen to it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from bulk.checked_rows import COLUMNS
from bulk.errors import JournalError, UsageError
from bulk.input_check import check
from bulk.reports import table_file

HEADER = "customer_id,company_name,platform,email,row,note\n"
ROWS = (
    '00123,Café,qbo,Jo <j@x.example>,9,"=1+1"\n'
    "00124,Ash,MYOB,,,\n"
    "125,,Xreo,nobody,,\n"
    "00124,Birch,xero,a@x.example,,\n"
    "00126,Cedar,abcd,,,\n"
)


def test_a_damaged_row_is_held(tmp_path: Path) -> None:
    """`check` counts it as a row in conflict, and shows what it probably was."""
    (tmp_path / "in.csv").write_text("customer_id,company_name,platform\n1,CafÃ©,Xero\n2,Ash,Xero\n", "utf-8")
    result = check(tmp_path / "in.csv", output=tmp_path / "out.csv")
    assert (result.accepted, result.rejected, result.in_conflict, result.to_do) == (1, 0, 1, 1)
    assert result.has_problems
    assert result.conflicts.select("row", "code", "value", "found").rows() == [
        (1, "company_name_damaged", "CafÃ©", "Café")
    ]
    assert [(group.code, group.rows) for group in result.conflict_groups] == [("company_name_damaged", 1)]
    assert result.renamed.is_empty()
    lines = pl.read_csv(tmp_path / "out.csv").select("action", "reasons").rows()
    assert lines[0][0] == "hold"
    assert lines[0][1].startswith('company_name "CafÃ©" was damaged, and is probably "Café": correct it')
    assert lines[1] == ("send", None)


def written(folder: Path, name: str) -> pl.DataFrame:
    """Check the rows, and read the file that was written, as text."""
    (folder / "in.csv").write_text(HEADER + ROWS, "utf-8")
    path = folder / name
    check(folder / "in.csv", output=path)
    match path.suffix.lower():
        case ".csv":
            return pl.read_csv(path, infer_schema=False)
        case ".parquet":
            return pl.read_parquet(path).cast(pl.String)
    header, *rows = openpyxl.load_workbook(path).worksheets[0].iter_rows(values_only=True)
    return pl.DataFrame(rows, schema=[str(name) for name in header], orient="row").cast(pl.String)


@pytest.mark.parametrize("name", ["out.csv", "out.PARQUET", "out.xlsx"])
def test_every_row_has_its_cells_and_what_would_happen(tmp_path: Path, name: str) -> None:
    """The three formats have the same rows."""
    frame = written(tmp_path, name)
    own = ["customer_id", "company_name", "platform", "email", "row (input)", "note"]
    assert frame.columns == [*own, *COLUMNS]
    lines = {line["row"]: line for line in frame.to_dicts()}
    assert [line["action"] for line in lines.values()] == ["send", "reject", "reject", "reject", "send"]
    sent = {name: lines["1"][name] for name in ("customer_id", "email", "row (input)", "name_sent", "email_used")}
    assert sent == {
        "customer_id": "00123",
        "email": "Jo <j@x.example>",
        "row (input)": "9",
        "name_sent": "Cafe",
        "email_used": "j@x.example",
    }
    assert lines["1"]["note"] == ("'=1+1" if name == "out.csv" else "=1+1")
    assert lines["1"]["platform_key"] == "qhyg"
    assert lines["3"]["values"] == "platform=Xreo"
    assert "company_name is missing" in lines["3"]["reasons"]
    assert 'write "Xero"' in lines["3"]["reasons"]
    assert "if your own system has 00125" in lines["3"]["warnings"]
    assert "email is not an email address" in lines["3"]["warnings"]
    assert lines["4"]["reasons"].startswith('customer_id "00124" duplicates row 2')
    assert "is not the name or the platformKey of a known platform" in lines["5"]["warnings"]


def test_the_file_is_private_and_replaces_an_older_one(tmp_path: Path) -> None:
    """Nothing else is left in the folder."""
    written(tmp_path, "out.csv")
    (tmp_path / "out.csv").chmod(0o644)
    written(tmp_path, "out.csv")
    assert (tmp_path / "out.csv").stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.csv", "out.csv"]


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("out.txt", r"must end with \.csv, \.parquet or \.xlsx"),
        ("out", "must end with"),
        ("nowhere/out.csv", "cannot be written"),
        ("in.csv", "is the input"),
        ("folder.csv", "is a folder"),
    ],
)
def test_another_file_is_refused_before_anything_is_read(tmp_path: Path, output: str, message: str) -> None:
    """The user can name another one."""
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UsageError, match=message):
        written_to(tmp_path, output)
    assert (tmp_path / "in.csv").read_text("utf-8") == HEADER + ROWS


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.xlsx"])
def test_only_the_output_of_an_earlier_check_is_replaced(tmp_path: Path, name: str) -> None:
    """Not a report of a batch, and not another input."""
    before = written(tmp_path, name)
    assert written(tmp_path, name).equals(before)
    (tmp_path / name).write_bytes(b"customer_id,company_name,platform\n1,A,xero\n")
    with pytest.raises(UsageError, match="is not the output of an earlier check"):
        written(tmp_path, name)


def test_a_workbook_without_room_for_all_columns_is_refused(tmp_path: Path) -> None:
    """Ours are the last ones, so they would be lost."""
    header = ",".join(f"c{at}" for at in range(16_380))
    path = tmp_path / "in.csv"
    path.write_text(f"customer_id,company_name,platform,{header}\n1,A,xero{',' * 16_380}\n")
    with pytest.raises(UsageError, match="at most 16,384 columns, and this table has 16,391"):
        check(path, output=tmp_path / "out.xlsx")
    assert not (tmp_path / "out.xlsx").exists()


def written_to(folder: Path, output: str) -> None:
    """Check the rows."""
    (folder / "in.csv").write_text(HEADER + ROWS, "utf-8")
    check(folder / "in.csv", output=folder / output)


def test_a_full_disk_leaves_the_older_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message names the file and the remedy."""

    def fail(_: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    written_to(tmp_path, "out.csv")
    before = (tmp_path / "out.csv").read_bytes()
    monkeypatch.setattr(table_file, "sync", fail)
    with pytest.raises(JournalError, match=r"out\.csv cannot be written \(No space left on device\)\. Make room"):
        written_to(tmp_path, "out.csv")
    assert (tmp_path / "out.csv").read_bytes() == before


def test_all_warnings_are_in_the_file(tmp_path: Path) -> None:
    """The lists of the result have a limit."""
    rows = 10_050
    path = tmp_path / "in.csv"
    path.write_text("customer_id,company_name,platform\n" + "".join(f"{n}.0,Ash,xero\n" for n in range(rows)))
    check(path, output=tmp_path / "out.parquet")
    found = pl.read_parquet(tmp_path / "out.parquet")
    assert found["warnings"].null_count() == 0
    assert found["row"].to_list() == list(range(1, rows + 1))
