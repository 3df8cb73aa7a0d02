"""`check --batch` compares an input with a batch, sends nothing, and changes nothing in the batch's folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from support.run_fixtures import other_system
from support.runs import BatchFixture, Codat, Ended, row

JOURNAL = "journal.sqlite3"


def state(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the content and the modification time of each file of a folder."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def check(fixture: BatchFixture, path: Path, *options: str) -> Ended:
    """Compare an input with the batch, which must not change."""
    before = state(fixture.folder)
    ended = fixture.then("check", "--batch", fixture.name, *options, path=path)
    assert state(fixture.folder) == before
    return ended


def compared(fixture: BatchFixture, path: Path, *, code: int = 0) -> dict[str, Any]:
    """Return the numbers of the comparison."""
    ended = check(fixture, path, "--json")
    assert ended.code == code, ended.err
    content: dict[str, Any] = json.loads(ended.out)
    return {**content["batch"], "conflicts": content["conflicts"]}


@pytest.fixture
def other(fixture: BatchFixture) -> Path:
    """Return a file of another system with two identifiers of the batch and a new one."""
    texas = {"company_name": "Texas", "platform": "xero", "email": "t@example.com"}
    utah = {"company_name": "Utah", "platform": "FreeAgent", "email": "u@example.com"}
    return other_system(fixture, texas, utah)


def test_the_conflicts_of_a_file_are_known_before_it_is_migrated(
    codat: Codat, fixture: BatchFixture, other: Path
) -> None:
    """The printed command then finds the same ones."""
    codat.count_from_zero()
    ended = check(fixture, other)
    assert ended.code == 1
    assert "customers  1 new, 0 same, 0 changed, 0 gone" in ended.out
    assert "2 rows of the batch; migrate may find more" in ended.out
    assert "Texas" in ended.out
    assert f'already belongs to the customer "Company {fixture.path.name}-0001"' in ended.out
    assert "migrate needs --batch" in ended.out
    assert codat.stats()["requests_total"] == 0
    found = compared(fixture, other, code=1)
    command = ended.out.partition("Next:")[2].split()
    assert command[:5] == ["bulk", "migrate", str(other), "--batch", fixture.name]

    assert fixture.run(*command[3:], path=other).code == 1

    rows = [(int(each["row"]), each["customer_id"], each["found"]) for each in fixture.table("conflicts.csv")]
    assert [(each["row"], each["customer_id"], each["found"]) for each in found["conflicts"]] == rows
    assert fixture.states()["conflict"] == found["conflict"] == 2


def test_an_edited_file_is_compared_by_identifier(fixture: BatchFixture) -> None:
    """The numbers are those of `migrate`."""
    ids = fixture.customers(4)
    assert fixture.run().code == 0
    rows = [row(each, n) for n, each in enumerate(ids)]
    edited = fixture.write([rows[2], rows[1] | {"email": "new@example.com"}, rows[0], row(f"{ids[0]}-new")])
    found = compared(fixture, edited)
    expected = {"new": 1, "same": 2, "changed": 1, "gone": 1, "to_do": 1}
    assert {name: found[name] for name in expected} == expected
    assert not found["adds_file"]
    assert "1 new, 2 same, 1 changed, 1 gone" in fixture.run().err


def test_a_batch_is_compared_while_a_run_sends_and_after_it_was_killed(codat: Codat, fixture: BatchFixture) -> None:
    """The comparison neither waits for the run nor disturbs it, and it repairs nothing after it."""
    ids = fixture.customers(6)
    with codat.holding(after=5) as wait_for_it:
        run = fixture.start("--concurrency", "1")
        wait_for_it()
        assert compared(fixture, fixture.input)["same"] == 6
        run.kill()
        run.wait()
    assert (fixture.folder / f"{JOURNAL}-wal").stat().st_size > 0
    assert compared(fixture, fixture.input)["same"] == 6
    assert fixture.run().code == 0
    fixture.assert_once_only(ids)


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"", "reports/customers has no journal"), (b"overwritten" * 1000, "journal.sqlite3 is damaged")],
)
def test_an_unusable_journal_is_wrong_usage(fixture: BatchFixture, other: Path, content: bytes, expected: str) -> None:
    """The message is that of the other commands."""
    (fixture.folder / JOURNAL).write_bytes(content)
    ended = check(fixture, other)
    assert ended.code == 2
    assert expected in ended.err


def test_an_unknown_batch_is_wrong_usage(fixture: BatchFixture, other: Path) -> None:
    """No folder is created for it."""
    ended = fixture.then("check", "--batch", "unknown", path=other)
    assert ended.code == 2
    assert "reports/unknown has no journal" in ended.err
    assert not (fixture.path / "reports" / "unknown").exists()
