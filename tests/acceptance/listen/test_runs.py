"""Whole runs of `bulk listen` with a sandbox that sends signed events. In the end the reports match the sandbox."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from filelock import FileLock
from support.listen_fixtures import Batch
from support.listeners import (
    PARTNER,
    accepted,
    all_sent,
    event,
    free_port,
    in_state,
    listening,
    partner_requests,
    send_again,
    wait_for_state,
    webhooks,
)
from support.run_fixtures import Launch
from support.runs import BatchFixture, Codat, Connection, until

from bulk.sandbox.options import WEBHOOK_SECRET
from bulk.webhooks import worker


def assert_same_as_codat(fixture: BatchFixture, ids: list[str]) -> None:
    """Assert that the reports match the sandbox, and that no customer has two partner connections there."""
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
    """Return a customer's only partner connection."""
    (found,) = [each for each in codat.connections([customer_id])[customer_id] if each.kind == "Expense"]
    return found


def test_a_customer_who_links_gets_one_partner_connection_for_one_request(
    codat: Codat, batch: Batch, port: int
) -> None:
    """No list is read, and repeated events cost nothing. Reports are written at most once a minute, and at the end."""
    fixture, ids = batch(6)
    started = time.monotonic()
    listener = listening(fixture, port)
    codat.authorize(ids[:3])
    wait_for_state(fixture, "complete", ids[:3])
    until(lambda: fixture.summary()["customers"]["complete"] > 0, "the first reports are written at once")
    written = (fixture.folder / "summary.json").stat().st_mtime_ns
    for seed in (None, 1):
        all_sent(codat)
        send_again(codat, seed=seed)
    all_sent(codat)
    codat.authorize(ids[3:5])
    wait_for_state(fixture, "complete", ids[:5])
    if time.monotonic() - started < worker.BETWEEN_REPORTS:  # if not, the next reports may be due
        assert (fixture.folder / "summary.json").stat().st_mtime_ns == written

    ended = listener.end()

    assert ended.code == 130
    assert codat.stats()["requests"] == {PARTNER: 5}
    assert accepted(fixture) == 5
    assert fixture.states() == {"complete": 5, "link_ready": 1}
    assert_same_as_codat(fixture, ids)
    assert fixture.then("follow-up").code == 0
    assert codat.stats()["requests"] == {PARTNER: 5, "list_companies": 1}
    fixture.assert_reports_match(ids)


@pytest.mark.parametrize("seed", [1, 2])
def test_events_in_any_order_end_in_codats_state(codat: Codat, batch: Batch, port: int, seed: int) -> None:
    """Links, withdrawals, other platforms and deletions are sent together, and then twice more, shuffled."""
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
    # The order varies: others may be complete for a moment.
    wait_for_state(fixture, "complete", [ids[0], ids[1], ids[3], ids[5]])
    codat.set_status(partner(codat, ids[0]), "Unlinked")
    for each in (seed, seed + 100):
        all_sent(codat)
        send_again(codat, seed=each)
    all_sent(codat)
    until(lambda: not fixture.query_journal("SELECT 1 FROM customers WHERE state = 'linked'"), "all events are applied")

    assert listener.end().code == 130
    assert_same_as_codat(fixture, ids)
    reported = {result["customer_id"]: result["partner_status"] for result in fixture.results()}
    assert reported[ids[0]] == "Unlinked"


def test_late_and_shuffled_events_create_no_second_partner_connection(codat: Codat, batch: Batch, port: int) -> None:
    """No listener was running when the customers acted. The events arrive later, in any order, at a new listener."""
    fixture, ids = batch(4)
    codat.authorize(ids)
    codat.deauthorize(ids[:2])
    codat.authorize(ids[:1])
    send_again(codat, seed=5)
    listener = listening(fixture, port)
    all_sent(codat)
    wait_for_state(fixture, "unlinked", ids[1:2])
    wait_for_state(fixture, "complete", [ids[0], *ids[2:]])
    assert listener.end(signal.SIGINT).code == 130
    assert_same_as_codat(fixture, ids)
    assert partner_requests(codat) <= 4


