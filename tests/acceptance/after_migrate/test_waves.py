"""The links to email, wave by wave, whenever a run is killed; and the record of who was emailed."""

from __future__ import annotations

import json
import random

from support.run_fixtures import SetUp
from support.runs import BatchFixture, Codat

from acceptance.after_migrate.conftest import Migrated
from acceptance.kills import kill_repeatedly

NO_ONE = {"emailed": 0, "attempted": 0, "linked": 0}


def in_waves(fixture: BatchFixture) -> dict[str, list[str]]:
    """Return the customers in the file of each wave, and compare the rows with those of links.csv."""
    rows: list[dict[str, str]] = []
    found = {}
    for path in sorted((fixture.folder / "waves").glob("*.csv")):
        wave = fixture.table(f"waves/{path.name}")
        assert {row["wave"] for row in wave} == {path.stem}
        found[path.stem] = sorted(row["customer_id"] for row in wave)
        rows += wave
    assert sorted(map(str, rows)) == sorted(map(str, fixture.table("links.csv")))
    return found


def figures(fixture: BatchFixture) -> dict[int, dict[str, int]]:
    """Return the figures of each wave, as `bulk report --json` prints them."""
    waves = json.loads(fixture.then("report", "--json").out)["waves"]
    names = ("issued", "emailed", "attempted", "linked")
    return {wave["number"]: {name: wave[name] for name in names} for wave in waves}


def test_the_links_of_killed_runs_are_all_in_one_wave(codat: Codat, set_up: SetUp) -> None:
    """No command has printed a wave of the links that were issued before the kills."""
    fixture = set_up(codat)
    ids = fixture.customers(30)
    kill_repeatedly(fixture, random.Random(3), kills=3, requests=15)  # noqa: S311 - any moments will do
    ended = fixture.run()
    assert ended.code == 0
    assert in_waves(fixture) == {"1": sorted(ids)}
    assert f"Wave 1: 30 linkUrls to email, in reports/{fixture.folder.name}/waves/1.csv." in ended.out
    assert fixture.run().code == 0
    assert in_waves(fixture) == {"1": sorted(ids)}


def test_each_run_that_issues_links_has_a_wave(codat: Codat, migrated: Migrated) -> None:
    """A renewed link moves to the new wave, and a used one is in none. `report` writes the same files again."""
    fixture, ids = migrated(codat, 5)
    assert in_waves(fixture) == {"1": sorted(ids)}
    fixture.let_hours_pass(23)
    renewed = fixture.then("links", "--limit", "2")
    assert renewed.out.startswith("2 linkUrls renewed")
    assert "\nWave 2: 2 linkUrls to email, in " in renewed.out
    assert "/waves/2.csv.\n" in renewed.out
    waves = in_waves(fixture)
    assert sorted(waves["1"] + waves["2"]) == sorted(ids)
    assert len(waves["2"]) == 2
    for path in (fixture.folder / "waves").iterdir():
        path.unlink()
    assert fixture.then("report").code == 0
    assert in_waves(fixture) == waves
    codat.authorize(waves["2"][:1])
    assert fixture.then("follow-up").code == 0
    assert in_waves(fixture)["2"] == waves["2"][1:]
    assert figures(fixture) == {1: {"issued": 5} | NO_ONE, 2: {"issued": 2} | NO_ONE | {"linked": 1}}


def test_sent_records_who_was_emailed_once(codat: Codat, migrated: Migrated) -> None:
    """It sends nothing to Codat. Customers that the batch does not know are named, and the others recorded."""
    fixture, ids = migrated(codat, 4)
    path = fixture.write([{"customer_id": each} for each in [*ids[:2], "nobody"]], name="emailed.csv")
    ended = fixture.then("sent", "--file", str(path))
    assert ended.code == 1
    assert "2 customers recorded as emailed, 1 left out." in ended.out
    assert "nobody  this batch has no such customer" in ended.err
    again = fixture.then("sent", "--wave", "1", "--json")
    assert again.code == 0
    recorded = json.loads(again.out)
    assert {name: recorded[name] for name in ("emailed", "emailed_before", "not_emailed")} == {
        "emailed": 2,
        "emailed_before": 2,
        "not_emailed": {},
    }
    assert figures(fixture) == {1: {"issued": 4} | NO_ONE | {"emailed": 4}}
    assert "waves/1.csv" not in fixture.then("report").out, "nothing is left to email"
    fixture.then("sent", "--wave", "2").assert_one_error("has no wave 2: its last wave is 1")
    only_unknown = fixture.write([{"customer_id": "nobody"}], name="others.csv")
    assert fixture.then("sent", "--file", str(only_unknown)).code == 2
    assert codat.stats()["requests_total"] == 0


def test_a_customer_who_declined_is_counted_in_the_wave(codat: Codat, migrated: Migrated) -> None:
    """Codat lists the failed attempt with the connection."""
    fixture, ids = migrated(codat, 2)
    codat.decline(ids[:1])
    assert fixture.then("follow-up").code == 0
    assert figures(fixture) == {1: {"issued": 2} | NO_ONE | {"attempted": 1}}
    errors = {row["customer_id"]: row["link_error"] for row in fixture.results()}
    assert "The customer declined to authorize access." in errors[ids[0]]
    assert not errors[ids[1]]
