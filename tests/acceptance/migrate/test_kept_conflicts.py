"""Codat keeps some 409s under their Idempotency-Key, so this key can never succeed."""

from __future__ import annotations

import signal

from support.runs import BatchFixture, Codat, until


def test_a_409_that_is_kept_under_its_key_is_followed_by_another_key(codat: Codat, fixture: BatchFixture) -> None:
    """The same 409 comes twice. A minute later nothing is found in Codat, and the next key creates the company."""
    ids = fixture.customers(3)
    codat.inject_faults({"kind": "409_kept", "operations": ["create_company"], "containing": f'"{ids[0]}"', "count": 1})

    process = fixture.start()
    until(lambda: _conflicts(fixture) == 2, "the second 409 is recorded")
    process.send_signal(signal.SIGINT)
    assert process.wait().code == 130
    assert fixture.states() == {"pending": 1, "link_ready": 2}
    assert len(_keys(fixture)) == 1

    fixture.let_hours_pass(2 / 60)
    assert fixture.run().code == 0

    assert _conflicts(fixture) == 2
    assert len(_keys(fixture)) == 2
    fixture.assert_once_only(ids)


def _conflicts(fixture: BatchFixture) -> int:
    if not (fixture.folder / "journal.sqlite3").exists():
        return 0
    if not fixture.query_journal("SELECT 1 FROM sqlite_schema WHERE name = 'requests'"):
        return 0  # the run is creating its journal
    ((number,),) = fixture.query_journal("SELECT count(*) FROM requests WHERE outcome = 'conflict'")
    return int(number)


def _keys(fixture: BatchFixture) -> set[str]:
    """Return the keys with which the first customer's company was requested."""
    rows = fixture.query_journal("SELECT key FROM requests WHERE operation = 'create_company' AND customer = 1")
    return {key for (key,) in rows}
