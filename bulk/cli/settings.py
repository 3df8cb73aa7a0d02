"""Builds the settings of a run from a command's options. With --sandbox, it runs a sandbox meanwhile."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bulk.cli.options import DEFAULT_REPORTS, Connection

if TYPE_CHECKING:
    from bulk.reading import Reading
    from bulk.settings import Settings


def require_valid(connection: Connection) -> None:
    """Raise UsageError for invalid options, and for an invalid CODAT_BASE_URL that is used. This needs no key."""
    from bulk.settings import Settings

    if connection.sandbox and connection.base_url is not None:
        raise click.UsageError("--sandbox and --base-url are two different addresses. Give one of them.")
    Settings.make(
        api_key="unused",
        base_url=connection.base_url,
        rate=connection.rate,
        concurrency=connection.concurrency,
        timeout=connection.timeout,
        environ={} if connection.sandbox else {"CODAT_BASE_URL": os.environ.get("CODAT_BASE_URL", "")},
    )


@contextmanager
def batch_settings(folder: Path, connection: Connection, *, webhook_url: str = "") -> Iterator[Settings]:
    """Yield the settings for a run on an existing batch. Raises BatchError if there is none in the folder."""
    from bulk.batch import require_batch

    require_batch(folder)
    with make_settings(folder, connection, webhook_url=webhook_url) as settings:
        yield settings


@contextmanager
def make_settings(folder: Path, connection: Connection, *, webhook_url: str = "") -> Iterator[Settings]:
    """Yield the settings for a run. With --sandbox, a sandbox with its state in this batch's folder runs meanwhile.

    `webhook_url` is the address for the sandbox's webhook events.
    """
    from bulk.settings import Settings

    require_valid(connection)
    if not connection.sandbox:
        yield Settings.make(
            base_url=connection.base_url,
            rate=connection.rate,
            concurrency=connection.concurrency,
            timeout=connection.timeout,
        )
        return
    from bulk.cli.sandbox import sandbox

    with sandbox(folder, webhook_url) as (base_url, key):
        at_sandbox = Settings.make(api_key=key, base_url=base_url, environ={})
        yield replace(at_sandbox, rate=connection.rate, concurrency=connection.concurrency, timeout=connection.timeout)


def batch_folder(reports: Path, batch: str) -> Path:
    """Return the folder of the batch with this name. Raises BadParameter for an impossible name."""
    from bulk.batch import storable

    if not batch.strip() or batch in (".", "..") or re.search(r"[/\\\x00-\x1f]", batch):
        raise click.BadParameter(f"{batch!r} cannot be the name of a folder.", param_hint="'--batch'")
    return reports / storable(batch)


def repeated_options(
    mapping: dict[str, str],
    platform_names: dict[str, str],
    reading: Reading,
    connection: Connection,
    *,
    folder: Path | None,
    reports: Path = DEFAULT_REPORTS,
) -> list[str]:
    """Return the options to repeat in the next command for the same customers.

    `folder` is that of the batch, if it is not named after the input, and `reports` the folder of all batches.
    """
    from bulk.batch import batch_options, input_options

    words = batch_options(folder) if folder is not None else []
    if folder is None and reports != DEFAULT_REPORTS:
        words = ["--reports", str(reports)]
    return [*words, *input_options(mapping, platform_names, reading), *codat_options(connection)]


def codat_options(connection: Connection) -> list[str]:
    """Return the options that select the same Codat in the next command."""
    address = ["--base-url", connection.base_url] if connection.base_url is not None else []
    return address + ["--sandbox"] * connection.sandbox
