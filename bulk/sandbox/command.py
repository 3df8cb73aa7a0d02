"""The command line of the sandbox: `bulk sandbox`, with `authorize` and `deauthorize`.

`python -m bulk.sandbox` is the same.

Modules that are slow to import are imported inside the functions, because `bulk --help` reads this file too.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from bulk.sandbox.faults import FIELDS, KINDS, OPERATIONS
from bulk.sandbox.folder import AlreadyRunning, SandboxError, StateFolder
from bulk.sandbox.options import API_KEY, Options
from bulk.sandbox.parameters import SHARE, WholeNumber, seconds

if TYPE_CHECKING:
    from bulk.sandbox.app import MakeApp
    from bulk.sandbox.customers import CustomerRequest

JOURNAL = "journal.sqlite3"  # in the folder of every batch
DEFAULT_STATE = Path("reports") / ".sandbox"
FOLDER = click.Path(file_okay=False, path_type=Path)
_Command = TypeVar("_Command", bound=Callable[..., Any])
_STATE = click.option(
    "--state",
    type=FOLDER,
    metavar="FOLDER",
    help=f"Folder that contains the sandbox's state.  [default: {DEFAULT_STATE}]",
)
_SHARE = click.option(
    "--share", type=SHARE, metavar="SHARE", help="Share of the possible customers, from 0 to 1: 0.5 is half of them."
)
_NAMED = click.option("--customer", "named", multiple=True, metavar="ID", help="The customer with this ID. Repeatable.")
_SEED = click.option("--seed", type=WholeNumber(), metavar="N", help="Seed of the random selection of customers.")


def _sandbox_options(command: _Command) -> _Command:
    """Add an option for each field of Options."""
    for field in reversed(fields(Options)):
        name = f"--{field.name.replace('_', '-')}"
        text, choices = field.metadata["help"], field.metadata["choices"]
        settings: dict[str, Any] = {"help": text, "default": field.default, "show_default": field.default != ""}
        settings["metavar"] = field.metadata["metavar"]
        if choices:
            settings["type"] = click.Choice(choices)
        elif isinstance(field.default, bool):
            settings["is_flag"] = True
        elif isinstance(field.default, tuple):
            settings |= {"multiple": True, "show_default": False}
        elif isinstance(field.default, str):
            settings["type"] = str
        else:
            least, is_seconds = field.metadata["least"], isinstance(field.default, float)
            settings["type"] = seconds(least) if is_seconds else WholeNumber(least)
            settings["metavar"] = settings["metavar"] or ("SECONDS" if is_seconds else "N")
            settings["default"] = f"{field.default:g}"  # 86400, not 86400.0
        command = click.option(name, **settings)(command)
    return command


@click.group(
    name="sandbox",
    invoke_without_command=True,
    subcommand_metavar="[COMMAND]",
    epilog=(
        f"KIND of a fault: {', '.join(KINDS)}.\n\n"
        f"NAME: {', '.join(FIELDS)}. The probability is from 0 to 1. Operations are joined by +.\n\n"
        f"Operations: {', '.join(OPERATIONS)}."
    ),
)
@click.option(
    "--batch",
    type=FOLDER,
    metavar="FOLDER",
    help="Serve the sandbox of this batch: FOLDER/sandbox.",
)
@_STATE
@click.option(
    "--port",
    type=WholeNumber(0, 65535),
    default=0,
    metavar="N",
    help="Port on 127.0.0.1.  [default: the previous port]",
)
@click.option(
    "--parent-watch", is_flag=True, hidden=True, help="End when standard input ends; print the base URL only."
)
@_sandbox_options
@click.pass_context
def sandbox(
    context: click.Context, /, batch: Path | None, state: Path | None, port: int, *, parent_watch: bool, **settings: Any
) -> None:
    """Serve a local sandbox that behaves like Codat, on loopback, until Ctrl-C.

    It keeps companies, connections and links when it is restarted.
    """
    folder = _folder(batch, state)
    make_app: MakeApp | None = context.obj  # set by tests, which add routes
    context.obj = folder
    if context.invoked_subcommand is None:
        if batch is not None and not (batch / JOURNAL).is_file() and not folder.database.exists():
            raise click.UsageError(f"{batch} has no journal. Pass the folder of a batch, or migrate its input first.")
        _serve(folder, Options(**settings), port=port, parent_watch=parent_watch, make_app=make_app)


@sandbox.command()
@click.argument("batch", type=FOLDER, required=False)
@_STATE
@_SHARE
@click.option(
    "--decline-share",
    type=SHARE,
    default=0.0,
    metavar="SHARE",
    help="Share of these customers who decline, from 0 to 1.",
)
@_NAMED
@click.option(
    "--platform", metavar="KEY", help="platformKey of the software that they connect, whatever the input says."
)
@_SEED
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
    """Let customers of a batch authorize.

    BATCH is the folder of a batch. Either a share of the customers with a link authorize, or those named. A named
    customer can also connect again after a deauthorization. The sandbox need not be running; webhooks are sent as soon
    as a sandbox with --webhook-url runs.
    """
    from bulk.sandbox.customers import CustomerRequest

    _require_one(share, named)
    request = CustomerRequest(share, decline_share, seed, named, platform)
    done = _act(_existing(inherited, batch, state), "/customers", request)
    click.echo(f"{_customers(done['waiting'])} waited: {done['authorized']} authorized, {done['declined']} declined.")


@sandbox.command()
@click.argument("batch", type=FOLDER, required=False)
@_STATE
@_SHARE
@_NAMED
@_SEED
@click.pass_obj
def deauthorize(
    inherited: StateFolder,
    batch: Path | None,
    state: Path | None,
    share: float | None,
    named: tuple[str, ...],
    seed: int | None,
) -> None:
    """Let customers of a batch withdraw their authorization.

    BATCH is the folder of a batch. Either a share of the linked customers withdraw, or those named. Their connections
    become Deauthorized, as from within the accounting software. The sandbox need not be running; webhooks are sent as
    soon as a sandbox with --webhook-url runs.
    """
    from bulk.sandbox.customers import CustomerRequest

    _require_one(share, named)
    request = CustomerRequest(share, seed=seed, customers=named)
    done = _act(_existing(inherited, batch, state), "/customers/deauthorize", request)
    click.echo(f"{_customers(done['linked'])} could withdraw: {done['deauthorized']} deauthorized.")


def _customers(number: int) -> str:
    return "1 customer" if number == 1 else f"{number:,} customers"


def _require_one(share: float | None, named: tuple[str, ...]) -> None:
    if (share is None) != bool(named):
        raise click.UsageError("Pass either --share or --customer.")


def _existing(inherited: StateFolder, batch: Path | None, state: Path | None) -> StateFolder:
    folder = _folder(batch, state) if batch or state else inherited
    if not folder.database.exists():
        raise click.UsageError(f"There is no sandbox in {folder.path}.")
    return folder


def _act(folder: StateFolder, handle: str, request: CustomerRequest) -> dict[str, Any]:
    """Let customers act, through the running server or, if there is none, through a temporary one."""
    from bulk.sandbox.launch import ask, start

    with _wrap_errors(), start(folder.path):
        done = ask(folder.port() or 0, "POST", "/_sandbox" + handle, asdict(request))
        if "error" in done:
            raise SandboxError(done["error"])
        return done


def _serve(folder: StateFolder, options: Options, *, port: int, parent_watch: bool, make_app: MakeApp | None) -> None:
    from bulk.sandbox import app
    from bulk.sandbox.launch import ALREADY_RUNNING
    from bulk.sandbox.server import serve

    _check(options)

    def ready(base_url: str) -> None:
        click.echo(base_url if parent_watch else _how_to_use(folder, base_url, options.webhook_url))
        sys.stdout.flush()

    with _wrap_errors():
        try:
            serve(folder, options, ready=ready, port=port, watch_parent=parent_watch, make_app=make_app or app.make_app)
        except AlreadyRunning:
            if not parent_watch:
                raise
            sys.exit(ALREADY_RUNNING)


def _check(options: Options) -> None:
    from bulk.sandbox.faults import read_text
    from bulk.sandbox.signing import key_of
    from bulk.sandbox.webhooks import check_url

    checks: list[tuple[str, Callable[[str], object], tuple[str, ...]]] = [
        ("--fault", read_text, options.fault),
        ("--webhook-url", check_url, (options.webhook_url,) if options.webhook_url else ()),
        ("--webhook-secret", key_of, (options.webhook_secret,)),
    ]
    for name, check, texts in checks:
        try:
            for text in texts:
                check(text)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint=repr(name)) from error


def _how_to_use(folder: StateFolder, base_url: str, webhook_url: str) -> str:
    webhooks = f"\nWebhooks go to {webhook_url}.\n" if webhook_url else ""
    return (
        f"The sandbox answers at {base_url} (state in {folder.path}). Ctrl-C ends it. Use it with\n\n"
        f"    CODAT_BASE_URL={base_url} CODAT_API_KEY={API_KEY} bulk migrate INPUT\n{webhooks}"
    )


def _folder(batch: Path | None, state: Path | None) -> StateFolder:
    if batch and state:
        raise click.UsageError("Pass either a batch or --state.")
    return StateFolder((batch / "sandbox" if batch else state or DEFAULT_STATE).resolve())


@contextlib.contextmanager
def _wrap_errors() -> Iterator[None]:
    try:
        yield
    except SandboxError as error:
        raise click.ClickException(str(error)) from error
