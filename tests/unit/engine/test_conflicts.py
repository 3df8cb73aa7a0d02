"""A company may be another customer's: another name is a conflict."""

from __future__ import annotations

from dataclasses import replace

import pytest
from support.values import BATCH, WAITING, company

from bulk.codat.endpoints import BATCH_TAG, batch_tag
from bulk.engine import conflicts
from bulk.model import Labels

OWN, OTHER = batch_tag(BATCH), batch_tag("spring")
NEW = WAITING.evolve(company_id=None, name="Acme", name_sent=None)


@pytest.mark.parametrize(
    ("in_codat", "name_sent", "tag", "is_conflict"),
    [
        ("Acme", None, OTHER, False),
        ("Acme", None, None, False),
        ("Beta", None, OTHER, True),
        ("Beta", None, OWN, True),  # another journal with the same name of its batch created it
        ("Beta", "Acme", OWN, True),  # this journal has not asked for this name
        ("Beta", "Beta", OWN, False),  # this journal asked for it, and the input has changed since
        ("Beta", "Beta", OTHER, True),
        ("Acmé", None, None, False),  # as Codat stores it
        ("ACME", None, None, True),  # folding keeps the case
        ("", None, None, True),
    ],
)
def test_a_company_with_another_name_is_a_conflict(
    in_codat: str, name_sent: str | None, tag: str | None, is_conflict: bool
) -> None:
    """Only a name for which this journal asked, or that of the row, is the customer's."""
    shown = replace(company(tags={BATCH_TAG: tag} if tag else {}), name=in_codat)
    problem = conflicts.of_name(NEW.evolve(name_sent=name_sent), shown, Labels(BATCH))
    assert (problem is not None) == is_conflict
    assert problem is None or problem["found"] == in_codat
