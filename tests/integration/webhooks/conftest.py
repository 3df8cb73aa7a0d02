"""One sandbox that sends its events to one port."""

from support.listen_fixtures import batch, codat, port, sending
from support.run_fixtures import launch, set_up

__all__ = ["batch", "codat", "launch", "port", "sending", "set_up"]
