"""The workbook opens without errors, keeps every text unchanged, and runs nothing."""

from __future__ import annotations

import csv
import os
import re
import tempfile
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.parsers import expat

import openpyxl
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl.utils.escape import unescape
from openpyxl.worksheet.worksheet import Worksheet
from support.office import convert, needs_office

from bulk.errors import JournalError
from bulk.model import State
from bulk.reports.columns import CONFLICTS, LINKS, PARTNER, RESULTS
from bulk.reports.excel.formats import COLOURS
from bulk.reports.excel.sheets import EXCEL, Limits
from bulk.reports.excel.workbook import Workbook
from bulk.reports.figures import Figures
from bulk.reports.figures_reader import read_figures
from bulk.reports.rows import Reader
from bulk.reports.summary import advice, funnel, narrative
from bulk.reports.summary.commands import BatchLocation

from .csv_files import room_for
from .journals import NOON, Journal

URL = "https://link-api.codat.io/companies/1/connections/2/start?otp=742271"
# Anything that a cell may contain; texts in SQLite have no lone surrogates.
ANYTHING = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"])),
    st.text("=+-@\t\r\n \0\x0b\x1f\x7f\x85\u2028\ufffe\uffff_x041<>&\"'{}r/", max_size=12),
    st.lists(st.sampled_from(["_x0041_", "_x005F_", "_", "x0041_", "<r>", "</r>", "<t>", "\r", "]]>"])).map("".join),
)


def results(*rows: Mapping[str, object], extras: Iterable[str] = ()) -> pl.DataFrame:
    """Build results of which only these values are known."""
    schema = {name: pl.Int64 if name in ("row", "attempts") else pl.String for name in (*RESULTS, *extras)}
    given = dict.fromkeys(schema) | {"link_expires_at": "2026-11-23T12:00:01Z"}
    return pl.DataFrame([given | dict(row) for row in rows], schema=schema)


def texts(**columns: Sequence[str | None]) -> pl.DataFrame:
    """Build a frame of texts."""
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


@pytest.fixture
def place(journal: Journal) -> BatchLocation:
    """Return the location of the batch."""
    return BatchLocation(journal.folder, has_sandbox=False)


def figures_of(journal: Journal, *, since: datetime | None = None) -> Figures:
    """Return the figures of the batch at noon."""
    with Reader(journal.path) as reader:
        return read_figures(reader, at=NOON, since=since)


def fill(path: Path, figures: Figures, tables: Mapping[str, pl.DataFrame], *, limits: Limits = EXCEL) -> None:
    """Write a workbook of these frames, each in two chunks."""
    with Workbook(path, limits=limits) as book:
        for name, frame in tables.items():
            sheet = book.sheet(name)
            sheet.write(frame[:1])
            sheet.write(frame[1:])
        book.summary(figures, BatchLocation(path.parent, has_sandbox=False))


def write(
    journal: Journal,
    tables: Mapping[str, pl.DataFrame] = {},
    *,
    since: datetime | None = None,
    limits: Limits = EXCEL,
) -> Path:
    """Write a workbook of these frames with the summary of the journal."""
    path = journal.folder / "results.xlsx"
    path.unlink(missing_ok=True)
    fill(path, figures_of(journal, since=since), tables, limits=limits)
    return path


def opened(path: Path) -> openpyxl.Workbook:
    """Open the workbook as another program does."""
    return openpyxl.load_workbook(path)


def cells(sheet: Worksheet) -> list[list[Any]]:
    """Return the values of a sheet's cells, with texts as a spreadsheet shows them."""
    return [[unescape(v) if isinstance(v, str) else v for v in row] for row in sheet.iter_rows(values_only=True)]


def summary_rows(path: Path) -> list[list[Any]]:
    """Return the rows of the summary, without empty cells and rows."""
    with closing(openpyxl.load_workbook(path, read_only=True)) as book:
        rows = [[cell for cell in row if cell is not None] for row in cells(book.worksheets[0])]
    return [row for row in rows if row]


