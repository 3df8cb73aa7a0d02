"""A firewall or gateway in front of Codat answers 401, 402, 403, 404 or 3xx with a page of its own.

That says nothing about the key or the row: the other customers are finished in one run. Only if everybody is blocked
does the run stop, and it says what is in the way.
"""

from __future__ import annotations

import pytest
from support.runs import BatchFixture, Codat

from bulk.engine import retry

CUSTOMERS = 40


def _block(codat: Codat, text: str, status: int = 403, **settings: object) -> None:
    codat.inject_faults({"kind": "blocked", "status": status, "containing": text, **settings})


def test_one_blocked_customer_stops_no_other(codat: Codat, fixture: BatchFixture) -> None:
    """It stays pending with its error, and the next run finishes it once the firewall is open."""
    ids = fixture.customers(CUSTOMERS)
    _block(codat, f'"{ids[7]}"')
    ended = fixture.run()
    assert ended.code == 75
    assert "1 customer could not be finished for now" in ended.err
    assert fixture.states() == {"link_ready": CUSTOMERS - 1, "pending": 1}
    assert codat.struck() == retry.MAX_TRIES
    (row,) = [row for row in fixture.results() if row["state"] == "pending"]
    assert (row["customer_id"], row["error_code"], row["error_step"]) == (ids[7], "blocked", "company")
    assert row["error"] == "HTTP 403: Access denied Blocked by the firewall."

    codat.clear_faults()
    assert fixture.run().code == 0
    fixture.assert_once_only(ids)


@pytest.mark.long
@pytest.mark.parametrize("place", ["first", "scattered"])
def test_a_tenth_of_the_customers_is_blocked_and_the_others_are_finished(
    codat: Codat, fixture: BatchFixture, place: str
) -> None:
    """In one run, wherever they are in the file."""
    ids = fixture.customers(2 * CUSTOMERS)
    blocked = ids[:8] if place == "first" else ids[::10]
    for each in blocked:
        _block(codat, f'"{each}"')
    assert fixture.run().code == 75
    assert fixture.states() == {"link_ready": len(ids) - len(blocked), "pending": len(blocked)}

    codat.clear_faults()
    assert fixture.run().code == 0
    fixture.assert_once_only(ids)


def test_requests_that_are_blocked_now_and_then_are_repeated_in_the_same_run(
    codat: Codat, fixture: BatchFixture
) -> None:
    """A tenth of all requests, whatever they ask for."""
    ids = fixture.customers(CUSTOMERS)
    _block(codat, "", 403, probability=0.1)
    assert fixture.run().code == 0
    assert codat.struck() > 0
    fixture.assert_once_only(ids)


@pytest.mark.long
@pytest.mark.parametrize("operations", [[], ["create_company"]])
def test_a_run_in_which_everybody_is_blocked_says_what_is_in_the_way(
    codat: Codat, fixture: BatchFixture, operations: list[str]
) -> None:
    """From the first request on, or only for the requests that create something."""
    ids = fixture.customers(5)
    _block(codat, "", 302, operations=operations)
    ended = fixture.run()
    assert ended.code == 75
    assert "blocks the requests: HTTP 302, redirected to https://firewall.example.com/sign-in" in ended.err

    codat.clear_faults()
    assert fixture.run().code == 0
    fixture.assert_once_only(ids)
