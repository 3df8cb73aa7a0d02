"""The commands for the user's next steps, with all necessary options. PURE."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulk.reading import mapping_options
from bulk.reports.figures import Figures
from bulk.settings import CODAT, SANDBOX
from bulk.text import argument

# The copies of rejects.csv and conflicts.csv to edit: the next report replaces the files themselves.
CORRECTED: Final = "corrected.csv"
ACCEPTED: Final = "accepted.csv"
_DEFAULT_REPORTS: Final = Path("reports")  # of `migrate --reports`


@dataclass(frozen=True, slots=True)
class BatchLocation:
    """The folder of a batch, as the user names it, and whether it contains a sandbox."""

    folder: Path
    has_sandbox: bool


def migrate(figures: Figures, location: BatchLocation, *options: str) -> str:
    """Return the command that resumes the batch with its last input. The batch remembers how to read it."""
    return migrate_file(figures.summary.input or "INPUT", {}, figures, location, *options, *raised_limit(figures))


def raised_limit(figures: Figures) -> tuple[str, ...]:
    """Return the option that accepts the rejected rows, if `migrate` would send nothing because of their number."""
    return ("--max-rejected", str(figures.summary.customers["rejected"])) if figures.has_too_many_rejected else ()


def migrate_file(
    path: str, mapping: Mapping[str, str], figures: Figures, location: BatchLocation, *options: str
) -> str:
    """Return the command that migrates another file into the batch. `mapping` is field → column, for `--map`."""
    folder = location.folder
    words = ["bulk", "migrate", argument(path), "--batch", folder.name]
    if folder.parent != _DEFAULT_REPORTS:
        words += ["--reports", str(folder.parent)]
    return shlex.join([*words, *mapping_options(mapping), *options, *codat_options(figures, location)])


def copy(name: str, to: str, location: BatchLocation) -> str:
    """Return the command that copies a report, to edit the copy."""
    return shlex.join(["cp", argument(str(location.folder / name)), to])


def on_batch(name: str, figures: Figures, location: BatchLocation, *options: str) -> str:
    """Return the command with this name for the batch's folder, with the options for its Codat."""
    return shlex.join(["bulk", name, argument(str(location.folder)), *options, *codat_options(figures, location)])


def sent(wave: int, location: BatchLocation) -> str:
    """Return the command that records that a wave was emailed, to the customers with an address."""
    return shlex.join(["bulk", "sent", str(location.folder), "--wave", str(wave)])


def sent_without_address(wave: int, location: BatchLocation) -> str:
    """Return the command that records that all customers in the file of a wave were emailed, somehow."""
    file = argument(str(location.folder / "waves" / f"{wave}.csv"))
    return shlex.join(["bulk", "sent", str(location.folder), "--file", file])


def report(location: BatchLocation) -> str:
    """Return the command that writes the reports again."""
    return shlex.join(["bulk", "report", argument(str(location.folder))])


def sandbox(location: BatchLocation) -> str:
    """Return the command that serves the batch's sandbox to its customers."""
    return shlex.join(["bulk", "sandbox", "--batch", str(location.folder)])


def codat_options(figures: Figures, location: BatchLocation) -> list[str]:
    """Return the options that select the Codat of the batch's last run."""
    return options_of_codat(figures.codat, figures.base_url, has_sandbox=location.has_sandbox)


def options_of_codat(codat: str | None, base_url: str | None, *, has_sandbox: bool) -> list[str]:
    """Return the options that select the Codat that a batch belongs to. `base_url` is that of its last run."""
    if has_sandbox and codat == SANDBOX:
        return ["--sandbox"]
    return [] if base_url in (None, CODAT) else ["--base-url", str(base_url)]
