"""The ledger of rare states: a name and a test for each. A long simulation shows which of them it has reached.

A test is a regular expression, or a function of one request or of the whole story.

- `HISTORIES` search the requests for one customer, in order, such as
  `company:k0:unknown:200 | company:list_companies:found:200`. A request with a key has the number of the key, any other
  request its operation. `none` is an intent without an outcome. `||` begins another run.
- `EVENTS` search the scenario's events, one on each line: commands and their exit codes, edits, decisions.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from support.fault_schedule import Fate, RetryAfter

from bulk.model import Outcome
from simulation.network import Exchange

Row = tuple[int, str, str, str | None, str | None, int | None, int]


@dataclass(frozen=True, slots=True)
class Story:
    """What has happened in a scenario."""

    histories: Sequence[str]
    marks: Sequence[str]
    exchanges: Sequence[Exchange]
    excused: Collection[str] = ()


def read_histories(rows: Iterable[Row]) -> list[str]:
    """Return the history of each customer, from the journal's requests."""
    histories = []
    for _, requests in groupby(rows, key=lambda row: row[0]):
        keys: defaultdict[str, list[str]] = defaultdict(list)
        history, last_run = "", None
        for _, step, operation, key, outcome, status, run in requests:
            if key is not None and key not in keys[step]:
                keys[step].append(key)
            what = operation if key is None else f"k{keys[step].index(key)}"
            separator = "" if last_run is None else " | " if last_run == run else " || "
            history += f"{separator}{step}:{what}:{outcome or 'none'}:{status or ''}"
            last_run = run
        histories.append(history)
    return histories


_NEXT = r"\S* \|+ "  # the next request for the customer
_LATER = r"\S* \|.*? "  # a later one
_DOUBT = "(?:unknown|none|server_error)"
_LOOK = r"list_companies|list_connections"

HISTORIES = {
    "key replayed after a look-up": rf"(company:k\d):{_DOUBT}{_NEXT}company:list_companies:not_found{_NEXT}\1:done",
    "key replayed after a look-up, in a later run": r"company:list_companies:not_found\S* \|\| company:k\d:done",
    "connection's key replayed after a look-up": (
        rf"(connection:k\d):{_DOUBT}{_NEXT}connection:list_connections:not_found{_NEXT}\1:done"
    ),
    "partner connection's key replayed after a look-up": (
        rf"(partner:k\d):{_DOUBT}{_NEXT}partner:list_connections:not_found{_NEXT}\1:done"
    ),
    "company of a lost response found": rf"company:k\d:unknown{_NEXT}company:list_companies:found",
    "connection of a lost response found": rf"connection:k\d:unknown{_NEXT}connection:list_connections:found",
    "partner connection of a lost response found": rf"partner:k\d:unknown{_NEXT}partner:list_connections:found",
    "company of a killed run found": r"company:k\d:none: \|\| connection:k\d:",
    "connection of a killed run found": r"connection:k\d:none: \|\| link:get_connection:",
    "request of a killed run not found": rf":k\d:none{_NEXT}\w+:(?:{_LOOK}):not_found",
    "company of a 5xx found": rf"company:k\d:server_error{_NEXT}company:list_companies:found",
    "next key after a 5xx": rf"(\w+):k0:server_error{_LATER}\1:k1:",
    "third key of a step": r":k2:",
    "fourth key of a step": r":k3:",
    "look-up without a readable response": rf":(?:{_LOOK}):(?:unknown|server_error)",
    "look-up that finds nothing, twice": rf":(?:{_LOOK}):not_found{_NEXT}\w+:(?:{_LOOK}):not_found",
    "look-up of several pages": rf":(?:{_LOOK}):done{_NEXT}\w+:(?:{_LOOK}):",
    "409, then done with the same key": rf"(\w+:k\d):conflict{_NEXT}\1:done",
    "409 twice, then a look-up": rf"(\w+:k\d):conflict{_NEXT}\1:conflict{_NEXT}\w+:(?:{_LOOK}):",
    "409, then found by a look-up": rf":k\d:conflict{_NEXT}\w+:(?:{_LOOK}):found",
    "409 that is kept": rf"(\w+):k0:conflict{_LATER}\1:k0:conflict{_LATER}\1:k1:",
    "422 for a key with another body": r":k\d:rejected:422",
    "422, then found by a look-up": rf":k\d:rejected:422 \|+ \w+:(?:{_LOOK}):found",
    "422, then the next key": rf"(\w+):k0:rejected:422{_LATER}\1:k1:",
    "rejection, then done with the next key": rf"(\w+):k(?:0:rejected{_LATER}\1:k1:done|1:rejected{_LATER}\1:k2:done)",
    "rejection after a request in doubt": rf"(\w+:k\d):{_DOUBT}{_LATER}\1:rejected",
    "402, then done": rf"(\w+):k\d:fatal:402{_LATER}\1:k\d:done",
    "401, then done": rf"(\w+):k\d:fatal:401{_LATER}\1:k\d:done",
    "429, then done with the same key": rf"(\w+:k\d):rate_limited{_NEXT}\1:done",
    "not sent, then done with the same key": rf"(\w+:k\d):not_sent{_NEXT}\1:done",
    "firewall's page, then done with the same key": rf"(\w+:k\d):blocked{_NEXT}\1:done",
    "gateway's 5xx twice, then the next key": rf"(\w+):k0:unknown:5{_LATER}\1:k0:unknown:5{_LATER}\1:k1:",
    "company created again after undo": rf"delete:\w+:(?:done|found){_LATER}company:k\d:done",
    "company created again after a deletion in the portal": rf"company:k0:done{_LATER}company:k[1-9]:done",
    "connection created again": rf"connection:k0:done{_LATER}connection:k[1-9]:done",
    "old key returns a deleted company": rf"company:k\d:done{_NEXT}connection:k\d:rejected:404",
    "deletion without a response": r"delete:delete_company:(?:unknown|none|server_error)",
    "company deleted by somebody else before undo": r"delete:get_company:found",
    "company linked right before undo": r"delete:get_company:rejected",
    "link renewed without a response": r"link:get_connection:(?:unknown|none)",
    "link of an adopted connection requested": r"^(?!.*connection:k\d:done).*link:get_connection:done",
    "unlink without a response": r"unlink:k\d:(?:unknown|none|server_error)",
    "unlinked by somebody else meanwhile": rf"unlink:k\d:{_DOUBT}{_NEXT}unlink:list_connections:found",
}

