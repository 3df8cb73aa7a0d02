"""The customers of one batch over several days: their states, and the requests of each run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import SimpleNamespace

import pytest
from support.run_fixtures import SetUp
from support.runs import BatchFixture, Codat, Connection, Ended, row

from acceptance.after_migrate.conftest import Migrated

NAMES = (
    *("refused", "waits", "links", "takes-it-back", "unlinked-there", "loses-connection", "loses-company"),
    *("has-other-software", "loses-partner", "complete-then-lost"),
)


@dataclass(frozen=True)
class Day:
    """One run, with the reports and the state of Codat after it."""

    ended: Ended
    requests: dict[str, int]
    results: dict[str, dict[str, str]]
    partners: dict[str, dict[str, str]]
    connections: dict[str, list[Connection]]
    differences: list[dict[str, str]]

    def of(self, name: str) -> tuple[str, str, str]:
        """Return a customer's state, its connection's status and its partner's."""
        partner = self.partners[name]
        return self.results[name]["state"], partner["connection_status"], partner["partner_status"]

    def count_partners(self, name: str) -> int:
        """Count the partner connections that Codat has of a customer."""
        return [each.kind for each in self.connections[name]].count("Expense")


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory, unlimited: Codat) -> Iterator[SimpleNamespace]:
    """Run one command a day, with changes in Codat between them."""
    codat, fixture = unlimited, BatchFixture(tmp_path_factory.mktemp("days"), unlimited)
    fixture.write([row(each, platform="xero") for each in NAMES])
    codat.clear_faults()

    def run_day(command: str, *options: str) -> Day:
        codat.count_from_zero()
        ended = fixture.start(*options, "--concurrency", "1", command=command).wait()
        files = fixture.table("results.csv"), fixture.table("partner.csv")
        results, partners = ({each["customer_id"]: each for each in file} for file in files)
        differ = fixture.table("differences.csv") if (fixture.folder / "differences.csv").exists() else []
        return Day(ended, codat.stats()["requests"], results, partners, codat.connections(NAMES), differ)

    try:
        yield _days(codat, run_day)
    finally:
        fixture.stop_processes()


def _days(codat: Codat, run_day: Callable[..., Day]) -> SimpleNamespace:
    assert run_day("migrate").ended.code == 0
    codat.authorize(["refused", "links", "takes-it-back", "unlinked-there", "loses-partner", "complete-then-lost"])
    codat.authorize(["has-other-software"], platform="qhyg")
    codat.delete("connections", codat.accounting("loses-connection").id)
    codat.delete("companies", codat.company_of("loses-company"))
    codat.inject_faults({"kind": "400", "operations": ["create_partner_expense_connection"], "count": 1})
    first = run_day("follow-up")
    codat.clear_faults()

    codat.deauthorize(["takes-it-back"])
    codat.set_status(codat.accounting("unlinked-there"), "Unlinked")
    codat.delete("connections", first.partners["loses-partner"]["partner_connection_id"])
    codat.delete("companies", codat.company_of("complete-then-lost"))
    path = f"/companies/{codat.company_of('loses-connection')}/connections"
    codat.api("POST", path, {"platformKey": "gbol"})
    second = run_day("follow-up")

    codat.authorize(["takes-it-back", "unlinked-there"])
    third = run_day("follow-up", "--retry-failed")

    fourth = run_day("migrate", "--retry-failed")

    codat.authorize(["complete-then-lost"])
    fifth = run_day("follow-up")
    return SimpleNamespace(first=first, second=second, third=third, fourth=fourth, fifth=fifth)


def test_a_pending_customer_stays_pending(days: SimpleNamespace) -> None:
    """Its PendingAuth connection stays as it is."""
    assert all(day.of("waits") == ("link_ready", "PendingAuth", "") for day in vars(days).values())


def test_a_customer_that_authorized_is_complete_and_stays_so(days: SimpleNamespace) -> None:
    """It has one partner connection, no matter which commands run."""
    assert all(day.of("links") == ("complete", "Linked", "Linked") for day in vars(days).values())
    assert all(day.count_partners("links") == 1 for day in vars(days).values())


