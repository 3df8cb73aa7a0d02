"""What the reports say about a batch, read from its journal.

Everything a `Reader` gives comes from one moment: it holds one read transaction from its opening to its closing, while
another process may go on writing. Customers and rejections come in chunks, so that a batch of any size fits in memory.
Texts are as they are: whoever writes them into a CSV guards them.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Self

import polars as pl

from bulk import problems
from bulk.errors import BatchError
from bulk.journal.database import require_version
from bulk.journal.error_translator import wrap_errors
from bulk.model import State

CHUNK_ROWS: Final = 10_000

RESULTS: Final = (
    "row",
    "customer_id",
    "company_name",
    "name_sent",
    "email",
    "platform_key",
    "state",
    "company_id",
    "connection_id",
    "connection_status",
    "link_url",
    "link_expires_at",
    "partner_connection_id",
    "partner_status",
    "error_step",
    "error_code",
    "error",
    "correlation_id",
    "attempts",
    "updated_at",
)
"""The columns of the results; the input's other columns follow them."""

CHANGE: Final = "change"
"""The column that follows them where the results are compared with an earlier time."""

LINKS: Final = ("customer_id", "company_name", "email", "platform", "link_url", "link_expires_at")
PARTNER: Final = (
    "customer_id",
    "company_name",
    "email",
    "company_id",
    "connection_id",
    "connection_status",
    "partner_connection_id",
    "partner_status",
    "error_code",
    "error",
    "correlation_id",
)
FINDINGS: Final = ("finding", "customer_id", "company_id", "connection_id", "detail", "adopted")
COMPANIES: Final = ("customer_id", "company_name", "company_id", "connection_status")
REJECTS: Final = ("row", "reasons")
DIFFERENCES: Final = ("customer_id", "field", "in_codat", "in_input")

_NUMBERS: Final = frozenset({"row", "attempts"})
_LINK_LIFETIME_SECONDS: Final = 86_400  # Codat's Link documentation: a linkUrl is good for one day
_BUSY_SECONDS: Final = 30.0

ROW = "(SELECT shift FROM sources WHERE sources.id = source) + row"
EXPIRY = "strftime('%Y-%m-%dT%H:%M:%SZ', link_issued_at, :lifetime)"
# The state that a customer was in at :since, where it has come into another since.
WAS = "(SELECT was FROM changes WHERE customer = seq AND at > :since ORDER BY n LIMIT 1)"
_CUSTOMER = f"""customer_id, company_name, coalesce(name_sent, name), email, coalesce(platform_sent, platform_key),
    state, company_id, connection_id, connection_status, link_url, {EXPIRY}, partner_connection_id, partner_status,
    error_step, error_code, error, correlation_id, attempts, updated_at, {{was}}, extra"""
_REJECTION = """customer_id, company_name, NULL, email, NULL,
    'rejected', NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    'input', 'rejected', reasons(problems), NULL, 0, NULL, NULL, extra"""

# Gone from the input, and yet to be shown: Codat has this customer, or may have it while an outcome is unknown.
SHOWN_GONE = "presence = 'removed' AND (company_id IS NOT NULL OR name_sent IS NOT NULL)"

# SQLite merges the two without sorting: both sides have an index in this order.
_IN_PLACE = f"""
    SELECT {ROW}, {_CUSTOMER}, source, row FROM customers WHERE presence <> 'removed'
    UNION ALL
    SELECT {ROW}, {_REJECTION}, source, row FROM rejections WHERE hidden = 0
    ORDER BY source, row"""  # noqa: S608 - constants
_NO_LONGER = f"SELECT NULL, {_CUSTOMER} FROM customers WHERE {SHOWN_GONE} ORDER BY source, row, seq"  # noqa: S608
_LINKS = f"""
    SELECT customer_id, company_name, email, coalesce(platform_sent, platform_key), link_url, {EXPIRY} AS expires
    FROM customers
    WHERE state = 'link_ready' AND presence <> 'removed' AND link_url IS NOT NULL AND expires > :now
    ORDER BY expires DESC, source, row"""  # noqa: S608 - constants
_PARTNER = f"""
    SELECT {", ".join(PARTNER)}, presence = 'removed' AS is_gone, source, row
    FROM customers WHERE company_id IS NOT NULL ORDER BY is_gone, source, row"""  # noqa: S608 - constants
