"""The journal's statements: what a run writes down, and what it reads to go on. Synchronous; one connection.

Every function here takes the connection and runs inside the caller's transaction, so that a caller can commit an
outcome and the next intent as one.
"""

from __future__ import annotations

import errno
import os
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from bulk.errors import BatchUnusable, JournalGone, JournalUnwritable, WrongUsage
from bulk.model import REQUESTS_OF_A_CUSTOMER, Ask, Entry, Outcome, Problem, Quota, State, Step, customer_tag

FILE = "journal.sqlite3"
SCHEMA_VERSION = 4
OLDEST_VERSION = 1  # older journals are brought up to date when they are opened for writing

_NO_ACCESS = "this user may not read and write it"
_IN_THE_WAY = "a file is where a folder should be"
WRONG_PLACES = {  # what another place or another permission mends; a full or failing disk is none of these
    errno.EACCES: _NO_ACCESS,
    errno.EPERM: _NO_ACCESS,
    errno.EROFS: "its file system is read-only",
    errno.EEXIST: _IN_THE_WAY,
    errno.ENOTDIR: _IN_THE_WAY,
    errno.EISDIR: "a folder is where a file should be",
    errno.ENAMETOOLONG: "the name is too long",
    errno.ELOOP: "its links lead in a circle",
    errno.ENOENT: "it cannot be made there",
    errno.EINVAL: "no such name can be used there",
    errno.EILSEQ: "no such name can be used there",
}


@dataclass(frozen=True, slots=True)
class Intent:
    """A request that is about to leave: committed first, so that it is known of whatever happens."""

    seq: int | None
    step: Step | None
    operation: str
    sent_at: float
    key: str | None = None
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a request."""

    outcome: Outcome
    answered_at: float
    status: int | None = None
    problem: Problem | None = None


def open_journal(folder: Path) -> sqlite3.Connection:
    """Open the batch's journal for writing; make it if there is none. Raises WrongUsage, JournalUnwritable."""
    path = folder / FILE
    with usable(path):
        make_folder(folder)
        folder.chmod(0o700)
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        path.touch(mode=0o600)
        _require_access(path, os.R_OK | os.W_OK)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=10)
        connection.create_function("customer_tag", 1, customer_tag, deterministic=True)
        try:
            _prepare(connection, path)
        except BaseException:
            connection.close()
            raise
    return connection


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system raise into what a user can act on."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        said = str(error)
        if "is locked" in said:
            raise JournalUnwritable(
                f"{path} cannot be written: another program holds it ({said}). Close what else has it open, a viewer "
                "of databases or a backup, then run the same command again: nothing that was done is lost."
            ) from error
        if "not a database" in said or "malformed" in said:
            raise _damaged(path, said) from error
        raise JournalUnwritable(
            f"{path} cannot be written ({said}). Make room or mend the permissions, then run the same command again: "
            "nothing that was done is lost."
        ) from error
    except OSError as error:
        raise JournalUnwritable(
            f"{error.filename or path} cannot be written ({error.strerror or error}). Make room or mend the "
            "permissions, then run the same command again: nothing that was done is lost."
        ) from error


def _damaged(path: Path, said: str) -> BatchUnusable:
    return BatchUnusable(
        f"{path} is damaged ({said}). Move it away and migrate the input again: what Codat has is found "
        "there by its tags and taken over, nothing is created twice."
    )


def require_there(path: Path) -> None:
    """See that a journal which was at work is where it was. Raises JournalGone."""
    if not path.is_file():
        raise gone(path)


def gone(path: Path) -> JournalGone:
    """Give what is to be said of a journal that somebody has taken away."""
    return JournalGone(
        f"{path} is gone: it was moved or deleted while the run was at work. Put it back if you can, "
        "then run the same command again. Without it, migrate the input again: what Codat has is found there "
        "by its tags and taken over, nothing is created twice."
    )


