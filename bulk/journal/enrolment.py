"""Enrolment: the rows of an input file become customers and rejections of the batch, by customer_id, in set-based SQL.

What the input says is always taken over; what Codat has (the columns `*_sent`, `company_id`, ...) is never touched
here. Customers of whom nothing was sent disappear with their rows; those whom Codat has, or may have, stay.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bulk.journal import id_spellings
from bulk.model import customer_tag

# The order of the values in a row handed in by the caller.
ACCEPTED = (
    "row",
    "customer_id",
    "company_name",
    "name_sent",
    "platform_key",
    "email",
    "description",
    "extra",
    "corrects",
)
REJECTED = ("row", "customer_id", "company_name", "platform", "email", "extra", "cells", "reasons", "corrects")

# Where a row stands that another file, given earlier, has brought in: one rejected row, taken by nobody else. Where it
# hides behind a customer whom Codat has, only that customer can take it. A statement for each way to find it, the
# surest first; `row`, the number in our own rejects file, says nothing once another customer's row stands there.
FREE = """r.source < ?1 AND NOT EXISTS (SELECT 1 FROM taken WHERE taken.source = r.source AND taken.row = r.row)
    AND NOT EXISTS (SELECT 1 FROM customers c WHERE c.source = r.source AND c.row = r.row AND +c.presence = 'invalid'
                    AND c.customer_id IS NOT t.customer_id)"""
ALONE = """(SELECT count(*) FROM rejected_ids i WHERE i.customer_id = t.customer_id) = 1"""
BY_NUMBER = f"""
    SELECT t.rowid AS id, r.source, r.row FROM {{table}} t CROSS JOIN sources s CROSS JOIN rejections r
    ON r.source = s.id AND r.row = t.corrects - s.shift
    WHERE t.place_row IS NULL AND {FREE}"""  # noqa: S608 - constants
BY_ID = f"""
    SELECT t.rowid AS id, r.source, r.row FROM {{table}} t CROSS JOIN rejected_ids i USING (customer_id)
    CROSS JOIN rejections r ON r.source = i.source AND r.row = i.row
    WHERE t.place_row IS NULL AND {ALONE} AND {FREE}"""  # noqa: S608 - constants
OF_THE_SAME = BY_NUMBER + " AND r.customer_id IS t.customer_id"
# Whose identifier is at fault, or in a cell of another column, has none to compare.
IS_NAMED = """(r.customer_id IS NULL OR r.reasons GLOB 'row *'
    OR '; ' || without_note(r.reasons) GLOB '*; customer_id[ :]*')"""
OF_NOBODY = f"{BY_NUMBER} AND {IS_NAMED}"
ALIKE = f"""
    SELECT id, source, row FROM
        (SELECT rowid AS id, cells, row_number() OVER (PARTITION BY cells ORDER BY rowid) AS nth
         FROM {{table}} WHERE place_row IS NULL)
    JOIN
        (SELECT r.cells, r.source, r.row, row_number() OVER (PARTITION BY r.cells ORDER BY r.source, r.row) AS nth
         FROM rejections r JOIN (SELECT DISTINCT cells, customer_id FROM {{table}}) t USING (cells) WHERE {FREE})
    USING (cells, nth)"""  # noqa: S608 - constants
# The rows whose identifiers a spreadsheet has changed since our rejects file was written, and the identifiers that they
# had: the rejected row is found by its number, or by what a spreadsheet makes of it, or is a customer's by now. Who has
# been told to write another identifier, for any reason but that the row's own stands elsewhere too, has done so. What
# Codat has under the one must not be written back under the other either.
SPOILT = f"""
    SELECT t.rowid AS id, r.source, r.row, r.customer_id AS before, has.seq IS NOT NULL AS is_restored
    FROM {{table}} t CROSS JOIN sources s CROSS JOIN rejections r ON r.source = s.id AND r.row = t.corrects - s.shift
    LEFT JOIN customers has ON has.customer_id = r.customer_id AND is_spoilt(r.customer_id, t.customer_id)
        AND (has.name_sent IS NOT NULL OR has.company_id IS NOT NULL)
    WHERE t.place_row IS NULL AND r.source < ?1
        AND (has.seq IS NOT NULL OR is_spoilt(t.customer_id, r.customer_id) AND (NOT {IS_NAMED}
        OR '; ' || r.reasons GLOB '*; customer_id duplicates row **'
        OR r.reasons GLOB '*customer_id: * is in this batch already*'))
    UNION ALL
    SELECT t.rowid, r.source, r.row, r.customer_id, 0
    FROM {{table}} t CROSS JOIN rejected_ids i ON i.form = t.customer_id
    CROSS JOIN rejections r ON r.source = i.source AND r.row = i.row
    WHERE t.place_row IS NULL AND t.corrects IS NOT NULL AND NOT {IS_NAMED}
        AND NOT EXISTS (SELECT 1 FROM customers c WHERE c.customer_id = t.customer_id)
        AND NOT EXISTS (SELECT 1 FROM rejected_ids k WHERE k.customer_id = t.customer_id)
    UNION ALL
    SELECT t.rowid, NULL, NULL, c.customer_id, 0
    FROM {{table}} t CROSS JOIN sources s CROSS JOIN customers c ON c.source = s.id AND c.row = t.corrects - s.shift
    WHERE t.place_row IS NULL AND c.source < ?1 AND c.presence = 'present' AND is_spoilt(t.customer_id, c.customer_id)
