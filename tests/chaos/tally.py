"""The figures of rounds: what was done to them, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class ImportDiff:
    """What one round, or several, came to. The captions are those of the table."""

    rounds: int = 0
    customers: int = 0
    commands: int = 0
    kills_of_bulk: int = 0
    signals: int = 0
    kills_of_sandbox: int = 0
    journals_lost: int = 0
    cuts: int = 0
    delays: int = 0
    gateway_pages: int = 0
    garbled_answers: int = 0
    requests: int = 0
    floor: int = 0
    troubles: int = 0
    seconds: float = 0.0

    def __add__(self, other: ImportDiff) -> ImportDiff:
        return ImportDiff(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def figures(self) -> list[tuple[str, str]]:
        """Return each figure with its caption."""
        rows = [(caption, f"{getattr(self, name):,}") for name, caption in CAPTIONS.items()]
        beyond = self.requests - self.floor
        rows.append(("requests beyond what is needed", f"{beyond:,}"))
        rows.append(("the same, for each request that went wrong", f"{beyond / max(1, self.troubles):.2f}"))
        return rows


CAPTIONS = {
    "rounds": "rounds",
    "customers": "customers",
    "commands": "commands started",
    "kills_of_bulk": "kill -9 of bulk",
    "signals": "SIGINT or SIGTERM to bulk",
    "kills_of_sandbox": "kill -9 of the sandbox",
    "journals_lost": "journals or write-ahead logs lost",
    "cuts": "connections cut",
    "delays": "answers or requests late, or trickled",
    "gateway_pages": "pages of a gateway instead of an answer",
    "garbled_answers": "answers garbled",
    "requests": "requests",
    "floor": "requests needed, had nothing gone wrong",
    "troubles": "requests that went wrong",
}
