"""The rows that are read from a journal."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from bulk import problems
from bulk.errors import BatchError
from bulk.model import State
from bulk.reports.columns import DIFFERENCES, LINKS, RESULTS
from bulk.reports.figures import Summary
from bulk.reports.figures_reader import read_summary
from bulk.reports.rows import Reader
from bulk.spellings import spelling_key

from .journals import FIELDS, NOON, REASONS, Journal


def together(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return all frames as one."""
    return pl.concat(list(frames))


def results(journal: Journal) -> pl.DataFrame:
    """Return the results as one frame."""
    with Reader(journal.path) as reader:
        return together(reader.results())


def links(journal: Journal) -> pl.DataFrame:
    """Return the links that are valid at noon, as one frame."""
    with Reader(journal.path) as reader:
        return together(reader.links(NOON))


def rejects(journal: Journal) -> pl.DataFrame:
    """Return the rejects as one frame."""
    with Reader(journal.path) as reader:
        return together(reader.rejects())


def conflicts(journal: Journal) -> pl.DataFrame:
    """Return the rows in conflict as one frame."""
    with Reader(journal.path) as reader:
        return together(reader.conflicts())


def differences(journal: Journal) -> list[tuple[Any, ...]]:
    """Return the differences as rows."""
    with Reader(journal.path) as reader:
        return together(reader.differences()).rows()


def summary(journal: Journal) -> Summary:
    """Return the summary."""
    with Reader(journal.path) as reader:
        return read_summary(reader)


def test_an_empty_batch_still_has_every_column(journal: Journal) -> None:
    """Programs find the columns even if there are no rows."""
    found = results(journal)
    assert found.columns == list(RESULTS)
    assert found.height == 0
    assert links(journal).columns == list(LINKS)
    assert rejects(journal).columns == ["row", "reasons"]
    assert conflicts(journal).columns == ["row", "conflict", "found"]
    with Reader(journal.path) as reader:
        assert together(reader.differences()).columns == list(DIFFERENCES)


def test_rows_are_in_input_order_for_any_order_of_enrolment(journal: Journal) -> None:
    """Customers and rejections have the order of the input, file after file."""
    journal.source()
    journal.source(shift=10)
    journal.customer(1, "d", source=2)
    journal.customer(3, "c")
    journal.rejection(2, customer_id="b")
    journal.customer(1, "a")
    found = results(journal)
    assert found["customer_id"].to_list() == ["a", "b", "c", "d"]
    assert found["row"].to_list() == [1, 2, 3, 11]


def test_a_created_customer_shows_the_values_in_codat(journal: Journal) -> None:
    """The values sent count, not those of the input since."""
    journal.source()
    journal.created(1, "a", name="New name", platform_key="qhyg", updated_at="2026-11-23T10:00:01Z")
    (row,) = results(journal).to_dicts()
    assert row == dict.fromkeys(RESULTS) | {
        "row": 1,
        "customer_id": "a",
        "company_name": "Café a",
        "name_sent": "Cafe a",
        "platform_key": "gbol",
        "state": "link_ready",
        "company_id": "company of a",
        "connection_id": "connection of a",
        "connection_status": "PendingAuth",
        "link_url": "https://link.example.com/a/start?otp=742271",
        "link_expires_at": "2026-11-24T10:00:00Z",
        "attempts": 2,
        "updated_at": "2026-11-23T10:00:01Z",
        "platform": "Xero",
    }


def test_a_pending_customer_shows_the_values_that_will_be_sent(journal: Journal) -> None:
    """The name as Codat will keep it, and the platform of the input."""
    journal.source()
    journal.customer(1, "a")
    (row,) = results(journal).to_dicts()
    assert (row["name_sent"], row["platform_key"], row["state"]) == ("Cafe a", "gbol", "pending")


def test_a_rejection_shows_its_problems_as_its_error(journal: Journal) -> None:
    """The error has the step `input`."""
    journal.source()
    journal.rejection(7, customer_id="a", company_name="Acme", platform="qb", email="a@example.com")
    (row,) = results(journal).to_dicts()
    assert row == dict.fromkeys(RESULTS) | {
        "row": 7,
        "customer_id": "a",
        "company_name": "Acme",
        "email": "a@example.com",
        "state": "rejected",
        "error_step": "input",
        "error_code": "rejected",
        "error": REASONS,
        "attempts": 0,
        "platform": "qb",
    }