def parts(path: Path) -> dict[str, bytes]:
    """Return the files inside a workbook."""
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def hyperlinks(sheet: Worksheet) -> dict[str, str | None]:
    """Return the clickable cells with their targets."""
    return {
        cell.coordinate: cell.hyperlink.target
        for row in sheet.iter_rows()
        for cell in row
        if cell.hyperlink is not None
    }


def test_the_sheets_come_in_the_order_of_the_contract(journal: Journal) -> None:
    """The summary comes first, although it is filled last."""
    tables = {"Links": LINKS, "Rejects": ("row", "reasons"), "Conflicts": CONFLICTS, "Partner": PARTNER}
    empty = {name: texts(**{column: [] for column in columns}) for name, columns in tables.items()}
    book = opened(write(journal, {"Results": results()} | empty))
    assert book.sheetnames == ["Summary", "Results", "Links", "Rejects", "Conflicts", "Partner"]
    assert cells(book["Results"]) == [list(RESULTS)]
    assert cells(book["Links"]) == [list(LINKS)]
    assert book.active is book["Summary"]


@pytest.mark.parametrize(
    "text",
    [
        "00123",
        "12345678901234567890",  # more digits than a number keeps
        "1E5",
        "2026-11-23",
        "1/2",
        "TRUE",
        "=1+1",
        "+1",
        "-1",
        "@x",
        '=HYPERLINK("https://example.com")',
        "{=1+1}",
        "\t=1+1",
        "\r",
        " blanks at the ends ",
        "two\nlines",
        "mailto:a@example.com",
        "https://example.com",
        "<r><t>x</t></r>",  # XlsxWriter would treat it as markup
        "_x0041_",  # is read as an A without an escape
        "_x0041_x0042_",
        "\ufffe",
        "🙂",
    ],
)
def test_every_text_stays_that_text(journal: Journal, text: str) -> None:
    """In a cell, a header or the summary it never becomes a formula, a number, a date or a link."""
    journal.insert("runs", command="migrate", version="1", input=text, started_at="2026-11-23T10:00:00Z")
    book = opened(write(journal, {"Rejects": texts(**{text: [text]})}))
    sheet = book["Rejects"]
    assert cells(sheet) == [[text], [text]]
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s"}
    assert {cell.number_format for row in sheet.iter_rows() for cell in row} == {"@"}
    assert ["Input", text] in summary_rows(journal.folder / "results.xlsx")
    assert not hyperlinks(sheet)
    assert b"<f" not in parts(journal.folder / "results.xlsx")["xl/worksheets/sheet2.xml"]


@settings(max_examples=12, deadline=None)
@example(headers=["<r></r>"], cells_of=["<r>&</r>", "_x005F_x0041_"])
@example(headers=["_x0041\x01"], cells_of=["_x0041\r", "a_x005F\x0b_"])
@given(
    headers=st.lists(ANYTHING.filter(lambda text: text not in ("", "n")), min_size=1, max_size=5, unique=True),
    cells_of=st.lists(ANYTHING, min_size=1, max_size=10),
)
def test_any_text_becomes_valid_xml_and_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, headers: list[str], cells_of: list[str]
) -> None:
    """A strict parser reads each part; cells with an empty text are empty."""
    journal = Journal(tmp_path_factory.mktemp("any"), name=headers[0])
    numbers = [str(row) for row in range(len(cells_of) + 1)]
    path = write(journal, {"Rejects": texts(**{header: [*cells_of, None] for header in headers}, n=numbers)})
    for part in parts(path).values():
        expat.ParserCreate().Parse(part, True)
    rows = zip((*cells_of, None), numbers, strict=True)
    expected = [[*headers, "n"], *([*[text or None] * len(headers), number] for text, number in rows)]
    assert cells(opened(path)["Rejects"]) == expected
    assert summary_rows(path)[0] == [headers[0]]


