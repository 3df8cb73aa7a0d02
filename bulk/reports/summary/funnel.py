"""The progress of a batch's customers, in the words and numbers of page, workbook and console. PURE.

The stages are cumulative: a customer at one stage has passed the stages before it. The customers lost between two
stages are counted by state, so the losses and the last stage add up to all rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bulk.model import State
from bulk.platforms import NAMES
from bulk.reports.changes import change
from bulk.reports.figures import Figures

MEANING: Final = MappingProxyType(
    {
        State.REJECTED: "invalid row, nothing was sent",
        State.CONFLICT: "may reach the wrong customer: see conflicts.csv",
        State.PENDING: "not done yet",
        State.FAILED: "rejected by Codat or deleted there: see the column error",
        State.LINK_READY: "waiting for the customer",
        State.LINKED: "authorized by the customer",
        State.COMPLETE: "partner connection created",
        State.UNLINKED: "deauthorized",
    }
)
STAGES: Final = ("rows", "valid", "company", "link ready", "linked", "partner connection")
LINKED: Final = STAGES.index("linked")
CHANGES: Final = (State.LINKED, State.COMPLETE, State.FAILED, State.UNLINKED, State.LINK_READY, State.PENDING)


@dataclass(frozen=True, slots=True)
class StateRow:
    """The number of rows in a state, and their share of all rows, from 0 to 1."""

    state: State
    rows: int
    share: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Loss:
    """The rows in one state that got no further than a stage."""

    state: State
    rows: int
    meaning: str


@dataclass(frozen=True, slots=True)
class Stage:
    """The number of rows at or past a stage, and their share of all rows, from 0 to 1."""

    name: str
    rows: int
    share: float
    losses: tuple[Loss, ...]  # between this stage and the next


@dataclass(frozen=True, slots=True)
class PlatformRow:
    """The progress of the customers of one accounting platform."""

    key: str
    name: str
    customers: int
    reached: tuple[int, ...]  # customers at or past each of the STAGES, from "valid" on
    states: Mapping[State, int]

    @property
    def authorized(self) -> int:
        """The number of customers who have authorized."""
        return self.reached[LINKED - 1]


def states(figures: Figures) -> tuple[StateRow, ...]:
    """Return the number of rows in each state that occurs."""
    counts = {State(state): rows for state, rows in figures.summary.customers.items()}
    total = sum(counts.values())
    return tuple(StateRow(state, rows, rows / total, MEANING[state]) for state, rows in counts.items() if rows)


def funnel(figures: Figures) -> tuple[Stage, ...]:
    """Return the number of rows at or past each stage, and the states of the rows that got no further."""
    ended: list[Counter[State]] = [Counter() for _ in STAGES]
    in_conflict = sum(group.customers for group in figures.groups if group.state is State.CONFLICT)
    ended[0][State.REJECTED] = figures.summary.customers[State.REJECTED]
    ended[0][State.CONFLICT] = figures.summary.customers[State.CONFLICT] - in_conflict  # rows that were held
    for group in figures.groups:
        ended[group.furthest][group.state] += group.customers
    total = sum(sum(states.values()) for states in ended)
    stages, rows = [], total
    for name, states in zip(STAGES, ended, strict=True):
        losses = () if name == STAGES[-1] else tuple(Loss(s, n, MEANING[s]) for s, n in states.most_common() if n)
        stages.append(Stage(name, rows, rows / total if total else 0.0, losses))
        rows -= sum(states.values())
    return tuple(stages)


def platforms(figures: Figures) -> tuple[PlatformRow, ...]:
    """Return all platforms, the one with the most customers first. Rejected rows are not counted."""
    ended: dict[str, Counter[int]] = {}
    states: dict[str, Counter[State]] = {}
    for group in figures.groups:
        ended.setdefault(group.platform_key, Counter())[group.furthest] += group.customers
        states.setdefault(group.platform_key, Counter())[group.state] += group.customers
    rows = []
    for key, stages in ended.items():
        reached = tuple(sum(n for at, n in stages.items() if at >= stage) for stage in range(1, len(STAGES)))
        rows.append(PlatformRow(key, NAMES.get(key, key), reached[0], reached, dict(states[key])))
    return tuple(sorted(rows, key=lambda each: (-each.customers, each.name)))


def changes(figures: Figures) -> tuple[tuple[str, int], ...]:
    """Return the number of customers for each word of the column `change`."""
    counted: Counter[str | None] = Counter()
    for (was, now), customers in figures.changes.items():
        counted[change(was, now)] += customers
    words = (f"newly_{state}" for state in CHANGES)
    return tuple((word, counted[word]) for word in words if counted[word])