_FINDINGS = """
    SELECT finding, customer_id, company_id, connection_id, detail, CASE adopted WHEN 1 THEN 'yes' ELSE 'no' END
    FROM findings ORDER BY n"""
# Nobody has linked what still waits or has no connection; what was unlinked, or has a partner, was linked once.
_CREATED = f"""
    SELECT {", ".join(COMPANIES)}, source, row FROM customers
    WHERE company_origin = 'created' AND company_id IS NOT NULL
          AND (partner_connection_id IS NULL
               AND (connection_status IS NULL OR connection_status IN ('PendingAuth', 'Deleted'))) = :nobodys
    ORDER BY source, row"""  # noqa: S608 - constants
_STATUSES = """
    SELECT customer_id, company_id, connection_status, error FROM customers
    WHERE customer_id IN (SELECT value FROM json_each(:ids))"""
_REJECTED = "SELECT DISTINCT customer_id FROM rejections WHERE customer_id IN (SELECT value FROM json_each(:ids))"
_REJECTS = f"SELECT {ROW}, reasons(problems), cells FROM rejections ORDER BY source, row"  # noqa: S608 - constants
_DIFFERENCES = """
    SELECT customer_id, 'company_name', name_sent, name, source, row, 1 AS place FROM customers
    WHERE presence = 'present' AND company_id IS NOT NULL AND name_sent <> name
    UNION ALL
    SELECT customer_id, 'platform', platform_sent, platform_key, source, row, 2 FROM customers
    WHERE presence = 'present' AND connection_id IS NOT NULL AND platform_sent <> platform_key
    UNION ALL
    SELECT customer_id, 'description', description_sent, description, source, row, 3 FROM customers
    WHERE presence = 'present' AND company_id IS NOT NULL AND description_sent IS NOT description
    ORDER BY source, row, place"""
_COUNTS = f"""
    SELECT state, count(*) FROM customers WHERE presence <> 'removed' OR {SHOWN_GONE} GROUP BY state
    UNION ALL
    SELECT 'rejected', count(*) FROM rejections WHERE hidden = 0"""  # noqa: S608 - constants
_LAST_RUN = """
    SELECT last.id, enrolled.input, last.started_at, last.finished_at, last.seconds,
           enrolled.rows_new, enrolled.rows_same, enrolled.rows_changed, enrolled.rows_removed
    FROM runs last LEFT JOIN runs enrolled ON enrolled.id = (SELECT max(id) FROM runs WHERE input IS NOT NULL)
    ORDER BY last.id DESC LIMIT 1"""
# What never left this machine is no request: Codat has not seen it, nor counted it.
_REQUESTS = """
    SELECT operation, count(*), coalesce(sum(status = 429), 0) FROM requests
    WHERE id >= :first AND run = :run AND outcome IS NOT 'not_sent' GROUP BY operation ORDER BY operation"""
_DONE = """
    SELECT count(*) FROM requests
    WHERE id >= :first AND run = :run AND operation = :operation AND outcome = 'done'"""
_RETRIES = """
    SELECT coalesce(sum(posts - 1), 0) FROM (
        SELECT count(*) AS posts FROM requests
        WHERE id >= :first AND run = :run AND customer IS NOT NULL AND outcome IS NOT 'not_sent'
              AND (key IS NOT NULL OR operation IN ('get_connection', 'delete_company'))
        GROUP BY customer, step)"""


@dataclass(frozen=True, slots=True)
class QuotaFigures:
    """The daily quota as Codat told it last; None where it has not said."""

    limit: int | None
    remaining: int | None
    resets_at: str | None


@dataclass(frozen=True, slots=True)
class RowFigures:
    """How the input of the last run compares with what the batch knew before."""

    new: int
    same: int
    changed: int
    gone: int


