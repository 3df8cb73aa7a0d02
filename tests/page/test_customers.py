"""Which customers the page lists, and that they come out of it as they went in."""

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
from bulk.reports.html.customers import MOST, Customers, as_json, coded

from .batches import HOSTILE
from .html import decoded

STATM: Final = Path("/proc/self/statm")


def rows(*states: str, first: int = 1) -> pl.DataFrame:
    """Make rows of the results in these states."""
    numbers = range(first, first + len(states))
    texts = {name: pl.Series([f"{name} {number}" for number in numbers], dtype=pl.String) for name in RESULTS}
    return pl.DataFrame(texts).with_columns(row=pl.Series(numbers, dtype=pl.Int64), state=pl.Series(states))


def listed(customers: Customers) -> list[int]:
    """Return the numbers of the rows that are listed."""
    return customers.listed()["row"].to_list()


def test_as_long_as_there_is_room_all_stand_in_their_order() -> None:
    """A failed customer stands where the input has it."""
    customers = Customers(most=4)
    customers.write(rows("complete", "failed"))
    customers.write(rows("pending", "rejected", first=3))
    assert listed(customers) == [1, 2, 3, 4]
    assert customers.rows == 4


def test_beyond_that_the_failed_and_rejected_come_first() -> None:
    """Then the others, both in the order of the input, until the room is used up."""
    customers = Customers(most=4)
    customers.write(rows("complete", "failed", "linked"))
    customers.write(rows("pending", "rejected", first=4))
    customers.write(rows("failed", "complete", first=6))
    assert listed(customers) == [2, 5, 6, 1]
    assert customers.rows == 7


def test_of_too_many_failed_ones_the_first_are_listed() -> None:
    """There may be nothing but errors."""
    customers = Customers(most=2)
    for first in (1, 3, 5):
        customers.write(rows("failed", "rejected", first=first))
    assert listed(customers) == [1, 2]


def test_however_many_rows_pass_by_no_more_are_kept_than_are_listed() -> None:
    """Of a million as of a thousand."""
    customers, frame = Customers(), rows(*(("failed", "complete") * 5_000))
    for _ in range(100):
        customers.write(frame)
    assert customers.rows == 1_000_000
    assert customers.listed().height == MOST
    assert customers.listed()["state"].unique().to_list() == ["failed"]


@pytest.mark.skipif(not STATM.exists(), reason="only Linux shows a process's memory as a file")
def test_the_texts_of_rows_that_are_not_kept_are_let_go() -> None:
    """One of a thousand failed, everywhere; what polars filters would hold the texts of the thousand."""
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
    """Return the bytes of memory that this process has."""
    return int(STATM.read_text().split()[1]) * resource.getpagesize()


def test_nobody_is_listed_before_anybody_came() -> None:
    """A page without customers has their columns all the same."""
    assert Customers().listed().columns == list(RESULTS)


texts = st.none() | st.text(max_size=12) | st.sampled_from(HOSTILE)


@given(
    st.lists(st.tuples(st.none() | st.integers(0, 2**53), texts, texts, st.sampled_from(["a", None, "https://x/1"]))),
    st.text(),
)
def test_rows_come_out_as_they_went_in(
    values: list[tuple[int | None, str | None, str | None, str | None]], name: str
) -> None:
    """Whatever repeats, begins alike or stands twice is written shorter, and nothing is lost by it."""
    names = ["row", "company_name", "name_sent", f"{name} (input)"]
    schema = dict(zip(names, (pl.Int64, pl.String, pl.String, pl.String), strict=True))
    frame = pl.DataFrame(values, schema=schema, orient="row")
    text = coded(frame)
    assert not set("<>&\u2028\u2029") & set(text)
    found = decoded(json.loads(text))
    assert found.columns == frame.columns
    assert found.rows() == frame.rows()


def test_what_repeats_is_written_once() -> None:
    """A state, the beginning of an address, and a name that is sent as it is."""
    frame = pl.DataFrame(
        {
            "company_name": [f"Bakery {number}" for number in range(100)],
            "name_sent": [f"Bakery {number}" for number in range(100)],
            "state": ["link_ready", "complete"] * 50,
            "link_url": [f"https://link.example.com/{number}" for number in range(100)],
        }
    )
    text = str(coded(frame))
    assert text.count("Bakery") == text.count("link_ready") == text.count("https://link.example.com/") == 1


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_json_cannot_end_the_script_it_stands_in(value: object) -> None:
    """No sign that HTML or JavaScript could read as its own stays as it is."""
    text = as_json(value)
    assert text.isascii()
    assert not set("<>&") & set(text)
    assert json.loads(text) == value
