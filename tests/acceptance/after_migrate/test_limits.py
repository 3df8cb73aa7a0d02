"""Commands after `migrate` that cannot continue: an exhausted quota, a rejected key, a wrong folder, another run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest
from support.run_fixtures import Launch
from support.runs import KEY, BatchFixture, Codat, row, until

from acceptance.after_migrate.conftest import Migrated

CUSTOMERS = 8
COMMANDS = ("follow-up", "links", "undo", "unlink", "verify")


def _arguments(command: str, ids: list[str]) -> list[str]:
    if command == "unlink":
        return [part for each in ids for part in ("--customer", each)]
    return ["--yes"] if command == "undo" else []


@pytest.mark.parametrize(
    ("command", "left", "done"),
    [
        ("follow-up", 4, 3),
        ("links", 4, 4),
        ("undo", 6, 2),
    ],  # follow-up requests a page first; undo sends two requests for each company
)
def test_a_day_ends_in_the_middle_and_the_next_one_finishes(
    command: str, left: int, done: int, launch: Launch, migrated: Migrated
) -> None:
    """It stops with 75 before a 429, names the time of the reset, and the same command resumes."""
    codat = launch()
    fixture, ids = migrated(codat, CUSTOMERS)
    if command == "follow-up":
        codat.authorize(ids)
    fixture.let_hours_pass(12)
    codat.running.stop()
    codat = launch(daily_limit=1 if command == "follow-up" else 9)
    assert codat.base_url == fixture.codat.base_url
    fixture.codat = codat
    fixture.let_hours_pass(12)
    for _ in range(9 - left):
        codat.api("GET", "/companies?pageSize=1")
    codat.count_from_zero()

    first = fixture.then(command, *_arguments(command, ids))

    assert first.code == 75
    assert "daily quota is used up until" in first.err
    assert f"{fixture.summary()['quota']['resets_at']:.10}" in first.err
    assert codat.stats()["rate_limited"] == 0
    assert left - 1 <= codat.stats()["requests_total"] <= left
    assert _done(command, fixture) == done

    fixture.let_hours_pass(24)
    ended = fixture.then(command, *_arguments(command, ids))
    if command == "undo":  # the other 6 need more than one day's quota
        assert ended.code == 75
        fixture.let_hours_pass(24)
        ended = fixture.then(command, *_arguments(command, ids))
    assert ended.code == 0
    assert _done(command, fixture) == CUSTOMERS
    assert codat.stats()["rate_limited"] == 0
    if command == "links":
        fixture.assert_links_open(ids)
    elif command == "undo":
        assert codat.companies() == []
    else:
        fixture.assert_reports_match(ids)


def _done(command: str, fixture: BatchFixture) -> int:
    if command == "links":
        return len(fixture.table("links.csv"))
    return fixture.states().get("complete" if command == "follow-up" else "pending", 0)


@pytest.mark.parametrize(
    ("command", "operation"),
    [("follow-up", "create_partner_expense_connection"), ("links", "get_connection"), ("undo", "delete_company")],
)
def test_the_next_run_also_observes_a_retry_after(
    command: str, operation: str, codat: Codat, migrated: Migrated
) -> None:
    """A command does not sleep for an hour: it stops with 75, and so does a rerun, without a request."""
    fixture, ids = migrated(codat, 2)
    fixture.let_hours_pass(30)
    if command == "follow-up":
        codat.authorize(ids)
    codat.inject_faults({"kind": "429", "operations": [operation], "count": 1, "seconds": 3600})

    ended = fixture.then(command, *_arguments(command, ids), "--concurrency", "1")

    assert ended.code == 75
    assert "Codat asked to wait (429) until" in ended.err
    assert codat.stats()["early_requests"] == 0
    codat.clear_faults()
    codat.count_from_zero()

    again = fixture.then(command, *_arguments(command, ids))

    assert again.code == 75
    assert "Codat asked to wait" in again.err
    assert codat.stats()["requests_total"] == 0
    fixture.change_journal("DELETE FROM batch WHERE key = 'asked_until'")
    assert fixture.then(command, *_arguments(command, ids)).code == 0


def test_an_undo_that_cannot_ask_codat_does_not_propose_a_deletion(codat: Codat, migrated: Migrated) -> None:
    """Somebody may have linked the companies since."""
    fixture, _ = migrated(codat, 2)
    codat.inject_faults({"kind": "429", "operations": ["list_companies"], "count": 1, "seconds": 3600})

    ended = fixture.then("undo")

    assert ended.code == 75
    assert "2 companies that nobody had linked when Codat was last asked:" in ended.out
    assert "--yes" not in ended.out + ended.err


@pytest.mark.parametrize(
    ("command", "operation"),
    [("follow-up", "create_partner_expense_connection"), ("links", "get_connection"), ("verify", "list_companies")],
)
def test_a_key_that_is_rejected_in_the_middle_stops_the_command(
    command: str, operation: str, codat: Codat, migrated: Migrated
) -> None:
    """It exits with 3, the reports show the work so far, and with a good key the same command does the rest."""
    fixture, ids = migrated(codat, 4)
    fixture.let_hours_pass(30)
    if command == "follow-up":
        codat.authorize(ids)
    codat.inject_faults({"kind": "401", "operations": [operation], "after": 0 if command == "verify" else 2})

    ended = fixture.then(command, "--concurrency", "1")

    assert ended.code == 3
    assert "CODAT_API_KEY" in ended.err
    codat.clear_faults()
    if command == "links":
        renewed = [link["customer_id"] for link in fixture.table("links.csv")]
        assert len(renewed) == 2
        fixture.assert_links_open(renewed)
    elif command == "follow-up":
        assert fixture.states() == {"complete": 2, "linked": 2}
    assert fixture.then(command).code == 0
    fixture.assert_reports_match(ids)


def test_ctrl_c_finishes_the_requests_in_flight_and_the_same_command_resumes(
    launch: Launch, migrated: Migrated
) -> None:
    """The journal has the response to every renewal, and no link is renewed twice."""
    codat = launch()
    fixture, ids = migrated(codat, 20)
    fixture.let_hours_pass(23)
    with codat.holding(after=6) as wait_until_held:
        process = fixture.start("--concurrency", "3", "--timeout", "240", command="links")
        wait_until_held()

        process.send_signal(signal.SIGINT)
        until(lambda: "Stopping" in process.stderr_so_far(), "a message about the signal")
    ended = process.wait()

    assert ended.code == 130
    assert "The same command resumes" in ended.err
    ((unanswered,),) = fixture.query_journal("SELECT count(*) FROM requests WHERE outcome IS NULL")
    assert unanswered == 0
    fixture.assert_links_open(ids)  # the old ones are still good
    assert fixture.then("links").code == 0
    assert codat.stats()["requests"] == {"get_connection": 20}
    fixture.assert_links_open(ids)


def test_a_second_run_is_refused_and_sends_nothing(launch: Launch, migrated: Migrated) -> None:
    """This holds for any two commands, and the first continues undisturbed."""
    codat = launch()
    fixture, ids = migrated(codat, 4)
    codat.authorize(ids)
    with codat.holding(after=1) as wait_until_held:
        first = fixture.start("--concurrency", "1", "--timeout", "240", command="follow-up")
        wait_until_held()

        for second in [fixture.start(command=command) for command in ("follow-up", "links")]:
            ended = second.wait()
            assert ended.code == 2
            assert "Another run works" in ended.err

    assert first.wait().code == 0
    assert codat.stats()["requests"] == {"list_companies": 1, "create_partner_expense_connection": 4}


def test_a_run_that_ends_soon_is_waited_for(launch: Launch, migrated: Migrated) -> None:
    """The runs of a listener are short, so the user need not repeat the command."""
    codat = launch(latency=0.3)
    fixture, ids = migrated(codat, 4)
    codat.authorize(ids)
    first = fixture.start("--concurrency", "1", command="follow-up")
    until(lambda: codat.stats()["requests_total"] >= 1, "the first run at work")

    second = fixture.start("--customer", ids[0], "--yes", command="unlink")

    assert first.wait().code == second.wait().code == 0
    assert fixture.states() == {"complete": 3, "unlinked": 1}


def test_a_folder_without_a_journal_is_refused(codat: Codat, fixture: BatchFixture) -> None:
    """No command leaves a file in it."""
    fixture.folder.mkdir(parents=True, mode=0o700)

    for command in COMMANDS:
        ended = fixture.then(command, *_arguments(command, ["somebody"]))
        assert ended.code == 2, command
        assert "has no journal" in ended.err

    assert list(fixture.folder.iterdir()) == []
    assert codat.stats()["requests_total"] == 0


def test_the_batch_of_another_codat_is_refused(codat: Codat, migrated: Migrated) -> None:
    """Nothing is sent: the ids of one Codat mean nothing to another."""
    fixture, _ = migrated(codat, 1)

    for command in ("follow-up", "undo"):
        line = [sys.executable, "-m", "bulk", command, str(fixture.folder), "--base-url", "https://codat.example.com"]
        environment = {"CODAT_API_KEY": KEY, "PATH": os.environ["PATH"]}
        ended = subprocess.run(line, cwd=fixture.path, env=environment, capture_output=True, text=True, check=False)
        assert ended.returncode == 2, command
        assert "nothing was sent" in ended.stderr
    assert codat.stats()["requests_total"] == 0


def test_an_empty_batch_sends_nothing(codat: Codat, fixture: BatchFixture) -> None:
    """No row was accepted, so there is no customer to follow up."""
    fixture.write([row("nobody", platform="Abacus 3000")])
    assert fixture.run().code == 1
    codat.count_from_zero()

    assert [fixture.then(command).code for command in ("follow-up", "links", "undo")] == [1, 1, 0]

    assert codat.stats()["requests_total"] == 0
