"""The mutants fit the code of today."""

from __future__ import annotations

from pathlib import Path

import pytest

import bulk
from mutants.table import MUTANTS, Mutant

HOME = Path(bulk.__file__).parent
TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.broken)
def test_each_mutant_changes_one_place(mutant: Mutant) -> None:
    """If the place has moved, adapt the mutant in `table.py`."""
    source = (HOME / mutant.file).read_text("utf-8")
    assert source.count(mutant.before) == 1
    if mutant.file.endswith(".py"):
        compile(source.replace(mutant.before, mutant.after), mutant.file, "exec")
    assert all((TESTS / tests).exists() for tests in mutant.tests.split())


def test_every_part_that_matters_has_mutants() -> None:
    """`make mutants` breaks more than 30 rules, and none twice."""
    assert len({mutant.broken for mutant in MUTANTS}) == len(MUTANTS) > 30
