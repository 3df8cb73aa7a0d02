"""A run with the API key of another client at the same address. It must stop before it sends or changes anything."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from support.fake_codat import NO_LIMITS
from support.fault_schedule import FaultSchedule

from bulk.settings import Secret
from simulation.batch import Batch, run_starts
from simulation.commands import OFTEN
from simulation.inputs import Row
from simulation.judge import require
from simulation.network import Network
from simulation.world import World


class OtherClient:
    """Another client of Codat: without companies, or with some that have the same names and identifiers."""

    def __init__(self, rng: random.Random, world: World) -> None:
        """Open the other client's account, where nothing goes wrong."""
        self._rng = rng
        self._world = world
        schedule = FaultSchedule(world.conditions, rng, 0.0, [])
        self._network = Network(world.time, schedule, NO_LIMITS, client="another client")

    def be_used(self, batch: Batch) -> None:
        """Run a command of this batch with the other client's key, if the batch knows its own client."""
        if not batch.judge.rows("SELECT 1 FROM batch WHERE key = 'client_id'"):
            return
        if not self._network.codat.companies and self._rng.random() < 0.5:
            self._add_companies(batch.file.rows)
        start = batch.start(self._rng.choice(OFTEN))
        if start is None:
            return
        start.process.network = self._network
        start.process.jumps.clear()  # this run says nothing about the end of a Retry-After of the batch
        start.work = replace(start.work, settings=replace(start.work.settings, authorization=Secret("Basic other")))
        customers, companies = self._customers(batch), len(self._network.codat.companies)
        (stop,) = run_starts([start])
        self._world.trace.note(f"  with another client's key: {stop.reason if stop else 'done'}")
        self._world.trace.mark(f"another client's key: {stop.exit_code if stop else 0}")
        self._world.network.catch_up()
        require(stop and stop.exit_code in (-9, 3, 75, 130), f"with another client's key, a run ends with {stop}")
        require(len(self._network.codat.companies) == companies, "a company is created in another client's account")
        require(self._customers(batch) == customers, "another client's key changes the customers of the batch")

    def _add_companies(self, rows: Sequence[Row]) -> None:
        for row in rows:
            content = {"name": row.company_name, "tags": {"uid": row.customer_id}}
            self._network.codat.add_company(json.dumps(content).encode())

    @staticmethod
    def _customers(batch: Batch) -> list[Any]:
        return batch.judge.rows("SELECT * FROM customers ORDER BY seq")
