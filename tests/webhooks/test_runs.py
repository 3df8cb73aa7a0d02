"""Whole runs of `bulk listen`: its process, a sandbox that sends it signed events, and what both have in the end."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock
from runs.fixture import BatchFixture, Codat, Connection, until

from bulk.sandbox.options import WEBHOOK_SECRET
from webhooks.conftest import Batch, Launch
from webhooks.hooks import (
    PARTNER,
    all_sent,
    become,
    event,
    free_port,
    in_state,
    listening,
    partners_made,
    send_again,
    taken,
    webhooks,
)


def same_as_codat(fixture: BatchFixture, ids: list[str]) -> None:
    """Assert that the reports say what the sandbox has, and that nobody has two partner connections there."""
    reported = {result["customer_id"]: result for result in fixture.results()}
    assert sorted(reported) == sorted(ids)
    for customer_id, there in fixture.codat.connections(ids).items():
        accounting = [each for each in there if each.kind == "Accounting"]
        partners = [each.id for each in there if each.kind == "Expense"]
        assert len(partners) <= 1
        result = reported[customer_id]
        assert [result["partner_connection_id"]] == (partners or [""])
        linked = [each for each in accounting if each.status == "Linked"]
        if linked:
            assert (result["connection_id"], result["state"]) == (linked[0].id, "complete"), result
        elif not accounting:
            assert (result["connection_status"], result["state"]) == ("Deleted", "failed"), result
        else:
            has = {(each.id, each.status) for each in accounting}
            assert (result["connection_id"], result["connection_status"]) in has, (result, has)
            assert result["state"] == ("link_ready" if result["connection_status"] == "PendingAuth" else "unlinked")


def partner(codat: Codat, customer_id: str) -> Connection:
    """Return a customer's partner connection, of which there is one."""
    (found,) = [each for each in codat.connections([customer_id])[customer_id] if each.kind == "Expense"]
    return found


def test_who_links_gets_a_partner_connection_once_at_the_price_of_one_request(
    codat: Codat, batch: Batch, port: int
) -> None:
    """No list is asked for; a repetition costs nothing; reports follow at most once a minute, and at the end."""
    fixture, ids = batch(6)
    listener = listening(fixture, port)
    codat.authorize(ids[:3])
    become(fixture, "complete", ids[:3])
    until(lambda: fixture.summary()["customers"]["complete"] > 0, "the first reports are written at once")
    written = (fixture.folder / "summary.json").stat().st_mtime_ns
    for seed in (None, 1):
        all_sent(codat)
        send_again(codat, seed=seed)
    all_sent(codat)
    codat.authorize(ids[3:5])
    become(fixture, "complete", ids[:5])
    assert (fixture.folder / "summary.json").stat().st_mtime_ns == written

    ended = listener.end()

    assert ended.code == 130
    assert codat.stats()["requests"] == {PARTNER: 5}
    assert taken(fixture) == 5
    assert fixture.states() == {"complete": 5, "link_ready": 1}
    same_as_codat(fixture, ids)
    assert fixture.then("follow-up").code == 0
    assert codat.stats()["requests"] == {PARTNER: 5, "list_companies": 1}
    fixture.proves_reports_true(ids)


@pytest.mark.parametrize("seed", [1, 2])
def test_in_any_order_the_end_is_codats(codat: Codat, batch: Batch, port: int, seed: int) -> None:
    """Links, withdrawals, other platforms, deletions, all sent at once and then all again, each time shuffled."""
    fixture, ids = batch(8)
    listener = listening(fixture, port)
    codat.authorize(ids[:5])
    codat.deauthorize(ids[:3])
    codat.authorize(ids[:1])
    codat.authorize(ids[1:2], platform="pbtz")
    codat.authorize(ids[5:6], platform="mqjo")
    codat.delete("connections", codat.accounting(ids[4]).id)
    first = codat.connections(ids[5:6])[ids[5]][0]
    codat.delete("connections", first.id)
    all_sent(codat)
    become(fixture, "complete", [ids[0], ids[1], ids[3], ids[5]])  # for a moment others may be: the events are shuffled
    codat.turn(partner(codat, ids[0]), "Unlinked")
    for each in (seed, seed + 100):
        all_sent(codat)
        send_again(codat, seed=each)
    all_sent(codat)
    until(lambda: not fixture.asked("SELECT 1 FROM customers WHERE state = 'linked'"), "all is acted on")

    assert listener.end().code == 130
    same_as_codat(fixture, ids)
    reported = {result["customer_id"]: result["partner_status"] for result in fixture.results()}
    assert reported[ids[0]] == "Unlinked"


