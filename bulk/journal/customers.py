"""The journal's customers: what a run reads to go on, and how a customer changes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from bulk.journal.attempts import attempts_of
from bulk.model import Attempt, CustomerRecord, State

CHANGEABLE = frozenset(
    (
        *("name_sent", "platform_sent", "description_sent", "state", "updated_at"),
        *(
            "company_id",
            "company_origin",
            "company_batch",
            "deleted_id",
            "knows_connections",
            "connection_id",
            "connection_status",
            "link_url",
            "link_issued_at",
        ),
        *("partner_connection_id", "partner_status", "error_step", "error_code", "error", "correlation_id"),
    )
)


def change(connection: sqlite3.Connection, seq: int, changes: Mapping[str, object], *, attempts: int = 0) -> None:
    """Write down what is new about a customer, and how many requests it took."""
    unknown = changes.keys() - CHANGEABLE
    if unknown:
        raise ValueError(f"not columns to change: {sorted(unknown)}")
    columns = "".join(f", {column} = ?" for column in changes)
    connection.execute(
        f"UPDATE customers SET attempts = attempts + ?{columns} WHERE seq = ?",  # noqa: S608 - columns are checked above
        (attempts, *changes.values(), seq),
    )


def dismiss(connection: sqlite3.Connection, seq: int) -> None:
    """Forget a customer who is no longer in the input and whom Codat turned out not to have."""
    connection.execute(
        "UPDATE rejections SET hidden = 0 WHERE (source, row) IN "
        "(SELECT source, row FROM customers WHERE seq = ? AND presence = 'invalid')",
        (seq,),
    )
    connection.execute("DELETE FROM customers WHERE seq = ?", (seq,))


ENTRY = """
    SELECT seq, customer_id, name, platform_key, description, presence = 'present', name_sent, company_id,
           connection_id, connection_status, link_url, knows_connections, partner_connection_id, partner_status, state,
           company_origin IS NOT 'missing', link_issued_at, deleted_id
    FROM customers
"""


def customers(
    connection: sqlite3.Connection, *, begun: bool, after: int, most: int, limit: int | None = None
) -> list[CustomerRecord]:
    """Read the next customers in work, in the order of enrolment.

    `begun`: those for whom something was sent already, whatever became of them; otherwise those untouched.
    `limit`: only the first so many customers of the input.
    """
    which = "name_sent IS NOT NULL" if begun else "name_sent IS NULL AND presence = 'present'"
    within, bound = _first(connection, limit)
    rows = connection.execute(
        f"{ENTRY} WHERE state = 'pending' AND {which} AND seq > ?{within} ORDER BY seq LIMIT ?",
        (after, *bound, most),
    ).fetchall()
    # What was asked counts even for the untouched: a look-up that found nothing makes a customer untouched again.
    found = attempts_of(connection, [row[0] for row in rows])
    return [_entry(row, tuple(found[row[0]])) for row in rows]


IN_WORK = "(presence = 'present' OR name_sent IS NOT NULL)"


def count_pending(connection: sqlite3.Connection, *, limit: int | None = None) -> int:
    """Count the customers in work."""
    within, bound = _first(connection, limit)
    row = connection.execute(
        f"SELECT count(*) FROM customers WHERE state = 'pending' AND {IN_WORK}{within}",  # noqa: S608 - fixed texts
        bound,
    ).fetchone()
    return int(row[0])


def count_in_work_or_done(connection: sqlite3.Connection) -> int:
    """Count the customers of the batch, but for those who are gone from the input and of whom nothing was sent."""
    # Counted around the few who are not in the input any more: it does not read a million rows.
    row = connection.execute(
        "SELECT (SELECT count(*) FROM customers) - "
        "(SELECT count(*) FROM customers WHERE presence <> 'present' AND name_sent IS NULL)"
    ).fetchone()
    return int(row[0])


def count_doubtful(connection: sqlite3.Connection) -> tuple[int, float]:
    """Count the customers whose last request may have been done, and say when the newest of those left.

    Whose company was shown by a list since is none of them, though nothing more may have been asked for it.
    """
    row = connection.execute(
        """
        SELECT count(*), coalesce(max(sent_at), 0) FROM (
            SELECT r.outcome, r.sent_at, r.step = 'company' AND c.company_id IS NOT NULL AS is_known, max(r.id)
            FROM customers c JOIN requests r ON r.customer = c.seq
            WHERE c.state = 'pending' AND c.name_sent IS NOT NULL GROUP BY c.seq
        ) WHERE (outcome IS NULL OR outcome IN ('unknown', 'server_error')) AND NOT is_known
        """
    ).fetchone()
    return int(row[0]), float(row[1])


def note_strangers(connection: sqlite3.Connection, tags: Iterable[str]) -> None:
    """Remember customers, by their tags, whom the journal does not know."""
    connection.executemany("INSERT OR IGNORE INTO strangers (tag) VALUES (?)", [(tag,) for tag in tags])


def has_strangers_to_do(connection: sqlite3.Connection) -> bool:
    """Whether customers of whom nothing was sent may have companies that a list has shown before."""
    (answer,) = connection.execute(
        "SELECT EXISTS (SELECT 1 FROM strangers CROSS JOIN customers USING (tag) "
        "WHERE state = 'pending' AND name_sent IS NULL AND presence = 'present')"
    ).fetchone()
    return bool(answer)


def select(connection: sqlite3.Connection, query: str, values: Mapping[str, object]) -> int:
    """Keep who is to be worked on, in order, for `chosen`; `query` selects `seq`. Gives their number."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS chosen (n INTEGER PRIMARY KEY, seq INTEGER NOT NULL)")
    connection.execute("DELETE FROM temp.chosen")
    return connection.execute(f"INSERT INTO temp.chosen (seq) {query}", values).rowcount


