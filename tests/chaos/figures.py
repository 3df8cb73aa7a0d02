"""The figures of rounds: the disturbances and the results."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one round, or of several."""

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
    corrupted_responses: int = 0
    requests: int = 0
    needed: int = 0
    troubles: int = 0
    seconds: float = 0.0

    def __add__(self, other: Figures) -> Figures:
        return Figures(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def rows(self) -> list[tuple[str, str]]:
        """Return each figure with its caption."""
        rows = [(caption, f"{getattr(self, name):,}") for name, caption in CAPTIONS.items()]
        extra = self.requests - self.needed
        rows.append(("requests beyond those needed", f"{extra:,}"))
        rows.append(("the same, for each request that went wrong", f"{extra / max(1, self.troubles):.2f}"))
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
    "delays": "requests or responses late, or trickled",
    "gateway_pages": "pages of a gateway in place of a response",
    "corrupted_responses": "responses made unreadable",
    "requests": "requests",
    "needed": "requests needed if nothing goes wrong",
    "troubles": "requests that went wrong",
}
