"""The files of a batch's folder: complete, private, safe to open, and all of one moment."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulk.platforms import NAMES
from bulk.reports.columns import LINKS, RESULTS
from bulk.reports.write import Written, write_reports
from bulk.text import escape_formula

from .csv_files import cells, read_csv
from .journals import FIELDS, NOON, Journal

# Other programs rely on these columns, so the test repeats them.
PARTNER = [
    *("customer_id", "company_name", "email", "company_id", "connection_id", "connection_status"),
    *("partner_connection_id", "partner_status", "error_code", "error", "correlation_id", "link_error"),
]
FILES = [
    *("results.csv", "results.parquet", "links.csv", "rejects.csv", "conflicts.csv", "partner.csv"),
    *("results.xlsx", "report.html", "summary.json"),
]

# Anything that a table may contain, especially formulas; texts in SQLite have no lone surrogates.
TEXTS = st.one_of(st.text(st.characters(exclude_categories=["Cs"])), st.text("='\"+-@, \t\r\n＝a", max_size=8))
COLUMNS = st.lists(TEXTS.filter(lambda name: name not in RESULTS), min_size=1, max_size=4, unique=True)


def write(journal: Journal) -> Written:
    """Write the reports at noon."""
    return write_reports(journal.folder, now=NOON)


def test_the_folder_contains_every_report_and_nothing_else(journal: Journal) -> None:
    """Temporary files are gone, and the paths are returned."""
    journal.source()
    journal.created(1, "a")
    written = write(journal)
    assert written.paths == tuple(journal.folder / name for name in FILES)
    assert {path.name for path in journal.folder.iterdir() if path.suffix != ".lock"} == {*FILES, "journal.sqlite3"}
    assert written.figures.summary.customers["link_ready"] == 1
    assert json.loads((journal.folder / "summary.json").read_text()) == json.loads(written.figures.summary.to_json())


def test_only_the_owner_may_read(journal: Journal) -> None:
    """A linkUrl is a credential, so the umask does not matter."""
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


def test_the_files_of_an_empty_batch_have_headers(journal: Journal) -> None:
    """Programs find the columns before there is a customer."""
    journal.source(["tier"])
    write(journal)
    assert cells(journal.folder / "results.csv") == [[*RESULTS, "tier"]]
    assert cells(journal.folder / "links.csv") == [[*LINKS, "tier"]]
    assert cells(journal.folder / "rejects.csv") == [[*FIELDS, "tier", "row", "reasons"]]
    assert cells(journal.folder / "conflicts.csv") == [[*FIELDS, "tier", "row", "conflict", "found"]]
    assert cells(journal.folder / "partner.csv") == [PARTNER]
    assert pl.read_parquet(journal.folder / "results.parquet").columns == [*RESULTS, "tier"]


def test_csv_files_are_utf8_with_a_byte_order_mark(journal: Journal) -> None:
    """Spreadsheets open them correctly. Lines end with LF."""
    journal.source()
    journal.customer(1, "a", company_name="Ångström, Söhne")
    write(journal)
    content = (journal.folder / "results.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfrow,customer_id,")
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
    """This holds for every file, whether the user, a customer or Codat wrote the text."""
    evil = '=HYPERLINK("https://example.com")'
    journal.source([evil, "-1"])
    extra = {evil: "+1", "-1": "@x"}
    journal.created(1, "=a", company_name="=b", email="+c", name="-d", link_url="@e", error=evil, extra=extra)
    journal.rejection(2, customer_id="=f", extra=extra, cells={evil: "=g", "customer_id": "\t=h"})
    journal.held(3, "=i", found="=j", cells={evil: "=g", "customer_id": "=i"})
    journal.insert("batch", key="verified_at", value="2026-11-23T11:00:00Z")
    journal.insert("findings", finding="extra_company", customer_id="=a", company_id="+j", detail="@k")
    written = write(journal)
    files = [path for path in written.paths if path.suffix == ".csv"]
    names = ["results.csv", "links.csv", "rejects.csv", "conflicts.csv", "partner.csv"]
    assert [path.name for path in files] == [*names, "differences.csv", "verify.csv"]
    for path in files:
        found = [cell for row in cells(path) for cell in row]
        assert any(cell.startswith("'") for cell in found)
        assert not [cell for cell in found if cell.strip()[:1] in set("=+-@")]


@settings(max_examples=15, deadline=None)
@given(data=st.data(), names=COLUMNS)
def test_csv_and_parquet_agree_for_any_input(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, names: list[str]
) -> None:
    """The Parquet file has the texts unchanged, and the CSV file has them escaped."""
    journal = Journal(tmp_path_factory.mktemp("same"))
    journal.source(names)
    values = st.fixed_dictionaries({name: TEXTS | st.none() for name in names})
    extras = data.draw(st.lists(values, min_size=1, max_size=12))
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
    """Rows stay in order, and the header comes once."""
    journal.source()
    journal.customers(10_000)
    write(journal)
    assert pl.read_parquet(journal.folder / "results.parquet")["row"].to_list() == list(range(1, 10_001))
    assert read_csv(journal.folder / "results.csv")["row"].to_list() == [str(row) for row in range(1, 10_001)]


def test_differences_are_written_only_if_there_are_any(journal: Journal) -> None:
    """The file of an earlier report is removed when it has become pointless."""
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


def test_the_partner_file_has_a_row_for_each_customer_with_a_company(journal: Journal) -> None:
    """Rows are in input order; customers removed from the input come last."""
    journal.source()
    partner = {"connection_status": "Linked", "partner_connection_id": "partner of c", "partner_status": "Linked"}
    journal.created(4, "gone", presence="removed")
    journal.created(5, "faulty", presence="invalid")
    journal.created(3, "c", state="complete", email="c@example.com", **partner)
    error = {"error_step": "partner", "error_code": "400", "error": "refused", "correlation_id": "c0ffee"}
    journal.created(2, "b", state="failed", connection_status="Linked", **error)
    journal.customer(1, "a")  # Codat has nothing
    journal.customer(6, "f", state="failed", error="the company was rejected")
    write(journal)
    rows = pl.read_csv(journal.folder / "partner.csv", infer_schema=False)
    assert rows.columns == PARTNER
    assert rows["customer_id"].to_list() == ["b", "c", "faulty", "gone"]
    assert rows.row(0)[5:] == ("Linked", None, None, "400", "refused", "c0ffee", None)
    assert rows.row(1) == (
        *("c", "Café c", "c@example.com", "company of c", "connection of c", "Linked"),
        *("partner of c", "Linked", None, None, None, None),
    )


def test_findings_are_written_after_a_verify(journal: Journal) -> None:
    """A verify without findings has a file with a header; without a verify, an old file is removed."""
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


def test_reports_load_neither_the_engine_nor_its_client() -> None:
    """Loading them takes as long as writing the reports of a small batch."""
    code = "import bulk, sys; bulk.report; import bulk.reports.write; print(*sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(ended.stdout.split())
    assert {"polars", "xlsxwriter", "jinja2"} <= loaded
    assert not loaded & {"bulk.engine", "bulk.codat", "bulk.input", "httpx", "anyio", "asyncio"}
