"""The files of a batch's folder: whole, private, safe to open, and all from one moment."""

from __future__ import annotations

import csv
import fcntl
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import polars.selectors as cs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk.errors import BatchError, BatchInUseError, JournalError
from bulk.platforms import NAMES
from bulk.reports import Written, write_reports
from bulk.reports.publish import LOCK, STAGE, staging
from bulk.reports.rows import LINKS, RESULTS
from bulk.reports.tables import CsvTable, ParquetTable
from bulk.text import escape_formula, unescape_formula

from .journals import FIELDS, Journal

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
# As other programs know them (not taken from the code, so that a change of it is noticed).
PARTNER = [
    *("customer_id", "company_name", "email", "company_id", "connection_id", "connection_status"),
    *("partner_connection_id", "partner_status", "error_code", "error", "correlation_id"),
]
FILES = [
    *("results.csv", "results.parquet", "links.csv", "rejects.csv", "partner.csv"),
    *("results.xlsx", "report.html", "summary.json"),
]

# Anything a table may hold, formulas most of all; SQLite's texts hold no lone surrogates.
TEXTS = st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.text("='\"+-@, \t\r\n＝a", max_size=8))
COLUMNS = st.lists(TEXTS.filter(lambda name: name not in RESULTS), min_size=1, max_size=4, unique=True)


def write(journal: Journal) -> Written:
    """Write the reports at noon."""
    return write_reports(journal.folder, now=NOON)


def read_csv(path: Path) -> pl.DataFrame:
    """Read a CSV of ours as a program would, with the guards taken away."""
    frame = pl.read_csv(path, infer_schema=False).with_columns(unescape_formula(cs.string()))
    # polars reads back a doubled quote in a header as two: the names come from Python's own reader.
    header = pl.DataFrame({"name": cells(path)[0]})
    frame.columns = header.select(unescape_formula(pl.col("name"))).to_series().to_list()
    return frame


def cells(path: Path) -> list[list[str]]:
    """Read a CSV of ours as a spreadsheet would, header included."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """Let no file grow past this size, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_folder_holds_every_report_and_nothing_else(journal: Journal) -> None:
    """What the writing needed is gone again; the paths are told."""
    journal.source()
    journal.created(1, "a")
    written = write(journal)
    assert written.paths == tuple(journal.folder / name for name in FILES)
    assert {path.name for path in journal.folder.iterdir() if path.suffix != ".lock"} == {*FILES, "journal.sqlite3"}
    assert written.figures.summary.customers["link_ready"] == 1
    assert json.loads((journal.folder / "summary.json").read_text()) == json.loads(written.figures.summary.to_json())


def test_only_the_owner_may_read(journal: Journal) -> None:
    """A linkUrl is a credential, so folder and files are the owner's, whatever the umask says."""
    journal.folder.chmod(0o755)
    journal.source()
    journal.created(1, "a", description="new")
    umask = os.umask(0o000)
    try:
        written = write(journal)
    finally:
        os.umask(umask)
    assert {path.stat().st_mode & 0o777 for path in written.paths} == {0o600}
    assert len(written.paths) == len(FILES) + 1
    assert journal.folder.stat().st_mode & 0o777 == 0o700


def test_an_empty_batch_has_files_with_headers(journal: Journal) -> None:
    """Programs find the columns before the first customer is there."""
    journal.source(["tier"])
    write(journal)
    assert cells(journal.folder / "results.csv") == [[*RESULTS, "tier"]]
    assert cells(journal.folder / "links.csv") == [list(LINKS)]
    assert cells(journal.folder / "rejects.csv") == [[*FIELDS, "tier", "row", "reasons"]]
    assert cells(journal.folder / "partner.csv") == [PARTNER]
    assert pl.read_parquet(journal.folder / "results.parquet").columns == [*RESULTS, "tier"]


def test_csv_files_are_plain_utf8(journal: Journal) -> None:
    """No byte order mark, and lines that end in LF."""
    journal.source()
    journal.customer(1, "a", company_name="Ångström, Söhne")
    write(journal)
    content = (journal.folder / "results.csv").read_bytes()
    assert content.startswith(b"row,customer_id,")
    assert b"\r" not in content
    assert '"Ångström, Söhne"'.encode() in content


