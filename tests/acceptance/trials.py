"""Runs trials at the same time: they spend most of their time waiting.

One test runs all trials of a table. As many tests with a shared fixture, they would start anew in every worker.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor


def run_all(trials: Mapping[str, Callable[[], None]], *, at_once: int) -> None:
    """Run all trials. Raises the errors of all that fail, each with the trial's name."""
    with ThreadPoolExecutor(at_once) as executor:
        futures = {name: executor.submit(trial) for name, trial in trials.items()}
    errors = {name: error for name, future in futures.items() if (error := future.exception()) is not None}
    for name, error in errors.items():
        error.add_note(f"trial: {name}")
    if errors:
        raise BaseExceptionGroup(f"failed: {', '.join(errors)}", list(errors.values()))
