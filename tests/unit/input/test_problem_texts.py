"""A problem is a code with parameters; its texts are built when it is shown."""

from __future__ import annotations

import json
import string

import pytest

from bulk import problems
from bulk.problems import Problem

PARAMETERS = {
    "first_row": 1_009,
    "cells": 1,
    "expected": 5,
    "max_characters": 5_000,
    "nearest": ["Xero"],
    "found": "Acme",
    "key": "zero",
    "address": "a@x.example",
}


@pytest.mark.parametrize("code", problems.CODES)
def test_every_problem_has_a_sentence_and_a_remedy(code: str) -> None:
    """No parameter is left open, with a value or without one."""
    for value in ("{x}", None):
        problem = problems.new(code, value, **PARAMETERS)
        for text in (problems.sentence(problem), problems.remedy(problem)):
            assert text
            assert "; " not in text  # it separates the reasons of a row
            assert "None" not in text


@pytest.mark.parametrize("code", problems.CODES)
def test_the_texts_of_a_group_need_no_parameters(code: str) -> None:
    """They are true of every problem with the same code."""
    for text in (problems.group_sentence(code), problems.group_remedy(code)):
        assert text
        assert [name for _, name, _, _ in string.Formatter().parse(text) if name is not None] == []


@pytest.mark.parametrize(
    ("problem", "reason"),
    [
        (
            problems.new("email_invalid", "a@@b"),
            'email "a@@b" is not an email address, so the customer has none: write',
        ),
        (problems.new("customer_id_duplicate", "7", first_row=9), 'customer_id "7" duplicates row 9: keep one row'),
        (problems.new("platform_missing", None), "platform is missing: fill it in"),
        (
            problems.new("customer_id_in_batch", "7"),
            'customer_id "7" is used by another row of this batch: use',
        ),
        (
            problems.new("too_few_cells", None, cells=1, expected=5),
            "row has 1 cell where the header has 5: add the missing cells",
        ),
        (
            problems.new("too_many_cells", "x,y", cells=7, expected=5),
            "row has 7 cells where the header has 5, the last: x,y: put double quotes around",
        ),
        (problems.new("too_many_cells", None, cells=6, expected=5), "row has 6 cells where the header has 5: put"),
        (
            problems.new("platform_unknown", "Xreo", nearest=["Xero"]),
            'platform "Xreo" is unknown or ambiguous: write "Xero", or a platformKey of four letters',
        ),
        (
            problems.new("platform_unknown", "qb", nearest=["QuickBooks Online", "QuickBooks Desktop"]),
            'platform "qb" is unknown or ambiguous: write "QuickBooks Online" or "QuickBooks Desktop", or',
        ),
        (
            problems.new("platform_unknown", "?", nearest=[]),
            'platform "?" is unknown or ambiguous: write one of Dynamics 365 Business Central, FreeAgent, Oracle',
        ),
    ],
)
def test_a_reason_is_field_sentence_and_remedy(problem: Problem, reason: str) -> None:
    """The column `reasons` of rejects.csv has this form."""
    assert problems.reasons(json.dumps([problem])).startswith(reason)


def test_the_reasons_of_a_row_are_one_text() -> None:
    """Semicolons separate them; a row without problems has no reasons."""
    both = [problems.new("customer_id_missing", None), problems.new("platform_missing", None)]
    text = problems.reasons(json.dumps(both))
    assert text == "customer_id is missing: fill it in; platform is missing: fill it in"
    assert problems.reasons("[]") == ""