@dataclass(frozen=True, slots=True)
class Summary:
    """A batch's customers as they stand, and the figures of its last run."""

    batch: str
    input: str | None
    started_at: str | None
    finished_at: str | None  # None: the run was killed, or still goes on
    seconds: float | None
    customers: Mapping[str, int]  # by state, every state
    requests: Mapping[str, int]  # by operation
    requests_total: int
    retries: int  # POSTs beyond the first for the same customer and step
    rate_limited: int  # answers with 429
    quota: QuotaFigures
    rows: RowFigures

    def to_json(self) -> str:
        """Write it as a JSON object, indented."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=2)


class Reader:
    """A batch's journal at one moment; a context manager. It never changes the journal.

    Raises BatchUnusable where there is no journal of ours, JournalUnwritable where the disk fails.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self.facts: dict[str, str] = {}  # about the batch

    def __enter__(self) -> Self:
        with self._wrap_errors():
            if not self._path.is_file():
                raise BatchError(
                    f"{self._path.parent} holds no journal. Pass the folder of a batch, or migrate its input first."
                )
            # `rw` rather than `ro`: reading beside a writer needs the -shm file; neither makes a missing journal.
            self._connection = sqlite3.connect(
                f"{self._path.absolute().as_uri()}?mode=rw", uri=True, timeout=_BUSY_SECONDS, isolation_level=None
            )
            self._connection.create_function("reasons", 1, problems.reasons, deterministic=True)
        try:
            self.rows("PRAGMA query_only = ON")
            self.rows("BEGIN")
            self._check_version()
            self.facts = dict(self.rows("SELECT key, value FROM batch"))
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def results(self, chunk_rows: int = CHUNK_ROWS, *, since: datetime | None = None) -> Iterator[pl.DataFrame]:
        """Give the rows of the results in input order, then the gone whom Codat has; at least one frame.

        The gone have no `row`: the input has none of theirs. `since`: with a column that says what has changed.
        """
        extras = _Expansion(self._lists("extras"), taken=(*RESULTS, CHANGE))
        names = (*RESULTS, CHANGE, "")
        was = "NULL" if since is None else WAS
        values = {"lifetime": self.lifetime, "since": since and moment(since)}
        found = False
        for sql, drop in ((_IN_PLACE, 2), (_NO_LONGER, 0)):
            for rows in self._chunks(sql.format(was=was), chunk_rows, values):
                found = True
                yield extras.appended(_compared(_frame(rows, names, drop=drop), since))
        if not found:
            yield extras.appended(_compared(_frame([], names), since))

    def links(self, now: datetime, chunk_rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
        """Give the linkUrls that are good at `now`, the soonest to expire last; `platform` is the platformKey."""
        values = {"lifetime": self.lifetime, "now": moment(now)}
        return self._frames(_LINKS, LINKS, chunk_rows, values)

    def rejects(self, chunk_rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
        """Give the rejected rows: the input's own columns, then `row` and `reasons`; at least one frame."""
        cells = _Expansion(self._lists("columns"), taken=REJECTS)
        return map(cells.prepended, self._frames(_REJECTS, (*REJECTS, ""), chunk_rows))

    def differences(self, chunk_rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
        """Give what Codat has otherwise than the input says it now; at least one frame."""
        return self._frames(_DIFFERENCES, DIFFERENCES, chunk_rows, drop=3)

    def partners(self, chunk_rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame]:
        """Give everybody whose company exists, in input order, then the gone; at least one frame."""
        return self._frames(_PARTNER, PARTNER, chunk_rows, drop=3)

    def findings(self, chunk_rows: int = CHUNK_ROWS) -> Iterator[pl.DataFrame] | None:
        """Give what the last proof found, in at least one frame; None if there was none yet."""
        if "verified_at" not in self.facts:
            return None
        return self._frames(_FINDINGS, FINDINGS, chunk_rows)

    def created(self, *, nobodys: bool) -> pl.DataFrame:
        """Give the companies that this batch created: those that nobody has linked, or those that somebody has."""
        return pl.concat(self._frames(_CREATED, COMPANIES, CHUNK_ROWS, {"nobodys": nobodys}, drop=2))

    def taken_over(self) -> int:
        """Count the companies that this batch has and did not create."""
        ((number,),) = self.rows(
            "SELECT count(*) FROM customers WHERE company_id IS NOT NULL AND company_origin IS NOT 'created'"
        )
        return int(number)

    def statuses(self, customer_ids: Sequence[str]) -> dict[str, tuple[str | None, str | None, str | None]]:
        """Give company, connection status and error of these customers, as far as the batch has them."""
        rows = self.rows(_STATUSES, {"ids": json.dumps(list(customer_ids))})
        return {customer_id: (company, status, error) for customer_id, company, status, error in rows}

    def counts(self) -> dict[str, int]:
        """Count the rows of the results by state; every state is there."""
        counts = dict.fromkeys(map(str, State), 0)
        for state, count in self.rows(_COUNTS):
            counts[state] += count
        return counts

    def rejected(self, customer_ids: Sequence[str]) -> set[str]:
        """Say whose rows were not accepted."""
        return {customer_id for (customer_id,) in self.rows(_REJECTED, {"ids": json.dumps(list(customer_ids))})}

    def done_in_run(self, run: int, operation: str) -> int:
        """Return how many requests of this operation a run has had done."""
        values = {"run": run, "first": self._first_request(run), "operation": operation}
        ((number,),) = self.rows(_DONE, values)
        return int(number)

    def last_run(self) -> dict[str, object]:
        """Give the last run's number and that of its first request, as values of a query."""
        ((run,),) = self.rows("SELECT max(id) FROM runs")
        return {"run": run, "first": self._first_request(run)}

    def summary(self) -> Summary:
        """Say how the batch stands, and what its last run did."""
        run = next(iter(self.rows(_LAST_RUN)), (None,) * 9)
        values = {"run": run[0], "first": self._first_request(run[0])}
        requests = self.rows(_REQUESTS, values)
        ((retries,),) = self.rows(_RETRIES, values)
        return Summary(
            batch=self.facts.get("name") or self._path.absolute().parent.name,
            input=run[1],
            started_at=run[2],
            finished_at=run[3],
            seconds=run[4],
            customers=self.counts(),
            requests={operation: count for operation, count, _ in requests},
            requests_total=sum(count for _, count, _ in requests),
            retries=retries,
            rate_limited=sum(limited for *_, limited in requests),
            quota=QuotaFigures(
                limit=_number(self.facts.get("quota_limit")),
                remaining=_number(self.facts.get("quota_remaining")),
                resets_at=self.facts.get("quota_resets_at"),
            ),
            rows=RowFigures(*(number or 0 for number in run[5:])),
        )

    def stream(self, sql: str, chunk_rows: int = CHUNK_ROWS) -> Iterator[Any]:
        """Give what a query finds, however much it is, row by row."""
        return itertools.chain.from_iterable(self._chunks(sql, chunk_rows, {}))

    def _check_version(self) -> None:
        with self._wrap_errors():
            has_tables = require_version(self._open, self._path)
        if not has_tables:
            raise BatchError(f"{self._path} is empty: its first run found no room for it. Migrate the input again")

    @property
    def lifetime(self) -> str:
        """How long a linkUrl is good, as SQLite adds it to a time."""
        seconds = _number(self.facts.get("link_lifetime"))
        return f"+{_LINK_LIFETIME_SECONDS if seconds is None else seconds} seconds"

    def _first_request(self, run: int | None) -> int:
        """Find where a run's requests begin, by halving: runs follow one another, so their requests do too."""
        low, ((high,),) = 0, self.rows("SELECT coalesce(max(id), 0) FROM requests")
        while low < high:
            middle = (low + high) // 2
            ((found,),) = self.rows("SELECT run FROM requests WHERE id >= ? ORDER BY id LIMIT 1", (middle,))
            low, high = (middle + 1, high) if found < (run or 0) else (low, middle)
        return int(low)

    def _lists(self, column: str) -> list[list[str]]:
        return [json.loads(text) for (text,) in self.rows(f"SELECT {column} FROM sources ORDER BY id")]  # noqa: S608

    def _frames(
        self, sql: str, names: Sequence[str], chunk_rows: int, values: Mapping[str, object] | None = None, drop: int = 0
    ) -> Iterator[pl.DataFrame]:
        found = False
        for rows in self._chunks(sql, chunk_rows, values or {}):
            found = True
            yield _frame(rows, names, drop=drop)
        if not found:
            yield _frame([], names)

    def _chunks(self, sql: str, size: int, values: Mapping[str, object]) -> Iterator[list[Any]]:
        with self._wrap_errors():
            cursor = self._open.execute(sql, values)
        while rows := self._fetched(cursor, size):
            yield rows

    def _fetched(self, cursor: sqlite3.Cursor, size: int) -> list[Any]:
        with self._wrap_errors():
            return cursor.fetchmany(size)

    def rows(self, sql: str, values: Mapping[str, object] | Sequence[object] = ()) -> list[Any]:
        """Give what a query finds, at the same moment as all else."""
        with self._wrap_errors():
            return self._open.execute(sql, values).fetchall()

    @property
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            raise RuntimeError("a Reader is used inside its `with`")
        return self._connection

    def _wrap_errors(self) -> AbstractContextManager[None]:
        return wrap_errors(self._path, action="read")


class _Expansion:
    """The input's columns of all its files, in order, made out of the JSON object that holds a row of any of them."""

    def __init__(self, lists: Iterable[Sequence[str]], *, taken: Sequence[str]) -> None:
        self._shown: dict[str, list[str]] = {}  # a column of ours, and which of the inputs' columns it is
        known: set[str] = set()
        for columns in lists:
            for name in columns:
                if name not in known:
                    self._shown.setdefault(_free(name, taken, self._shown, set(columns)), []).append(name)
            known.update(columns)
        self._dtype = pl.Struct(dict.fromkeys((name for names in self._shown.values() for name in names), pl.String))

    def appended(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Put the columns after all others in the place of the last, which holds the objects."""
        return frame[:, :-1].hstack(self._columns(frame[:, -1]))

    def prepended(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Put the columns before all others and drop the last, which holds the objects."""
        columns = self._columns(frame[:, -1])
        return pl.DataFrame({column.name: column for column in columns}).hstack(frame[:, :-1])

    def _columns(self, objects: pl.Series) -> list[pl.Series]:
        if not self._shown:
            return []
        # Series by their names, never `pl.col`: a header such as `*` or `^.*$` would mean every column.
        found = objects.str.json_decode(self._dtype).struct.unnest()
        return [_first([found.get_column(name) for name in names]).alias(shown) for shown, names in self._shown.items()]


def _free(name: str, taken: Sequence[str], shown: Mapping[str, list[str]], beside: set[str]) -> str:
    """Find the name that a column goes by beside columns of ours.

    Rows that were rejected come back under the names that the reports gave: those are the same column.
    """
    free = name
    while free in taken or (free in shown and beside.intersection(shown[free])) or (free != name and free in beside):
        free += " (input)"
    return free


def _first(columns: Sequence[pl.Series]) -> pl.Series:
    merged = columns[0]
    for column in columns[1:]:
        merged = merged.zip_with(merged.is_not_null(), column)
    return merged


def _frame(rows: Sequence[Sequence[object]], names: Sequence[str], *, drop: int = 0) -> pl.DataFrame:
    """Make a frame; the last `drop` values of each row only served to sort."""
    sorting = [f"\0{number}" for number in range(drop)]
    schema = {name: pl.Int64 if name in _NUMBERS else pl.String for name in names} | dict.fromkeys(sorting, pl.Int64)
    return pl.DataFrame(rows, schema=schema, orient="row").drop(sorting)


def change(was: State, now: State) -> str | None:
    """Say what has changed about a customer; None: nothing.

    Who has authorized is newly linked, however far that has got since.
    """
    is_newly_linked = now in _AUTHORIZED and was not in _AUTHORIZED
    return None if was is now else f"newly_{State.LINKED if is_newly_linked else now}"


_AUTHORIZED: Final = (State.LINKED, State.COMPLETE)
_CHANGES: Final = {f"{was} {now}": change(was, now) for was in State for now in State if was is not now}


def _compared(frame: pl.DataFrame, since: datetime | None) -> pl.DataFrame:
    """Say what has changed about each customer, in the place of the state that it was in; without `since`, nothing."""
    if since is None:
        return frame.drop(CHANGE)
    both = pl.concat_str(CHANGE, "state", separator=" ")
    return frame.with_columns(both.replace_strict(_CHANGES, default=None, return_dtype=pl.String).alias(CHANGE))


def moment(at: datetime) -> str:
    """Write a time as the journal does."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _number(text: str | None) -> int | None:
    return None if text is None else int(float(text))
