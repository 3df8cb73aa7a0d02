"""The command `bulk` and its list of commands. A command is loaded only when it runs."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import click

from bulk import __version__
from bulk.cli.suggestions import did_you_mean

COMMANDS = {
    "check": ("bulk.cli.commands.check", "Validate the customers in INPUT and forecast the migration."),
    "migrate": ("bulk.cli.commands.migrate", "Create a company and an accounting connection for each customer."),
    "follow-up": ("bulk.cli.commands.follow_up", "Create the partner connections of customers who have authorized."),
    "links": ("bulk.cli.commands.links", "Renew the linkUrls that have expired or will soon expire."),
    "sent": ("bulk.cli.commands.sent", "Record who was emailed."),
    "unlink": ("bulk.cli.commands.unlink", "Deauthorize the accounting connections of some customers."),
    "verify": ("bulk.cli.commands.verify", "Compare Codat with the journal."),
    "undo": ("bulk.cli.commands.undo", "List the companies that nobody has linked, or delete them."),
    "listen": ("bulk.cli.commands.listen", "Receive Codat's webhook events instead of polling."),
    "report": ("bulk.cli.commands.report", "Write the reports of a batch again."),
    "sandbox": ("bulk.sandbox.command", "Serve a local sandbox that behaves like Codat."),
    "completion": ("bulk.cli.commands.completion", "Print the completion script of a shell."),
}
"""The module and the purpose of each command, in the order in which a migration uses them."""

VARIABLES = (
    ("CODAT_API_KEY", "The API key of your Codat account."),
    ("CODAT_BASE_URL", "Codat's address, for example of a sandbox. --base-url takes precedence."),
    ("CODAT_WEBHOOK_SECRET", "listen: the secret that signs webhook events."),
    ("BULK_DEBUG", "With 1, an internal error shows where it happened."),
)
"""The environment variables. Those of Codat can also be in `.env`."""

EXIT_CODES = (
    ("0", "Every customer is as far as possible for now."),
    (
        "1",
        "Finished, but some customers were rejected, failed or are in conflict; or stopped by --max-failures, "
        "--max-rejected or ten equal rejections. check: a row is invalid, or a platform is not enabled. unlink, undo, "
        "sent: not all were unlinked, deleted or recorded. verify: a difference is left.",
    ),
    ("2", "Wrong usage, unreadable input or unusable folder. Nothing was sent."),
    (
        "3",
        "Stopped by Codat or the account: key refused, no access, account limit, another client, or missing companies.",
    ),
    ("75", "Not finished for now. The same command resumes."),
    ("130", "Interrupted. The same command resumes."),
)


class Commands(click.Group):
    """The list of commands. It does not load the commands that do not run."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of the commands."""
        return list(COMMANDS)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - as above
        """Write the list of commands, the environment variables and the exit codes."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, purpose) for name, (_, purpose) in COMMANDS.items()])
        with formatter.section("Environment variables (those of Codat can also be in a file .env)"):
            formatter.write_dl(VARIABLES)
        with formatter.section("Exit codes"):
            formatter.write_dl(EXIT_CODES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load a command. Raises UsageError, with the most similar name, if there is none with this name.

        While a shell completes a line, return None instead, because the shell would show the error.
        """
        if cmd_name not in COMMANDS:
            if ctx.resilient_parsing:
                return None
            ctx.fail(f"No such command {cmd_name!r}.{did_you_mean(cmd_name, COMMANDS)}")
        command: click.Command = getattr(import_module(COMMANDS[cmd_name][0]), cmd_name.replace("-", "_"))
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command. A broken pipe is raised as another error, because click would exit with 1 for it."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            raise ConnectionError(str(error)) from error


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="bulk")
def bulk() -> None:
    """Move a company's customers into Codat's Expenses product.

    bulk creates one company and one accounting connection for each customer, and stays within Codat's limits. You can
    stop every command and run it again: it resumes, and creates nothing twice.

    \b
    First steps:
      bulk check customers.csv               validate the file, send nothing
      bulk migrate customers.csv --sandbox   try the migration on a local sandbox
      bulk migrate customers.csv             migrate, with your CODAT_API_KEY
      bulk follow-up reports/customers       when customers have authorized
      bulk links reports/customers           when linkUrls have expired
    """
