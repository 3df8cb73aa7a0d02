"""follow-up --watch continues until nobody is left, its time is over, or it is stopped."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta

from runs.conftest import Launch
from runs.fixture import Codat, until
from support.sandbox import start

from after.conftest import Migrated


def test_it_goes_on_until_nobody_is_left_and_survives_an_outage(launch: Launch, migrated: Migrated) -> None:
    """Each gets a partner within a round of linking; Codat is gone for a while in between."""
    codat = launch()
    fixture, ids = migrated(codat, 3)
    process = fixture.start("--watch", "1", "--timeout", "5", command="follow-up")
    until(lambda: codat.stats()["requests_total"] >= 1, "the first page")
    codat.authorize(ids[:1])
    until(lambda: len(codat.connections(ids)[ids[0]]) == 2, "the first partner")
    assert codat.running.process is not None
    codat.running.process.kill()
    codat.running.process.wait()
    until(lambda: "unreachable" in process.so_far() or "trying again" in process.so_far(), "a word about the outage")

    with start(codat.running.folder.path) as running:
        fixture.codat = back = Codat(running)
        back.authorize(ids[1:])
        ended = process.wait()
        assert ended.code == 0
        fixture.proves_reports_true(ids)
        assert fixture.states() == {"complete": 3}


def test_ctrl_c_ends_its_rest_at_once(codat: Codat, migrated: Migrated) -> None:
    """With 130, and the reports of the last round in place."""
    fixture, ids = migrated(codat, 2)
    codat.authorize(ids[:1])
    process = fixture.start("--watch", "600", command="follow-up")
    until(
        lambda: (fixture.folder / "summary.json").exists() and fixture.states().get("complete") == 1, "the first round"
    )

    process.tell(signal.SIGINT)
    ended = process.wait()

    assert ended.code == 130
    fixture.proves_reports_true(ids)


def test_it_ends_when_its_time_is_over(codat: Codat, migrated: Migrated) -> None:
    """Somebody is still waiting, and that is not a fault."""
    fixture, ids = migrated(codat, 2)
    codat.authorize(ids[:1])
    end = datetime.now(UTC) + timedelta(seconds=8)

    ended = fixture.then("follow-up", "--watch", "1", "--until", end.isoformat())

    assert ended.code == 0
    assert datetime.now(UTC) >= end
    assert 1 <= codat.stats()["requests"]["list_companies"] <= 9
    assert codat.stats()["requests"]["create_partner_expense_connection"] == 1
    fixture.proves_reports_true(ids)


def test_it_ends_when_the_key_is_refused(codat: Codat, migrated: Migrated) -> None:
    """That does not pass by itself."""
    fixture, _ = migrated(codat, 1)
    codat.inject_faults({"kind": "403", "operations": ["list_companies"], "after": 1})

    assert fixture.then("follow-up", "--watch", "1").code == 3


def test_a_batch_that_is_taken_away_meanwhile_is_not_begun_anew(codat: Codat, migrated: Migrated) -> None:
    """An empty journal in its place would say that all is done, with reports of nobody over the good ones."""
    fixture, ids = migrated(codat, 2)
    before = (fixture.folder / "results.csv").read_bytes()
    process = fixture.start("--watch", "1", command="follow-up")
    until(lambda: codat.stats()["requests_total"] >= 1, "the first page")
    until(lambda: "Next round at" in process.so_far(), "its rest")

    fixture.lose_the_journal()
    ended = process.wait()

    assert ended.code == 75
    assert "journal.sqlite3 is gone: it was moved or deleted" in ended.err
    assert not (fixture.folder / "journal.sqlite3").exists()
    assert (fixture.folder / "results.csv").read_bytes().count(b"link_ready") == before.count(b"link_ready") == len(ids)
