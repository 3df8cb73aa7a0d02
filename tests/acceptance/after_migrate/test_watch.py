"""`follow-up --watch` continues until no customer is pending, its time is over, or it is stopped."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta

from support.run_fixtures import Launch
from support.runs import Codat, until
from support.sandbox import start

from acceptance.after_migrate.conftest import Migrated


def test_it_continues_until_all_are_complete_and_survives_an_outage(launch: Launch, migrated: Migrated) -> None:
    """Each customer gets its partner in the round after it links. Codat is down for a while in between."""
    codat = launch()
    fixture, ids = migrated(codat, 3)
    process = fixture.start("--watch", "1", "--timeout", "5", command="follow-up")
    until(lambda: codat.stats()["requests_total"] >= 1, "the first page")
    codat.authorize(ids[:1])
    until(lambda: len(codat.connections(ids)[ids[0]]) == 2, "the first partner")
    assert codat.running.process is not None
    codat.running.process.kill()
    codat.running.process.wait()
    until(
        lambda: "unreachable" in process.stderr_so_far() or "trying again" in process.stderr_so_far(),
        "a message about the outage",
    )

    with start(codat.running.folder.path) as running:
        fixture.codat = back = Codat(running)
        back.authorize(ids[1:])
        ended = process.wait()
        assert ended.code == 0
        fixture.assert_reports_match(ids)
        assert fixture.states() == {"complete": 3}


def test_ctrl_c_ends_the_pause_between_rounds_at_once(codat: Codat, migrated: Migrated) -> None:
    """The exit code is 130, and the reports of the last round are in place."""
    fixture, ids = migrated(codat, 2)
    codat.authorize(ids[:1])
    process = fixture.start("--watch", "600", command="follow-up")
    until(
        lambda: (fixture.folder / "summary.json").exists() and fixture.states().get("complete") == 1, "the first round"
    )

    process.send_signal(signal.SIGINT)
    ended = process.wait()

    assert ended.code == 130
    fixture.assert_reports_match(ids)


def test_it_ends_when_its_time_is_over(codat: Codat, migrated: Migrated) -> None:
    """A customer that is still pending is not a failure."""
    fixture, ids = migrated(codat, 2)
    codat.authorize(ids[:1])
    end = datetime.now(UTC) + timedelta(seconds=8)

    ended = fixture.then("follow-up", "--watch", "1", "--until", end.isoformat())

    assert ended.code == 0
    assert datetime.now(UTC) >= end
    assert 1 <= codat.stats()["requests"]["list_companies"] <= 9
    assert codat.stats()["requests"]["create_partner_expense_connection"] == 1
    fixture.assert_reports_match(ids)


def test_it_ends_when_the_key_is_rejected(codat: Codat, migrated: Migrated) -> None:
    """Waiting does not help against that."""
    fixture, _ = migrated(codat, 1)
    codat.inject_faults({"kind": "403", "operations": ["list_companies"], "after": 1})

    assert fixture.then("follow-up", "--watch", "1").code == 3


def test_a_batch_that_disappears_is_not_started_again(codat: Codat, migrated: Migrated) -> None:
    """A new, empty journal would say that all is done, and its empty reports would replace the good ones."""
    fixture, ids = migrated(codat, 2)
    before = (fixture.folder / "results.csv").read_bytes()
    process = fixture.start("--watch", "1", command="follow-up")
    until(lambda: codat.stats()["requests_total"] >= 1, "the first page")
    until(lambda: "Next round at" in process.stderr_so_far(), "the pause")

    fixture.delete_journal()
    ended = process.wait()

    assert ended.code == 75
    assert "journal.sqlite3 is gone: it was moved or deleted" in ended.err
    assert not (fixture.folder / "journal.sqlite3").exists()
    assert (fixture.folder / "results.csv").read_bytes().count(b"link_ready") == before.count(b"link_ready") == len(ids)
