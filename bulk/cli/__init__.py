"""The command line: runs a command, and turns its result or error into messages and an exit code.

Only this package prints. Commands import most modules when they run, so that `bulk --help` is fast.
"""

from __future__ import annotations

import gc
import io
import os
import sys
import traceback
from pathlib import Path
from typing import NoReturn

import click

from bulk.cli import signals, streams
from bulk.cli.console import echo
from bulk.cli.group import bulk
from bulk.cli.suggestions import with_suggestion
from bulk.errors import BulkError, UsageError

# Python's default is 700. A command creates far more objects while it loads, and none of them is garbage.
GC_THRESHOLD = 20_000

CHANGES_NOTHING = ("check", "report", "sandbox", "completion")
EXIT_NOT_FINISHED = 75


def main() -> NoReturn:
    """Run the command. No error ends with a traceback, and no broken stream changes the exit code."""
    gc.set_threshold(GC_THRESHOLD)
    streams.prepare()
    signals.raise_on_signal()
    code = _run()
    signals.exit_on_signal()
    if (reason := streams.write_error()) is not None:
        echo(f"bulk: the results could not be written to standard output ({reason})")
    signals.ignore()
    sys.exit(code)


def _run() -> int:
    try:
        code = bulk.main(standalone_mode=False)
        signals.raise_if_interrupted()
    except click.ClickException as error:
        _echo_usage_error(error)
        return max(error.exit_code, 2)  # click's own 1 has another meaning here
    except (click.Abort, KeyboardInterrupt):
        return _interrupted()
    except BulkError as error:
        echo(f"bulk: {error}")
        return error.exit_code
    except BaseException as error:
        if signals.was_interrupted():
            return _interrupted()
        if not isinstance(error, Exception):
            raise
        return _unexpected(error)
    return code if isinstance(code, int) else 0


def _echo_usage_error(error: click.ClickException) -> None:
    """Print click's message without control characters, because it may quote the user's input."""
    message = io.StringIO()
    with_suggestion(error).show(file=message)
    echo(message.getvalue().rstrip("\n"))


def _interrupted() -> int:
    echo("bulk: interrupted")
    return signals.EXIT_CODE


def _unexpected(error: Exception) -> int:
    """Print the message for an error that is not a BulkError; return the exit code."""
    if os.environ.get("BULK_DEBUG"):
        echo("".join(traceback.format_exception(error)))
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    if command in CHANGES_NOTHING and isinstance(error, OSError):
        from bulk.journal.error_translator import translate

        if translation := translate(error, Path(error.filename or command), nothing_sent=True):
            echo(f"bulk: {translation}")
            return translation.exit_code
    if isinstance(error, ImportError):
        echo(f"bulk: its installation is incomplete ({error}). Install codat-bulk again with all its dependencies.")
        return UsageError.exit_code
    kept = (
        "Nothing was changed."
        if command in CHANGES_NOTHING
        else "Everything that was done is in the journal. The same command resumes."
    )
    where = "Set BULK_DEBUG=1 to see where it happened, and please report it."
    echo(f"bulk: internal error ({type(error).__name__}: {error}). {kept} {where}")
    return EXIT_NOT_FINISHED