def test_a_removed_customer_comes_last_and_only_if_codat_may_have_it(journal: Journal) -> None:
    """Such customers have no row number."""
    journal.source()
    journal.created(1, "created", presence="removed")
    journal.customer(2, "unknown", presence="removed", name_sent="x")
    journal.customer(3, "never sent", presence="removed")
    journal.customer(4, "present")
    found = results(journal)
    assert found["customer_id"].to_list() == ["present", "created", "unknown"]
    assert found["row"].to_list() == [4, None, None]
    with Reader(journal.path) as reader:
        assert reader.counts() == dict.fromkeys(State, 0) | {"pending": 2, "link_ready": 1}


def test_a_customer_whose_row_has_become_invalid_hides_the_rejection(journal: Journal) -> None:
    """Codat has the customer, so the results show it; the rejects still have the row."""
    journal.source()
    journal.created(1, "a", presence="invalid")
    journal.rejection(1, customer_id="a", hidden=1, cells={"customer_id": "a", "platform": "?"})
    journal.customer(2, "b")
    assert results(journal)["state"].to_list() == ["link_ready", "pending"]
    assert rejects(journal).to_dicts() == [
        {"customer_id": "a", "company_name": None, "platform": "?", "email": None, "row": 1} | {"reasons": REASONS}
    ]


def test_the_other_columns_of_all_files_are_kept(journal: Journal) -> None:
    """They follow in the order of the files; a file without such a column leaves it empty."""
    journal.source(["manager", "region"])
    journal.source(["region", "tier"], shift=10)
    journal.customer(1, "a", extra={"manager": "Ann", "region": "North"})
    journal.rejection(2, extra={"manager": None, "region": ""})
    journal.customer(1, "b", source=2, extra={"region": "South", "tier": "00123"})
    found = results(journal)
    assert found.columns == [*RESULTS, "manager", "region", "tier"]
    assert found.select("manager", "region", "tier").rows() == [
        ("Ann", "North", None),
        (None, "", None),
        (None, "South", "00123"),
    ]


def test_an_input_column_with_one_of_our_names_is_renamed(journal: Journal) -> None:
    """Both columns stay, even if the input has the new name as well."""
    journal.source(["state", "state (input)", "attempts"])
    journal.customer(1, "a", extra={"state": "Ohio", "state (input)": "Iowa", "attempts": "x"})
    (row,) = results(journal).to_dicts()
    assert row["state"] == "pending"
    assert row["state (input) (input)"] == "Ohio"
    assert row["state (input)"] == "Iowa"
    assert row["attempts (input)"] == "x"


def test_a_renamed_column_that_comes_back_with_corrected_rows_is_the_same_column(journal: Journal) -> None:
    """In the rejects, the input's column `row` is named `row (input)`."""
    journal.source(["row"])
    journal.source(["row (input)"], shift=10)
    journal.customer(1, "a", extra={"row": "R1"})
    journal.customer(1, "b", source=2, extra={"row (input)": "R2"})
    found = results(journal)
    assert found.columns == [*RESULTS, "row (input)"]
    assert found["row (input)"].to_list() == ["R1", "R2"]


@pytest.mark.parametrize("name", ["*", "^.*$", "^row$", "", "a\nb", "=1+1", "col(x)", '"', "名", "\0", "row\0"])
def test_any_header_is_only_a_name(journal: Journal, name: str) -> None:
    """No header has a meaning for the libraries that write the reports."""
    journal.source([name, "other"])
    journal.customer(1, "a", extra={name: "v", "other": "w"})
    journal.rejection(2, cells={name: "v", "customer_id": "b"})
    assert results(journal).row(0)[-2:] == ("v", "w")
    assert rejects(journal).get_column(name).to_list() == ["v"]


def test_a_link_expires_after_the_lifetime_of_the_batch(tmp_path: Path) -> None:
    """It may be an hour."""
    journal = Journal(tmp_path, link_lifetime="3600")
    journal.source()
    journal.created(1, "a", link_issued_at="2026-11-23T10:00:00.750Z")
    assert results(journal)["link_expires_at"].to_list() == ["2026-11-23T11:00:00Z"]


def test_the_links_are_those_that_are_valid_now_the_first_to_expire_last(journal: Journal) -> None:
    """A person who works down the list has the most time for each."""
    journal.source()
    journal.created(1, "middle", link_issued_at="2026-11-23T11:00:00Z")
    journal.created(2, "soon", link_issued_at="2026-11-22T12:00:01Z")
    journal.created(3, "late", link_issued_at="2026-11-23T11:30:00Z", email="a@example.com", presence="invalid")
    journal.created(4, "expired", link_issued_at="2026-11-22T12:00:00Z")
    journal.created(5, "gone", presence="removed")
    journal.created(6, "linked", state="linked")
    journal.created(7, "no link", link_url=None, link_issued_at=None)
    journal.created(8, "of unknown age", link_issued_at=None)
    found = links(journal)
    assert found["customer_id"].to_list() == ["late", "middle", "soon"]
    assert found.row(0) == (
        *("late", "Café late", "a@example.com", "Xero"),
        *("https://link.example.com/late/start?otp=742271", "2026-11-24T11:30:00Z"),
        *(None, None),
    )


