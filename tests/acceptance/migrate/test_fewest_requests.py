"""The requests of a migrate, exactly: one for the API key, two for each new customer, one for each page of the list."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from uuid import uuid4

from support.run_fixtures import Launch, SetUp
from support.runs import BatchFixture, Codat, row

from bulk.sandbox.store import Store

CREATED = "2026-01-01T00:00:00.000000Z"


def test_new_customers_cost_two_requests_each_and_one_page(launch: Launch, set_up: SetUp) -> None:
    """Exactly 2N + 2: the first run asks for the client of the key. A finished batch costs nothing."""
    codat = launch()
    fixture = set_up(codat)
    ids = fixture.customers(50)

    assert fixture.run().code == 0
    expected = {"get_sync_settings": 1, "list_companies": 1, "create_company": 50, "create_connection": 50}
    assert codat.stats()["requests"] == expected
    assert fixture.summary()["requests"] == expected
    assert fixture.summary()["requests_total"] == 102
    fixture.assert_once_only(ids)
    codat.count_from_zero()

    assert fixture.run().code == 0
    assert codat.stats()["requests_total"] == 0
    assert fixture.summary()["requests_total"] == 0


def test_a_client_with_companies_already_costs_a_page_for_each_2000(
    tmp_path: Path, launch: Launch, set_up: SetUp
) -> None:
    """If there are 2,500 other companies, 3 new customers cost 2 x 3 + 2, and one for the key."""
    database = tmp_path / "codat" / "sandbox.sqlite3"
    database.parent.mkdir(mode=0o700)
    with closing(Store(database)) as store, store.transaction():
        for n in range(2500):
            store.add_company(company_id=str(uuid4()), name=f"Other {n}", description=None, created=CREATED, tags={})
    codat = launch()
    fixture = set_up(codat)
    ids = fixture.customers(3)
    codat.count_from_zero()

    assert fixture.run().code == 0

    expected = {"get_sync_settings": 1, "list_companies": 2, "create_company": 3, "create_connection": 3}
    assert codat.stats()["requests"] == expected
    fixture.assert_once_only(ids)


def test_a_limit_requests_only_the_first_customers(codat: Codat, fixture: BatchFixture) -> None:
    """Each run that has something to send reads the list once; a run without anything to send costs nothing."""
    ids = fixture.customers(8)

    for _ in range(2):
        assert fixture.run("--limit", "3").code == 0
        expected = {"get_sync_settings": 1, "list_companies": 1, "create_company": 3, "create_connection": 3}
        assert codat.stats()["requests"] == expected
        assert fixture.states() == {"link_ready": 3, "pending": 5}

    assert fixture.run().code == 0
    expected = {"get_sync_settings": 1, "list_companies": 2, "create_company": 8, "create_connection": 8}
    assert codat.stats()["requests"] == expected
    fixture.assert_once_only(ids)


def test_each_lost_response_costs_one_look_up(codat: Codat, fixture: BatchFixture) -> None:
    """The responses for two companies and a connection are lost. The look-ups find all three; nothing is repeated."""
    ids = fixture.customers(4)
    codat.inject_faults(
        {"kind": "reset_after", "operations": ["create_company"], "count": 2},
        {"kind": "reset_after", "operations": ["create_connection"], "count": 1},
    )

    assert fixture.run().code == 0

    assert codat.stats()["requests"] == {
        "get_sync_settings": 1,
        "list_companies": 1 + 2,
        "create_company": 4,
        "list_connections": 1,
        "get_connection": 1,  # the list does not show a linkUrl that opens
        "create_connection": 4,
    }
    fixture.assert_once_only(ids)


def test_corrected_rejects_cost_two_requests_each_and_one_page(codat: Codat, fixture: BatchFixture) -> None:
    """The corrected rejects file adds its customers in the places of their rows."""
    name = fixture.path.name
    rows = [row(f"{name}-{n}", n) for n in range(6)]
    rows[2]["platform"] = "Abacus 3000"
    rows[4]["company_name"] = ""
    fixture.write(rows)
    assert fixture.run().code == 1
    assert fixture.states() == {"link_ready": 4, "rejected": 2}
    rejects = fixture.table("rejects.csv")
    assert [each["row"] for each in rejects] == ["3", "5"]
    assert "platform" in rejects[0]["reasons"]
    assert "company_name" in rejects[1]["reasons"]
    rejects[0]["platform"] = "xero"
    rejects[1]["company_name"] = "Right Ltd"
    corrected = fixture.write(rejects, name="corrected.csv")
    codat.count_from_zero()

    assert fixture.run("--batch", "customers", path=corrected).code == 0

    assert codat.stats()["requests"] == {"list_companies": 1, "create_company": 2, "create_connection": 2}
    assert fixture.table("rejects.csv") == []
    fixture.assert_once_only([each["customer_id"] for each in rows])
