"""The second actor of a scenario: a copy of the batch, another batch, another client, a person in the portal.

Each leaves one defence against duplicates intact, as the conditions of a seed do: batches run at the same time only if
Codat honours keys, and rows differ only if lists show a company before a look-up asks for it.
"""

from __future__ import annotations

import random
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from simulation.batch import Batch, Start
from simulation.commands import OFTEN, Command
from simulation.inputs import InputFile
from simulation.other_client import OtherClient
from simulation.world import World

SHARE = 5  # one of this many seeds has a second actor
MAX_FREEZE = 45 * 60.0  # seconds: keys live for 90 minutes
NEAR = 12.0  # seconds: a look-up waits at least as long as such lists are behind
AT_ONCE = (Command.MIGRATE, Command.MIGRATE, Command.RETRY, Command.FOLLOW_UP)


class Kind(StrEnum):
    """What the second actor is."""

    COPY = "a copy of the batch"
    SAME_NAMES = "another batch with the same names"
    OTHER_NAMES = "another batch with other names"
    OTHER_SOURCE = "another batch with a source"
    OTHER_CLIENT = "another client at the same address"
    PORTAL = "a person in the portal"


def kind_of(seed: int, world: World) -> Kind | None:
    """Return the kind of second actor that a seed has, if any."""
    if seed % SHARE != SHARE - 1:
        return None
    rng = random.Random(f"kind {seed}")  # noqa: S311 - repeatable, not a secret
    near = world.conditions.max_lag <= NEAR
    kinds: list[Kind] = (
        [*Kind, Kind.COPY, Kind.COPY] if near else [Kind.COPY, Kind.COPY, Kind.PORTAL, Kind.OTHER_CLIENT]
    )
    return rng.choice(kinds)


class Second:
    """The second actor, between the runs of the first batch and during them."""

    def __init__(self, kind: Kind, seed: int, folder: Path, world: World, first: Batch) -> None:
        """Prepare the actor; it has done nothing yet."""
        self.kind = kind
        self._rng = random.Random(f"second {seed}")  # noqa: S311 - repeatable, not a secret
        self._world = world
        self._first = first
        self.may_differ = world.conditions.max_lag <= NEAR
        self.batch = None if kind in (Kind.PORTAL, Kind.OTHER_CLIENT) else self._batch(folder)
        self._other = OtherClient(self._rng, world) if kind is Kind.OTHER_CLIENT else None
        world.trace.note(f"second actor: {kind}")
        world.trace.mark(f"second actor: {kind}")

    def _batch(self, folder: Path) -> Batch:
        rng = random.Random(self._rng.random())  # noqa: S311 - as above
        name = self._first.folder.name if self.kind is Kind.COPY else "others"
        source = "another" if self.kind is Kind.OTHER_SOURCE else None
        file = InputFile(folder / "second.csv", rng)
        return Batch("second", folder / "elsewhere" / name, self._world, rng, file, source=source)

    def act(self) -> None:
        """Act between two runs: edit in the portal, or run a command in turn."""
        if self._other is not None:
            self._other.be_used(self._first)
        elif self.batch is None or self._rng.random() < 0.1:
            self._edit_in_portal()
        if self.batch is not None and self._rng.random() < 0.4:
            self.renew_input()
            accepts = self.batch.decide()
            self.batch.run(Command.MIGRATE if accepts else self._rng.choice(OFTEN), accepts=accepts)
            self._world.rest(15.0 if self._world.conditions.max_delay else 0.5)

    def beside(self, start: Start) -> Start | None:
        """Return a run at the same time as that of the first batch, or None."""
        batch, rng = self.batch, self._rng
        if batch is None or not self._world.conditions.honours_keys or rng.random() < 0.5:
            return None
        if start.process.jumps or start.command.command_name == "undo":
            return None  # the clocks of two machines differ; and a deletion cannot be coordinated
        self.renew_input()
        other = batch.start(rng.choice(AT_ONCE))
        if other is None:
            return None
        other.process.jumps.clear()
        other.process.begins_after = rng.choice([0.0, 0.0, rng.uniform(0.0, 3.0), rng.uniform(0.0, 60.0)])
        if rng.random() < 0.3:
            slow = rng.choice((start.process, other.process))
            slow.freeze = rng.uniform(0.0, 2.0), rng.choice([20.0, 300.0, MAX_FREEZE])
        self._world.trace.mark(f"{start.command.command_name} next to {other.command.command_name}")
        return other

    def _edit_in_portal(self) -> None:
        if self._rng.random() < 0.5 and (edited := self._world.network.portal.edit(self._rng)) is not None:
            self._world.trace.note(f"        {edited}")
            self._world.trace.mark(f"portal: {edited.rpartition(': ')[2]}")
            self._world.rest(self._world.conditions.max_lag)

    def renew_input(self) -> None:
        """Let the second batch have the customers of the first one, as its kind wants."""
        if self.batch is None:
            return
        file, rows = self.batch.file, self._first.file.rows
        if file.rows and self.may_differ and self._rng.random() < 0.7:
            if self.kind is Kind.COPY and self._rng.random() < 0.2:
                self._world.trace.note(f"the second input is edited: {file.edit()}")
                self.batch.save()
            return
        if self.kind is not Kind.COPY:
            rows = [row for row in rows if self._rng.random() < 0.7] or rows[:1]
        if self.kind is Kind.OTHER_NAMES:
            rows = [replace(row, company_name=f"Other {row.customer_id}") for row in rows]
        known = {row.customer_id for row in rows}
        file.rows = [*rows, *(row for row in file.rows if row.customer_id not in known and self.may_differ)]
        self.batch.save()
