"""The command line: arguments in, one call of the library, words out. The only room that prints.

Every command has a file of its own and imports what it needs when it runs: `bulk --help` loads none of it.
"""

from __future__ import annotations

import gc
import os
import sys
import traceback
from importlib import import_module
from typing import Any, NoReturn

import click

from bulk import __version__
from bulk.cli import signals, streams
from bulk.cli.console import echo
from bulk.errors import BulkError

# Where each command is, and what it is for: loading them only to list them would take longer than all the rest.
COMMANDS = {
    "check": ("bulk.cli.commands.check", "Say what a migration of INPUT would send, reject and cost; send nothing."),
    "migrate": (
        "bulk.cli.commands.migrate",
        "Create a company and an accounting connection for each customer.",
    ),
    "follow-up": ("bulk.cli.commands.follow_up", "Create the partner expense connection for each who has authorized."),
    "links": ("bulk.cli.commands.links", "Renew the linkUrls that have expired or soon will."),
    "unlink": ("bulk.cli.commands.unlink", "Deauthorize the accounting connections of named customers."),
    "verify": (
        "bulk.cli.commands.verify",
        "Compare Codat with the journal; list what is missing or extra.",
    ),
    "undo": ("bulk.cli.commands.undo", "List, or with --yes delete, the companies created that nobody has linked."),
    "listen": ("bulk.cli.commands.listen", "Receive Codat's webhook events instead of asking who has authorized."),
    "report": ("bulk.cli.commands.report", "Write the reports of BATCH again from its journal; send nothing."),
    "sandbox": ("bulk.sandbox.command", "Serve a stand-in for Codat on this machine, or stand in for its customers."),
}

# Between two looks for garbage. A command makes far more than Python's 700 only by loading, and none of it is garbage.
NEW_OBJECTS = 20_000

SENDS_NOTHING = ("check", "report", "sandbox")  # and so has nothing to go on with


class Commands(click.Group):
    """Loads a command when it is named."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Name the commands in the order in which a migration uses them."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands without loading them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, purpose) for name, (_, purpose) in COMMANDS.items()])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Load one."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name.replace("-", "_"))
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run it. For click, any broken pipe means that the reader of our output has gone, and exit code 1."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ConnectionError(str(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="bulk")
def bulk() -> None:
    """Move a customer base into Codat's Sync for Expenses.

    Each customer gets one company and one accounting connection, once, under Codat's limits; every run can be
    repeated and goes on where the last one ended.

    \b
    bulk check customers.csv               what would be sent, what is wrong, what it costs
    bulk migrate customers.csv --sandbox   try it against a stand-in on this machine
    bulk migrate customers.csv             do it, with CODAT_API_KEY set
    bulk follow-up reports/customers       when customers have authorized
    bulk links reports/customers           when linkUrls have expired

    Exit codes: 0 all done, 1 some customers rejected or failed (verify: something found), 2 wrong usage,
    3 refused by Codat, 75 not finished for now, 130 interrupted.
    """


def main() -> NoReturn:
    """Run the command; no error ends in a traceback, and no broken stream changes the exit code."""
    gc.set_threshold(NEW_OBJECTS)
    streams.prepare()
    signals.prepare()
    code = _run()
    signals.let_go()
    if (reason := streams.lost()) is not None:
        echo(f"bulk: the results could not be written to standard output ({reason})")
    signals.ignore()
    sys.exit(code)


def _run() -> int:
    try:
        code = bulk.main(standalone_mode=False)
        signals.raise_if_come()
    except click.ClickException as error:
        error.show(file=sys.stderr)
        return max(error.exit_code, 2)  # click's own 1 would be a run that has ended
    except (click.Abort, KeyboardInterrupt):
        return _interrupted()
    except BulkError as error:
        echo(f"bulk: {error}")
        return error.exit_code
    except BaseException as error:
        if signals.have_come():
            return _interrupted()
        if not isinstance(error, Exception):
            raise
        return _unexpected(error)
    return code if isinstance(code, int) else 0


def _interrupted() -> int:
    echo("bulk: interrupted")
    return signals.EXIT_CODE


def _unexpected(error: Exception) -> int:
    """Say what nobody has foreseen, and what it means for the command that was given."""
    if os.environ.get("BULK_DEBUG"):
        echo("".join(traceback.format_exception(error)))
    command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    if command in SENDS_NOTHING and isinstance(error, OSError) and error.strerror:
        from bulk.journal.error_translator import UNUSABLE_PLACES

        echo(f"bulk: {error.filename or command}: {UNUSABLE_PLACES.get(error.errno or 0, error.strerror)}")
        return 2 if error.errno in UNUSABLE_PLACES else 75
    done = (
        "This is a defect of bulk."
        if command in SENDS_NOTHING
        else "What was done is in the journal, and the same command goes on from there."
    )
    echo(
        f"bulk: something went wrong that should not ({type(error).__name__}: {error}). {done} "
        "BULK_DEBUG=1 shows where it happened."
    )
    return 75