def selected(connection: sqlite3.Connection, *, after: int, most: int) -> tuple[list[CustomerRecord], int]:
    """Read the next of those chosen, and the place of the last of them; nobody at the end."""
    rows = connection.execute(
        f"SELECT n, entries.* FROM temp.chosen CROSS JOIN ({ENTRY}) entries USING (seq) "  # noqa: S608 - fixed texts
        "WHERE n > ? ORDER BY n LIMIT ?",
        (after, most),
    ).fetchall()
    found = attempts_of(connection, [row[1] for row in rows])
    return [_entry(row[1:], tuple(found[row[1]])) for row in rows], rows[-1][0] if rows else after


def find_by_tags(
    connection: sqlite3.Connection, tags: Iterable[str], customer_ids: Iterable[str]
) -> list[CustomerRecord]:
    """Read the customers, done or not, whose companies carry these tags or these identifiers."""
    found: dict[int, CustomerRecord] = {}
    for column, values in (("tag", tags), ("customer_id", customer_ids)):
        for part in _parts(values):
            marks = ",".join("?" * len(part))
            for row in connection.execute(f"{ENTRY} WHERE {column} IN ({marks})", part):
                found[row[0]] = _entry(row, ())
    return list(found.values())


def customer(connection: sqlite3.Connection, seq: int) -> CustomerRecord | None:
    """Read one customer, without what was asked for it."""
    row = connection.execute(f"{ENTRY} WHERE seq = ?", (seq,)).fetchone()
    return None if row is None else _entry(row, ())


def find_by_companies(connection: sqlite3.Connection, company_ids: Iterable[str]) -> list[CustomerRecord]:
    """Read the customers who have these companies; `index_companies` comes first."""
    found = []
    for part in _parts(company_ids):
        marks = ",".join("?" * len(part))
        where = f"seq IN (SELECT seq FROM temp.companies WHERE company_id IN ({marks}))"  # noqa: S608 - marks only
        found += [_entry(row, ()) for row in connection.execute(f"{ENTRY} WHERE {where}", part)]
    return found


def find_by_company(connection: sqlite3.Connection, company_id: str) -> CustomerRecord | None:
    """Read the customer who has this company. Goes through all of them: for the rare one without tags."""
    row = connection.execute(f"{ENTRY} WHERE company_id = ?", (company_id,)).fetchone()
    return None if row is None else _entry(row, ())


def index_companies(connection: sqlite3.Connection) -> None:
    """Make customers findable by their companies, for as long as the journal is open.

    Needed only where a whole list is read: an index of its own would cost every migration.
    """
    connection.execute("DROP TABLE IF EXISTS temp.companies")
    connection.execute(
        "CREATE TEMP TABLE companies AS SELECT company_id, seq FROM customers WHERE company_id IS NOT NULL"
    )
    connection.execute("CREATE INDEX temp.companies_id ON companies (company_id)")


def _parts(values: Iterable[str], size: int = 500) -> Iterator[list[str]]:
    everything = list(dict.fromkeys(values))
    for start in range(0, len(everything), size):
        yield everything[start : start + size]


def _first(connection: sqlite3.Connection, limit: int | None) -> tuple[str, tuple[int, ...]]:
    """Give the condition that holds for the first customers of the input, and its values."""
    if limit is None:
        return "", ()
    row = connection.execute(
        "SELECT source, row FROM customers WHERE presence = 'present' ORDER BY source, row LIMIT 1 OFFSET ?", (limit,)
    ).fetchone()
    return ("", ()) if row is None else (" AND (source, row) < (?, ?)", (int(row[0]), int(row[1])))


def _entry(row: tuple[Any, ...], history: tuple[Attempt, ...]) -> CustomerRecord:
    seq, customer_id, name, platform_key, description, is_present, *known = row
    name_sent, company_id, connection_id, connection_status, link_url, knows_connections = known[:6]
    partner_connection_id, partner_status, state, knows_company, link_issued_at, deleted_id = known[6:]
    return CustomerRecord(
        seq=seq,
        customer_id=customer_id,
        name=name,
        platform_key=platform_key,
        description=description,
        is_present=bool(is_present),
        name_sent=name_sent,
        company_id=company_id,
        connection_id=connection_id,
        connection_status=connection_status,
        link_url=link_url,
        partner_connection_id=partner_connection_id,
        partner_status=partner_status,
        state=State(state),
        knows_company=bool(knows_company),
        knows_connections=bool(knows_connections),
        old_link=(link_url, link_issued_at),
        deleted_id=deleted_id,
        history=history,
    )