def require_sound(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a journal of which a part was overwritten: it might not know a company. Raises BatchUnusable.

    SQLite does not look by itself. It takes a third of a second for 100,000 customers.
    """
    said = " ".join(str(connection.execute("PRAGMA integrity_check(1)").fetchone()[0]).split())
    if said != "ok":
        raise _damaged(path, said)


@contextmanager
def usable(path: Path) -> Iterator[None]:
    """Do what `translated` does before anything is sent, when a place that cannot be right is the user's to mend."""
    try:
        with translated(path):
            yield
    except JournalUnwritable as error:
        cause = error.__cause__
        reason = WRONG_PLACES.get(cause.errno or 0) if isinstance(cause, OSError) else None
        if isinstance(cause, sqlite3.Error) and "readonly" in str(cause):
            reason = WRONG_PLACES[errno.EACCES]
        if reason is None:
            raise
        where = str((isinstance(cause, OSError) and cause.filename) or path)
        where = where if len(where) <= 200 else where[:199] + "…"
        raise WrongUsage(
            f"{where} cannot be used: {reason}. Mend that, or take another folder (of migrate: --reports, --batch); "
            "nothing was sent."
        ) from cause


def make_folder(folder: Path) -> None:
    """Make a folder for its owner only, if there is none. Raises OSError, also where nothing may be put into it."""
    if any("\ud800" <= c <= "\udfff" for c in str(folder)):
        raise OSError(errno.EILSEQ, os.strerror(errno.EILSEQ), str(folder))  # reports are not written there
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    _require_access(folder, os.R_OK | os.W_OK | os.X_OK)


def _require_access(path: Path, mode: int) -> None:
    if not os.access(path, mode):
        is_read_only = os.statvfs(path).f_flag & os.ST_RDONLY
        number = errno.EROFS if is_read_only else errno.EACCES
        raise OSError(number, os.strerror(number), str(path))


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block writes, or nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if not 0 <= version <= SCHEMA_VERSION:
        raise BatchUnusable(
            f"{path} was written by another version of bulk (journal {version}, this one knows {SCHEMA_VERSION}). "
            "Go on with the version that wrote it."
        )
    connection.execute("PRAGMA journal_mode = WAL")
    # FULL: a committed intent survives a power cut, which is what "once only" stands on.
    connection.execute("PRAGMA synchronous = FULL")
    if version == SCHEMA_VERSION:
        return
    with transaction(connection):
        for script in [f"upgrade-{old}.sql" for old in range(version, SCHEMA_VERSION)] if version else ["schema.sql"]:
            for statement in _statements((files("bulk.journal") / script).read_text("utf-8")):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _statements(script: str) -> Iterator[str]:
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def get(connection: sqlite3.Connection, key: str) -> str | None:
    """Read a fact about the batch."""
    row = connection.execute("SELECT value FROM batch WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def put(connection: sqlite3.Connection, facts: Mapping[str, object]) -> None:
    """Write facts about the batch."""
    connection.executemany(
        "INSERT INTO batch (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        [(key, str(value)) for key, value in facts.items()],
    )


def put_quota(connection: sqlite3.Connection, quota: Quota, resets_at: str) -> None:
    """Keep the day's quota as the last answer told it, for the reports."""
    facts: dict[str, object] = {"quota_remaining": quota.remaining, "quota_resets_at": resets_at}
    put(connection, facts if quota.limit is None else facts | {"quota_limit": quota.limit})


def asked_until(connection: sqlite3.Connection) -> float | None:
    """Until when Codat has asked not to be asked, seconds since 1970."""
    told = get(connection, "asked_until")
    return None if told is None else float(told)


def is_short_of_quota(connection: sqlite3.Connection, now: float, *, reserve: int) -> bool:
    """Whether the last answer left too little for another customer, in a day that is not over.

    The quota may have been raised since, as customers linked; only Codat knows.
    """
    remaining, resets_at = get(connection, "quota_remaining"), get(connection, "quota_resets_at")
    if remaining is None or resets_at is None or datetime.fromisoformat(resets_at).timestamp() <= now:
        return False
    return int(remaining) - reserve < REQUESTS_OF_A_CUSTOMER


def begin_run(connection: sqlite3.Connection, *, command: str, version: str, source: str | None, at: str) -> int:
    """Write down that a run begins; gives its number."""
    cursor = connection.execute(
        "INSERT INTO runs (command, version, input, started_at) VALUES (?, ?, ?, ?)", (command, version, source, at)
    )
    return int(cursor.lastrowid or 0)


def finish_run(connection: sqlite3.Connection, run: int, *, at: str, seconds: float, stopped: str | None) -> None:
    """Write down that a run has ended."""
    connection.execute(
        "UPDATE runs SET finished_at = ?, seconds = ?, stopped = ? WHERE id = ?", (at, round(seconds, 3), stopped, run)
    )


def hold(connection: sqlite3.Connection, run: int, *, since: str, until: str, why: str) -> None:
    """Write down that a whole run waits."""
    connection.execute("INSERT INTO holds (run, since, until, why) VALUES (?, ?, ?, ?)", (run, since, until, why))


def last_request_at(connection: sqlite3.Connection) -> float | None:
    """When the newest request of this batch was about to leave, seconds since 1970."""
    row = connection.execute("SELECT sent_at FROM requests ORDER BY id DESC LIMIT 1").fetchone()
    return None if row is None else float(row[0])


def intend(connection: sqlite3.Connection, run: int, intent: Intent) -> int:
    """Write down what is about to be asked; gives the request's number."""
    cursor = connection.execute(
        "INSERT INTO requests (run, customer, step, operation, key, body, sent_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (run, intent.seq, intent.step, intent.operation, intent.key, intent.body, intent.sent_at),
    )
    return int(cursor.lastrowid or 0)


def newest_request(connection: sqlite3.Connection) -> int:
    """Give the number of the newest request; 0 if there is none."""
    (number,) = connection.execute("SELECT coalesce(max(id), 0) FROM requests").fetchone()
    return int(number)


def settle(connection: sqlite3.Connection, request: int, result: Result) -> None:
    """Write down what became of a request."""
    problem = result.problem or Problem("")
    connection.execute(
        "UPDATE requests SET outcome = ?, answered_at = ?, status = ?, correlation_id = ?, error_code = ?, error = ? "
        "WHERE id = ?",
        (
            result.outcome,
            result.answered_at,
            result.status,
            problem.correlation_id,
            problem.code or None,
            problem.text or None,
            request,
        ),
    )


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
        "(SELECT source, row FROM customers WHERE seq = ? AND presence = 'faulty')",
        (seq,),
    )
    connection.execute("DELETE FROM customers WHERE seq = ?", (seq,))


ENTRY = """
    SELECT seq, customer_id, name, platform_key, description, presence = 'present', name_sent, company_id,
           connection_id, connection_status, link_url, knows_connections, partner_connection_id, partner_status, state,
           company_origin IS NOT 'missing', link_issued_at, deleted_id
    FROM customers
"""


def entries(
    connection: sqlite3.Connection, *, begun: bool, after: int, most: int, limit: int | None = None
) -> list[Entry]:
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
    asks = _asks(connection, [row[0] for row in rows])
    return [_entry(row, tuple(asks[row[0]])) for row in rows]


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
        ) WHERE (outcome IS NULL OR outcome IN ('lost', 'kept')) AND NOT is_known
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