def test_differences_are_values_that_differ_in_codat(journal: Journal) -> None:
    """Names and descriptions count with a company, platforms with a connection, for customers in the input."""
    journal.source()
    journal.created(2, "b", description="new")
    journal.created(1, "a", name="New", platform_key="qhyg", description_sent="old")
    journal.created(3, "same", description_sent="d", description="d")
    journal.created(4, "no connection yet", platform_key="qhyg", connection_id=None)
    journal.customer(5, "no company yet", name_sent="Old", platform_sent="qhyg")
    journal.created(6, "gone", name="New", presence="removed")
    journal.created(7, "faulty", name="New", presence="invalid")
    assert differences(journal) == [
        ("a", "company_name", "Cafe a", "New"),
        ("a", "platform", "gbol", "qhyg"),
        ("a", "description", "old", None),
        ("b", "description", None, "new"),
    ]


def test_rejects_have_the_inputs_own_columns_of_all_files(journal: Journal) -> None:
    """The row's number and its problems follow."""
    journal.source(["reasons"])
    journal.source(["tier"], shift=10)
    invalid = problems.new("email_invalid", "b")
    journal.rejection(4, source=2, cells={"customer_id": "b", "tier": "1"}, problems=json.dumps([invalid]))
    journal.rejection(9, cells={"customer_id": "a", "reasons": "mine"})
    found = rejects(journal)
    assert found.columns == [*FIELDS, "reasons (input)", "tier", "row", "reasons"]
    assert found.select("customer_id", "reasons (input)", "tier", "row", "reasons").rows() == [
        ("a", "mine", None, 9, REASONS),
        ("b", None, "1", 14, problems.reasons(json.dumps([invalid]))),
    ]


def test_conflicts_are_held_rows_and_customers_in_conflict_with_a_company(journal: Journal) -> None:
    """Both have the input's own columns, in input order. A removed customer has no row number."""
    journal.source(["found"])
    journal.source(["tier"], shift=10)
    journal.rejection(1, cells={"customer_id": "rejected"})
    journal.held(3, "b", source=2, cells={"customer_id": "b", "tier": "1"})
    journal.in_conflict(4, "a", email="a@example.com", extra={"found": "mine"})
    journal.in_conflict(5, "gone", presence="removed", name_sent="Cafe gone")
    journal.in_conflict(6, "never sent", presence="removed")
    found = conflicts(journal)
    assert found.columns == [*FIELDS, "found (input)", "tier", "row", "conflict", "found"]
    assert found.drop("conflict").rows() == [
        ("a", "Café a", "Xero", "a@example.com", "mine", None, 4, "Bolt"),
        ("gone", "Café gone", "Xero", None, None, None, None, "Bolt"),
        ("b", None, None, None, None, "1", 13, "Bolt"),
    ]
    texts = found["conflict"].to_list()
    assert texts[0].startswith('company_name "Cafe a" is not the name of this customer\'s company in Codat, "Bolt": ')
    assert texts[2].startswith('customer_id "b" already belongs to the customer "Bolt" of another file: ')
    assert [row[:3] for row in rejects(journal).select("customer_id", "row").rows()] == [("rejected", 1)]


def test_the_summary_has_exactly_the_promised_keys(journal: Journal) -> None:
    """Programs read it, so no key is added or missing at any depth."""
    found = json.loads(summary(journal).to_json())
    assert list(found) == [
        *("batch", "input", "started_at", "finished_at", "seconds", "customers", "requests", "requests_total"),
        *("retries", "rate_limited", "quota", "rows"),
    ]
    assert list(found["customers"]) == [
        *("rejected", "conflict", "pending", "failed", "link_ready", "linked", "complete", "unlinked"),
    ]
    assert list(found["quota"]) == ["limit", "remaining", "resets_at"]
    assert list(found["rows"]) == ["new", "same", "changed", "gone"]


