"""Two systems use the same identifiers: the rows of the second one are in conflict until a person decides."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.run_fixtures import other_system
from support.runs import BatchFixture, Codat, row


@pytest.fixture
def other(fixture: BatchFixture) -> Path:
    """Return a file of another system with two identifiers of the batch and a new one."""
    moved = {"company_name": "Acme Renamed", "platform": "xero", "email": "new@example.com"}
    foreign = {"company_name": "Foreign Ltd", "platform": "FreeAgent", "email": "foreign@example.com"}
    return other_system(fixture, moved, foreign)


def test_the_printed_commands_accept_only_the_rows_that_a_person_keeps(
    codat: Codat, fixture: BatchFixture, other: Path
) -> None:
    """links.csv never has a link of the other customer, and the decision is remembered."""
    before = {each["customer_id"]: each for each in fixture.table("links.csv")}
    ended = fixture.run("--batch", fixture.name, path=other)

    assert ended.code == 1
    assert "2 rows in conflict" in ended.err
    assert fixture.summary()["customers"]["conflict"] == 2
    assert fixture.states() == {"link_ready": 4, "conflict": 2}
    assert {each["company_name"] for each in fixture.table("links.csv")}.isdisjoint({"Foreign Ltd", "Acme Renamed"})
    conflicts = fixture.table("conflicts.csv")
    assert list(conflicts[0]) == ["customer_id", "company_name", "platform", "email", "row", "conflict", "found"]
    assert [(each["company_name"], each["row"]) for each in conflicts] == [("Acme Renamed", "4"), ("Foreign Ltd", "5")]
    copy, accept = ended.out.partition("Decide:")[2].split("    ")[1:3]
    assert copy.split() == ["cp", f"reports/{fixture.name}/conflicts.csv", "accepted.csv"]
    command = accept.splitlines()[0].split()
    start = ["bulk", "migrate", "accepted.csv", "--batch", fixture.name, "--accept-file", "accepted.csv"]
    assert command[: len(start)] == start
    codat.count_from_zero()

    accepted = fixture.write(conflicts[:1], name="accepted.csv")
    assert fixture.run(*command[3:], path=accepted).code == 1

    assert codat.stats()["requests_total"] == 0  # its company has everything already
    links = {each["customer_id"]: each for each in fixture.table("links.csv")}
    kept = conflicts[0]["customer_id"]
    assert links[kept]["company_name"] == "Acme Renamed"
    assert links[kept]["email"] == "new@example.com"
    assert all(links[each]["link_url"] == before[each]["link_url"] for each in before)
    assert [each["company_name"] for each in fixture.table("conflicts.csv")] == ["Foreign Ltd"]
    assert fixture.run("--batch", fixture.name, path=other).code == 1
    assert [each["company_name"] for each in fixture.table("conflicts.csv")] == ["Foreign Ltd"]


def test_with_a_source_every_customer_gets_a_company_of_its_own(
    codat: Codat, fixture: BatchFixture, other: Path
) -> None:
    """The second system has a batch of its own, with a link for each of its customers."""
    ended = fixture.run("--source", "other", path=other)

    assert ended.code == 0, ended.out
    folder = fixture.path / "reports" / "other"
    assert json.loads((folder / "summary.json").read_text())["customers"]["link_ready"] == 3
    assert (folder / "conflicts.csv").read_text("utf-8-sig").splitlines() == [
        "customer_id,company_name,platform,email,row,conflict,found"
    ]
    names = {company["name"] for company in codat.companies()}
    assert names >= {"Acme Renamed", "Foreign Ltd", f"Company {fixture.path.name}-0001"}


def test_a_company_with_another_name_is_in_conflict_until_its_row_is_accepted(
    codat: Codat, fixture: BatchFixture, other: Path
) -> None:
    """A batch of the second system without --source finds the companies of the first one by their tags."""
    ended = fixture.run(path=other)

    assert ended.code == 1
    second = BatchFixture(fixture.path, codat, name="other")
    assert second.states() == {"conflict": 2, "link_ready": 1}
    assert [each["error_code"] for each in second.results()] == ["other_name", "other_name", ""]
    assert [each["company_name"] for each in second.table("links.csv")] == [f"Company {fixture.path.name}-new"]
    conflicts = second.table("conflicts.csv")
    assert [each["found"] for each in conflicts] == [f"Company {fixture.path.name}-000{n}" for n in (1, 2)]
    assert "rejected by Codat" not in ended.out

    accepted = second.write(conflicts[:1], name="accepted.csv")
    assert second.run("--batch", "other", "--accept-file", str(accepted), path=accepted).code == 1

    assert second.states() == {"conflict": 1, "link_ready": 2}
    assert [each["company_name"] for each in second.table("conflicts.csv")] == ["Foreign Ltd"]
    assert {each["company_name"] for each in second.table("links.csv")} == {
        "Acme Renamed",
        f"Company {fixture.path.name}-new",
    }


def test_a_source_can_be_named_until_a_company_is_sent(codat: Codat, fixture: BatchFixture) -> None:
    """A batch whose customers are all in conflict gets a source later; then each has a company of its own."""
    ids = fixture.customers(2)
    assert fixture.run().code == 0
    rows = [row(each, company_name=f"Texas {each}", platform="xero", email="t@us.example") for each in ids]
    us = fixture.write(rows, name="us.csv")
    assert fixture.run("--batch", "us", path=us).code == 1
    summary = fixture.path / "reports" / "us" / "summary.json"
    assert json.loads(summary.read_text())["customers"]["conflict"] == 2

    assert fixture.run("--batch", "us", "--source", "us", path=us).code == 0

    assert json.loads(summary.read_text())["customers"]["link_ready"] == 2
    own = [each for each in codat.companies() if each["tags"]["uid"] in ids]
    assert sorted((each["tags"].get("bulk_source", ""), each["name"]) for each in own) == [
        *(("", each["name"]) for each in own[:2]),
        *(("us", f"Texas {each}") for each in ids),
    ]
    assert len({each["tags"]["bulk_uid"] for each in own}) == 4

    refused = fixture.run("--batch", "us", "--source", "others", path=us)
    assert refused.code == 2
    refused.assert_one_error('The batch was begun with the source "us"')
    codat.count_from_zero()
    assert fixture.run("--batch", "us", path=us).code == 0
    assert codat.stats()["requests_total"] == 0


def test_two_spellings_in_one_file_are_a_warning(fixture: BatchFixture) -> None:
    """Once, in the words of `check`. Both are customers."""
    number = fixture.path.name.removeprefix("fixture")
    ids = (f"000{number}", number)
    fixture.write([row(each, company_name=f"Firm {each}") for each in ids])
    ended = fixture.run()
    assert ended.code == 0
    warning = f"customer_id {ids[1]} is perhaps another spelling of {ids[0]} in row 1: if both are one customer, delete"
    assert ended.err.count(warning) == 1
    assert "perhaps another spelling" not in fixture.run().err
