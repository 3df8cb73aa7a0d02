"""Runs that are pointed at the wrong account, or at one that refuses everything, stop early and change nothing."""

from __future__ import annotations

import json
import shutil

import pytest
from support.run_fixtures import Launch, SetUp
from support.runs import BatchFixture, Codat


@pytest.mark.long
def test_an_empty_account_at_the_same_address_fails_nobody(launch: Launch, set_up: SetUp) -> None:
    """Each command that reads the list stops with 3; --accept-missing takes the list as it is."""
    codat = launch()
    fixture = set_up(codat)
    fixture.customers(12)
    assert fixture.run().code == 0
    for company in codat.companies():
        codat.delete("companies", company["id"])

    for command in ("follow-up", "verify", "undo"):
        ended = fixture.then(command)
        assert ended.code == 3, command
        assert "lacks the companies of 12 customers" in ended.err
        assert f"{fixture.path.name}-0001, " in ended.err
        assert fixture.states() == {"link_ready": 12}

    assert fixture.then("follow-up", "--accept-missing").code == 1
    assert fixture.states() == {"failed": 12}


def test_a_sandbox_of_another_client_is_noticed(launch: Launch, set_up: SetUp) -> None:
    """Its address is another one, so Codat is asked again for the client of the key."""
    own, other = launch("own"), launch("other")
    fixture = set_up(own)
    ids = fixture.customers(2)
    assert fixture.run("--limit", "1").code == 0
    fixture.codat = other

    for command in ("follow-up", "links", "verify"):
        ended = fixture.then(command)
        assert ended.code == 3
        assert "belongs to the Codat client" in ended.err
    assert fixture.run().code == 3

    assert other.stats()["requests"] == {"get_sync_settings": 1}
    fixture.codat = own
    assert fixture.run().code == 0
    fixture.assert_once_only(ids)


def test_a_client_without_default_products_stops_the_run_after_ten_rejections(launch: Launch, set_up: SetUp) -> None:
    """With --product, which the batch remembers, all customers get their links."""
    codat = launch(no_default_products=True)
    fixture = set_up(codat)
    ids = fixture.customers(30)

    ended = fixture.run()

    assert ended.code == 1
    assert "At least one product must be assigned" in ended.err
    assert "--product" in ended.err
    assert fixture.states() == {"failed": 10, "pending": 20}
    assert codat.stats()["requests"]["create_company"] == 10
    assert fixture.run("--limit", "1", "--retry-failed", "--product", "expenses").code == 0
    assert fixture.run("--retry-failed").code == 0
    fixture.assert_once_only(ids)
    created = "SELECT body FROM requests WHERE operation = 'create_company' AND status = 200"
    assert {tuple(json.loads(text)["products"]) for (text,) in fixture.query_journal(created)} == {("expenses",)}


def test_check_online_shows_the_client(launch: Launch, fixture: BatchFixture) -> None:
    """Its name and id, where customers go, and which of the input's platforms are enabled: four requests."""
    codat = launch(disabled_platform=("qhyg",), redirect_url="https://acme.example/done")
    fixture.codat = codat
    fixture.customers(3)

    ended = fixture.start("--online", "--base-url", codat.base_url, command="check", path=fixture.input).wait()

    assert codat.stats()["requests_total"] == 4
    assert "Sandbox (" in ended.out
    assert "https://acme.example/done" in ended.out
    assert "Xero (gbol)" in ended.out
    assert "QuickBooks Online (qhyg). Enable them in Codat first" in ended.out
    assert ended.code == 1


def test_a_copy_of_a_batch_knows_its_client(codat: Codat, fixture: BatchFixture) -> None:
    """The journal has it."""
    fixture.customers(2)
    assert fixture.run("--limit", "1").code == 0
    shutil.copytree(fixture.folder, fixture.folder.with_name("copy"))
    codat.count_from_zero()

    assert fixture.run("--batch", "copy").code == 0

    assert "get_sync_settings" not in codat.stats()["requests"]