def test_only_the_columns_of_integers_are_numbers(journal: Journal) -> None:
    """They are our `row` and `attempts`; a missing number is an empty cell."""
    frame = results({"row": 1, "attempts": 0}, {"attempts": 2, "customer_id": "7"}, extras=["attempts (input)"])
    sheet = opened(write(journal, {"Results": frame.with_columns(pl.lit("3").alias("attempts (input)"))}))["Results"]
    assert [sheet["A2"].value, sheet["S2"].value, sheet["W2"].value] == [1, 0, "3"]
    assert [sheet["A3"].value, sheet["S3"].value, sheet["B3"].value] == [None, 2, "7"]


def test_headers_may_differ_in_case_only(journal: Journal) -> None:
    """Excel requires unique headers in tables, so these sheets only have filters."""
    sheet = opened(write(journal, {"Rejects": texts(Tier=["1"], TIER=["2"], tier=["3"])}))["Rejects"]
    assert cells(sheet) == [["Tier", "TIER", "tier"], ["1", "2", "3"]]


def test_no_link_can_be_clicked(journal: Journal) -> None:
    """A click would use it up. The column of any sheet is plain text, whatever its name."""
    frame = results(*({"state": str(state), "link_url": URL} for state in State))
    book = opened(write(journal, {"Results": frame, "Links": texts(link_url=[URL]), "Rejects": texts(link_url=[URL])}))
    assert not any(hyperlinks(sheet) for sheet in book)
    assert [row[0] for row in cells(book["Links"])] == ["link_url", URL]
    assert not [name for name, content in parts(journal.folder / "results.xlsx").items() if b"hyperlink" in content]