def test_links_name_every_known_platform(journal: Journal) -> None:
    """A platform without a known name is shown by its key."""
    journal.source()
    keys = [*NAMES, "abcd"]
    for row, key in enumerate(keys, 1):
        journal.created(row, f"{row}", platform_sent=key)
    write(journal)
    shown = read_csv(journal.folder / "links.csv")["platform"].to_list()
    assert shown == [*NAMES.values(), "abcd"]
    assert {"Sage Intacct", "Zoho Books", "Wave"} <= set(shown)


def test_no_cell_and_no_header_runs_as_a_formula(journal: Journal) -> None:
    """In none of the files, whoever wrote the text: the user, their customer or Codat."""
    evil = '=HYPERLINK("https://example.com")'
    journal.source([evil, "-1"])
    extra = {evil: "+1", "-1": "@x"}
    journal.created(1, "=a", company_name="=b", email="+c", name="-d", link_url="@e", error=evil, extra=extra)
    journal.rejection(2, customer_id="=f", extra=extra, cells={evil: "=g", "customer_id": "\t=h"}, reasons="=i")
    journal.insert("batch", key="verified_at", value="2026-11-23T11:00:00Z")
    journal.insert("findings", finding="extra_company", customer_id="=a", company_id="+j", detail="@k")
    written = write(journal)
    files = [path for path in written.paths if path.suffix == ".csv"]
    names = ["results.csv", "links.csv", "rejects.csv", "partner.csv", "differences.csv", "verify.csv"]
    assert [path.name for path in files] == names
    for path in files:
        found = [cell for row in cells(path) for cell in row]
        assert any(cell.startswith("'") for cell in found)
        assert not [cell for cell in found if cell.strip()[:1] in set("=+-@")]


@settings(max_examples=40, deadline=None)
@given(data=st.data(), names=COLUMNS)
def test_csv_and_parquet_say_the_same_whatever_the_input_holds(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, names: list[str]
) -> None:
    """The Parquet file holds the texts as they are; the CSV does once its guards are taken away."""
    journal = Journal(tmp_path_factory.mktemp("same"))
    journal.source(names)
    values = st.fixed_dictionaries({name: TEXTS | st.none() for name in names})
    extras = data.draw(st.lists(values, min_size=1, max_size=4))
    for row, extra in enumerate(extras, 1):
        journal.customer(row, f"c{row}", extra=extra)
    write(journal)
    parquet = pl.read_parquet(journal.folder / "results.parquet")
    for name in names:
        assert parquet.get_column(name).to_list() == [extra[name] for extra in extras]
    assert parquet.schema["row"] == parquet.schema["attempts"] == pl.Int64
    table = read_csv(journal.folder / "results.csv").with_columns(pl.col("row", "attempts").cast(pl.Int64))
    assert table.columns == parquet.columns
    assert table.rows() == parquet.rows()
    header = pl.Series(names).to_frame("name").select(escape_formula(pl.col("name"))).to_series().to_list()
    assert cells(journal.folder / "results.csv")[0] == [*RESULTS, *header]


def test_many_chunks_make_one_table(journal: Journal) -> None:
    """Rows stay in order over the seams, and the header comes once."""
    journal.source()
    with journal.connect() as connection:
        connection.executemany(
            "INSERT INTO customers (source, row, enrolment, customer_id, tag, company_name, name, platform_key, extra)"
            " VALUES (1, ?, 1, ?, ?, 'A', 'A', 'gbol', '{}')",
            [(row, f"c{row}", f"c{row}") for row in range(1, 10_001)],
        )
    connection.close()
    write(journal)
    assert pl.read_parquet(journal.folder / "results.parquet")["row"].to_list() == list(range(1, 10_001))
    assert read_csv(journal.folder / "results.csv")["row"].to_list() == [str(row) for row in range(1, 10_001)]


def test_differences_are_written_only_where_there_are_any(journal: Journal) -> None:
    """A file of an earlier report that has nothing to say any more is removed."""
    journal.source()
    journal.created(1, "a", description="new")
    assert journal.folder / "differences.csv" in write(journal).paths
    assert cells(journal.folder / "differences.csv")[1:] == [["a", "description", "", "new"]]
    journal.run()
    with journal.connect() as connection:
        connection.execute("UPDATE customers SET description_sent = 'new'")
    connection.close()
    assert journal.folder / "differences.csv" not in write(journal).paths
    assert not (journal.folder / "differences.csv").exists()


