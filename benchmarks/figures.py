"""The figures of a benchmark, with their targets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured value and its bound, `least` or `most`. A value without a bound is for information only."""

    caption: str
    value: float
    unit: str = ""
    least: float | None = None
    most: float | None = None

    @property
    def is_met(self) -> bool:
        """Whether the value is within its bound."""
        return (self.least is None or self.value >= self.least) and (self.most is None or self.value <= self.most)


def lines(figures: Sequence[Figure]) -> list[str]:
    """Return a line for each figure: its caption, value and target, and whether it meets the target."""
    widest = max((len(figure.caption) for figure in figures), default=0)
    return [
        f"  {figure.caption:{widest}}  {_value(figure.value, figure.unit):>14}{_target(figure)}" for figure in figures
    ]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows under a header, in columns."""
    everything = [header, *rows]
    widths = [max(len(row[column]) for row in everything) for column in range(len(header))]
    return "\n".join(
        "  " + "  ".join(f"{cell:{'<' if at == 0 else '>'}{widths[at]}}" for at, cell in enumerate(row))
        for row in everything
    )


def ratio(values: Sequence[float], others: Sequence[float]) -> float:
    """Return the median of the ratios of values that were measured one right after the other."""
    return median(value / other for value, other in zip(values, others, strict=True))


def _value(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return f"{number} {unit}".rstrip()


def _target(figure: Figure) -> str:
    if figure.least is None and figure.most is None:
        return ""
    bound = f"at least {figure.least:g}" if figure.least is not None else f"at most {figure.most:g}"
    return f"   target {bound}: {'met' if figure.is_met else 'NOT MET'}"