def test_the_summary_counts_the_last_run_only(tmp_path: Path) -> None:
    """Requests that never left do not count; a repeated POST of the same step is a retry."""
    journal = Journal(tmp_path, quota_limit="1000", quota_remaining="12", quota_resets_at="2026-11-24T00:00:00Z")
    journal.source()
    for _ in range(5):
        journal.request("create_company", customer=1, step="company", key="k")
    times = {"started_at": "2026-11-23T11:00:00Z", "finished_at": "2026-11-23T11:00:02Z", "seconds": 2.5}
    journal.run(id=2, input="two.csv", rows_new=1, rows_same=2, rows_changed=3, rows_removed=4, **times)
    journal.request("list_companies", run=2)
    journal.request("create_company", run=2, customer=1, step="company", key="k", outcome="not_sent", status=None)
    journal.request("create_company", run=2, customer=1, step="company", key="k", outcome="rate_limited", status=429)
    journal.request("create_company", run=2, customer=1, step="company", key="k", outcome=None, status=None)
    journal.request("create_company", run=2, customer=1, step="company", key="l")
    journal.request("create_connection", run=2, customer=1, step="connection", key="m")
    journal.request("list_connections", run=2, customer=1, step="connection")
    found = json.loads(summary(journal).to_json())
    assert found == {
        "batch": "autumn",
        "input": "two.csv",
        **times,
        "customers": dict.fromkeys(State, 0),
        "requests": {"create_company": 3, "create_connection": 1, "list_companies": 1, "list_connections": 1},
        "requests_total": 6,
        "retries": 2,
        "rate_limited": 1,
        "quota": {"limit": 1000, "remaining": 12, "resets_at": "2026-11-24T00:00:00Z"},
        "rows": {"new": 1, "same": 2, "changed": 3, "gone": 4},
    }


def test_the_summary_keeps_the_input_of_the_last_migrate(journal: Journal) -> None:
    """A follow-up reads no input: the requests are its own, file and rows are those of the migrate."""
    journal.source()
    journal.run(id=2, input="new.csv", rows_new=5, rows_same=4, rows_changed=3, rows_removed=2)
    journal.run(id=3, command="follow-up", input=None, started_at="2026-11-23T11:00:00Z", seconds=1.5)
    journal.request("create_company", run=2)
    journal.request("list_companies", run=3)
    found = summary(journal)
    assert (found.input, found.started_at, found.seconds) == ("new.csv", "2026-11-23T11:00:00Z", 1.5)
    assert (found.rows.new, found.rows.same, found.rows.changed, found.rows.gone) == (5, 4, 3, 2)
    assert found.requests == {"list_companies": 1}


def test_the_last_runs_requests_are_found_wherever_they_begin(journal: Journal) -> None:
    """Earlier runs may have any number of requests, even none."""
    for run, requests in enumerate((0, 0, 1, 0, 2, 1, 1, 2, 2, 0, 7, 0, 0, 3), 1):
        if run > 1:
            journal.run(id=run)
        for _ in range(requests):
            journal.request("list_companies", run=run)
        assert summary(journal).requests_total == requests


def is_shown(entry: dict[str, Any]) -> bool:
    """Return whether the results have a row for it."""
    if "hidden" in entry:
        return not entry["hidden"]
    return entry["presence"] != "removed" or bool(entry["company_id"] or entry["name_sent"])


