"""links.csv holds the links that open and no others, whatever has become of the requests for fresh ones."""

from __future__ import annotations

from runs.fixture import BatchFixture, Codat, until

from after.conftest import Migrated


def test_a_link_that_may_have_been_replaced_is_no_longer_given_out(codat: Codat, migrated: Migrated) -> None:
    """Its renewal was lost after it was done, and the next try is an hour away: the journal has no valid link."""
    fixture, ids = migrated(codat, 1)
    fixture.grow_old(23)
    codat.inject_faults(
        {"kind": "reset_after", "operations": ["get_connection"], "count": 1},
        {"kind": "429", "operations": ["get_connection"], "seconds": 3600},
    )

    assert fixture.then("links").code == 75

    fixture.proves_links_open([])
    assert fixture.states() == {"link_ready": 1}
    codat.clear_faults()
    fixture.alter("DELETE FROM batch WHERE key = 'asked_until'")
    assert fixture.then("links").code == 0
    fixture.proves_links_open(ids)


def test_a_link_that_cannot_have_been_replaced_is_still_given_out(codat: Codat, migrated: Migrated) -> None:
    """Codat put the renewal off before it did anything: the old link opens for another hour."""
    fixture, ids = migrated(codat, 2)
    fixture.grow_old(23)
    codat.inject_faults({"kind": "429", "operations": ["get_connection"], "seconds": 3600})

    assert fixture.then("links").code == 75

    fixture.proves_links_open(ids)


def test_a_renewal_that_is_done_late_does_not_spoil_the_next_one(codat: Codat, migrated: Migrated) -> None:
    """Codat makes the lost link three seconds later: by then the fresh one must not have been given out yet."""
    fixture, ids = migrated(codat, 1)
    fixture.grow_old(23)
    codat.inject_faults({"kind": "slow", "operations": ["get_connection"], "count": 1, "seconds": 3})

    assert fixture.then("links", "--timeout", "1").code == 0

    until(lambda: len(codat.log()) == 2, "the end of both requests")
    fixture.proves_links_open(ids)


def test_somebody_who_authorized_meanwhile_is_noticed_and_not_mailed_again(codat: Codat, migrated: Migrated) -> None:
    """The answer says so; a connection that is gone is reported, and its customer not mailed either."""
    fixture, ids = migrated(codat, 4)
    fixture.grow_old(30)
    codat.authorize(ids[:1])
    codat.delete("connections", codat.accounting(ids[1]).id)

    ended = fixture.then("links")

    assert ended.code == 1
    assert codat.stats()["requests"] == {"get_connection": 4}
    results = {result["customer_id"]: result for result in fixture.results()}
    assert [results[each]["state"] for each in ids] == ["linked", "failed", "link_ready", "link_ready"]
    assert results[ids[1]]["connection_status"] == "Deleted"
    fixture.proves_links_open(ids[2:])


def test_who_is_gone_from_the_input_gets_no_fresh_link_and_yet_a_partner(codat: Codat, fixture: BatchFixture) -> None:
    """Nobody emails them any more; but what they authorized is honoured."""
    ids = fixture.customers(3)
    assert fixture.run().code == 0
    rows = fixture.input.read_text().splitlines()
    fixture.input.write_text("\n".join(rows[:2]) + "\n")
    assert fixture.run().code == 0
    fixture.grow_old(30)
    codat.authorize(ids[2:])
    codat.count_from_zero()

    assert fixture.then("links").code == 0
    assert codat.stats()["requests"] == {"get_connection": 1}
    fixture.proves_links_open(ids[:1])

    assert fixture.then("follow-up").code == 0
    assert fixture.states() == {"link_ready": 2, "complete": 1}
    fixture.proves_reports_true(ids)


def test_a_margin_that_is_cut_is_said_to_be(codat: Codat, migrated: Migrated) -> None:
    """More than half a lifetime would renew what was renewed just now, and spoil links that were mailed."""
    fixture, _ = migrated(codat, 2)

    cut, default = fixture.then("links", "--margin", "24h"), fixture.then("links", "--link-lifetime", "1h")

    assert (cut.code, default.code) == (0, 0)
    assert "The margin is limited to 43,200 seconds, half the lifetime of a linkUrl." in cut.err
    assert "The margin is limited" not in default.err
    assert codat.log() == []
