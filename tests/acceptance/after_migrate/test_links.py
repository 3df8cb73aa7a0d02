"""links.csv contains exactly the links that open, whatever happened to the requests for fresh ones."""

from __future__ import annotations

from support.runs import BatchFixture, Codat, until

from acceptance.after_migrate.conftest import Migrated


def test_a_link_that_may_have_been_replaced_is_no_longer_given_out(codat: Codat, migrated: Migrated) -> None:
    """The response to its renewal was lost, and the next try is an hour away: the journal has no valid link."""
    fixture, ids = migrated(codat, 1)
    fixture.let_hours_pass(23)
    codat.inject_faults(
        {"kind": "reset_after", "operations": ["get_connection"], "count": 1},
        {"kind": "429", "operations": ["get_connection"], "seconds": 3600},
    )

    assert fixture.then("links").code == 75

    fixture.assert_links_open([])
    assert fixture.states() == {"link_ready": 1}
    codat.clear_faults()
    fixture.change_journal("DELETE FROM batch WHERE key = 'asked_until'")
    assert fixture.then("links").code == 0
    fixture.assert_links_open(ids)


def test_a_link_that_cannot_have_been_replaced_is_still_given_out(codat: Codat, migrated: Migrated) -> None:
    """Codat rejected the renewal with a 429, so the old link still opens."""
    fixture, ids = migrated(codat, 2)
    fixture.let_hours_pass(23)
    codat.inject_faults({"kind": "429", "operations": ["get_connection"], "seconds": 3600})

    assert fixture.then("links").code == 75

    fixture.assert_links_open(ids)


def test_a_renewal_that_is_done_late_does_not_invalidate_the_next_one(codat: Codat, migrated: Migrated) -> None:
    """Codat makes the lost link three seconds later. The fresh link must not be issued before that."""
    fixture, ids = migrated(codat, 1)
    fixture.let_hours_pass(23)
    codat.inject_faults({"kind": "slow", "operations": ["get_connection"], "count": 1, "seconds": 3})

    assert fixture.then("links", "--timeout", "1").code == 0

    until(lambda: len(codat.log()) == 2, "the end of both requests")
    fixture.assert_links_open(ids)


def test_a_customer_that_has_authorized_since_is_noticed_and_not_emailed_again(
    codat: Codat, migrated: Migrated
) -> None:
    """The response shows it. A deleted connection is reported, and its customer is not emailed either."""
    fixture, ids = migrated(codat, 4)
    fixture.let_hours_pass(30)
    codat.authorize(ids[:1])
    codat.delete("connections", codat.accounting(ids[1]).id)

    ended = fixture.then("links")

    assert ended.code == 1
    assert codat.stats()["requests"] == {"get_connection": 4}
    results = {result["customer_id"]: result for result in fixture.results()}
    assert [results[each]["state"] for each in ids] == ["linked", "failed", "link_ready", "link_ready"]
    assert results[ids[1]]["connection_status"] == "Deleted"
    fixture.assert_links_open(ids[2:])


def test_a_customer_removed_from_the_input_gets_no_fresh_link_but_a_partner(
    codat: Codat, fixture: BatchFixture
) -> None:
    """Such a customer gets no more emails, but its authorization counts."""
    ids = fixture.customers(3)
    assert fixture.run().code == 0
    rows = fixture.input.read_text().splitlines()
    fixture.input.write_text("\n".join(rows[:2]) + "\n")
    assert fixture.run().code == 0
    fixture.let_hours_pass(30)
    codat.authorize(ids[2:])
    codat.count_from_zero()

    assert fixture.then("links").code == 0
    assert codat.stats()["requests"] == {"get_connection": 1}
    fixture.assert_links_open(ids[:1])

    assert fixture.then("follow-up").code == 0
    assert fixture.states() == {"link_ready": 2, "complete": 1}
    fixture.assert_reports_match(ids)


def test_a_limited_margin_is_reported(codat: Codat, migrated: Migrated) -> None:
    """A margin above half the lifetime would renew links that were issued recently and emailed."""
    fixture, _ = migrated(codat, 2)

    cut, default = fixture.then("links", "--margin", "24h"), fixture.then("links", "--link-lifetime", "1h")

    assert (cut.code, default.code) == (0, 0)
    assert "The margin is limited to 43,200 seconds, half the lifetime of a linkUrl." in cut.err
    assert "The margin is limited" not in default.err
    assert codat.log() == []