EVENTS = {
    "conflict accepted": r"other_name decided: accept",
    "conflict accepted, then journal lost": r"decided: accept\n(?s:.*)journal lost",
    "conflict after a lost journal": r"journal lost\n(?s:.*)other_name decided",
    "conflict solved by editing the row": r"other_name decided: edit",
    "conflict solved with --source": r"decided: source",
    "conflict solved in the portal": r"other_name decided: portal",
    "damaged name accepted": r"company_name_damaged decided: accept",
    "damaged name corrected": r"company_name_damaged decided: edit",
    "company of another customer found": r"other_owner decided",
    "company renamed": r"portal: rename",
    "company named like another": r"portal: take a name",
    "company without tags": r"portal: remove the tags",
    "company without one tag": r"portal: remove a tag",
    "two companies with swapped tags": r"portal: swap the tags",
    "company found under two tags": r"portal: take the tags",
    "journal lost twice": r"journal lost\n(?s:.*)journal lost",
    "killed three times": r"killed\n(?s:.*)killed\n(?s:.*)killed",
    "Ctrl-C, then resumed": r"ends with 130\n(?s:.*)migrate.* ends with 0",
    "clock set back during a run": r"clock set back during a run",
    "clock set forward during a run": r"clock set forward during a run",
    "two copies migrate at once": r"migrate next to migrate",
    "two copies follow up at once": r"follow-up next to follow-up",
    "links renewed during migrate": r"links next to migrate",
    "unlink during follow-up": r"unlink next to follow-up",
    "run frozen while a copy finishes": r"run frozen for (?:300|2700) s",
    "other software linked": r"customer: link other software",
    "connection deleted in the portal": r"customer: delete the connection",
    "partner connection deleted in the portal": r"customer: delete the partner connection",
    "rejected row corrected": r"migrate corrected.csv ends with 0",
    "key of another client refused": r"another client's key: 3",
    "stopped by Codat": r"ends with 3\n",
    "stopped for now": r"ends with 75\n",
}


def _of_operation(operation: str, holds: Callable[[Exchange], bool]) -> Callable[[Exchange], bool]:
    return lambda each: each.request.operation == operation and holds(each)


def _shows(text: str) -> Callable[[Exchange], bool]:
    return lambda each: each.answer is not None and text in each.answer.body