def luminance(colour: str) -> float:
    """Return the luminance of a colour by WCAG 2.2."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("state", State)
def test_each_state_has_a_readable_colour(journal: Journal, state: State) -> None:
    """Only the column `state` of the results has it, with the contrast of WCAG AA."""
    extra = {"state (input)": str(state), "customer_id": str(state)}
    book = opened(write(journal, {"Results": results({"state": str(state)} | extra, extras=["state (input)"])}))
    sheet, colours = book["Results"], COLOURS[state]
    assert sheet["G2"].fill.fgColor.rgb == "FF" + str(colours["bg_color"])[1:]
    assert sheet["G2"].font.color is not None
    assert sheet["G2"].font.color.rgb == "FF" + str(colours["font_color"])[1:]
    assert {sheet["B2"].fill.fill_type, sheet["U2"].fill.fill_type} == {None}
    text, ground = luminance(str(colours["font_color"])), luminance(str(colours["bg_color"]))
    assert (ground + 0.05) / (text + 0.05) >= 4.5


def test_beyond_the_limit_of_rows_a_table_continues_on_another_sheet(journal: Journal) -> None:
    """Each sheet begins with the header, the summary names them, and they come before the next table."""
    frame = results(*({"row": row, "state": "link_ready", "link_url": URL} for row in range(1, 6)))
    path = write(journal, {"Results": frame, "Links": texts(link_url=[URL] * 2)}, limits=replace(EXCEL, rows=3))
    book = opened(path)
    assert book.sheetnames == ["Summary", "Results", "Results 2", "Results 3", "Links"]
    found = [[row[0] for row in cells(book[name])] for name in book.sheetnames[1:4]]
    assert found == [["row", 1, 2], ["row", 3, 4], ["row", 5]]
    assert [sheet.auto_filter.ref for sheet in book][1:4] == ["A1:V3", "A1:V3", "A1:V2"]
    assert ["Results has 5 rows, more than fit on a sheet: it continues in Results 2, Results 3."] in summary_rows(path)


def test_columns_beyond_the_limit_of_excel_are_left_out(journal: Journal) -> None:
    """The summary says how many, and which file has them."""
    path = write(journal, {"Rejects": texts(a=["1"], b=["2"], c=["3"], d=["4"])}, limits=replace(EXCEL, columns=3))
    assert cells(opened(path)["Rejects"]) == [["a", "b", "c"], ["1", "2", "3"]]
    assert ["Rejects has 1 column more than Excel allows; rejects.csv has all of them."] in summary_rows(path)


def test_texts_too_long_for_excel_end_with_an_ellipsis(journal: Journal) -> None:
    """Excel counts units of UTF-16; the summary counts the cells."""
    frame = texts(a=["x" * 32_767, "x" * 32_768], b=["🙂" * 16_384, None], **{"é" * 40_000: ["é" * 32_767, "y"]})
    path = write(journal, {"Rejects": frame})
    found = cells(opened(path)["Rejects"])
    assert found[0][2] == "é" * 32_766 + "…"
    assert found[1] == ["x" * 32_767, "🙂" * 16_383 + "…", "é" * 32_767]
    assert found[2] == ["x" * 32_766 + "…", None, "y"]
    assert [
        "Excel's limit for a text has shortened 3 cells of Rejects; rejects.csv has the whole text."
    ] in summary_rows(path)


def test_the_tables_have_widths_filters_and_print_settings(journal: Journal) -> None:
    """The header stays visible and is printed on every page; columns are as wide as their texts."""
    frame = results({"row": 1, "customer_id": "a", "company_name": "x" * 35, "error": "y" * 300})
    book = opened(write(journal, {"Results": frame}))
    sheet = book["Results"]
    assert sheet.freeze_panes == "C2"
    assert sheet.auto_filter.ref == "A1:V2"
    assert sheet.print_title_rows == "$1:$1"
    assert sheet["A1"].font.bold
    widths = {letter: round(sheet.column_dimensions[letter].width or 0) for letter in "ACQ"}
    assert widths == {"A": 8, "C": 38, "Q": 43}
    for each in book:
        assert each.page_setup.orientation == "landscape"
        assert (each.page_setup.fitToWidth or 1, each.page_setup.fitToHeight) == (1, 0)
    assert book.properties.title == "autumn: results"
    assert not book.properties.creator


@pytest.fixture
def batch(tmp_path: Path) -> Journal:
    """Return a batch with customers in every state and of two platforms."""
    quota = {"quota_limit": "1000", "quota_remaining": "400", "quota_resets_at": "2026-11-24T00:00:00Z"}
    journal = Journal(tmp_path / "=autumn", name="=autumn", **quota)
    journal.source(["tier"])
    journal.rejection(1, customer_id="a")
    journal.customer(2, "b")
    journal.customer(3, "c", state="failed", error_step="company", error_code="400", error="no")
    journal.created(
        4, "00123", extra={"tier": "=1+1"}, company_name="Müller & Söhne", updated_at="2026-11-23T11:00:00Z"
    )
    journal.created(5, "e", state="linked", connection_status="Linked", platform_sent="qhyg")
    journal.created(6, "f", state="complete", connection_status="Linked", updated_at="2026-11-23T11:00:00Z")
    journal.created(7, "g", state="unlinked", connection_status="Unlinked")
    for customer in (4, 6):
        journal.insert("changes", customer=customer, was="pending", now="link_ready", at="2026-11-23T11:00:00Z")
    return journal


def test_the_summary_agrees_with_the_page_and_the_console(batch: Journal) -> None:
    """Words and numbers are the same; shares are percentages."""
    path, figures = write(batch), figures_of(batch)
    found = summary_rows(path)
    assert [row[0] for row in found[:3]] == ["=autumn", narrative.headline(figures), narrative.last_run(figures)]
    assert found[3:6] == [["As of", "2026-11-23 12:00 UTC"], ["Input", "in.csv"], ["Version", "bulk 1"]]
    for row in funnel.states(figures):
        assert [str(row.state), row.rows, pytest.approx(row.share), row.meaning] in found
    for stage in funnel.funnel(figures):
        lost = "; ".join(f"{loss.rows:,} {loss.state}: {loss.meaning}" for loss in stage.losses)
        assert [stage.name, stage.rows, pytest.approx(stage.share), *filter(None, [lost])] in found
    for each in funnel.platforms(figures):
        assert [each.name, *each.reached, pytest.approx(each.authorized / each.customers)] in found
    assert ["Daily limit", 1000] in found
    assert ["Used", 600] in found
    assert ["Left", 400] in found
    assert ["Resets", "2026-11-24 00:00 UTC"] in found
    assert ["Requests to do", figures.requests_to_do] in found
    place = BatchLocation(batch.folder, has_sandbox=False)
    steps = list(advice.next_steps(figures, place))
    assert steps
    for step in steps:
        assert found[found.index([step.title, step.what]) + 1] == [step.why]
    assert not [row for row in found if str(row[0]).startswith("Changes since")]
    shares = [cell for row in opened(path)["Summary"].iter_rows() for cell in row if isinstance(cell.value, float)]
    assert {cell.number_format for cell in shares} == {"0.0%"}


def test_the_summary_warns_of_a_run_without_an_end(batch: Journal) -> None:
    """Its results look more complete than they are."""
    batch.run(finished_at=None, seconds=None)
    (warning,) = [row for row in summary_rows(write(batch)) if str(row[0]).startswith("The last run has not ended:")]
    assert warning == [narrative.unfinished(figures_of(batch))]


def test_a_comparison_adds_the_changes(batch: Journal) -> None:
    """They have the words of the column `change`; without changes the summary says so."""
    since = datetime(2026, 11, 23, 10, 30, tzinfo=UTC)
    expected = funnel.changes(figures_of(batch, since=since))
    found = summary_rows(write(batch, since=since))
    assert expected
    begin = found.index(["Changes since 2026-11-23 10:30 UTC"])
    assert found[begin + 1 : begin + 2 + len(expected)] == [["Change", "Customers"], *map(list, expected)]
    found = summary_rows(write(batch, since=NOON))
    assert found[found.index(["Changes since 2026-11-23 12:00 UTC"]) + 1] == ["Nothing has changed."]


def test_an_empty_batch_has_a_summary(tmp_path: Path) -> None:
    """Missing facts are marked as unknown."""
    journal = Journal(tmp_path / "new")
    with journal.connect() as connection:
        connection.execute("DELETE FROM runs")
    connection.close()
    found = summary_rows(write(journal))
    assert ["This batch has no customers yet."] in found
    assert {"Input", "Version", "Daily limit", "Used", "Left", "Resets"} == {
        row[0] for row in found if row[1:] == ["unknown"]
    }
    assert ["There is nothing to do."] in found


def test_a_folder_whose_name_is_not_utf8_is_shown_with_question_marks(batch: Journal) -> None:
    """Linux allows any bytes in a name; a workbook needs UTF-8."""
    path, place = (
        batch.folder / "results.xlsx",
        BatchLocation(Path(os.fsdecode(b"a\xffb")), has_sandbox=False),
    )
    with Workbook(path) as book:
        book.summary(figures_of(batch), place)
    assert any("a?b" in str(row[-1]) for row in summary_rows(path))


def test_the_funnel_is_a_native_chart(batch: Journal) -> None:
    """It refers to the cells of the table, and has their values for programs that do not calculate."""
    path, stages = write(batch), funnel.funnel(figures_of(batch))
    chart = parts(path)["xl/charts/chart1.xml"].decode()
    names, values = re.findall(r"<c:f>Summary!\$[AB]\$(\d+):\$([AB])\$(\d+)</c:f>", chart)
    sheet = opened(path)["Summary"]
    for (first, column, last), expected in zip((names, values), ("name", "rows"), strict=True):
        found = [sheet[f"{column}{row}"].value for row in range(int(first), int(last) + 1)]
        assert found == [getattr(stage, expected) for stage in stages]
    cached = re.findall(r"<c:v>([^<]*)</c:v>", chart)
    assert cached == ["Rows", *(stage.name for stage in stages), *(str(stage.rows) for stage in stages)]


def test_temporary_files_are_in_the_folder_and_only_the_owner_may_read_them(
    journal: Journal, place: BatchLocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A linkUrl is a credential: XlsxWriter's files are next to the workbook, and are removed."""
    monkeypatch.setattr(tempfile, "tempdir", str(journal.folder / "nowhere"))
    before = set(journal.folder.iterdir())
    umask = os.umask(0o000)
    try:
        with Workbook(journal.folder / "results.xlsx") as book:
            book.sheet("Links").write(texts(link_url=[URL]))
            new = set(journal.folder.rglob("*")) - before
            assert len(new) == 3
            assert {path.stat().st_mode & 0o777 for path in new if path.is_file()} == {0o600}
            assert {path.stat().st_mode & 0o777 for path in new if path.is_dir()} == {0o700}
            book.summary(figures_of(journal), place)
    finally:
        os.umask(umask)
    assert set(journal.folder.iterdir()) - before == {journal.folder / "results.xlsx"}
    assert (journal.folder / "results.xlsx").stat().st_mode & 0o777 == 0o600


