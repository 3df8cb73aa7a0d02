"""How a batch stands and how it got there, in figures: what the page, the workbook and the console sum up.

Read by a `Reader`, so they are of the same moment as the rows of the reports, and the counts are those of the results.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

from bulk import problems
from bulk.model import State
from bulk.problems import Problem
from bulk.reports.rows import EXPIRY, ROW, SHOWN_GONE, WAS, Reader, Summary, moment

MAX_EXAMPLES: Final = 5  # of customers with the same error
MAX_CORRELATION_IDS: Final = 10

_SHOWN = f"(presence <> 'removed' OR {SHOWN_GONE})"
# How far each customer has got, as the number of a stage. What was deleted in Codat is not there any more.
_FURTHEST = """
    CASE WHEN state = 'complete' THEN 5
         WHEN state = 'linked' OR connection_status = 'Linked' THEN 4
         WHEN connection_status = 'Deleted' AND error_step = 'company' THEN 1
         WHEN connection_id IS NOT NULL AND connection_status IS NOT 'Deleted' THEN 3
         WHEN company_id IS NOT NULL THEN 2
         ELSE 1 END"""
_STANDING = f"""
    SELECT coalesce(platform_sent, platform_key), {_FURTHEST} AS furthest, state, count(*)
    FROM customers WHERE {_SHOWN} GROUP BY 1, 2, 3"""  # noqa: S608 - constants
_LINK_AGES = f"""
    SELECT count(*) FILTER (WHERE expires > :tomorrow), count(*) FILTER (WHERE expires > :now AND expires <= :tomorrow),
           count(*) FILTER (WHERE expires <= :now), count(*) FILTER (WHERE expires IS NULL),
           min(expires) FILTER (WHERE expires > :now)
    FROM (SELECT CASE WHEN link_url IS NOT NULL THEN {EXPIRY} END AS expires FROM customers
          WHERE state = 'link_ready' AND presence <> 'removed')"""  # noqa: S608 - constants
_ERRORS = f"""
    SELECT state, step, code, deleted, seq, customer_id, row, error, correlation_id, number FROM (
        SELECT state, error_step AS step, error_code AS code, connection_status = 'Deleted' AS deleted, seq,
               customer_id, {ROW} AS row, error, correlation_id, count(*) OVER kind AS number,
               row_number() OVER (kind ORDER BY seq) AS nth,
               row_number() OVER (kind ORDER BY correlation_id IS NULL, seq) AS told
        FROM customers WHERE error_code IS NOT NULL AND {_SHOWN}
        WINDOW kind AS (PARTITION BY state, error_step, error_code, connection_status = 'Deleted'))
    WHERE nth <= :examples OR told <= :told
    ORDER BY number DESC, state, step, code, deleted, nth"""  # noqa: S608 - constants
_REJECTED = f"SELECT {ROW}, customer_id, problems FROM rejections WHERE hidden = 0 ORDER BY source, row"  # noqa: S608
_MINUTES = """
    SELECT CAST(sent_at / 60 AS INTEGER), count(*), sum(status IS 429) FROM requests
    WHERE outcome IS NOT 'not_sent' GROUP BY 1 ORDER BY 1"""
_ADVANCED = """
    SELECT CAST(strftime('%s', at) / 60 AS INTEGER), count(DISTINCT customer) FROM changes
    WHERE now IN ('link_ready', 'linked', 'complete') GROUP BY 1"""
_MAPPINGS = "SELECT DISTINCT mapping FROM sources WHERE id IN (SELECT source FROM rejections)"
_TO_DO = """
    SELECT coalesce(sum(CASE state WHEN 'linked' THEN 1 ELSE 1 + (company_id IS NULL) END), 0) FROM customers
    WHERE state = 'linked' OR (state = 'pending' AND (presence = 'present' OR name_sent IS NOT NULL))"""
# A run that has ended waits no longer, whatever it had been asked for.
_DONE = """
    SELECT step, count(DISTINCT customer) FROM requests
    WHERE id >= :first AND run = :run AND outcome IN ('done', 'found') AND step IS NOT NULL GROUP BY step"""
_LINKED = """
    SELECT count(DISTINCT customer) FROM changes
    WHERE run = :run AND now IN ('linked', 'complete') AND was NOT IN ('linked', 'complete')"""
_HOLDS = """
    SELECT since, min(until, coalesce(finished_at, :at)), why FROM holds JOIN runs ON runs.id = run
    WHERE until > since ORDER BY n"""
_LAST_RUN = "SELECT command, version, started_at, finished_at, seconds, stopped FROM runs ORDER BY id DESC LIMIT 1"
_CHANGED = f"""
    SELECT was, state, count(*) FROM (SELECT {{was}} AS was, state FROM customers WHERE {_SHOWN})
    WHERE was <> state GROUP BY was, state"""  # noqa: S608 - constants


@dataclass(frozen=True, slots=True)
class AttemptHistory:
    """How many customers of a platform are in a state, and how far they have got. `furthest`: see `Stage`."""

    platform_key: str
    furthest: int
    state: State
    customers: int


@dataclass(frozen=True, slots=True)
class LinkAges:
    """The linkUrls that customers have yet to use, by how long they are good."""

    good: int  # beyond today
    expiring: int  # today, UTC
    expired: int
    missing: int  # its renewal was cut short: to be renewed as well
    next_expiry: str | None  # of those that are good now, UTC, ISO 8601

    @property
    def usable(self) -> int:
        """How many can be mailed now."""
        return self.good + self.expiring

    @property
    def stale(self) -> int:
        """How many have to be renewed."""
        return self.expired + self.missing


@dataclass(frozen=True, slots=True)
class Example:
    """A customer with an error."""

    row: int | None  # of the input; None: gone from it
    customer_id: str | None
    error: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Customers whose last request failed in the same step with the same code."""

    state: State
    step: str
    code: str
    is_deleted: bool  # in Codat
    customers: int
    examples: tuple[Example, ...]
    correlation_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that was not accepted, and all that is wrong with it."""

    row: int
    customer_id: str | None
    problems_json: str

    @property
    def problems(self) -> list[Problem]:
        """The problems of the row, in the order of the fields."""
        return problems.parse(self.problems_json)

    @property
    def reasons(self) -> str:
        """The same in words, as in rejects.csv."""
        return problems.reasons(self.problems_json)


@dataclass(frozen=True, slots=True)
class Minute:
    """What happened in one minute in which bulk was at work."""

    at: int  # minutes since 1970
    requests: int
    limited: int  # of them answered with 429
    customers: int  # got further


@dataclass(frozen=True, slots=True)
class Held:
    """A time in which nothing could leave. UTC."""

    since: datetime
    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class LastRun:
    """The last run of a command on the batch."""

    command: str
    version: str
    started_at: str
    finished_at: str | None  # None: it was killed, or still goes on
    seconds: float | None
    stopped: str | None  # why it ended before its work was done
    done: Mapping[str, int]  # customers for whom a step was done, by step; also where only a look-up has shown it
    newly_linked: int  # customers found to have authorized
    findings: int  # of a verify, that were not adopted


@dataclass(frozen=True, slots=True)
class Figures:
    """A batch in figures, at one moment."""

    at: datetime
    since: datetime | None
    summary: Summary
    base_url: str | None  # of the last run; None: no run
    codat: str | None  # which Codat the batch belongs to
    mapping: Mapping[str, str]  # of the last input, field → column, as --map has named them
    mapping_of_rejects: Mapping[str, str] | None  # None: the rejected rows come from files with different ones
    standing: tuple[AttemptHistory, ...]
    links: LinkAges
    failures: tuple[Failure, ...]
    minutes: tuple[Minute, ...]
    holds: tuple[Held, ...]
    requests_to_do: int  # to get everybody as far as possible now
    last_run: LastRun | None
    changes: Mapping[tuple[State, State], int]  # customers whose state is another than at `since`: from, to


def read(reader: Reader, *, at: datetime, since: datetime | None = None) -> Figures:
    """Read them. `at`: the moment by which links are good or expired."""
    return Figures(
        at=at,
        since=since,
        summary=reader.summary(),
        base_url=reader.facts.get("base_url"),
        codat=reader.facts.get("codat"),
        mapping=json.loads(reader.facts.get("mapping", "{}")),
        mapping_of_rejects=_mapping_of_rejects(reader),
        standing=tuple(AttemptHistory(p, f, State(state), n) for p, f, state, n in reader.rows(_STANDING)),
        links=_link_ages(reader, at),
        failures=tuple(_failures(reader)),
        minutes=tuple(_minutes(reader)),
        holds=tuple(_holds(reader, at)),
        requests_to_do=int(reader.rows(_TO_DO)[0][0]),
        last_run=_last_run(reader),
        changes=_changes(reader, since),
    )


def rejections(reader: Reader) -> Iterable[Rejected]:
    """Give the rows that were not accepted and are shown as such, in input order."""
    return (Rejected(row, customer_id, text) for row, customer_id, text in reader.stream(_REJECTED))


def _mapping_of_rejects(reader: Reader) -> Mapping[str, str] | None:
    found = reader.rows(_MAPPINGS)
    if len(found) > 1:
        return None
    return dict(json.loads(found[0][0])) if found else {}


def _link_ages(reader: Reader, at: datetime) -> LinkAges:
    day = datetime.combine(at.astimezone(UTC).date() + timedelta(days=1), time(), UTC)
    values = {"now": moment(at), "tomorrow": moment(day), "lifetime": reader.lifetime}
    return LinkAges(*reader.rows(_LINK_AGES, values)[0])


def _failures(reader: Reader) -> Iterable[Failure]:
    values = {"examples": MAX_EXAMPLES, "told": MAX_CORRELATION_IDS}
    kinds: dict[tuple[str, str, str, bool], list[tuple[int | None, str, str, str | None, int]]] = {}
    for state, step, code, deleted, _, *found in reader.rows(_ERRORS, values):
        customer_id, row, error, correlation_id, number = found
        kind = (state, step or "", code, bool(deleted))
        kinds.setdefault(kind, []).append((row, customer_id, error or "", correlation_id, number))
    for (state, step, code, deleted), members in kinds.items():
        yield Failure(
            State(state),
            step,
            code,
            deleted,
            members[0][-1],
            tuple(Example(row, customer, error) for row, customer, error, *_ in members[:MAX_EXAMPLES]),
            tuple(dict.fromkeys(told for *_, told, _ in members if told))[:MAX_CORRELATION_IDS],
        )


def _minutes(reader: Reader) -> Iterable[Minute]:
    advanced = dict(reader.rows(_ADVANCED))
    requests = {at: (number, limited) for at, number, limited in reader.rows(_MINUTES)}
    for at in sorted(requests.keys() | advanced.keys()):
        yield Minute(at, *requests.get(at, (0, 0)), advanced.get(at, 0))


def _holds(reader: Reader, at: datetime) -> Iterable[Held]:
    rows = reader.rows(_HOLDS, {"at": moment(at)})
    return (Held(datetime.fromisoformat(since), datetime.fromisoformat(until), why) for since, until, why in rows)


def _last_run(reader: Reader) -> LastRun | None:
    found = reader.rows(_LAST_RUN)
    if not found:
        return None
    command, version, started_at, finished_at, seconds, stopped = found[0]
    done = dict(reader.rows(_DONE, reader.last_run()))
    linked = reader.rows(_LINKED, reader.last_run())[0][0]
    adopted = "SELECT count(*) FROM findings WHERE adopted = 0"
    findings = reader.rows(adopted)[0][0] if command == "verify" else 0
    return LastRun(command, version, started_at, finished_at, seconds, stopped, done, linked, findings)


def _changes(reader: Reader, since: datetime | None) -> Mapping[tuple[State, State], int]:
    if since is None:
        return {}
    rows = reader.rows(_CHANGED.format(was=WAS), {"since": moment(since)})
    return {(State(was), State(now)): number for was, now, number in rows}
