"""Replaces standard output and standard error with streams that never raise, so that no failed write stops a run."""

from __future__ import annotations

import errno
import io
import os
import sys

from bulk.cli import signals


class TolerantStream(io.TextIOWrapper):
    """A stream that drops text that it cannot write, and keeps the first error."""

    error: OSError | ValueError | None = None

    def write(self, text: str, /) -> int:
        """Write the text, or drop it."""
        signals.interrupt_system_calls()
        try:
            return super().write(text)
        except (OSError, ValueError) as error:
            self.error = self.error or error
            return len(text)

    def flush(self) -> None:
        """Flush the buffer, or drop it."""
        signals.interrupt_system_calls()
        try:
            super().flush()
        except (OSError, ValueError) as error:
            self.error = self.error or error


def prepare() -> None:
    """Replace both streams with tolerant ones, which escape the characters that their encoding lacks."""
    # Otherwise the next file to be opened, perhaps the journal, would get the number of a closed stream.
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, TolerantStream(io.BufferedWriter(io.FileIO(os.devnull, "w")), encoding="utf-8"))
        elif isinstance(stream, io.TextIOWrapper):
            tolerant = TolerantStream(
                stream.buffer,
                encoding=stream.encoding,
                errors="backslashreplace",
                line_buffering=stream.line_buffering,
                write_through=stream.write_through,
            )
            setattr(sys, name, tolerant)


def write_error() -> str | None:
    """Return the reason why results could not be written to standard output, or None.

    It is no error if their reader has closed the pipe.
    """
    sys.stdout.flush()
    error = getattr(sys.stdout, "error", None)
    if error is None or getattr(error, "errno", None) == errno.EPIPE:
        return None
    return str(getattr(error, "strerror", None) or error)