def choose(connection: sqlite3.Connection, query: str, values: Mapping[str, object]) -> int:
    """Keep who is to be worked on, in order, for `chosen`; `query` selects `seq`. Gives their number."""
    connection.execute("CREATE TEMP TABLE IF NOT EXISTS chosen (n INTEGER PRIMARY KEY, seq INTEGER NOT NULL)")
    connection.execute("DELETE FROM temp.chosen")
    return connection.execute(f"INSERT INTO temp.chosen (seq) {query}", values).rowcount


def chosen(connection: sqlite3.Connection, *, after: int, most: int) -> tuple[list[Entry], int]:
    """Read the next of those chosen, and the place of the last of them; nobody at the end."""
    rows = connection.execute(
        f"SELECT n, entries.* FROM temp.chosen CROSS JOIN ({ENTRY}) entries USING (seq) "  # noqa: S608 - fixed texts
        "WHERE n > ? ORDER BY n LIMIT ?",
        (after, most),
    ).fetchall()
    asks = _asks(connection, [row[1] for row in rows])
    return [_entry(row[1:], tuple(asks[row[1]])) for row in rows], rows[-1][0] if rows else after


def find_by_tags(connection: sqlite3.Connection, tags: Iterable[str], customer_ids: Iterable[str]) -> list[Entry]:
    """Read the customers, done or not, whose companies carry these tags or these identifiers."""
    found: dict[int, Entry] = {}
    for column, values in (("tag", tags), ("customer_id", customer_ids)):
        for part in _parts(values):
            marks = ",".join("?" * len(part))
            for row in connection.execute(f"{ENTRY} WHERE {column} IN ({marks})", part):
                found[row[0]] = _entry(row, ())
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Delivery:
    """A webhook event about a connection of one of the batch's customers, as it was delivered."""

    id: str  # the same each time the event is delivered
    seq: int
    type: str
    connection_id: str
    generated_at: str
    body: str


