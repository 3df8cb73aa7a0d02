"""The same sandboxes and places as for other whole runs."""

from __future__ import annotations

from runs.conftest import Launch, SetUp, bench, codat, launch, set_up, unlimited

__all__ = ["Launch", "SetUp", "bench", "codat", "launch", "set_up", "unlimited"]
