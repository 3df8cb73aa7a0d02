"""Restores Ctrl-C where the shell has switched it off, so that tests can interrupt the processes they start."""

from __future__ import annotations

import signal


def restore_sigint() -> None:
    """Stop ignoring SIGINT, in this process and in every process that it starts from now on.

    A shell script starts its background jobs with SIGINT ignored, and each child process inherits that. `bulk` respects
    it, as it should, so a test that sends SIGINT would wait in vain under `make test &`.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