def fail(path: Path) -> None:
    """Raise an error in the middle of a workbook."""
    with Workbook(path) as book:
        book.sheet("Links").write(texts(link_url=[URL] * 5000))
        raise ZeroDivisionError


def test_an_error_passes_through_and_leaves_no_temporary_files(tmp_path: Path) -> None:
    """The incomplete workbook is empty."""
    with pytest.raises(ZeroDivisionError):
        fail(tmp_path / "results.xlsx")
    assert [(path.name, path.stat().st_size) for path in tmp_path.iterdir()] == [("results.xlsx", 0)]


@pytest.mark.parametrize(
    "room",
    [
        0,
        500,  # the small files of a workbook do not fit
        5_000,
        50_000,  # the rows do not fit
        121_000,  # a whole sheet does not fit
        125_000,  # the zipped workbook does not fit
    ],
)
def test_a_full_disk_is_a_journal_error_at_any_moment(journal: Journal, room: int) -> None:
    """It may fill up while rows are written or while the workbook is closed; no temporary files stay."""
    path, figures = journal.folder / "results.xlsx", figures_of(journal)
    before = set(journal.folder.iterdir())
    noise = {name: texts(a=[os.urandom(15_000).hex() for _ in range(4)]) for name in ("Rejects", "Partner")}
    message = rf"{re.escape(str(path))} cannot be written \(File too large\).*Make room"
    with room_for(room), pytest.raises(JournalError, match=message):
        fill(path, figures, noise)
    assert set(journal.folder.iterdir()) - before <= {path}
    path.unlink(missing_ok=True)
    fill(path, figures, noise)  # with room, it succeeds
    assert len(opened(path).sheetnames) == 3