"""  # noqa: S608 - constants
# The customer's own. A place of the gone is no place: others stand there now.
KNOWN = """
    SELECT t.rowid AS id, c.source, c.row FROM {table} t CROSS JOIN customers c USING (customer_id)
    WHERE t.place_row IS NULL AND c.source < ?1 AND c.presence <> 'removed'"""
PLACES = {
    "incoming": (OF_THE_SAME, BY_ID + " AND t.corrects IS NOT NULL", SPOILT, OF_NOBODY, KNOWN, BY_ID),
    "refused": (
        OF_THE_SAME,
        ALIKE,
        BY_ID,
        SPOILT,
        OF_NOBODY,
    ),  # a rejected row is no word of its customer, who stays in place
}


@dataclass(frozen=True, slots=True)
class Source:
    """An input file, as far as the journal cares."""

    path: str
    digest: str
    columns: tuple[str, ...]
    extras: tuple[str, ...]
    fields: Mapping[str, str] = field(default_factory=dict)  # the columns of the fields whose names are others
    mapping: Mapping[str, str] = field(default_factory=dict)  # those of them that were named with --map


@dataclass(frozen=True, slots=True)
class ImportDiff:
    """How the input compares with the batch, in customers; `rejected` in rows."""

    new: int = 0
    same: int = 0
    changed: int = 0
    removed: int = 0
    rejected: int = 0
    is_another: bool = False  # the file is none that the batch knew: it adds to what others have brought in


def known_unchanged(connection: sqlite3.Connection, digest: str) -> ImportDiff | None:
    """Say how the input compares if this very file was enrolled last, without reading a row; else None."""
    row = connection.execute("SELECT id, digest FROM sources ORDER BY id").fetchall()
    if len(row) != 1 or row[0][1] != digest:
        return None
    # Counted around the few who are not there any more, for whom there is an index: it does not read a million rows.
    (customers,) = connection.execute("SELECT count(*) FROM customers").fetchone()
    absent, removed = connection.execute(
        "SELECT count(*), count(*) FILTER (WHERE presence = 'removed') FROM customers WHERE presence <> 'present'"
    ).fetchone()
    (rejected,) = connection.execute("SELECT count(*) FROM rejections").fetchone()
    return ImportDiff(same=customers - absent, removed=removed, rejected=rejected)


class Enrolment:
    """Takes in a file, part by part; `finish` compares. All of it belongs into one transaction."""

    def __init__(self, connection: sqlite3.Connection, source: Source, *, run: int) -> None:
        """Begin to take in a file. The same path or the same bytes as before are the same file, another adds to it."""
        self._db = connection
        self._run = run
        self._file = source
        self._new = self._changed = self._same = self._rows = 0
        self._source: int | None = None
        self._is_same_file = self._is_first = False
        self._newest = 0  # of the customers that the batch had before
        id_spellings.register(connection)
        connection.create_function("customer_tag", 1, customer_tag, deterministic=True)
        connection.execute("DROP TABLE IF EXISTS temp.incoming")
        connection.execute(f"CREATE TEMP TABLE incoming ({', '.join(ACCEPTED)}, place_source, place_row)")
        connection.execute("DROP TABLE IF EXISTS temp.refused")
        connection.execute(f"CREATE TEMP TABLE refused ({', '.join(REJECTED)}, place_source, place_row)")
        connection.execute("CREATE INDEX temp.incoming_by_id ON incoming (customer_id)")
        connection.execute("DROP TABLE IF EXISTS temp.taken")
        connection.execute("CREATE TEMP TABLE taken (source, row, PRIMARY KEY (source, row)) WITHOUT ROWID")
        connection.execute("DROP TABLE IF EXISTS temp.rejected_ids")
        connection.execute("CREATE TEMP TABLE rejected_ids (customer_id, source, row, form)")
        connection.execute("DROP TABLE IF EXISTS temp.lost")
        connection.execute("CREATE TEMP TABLE lost (customer_id PRIMARY KEY, is_sent) WITHOUT ROWID")

    @property
    def _id(self) -> int:
        if self._source is None:
            self._source = self._begin()
        return self._source

    def _begin(self) -> int:
        """Find out whether the batch knows the file.

        Our own rejects file is written anew, in the same place, by every run: mended again, it is another file.
        """
        (is_mended,) = self._db.execute(
            "SELECT EXISTS (SELECT corrects FROM incoming WHERE corrects IS NOT NULL "
            "UNION ALL SELECT corrects FROM refused WHERE corrects IS NOT NULL)"
        ).fetchone()
        file = self._file
        row = self._db.execute(
            "SELECT id FROM sources WHERE digest = ? OR (path = ? AND NOT ?) ORDER BY id LIMIT 1",
            (file.digest, file.path, is_mended),
        ).fetchone()
        values = (file.path, file.digest, *map(json.dumps, (file.columns, file.extras, dict(file.mapping))))
        found = row[0] if row else None
        (self._is_first,) = self._db.execute(
            "SELECT NOT EXISTS (SELECT 1 FROM sources WHERE ?1 IS NULL OR id < ?1)", (found,)
        ).fetchone()
        self._db.execute(
            "INSERT INTO rejected_ids SELECT customer_id, source, row, in_full(customer_id) FROM rejections "
            "WHERE customer_id IS NOT NULL AND (?1 IS NULL OR source < ?1)",
            (found,),
        )
        self._db.execute("CREATE INDEX temp.rejected_by_id ON rejected_ids (customer_id)")
        self._db.execute("CREATE INDEX temp.rejected_by_form ON rejected_ids (form) WHERE form IS NOT NULL")
        (self._newest,) = self._db.execute("SELECT coalesce(max(seq), 0) FROM customers").fetchone()
        if row is None:
            cursor = self._db.execute(
                "INSERT INTO sources (path, digest, columns, extras, mapping, rows, shift) "
                "VALUES (?, ?, ?, ?, ?, 0, 0)",
                values,
            )
            return int(cursor.lastrowid or 0)
        self._is_same_file = True
        self._db.execute(
            "UPDATE sources SET path = ?, digest = ?, columns = ?, extras = ?, mapping = ? WHERE id = ?",
            (*values, row[0]),
        )
        self._db.execute(
            f"INSERT OR IGNORE INTO lost SELECT customer_id, 0 FROM rejections r WHERE source = ? AND NOT {IS_NAMED}",  # noqa: S608 - fixed texts
            (row[0],),
        )
        self._db.execute("DELETE FROM rejections WHERE source = ?", (row[0],))
        return int(row[0])

    def take(self, accepted: Iterable[Sequence[Any]], rejected: Iterable[Sequence[Any]], *, rows: int) -> None:
        """Take in a part of the file, in the order ACCEPTED and REJECTED; `rows`: the last row's number so far."""
        self._rows = max(self._rows, rows)
        self._db.execute("DELETE FROM incoming")
        self._db.execute("DELETE FROM refused")
        for table, columns, values in (("incoming", ACCEPTED, accepted), ("refused", REJECTED, rejected)):
            marks = ", ".join("?" * len(columns))
            self._db.executemany(f"INSERT INTO {table} VALUES ({marks}, NULL, NULL)", values)  # noqa: S608 - fixed texts
        self._place("incoming")
        self._settle_faulty_words()
        self._reject_taken_places()
        self._count()
        self._upsert()
        self._place("refused")
        self._insert_rejections()

    def finish(self) -> ImportDiff:
        """Compare what was taken in with the batch; find who is gone, and give the tally."""
        source = self._id
        if self._is_same_file:
            self._reject_spoilt_ids()
            self._keep_mended()
            self._part_with_the_absent()
        self._db.execute("UPDATE sources SET rows = ? WHERE id = ?", (self._rows, source))
        self._db.execute(
            "UPDATE sources SET shift = (SELECT coalesce(sum(s.rows), 0) FROM sources s WHERE s.id < sources.id)"
        )
        (removed,) = self._db.execute("SELECT count(*) FROM customers WHERE presence = 'removed'").fetchone()
        (rejected,) = self._db.execute("SELECT count(*) FROM rejections").fetchone()
        is_another = not (self._is_same_file or self._is_first)
        return ImportDiff(self._new, self._same, self._changed, removed, rejected, is_another)

    def _place(self, table: str) -> None:
        """Say for which row of the batch's input each row stands: the one it corrects, its customer's, or its own."""
        bound = (self._id,)
        for candidates in () if self._is_first else PLACES[table]:
            if candidates is SPOILT:
                self._reject_spoilt(table)
                continue
            # Of several rows for one place the first has it.
            self._db.execute(
                f"""
                UPDATE {table} SET place_source = p.source, place_row = p.row
                FROM (SELECT min(id) AS id, source, row FROM ({candidates.format(table=table)}) GROUP BY source, row) p
                WHERE {table}.rowid = p.id
                """,  # noqa: S608 - fixed texts
                bound,
            )
            self._db.execute(
                f"INSERT OR IGNORE INTO taken SELECT place_source, place_row FROM {table} WHERE place_row IS NOT NULL"  # noqa: S608 - fixed texts
            )
        self._db.execute(f"UPDATE {table} SET place_source = ?1, place_row = row WHERE place_row IS NULL", bound)  # noqa: S608 - fixed texts

    def _reject_spoilt(self, table: str) -> None:
        """A mended row that a spreadsheet gave another identifier is the rejected row still, with its own cells.

        Where that one is a customer by now, it is a rejected row of that customer.
        """
        self._db.execute("DROP TABLE IF EXISTS temp.spoilt")
        self._db.execute(
            f"CREATE TEMP TABLE spoilt AS SELECT n.*, t.customer_id AS now FROM ({SPOILT.format(table=table)}) n "  # noqa: S608 - fixed texts
            f"JOIN {table} t ON t.rowid = n.id GROUP BY n.id",
            (self._id,),
        )
        if not self._db.execute("SELECT 1 FROM spoilt LIMIT 1").fetchone():
            return
        self._db.execute(
            """
            UPDATE rejections
            SET reasons = CASE without_note(reasons) WHEN '' THEN '' ELSE without_note(reasons) || '; ' END
                || spoilt_note(now, before, is_restored, 0)
            FROM (SELECT source AS s, row AS r, now, before, is_restored, min(id) FROM spoilt GROUP BY source, row)
            WHERE source = s AND row = r
            """
        )
        self._db.execute("INSERT OR IGNORE INTO taken SELECT source, row FROM spoilt WHERE row IS NOT NULL")
        cells = self._cells("t", "before")
        if table == "incoming":
            self._db.execute(
                f"""
                INSERT INTO refused SELECT t.row, n.before, t.company_name, t.platform_key, t.email, t.extra, {cells},
                    spoilt_note(n.now, n.before, 0, 0), t.corrects, NULL, NULL
                FROM spoilt n JOIN incoming t ON t.rowid = n.id WHERE n.row IS NULL
                """  # noqa: S608 - fixed texts
            )
            self._db.execute("DELETE FROM incoming WHERE rowid IN (SELECT id FROM spoilt)")
            return
        self._db.execute(
            """
            UPDATE refused SET customer_id = before, cells = json_patch(cells, json_object(?, before)),
                reasons = reasons || '; ' || spoilt_note(now, before, 0, 0)
            FROM spoilt n WHERE refused.rowid = n.id AND n.row IS NULL
            """,
            (self._column("customer_id"),),
        )
        self._db.execute("DELETE FROM refused WHERE rowid IN (SELECT id FROM spoilt WHERE row IS NOT NULL)")

    def _column(self, name: str) -> str:
        return self._file.fields.get(name, name)

    def _cells(self, table: str, customer_id: str) -> str:
        """Give the expression of the cells of an accepted row under another identifier."""
        values = {
            "customer_id": f"coalesce({customer_id}, '')",
            "company_name": f"{table}.company_name",
            "platform": f"{table}.platform_key",
            "email": f"{table}.email",
            "description": f"{table}.description",
        }
        pairs = ", ".join(f"{_quoted(self._column(name))}, {value}" for name, value in values.items())
        return f"json_patch({table}.extra, json_object({pairs}))"

    def _settle_faulty_words(self) -> None:
        """A good row of a customer settles a faulty one that stands in a file behind the customer's own.

        That faulty row was no customer of its own: the good one, mended or not, is its customer's latest word.
        """
        self._db.execute("DROP TABLE IF EXISTS temp.settled")
        self._db.execute(
            f"""
            CREATE TEMP TABLE settled AS
            SELECT t.rowid AS id, r.source, r.row, r.cells, c.customer_id, c.source AS own_source, c.row AS own_row
            FROM incoming t CROSS JOIN rejected_ids i USING (customer_id)
            CROSS JOIN rejections r ON r.source = i.source AND r.row = i.row
            CROSS JOIN customers c ON c.customer_id = t.customer_id
            WHERE c.presence = 'present' AND c.source < r.source AND NOT {IS_NAMED}
            """  # noqa: S608 - fixed texts
        )
        self._db.execute("INSERT OR IGNORE INTO mended (cells, customer_id) SELECT cells, customer_id FROM settled")
        self._db.execute("DELETE FROM rejections WHERE (source, row) IN (SELECT source, row FROM settled)")
        self._db.execute(
            """
            UPDATE incoming SET place_source = own_source, place_row = own_row FROM settled
            WHERE incoming.rowid = settled.id AND (place_source, place_row) = (settled.source, settled.row)
            """
        )

    def _reject_taken_places(self) -> None:
        """A mended row whose identifier another row of the batch has is still a duplicate."""
        self._db.execute(
            """
            INSERT INTO refused
            SELECT t.row, t.customer_id, t.company_name, t.platform_key, t.email, t.extra,
                   (SELECT r.cells FROM rejections r WHERE r.source = t.place_source AND r.row = t.place_row),
                   'customer_id: ' || t.customer_id || ' is in this batch already; give this row another or drop it',
                   t.corrects, t.place_source, t.place_row
            FROM incoming t JOIN customers c ON c.customer_id = t.customer_id
            JOIN rejections r ON r.source = t.place_source AND r.row = t.place_row
            WHERE t.corrects IS NOT NULL AND c.presence <> 'removed'
                AND (c.source, c.row) <> (t.place_source, t.place_row)
            """
        )
        self._db.execute(
            "DELETE FROM incoming WHERE customer_id IN (SELECT customer_id FROM refused WHERE place_row IS NOT NULL) "
            "AND corrects IS NOT NULL"
        )

    def _count(self) -> None:
        new, same, rows = self._db.execute(
            """
            SELECT count(*) FILTER (WHERE c.seq IS NULL),
                   count(*) FILTER (WHERE c.seq IS NOT NULL AND c.presence <> 'removed'
                       AND c.company_name = t.company_name AND c.platform_key = t.platform_key
                       AND c.email IS t.email AND c.description IS t.description AND c.extra = t.extra),
                   count(*)
            FROM incoming t LEFT JOIN customers c ON c.customer_id = t.customer_id
            """
        ).fetchone()
        self._new += new
        self._same += same
        self._changed += rows - new - same

    def _upsert(self) -> None:
        self._db.execute(
            """
            INSERT OR IGNORE INTO mended (cells, customer_id)
            SELECT r.cells, t.customer_id FROM incoming t
            JOIN rejections r ON r.source = t.place_source AND r.row = t.place_row
            WHERE r.source < ?
            """,
            (self._id,),
        )
        self._db.execute("DELETE FROM rejections WHERE (source, row) IN (SELECT place_source, place_row FROM incoming)")
        # A failed customer is asked for again when what is sent for it has changed.
        self._db.execute(
            """
            INSERT INTO customers (source, row, enrolment, customer_id, tag, company_name, name, platform_key, email,
                                   description, extra)
            SELECT place_source, place_row, ?, customer_id, customer_tag(customer_id), company_name, name_sent,
                   platform_key, email, description, extra
            FROM incoming WHERE true ORDER BY rowid
            ON CONFLICT (customer_id) DO UPDATE SET
                source = excluded.source, row = excluded.row, enrolment = excluded.enrolment, presence = 'present',
                state = CASE WHEN state = 'failed' AND (name <> excluded.name OR platform_key <> excluded.platform_key
                             OR description IS NOT excluded.description) THEN 'pending' ELSE state END,
                company_name = excluded.company_name, name = excluded.name, platform_key = excluded.platform_key,
                email = excluded.email, description = excluded.description, extra = excluded.extra
            """,
            (self._run,),
        )

    def _reject_spoilt_ids(self) -> None:
        """Who is new where somebody is absent, and a spreadsheet has made the one of the other, is no new customer.

        The row is rejected with the identifier that it had, so that it is a faulty row of the customer who had it.
        Where it may have been one of several, it has none. A customer of whom nothing was sent may get the zeros back.
        """
        source, run, newest = self._id, self._run, self._newest
        self._db.execute("DROP TABLE IF EXISTS temp.fresh")
        self._db.execute(
            f"""
            CREATE TEMP TABLE fresh AS
            SELECT customer_id FROM customers WHERE seq > ?2 AND source = ?1
            UNION
            SELECT customer_id FROM rejections r WHERE source = ?1 AND NOT {IS_NAMED}
                AND NOT EXISTS (SELECT 1 FROM customers c WHERE c.customer_id = r.customer_id)
                AND NOT EXISTS (SELECT 1 FROM lost l WHERE l.customer_id = r.customer_id)
            """,  # noqa: S608 - fixed texts
            (source, newest),
        )
        if not self._db.execute("SELECT 1 FROM fresh LIMIT 1").fetchone():
            return
        self._db.execute(
            "DELETE FROM lost WHERE customer_id IN (SELECT customer_id FROM rejections WHERE source = ?) "
            "OR customer_id IN (SELECT customer_id FROM customers)",
            (source,),
        )
        self._db.execute(
            """
            INSERT INTO lost SELECT customer_id, name_sent IS NOT NULL OR company_id IS NOT NULL FROM customers c
            WHERE source = ?1 AND enrolment <> ?2
                AND NOT EXISTS (SELECT 1 FROM rejections r WHERE r.source = ?1 AND r.row = c.row
                                AND r.customer_id = c.customer_id)
            """,
            (source, run),
        )
        self._db.execute("DROP TABLE IF EXISTS temp.forms")
        self._db.execute(
            """
            CREATE TEMP TABLE forms AS
            SELECT in_full(customer_id) AS now, customer_id AS before, 0 AS is_restored FROM lost
            UNION ALL SELECT in_short(customer_id), customer_id, 0 FROM lost
            UNION ALL SELECT f.customer_id, l.customer_id, 1 FROM fresh f CROSS JOIN lost l
                ON l.customer_id = in_full(f.customer_id) WHERE l.is_sent
            """
        )
        self._db.execute("DROP TABLE IF EXISTS temp.spoilt")
        self._db.execute(
            """
            CREATE TEMP TABLE spoilt AS
            SELECT now, min(before) AS first, CASE count(*) WHEN 1 THEN min(before) END AS before,
                   min(is_restored) AS is_restored, count(*) - 1 AS others
            FROM forms JOIN fresh ON fresh.customer_id = now GROUP BY now
            """
        )
        self._db.execute("CREATE INDEX temp.spoilt_now ON spoilt (now)")
        text = "spoilt_note(now, first, is_restored, others)"
        rejected = self._db.execute(
            f"""
            INSERT INTO rejections (source, row, customer_id, company_name, platform, email, extra, cells, reasons)
            SELECT c.source, c.row, before, c.company_name, c.platform_key, c.email, c.extra,
                   {self._cells("c", "before")}, {text}
            FROM spoilt CROSS JOIN customers c ON c.customer_id = now
            """  # noqa: S608 - fixed texts
        )
        self._new -= rejected.rowcount
        self._db.execute("DELETE FROM customers WHERE customer_id IN (SELECT now FROM spoilt)")
        self._db.execute(
            f"""
            UPDATE rejections AS r SET customer_id = before, reasons = r.reasons || '; ' || {text},
                cells = json_patch(cells, json_object(?2, coalesce(before, '')))
            FROM spoilt WHERE r.source = ?1 AND r.customer_id = now AND NOT {IS_NAMED}
            """,  # noqa: S608 - fixed texts
            (source, self._column("customer_id")),
        )

    def _keep_mended(self) -> None:
        """A faulty row that came back mended in another file stands for the customer it became.

        Of faulty rows that are alike, each stands for another one; of several that one customer came from, one does,
        and the others are faulty still. Whose place is in an earlier file keeps it.
        """
        self._db.execute("DROP TABLE IF EXISTS temp.kept")
        self._db.execute(
            """
            CREATE TEMP TABLE kept AS
            SELECT customer_id, source, row FROM (
                SELECT m.customer_id, m.source, r.row, row_number() OVER (
                    PARTITION BY m.customer_id ORDER BY r.customer_id IS NOT m.customer_id, r.row) AS choice
                FROM
                    (SELECT cells, row, customer_id, row_number() OVER (PARTITION BY cells ORDER BY row) AS nth
                     FROM rejections WHERE source = ?1 AND cells IN (SELECT cells FROM mended)) r
                JOIN
                    (SELECT cells, customer_id, source,
                            row_number() OVER (PARTITION BY cells ORDER BY presence = 'removed', seq) AS nth
                     FROM mended JOIN customers USING (customer_id) WHERE source < ?1 OR enrolment <> ?2) m
                USING (cells, nth))
            WHERE choice = 1
            """,
            (self._id, self._run),
        )
        kept = self._db.execute(
            "UPDATE customers SET source = ?1, row = kept.row, enrolment = ?2, presence = 'present' FROM kept "
            "WHERE customers.customer_id = kept.customer_id AND kept.source >= ?1",
            (self._id, self._run),
        )
        self._same += kept.rowcount
        self._db.execute("DELETE FROM rejections WHERE source = ? AND row IN (SELECT row FROM kept)", (self._id,))

    def _insert_rejections(self) -> None:
        self._db.execute(
            """
            INSERT INTO rejections (source, row, customer_id, company_name, platform, email, extra, cells, reasons)
            SELECT place_source, place_row, customer_id, company_name, platform, email, extra, cells, reasons
            FROM refused WHERE true
            ON CONFLICT (source, row) DO UPDATE SET
                customer_id = excluded.customer_id, company_name = excluded.company_name, platform = excluded.platform,
                email = excluded.email, extra = excluded.extra, cells = excluded.cells, reasons = excluded.reasons
            """
        )

    def _part_with_the_absent(self) -> None:
        """Deal with the customers of this file whom it no longer has, or has in a faulty row."""
        absent = "source = ? AND enrolment <> ?"
        source = self._id
        bound = (source, self._run)
        self._db.execute(f"DELETE FROM customers WHERE {absent} AND name_sent IS NULL AND company_id IS NULL", bound)  # noqa: S608 - fixed texts
        self._db.execute(f"UPDATE customers SET presence = 'removed' WHERE {absent}", bound)  # noqa: S608 - fixed texts
        self._db.execute(
            """
            UPDATE customers SET presence = 'invalid', row = t.row
            FROM (SELECT customer_id, min(row) AS row FROM rejections WHERE source = ? GROUP BY customer_id) t
            WHERE customers.customer_id = t.customer_id AND presence = 'removed' AND source = ?
            """,
            (source, source),
        )
        self._db.execute(
            "UPDATE rejections SET hidden = 1 WHERE source = ? AND EXISTS (SELECT 1 FROM customers c WHERE "
            "c.presence = 'invalid' AND c.source = rejections.source AND c.row = rejections.row)",
            (source,),
        )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def note(connection: sqlite3.Connection, run: int, tally: ImportDiff) -> None:
    """Write down how a run's input compares."""
    connection.execute(
        "UPDATE runs SET rows_new = ?, rows_same = ?, rows_changed = ?, rows_removed = ? WHERE id = ?",
        (tally.new, tally.same, tally.changed, tally.removed, run),
    )