def keep_delivery(connection: sqlite3.Connection, delivery: Delivery, received_at: str) -> bool:
    """Write down a delivery; gives whether it is the first of its event."""
    cursor = connection.execute(
        "INSERT OR IGNORE INTO deliveries (id, customer, type, connection_id, generated_at, received_at, body) "
        "VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            delivery.id,
            delivery.seq,
            delivery.type,
            delivery.connection_id,
            delivery.generated_at,
            received_at,
            delivery.body,
        ),
    )
    return cursor.rowcount == 1


def unheeded(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    """Read the deliveries that nobody has acted on: their customer's seq and what they said, in the order it happened.

    Of several on a connection, heeded or not, only the newest still says how it is.
    """
    return connection.execute(
        """
        SELECT customer, body FROM deliveries d
        WHERE n > ? AND NOT EXISTS (
            SELECT 1 FROM deliveries newer WHERE newer.connection_id = d.connection_id
            AND (newer.generated_at, newer.n) > (d.generated_at, d.n))
        ORDER BY generated_at, n
        """,
        (heeded(connection),),
    ).fetchall()


def last_told(connection: sqlite3.Connection, connection_id: str) -> str:
    """Give the time of the newest event on a connection; of none, a text that sorts before any time."""
    row = connection.execute("SELECT max(generated_at) FROM deliveries WHERE connection_id = ?", (connection_id,))
    return str(row.fetchone()[0] or "")


def entry(connection: sqlite3.Connection, seq: int) -> Entry | None:
    """Read one customer, without what was asked for it."""
    row = connection.execute(f"{ENTRY} WHERE seq = ?", (seq,)).fetchone()
    return None if row is None else _entry(row, ())


def heeded(connection: sqlite3.Connection) -> int:
    """Give the number of the last delivery that was acted on."""
    return int(get(connection, "heeded") or 0)


def newest_delivery(connection: sqlite3.Connection) -> int:
    """Give the number of the last delivery."""
    (number,) = connection.execute("SELECT coalesce(max(n), 0) FROM deliveries").fetchone()
    return int(number)


def find_by_companies(connection: sqlite3.Connection, company_ids: Iterable[str]) -> list[Entry]:
    """Read the customers who have these companies; `index_companies` comes first."""
    found = []
    for part in _parts(company_ids):
        marks = ",".join("?" * len(part))
        where = f"seq IN (SELECT seq FROM temp.companies WHERE company_id IN ({marks}))"  # noqa: S608 - marks only
        found += [_entry(row, ()) for row in connection.execute(f"{ENTRY} WHERE {where}", part)]
    return found


def find_by_company(connection: sqlite3.Connection, company_id: str) -> Entry | None:
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


def _asks(connection: sqlite3.Connection, customers: Sequence[int]) -> Mapping[int, list[Ask]]:
    """Read what was asked for each of these customers, oldest first."""
    asks: defaultdict[int, list[Ask]] = defaultdict(list)
    marks = ",".join("?" * len(customers))
    rows = connection.execute(
        "SELECT customer, step, key, body, sent_at, outcome, status, run FROM requests "  # noqa: S608 - marks only
        f"WHERE customer IN ({marks}) AND step IS NOT NULL ORDER BY id",
        customers,
    )
    for seq, step, key, body, sent_at, outcome, status, run in rows:
        asks[seq].append(Ask(Step(step), key, body, sent_at, Outcome(outcome) if outcome else None, status, run))
    return asks


def _entry(row: tuple[Any, ...], asks: tuple[Ask, ...]) -> Entry:
    seq, customer_id, name, platform_key, description, is_present, *known = row
    name_sent, company_id, connection_id, connection_status, link_url, knows_connections = known[:6]
    partner_connection_id, partner_status, state, knows_company, link_issued_at, deleted_id = known[6:]
    return Entry(
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
        asks=asks,
    )
