"""If Codat rejects the first creates of a run for the same reason, the run stops."""

from __future__ import annotations

import pytest

from bulk.engine.first_creates import MAX_REJECTED, FirstCreates
from bulk.model import Problem

NO_PRODUCT = Problem("a product must be assigned", "400", "c0ffee")
OTHER = Problem("the name is not valid", "400")


def test_ten_rejections_for_the_same_reason_stop_the_run() -> None:
    """The message has Codat's words and a remedy. Correlation ids differ."""
    creates = FirstCreates()
    stops = [creates.note(Problem(NO_PRODUCT.text, "400", str(each))) for each in range(MAX_REJECTED)]
    assert stops[:-1] == [None] * (MAX_REJECTED - 1)
    stop = stops[-1]
    assert stop is not None
    assert stop.exit_code == 1
    assert NO_PRODUCT.text in stop.reason
    assert "--product" in stop.reason


@pytest.mark.parametrize("result", [None, OTHER], ids=["a success", "another reason"])
@pytest.mark.parametrize("before", [0, MAX_REJECTED - 1])
def test_another_result_among_the_first_ends_the_watch(result: Problem | None, before: int) -> None:
    """The others are then about their own rows."""
    creates = FirstCreates()
    notes = [NO_PRODUCT] * max(before, 1) + [result] + [NO_PRODUCT] * 20
    assert [creates.note(each) for each in notes] == [None] * len(notes)
