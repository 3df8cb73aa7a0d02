"""Large pages of the company list can time out: `bulk` halves them until they work, and remembers their size."""

from __future__ import annotations

from support.runs import BatchFixture, Codat

TOO_LARGE = (2000, 1000, 500, 250, 125)


def test_pages_that_time_out_are_halved_down_to_a_hundred(codat: Codat, fixture: BatchFixture) -> None:
    """The next run begins with that size, and the one after it tries the double."""
    ids = fixture.customers(2)
    rules = [
        {"kind": "stall", "operations": ["list_companies"], "containing": f"pageSize={size}"} for size in TOO_LARGE
    ]
    codat.inject_faults(*rules)

    ended = fixture.run("--timeout", "1")

    assert ended.code == 0
    assert "trying again with 100 companies on a page" in ended.err
    assert codat.struck() == len(TOO_LARGE)
    assert _remembered(fixture) == "100"
    fixture.assert_once_only(ids)
    codat.clear_faults()
    codat.count_from_zero()

    assert fixture.then("follow-up").code == 0
    assert _remembered(fixture) == "200"


def _remembered(fixture: BatchFixture) -> str:
    ((size,),) = fixture.query_journal("SELECT value FROM batch WHERE key = 'page_size'")
    return str(size)
