"""A batch with one new customer."""

from unit.engine.conftest import trip

__all__ = ["trip"]