@pytest.mark.parametrize("chunk_rows", [1, 7, 1_000])
def test_the_counts_always_add_up_to_the_rows(journal: Journal, chunk_rows: int) -> None:
    """Each row of the input and each removed customer that Codat has is there once, in order, and counted once."""
    journal.source()
    journal.source(shift=200)
    states = [state.value for state in State if state is not State.REJECTED]
    names = ("presence", "state", "company_id", "name_sent")
    customers = product(("present", "removed", "invalid"), states, (None, "c"), (None, "n"))
    conditions = [dict(zip(names, values, strict=True)) for values in customers] + [{"hidden": 0}, {"hidden": 1}] * 3
    rows = [{"source": n % 2 + 1, "row": n // 2 + 1} | each for n, each in enumerate(conditions * 2)]
    for _, entry in sorted(enumerate(rows), key=lambda each: each[0] * 37 % 101):  # in any order of enrolment
        name = f"{entry['source']}/{entry['row']}"
        journal.rejection(customer_id=name, **entry) if "hidden" in entry else journal.customer(
            customer_id=name, **entry
        )
    with Reader(journal.path) as reader:
        found = together(reader.results(chunk_rows))
        counts = reader.counts()
    shown = sorted(filter(is_shown, rows), key=lambda e: (e.get("presence") == "removed", e["source"], e["row"]))
    assert found["customer_id"].to_list() == [f"{entry['source']}/{entry['row']}" for entry in shown]
    assert sum(counts.values()) == found.height
    assert {s: n for s, n in counts.items() if n} == dict(found["state"].value_counts().iter_rows())
    assert list(counts) == list(State)


def test_everything_comes_from_one_moment_while_another_process_writes(journal: Journal) -> None:
    """The writer does not wait for the reader, and the reader does not see its changes."""
    journal.source()
    journal.customer(1, "a")
    journal.customer(2, "b")
    with Reader(journal.path) as reader:
        frames = reader.results(chunk_rows=1)
        first = next(frames)
        journal.customer(3, "c")
        with closing(journal.connect()) as other, other:
            other.execute("UPDATE customers SET state = 'failed'")
        assert together([first, *frames])["state"].to_list() == ["pending", "pending"]
        assert reader.counts()["pending"] == 2
        assert read_summary(reader).customers["failed"] == 0
    assert summary(journal).customers["failed"] == 3


def test_reading_does_not_change_the_journal(journal: Journal) -> None:
    """It keeps every byte."""
    before = journal.path.read_bytes()
    results(journal)
    assert journal.path.read_bytes() == before


def test_a_missing_journal_is_reported_and_not_created(tmp_path: Path) -> None:
    """A mistyped folder does not become an empty batch."""
    with pytest.raises(BatchError, match="has no journal"), Reader(tmp_path / "journal.sqlite3"):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty: its first run found no room for it"),
        (b"no database at all, but long enough to be looked at" * 20, "is damaged or is not a journal"),
    ],
)
def test_another_file_is_not_read_as_a_journal(tmp_path: Path, content: bytes, message: str) -> None:
    """The error is one clear line."""
    path = tmp_path / "journal.sqlite3"
    path.write_bytes(content)
    with pytest.raises(BatchError, match=message), Reader(path):
        pass


def test_a_journal_of_another_version_is_not_read(journal: Journal) -> None:
    """Its columns may have other meanings."""
    with closing(journal.connect()) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(BatchError, match="Use the version of bulk that wrote it"), Reader(journal.path):
        pass


def test_a_link_without_a_one_time_password_never_expires(journal: Journal) -> None:
    """The client's setting is off. The link is handed out for ever, without an expiry."""
    journal.source()
    journal.created(1, "old", link_url="https://link.example.com/old/start", link_issued_at="2020-01-01T00:00:00Z")
    journal.created(
        2, "new", link_url="https://link.example.com/new/start?otp=1", link_issued_at="2026-11-23T11:00:00Z"
    )
    with Reader(journal.path) as reader:
        (links,) = reader.links(NOON)
        (results,) = reader.results()
    assert links.select("customer_id", "link_expires_at").rows() == [("old", None), ("new", "2026-11-24T11:00:00Z")]
    assert results["link_expires_at"].to_list() == [None, "2026-11-24T11:00:00Z"]


@pytest.mark.parametrize(
    ("asked", "known"),
    [
        ("123", "00123"),
        ("00123.0", "00123"),
        ("00123", None),
        ("12345678901234567890", "1.23457E+19"),
        ("4.12346E+18", "4123456789012345678"),
        ("7.7E+07", "0077012345"),
        ("100000", "1E5"),
        ("1.00E+05", "1E5"),
        ("1E6", None),
        ("4.2E+18", None),
        ("9", None),
    ],
)
def test_an_unknown_identifier_may_be_another_spelling(journal: Journal, asked: str, known: str | None) -> None:
    """A command that names customers says so, and does nothing."""
    journal.source()
    journal.created(1, "00123", spelling="123")
    journal.created(2, "1.23457E+19", spelling=spelling_key("1.23457E+19"))
    journal.created(3, "4123456789012345678")
    journal.created(4, "0077012345", spelling="77012345")
    journal.created(5, "1E5")
    with Reader(journal.path) as reader:
        assert reader.other_spelling(asked) == known


def test_rows_that_are_not_sent_are_rejected_or_in_conflict(journal: Journal) -> None:
    """A held row of a customer whom Codat has does not count."""
    journal.source()
    journal.created(1, "1")
    journal.in_conflict(2, "2")
    journal.held(3, "1")
    journal.held(4, "4")
    journal.rejection(5, customer_id="5")
    journal.rejection(6, customer_id="4")
    with Reader(journal.path) as reader:
        assert reader.held(["1", "2", "4", "5", "6"]) == {"2": "conflict", "4": "conflict", "5": "rejected"}