REQUESTS: dict[str, Callable[[Exchange], bool]] = {
    "done after the client has given up": lambda each: (
        each.gives_up and each.answer is not None and each.answer.status < 300 and each.done_at > each.ends_at
    ),
    "list that is behind": lambda each: each.passage.lag > 0,
    "list that is minutes behind": lambda each: each.passage.lag > 60,
    "link renewed while the customer links": _of_operation("get_connection", _shows('"status":"Linked"')),
    "link requested of a connection that was deleted": _of_operation(
        "get_connection", lambda each: _status(each) == 404
    ),
    "partner connection of a customer who withdrew": _of_operation(
        "create_partner_expense_connection", lambda each: _status(each) == 400 and each.passage.fate is Fate.WELL
    ),
    "409 that is kept, replayed": lambda each: each.is_replay and _status(each) == 409,
    "5xx after the work, replayed": lambda each: each.is_replay and _status(each) >= 500,
    "rejection replayed": lambda each: each.is_replay and 400 <= _status(each) < 500,
    "429 with a date": lambda each: (
        each.passage.retry_after is RetryAfter.DATE and _outcome(each) is Outcome.RATE_LIMITED
    ),
    "429 without a readable Retry-After": lambda each: (
        each.passage.retry_after is RetryAfter.NONSENSE and _outcome(each) is Outcome.RATE_LIMITED
    ),
    "daily quota used up": lambda each: each.is_refused and _outcome(each) is Outcome.RATE_LIMITED,
}


def _status(exchange: Exchange) -> int:
    return exchange.answer.status if exchange.answer else 0


def _outcome(exchange: Exchange) -> Outcome | None:
    return exchange.reply.outcome if exchange.reply else None


def _lists(story: Story) -> Iterable[tuple[Exchange, int, int]]:
    """Yield the pages of the company list: each request, the companies on its page, and the companies by its count."""
    for each in story.exchanges:
        if each.request.operation == "list_companies" and each.answer and each.answer.status == 200:
            count = re.search(r'"totalResults": (\d+)', each.answer.body)
            if count:
                yield each, each.answer.body.count('"redirect":'), int(count[1])


def _of_two_pages(story: Story) -> Iterable[tuple[int, int]]:
    """Yield the counts of one page and of the next page of the same list."""
    for (_, _, before), (second, _, after) in pairwise(_lists(story)):
        if "page=1&" not in second.request.path:
            yield before, after


def _of_one_key(story: Story) -> Iterable[tuple[Exchange, Exchange]]:
    """Yield two requests of different batches with the same key: the first one and a later one."""
    first: dict[str, Exchange] = {}
    for each in story.exchanges:
        if each.key is not None:
            before = first.setdefault(each.key, each)
            if before.sender != each.sender:
                yield before, each


STORIES: dict[str, Callable[[Story], bool]] = {
    "list shorter than its count": lambda story: any(0 < shown < count for _, shown, count in _lists(story)),
    "list that shrinks while it is read": lambda story: any(b < a for a, b in _of_two_pages(story)),
    "list that grows while it is read": lambda story: any(b > a for a, b in _of_two_pages(story)),
    "key used by two batches": lambda story: any(True for _ in _of_one_key(story)),
    "company returned to a copy": lambda story: any(b.is_replay and _status(b) == 200 for _, b in _of_one_key(story)),
    "409 for a copy's request": lambda story: any(
        _status(b) == 409 and b.passage.fate is not Fate.BUSY for _, b in _of_one_key(story)
    ),
    "422 for a copy's request": lambda story: any(_status(b) == 422 for _, b in _of_one_key(story)),
    "second thing after a key was forgotten": lambda story: bool(story.excused),
}
STATES = (*HISTORIES, *EVENTS, *REQUESTS, *STORIES)
_HISTORIES = {name: re.compile(pattern) for name, pattern in HISTORIES.items()}
_EVENTS = {name: re.compile(pattern) for name, pattern in EVENTS.items()}


def reached(story: Story) -> frozenset[str]:
    """Return the rare states that a scenario reached."""
    marks = "".join(f"{mark}\n" for mark in story.marks)
    return frozenset(
        [
            *(name for name, found in _HISTORIES.items() if any(map(found.search, story.histories))),
            *(name for name, found in _EVENTS.items() if found.search(marks)),
            *(name for name, holds in REQUESTS.items() if any(map(holds, story.exchanges))),
            *(name for name, holds in STORIES.items() if holds(story)),
        ]
    )