def test_events_that_come_late_and_shuffled_make_no_second_partner(codat: Codat, batch: Batch, port: int) -> None:
    """Nobody listened while it all happened; then the events come in any order, at a listener that begins."""
    fixture, ids = batch(4)
    codat.authorize(ids)
    codat.deauthorize(ids[:2])
    codat.authorize(ids[:1])
    send_again(codat, seed=5)
    listener = listening(fixture, port)
    all_sent(codat)
    until(lambda: len(in_state(fixture, "complete")) + len(in_state(fixture, "unlinked")) == 4, "all is acted on")
    assert listener.end(signal.SIGINT).code == 130
    same_as_codat(fixture, ids)
    assert partners_made(codat) <= 4


def test_events_are_taken_while_another_command_is_at_work_and_acted_on_after(
    codat: Codat, batch: Batch, port: int
) -> None:
    """Only who holds the batch's lock changes a customer."""
    fixture, ids = batch(3)
    fixture.alter("UPDATE customers SET link_issued_at = '2020-01-01T00:00:00Z'")
    listener = listening(fixture, port)
    codat.inject_faults({"kind": "slow", "operations": ["get_connection"], "seconds": 2.0, "count": 1})
    other = fixture.start(command="links")
    until(lambda: codat.struck() > 0, "the other command is at work")

    codat.authorize(ids[:2])

    until(lambda: taken(fixture) == 2, "the events are taken")
    assert other.popen.poll() is None
    assert in_state(fixture, "linked") == in_state(fixture, "complete") == []
    assert other.wait().code in (0, 1)
    become(fixture, "complete", ids[:2])
    assert listener.end().code == 130
    assert partners_made(codat) == 2
    same_as_codat(fixture, ids)


@pytest.mark.parametrize("then", ["listen", "follow-up"])
def test_what_was_taken_survives_a_kill_before_it_was_acted_on(
    codat: Codat, batch: Batch, port: int, then: str
) -> None:
    """It is in the journal; a follow-up asks Codat anyway."""
    fixture, ids = batch(3)
    with FileLock(fixture.folder / ".lock"):
        listener = listening(fixture, port)
        codat.authorize(ids[:2])
        until(lambda: taken(fixture) == 2, "the events are taken")
        all_sent(codat)
        listener.process.kill()
        assert in_state(fixture, "linked") == []
    if then == "follow-up":
        assert fixture.then("follow-up").code == 0
        assert partners_made(codat) == 2
    listener = listening(fixture, port)  # the sandbox repeats nothing: it was answered
    become(fixture, "complete", ids[:2])
    assert listener.end().code == 130
    assert partners_made(codat) == 2
    same_as_codat(fixture, ids)


def test_a_kill_while_a_partner_connection_is_made(codat: Codat, batch: Batch, port: int) -> None:
    """The next listener looks before it asks again."""
    fixture, ids = batch(1)
    listener = listening(fixture, port)
    codat.inject_faults({"kind": "slow_after", "operations": [PARTNER], "seconds": 3.0, "count": 1})
    codat.authorize(ids)
    until(lambda: codat.struck() > 0, "the request is there")
    listener.process.kill()
    fixture.alter("UPDATE requests SET sent_at = sent_at - 60")
    listener = listening(fixture, port)
    become(fixture, "complete", ids)
    assert listener.end().code == 130
    same_as_codat(fixture, ids)


