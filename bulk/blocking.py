"""The library's async functions as ordinary calls, which also work inside a running event loop (Jupyter)."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec, TypeVar

from anyio.from_thread import start_blocking_portal

from bulk import api

P = ParamSpec("P")
T = TypeVar("T")


def blocking(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    """Return the blocking form of an async function. It runs in an event loop in another thread.

    `on_event` and `ready` are called in that thread. KeyboardInterrupt cancels the call; calling it again resumes.
    """

    @functools.wraps(function)
    def call(*arguments: P.args, **options: P.kwargs) -> T:
        with start_blocking_portal() as portal:
            result: T = portal.call(functools.partial(function, *arguments, **options))
        return result

    call.__name__ = call.__qualname__ = f"{function.__name__}_blocking"
    call.__doc__ = f"Call `{function.__name__}` and wait for its result, with or without a running event loop."
    return call


check_account_blocking = blocking(api.check_account)
migrate_blocking = blocking(api.migrate)
follow_up_blocking = blocking(api.follow_up)
links_blocking = blocking(api.links)
unlink_blocking = blocking(api.unlink)
verify_blocking = blocking(api.verify)
undo_blocking = blocking(api.undo)
listen_blocking = blocking(api.listen)
