"""Every request of a command after `migrate` takes effect once despite any fault, and the reports match Codat.

Every kind of fault strikes every operation, each time for another customer. A request succeeds between two faults, so
that the circuit breaker does not trip. Operations with an Idempotency-Key run against two sandboxes: one honours keys,
and the other ignores them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from support.runs import BatchFixture, Codat
from support.sandbox import start

from acceptance.migrate.test_each_fault import FAULTS, Fault
from acceptance.trials import run_all
from bulk.sandbox.options import Options

CUSTOMERS = 56
OTHERS = 4  # customers who must stay untouched
MAX_RUNS = 3
HONEST = Options(rate=0, daily_limit=0)
CARELESS = Options(rate=0, daily_limit=0, ignore_idempotency=True, second_connection="allow")


def _each_on(operation: str, faults: Sequence[Fault] = FAULTS) -> list[dict[str, object]]:
    """Return the rules: each fault strikes one request, and one request passes between two faults."""
    return [fault.on(operation, count=1, after=number) for number, fault in enumerate(faults)]


def _run_to_the_end(fixture: BatchFixture, command: str, *options: str) -> None:
    for _ in range(MAX_RUNS):
        ended = fixture.start("--timeout", "1", *options, command=command).wait()
        assert ended.code in (0, 1, 75), ended.err
        if ended.code == 0:
            return
    raise AssertionError(f"{command} is not done after {MAX_RUNS} runs: {ended.err}")


def _struck(fixture: BatchFixture, rules: list[dict[str, object]], command: str, *options: str) -> None:
    """Run a command to its end while these faults strike."""
    codat = fixture.codat
    codat.count_from_zero()
    codat.inject_faults(*rules)
    _run_to_the_end(fixture, command, *options)
    assert codat.struck() == len(rules)
    assert codat.stats()["early_requests"] == 0
    codat.clear_faults()


def _follow_up(fixture: BatchFixture, ids: list[str], faults_of_pages: Sequence[Fault]) -> None:
    fixture.codat.authorize(ids[OTHERS:])
    rules = _each_on("list_companies", faults_of_pages) + _each_on("create_partner_expense_connection")
    _struck(fixture, rules, "follow-up")
    there = fixture.codat.connections(ids)
    assert [[c.kind for c in there[each]].count("Expense") for each in ids] == [0] * OTHERS + [1] * (len(ids) - OTHERS)
    fixture.assert_reports_match(ids)
    fixture.assert_links_open(ids[:OTHERS])


def _links(fixture: BatchFixture, ids: list[str]) -> None:
    fixture.let_hours_pass(23)
    _struck(fixture, _each_on("get_connection"), "links")
    fixture.assert_links_open(ids)
    fixture.assert_reports_match(ids)


def _unlink(fixture: BatchFixture, ids: list[str]) -> None:
    fixture.codat.authorize(ids)
    named = [part for each in ids[OTHERS:] for part in ("--customer", each)]
    _struck(fixture, _each_on("unlink_connection"), "unlink", *named)
    there = fixture.codat.connections(ids)
    assert {there[each][0].status for each in ids[OTHERS:]} == {"Unlinked"}
    assert {there[each][0].status for each in ids[:OTHERS]} == {"Linked"}
    fixture.assert_reports_match(ids)


def _undo(fixture: BatchFixture, ids: list[str]) -> None:
    fixture.codat.authorize(ids[:OTHERS])
    _struck(fixture, _each_on("get_company") + _each_on("delete_company"), "undo", "--yes")
    assert sorted(each["tags"]["uid"] for each in fixture.codat.companies()) == ids[:OTHERS]
    assert fixture.states() == {"linked": OTHERS, "pending": len(ids) - OTHERS}
    fixture.assert_reports_match(ids[:OTHERS])


TRIALS: dict[str, tuple[Options, Callable[[BatchFixture, list[str]], None]]] = {
    "follow-up, keys honoured": (replace(HONEST, max_page_size=2), partial(_follow_up, faults_of_pages=FAULTS[::2])),
    "follow-up, keys ignored": (replace(CARELESS, max_page_size=2), partial(_follow_up, faults_of_pages=FAULTS[1::2])),
    "unlink, keys honoured": (HONEST, _unlink),
    "unlink, keys ignored": (CARELESS, _unlink),
    "links": (HONEST, _links),
    "undo": (HONEST, _undo),
}


@pytest.mark.long
def test_a_fault_of_any_kind_on_any_operation_does_no_harm(tmp_path: Path) -> None:
    """Each linked customer has one partner connection, links open, and no company is lost."""

    def tried(name: str) -> None:
        options, trial = TRIALS[name]
        path = tmp_path / name
        path.mkdir()
        with start(path / "codat", options=options) as running:
            fixture = BatchFixture(path, Codat(running))
            ids = fixture.customers(CUSTOMERS, prefix="one")
            assert fixture.run().code == 0
            try:
                trial(fixture, ids)
            finally:
                fixture.stop_processes()

    run_all({name: partial(tried, name) for name in TRIALS}, at_once=len(TRIALS))


def test_a_customer_is_unlinked_although_several_look_ups_of_its_company_fail(
    codat: Codat, fixture: BatchFixture
) -> None:
    """The look-up is repeated until it succeeds."""
    ids = fixture.customers(2)
    assert fixture.run().code == 0
    codat.authorize(ids)
    kinds = ("gateway_after", "truncated", "reset_after")
    codat.inject_faults(*({"kind": kind, "operations": ["get_company"], "count": 1} for kind in kinds))

    assert fixture.then("unlink", "--customer", ids[0]).code == 0

    assert codat.struck() == len(kinds)
    assert fixture.states() == {"unlinked": 1, "link_ready": 1}
    assert codat.accounting(ids[0]).status == "Unlinked"
