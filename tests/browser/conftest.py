"""The pages that are opened."""

from unit.reports.html.conftest import compared, dangerous, ordinary

__all__ = ["compared", "dangerous", "ordinary"]