def test_events_are_accepted_while_another_command_runs_and_applied_after_it(
    codat: Codat, batch: Batch, port: int
) -> None:
    """Only the holder of the batch's lock changes customers."""
    fixture, ids = batch(3)
    fixture.change_journal("UPDATE customers SET link_issued_at = '2020-01-01T00:00:00Z'")
    listener = listening(fixture, port)
    with codat.holding(after=0, operation="get_connection") as wait_until_held:
        other = fixture.start("--timeout", "240", command="links")
        wait_until_held()

        codat.authorize(ids[:2])

        until(lambda: accepted(fixture) == 2, "the events are accepted")
        assert other.popen.poll() is None
        assert in_state(fixture, "linked") == in_state(fixture, "complete") == []
    assert other.wait().code in (0, 1)
    wait_for_state(fixture, "complete", ids[:2])
    assert listener.end().code == 130
    assert partner_requests(codat) == 2
    assert_same_as_codat(fixture, ids)


@pytest.mark.parametrize("then", ["listen", "follow-up"])
def test_an_accepted_event_survives_a_kill_before_it_is_applied(
    codat: Codat, batch: Batch, port: int, then: str
) -> None:
    """The event is in the journal. A follow-up asks Codat in any case."""
    fixture, ids = batch(3)
    with FileLock(fixture.folder / ".lock"):
        listener = listening(fixture, port)
        codat.authorize(ids[:2])
        until(lambda: accepted(fixture) == 2, "the events are accepted")
        all_sent(codat)
        listener.process.kill()
        assert in_state(fixture, "linked") == []
    if then == "follow-up":
        assert fixture.then("follow-up").code == 0
        assert partner_requests(codat) == 2
    listener = listening(fixture, port)  # the sandbox repeats nothing: its events were answered
    wait_for_state(fixture, "complete", ids[:2])
    assert listener.end().code == 130
    assert partner_requests(codat) == 2
    assert_same_as_codat(fixture, ids)


def test_a_kill_while_a_partner_connection_is_made(codat: Codat, batch: Batch, port: int) -> None:
    """The next listener looks it up before it sends the request again."""
    fixture, ids = batch(1)
    listener = listening(fixture, port)
    codat.inject_faults({"kind": "slow_after", "operations": [PARTNER], "seconds": 3.0, "count": 1})
    codat.authorize(ids)
    until(lambda: codat.struck() > 0, "the request is there")
    listener.process.kill()
    fixture.change_journal("UPDATE requests SET sent_at = sent_at - 60")
    listener = listening(fixture, port)
    wait_for_state(fixture, "complete", ids)
    assert listener.end().code == 130
    assert_same_as_codat(fixture, ids)


