"""Ctrl-C and SIGTERM where no run is at work: both end the command, with 130. A run has its own way to end in order."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

STOPPED_BY = (signal.SIGINT, signal.SIGTERM)
EXIT_CODE = 130

_came = False


class Interrupted(KeyboardInterrupt):
    """Somebody wants the command to end.

    A KeyboardInterrupt itself would not do: where one passes through `exec`, as it may in any import, Python ends the
    process by the signal in the end, whatever exit code it was given.
    """


def prepare() -> None:
    """Have the first signal raise Interrupted, and the next one end the process at once."""
    sys.unraisablehook = _say_what_was_dropped
    _take(_end)


def call(first: Callable[[], object]) -> None:
    """Have the first signal call this, wherever the main thread is just then, and the next one end the process at once.

    Python's own way, not asyncio's: that waits for the loop, which may itself wait for whoever reads our messages.
    """

    def heard(_: int, __: FrameType | None) -> None:
        let_go()
        first()

    _take(heard)


def let_go() -> None:
    """Have the next signal end the process at once: there is nothing left to clear up."""
    _take(_quit)


def may_interrupt() -> None:
    """Have a signal interrupt what waits for a reader or a disk: polars, once it is imported, has it go on."""
    if threading.current_thread() is threading.main_thread():
        for number in STOPPED_BY:
            signal.siginterrupt(number, True)


def ignore() -> None:
    """Take no more notice of any: the exit code is settled, and Python, as it ends, leaves only this to the system."""
    for number in STOPPED_BY:
        signal.signal(number, signal.SIG_IGN)


def raise_if_come() -> None:
    """Raise Interrupted if it was raised where Python drops it: in a `__del__`, or as a weak reference dies."""
    if _came:
        raise Interrupted


def have_come() -> bool:
    """Whether Interrupted was raised: what was at work may have made another exception of it."""
    return _came


def _take(handler: Callable[[int, FrameType | None], None]) -> None:
    for number in STOPPED_BY:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as for whoever was started in the background
            signal.signal(number, handler)


def _end(_: int, __: FrameType | None) -> NoReturn:
    global _came
    _came = True
    let_go()
    raise Interrupted


def _say_what_was_dropped(what: sys.UnraisableHookArgs) -> None:
    if not isinstance(what.exc_value, Interrupted):  # which `raise_if_come` does not forget
        sys.__unraisablehook__(what)


def _quit(_: int, __: FrameType | None) -> NoReturn:
    os._exit(EXIT_CODE)
