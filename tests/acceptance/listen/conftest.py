"""One sandbox that sends its events to one port."""

from support.listen_fixtures import batch, codat, port, sending

__all__ = ["batch", "codat", "port", "sending"]