def test_a_full_disk_is_503_and_codats_repeat_is_taken_when_there_is_room(
    codat: Codat, batch: Batch, port: int
) -> None:
    """It keeps listening: what is not on disk is not answered."""
    fixture, ids = batch(2)
    listener = listening(fixture, port)
    resource.prlimit(listener.process.pid(), resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
    codat.authorize(ids[:1])
    until(lambda: webhooks(codat)["deliveries"][-1]["answer"] == "503", "the event is not taken")
    assert taken(fixture) == 0
    resource.prlimit(listener.process.pid(), resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    become(fixture, "complete", ids[:1])
    assert listener.end().code == 130
    same_as_codat(fixture, ids)


def test_after_the_days_quota_it_goes_on_listening(launch: Launch, batch: Batch) -> None:
    """It says when it will continue; what it takes in the meantime is there for the next day."""
    port = free_port()
    codat = launch(daily_limit=8, webhook_url=f"http://127.0.0.1:{port}/")
    fixture, ids = batch(3, codat)
    with FileLock(fixture.folder / ".lock"):
        listener = listening(fixture, port)
        codat.authorize(ids[:2])
        until(lambda: taken(fixture) == 2, "the events are taken")
        while int(codat.api("GET", "/companies").headers["x-rate-limit-remaining"]) > 1:
            pass
    until(lambda: "Listening continues" in listener.process.so_far(), "it says so")
    assert "daily quota is used up" in listener.process.so_far()
    assert listener.take(event()) == 204
    assert len(in_state(fixture, "complete")) == 1
    assert listener.end().code == 130
    assert fixture.states() == {"complete": 1, "linked": 1, "link_ready": 1}
    assert codat.stats()["rate_limited"] == 0

    codat.advance(86_400)
    listener = listening(fixture, port)
    become(fixture, "complete", ids[:2])
    assert listener.end().code == 130
    same_as_codat(fixture, ids)


def test_a_refused_key_ends_it_with_3(codat: Codat, batch: Batch, port: int) -> None:
    """Nothing is going to get better; what it took is in the reports."""
    fixture, ids = batch(1)
    codat.inject_faults({"kind": "401", "operations": [PARTNER]})
    listener = listening(fixture, port)
    codat.authorize(ids)
    ended = listener.over()
    assert ended.code == 3
    assert "refused the API key" in ended.err
    assert fixture.states() == {"linked": 1}


def test_an_end_in_the_middle_of_a_round_is_in_order(codat: Codat, batch: Batch, port: int) -> None:
    """What is in flight is waited for and written down, and the reports say so."""
    fixture, ids = batch(1)
    listener = listening(fixture, port)
    codat.inject_faults({"kind": "slow", "operations": [PARTNER], "seconds": 1.0})
    codat.authorize(ids)
    until(lambda: codat.struck() > 0, "the request is there")
    assert listener.end(signal.SIGINT).code == 130
    assert fixture.states() == {"complete": 1}
    same_as_codat(fixture, ids)


@pytest.mark.parametrize(
    ("environment", "options", "said"),
    [
        ({"CODAT_WEBHOOK_SECRET": ""}, (), "set CODAT_WEBHOOK_SECRET"),
        ({"CODAT_WEBHOOK_SECRET": "not a secret"}, (), "begins with whsec_"),
        ({"CODAT_API_KEY": ""}, (), "set CODAT_API_KEY"),
        ({}, ("--base-url", "https://api.codat.io"), "was run against a sandbox"),
        ({}, ("--port", "99999"), "99999"),
        ({"PYTHONPATH": "without"}, (), "pip install standardwebhooks"),
    ],
    ids=["no secret", "bad secret", "no key", "another Codat", "no port", "no library"],
)
def test_what_cannot_work_is_said_at_once(
    batch: Batch, environment: dict[str, str], options: tuple[str, ...], said: str
) -> None:
    """With 2, before anything listens."""
    fixture, _ = batch(1)
    (fixture.path / "without").mkdir()
    (fixture.path / "without" / "standardwebhooks.py").write_text("raise ImportError('there is none')\n")
    fixture.environment = {**fixture.environment, **environment}
    arguments = [
        "listen",
        str(fixture.folder),
        "--base-url",
        fixture.codat.base_url,
        "--port",
        str(free_port()),
        *options,
    ]
    ended = subprocess.run(
        [sys.executable, "-m", "bulk", *arguments],
        env=os.environ | {"CODAT_API_KEY": fixture.key} | fixture.environment,
        cwd=fixture.path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert said in ended.stderr
    assert "Listening at" not in ended.stderr
    assert "not a secret" not in ended.stderr


def test_it_can_be_tried_with_a_sandbox_of_its_own(tmp_path: Path) -> None:
    """Migrate, listen, authorize: three commands, no key, no secret, no address."""
    (tmp_path / "customers.csv").write_text("customer_id,company_name,platform\n1,Acme,xero\n2,Beta,xero\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CODAT_")}
    bulk = [sys.executable, "-m", "bulk"]

    def command(*arguments: str) -> None:
        subprocess.run([*bulk, *arguments], cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=60)

    command("migrate", "customers.csv", "--sandbox")
    with (tmp_path / "said.txt").open("w") as said:
        listener = subprocess.Popen(
            [*bulk, "listen", "reports/customers", "--sandbox", "--port", "0"],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: "Listening at http://127.0.0.1:" in (tmp_path / "said.txt").read_text(), "it listens")
        command("sandbox", "authorize", "reports/customers", "--share", "1")
        journal = BatchFixture(tmp_path, Codat.__new__(Codat))
        become(journal, "complete", ["1", "2"])
        listener.send_signal(signal.SIGTERM)
        assert listener.wait(60) == 130
    finally:
        listener.kill()
        listener.wait()
    text = (tmp_path / "said.txt").read_text()
    assert "2 rows in batch customers" in text
    assert WEBHOOK_SECRET.removeprefix("whsec_") not in text
    assert journal.states() == {"complete": 2}