def test_the_partner_file_has_a_row_for_each_customer_whose_company_exists(journal: Journal) -> None:
    """In input order, whatever came of it; those who are gone from the input come last."""
    journal.source()
    partner = {"connection_status": "Linked", "partner_connection_id": "partner of c", "partner_status": "Linked"}
    journal.created(4, "gone", presence="removed")
    journal.created(5, "faulty", presence="invalid")
    journal.created(3, "c", state="complete", email="c@example.com", **partner)
    error = {"error_step": "partner", "error_code": "400", "error": "refused", "correlation_id": "c0ffee"}
    journal.created(2, "b", state="failed", connection_status="Linked", **error)
    journal.customer(1, "a")  # Codat has nothing of it
    journal.customer(6, "f", state="failed", error="a company was refused")
    write(journal)
    rows = pl.read_csv(journal.folder / "partner.csv", infer_schema=False)
    assert rows.columns == PARTNER
    assert rows["customer_id"].to_list() == ["b", "c", "faulty", "gone"]
    assert rows.row(0)[5:] == ("Linked", None, None, "400", "refused", "c0ffee")
    assert rows.row(1) == (
        *("c", "Café c", "c@example.com", "company of c", "connection of c", "Linked"),
        *("partner of c", "Linked", None, None, None),
    )


def test_findings_are_written_once_there_was_a_proof(journal: Journal) -> None:
    """One that found nothing has a file with a header; where there was none, a file of old is removed."""
    journal.source()
    (journal.folder / "verify.csv").write_text("of another journal")
    assert journal.folder / "verify.csv" not in write(journal).paths
    assert not (journal.folder / "verify.csv").exists()
    journal.insert("batch", key="verified_at", value="2026-11-23T11:00:00Z")
    assert journal.folder / "verify.csv" in write(journal).paths
    header = ["finding", "customer_id", "company_id", "connection_id", "detail", "adopted"]
    assert cells(journal.folder / "verify.csv") == [header]
    journal.insert("findings", finding="missing_company", customer_id="a", company_id="1", detail="no")
    journal.insert("findings", finding="unknown_company", customer_id="b", company_id="2", detail="is", adopted=1)
    write(journal)
    assert cells(journal.folder / "verify.csv")[1:] == [
        ["missing_company", "a", "1", "", "no", "no"],
        ["unknown_company", "b", "2", "", "is", "yes"],
    ]


def test_a_report_replaces_the_old_files_rather_than_writing_into_them(journal: Journal) -> None:
    """Who has an old file open goes on reading the old file."""
    journal.source()
    write(journal)
    with (journal.folder / "results.csv").open() as old:
        journal.customer(1, "a")
        write(journal)
        assert len(old.readlines()) == 1
    assert len(cells(journal.folder / "results.csv")) == 2


def test_a_full_disk_leaves_the_old_reports(journal: Journal) -> None:
    """The error names the file and the remedy; the next report succeeds and leaves nothing behind."""
    journal.source()
    journal.customer(1, "a")
    old = {path: path.read_bytes() for path in write(journal).paths}
    journal.customer(2, "b", company_name="x" * 1_000_000)
    with room_for(200_000), pytest.raises(JournalError, match=r"results\.csv cannot be written .*make room"):
        write(journal)
    assert {path: path.read_bytes() for path in old} == old
    assert not (journal.folder / STAGE).exists()
    assert write(journal).figures.summary.customers["pending"] == 2


def test_a_disk_that_is_full_for_parquet_is_said_as_well(tmp_path: Path) -> None:
    """What polars makes of a full disk is our own error too."""
    frame = pl.DataFrame({"a": [os.urandom(50_000).hex()]})
    with room_for(20_000), pytest.raises(JournalError), ParquetTable(tmp_path / "a.parquet") as table:
        table.write(frame)


def test_a_folder_that_vanishes_is_said(tmp_path: Path) -> None:
    """Both kinds of table notice that their folder is not there any more."""
    frame, stage = pl.DataFrame({"a": ["x"]}), tmp_path / "stage"
    stage.mkdir()
    parquet = ParquetTable(stage / "a.parquet")
    parquet.write(frame)
    shutil.rmtree(stage)
    with pytest.raises(JournalError), parquet:
        pass
    with pytest.raises(JournalError):
        CsvTable(stage / "a.csv")


@pytest.mark.parametrize("name", ["nowhere", "file", "empty"])
def test_what_is_no_batchs_folder_is_said(tmp_path: Path, name: str) -> None:
    """No journal, no reports: and none is made."""
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(BatchError):
        write_reports(tmp_path / name, now=NOON)
    assert not (tmp_path / name / "journal.sqlite3").exists()
    assert not (tmp_path / name / "results.csv").exists()


