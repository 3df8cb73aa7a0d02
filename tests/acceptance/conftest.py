"""The sandboxes and folders of whole runs."""

from support.run_fixtures import codat, fixture, launch, set_up, unlimited

__all__ = ["codat", "fixture", "launch", "set_up", "unlimited"]
