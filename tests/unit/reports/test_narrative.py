"""The sentences about a batch and its last run."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bulk.model import State
from bulk.reports.summary import narrative

from .sample_figures import RUN, figures


@pytest.mark.parametrize(
    ("text", "groups", "rejected"),
    [
        ("This batch has no customers yet.", {}, 0),
        ("Of 1 row, 1 was rejected.", {}, 1),
        ("Of 1 row, 1 has yet to authorize.", {(3, State.LINK_READY): 1}, 0),
        (
            "Of 1,058 rows, 20 have a partner connection, 1 has authorized and waits for the partner connection, 29 "
            "have yet to authorize, 999 are not done yet and 9 were rejected.",
            {(5, State.COMPLETE): 20, (4, State.LINKED): 1, (3, State.LINK_READY): 29, (1, State.PENDING): 999},
            9,
        ),
    ],
)
def test_the_headline_is_one_sentence(text: str, groups: dict[tuple[int, State], int], rejected: int) -> None:
    """It names only the states that occur, each in the right number."""
    assert narrative.headline(figures(groups, rejected=rejected)) == text


BEGINNING = "bulk migrate, 2026-11-23 10:00 UTC: "


def test_the_last_run_is_described_by_its_results() -> None:
    """Requests without a result do not count."""
    run = replace(RUN, done={"company": 1, "connection": 2})
    text = narrative.last_run(figures(last_run=run))
    assert text == BEGINNING + "1 company created, 2 accounting connections created, with 21 requests in 1 min 0 s."
    verified = narrative.last_run(figures(last_run=replace(RUN, command="verify", findings=2)))
    assert ": 2 findings, with" in verified
    linked = narrative.last_run(figures(last_run=replace(RUN, command="follow-up", newly_linked=3)))
    assert ": 3 customers newly linked, with" in linked
    assert narrative.last_run(figures(last_run=None)) == "No command has run on this batch yet."


def test_the_reason_of_a_stop_follows() -> None:
    """It is the text that the journal has."""
    stopped = narrative.last_run(figures(last_run=replace(RUN, stopped="Interrupted")))
    assert stopped == BEGINNING + "nothing new, with 21 requests in 1 min 0 s. It stopped: Interrupted."


def test_a_run_without_an_end_has_a_warning() -> None:
    """It is still running, or it was killed: its results are not all there are."""
    known = figures(last_run=replace(RUN, finished_at=None, seconds=None))
    assert narrative.last_run(known) == BEGINNING + "nothing new, with 21 requests. It has not ended."
    warning = narrative.unfinished(known)
    assert warning is not None
    assert warning.startswith("The last run has not ended: bulk migrate, started 2026-11-23 10:00 UTC.")
    assert narrative.unfinished(figures()) is None
    assert narrative.unfinished(figures(last_run=None)) is None