def test_a_full_disk_means_a_503_and_codats_repeat_is_accepted_once_there_is_room(
    codat: Codat, batch: Batch, port: int
) -> None:
    """The listener accepts an event only when it is on the disk, and continues to listen."""
    fixture, ids = batch(2)
    listener = listening(fixture, port)
    resource.prlimit(listener.process.pid(), resource.RLIMIT_FSIZE, (2000, resource.RLIM_INFINITY))
    codat.authorize(ids[:1])
    until(lambda: webhooks(codat)["deliveries"][-1]["answer"] == "503", "the event is refused")
    assert accepted(fixture) == 0
    resource.prlimit(listener.process.pid(), resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    wait_for_state(fixture, "complete", ids[:1])
    assert listener.end().code == 130
    assert_same_as_codat(fixture, ids)


def test_after_the_days_quota_it_continues_to_listen(launch: Launch, batch: Batch) -> None:
    """It says when it will continue. The events that it accepts until then are applied the next day."""
    port = free_port()
    codat = launch(daily_limit=8, webhook_url=f"http://127.0.0.1:{port}/")
    fixture, ids = batch(3, codat)
    with FileLock(fixture.folder / ".lock"):
        listener = listening(fixture, port)
        codat.authorize(ids[:2])
        until(lambda: accepted(fixture) == 2, "the events are accepted")
        while int(codat.api("GET", "/companies").headers["x-rate-limit-remaining"]) > 1:
            pass
    until(lambda: "Listening continues" in listener.process.stderr_so_far(), "it reports the quota")
    assert "daily quota is used up" in listener.process.stderr_so_far()
    assert listener.post(event()) == 204
    assert len(in_state(fixture, "complete")) == 1
    assert listener.end().code == 130
    assert fixture.states() == {"complete": 1, "linked": 1, "link_ready": 1}
    assert codat.stats()["rate_limited"] == 0

    codat.advance(86_400)
    listener = listening(fixture, port)
    wait_for_state(fixture, "complete", ids[:2])
    assert listener.end().code == 130
    assert_same_as_codat(fixture, ids)


def test_a_refused_key_ends_the_listener_with_exit_code_3(codat: Codat, batch: Batch, port: int) -> None:
    """Waiting would not help. The accepted event is in the reports."""
    fixture, ids = batch(1)
    codat.inject_faults({"kind": "401", "operations": [PARTNER]})
    listener = listening(fixture, port)
    codat.authorize(ids)
    ended = listener.wait()
    assert ended.code == 3
    assert "refused the API key" in ended.err
    assert fixture.states() == {"linked": 1}


def test_a_stop_in_the_middle_of_a_round_waits_for_its_requests(codat: Codat, batch: Batch, port: int) -> None:
    """The result of the request in flight is in the journal and in the reports."""
    fixture, ids = batch(1)
    listener = listening(fixture, port)
    codat.inject_faults({"kind": "slow", "operations": [PARTNER], "seconds": 1.0})
    codat.authorize(ids)
    until(lambda: codat.struck() > 0, "the request is there")
    assert listener.end(signal.SIGINT).code == 130
    assert fixture.states() == {"complete": 1}
    assert_same_as_codat(fixture, ids)


@pytest.mark.parametrize(
    ("environment", "options", "message"),
    [
        ({"CODAT_WEBHOOK_SECRET": ""}, (), "set CODAT_WEBHOOK_SECRET"),
        ({"CODAT_WEBHOOK_SECRET": "not a secret"}, (), "begins with whsec_"),
        ({"CODAT_API_KEY": ""}, (), "set CODAT_API_KEY"),
        ({}, ("--base-url", "https://api.codat.io"), "was run against a sandbox"),
        ({}, ("--port", "99999"), "99999"),
        ({"PYTHONPATH": "without"}, (), "pip install 'codat-bulk[listen]'"),
    ],
    ids=["no secret", "bad secret", "no key", "another Codat", "no port", "no library"],
)
def test_a_wrong_setting_is_reported_before_anything_listens(
    batch: Batch, environment: dict[str, str], options: tuple[str, ...], message: str
) -> None:
    """The exit code is 2."""
    fixture, _ = batch(1)
    (fixture.path / "without").mkdir()
    (fixture.path / "without" / "standardwebhooks.py").write_text("raise ImportError('not installed')\n")
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
    assert message in ended.stderr
    assert "Listening at" not in ended.stderr
    assert "not a secret" not in ended.stderr


def test_it_can_be_tried_with_its_own_sandbox(tmp_path: Path) -> None:
    """Migrate, listen, authorize: three commands without a key, a secret or an address."""
    (tmp_path / "customers.csv").write_text("customer_id,company_name,platform\n1,Acme,xero\n2,Beta,xero\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CODAT_")}
    bulk = [sys.executable, "-m", "bulk"]

    def command(*arguments: str) -> None:
        subprocess.run([*bulk, *arguments], cwd=tmp_path, env=environment, check=True, capture_output=True, timeout=60)

    command("migrate", "customers.csv", "--sandbox")
    with (tmp_path / "output.txt").open("w") as output:
        listener = subprocess.Popen(
            [*bulk, "listen", "reports/customers", "--sandbox", "--port", "0"],
            cwd=tmp_path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: "Listening at http://127.0.0.1:" in (tmp_path / "output.txt").read_text(), "it listens")
        command("sandbox", "authorize", "reports/customers", "--share", "1")
        journal = BatchFixture(tmp_path, Codat.__new__(Codat))
        wait_for_state(journal, "complete", ["1", "2"])
        listener.send_signal(signal.SIGTERM)
        assert listener.wait(60) == 130
    finally:
        listener.kill()
        listener.wait()
    text = (tmp_path / "output.txt").read_text()
    assert "2 rows in batch customers" in text
    assert WEBHOOK_SECRET.removeprefix("whsec_") not in text
    assert journal.states() == {"complete": 2}
