"""`bulk completion SHELL`."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ShellComplete, ZshComplete

from bulk.cli.console import print_result

SHELLS: dict[str, type[ShellComplete]] = {each.name: each for each in (BashComplete, ZshComplete, FishComplete)}


@click.command()
@click.argument("shell", metavar="SHELL", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the completion script of a shell.

    SHELL is bash (4.4 or newer), zsh or fish. With the script, the Tab key completes commands, options, their values
    and the names of files. To load it in every new shell:

    \b
    bash  Add this line to ~/.bashrc:
            eval "$(bulk completion bash)"
    zsh   Add this line to ~/.zshrc, below compinit:
            eval "$(bulk completion zsh)"
    fish  Run this command once:
            bulk completion fish > ~/.config/fish/completions/bulk.fish
    """
    command = context.find_root().command
    print_result(SHELLS[shell](command, {}, "bulk", "_BULK_COMPLETE").source())
