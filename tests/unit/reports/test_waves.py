"""The files of the waves, and their figures."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from bulk.errors import JournalError
from bulk.model import State
from bulk.reports.columns import LINKS
from bulk.reports.figures import Wave
from bulk.reports.figures_reader import read_figures
from bulk.reports.rows import Reader
from bulk.reports.summary import waves
from bulk.reports.write import write_reports

from .csv_files import cells
from .journals import NOON, Journal
from .sample_figures import figures, wave

ISSUED = "2026-11-23T10:00:00Z"


def issued(journal: Journal, row: int, customer_id: str, number: int, **values: object) -> None:
    """Add a customer with a linkUrl of a wave, which is added if it is new. Some values are those of the linkUrl."""
    of_link = {name: values.pop(name) for name in ("emailed_at", "attempted") if name in values}
    journal.created(row, customer_id, **({"link_wave": number, "first_issued_at": ISSUED} | values))
    with closing(journal.connect()) as connection, connection:
        if connection.execute("INSERT OR IGNORE INTO waves (n, begun_at) VALUES (?, ?)", (number, ISSUED)).rowcount:
            connection.execute("UPDATE waves SET closed_at = ?, is_written = 1 WHERE n < ?", (ISSUED, number))
    journal.insert("links", wave=number, customer=row, **of_link)


def files(journal: Journal) -> dict[str, list[str]]:
    """Return the customers in each file of a wave."""
    folder = journal.folder / "waves"
    paths = sorted(folder.iterdir()) if folder.exists() else []
    return {path.name: [row[0] for row in cells(path)[1:]] for path in paths}


def test_a_wave_has_the_rows_of_links_csv_and_is_private(journal: Journal) -> None:
    """The input's other columns are there too, for a mail merge."""
    journal.source(["tier", "wave"])
    issued(journal, 1, "a", 1, email="a@example.com", extra={"tier": "gold", "wave": "x"})
    issued(journal, 2, "b", 1, link_issued_at="2026-11-23T11:00:00Z")
    written = write_reports(journal.folder, now=NOON)
    path = journal.folder / "waves" / "1.csv"
    header, *rows = cells(path)
    assert header == [*LINKS, "tier", "wave (input)"]
    assert [row[0] for row in rows] == ["b", "a"]
    assert rows[1][5:] == ["2026-11-24T10:00:00Z", "1", ISSUED, "gold", "x"]
    assert path.read_bytes() == (journal.folder / "links.csv").read_bytes()
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert path in written.paths
    assert written.wave is not None
    assert (written.wave.number, written.wave.issued, written.wave.usable) == (1, 2, 2)


def test_a_report_without_a_new_link_makes_no_wave(journal: Journal) -> None:
    """The files of the earlier ones stay the same."""
    journal.source()
    assert write_reports(journal.folder, now=NOON).wave is None
    assert files(journal) == {}
    issued(journal, 1, "a", 1)
    assert write_reports(journal.folder, now=NOON).wave is not None
    before = (journal.folder / "waves" / "1.csv").read_bytes()
    assert write_reports(journal.folder, now=NOON).wave is None
    assert (journal.folder / "waves" / "1.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("values", "left"),
    [
        ({}, True),
        ({"link_issued_at": "2026-11-22T10:00:00Z"}, False),  # expired
        ({"link_issued_at": "2026-11-22T10:00:00Z", "link_url": "https://x.example/start"}, True),  # never expires
        ({"state": "linked"}, False),  # used
        ({"state": "unlinked"}, False),
        ({"presence": "removed"}, False),
        ({"link_url": None}, False),  # its renewal was interrupted
        ({"link_wave": 2}, False),  # renewed later: it is in the file of wave 2
    ],
)
def test_a_wave_lists_the_links_that_are_still_valid(journal: Journal, values: dict[str, object], left: bool) -> None:
    """A person who emails an old wave sends no link that is dead."""
    journal.source()
    issued(journal, 1, "a", 1, **values)
    issued(journal, 2, "b", 1)
    if values.get("link_wave") == 2:
        issued(journal, 3, "c", 2)
    write_reports(journal.folder, now=NOON)
    assert files(journal)["1.csv"] == (["a", "b"] if left else ["b"])
    if "link_wave" in values:
        assert files(journal)["2.csv"] == ["a", "c"]


def test_a_wave_without_a_valid_link_has_no_file(journal: Journal) -> None:
    """Files of waves that the journal does not know disappear too: the journal was lost. Other files stay."""
    journal.source()
    issued(journal, 1, "a", 1)
    issued(journal, 2, "b", 2, link_issued_at="2026-11-23T11:59:00Z")
    write_reports(journal.folder, now=NOON)
    assert files(journal) == {"1.csv": ["a"], "2.csv": ["b"]}
    for name in ("7.csv", "mine.csv", "08.csv"):
        (journal.folder / "waves" / name).write_text("customer_id\nx\n")
    write_reports(journal.folder, now=NOON + timedelta(hours=23))
    assert files(journal) == {"08.csv": ["x"], "2.csv": ["b"], "mine.csv": ["x"]}