def test_a_missing_folder_is_a_journal_error(tmp_path: Path) -> None:
    """It is raised before any row is written."""
    with (
        pytest.raises(JournalError, match="cannot be written"),
        Workbook(tmp_path / "nowhere" / "results.xlsx"),
    ):
        pass


@needs_office
def test_libreoffice_shows_the_values_that_were_written(batch: Journal, tmp_path: Path) -> None:
    """Texts are unchanged, and nothing is calculated."""
    odd = [
        "00123",
        "=1+1",
        "@x",
        "1E5",
        "2026-11-23",
        " a ",
        "two\nlines",
        "_x0041_x0042_",
        "<r>x</r>",
        "12345678901234567890",
    ]
    rejects = texts(**{"=cmd()": [*odd], "Tier": [*odd], "TIER": [*odd]})
    with Reader(batch.path) as reader:
        frame = pl.concat(reader.results())
    path = write(batch, {"Results": frame, "Rejects": rejects})
    every_sheet = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    files = {each.stem.removeprefix("results-"): each for each in convert(path, every_sheet, tmp_path)}
    assert set(files) == {"Summary", "Results", "Rejects"}
    shown = {}
    for name, each in files.items():
        with each.open(encoding="utf-8", newline="") as file:
            shown[name] = list(csv.reader(file))
    assert shown["Results"] == [frame.columns, *([str("" if v is None else v) for v in row] for row in frame.rows())]
    assert shown["Rejects"] == [["=cmd()", "Tier", "TIER"], *([text] * 3 for text in odd)]
    assert shown["Summary"][0][0] == "=autumn"
    row = ["failed", "1", "rejected by Codat or deleted there: see the column error"]
    assert row in [[*cells[:2], cells[3]] for cells in shown["Summary"]]
