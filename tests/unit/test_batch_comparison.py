"""`check --batch` says what `migrate` will find when it enrols the same input."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from bulk.batch_comparison import BatchComparison
from bulk.engine import enrolling
from bulk.errors import BatchError, InputError
from bulk.input import open_input
from bulk.input_check import check
from bulk.journal import customers, database, facts, runs
from bulk.journal.enrolment import ImportDiff
from bulk.reports.rows import Reader

HEADER = "customer_id,company_name,platform,email"
FIRST = ("001,Ash,xero,a@x.example", "2,Birch,qbo,b@x.example", "3,Cedar,xero,", "4,Dogwood,xero,")


class Folder:
    """A folder with inputs and one batch, `autumn`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, *rows: str) -> Path:
        """Write an input."""
        file = self.path / name
        file.write_text("\n".join((HEADER, *rows)) + "\n")
        return file

    def migrate(self, file: Path, *, source: str | None = None) -> ImportDiff:
        """Enrol an input as a run does, and create companies for its customers."""
        with closing(database.open_journal(self.path / "autumn")) as db, database.transaction(db):
            run = runs.begin_run(db, command="migrate", version="", source=None, at="2026-11-28T00:00:00Z")
            facts.put(db, {"name": "autumn"} | ({"source": source} if source else {}))
            diff = enrolling.compare(db, open_input(file), run, facts.get(db, "source"))
            for record in customers.pending(db, begun=False, after=0, most=1000):
                company = {"name_sent": record.name, "company_id": record.customer_id, "state": "link_ready"}
                customers.change(db, record.seq, company)
            return diff

    def compare(self, file: Path, *, max_lines: int = 100) -> BatchComparison:
        """Compare an input with the batch."""
        result = check(file, reports=self.path, batch="autumn", max_lines=max_lines).batch
        assert result is not None
        return result

    def conflicts(self) -> list[tuple[int, str, str]]:
        """Return row, customer_id and found of conflicts.csv."""
        with Reader(self.path / "autumn" / database.FILE) as reader:
            frames = list(reader.conflicts())
        return [line for frame in frames for line in frame.select("row", "customer_id", "found").rows()]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Return a folder with a batch of four customers, who all have a company."""
    folder = Folder(tmp_path)
    folder.migrate(folder.write("first.csv", *FIRST))
    return folder


def numbers(found: BatchComparison) -> ImportDiff:
    """Return the differences as `migrate` reports them."""
    values = (found.new, found.same, found.changed, found.gone, found.rejected, found.in_conflict)
    return ImportDiff(*values, is_another=found.adds_file)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("first.csv", FIRST),  # the same file
        ("copy.csv", FIRST),  # under another name
        ("first.csv", ("001,Ash Ltd,xero,a@x.example", "2,Birch,qbo,b@x.example", "5,Elm,xero,", "6,Fir,,")),  # edited
        ("first.csv", ("1,Ash,xero,a@x.example", "2,Birch,qbo,b@x.example")),  # a spreadsheet has changed it
        ("second.csv", ("2,Texas,xero,t@x.example", "3,Utah,qbo,u@x.example", "5,Elm,xero,", "1,Ash,xero,")),
    ],
)
def test_the_comparison_is_what_migrate_then_reports(folder: Folder, name: str, rows: tuple[str, ...]) -> None:
    """Conflicts have the rows that conflicts.csv will have."""
    file = folder.write(name, *rows)
    found = folder.compare(file)
    shown = found.conflicts.select("row", "customer_id", "found").rows()

    assert folder.migrate(file) == numbers(found)
    assert folder.conflicts() == shown


def test_each_conflict_has_its_kind_and_a_remedy(folder: Folder) -> None:
    """The example is two systems that number their customers in the same way."""
    found = folder.compare(folder.write("second.csv", "2,Texas,xero,t@x.example", "1,Ash,xero,", "5,Elm,xero,"))
    assert found.kinds == {"other_customer": 1, "other_spelling": 1}
    assert (found.new, found.to_do, found.adds_file) == (1, 1, True)
    first = found.conflicts.row(0, named=True)
    assert first["conflict"] == 'already belongs to the customer "Birch" of another file'
    assert (first["company_name"], first["code"]) == ("Texas", "other_customer")
    assert "--accept" in first["remedy"]


def test_the_groups_have_the_rows_of_the_input_as_it_numbers_them(folder: Folder) -> None:
    """A conflict of another file is counted only."""
    second = folder.write("second.csv", "7,Elm,xero,", "2,Texas,xero,t@x.example", "3,Utah,qbo,u@x.example")
    folder.migrate(second)
    (group,) = folder.compare(second).conflict_groups
    assert [(value.value, value.first_rows) for value in group.values] == [("2, Texas", (2,)), ("3, Utah", (3,))]
    first = folder.compare(folder.path / "first.csv")
    assert (first.in_conflict, first.conflict_groups) == (2, ())


def test_conflicts_beyond_the_limit_are_counted_only(folder: Folder) -> None:
    """A result of bounded size is enough for a person."""
    file = folder.write("second.csv", "2,Texas,xero,t@x.example", "3,Utah,qbo,u@x.example")
    found = folder.compare(file, max_lines=1)
    assert (found.conflicts.height, found.in_conflict, found.kinds) == (1, 2, {"other_customer": 2})


def test_the_cost_is_that_of_the_customers_to_do(folder: Folder) -> None:
    """Codat has the others already."""
    result = check(folder.write("first.csv", *FIRST, "5,Elm,xero,"), reports=folder.path, batch="autumn")
    assert (result.accepted, result.to_do, result.has_problems) == (5, 1, False)
    assert result.cost().requests == check(folder.write("one.csv", "5,Elm,xero,")).cost().requests


def test_an_input_with_a_conflict_has_a_problem(folder: Folder) -> None:
    """`check` and `migrate` both exit with 1."""
    second = folder.write("second.csv", "2,Texas,xero,t@x.example")
    assert check(second, reports=folder.path, batch="autumn").has_problems
    assert not check(second).has_problems


def test_a_missing_batch_is_reported_before_the_rows_are_read(folder: Folder) -> None:
    """An input that cannot be opened is reported first, as `migrate` does."""
    with pytest.raises(BatchError, match="has no journal"):
        check(folder.write("bad.csv", "1"), reports=folder.path, batch="winter")
    with pytest.raises(InputError):
        check(folder.path / "none.csv", reports=folder.path, batch="winter")
    assert not (folder.path / "winter").exists()


def test_every_row_is_written_with_what_the_batch_would_do(folder: Folder) -> None:
    """A row in conflict has its reason, and a customer that Codat has needs nothing."""
    rows = ("2,Texas,xero,t@x.example", "1,Ash,xero,", "3,Cedar,xero,", "5,Elm,xero,", "6,Fir,none,")
    output = folder.path / "out.parquet"
    check(folder.write("second.csv", *rows), reports=folder.path, batch="autumn", output=output)
    found = pl.read_parquet(output)
    assert found.select("customer_id", "action").rows() == [
        ("2", "hold"),
        ("1", "hold"),
        ("3", "none"),
        ("5", "send"),
        ("6", "reject"),
    ]
    assert 'already belongs to the customer "Birch" of another file' in found["reasons"][0]
    assert 'is another spelling of "001"' in found["reasons"][1]
    assert found["reasons"].null_count() == 2
