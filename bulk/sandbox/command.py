"""The command line of the sandbox: `bulk sandbox`, and `authorize` and `deauthorize` below it.

`python -m bulk.sandbox` is the same.

What takes long to import is imported inside the functions, because `bulk --help` reads this file too.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from bulk.sandbox.faults import KINDS
from bulk.sandbox.folder import AlreadyRunning, SandboxError, StateFolder
from bulk.sandbox.options import API_KEY, Options

DEFAULT_STATE = Path("reports") / ".sandbox"
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _sandbox_options(command: _Command) -> _Command:
    """Make an option of each field of Options."""
    for field in reversed(fields(Options)):
        name = f"--{field.name.replace('_', '-')}"
        text, choices = field.metadata["help"], field.metadata["choices"]
        settings: dict[str, Any] = {"help": text, "default": field.default, "show_default": field.default != ""}
        if choices:
            settings["type"] = click.Choice(choices)
        elif isinstance(field.default, bool):
            settings["is_flag"] = True
        elif isinstance(field.default, tuple):
            settings |= {"multiple": True, "show_default": False}
        elif isinstance(field.default, str):
            settings["type"] = str
        else:
            least = field.metadata["least"]
            settings["type"] = click.FloatRange(least) if isinstance(field.default, float) else click.IntRange(least)
        command = click.option(name, **settings)(command)
    return command


@click.group(
    name="sandbox",
    invoke_without_command=True,
    subcommand_metavar="[COMMAND]",
    epilog=f"KIND of a fault: {', '.join(KINDS)}.",
)
@click.option(
    "--batch", type=click.Path(path_type=Path), help="The batch whose sandbox this is: state in BATCH/sandbox."
)
@click.option("--state", type=click.Path(path_type=Path), help=f"Folder of the state.  [default: {DEFAULT_STATE}]")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    metavar="PORT",
    help="Default: that of last time.",
)
@click.option(
    "--parent-watch", is_flag=True, hidden=True, help="End when standard input ends; print the base URL only."
)
@_sandbox_options
@click.pass_context
def sandbox(
    context: click.Context, /, batch: Path | None, state: Path | None, port: int, *, parent_watch: bool, **settings: Any
) -> None:
    """Serve a stand-in for Codat on loopback until Ctrl-C.

    It keeps companies, connections and links from one start to the next.
    """
    folder = _folder(batch, state)
    context.obj = folder
    if context.invoked_subcommand is None:
        _serve(folder, Options(**settings), port=port, parent_watch=parent_watch)


@sandbox.command()
@click.argument("batch", type=click.Path(path_type=Path), required=False)
@click.option("--state", type=click.Path(path_type=Path), help="Folder of the state, if it is no batch's.")
@click.option("--share", type=click.FloatRange(0, 1), help="Share of the waiting customers who authorize.")
@click.option("--decline-share", type=click.FloatRange(0, 1), default=0.0, help="Share of them who decline.")
@click.option("--customer", "named", multiple=True, metavar="ID", help="A customer who authorizes; repeatable.")
@click.option("--platform", metavar="KEY", help="They have this software, whichever was asked for.")
@click.option("--seed", type=int, help="Makes the choice of customers repeatable.")
@click.pass_obj
def authorize(
    inherited: StateFolder,
    batch: Path | None,
    state: Path | None,
    share: float | None,
    decline_share: float,
    named: tuple[str, ...],
    platform: str | None,
    seed: int | None,
) -> None:
    """Stand in for the customers of BATCH: a share of those who were sent a link authorize, or those who are named.

    Who is named can also connect again what was deauthorized or unlinked. It works whether or not the sandbox is
    running now; webhooks go out as soon as a sandbox with --webhook-url runs.
    """
    from bulk.sandbox.customers import AuthorizationRequest

    _refuse_unless_one(share, named)
    done = _done(_existing(inherited, batch, state), AuthorizationRequest(share, decline_share, seed, named, platform))
    click.echo(f"{done['waiting']} customers waited: {done['authorized']} authorized, {done['declined']} declined.")


@sandbox.command()
@click.argument("batch", type=click.Path(path_type=Path), required=False)
@click.option("--state", type=click.Path(path_type=Path), help="Folder of the state, if it is no batch's.")
@click.option("--share", type=click.FloatRange(0, 1), help="Share of the linked customers who deauthorize.")
@click.option("--customer", "named", multiple=True, metavar="ID", help="A customer who deauthorizes; repeatable.")
@click.option("--seed", type=int, help="Makes the choice of customers repeatable.")
@click.pass_obj
def deauthorize(
    inherited: StateFolder,
    batch: Path | None,
    state: Path | None,
    share: float | None,
    named: tuple[str, ...],
    seed: int | None,
) -> None:
    """Stand in for the customers of BATCH: a share of those who are linked, or those who are named, take it back.

    As if from within their accounting software: their connections become Deauthorized. It works whether or not the
    sandbox is running now; webhooks go out as soon as a sandbox with --webhook-url runs.
    """
    from bulk.sandbox.customers import AuthorizationRequest

    _refuse_unless_one(share, named)
    done = _done(
        _existing(inherited, batch, state), AuthorizationRequest(share, seed=seed, customers=named), withdraw=True
    )
    click.echo(f"{done['linked']} customers were linked: {done['deauthorized']} deauthorized.")


def _refuse_unless_one(share: float | None, named: tuple[str, ...]) -> None:
    if (share is None) != bool(named):
        raise click.UsageError("Give --share or --customer, and not both.")


def _existing(inherited: StateFolder, batch: Path | None, state: Path | None) -> StateFolder:
    folder = _folder(batch, state) if batch or state else inherited
    if not folder.database.exists():
        raise click.UsageError(f"There is no sandbox in {folder.path}.")
    return folder


def _done(folder: StateFolder, wishes: Any, *, withdraw: bool = False) -> dict[str, Any]:
    """Let customers act in the file itself if no server holds it, else through that server."""
    with _told():
        try:
            with folder.locked():
                return _done_offline(folder, wishes, withdraw=withdraw)
        except AlreadyRunning:
            return _asked(folder, wishes, withdraw=withdraw)


def _done_offline(folder: StateFolder, wishes: Any, *, withdraw: bool) -> dict[str, Any]:
    from bulk.sandbox.app import stored_customers
    from bulk.sandbox.launch import HOST
    from bulk.sandbox.store import Store

    with contextlib.closing(Store(folder.database)) as store:
        customers = stored_customers(store, base_url=f"http://{HOST}:{folder.port() or 0}")
        try:
            return asdict(customers.withdraw(wishes) if withdraw else customers.decide(wishes))
        except ValueError as error:
            raise SandboxError(str(error)) from error


def _asked(folder: StateFolder, wishes: Any, *, withdraw: bool) -> dict[str, Any]:
    from bulk.sandbox.launch import ask

    path = "/_sandbox/customers" + ("/deauthorize" if withdraw else "")
    try:
        done = ask(folder.port() or 0, "POST", path, asdict(wishes))
    except OSError as error:
        raise SandboxError(f"A sandbox holds {folder.path} but does not answer. End it and try again.") from error
    if "error" in done:
        raise SandboxError(done["error"])
    return done


def _serve(folder: StateFolder, options: Options, *, port: int, parent_watch: bool) -> None:
    from bulk.sandbox.faults import BadRule, read_text
    from bulk.sandbox.launch import ALREADY_RUNNING
    from bulk.sandbox.server import serve
    from bulk.sandbox.signing import BadSecret, key_of
    from bulk.sandbox.webhooks import BadUrl, check_url

    try:
        for text in options.fault:
            read_text(text)
        if options.webhook_url:
            check_url(options.webhook_url)
        key_of(options.webhook_secret)
    except BadRule as bad:
        raise click.BadParameter(str(bad), param_hint="--fault") from bad
    except BadUrl as bad:
        raise click.BadParameter(str(bad), param_hint="--webhook-url") from bad
    except BadSecret as bad:
        raise click.BadParameter(str(bad), param_hint="--webhook-secret") from bad

    def ready(base_url: str) -> None:
        click.echo(base_url if parent_watch else _how_to_use(folder, base_url, options.webhook_url))
        sys.stdout.flush()

    with _told():
        try:
            serve(folder, options, ready=ready, port=port, watch_parent=parent_watch)
        except AlreadyRunning:
            if not parent_watch:
                raise
            sys.exit(ALREADY_RUNNING)


def _how_to_use(folder: StateFolder, base_url: str, webhook_url: str) -> str:
    webhooks = f"\nWebhooks go to {webhook_url}.\n" if webhook_url else ""
    return (
        f"The sandbox answers at {base_url} (state in {folder.path}). Ctrl-C ends it. Use it with\n\n"
        f"    CODAT_BASE_URL={base_url} CODAT_API_KEY={API_KEY} bulk migrate INPUT\n{webhooks}"
    )


def _folder(batch: Path | None, state: Path | None) -> StateFolder:
    if batch and state:
        raise click.UsageError("Give a batch or --state, not both.")
    return StateFolder((batch / "sandbox" if batch else state or DEFAULT_STATE).resolve())


@contextlib.contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except SandboxError as error:
        raise click.ClickException(str(error)) from error
