"""The waves of linkUrls in words and numbers, for page, workbook and console. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bulk.reports.figures import Figures, Wave
from bulk.text import time

HEADER: Final = ("Wave", "Issued", "Days since", "Emailed", "Days since", "Attempted", "Linked")
MAX_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class WaveRow:
    """One wave, in customers. `attempted` have tried to link and failed."""

    number: int
    issued: int
    issued_days: int  # since then
    emailed: int
    emailed_days: int | None  # None: nobody was recorded as emailed
    attempted: int
    linked: int

    @property
    def cells(self) -> tuple[str, ...]:
        """The row below HEADER, as text."""
        numbers = (self.issued, self.issued_days, self.emailed, self.emailed_days, self.attempted, self.linked)
        return (str(self.number), *("" if each is None else f"{each:,}" for each in numbers))


def waves(figures: Figures) -> tuple[WaveRow, ...]:
    """Return all waves, the last one first."""
    return tuple(_row(wave, figures.at) for wave in reversed(figures.waves))


def to_email(figures: Figures) -> tuple[Wave, ...]:
    """Return the waves with valid linkUrls that were not recorded as emailed, the last one first."""
    return tuple(wave for wave in reversed(figures.waves) if wave.to_email)


def size(wave: Wave) -> str:
    """Return the number of linkUrls of a wave to email, and their first expiry."""
    of = f" of {wave.issued:,}" if wave.to_email < wave.issued else ""
    links = f"{wave.to_email:,}{of} {'linkUrl' if wave.issued == 1 else 'linkUrls'}"
    return f"{links}{without_address(wave.to_email, wave.without_address)}, {_expiry(wave.next_expiry)}"


def without_address(links: int, number: int) -> str:
    """Return the part of a sentence about the linkUrls of a wave that nobody can email, or ""."""
    if not number:
        return ""
    return f", {'none' if links == number else f'{number:,} of them'} with{'out' * (links > number)} an address"


def _expiry(next_expiry: str | None) -> str:
    if next_expiry is None:
        return "which never expire: this client's links have no one-time passwords"
    return f"the first expires {time(next_expiry)}"


def _row(wave: Wave, at: datetime) -> WaveRow:
    return WaveRow(
        number=wave.number,
        issued=wave.issued,
        issued_days=_days(wave.issued_at, at),
        emailed=wave.emailed,
        emailed_days=None if wave.emailed_at is None else _days(wave.emailed_at, at),
        attempted=wave.attempted,
        linked=wave.linked,
    )


def _days(since: str, at: datetime) -> int:
    return max((at - datetime.fromisoformat(since)).days, 0)
