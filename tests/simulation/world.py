"""What all batches of a scenario share: the time, Codat and the way to it, its customers, and the settings."""

from __future__ import annotations

from dataclasses import dataclass

from support.fault_schedule import Conditions

from bulk.settings import Settings
from simulation.clock import Time
from simulation.customers import Customers
from simulation.network import Network
from simulation.trace import Trace

HOUR, DAY = 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class World:
    """What all batches of a scenario share."""

    seed: int
    time: Time
    trace: Trace
    network: Network
    conditions: Conditions
    customers: Customers
    settings: Settings
    page_size: int
    has_quota: bool

    def rest(self, seconds: float) -> None:
        """Let time pass."""
        self.time.now += seconds
        self.network.catch_up()
