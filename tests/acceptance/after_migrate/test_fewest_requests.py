"""The commands after `migrate` send no request whose result the journal or a page of the company list has."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from support.run_fixtures import Launch, SetUp
from support.runs import BatchFixture, Codat, Ended, row

from acceptance.after_migrate.conftest import Migrated
from benchmarks.loads.finished_batch import make
from bulk.codat.endpoints import batch_tag
from bulk.input import open_input
from bulk.sandbox.store import Store

MANY = 5000
A_PAGE = 1000
NEWLY_LINKED = 40
CREATED = "2026-01-01T00:00:00.000000Z"


def test_follow_up_costs_a_page_and_one_request_for_each_newly_linked(codat: Codat, migrated: Migrated) -> None:
    """Customers that are complete, pending or unlinked cost nothing, and a rerun costs only the page."""
    fixture, ids = migrated(codat, 12)
    codat.authorize(ids[:5])

    assert fixture.then("follow-up").code == 0
    assert codat.stats()["requests"] == {"list_companies": 1, "create_partner_expense_connection": 5}
    assert fixture.summary()["requests"] == codat.stats()["requests"]
    codat.authorize(ids[5:7])
    codat.deauthorize(ids[:1])
    codat.count_from_zero()

    assert fixture.then("follow-up").code == 0
    assert codat.stats()["requests"] == {"list_companies": 1, "create_partner_expense_connection": 2}
    codat.count_from_zero()

    assert fixture.then("follow-up").code == 0
    assert codat.stats()["requests"] == {"list_companies": 1}
    fixture.assert_reports_match(ids)


def test_links_cost_one_request_for_each_that_is_renewed_and_none_for_a_live_one(
    codat: Codat, migrated: Migrated
) -> None:
    """Live links stay as they are, so that the links in sent emails keep working."""
    fixture, ids = migrated(codat, 9)

    assert fixture.then("links").code == 0
    assert codat.stats()["requests_total"] == 0
    fixture.let_hours_pass(23)
    old = ids[:4]
    fixture.change_journal("UPDATE customers SET link_issued_at = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE row > 4")
    before = {link["customer_id"]: link["link_url"] for link in fixture.table("links.csv")}

    assert fixture.then("links").code == 0

    assert codat.stats()["requests"] == {"get_connection": len(old)}
    fixture.assert_links_open(ids)
    now = {link["customer_id"]: link["link_url"] for link in fixture.table("links.csv")}
    assert [each for each in ids if now[each] == before[each]] == ids[4:]
    assert [link["customer_id"] for link in fixture.table("links.csv")][-5:] == ids[4:]  # the soonest to expire last
    codat.count_from_zero()

    assert fixture.then("links").code == 0
    assert codat.stats()["requests_total"] == 0


def test_daily_waves_renew_different_customers_each_day(codat: Codat, migrated: Migrated) -> None:
    """A team that emails three customers a day gets three fresh links a day, and each customer has a turn."""
    fixture, ids = migrated(codat, 9)
    waves = []
    for _ in range(3):
        fixture.let_hours_pass(24)
        assert fixture.then("links", "--limit", "3").code == 0
        waves.append(sorted(link["customer_id"] for link in fixture.table("links.csv")))
        fixture.assert_links_open(waves[-1])

    assert [len(wave) for wave in waves] == [3, 3, 3]
    assert sorted(each for wave in waves for each in wave) == ids
    assert codat.stats()["requests"] == {"get_connection": 9}


def test_unlinking_one_customer_costs_two_requests(codat: Codat, migrated: Migrated) -> None:
    """One reads the company, and one unlinks it. Only the first is sent for a customer that is not linked."""
    fixture, ids = migrated(codat, 3)
    codat.authorize(ids[:1])

    ended = fixture.then("unlink", "--customer", ids[0])

    assert ended.code == 0
    assert codat.stats()["requests"] == {"get_company": 1, "unlink_connection": 1}
    assert fixture.states() == {"unlinked": 1, "link_ready": 2}
    fixture.assert_reports_match(ids)
    codat.count_from_zero()

    assert fixture.then("unlink", "--customer", ids[1]).code == 1
    assert codat.stats()["requests"] == {"get_company": 1}
    fixture.assert_links_open(ids[1:])


def _finished(fixture: BatchFixture, database: Path) -> None:
    """Make a batch of thousands of customers with links, and the state of a sandbox in which some are linked."""
    fixture.write([row(f"many-{n:05}", platform="xero") for n in range(1, MANY + 1)])
    make(open_input(fixture.input), fixture.folder)
    customers = fixture.query_journal(
        "SELECT seq, customer_id, company_name, tag, company_id, connection_id FROM customers"
    )
    database.parent.mkdir(mode=0o700)
    with closing(Store(database)) as store, store.transaction():
        for seq, customer_id, name, tag, company_id, connection_id in customers:
            tags = {"uid": customer_id, "bulk_uid": tag, "bulk_batch": batch_tag(fixture.name)}
            company = store.add_company(company_id=company_id, name=name, description=None, created=CREATED, tags=tags)
            store.add_connection(
                company.n,
                id=connection_id,
                platform_key="gbol",
                source_type="Accounting",
                status="Linked" if seq % (MANY // NEWLY_LINKED) == 0 else "PendingAuth",
                created=CREATED,
                otp=f"{seq:06}",
                otp_minted=0.0,
            )


def _run_while(fixture: BatchFixture, command: str, act: Callable[[], object]) -> Ended:
    """Run a command; let another client act between its second and its third page of the company list."""
    with fixture.codat.holding(after=2, operation="list_companies") as wait_until_held:
        process = fixture.start("--timeout", "240", command=command)
        wait_until_held()
        act()
    return process.wait()


@pytest.mark.long
def test_thousands_of_customers_are_followed_up_and_proven_by_pages(
    tmp_path: Path, launch: Launch, codat: Codat, set_up: SetUp
) -> None:
    """Another client's companies come and go between two pages; no customer is missed, and none is requested twice."""
    fixture = set_up(codat)
    _finished(fixture, tmp_path / "codat" / "sandbox.sqlite3")
    fixture.codat = codat = launch(max_page_size=A_PAGE)

    assert _run_while(fixture, "follow-up", lambda: _others(codat, 3)).code == 0

    pages = MANY // A_PAGE
    asked = codat.stats()["requests"]
    assert asked["list_companies"] == pages
    assert asked["create_partner_expense_connection"] == NEWLY_LINKED
    assert fixture.states() == {"link_ready": MANY - NEWLY_LINKED, "complete": NEWLY_LINKED}
    assert codat.stats()["duplicates"]["partner_connections"] == 0
    codat.count_from_zero()

    assert fixture.then("follow-up").code == 0
    assert codat.stats()["requests"] == {"list_companies": pages}
    codat.count_from_zero()

    assert _run_while(fixture, "verify", lambda: _others(codat, 3)).code == 0
    assert fixture.table("verify.csv") == []
    assert codat.stats()["requests"]["list_companies"] == pages + 1

    others = _others(codat, 2)

    def delete() -> None:
        for each in others:
            codat.delete("companies", each)

    proof = _run_while(fixture, "verify", delete)
    assert proof.code == 0
    assert fixture.table("verify.csv") == []
    assert "reading it again" in proof.err

    _unlink_two(fixture)


def _unlink_two(fixture: BatchFixture) -> None:
    """Unlink two customers, of whom a firewall blocks one: the other is unlinked."""
    linked = [each["customer_id"] for each in fixture.results() if each["state"] == "complete"][:2]
    blocked = fixture.codat.company_of(linked[0])
    fixture.codat.inject_faults({"kind": "blocked", "containing": blocked})
    ended = fixture.then("unlink", "--customer", linked[0], "--customer", linked[1])
    assert ended.code == 75
    assert f"Customer {linked[0]}: a firewall blocks its company" in ended.err
    assert fixture.codat.accounting(linked[0]).status == "Linked"
    assert fixture.codat.accounting(linked[1]).status == "Unlinked"
    states = {each["customer_id"]: each["state"] for each in fixture.results()}
    assert [states[each] for each in linked] == ["complete", "unlinked"]

    fixture.codat.clear_faults()
    assert fixture.then("unlink", "--customer", linked[0], "--customer", linked[1]).code == 0
    assert fixture.codat.accounting(linked[0]).status == "Unlinked"


def _others(codat: Codat, number: int) -> list[str]:
    """Create companies of another client; return their ids."""
    return [codat.api("POST", "/companies", {"name": "Somebody Else"}).json()["id"] for _ in range(number)]
