"""The stand-in for Codat that --sandbox starts: a process of its own, its state kept in the batch's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def stand_in(batch: Path) -> Iterator[tuple[str, str]]:
    """Give the base URL and key of a running sandbox; the one that runs already for this batch, if there is one."""
    from bulk.sandbox.launch import start

    running = start(batch / "sandbox")
    try:
        yield running.base_url, running.api_key
    finally:
        running.stop()