def test_links_that_are_issued_during_a_report_belong_to_the_next_one(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their wave is still open, so it has no file that would be incomplete."""
    journal.source()
    issued(journal, 1, "a", 1)

    def after_another_link(path: Path) -> Reader:
        issued(journal, 2, "b", 2)
        return Reader(path)

    monkeypatch.setattr("bulk.reports.write.Reader", after_another_link)  # the moment between closing and reading
    write_reports(journal.folder, now=NOON)
    assert files(journal) == {"1.csv": ["a"]}
    monkeypatch.undo()
    written = write_reports(journal.folder, now=NOON)
    assert files(journal) == {"1.csv": ["a"], "2.csv": ["b"]}
    assert written.wave is not None
    assert written.wave.number == 2


def test_a_report_that_failed_is_written_again_as_the_same_wave(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the links that were issued since, too: no command has printed the first file."""
    journal.source()
    issued(journal, 1, "a", 1)

    def fail(*_: object, **__: object) -> None:
        raise JournalError("the disk is full")

    monkeypatch.setattr("bulk.reports.write.publish", fail)  # a disk that fails at this moment
    with pytest.raises(JournalError):
        write_reports(journal.folder, now=NOON)
    monkeypatch.undo()
    journal.insert("waves", n=2, begun_at=ISSUED)
    issued(journal, 2, "b", 2)
    written = write_reports(journal.folder, now=NOON)
    assert files(journal) == {"1.csv": ["a", "b"]}
    assert written.wave is not None
    assert (written.wave.number, written.wave.issued) == (1, 2)


def test_a_batch_may_be_called_waves(tmp_path: Path) -> None:
    """A message still names its folder."""
    journal = Journal(tmp_path / "waves")
    journal.source()
    issued(journal, 1, "a", 1)
    (journal.folder / "waves").write_text("in the way")
    with pytest.raises(JournalError, match=f"bulk report {journal.folder}$"):
        write_reports(journal.folder, now=NOON)


def test_the_figures_of_a_wave(journal: Journal) -> None:
    """A customer who has linked did so with the last linkUrl."""
    journal.source()
    issued(journal, 1, "a", 1, state="linked", emailed_at="2026-11-23T10:30:00Z")
    issued(journal, 2, "b", 1, state="complete", emailed_at="2026-11-23T10:20:00Z", attempted=1)
    issued(journal, 3, "c", 1, link_wave=2, attempted=1)
    journal.insert("links", wave=2, customer=3)
    issued(journal, 4, "d", 2, link_issued_at="2026-11-23T11:00:00Z", email="d@example.com")
    issued(journal, 5, "e", 2, state="unlinked")
    write_reports(journal.folder, now=NOON)
    with Reader(journal.path) as reader:
        found = read_figures(reader, at=NOON)
    assert found.waves == (
        Wave(1, ISSUED, 3, 2, "2026-11-23T10:20:00Z", 2, 2, 0, None),
        Wave(2, ISSUED, 3, 0, None, 0, 0, 2, "2026-11-24T10:00:00Z", without_address=1),
    )
    assert (found.links.usable, found.links.next_expiry) == (2, "2026-11-24T10:00:00Z")
    assert {group.state: group.customers for group in found.groups} == {
        State.LINKED: 1,
        State.COMPLETE: 1,
        State.LINK_READY: 2,
        State.UNLINKED: 1,
    }


@pytest.mark.parametrize(
    ("issued_at", "days"),
    [
        ("2026-11-23T12:00:00Z", "0"),
        ("2026-11-22T12:00:01Z", "0"),
        ("2026-11-22T12:00:00Z", "1"),
        ("2026-10-04T12:00:00Z", "50"),
        ("2026-11-24T12:00:00Z", "0"),  # a clock that was set back
    ],
)
def test_the_days_since_are_whole_days(issued_at: str, days: str) -> None:
    """They are empty for a wave that nobody was recorded to have been emailed."""
    known = Wave(3, issued_at, 5_000, 0, None, 7, 1_200, 0, None)
    (row,) = waves.waves(figures(waves=(known,)))
    assert row.cells == ("3", "5,000", days, "0", "", "7", "1,200")


def test_the_last_wave_comes_first() -> None:
    """It is the one that people ask about."""
    known = figures(waves=(wave(1, usable=0), wave(2, usable=5, emailed=5)))
    assert [row.number for row in waves.waves(known)] == [2, 1]
    assert waves.to_email(known) == ()
    assert waves.waves(known)[0].cells[3:5] == ("5", "0")