def test_a_rejection_is_reported_and_repeated_only_with_retry_failed(days: SimpleNamespace) -> None:
    """The next follow-up sends nothing for it. With --retry-failed, it creates exactly one partner connection."""
    assert days.first.ended.code == 1
    assert days.first.of("refused") == ("failed", "Linked", "")
    assert days.first.partners["refused"]["error_code"] == "400"
    assert days.first.partners["refused"]["correlation_id"]
    assert "create_partner_expense_connection" not in days.second.requests
    assert days.second.of("refused") == ("failed", "Linked", "")
    assert days.third.of("refused") == ("complete", "Linked", "Linked")
    assert days.fifth.count_partners("refused") == 1


@pytest.mark.parametrize(
    ("name", "status"), [("takes-it-back", "Deauthorized"), ("unlinked-there", "Unlinked")], ids=str
)
def test_an_unlinked_customer_is_reported_and_can_link_again_without_a_second_partner(
    name: str, status: str, days: SimpleNamespace
) -> None:
    """The partner connection stays the same."""
    assert days.first.of(name) == ("complete", "Linked", "Linked")
    assert days.second.of(name)[:2] == ("unlinked", status)
    assert days.third.of(name) == ("complete", "Linked", "Linked")
    assert days.third.partners[name]["partner_connection_id"] == days.first.partners[name]["partner_connection_id"]
    assert days.fifth.count_partners(name) == 1


def test_a_connection_that_was_deleted_in_codat_is_reported_until_there_is_one_again(days: SimpleNamespace) -> None:
    """Somebody has created a new one, and `migrate` asks for its link."""
    assert days.first.of("loses-connection") == ("failed", "Deleted", "")
    assert "deleted" in days.first.partners["loses-connection"]["error"]
    assert days.second.of("loses-connection") == ("pending", "PendingAuth", "")
    assert not days.second.results["loses-connection"]["error"]
    assert days.fourth.of("loses-connection") == ("link_ready", "PendingAuth", "")
    assert days.fourth.results["loses-connection"]["link_url"]
    assert len(days.fifth.connections["loses-connection"]) == 1


def test_a_company_that_was_deleted_in_codat_is_reported_and_created_again_with_retry_failed(
    days: SimpleNamespace,
) -> None:
    """It is created exactly once, and never by follow-up."""
    assert days.first.of("loses-company") == ("failed", "Deleted", "")
    assert "loses-company" in days.first.ended.err
    assert days.second.of("loses-company") == ("failed", "Deleted", "")
    assert days.third.of("loses-company") == ("failed", "Deleted", "")
    assert days.fourth.ended.code == 0
    assert days.fourth.of("loses-company") == ("link_ready", "PendingAuth", "")
    assert days.fourth.requests["create_company"] == 2
    assert days.fourth.requests["create_connection"] == 2
    assert len({each.company for each in days.fifth.connections["loses-company"]}) == 1


def test_a_complete_customer_whose_company_was_deleted_gets_one_partner_for_the_new_one(days: SimpleNamespace) -> None:
    """The journal forgets the old company."""
    name = "complete-then-lost"
    assert days.second.of(name)[:2] == ("failed", "Deleted")
    assert days.fourth.of(name) == ("link_ready", "PendingAuth", "")
    assert days.fourth.partners[name]["partner_connection_id"] == ""
    assert days.fifth.of(name) == ("complete", "Linked", "Linked")
    assert days.fifth.count_partners(name) == 1


def test_a_partner_that_was_deleted_in_codat_is_reported_and_created_again_with_retry_failed(
    days: SimpleNamespace,
) -> None:
    """It is created exactly once."""
    assert days.second.of("loses-partner") == ("failed", "Linked", "Deleted")
    assert days.third.of("loses-partner") == ("complete", "Linked", "Linked")
    assert days.third.count_partners("loses-partner") == 1


def test_a_customer_with_other_software_counts_as_linked_and_is_in_the_differences(days: SimpleNamespace) -> None:
    """The connection that the customer chose is the one that counts."""
    name = "has-other-software"
    assert days.first.of(name) == ("complete", "Linked", "Linked")
    expected = {"customer_id": name, "field": "platform", "in_codat": "qhyg", "in_input": "gbol"}
    assert expected in days.first.differences
    assert days.fifth.count_partners(name) == 1


def test_the_days_cost_pages_and_one_request_for_each_newly_linked_customer(days: SimpleNamespace) -> None:
    """Companies that the batch's own list lacks are looked for once in the list of all companies, on one more page."""
    assert days.first.requests == {"list_companies": 2, "create_partner_expense_connection": 7}
    assert days.second.requests == {"list_companies": 2}
    # Both repeated requests follow a look-up, because the thing may exist after all.
    assert days.third.requests["create_partner_expense_connection"] == 2
    assert days.third.requests["list_companies"] == 1
    assert days.fifth.requests == {"list_companies": 1, "create_partner_expense_connection": 1}


