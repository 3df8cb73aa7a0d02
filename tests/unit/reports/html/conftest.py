"""Pages written from real journals."""

from __future__ import annotations

from pathlib import Path

import pytest

from .batches import NOW, batch, hostile, reports


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a batch with customers of all kinds, without a comparison."""
    return reports(batch(tmp_path_factory.mktemp("page") / "autumn"))


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a batch in which every fifth customer has changed its state since yesterday."""
    journal = batch(tmp_path_factory.mktemp("page") / "autumn")
    with journal.connect() as connection:
        connection.execute(
            "INSERT INTO changes (customer, at, was, now)"
            " SELECT seq, ?, 'pending', state FROM customers WHERE row % 5 = 1 AND state <> 'pending'",
            (NOW.strftime("%Y-%m-%dT%H:%M:%SZ"),),
        )
    connection.close()
    return reports(journal, since=NOW.replace(hour=0, minute=0, second=0))


@pytest.fixture(scope="module")
def dangerous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page of a batch in which every value from outside is hostile."""
    return reports(hostile(tmp_path_factory.mktemp("page") / "hostile"))
