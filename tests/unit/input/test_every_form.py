"""One table gives the same checked rows in every form that bulk reads. `tests/fuzz` has more tables."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from support.forms import TABLES, Rows, in_every_form


@settings(max_examples=2, derandomize=True, deadline=None)
@given(rows=TABLES)
def test_every_form_of_a_table_has_the_same_rows(tmp_path_factory: pytest.TempPathFactory, rows: Rows) -> None:
    """Rejected ones too, with all their cells and problems."""
    (_, first), *others = in_every_form(rows, tmp_path_factory.mktemp("forms"))
    assert first
    for form, found in others:
        assert found == first, form