def test_a_list_that_lags_behind_loses_no_customer_for_good(codat: Codat, migrated: Migrated) -> None:
    """Customers that a stale list lacks are reported as failed, stay untouched, and recover with the next list."""
    fixture, ids = migrated(codat, 3)
    before = fixture.table("links.csv")
    codat.authorize(ids[:1])
    codat.inject_faults({"kind": "lag", "operations": ["list_companies"], "seconds": 3600})

    assert fixture.then("follow-up").code == 1
    assert fixture.states() == {"failed": 3}
    codat.clear_faults()

    assert fixture.then("follow-up").code == 0
    fixture.assert_reports_match(ids)
    fixture.assert_links_open(ids[1:])
    assert {link["link_url"] for link in fixture.table("links.csv")} < {link["link_url"] for link in before}


@pytest.mark.parametrize("is_namesake", [True, False], ids=["of the same name", "of another name"])
def test_a_second_batch_of_the_same_customers_follows_them_up_and_undoes_nothing(
    is_namesake: bool, codat: Codat, migrated: Migrated, set_up: SetUp
) -> None:
    """The second batch adopts the companies of the first: they share its partners, and the second deletes nothing."""
    first, ids = migrated(codat, 4)
    second = set_up(codat, name=first.name if is_namesake else "others")
    second.customers(4, prefix=first.path.name)
    assert second.run().code == 0
    codat.authorize(ids[:2])

    assert second.then("follow-up").code == 0
    assert first.then("follow-up").code == 0

    for each in (first, second):
        each.assert_reports_match(ids)
    codat.count_from_zero()
    ended = second.then("undo", "--yes", "--json")
    assert ended.code == 0
    assert '"deletable": []' in ended.out
    assert "delete_company" not in codat.stats()["requests"]
    assert first.then("verify").code == 0


def test_with_its_journal_lost_a_batch_follows_up_and_undoes_nothing(codat: Codat, migrated: Migrated) -> None:
    """The batch can no longer tell which companies it created."""
    fixture, ids = migrated(codat, 3)
    codat.authorize(ids[:1])
    fixture.delete_journal()
    assert fixture.run().code == 0

    assert fixture.then("follow-up").code == 0
    fixture.assert_reports_match(ids)

    assert fixture.then("undo", "--yes").code == 0
    assert "delete_company" not in codat.stats()["requests"]


def test_undo_lists_first_and_deletes_only_companies_without_a_linked_connection(
    codat: Codat, migrated: Migrated
) -> None:
    """A company that is linked in the meantime is left alone and named."""
    fixture, ids = migrated(codat, 5)
    codat.authorize(ids[:1])

    listed = fixture.then("undo")

    assert listed.code == 0
    assert "delete_company" not in codat.stats()["requests"]
    assert all(codat.company_of(each) in listed.out for each in ids[1:])
    assert codat.company_of(ids[0]) in listed.err
    codat.count_from_zero()
    with codat.holding(after=0, operation="get_company") as wait_until_held:
        undoing = fixture.start("--yes", "--timeout", "240", command="undo")
        wait_until_held()
        codat.authorize(ids[1:2])
    undone = undoing.wait()

    assert undone.code == 0
    assert codat.company_of(ids[1]) in undone.err
    assert codat.stats()["requests"] == {"list_companies": 1, "get_company": 4, "delete_company": 3}
    mine = [each["tags"]["uid"] for each in codat.companies() if each["tags"].get("uid") in ids]
    assert sorted(mine) == ids[:2]
    fixture.assert_reports_match(ids[:2])


def test_unlink_names_the_customers_that_it_leaves_alone(codat: Codat, migrated: Migrated) -> None:
    """They are pending, already unlinked, or unknown. It unlinks the others."""
    fixture, ids = migrated(codat, 4)
    codat.authorize(ids[:2])
    codat.deauthorize(ids[1:2])
    (fixture.path / "out.csv").write_text("customer_id\n" + "\n".join([*ids[:3], "nobody"]) + "\n")

    ended = fixture.then("unlink", "--file", str(fixture.path / "out.csv"))

    assert ended.code == 1
    assert ids[2] in ended.err
    assert "nobody" in ended.err
    assert codat.stats()["requests"] == {"list_companies": 1, "unlink_connection": 1}
    assert fixture.states() == {"unlinked": 2, "link_ready": 2}
    fixture.assert_reports_match(ids)
    unknown = fixture.then("unlink", "--customer", "nobody")
    assert unknown.code == 2
    assert "nobody" in unknown.err


