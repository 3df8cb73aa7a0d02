"""Write the help of every command to a Markdown file: `python docs/make_commands.py docs/commands.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from bulk.cli.group import COMMANDS, bulk

WIDTH = 78  # of the help on a terminal with 80 columns
TOP = """<!-- `make commands` writes this file from the help of the commands. -->

# Commands

This page has the help of each command, as `--help` prints it.

| command | purpose |
|---|---|
"""


def document() -> str:
    """Return the page. It does not depend on the terminal."""
    context = bulk.make_context("bulk", [], resilient_parsing=True, terminal_width=WIDTH)
    rows = "".join(f"| [`bulk {name}`](#bulk-{name}) | {purpose} |\n" for name, (_, purpose) in COMMANDS.items())
    return TOP + rows + "".join(sections(context))


def sections(context: click.Context) -> Iterator[str]:
    """Yield a section for a command and one for each of its subcommands."""
    yield f"\n## {context.command_path}\n\n```text\n{context.get_help()}\n```\n"
    command = context.command
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            if subcommand := command.get_command(context, name):
                yield from sections(click.Context(subcommand, parent=context, info_name=name))


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(document(), "utf-8")
