"""A journal of an older version is read as it is, and brought up to date once something is written."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from bulk.errors import BatchError
from bulk.journal import customers, database
from bulk.reports import write_reports
from bulk.reports.rows import Reader

SCHEMAS = {version: Path(__file__).with_name(f"schema-{version}.sql") for version in (1, 2, 3)}
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NEW = (("customers", "company_batch", None), ("customers", "deleted_id", None), ("sources", "mapping", "{}"))
TABLES = ("batch", "sources", "customers", "rejections", "mended", "runs", "requests")


@pytest.fixture(params=SCHEMAS)
def older(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A folder with a journal that an older version has left, with something in every table of the first one."""
    version = int(request.param)
    folder = tmp_path / "autumn"
    folder.mkdir(mode=0o700)
    with closing(sqlite3.connect(folder / database.FILE)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(SCHEMAS[version].read_text("utf-8"))
        db.execute(f"PRAGMA user_version = {version}")
        db.executescript(
            """
            INSERT INTO batch VALUES ('name', 'autumn'), ('swept_at', '1790000000.0'), ('link_lifetime', '86400');
            INSERT INTO sources (id, path, digest, columns, extras, rows, shift)
            VALUES (1, 'in.csv', 'd', '["customer_id"]', '[]', 3, 0);
            INSERT INTO customers (source, row, enrolment, customer_id, tag, company_name, name, platform_key, extra,
                                   name_sent, platform_sent, state, company_id, company_origin, connection_id,
                                   connection_status, link_url, link_issued_at, updated_at)
            VALUES (1, 1, 1, 'a', 'ta', 'A', 'A', 'gbol', '{}', 'A', 'gbol', 'link_ready', 'ca', 'created', 'na',
                    'PendingAuth', 'https://link.example.com/a', '2026-11-23T10:00:00Z', '2026-11-23T10:00:00Z'),
                   (1, 2, 1, 'b', 'tb', 'B', 'B', 'gbol', '{}', 'B', NULL, 'pending', 'cb', 'taken_over', NULL,
                    NULL, NULL, NULL, '2026-11-23T10:00:00Z');
            INSERT INTO rejections VALUES (1, 3, 'c', 'C', 'x', NULL, '{}', '{"customer_id": "c"}', 'platform', 0);
            INSERT INTO mended VALUES ('{}', 'a');
            INSERT INTO runs (command, version, input, started_at) VALUES ('migrate', '1', 'in.csv', '2026-11-23');
            INSERT INTO requests (run, customer, step, operation, key, body, sent_at, outcome)
            VALUES (1, 2, 'connection', 'create_connection', 'k', '{}', 1790000000.0, NULL);
            """
        )
        if version >= 3:
            db.execute("INSERT INTO changes VALUES (1, 1, 1, '2026-11-23T10:00:00Z', 'pending', 'link_ready')")
    return folder


def shape(db: sqlite3.Connection) -> dict[str, object]:
    """Give tables, their columns, indexes and triggers; the order of columns aside, since names are what is used."""
    tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")]
    found: dict[str, object] = {}
    for table in tables:
        found[table] = sorted(row[1:] for row in db.execute(f"PRAGMA table_info({table})"))
        (found[f"{table} without rowid"],) = db.execute(
            "SELECT sql LIKE '%WITHOUT ROWID%' FROM sqlite_schema WHERE name = ?", (table,)
        ).fetchone()
    others = db.execute("SELECT name, sql FROM sqlite_schema WHERE type IN ('index', 'trigger') AND sql IS NOT NULL")
    return found | {name: " ".join(sql.split()) for name, sql in others}


def contents(db: sqlite3.Connection) -> dict[str, list[dict[str, object]]]:
    """Give all rows of the first version's tables, by the names of their columns."""
    db.row_factory = sqlite3.Row
    rows = {table: [dict(row) for row in db.execute(f"SELECT * FROM {table}")] for table in TABLES}  # noqa: S608 - fixed texts
    db.row_factory = None
    return rows


def test_a_journal_of_an_older_version_becomes_one_like_any_other(older: Path, tmp_path: Path) -> None:
    """The same tables, columns, indexes and triggers as in a new one."""
    with closing(database.open_journal(older)) as old, closing(database.open_journal(tmp_path / "new")) as new:
        assert shape(old) == shape(new)
        assert old.execute("PRAGMA user_version").fetchone() == new.execute("PRAGMA user_version").fetchone()


def test_nothing_is_lost_when_a_journal_is_brought_up_to_date(older: Path) -> None:
    """What was known stays known; what is new is empty."""
    with closing(sqlite3.connect(older / database.FILE)) as db:
        before = contents(db)
    for _ in range(2):  # the second time there is nothing to do
        with closing(database.open_journal(older)) as db:
            after = contents(db)
            for rows, name, value in NEW:
                for row in after[rows] if name not in before[rows][0] else ():
                    assert row.pop(name) == value
            assert after == before
            (entry,) = customers.customers(db, begun=True, after=0, most=9)
            assert (entry.customer_id, [ask.outcome for ask in entry.history]) == ("b", [None])


def test_an_upgrade_that_breaks_off_leaves_the_journal_as_it_was(older: Path) -> None:
    """All of it or nothing, so that it can be tried again."""
    with closing(sqlite3.connect(older / database.FILE)) as db, db:
        db.execute("ALTER TABLE customers ADD COLUMN deleted_id")  # the last thing that is made
    with closing(sqlite3.connect(older / database.FILE)) as db:
        before = shape(db), db.execute("PRAGMA user_version").fetchone()
    with pytest.raises(Exception, match="deleted_id"):
        database.open_journal(older)
    with closing(sqlite3.connect(older / database.FILE)) as db:
        assert (shape(db), db.execute("PRAGMA user_version").fetchone()) == before


def test_reports_of_a_journal_of_an_older_version_are_written_without_changing_it(older: Path) -> None:
    """`bulk report` sends nothing, and writes nothing into a journal."""
    with closing(sqlite3.connect(older / database.FILE)) as db:
        before = shape(db), contents(db), db.execute("PRAGMA user_version").fetchone()
    written = write_reports(older, now=NOON)
    assert written.figures.summary.customers["link_ready"] == written.figures.summary.customers["rejected"] == 1
    assert pl.read_csv(older / "partner.csv")["customer_id"].to_list() == ["a", "b"]
    assert not (older / "verify.csv").exists()
    assert json.loads((older / "summary.json").read_text())["rows"] == {"new": 0, "same": 0, "changed": 0, "gone": 0}
    with Reader(older / database.FILE) as reader:
        assert reader.created(nobodys=True)["customer_id"].to_list() == ["a"]
    with closing(sqlite3.connect(older / database.FILE)) as db:
        assert (shape(db), contents(db), db.execute("PRAGMA user_version").fetchone()) == before


@pytest.mark.parametrize("version", [-1, database.SCHEMA_VERSION + 1])
def test_a_journal_of_no_known_version_is_neither_read_nor_upgraded(older: Path, version: int) -> None:
    """Not guessed at."""
    with closing(sqlite3.connect(older / database.FILE)) as db, db:
        db.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(BatchError):
        database.open_journal(older)
    with pytest.raises(BatchError):
        write_reports(older, now=NOON)


def test_when_somebody_came_into_a_state_is_known_as_nearly_as_it_was_written_down(older: Path) -> None:
    """An older journal has only the last change of a row; brought up to date, it says the same of that."""
    for _ in range(2):
        for since, changes in (
            ("2026-11-23T09:59:59+00:00", ["newly_link_ready", None]),
            ("2026-11-23T10:00:00+00:00", [None] * 2),
        ):
            with Reader(older / database.FILE) as reader:
                results = pl.concat(reader.results(since=datetime.fromisoformat(since)))
            assert results.filter(pl.col("state") != "rejected")["change"].to_list() == changes
        database.open_journal(older).close()
