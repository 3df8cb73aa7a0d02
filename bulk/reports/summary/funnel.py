"""How far a batch's customers have got, in the words and numbers of page, workbook and console. PURE.

The stages are cumulative: who has got to one has been through those before. What is lost between two stages is told by
the states of those who have got no further, so that the losses and the last stage add up to all rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from bulk.model import State
from bulk.platforms import NAMES
from bulk.reports.figures import Figures
from bulk.reports.rows import change

MEANING: Final = MappingProxyType(
    {
        State.REJECTED: "their rows are faulty, nothing was sent",
        State.PENDING: "not done yet",
        State.FAILED: "refused by Codat, or deleted there: see error",
        State.LINK_READY: "waiting for the customer",
        State.LINKED: "authorized by the customer",
        State.COMPLETE: "partner connection made",
        State.UNLINKED: "deauthorized",
    }
)
STAGES: Final = ("rows", "valid", "company", "link ready", "linked", "partner connection")
LINKED: Final = STAGES.index("linked")
CHANGES: Final = (State.LINKED, State.COMPLETE, State.FAILED, State.UNLINKED, State.LINK_READY, State.PENDING)


@dataclass(frozen=True, slots=True)
class StateRow:
    """How many rows are in a state; `share` of all rows, from 0 to 1."""

    state: State
    rows: int
    share: float
    meaning: str


@dataclass(frozen=True, slots=True)
class Loss:
    """Those who have got no further than a stage, by their state."""

    state: State
    rows: int
    meaning: str


@dataclass(frozen=True, slots=True)
class Stage:
    """How many rows have got to a stage, or past it; `share` of all rows, from 0 to 1."""

    name: str
    rows: int
    share: float
    losses: tuple[Loss, ...]  # between this stage and the next


@dataclass(frozen=True, slots=True)
class Platform:
    """How far the customers of one accounting software have got."""

    key: str
    name: str
    customers: int
    reached: tuple[int, ...]  # customers at each stage or past it, in the order of STAGES, from "valid" on
    states: Mapping[State, int]

    @property
    def authorized(self) -> int:
        """How many have authorized."""
        return self.reached[LINKED - 1]


def states(figures: Figures) -> tuple[StateRow, ...]:
    """Count the rows of each state that there is."""
    counts = {State(state): rows for state, rows in figures.summary.customers.items()}
    total = sum(counts.values())
    return tuple(StateRow(s, n, n / total, MEANING[s]) for s, n in counts.items() if n)


def funnel(figures: Figures) -> tuple[Stage, ...]:
    """Count the rows that have got to each stage, and say in which states the others are."""
    ended: list[Counter[State]] = [Counter() for _ in STAGES]
    ended[0][State.REJECTED] = figures.summary.customers[State.REJECTED]
    for group in figures.standing:
        ended[group.furthest][group.state] += group.customers
    total = sum(sum(states.values()) for states in ended)
    stages, rows = [], total
    for name, states in zip(STAGES, ended, strict=True):
        losses = () if name == STAGES[-1] else tuple(Loss(s, n, MEANING[s]) for s, n in states.most_common() if n)
        stages.append(Stage(name, rows, rows / total if total else 0.0, losses))
        rows -= sum(states.values())
    return tuple(stages)


def platforms(figures: Figures) -> tuple[Platform, ...]:
    """Set the platforms side by side, the one with most customers first. Rejected rows have none."""
    ended: dict[str, Counter[int]] = {}
    states: dict[str, Counter[State]] = {}
    for group in figures.standing:
        ended.setdefault(group.platform_key, Counter())[group.furthest] += group.customers
        states.setdefault(group.platform_key, Counter())[group.state] += group.customers
    found = []
    for key, stages in ended.items():
        reached = tuple(sum(n for place, n in stages.items() if place >= stage) for stage in range(1, len(STAGES)))
        found.append(Platform(key, NAMES.get(key, key), reached[0], reached, dict(states[key])))
    return tuple(sorted(found, key=lambda each: (-each.customers, each.name)))


def changes(figures: Figures) -> tuple[tuple[str, int], ...]:
    """Count what has changed since the time that the batch is compared with, by the words of the column `change`."""
    counted: Counter[str | None] = Counter()
    for (was, now), customers in figures.changes.items():
        counted[change(was, now)] += customers
    words = (f"newly_{state}" for state in CHANGES)
    return tuple((word, counted[word]) for word in words if counted[word])
