"""Which customers the page lists, and that encoding them loses nothing."""

from __future__ import annotations

import json
import resource
from pathlib import Path
from typing import Final

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.reports.columns import RESULTS
from bulk.reports.html.customers import MAX_LISTED, Customers
from bulk.reports.html.encoding import as_json, encode

from .batches import HOSTILE
from .html import decoded

STATM: Final = Path("/proc/self/statm")


def rows(*states: str, first: int = 1) -> pl.DataFrame:
    """Build rows of the results in these states."""
    numbers = range(first, first + len(states))
    texts = {name: pl.Series([f"{name} {number}" for number in numbers], dtype=pl.String) for name in RESULTS}
    return pl.DataFrame(texts).with_columns(row=pl.Series(numbers, dtype=pl.Int64), state=pl.Series(states))


def listed(customers: Customers) -> list[int]:
    """Return the numbers of the listed rows."""
    return customers.listed()["row"].to_list()


def test_a_small_batch_is_listed_in_input_order() -> None:
    """A failed customer keeps its place."""
    customers = Customers(most=4)
    customers.write(rows("complete", "failed"))
    customers.write(rows("pending", "rejected", first=3))
    assert listed(customers) == [1, 2, 3, 4]
    assert customers.rows == 4


def test_in_a_large_batch_conflicts_and_failed_and_rejected_rows_come_first() -> None:
    """The others follow; both are in input order, up to the limit."""
    customers = Customers(most=4)
    customers.write(rows("complete", "failed", "linked"))
    customers.write(rows("pending", "rejected", first=4))
    customers.write(rows("conflict", "complete", first=6))
    assert listed(customers) == [2, 5, 6, 1]
    assert customers.rows == 7


def test_only_the_first_failed_rows_are_listed() -> None:
    """A batch may consist of errors only."""
    customers = Customers(most=2)
    for first in (1, 3, 5):
        customers.write(rows("failed", "rejected", first=first))
    assert listed(customers) == [1, 2]


def test_no_more_rows_are_kept_than_are_listed() -> None:
    """The batch may have a million."""
    customers, frame = Customers(), rows(*(("failed", "complete") * 5_000))
    for _ in range(100):
        customers.write(frame)
    assert customers.rows == 1_000_000
    assert customers.listed().height == MAX_LISTED
    assert customers.listed()["state"].unique().to_list() == ["failed"]


@pytest.mark.skipif(not STATM.exists(), reason="only Linux shows a process's memory as a file")
def test_the_texts_of_other_rows_leave_memory() -> None:
    """A filtered frame of polars would keep the texts of all its rows."""
    customers = Customers(most=200)
    before = 0
    for chunk in range(120):
        long = pl.Series([f"{chunk} {number} {'x' * 2_000}" for number in range(1_000)])
        customers.write(rows("failed", *["complete"] * 999).with_columns(error=long))
        if chunk == 20:
            before = memory()
    assert customers.listed().height == 200
    assert memory() - before < 60e6  # the texts of 100 chunks are 200e6


def memory() -> int:
    """Return the memory of this process in bytes."""
    return int(STATM.read_text().split()[1]) * resource.getpagesize()


def test_a_batch_without_customers_lists_none() -> None:
    """The page has their columns all the same."""
    assert Customers().listed().columns == list(RESULTS)


texts = st.none() | st.text(max_size=12) | st.sampled_from(HOSTILE)


@given(
    st.lists(st.tuples(st.none() | st.integers(0, 2**53), texts, texts, st.sampled_from(["a", None, "https://x/1"]))),
    st.text(),
)
def test_encoding_loses_nothing(values: list[tuple[int | None, str | None, str | None, str | None]], name: str) -> None:
    """Values that repeat, begin alike or are in two columns are written shorter."""
    names = ["row", "company_name", "name_sent", f"{name} (input)"]
    schema = dict(zip(names, (pl.Int64, pl.String, pl.String, pl.String), strict=True))
    frame = pl.DataFrame(values, schema=schema, orient="row")
    text = encode(frame)
    assert not set("<>&\u2028\u2029") & set(text)
    found = decoded(json.loads(text))
    assert found.columns == frame.columns
    assert found.rows() == frame.rows()


def test_a_repeated_value_is_written_once() -> None:
    """It may be a state, the beginning of an address, or a name that is sent unchanged."""
    frame = pl.DataFrame(
        {
            "company_name": [f"Bakery {number}" for number in range(100)],
            "name_sent": [f"Bakery {number}" for number in range(100)],
            "state": ["link_ready", "complete"] * 50,
            "link_url": [f"https://link.example.com/{number}" for number in range(100)],
        }
    )
    text = str(encode(frame))
    assert text.count("Bakery") == text.count("link_ready") == text.count("https://link.example.com/") == 1


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_cannot_end_its_script_element(value: object) -> None:
    """Every character with a meaning in HTML or JavaScript is escaped."""
    text = as_json(value)
    assert text.isascii()
    assert not set("<>&") & set(text)
    assert json.loads(text) == value
