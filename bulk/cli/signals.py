"""Handles Ctrl-C and SIGTERM: outside a run they end the command with exit code 130; a run ends in order instead.

Signals that were ignored when the command started, as in a background job of a shell script, stay ignored.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
EXIT_CODE = 130

_interrupted = False


class Interrupted(KeyboardInterrupt):
    """The user has interrupted the command.

    A plain KeyboardInterrupt does not work here: if one passes through `exec`, as it may in any import, Python later
    ends the process by the signal and ignores the exit code.
    """


def raise_on_signal() -> None:
    """Raise Interrupted at the first signal, and exit at once at the second."""
    sys.unraisablehook = _report_unraisable
    _handle(_raise)


def call_on_signal(callback: Callable[[], object]) -> None:
    """Call the callback at the first signal, and exit at once at the second.

    This uses Python's own handler, because asyncio's waits for the loop, which may wait for the reader of our messages.
    """

    def call(_: int, __: FrameType | None) -> None:
        exit_on_signal()
        callback()

    _handle(call)


def exit_on_signal() -> None:
    """Exit at once at the next signal. Call this when nothing is left to clean up."""
    _handle(_exit)


def interrupt_system_calls() -> None:
    """Let a signal interrupt a wait for a reader or a disk. Importing polars turns that off."""
    if threading.current_thread() is threading.main_thread():
        for number in STOP_SIGNALS:
            signal.siginterrupt(number, True)
            _keep_ignored(number)


def ignore() -> None:
    """Ignore further signals. Call this when the exit code is final, as Python removes its handlers before it exits."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def raise_if_interrupted() -> None:
    """Raise Interrupted again if Python dropped it, as it does in a `__del__` or the callback of a weak reference."""
    if _interrupted:
        raise Interrupted


def was_interrupted() -> bool:
    """Return whether Interrupted was raised. Other code may have turned it into another exception."""
    return _interrupted


def _handle(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in STOP_SIGNALS:
        if not _keep_ignored(number):
            signal.signal(number, handler)


def _keep_ignored(number: signal.Signals) -> bool:
    """Return whether a signal is ignored; ignore it again, because polars handles it after its import."""
    is_ignored = signal.getsignal(number) is signal.SIG_IGN
    if is_ignored:
        signal.signal(number, signal.SIG_IGN)
    return is_ignored


def _raise(_: int, __: FrameType | None) -> NoReturn:
    global _interrupted
    _interrupted = True
    exit_on_signal()
    raise Interrupted


def _report_unraisable(unraisable: sys.UnraisableHookArgs) -> None:
    if not isinstance(unraisable.exc_value, Interrupted):  # `raise_if_interrupted` raises it again
        sys.__unraisablehook__(unraisable)


def _exit(_: int, __: FrameType | None) -> NoReturn:
    os._exit(EXIT_CODE)