def test_one_report_at_a_time(tmp_path: Path) -> None:
    """Of two, the later must not be overwritten by the earlier; after a while the waiting one says so."""
    with (tmp_path / LOCK).open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BatchInUseError, match="by another command"), staging(tmp_path, wait_seconds=0):
            pass
    with staging(tmp_path, wait_seconds=0) as stage:
        assert stage.is_dir()


def test_what_a_killed_report_left_is_removed_by_the_next(journal: Journal) -> None:
    """Links do not pile up in half-made files."""
    journal.source()
    stage = journal.folder / STAGE
    stage.mkdir()
    (stage / "links.csv").write_text("half a li")
    write(journal)
    assert not stage.exists()
    assert cells(journal.folder / "links.csv") == [list(LINKS)]


def test_reports_are_whole_however_they_are_killed(journal: Journal) -> None:
    """After kill -9 at any moment each file is one that was written to its end, and the next report works."""
    journal.source(rows=3000)
    with journal.connect() as connection:
        connection.executemany(
            "INSERT INTO customers (source, row, enrolment, customer_id, tag, company_name, name, platform_key, extra)"
            " VALUES (1, ?, 1, ?, ?, 'A', 'A', 'gbol', '{}')",
            [(row, f"c{row}", f"c{row}") for row in range(1, 3001)],
        )
    connection.close()
    write(journal)
    script = (
        "import sys, pathlib, datetime, bulk.reports as r\n"
        "print('ready', flush=True)\n"
        "while True: r.write_reports(pathlib.Path(sys.argv[1]), now=datetime.datetime.now(datetime.UTC))"
    )
    for pause_seconds in (0.01, 0.05, 0.13):
        with subprocess.Popen([sys.executable, "-c", script, journal.folder], stdout=subprocess.PIPE) as process:
            assert process.stdout
            process.stdout.readline()
            time.sleep(pause_seconds)  # any moment will do: nothing is waited for
            process.send_signal(signal.SIGKILL)
        assert pl.read_parquet(journal.folder / "results.parquet").height == 3000
        assert len(cells(journal.folder / "results.csv")) == 3001
        assert json.loads((journal.folder / "summary.json").read_text())["customers"]["pending"] == 3000
    write(journal)
    assert not (journal.folder / STAGE).exists()


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("plain", "plain"),
        ("a;=1+1", '"a;=1+1"'),  # a spreadsheet may cut at semicolons
        ("a\t=1+1", '"a\t=1+1"'),  # and at tabs
        ("a,b", '"a,b"'),
        ('a"b', '"a""b"'),
        ("a\nb", '"a\nb"'),
        ("a\rb", '"a\rb"'),
        ("", '""'),  # an empty text, told from none
        (None, ""),
        ("=1;2", '"\'=1;2"'),
    ],
)
def test_a_cell_is_quoted_where_a_reader_could_cut_it(tmp_path: Path, text: str | None, written: str) -> None:
    """Also where only a spreadsheet would; headers as well."""
    frame = pl.DataFrame({"a": [text], "b;=1": [5]}, schema={"a": pl.String, "b;=1": pl.Int64})
    with CsvTable(tmp_path / "x.csv") as table:
        table.write(frame)
    assert (tmp_path / "x.csv").read_bytes().decode() == f'a,"b;=1"\n{written},5\n'


INTERRUPTED = """
import os, signal, sys, time
from datetime import UTC, datetime
from pathlib import Path
from bulk.reports import write_reports
from bulk.reports import publish
moved = publish.Path.replace
def replace(self, target):
    if target.name == "links.csv":
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.2)  # the interruption goes ahead of this
    return moved(self, target)
publish.Path.replace = replace
write_reports(Path(sys.argv[1]), now=datetime(2026, 11, 23, 12, tzinfo=UTC))
"""


def test_an_interruption_while_they_are_put_in_place_leaves_all_of_them_new(journal: Journal) -> None:
    """Not some of one moment and some of another."""
    journal.source()
    journal.created(1, "a")
    written = write(journal)
    for path in written.paths:
        path.write_text("old")
    command = [sys.executable, "-c", INTERRUPTED, str(journal.folder)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert "KeyboardInterrupt" in ended.stderr
    assert [path.name for path in written.paths if path.read_bytes() == b"old"] == []
    assert not (journal.folder / STAGE).exists()
