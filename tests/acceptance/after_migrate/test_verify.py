"""`verify` compares Codat with the journal, lists the differences, and changes nothing without --adopt."""

from __future__ import annotations

import json

import pytest
from support.run_fixtures import Launch
from support.runs import BatchFixture, Codat

from acceptance.after_migrate.conftest import Migrated


def _findings(fixture: BatchFixture) -> set[tuple[str, str, str, str]]:
    names = ("finding", "customer_id", "company_id", "connection_id")
    return {(row[names[0]], row[names[1]], row[names[2]], row[names[3]]) for row in fixture.table("verify.csv")}


def _adopted(fixture: BatchFixture) -> set[str]:
    return {row["adopted"] for row in fixture.table("verify.csv")}


def test_a_batch_in_order_is_proven_with_one_request_for_a_page(codat: Codat, migrated: Migrated) -> None:
    """Its customers may be pending, linked or unlinked."""
    fixture, ids = migrated(codat, 6)
    codat.authorize(ids[:4])
    assert fixture.then("follow-up").code == 0
    codat.deauthorize(ids[:1])
    codat.set_status(codat.accounting(ids[1]), "Unlinked")
    codat.count_from_zero()

    proof = fixture.then("verify")

    assert proof.code == 0
    assert codat.stats()["requests"] == {"list_companies": 1}
    assert fixture.table("verify.csv") == []
    assert "Codat matches the journal" in proof.out


@pytest.fixture
def disorder(launch: Launch, migrated: Migrated) -> tuple[BatchFixture, set[tuple[str, str, str, str]]]:
    """Return a batch with one difference of each kind, and the expected findings."""
    codat = launch(second_connection="allow")
    fixture, ids = migrated(codat, 8)
    codat.authorize(ids[3:5])
    assert fixture.then("follow-up").code == 0
    company = {each: codat.company_of(each) for each in ids}
    accounting = {each: codat.accounting(each) for each in ids}
    tags = {each["tags"]["uid"]: each["tags"] for each in codat.companies()}
    codat.delete("companies", company[ids[0]])
    second = codat.api("POST", "/companies", {"name": "Again", "tags": tags[ids[1]]}).json()["id"]
    path = f"/companies/{company[ids[2]]}/connections"
    other = codat.api("POST", path, {"platformKey": "gbol"}).json()["id"]
    path = f"/companies/{company[ids[3]]}/sync/expenses/connections/partnerExpense"
    partner = codat.api("POST", path).json()["id"]
    (known,) = [each.id for each in codat.connections(ids)[ids[4]] if each.kind == "Expense"]
    codat.delete("connections", known)
    codat.delete("connections", accounting[ids[5]].id)
    stranger_tags = tags[ids[1]] | {"uid": "a stranger", "bulk_uid": "0" * 32}
    stranger = codat.api("POST", "/companies", {"name": "Stranger", "tags": stranger_tags}).json()["id"]
    codat.api("POST", "/companies", {"name": "Somebody else's", "tags": {"uid": "not of this batch"}})
    return fixture, {
        ("missing_company", ids[0], company[ids[0]], accounting[ids[0]].id),
        ("extra_company", ids[1], second, ""),
        ("extra_connection", ids[2], company[ids[2]], other),
        ("extra_partner", ids[3], company[ids[3]], partner),
        ("missing_partner", ids[4], company[ids[4]], known),
        ("missing_connection", ids[5], company[ids[5]], accounting[ids[5]].id),
        ("unknown_company", "a stranger", stranger, ""),
    }


def test_missing_extra_and_unknown_things_are_listed_with_ids_and_left_alone(
    disorder: tuple[BatchFixture, set[tuple[str, str, str, str]]],
) -> None:
    """On standard output and in verify.csv, with exit code 1; neither Codat nor the journal is changed."""
    fixture, expected = disorder
    codat = fixture.codat
    codat.count_from_zero()
    before, customers = codat.companies(), fixture.query_journal("SELECT * FROM customers")

    proof = fixture.then("verify")

    assert proof.code == 1
    assert _findings(fixture) == expected
    assert _adopted(fixture) == {"no"}
    for finding, customer_id, company_id, connection_id in expected:
        (line,) = [line for line in proof.out.splitlines() if finding in line]
        assert all(word in line for word in (customer_id, company_id, connection_id))
    assert codat.stats()["requests"] == {"list_companies": 1}
    assert codat.companies() == before
    assert fixture.query_journal("SELECT * FROM customers") == customers

    as_json = json.loads(fixture.then("verify", "--json").out)
    assert {each["finding"] for each in as_json["findings"]} == {each[0] for each in expected}
    assert fixture.then("verify", "--adopt").code == 1  # extra and missing things cannot be adopted


def test_things_that_the_journal_lacks_are_adopted_and_then_nothing_differs(codat: Codat, migrated: Migrated) -> None:
    """The responses for a company, a connection and a partner were lost. Each run requests only the page."""
    fixture, ids = migrated(codat, 5)
    codat.authorize(ids[2:4])
    assert fixture.then("follow-up").code == 0
    there = codat.connections(ids)
    no_connection = "connection_id = NULL, connection_status = NULL, link_url = NULL, link_issued_at = NULL"
    no_company = "company_id = NULL, company_origin = NULL, " + no_connection
    for number, changes in (
        (1, "state = 'pending', " + no_company),
        (2, "state = 'pending', " + no_connection),
        (3, "state = 'linked', partner_connection_id = NULL, partner_status = NULL"),
    ):
        fixture.change_journal(f"UPDATE customers SET {changes} WHERE row = :row", row=number)  # noqa: S608 - our own words
    codat.count_from_zero()

    assert fixture.then("verify").code == 1
    kinds = {(each[0], each[1]) for each in _findings(fixture)}
    unknown = {("unknown_company", ids[0]), ("unknown_connection", ids[1]), ("unknown_partner", ids[2])}
    assert kinds == unknown

    assert fixture.then("verify", "--adopt").code == 0
    assert {(each[0], each[1]) for each in _findings(fixture)} == unknown
    assert _adopted(fixture) == {"yes"}

    assert fixture.then("verify").code == 0
    assert fixture.table("verify.csv") == []
    assert codat.stats()["requests"] == {"list_companies": 3}
    assert fixture.run().code == 0
    assert codat.posts() == 0
    assert codat.stats()["requests"]["get_connection"] == 2  # their links were lost
    fixture.assert_reports_match(ids)
    assert codat.connections(ids) == there


def test_a_partner_whose_response_was_lost_is_adopted(codat: Codat, migrated: Migrated) -> None:
    """follow-up stopped before its look-up. verify finds the partner connection, and no second one is created."""
    fixture, ids = migrated(codat, 1)
    codat.authorize(ids)
    codat.inject_faults(
        {"kind": "reset_after", "operations": ["create_partner_expense_connection"], "count": 1},
        {"kind": "401", "operations": ["list_connections"], "count": 1},
    )
    assert fixture.then("follow-up").code == 3
    (partner,) = [each for each in codat.connections(ids)[ids[0]] if each.kind == "Expense"]

    assert fixture.then("verify").code == 1
    assert _findings(fixture) == {("unknown_partner", ids[0], partner.company, partner.id)}
    assert fixture.then("verify", "--adopt").code == 0
    assert fixture.then("follow-up").code == 0
    fixture.assert_reports_match(ids)
