"""How far the customers are: states, stages, platforms and changes add up."""

from __future__ import annotations

import itertools
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from bulk.model import State
from bulk.reports.figures import CustomerGroup
from bulk.reports.summary import funnel

from .sample_figures import figures

GROUPS = st.dictionaries(
    st.tuples(st.integers(1, 5), st.sampled_from([state for state in State if state is not State.REJECTED])),
    st.integers(1, 1000),
)


@given(GROUPS, st.integers(0, 100), st.integers(0, 100))
def test_stages_only_get_smaller_and_the_losses_add_up(
    groups: dict[tuple[int, State], int], rejected: int, held: int
) -> None:
    """The losses of a stage are the difference to the next one; all losses and the last stage are all rows."""
    known = figures(groups, rejected=rejected, held=held)
    stages = funnel.funnel(known)
    assert [stage.name for stage in stages] == list(funnel.STAGES)
    for stage, following in itertools.pairwise(stages):
        assert stage.rows - following.rows == sum(loss.rows for loss in stage.losses)
        assert 0 <= following.share <= stage.share <= 1
    rows = sum(groups.values()) + rejected + held
    assert stages[0].rows == rows == sum(row.rows for row in funnel.states(known))


def test_the_losses_of_a_stage_are_counted_by_state() -> None:
    """Customers that wait, failed or are unlinked again are separate."""
    at = {(3, State.LINK_READY): 20, (3, State.UNLINKED): 2, (3, State.FAILED): 1, (5, State.COMPLETE): 7}
    at |= {(1, State.CONFLICT): 3}
    stages = {stage.name: stage for stage in funnel.funnel(figures(at, rejected=4, held=2))}
    assert [(loss.state, loss.rows) for loss in stages["link ready"].losses] == [
        (State.LINK_READY, 20),
        (State.UNLINKED, 2),
        (State.FAILED, 1),
    ]
    assert [(loss.state, loss.rows) for loss in stages["rows"].losses] == [(State.REJECTED, 4), (State.CONFLICT, 2)]
    assert [(loss.state, loss.rows) for loss in stages["valid"].losses] == [(State.CONFLICT, 3)]
    assert stages["partner connection"].losses == ()


def test_the_platform_with_most_customers_comes_first() -> None:
    """Each has its name, the stages that its customers have reached, and the number that have authorized."""
    groups = (
        CustomerGroup("zzzz", 3, State.LINK_READY, 1),
        CustomerGroup("gbol", 3, State.LINK_READY, 2),
        CustomerGroup("gbol", 5, State.COMPLETE, 3),
        CustomerGroup("gbol", 4, State.LINKED, 1),
    )
    xero, other = funnel.platforms(replace(figures(), groups=groups))
    assert (xero.name, xero.customers, xero.reached, xero.authorized) == ("Xero", 6, (6, 6, 6, 4, 3), 4)
    assert (other.name, other.customers, other.states) == ("zzzz", 1, {State.LINK_READY: 1})


def test_changes_are_counted_by_the_words_of_the_column() -> None:
    """Customers that have authorized are newly linked, even if they are complete by now."""
    changed = {
        (State.LINK_READY, State.COMPLETE): 3,
        (State.LINK_READY, State.LINKED): 1,
        (State.LINKED, State.COMPLETE): 2,
        (State.PENDING, State.FAILED): 5,
    }
    assert funnel.changes(figures(changes=changed)) == (("newly_linked", 4), ("newly_complete", 2), ("newly_failed", 5))
