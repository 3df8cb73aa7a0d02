"""Standard output and error as streams that never fail: what cannot be said must not end, or mislabel, a run."""

from __future__ import annotations

import errno
import io
import os
import sys

from bulk.cli import signals


class Patient(io.TextIOWrapper):
    """A stream that goes on where it cannot be written: what was to go there is lost, and `trouble` says why."""

    trouble: OSError | ValueError | None = None

    def write(self, text: str, /) -> int:
        """Write what can be written."""
        signals.may_interrupt()
        try:
            return super().write(text)
        except (OSError, ValueError) as error:
            self.trouble = self.trouble or error
            return len(text)

    def flush(self) -> None:
        """Pass on what can be passed on."""
        signals.may_interrupt()
        try:
            super().flush()
        except (OSError, ValueError) as error:
            self.trouble = self.trouble or error


def prepare() -> None:
    """Put such streams in the places of the two; what their encoding lacks is written as an escape."""
    # A closed one would be taken by the next file that is opened, the journal perhaps.
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Patient(io.BufferedWriter(io.FileIO(os.devnull, "w")), encoding="utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            fresh = Patient(
                stream.buffer,
                encoding=stream.encoding,
                errors="backslashreplace",
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
            setattr(sys, name, fresh)


def lost() -> str | None:
    """Say why results did not get to standard output; None where they did, or where their reader had enough."""
    sys.stdout.flush()
    trouble = getattr(sys.stdout, "trouble", None)
    if trouble is None or getattr(trouble, "errno", None) == errno.EPIPE:
        return None
    return str(getattr(trouble, "strerror", None) or trouble)