def test_a_customer_who_linked_again_is_unlinked_again(codat: Codat, migrated: Migrated) -> None:
    """The first response was lost. The response that Codat keeps under its key does not describe the second time."""
    fixture, ids = migrated(codat, 1)
    codat.authorize(ids)
    codat.inject_faults(
        {"kind": "reset_after", "operations": ["unlink_connection"], "count": 1},
        {"kind": "401", "operations": ["list_connections"], "count": 1},
    )
    assert fixture.then("unlink", "--customer", ids[0]).code == 3
    assert codat.accounting(ids[0]).status == "Unlinked"
    codat.authorize(ids)

    assert fixture.then("unlink", "--customer", ids[0]).code == 0

    assert codat.accounting(ids[0]).status == "Unlinked"
    fixture.assert_reports_match(ids)


def test_a_renamed_folder_is_still_the_same_batch(codat: Codat, migrated: Migrated) -> None:
    """The tags of its companies have the old name, and the journal keeps that name."""
    fixture, ids = migrated(codat, 3)
    codat.authorize(ids[:1])
    fixture.folder.rename(fixture.folder.with_name("spring"))
    fixture.name = "spring"

    assert fixture.then("follow-up").code == 0

    assert codat.stats()["requests"] == {"list_companies": 1, "create_partner_expense_connection": 1}
    fixture.assert_reports_match(ids)
    assert fixture.then("verify").code == 0


def test_a_deleted_company_that_links_noticed_first_is_created_again_with_retry_failed(
    codat: Codat, migrated: Migrated
) -> None:
    """`links` only sees a missing connection. The next follow-up finds the cause, and then --retry-failed helps."""
    fixture, ids = migrated(codat, 2)
    fixture.let_hours_pass(30)
    codat.delete("companies", codat.company_of(ids[0]))
    assert fixture.then("links").code == 1
    assert fixture.states() == {"failed": 1, "link_ready": 1}
    assert fixture.then("follow-up").code == 1
    codat.count_from_zero()

    assert fixture.run("--retry-failed").code == 0

    assert codat.stats()["requests"]["create_company"] == 1
    assert codat.stats()["requests"]["create_connection"] == 1
    fixture.assert_reports_match(ids)


def test_undo_leaves_a_company_alone_that_has_a_partner_connection(codat: Codat, migrated: Migrated) -> None:
    """Its customer had linked it before the accounting connection was deleted, so it may contain synced data."""
    fixture, ids = migrated(codat, 3)
    codat.authorize(ids[:1])
    assert fixture.then("follow-up").code == 0
    codat.delete("connections", codat.accounting(ids[0]).id)

    assert codat.company_of(ids[0]) in fixture.then("undo").err
    assert fixture.then("undo", "--yes").code == 0

    assert [c.kind for c in codat.connections(ids)[ids[0]]] == ["Expense"]
    assert codat.connections(ids[1:]) == {ids[1]: [], ids[2]: []}


def test_a_connection_that_was_deleted_after_its_response_was_lost_is_created_again(
    codat: Codat, migrated: Migrated
) -> None:
    """The lost response, which Codat still keeps under its key, does not count: for a partner, and for a connection."""
    fixture, ids = migrated(codat, 1)
    codat.authorize(ids)
    refused = {"kind": "401", "operations": ["list_connections"], "count": 1}
    codat.inject_faults(
        {"kind": "reset_after", "operations": ["create_partner_expense_connection"], "count": 1}, refused
    )
    assert fixture.then("follow-up").code == 3
    assert fixture.then("follow-up").code == 0  # the list shows it
    codat.delete("connections", fixture.table("partner.csv")[0]["partner_connection_id"])
    assert fixture.then("follow-up").code == 1

    assert fixture.then("follow-up", "--retry-failed").code == 0
    fixture.assert_reports_match(ids)

    ids = fixture.customers(2)
    codat.inject_faults({"kind": "reset_after", "operations": ["create_connection"], "count": 1}, refused)
    assert fixture.run().code == 3
    assert fixture.then("verify", "--adopt").code == 0
    codat.delete("connections", codat.accounting(ids[1]).id)
    assert fixture.then("follow-up").code == 1

    assert fixture.run("--retry-failed").code == 0
    fixture.assert_reports_match(ids)
