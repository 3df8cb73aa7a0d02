"""Facts about the batch as a whole."""

from __future__ import annotations

import pytest
from support.batches import Batch

from bulk.journal import database, facts
from bulk.model import Quota


def test_a_fact_is_text_and_the_last_value_holds(batch: Batch) -> None:
    """A fact that was never stored is None."""
    assert facts.get(batch.db, "name") is None
    with database.transaction(batch.db):
        facts.put(batch.db, {"name": "autumn", "link_lifetime": 86_400})
        facts.put(batch.db, {"name": "spring"})
    assert (facts.get(batch.db, "name"), facts.get(batch.db, "link_lifetime")) == ("spring", "86400")
    assert facts.get_all(batch.db).items() >= {("name", "spring"), ("link_lifetime", "86400")}


@pytest.mark.parametrize(("limit", "stored"), [(1000, "1000"), (None, "500")])
def test_a_quota_without_a_limit_leaves_the_last_limit(batch: Batch, limit: int | None, stored: str) -> None:
    """A response need not repeat it."""
    facts.put_quota(batch.db, Quota(500, 9, 0.0), "2026-11-24T00:00:00Z")
    facts.put_quota(batch.db, Quota(limit, 7, 0.0), "2026-11-25T00:00:00Z")
    found = [facts.get(batch.db, name) for name in ("quota_limit", "quota_remaining", "quota_resets_at")]
    assert found == [stored, "7", "2026-11-25T00:00:00Z"]


def test_a_retry_after_is_known_with_the_time_at_which_it_was_noted(batch: Batch) -> None:
    """A clock that was wrong then must not lock the batch."""
    assert facts.retry_after(batch.db) is None
    facts.put_retry_after(batch.db, noted_at=100.5, until=130.5)
    assert facts.retry_after(batch.db) == (100.5, 130.5)
