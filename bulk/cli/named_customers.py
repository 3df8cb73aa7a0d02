"""Commands on some customers of a batch: their options --customer and --file, and the customers they left alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from bulk.cli.console import echo, fit, table
from bulk.cli.options import PATH

Command = TypeVar("Command", bound=Callable[..., Any])


def named_customers(verb: str) -> Callable[[Command], Command]:
    """Return a decorator that adds the options. The command receives them as `customers` and `path`."""

    def add(command: Command) -> Command:
        by_id = click.option(
            "--customer",
            "customers",
            metavar="ID",
            multiple=True,
            help=f"{verb} the customer with this ID. Repeatable.",
        )
        by_file = click.option(
            "--file",
            "path",
            type=PATH,
            metavar="FILE",
            help=f"{verb} the customers in the column customer_id of this file. Also possible with --customer.",
        )
        return by_id(by_file(command))

    return add


def read(customers: Sequence[str], path: Path | None) -> list[str]:
    """Return the customers of both options, each once. Raises UsageError."""
    from bulk.input import read_ids

    if not all(each.strip() for each in customers):
        raise click.BadParameter("a customer_id cannot be empty.", param_hint="'--customer'")
    return list(dict.fromkeys([*customers, *(read_ids(path) if path is not None else [])]))


def as_options(customers: Sequence[str], path: Path | None) -> list[str]:
    """Return the options again, for a command to print."""
    return [f"--customer={each}" for each in customers] + ([f"--file={path}"] if path is not None else [])


def print_others(title: str, others: Mapping[str, str]) -> None:
    """Print the customers that were left alone, {customer_id: reason}, below a title. Without any, print nothing."""
    if others:
        echo(title)
        echo(table([(fit(customer), fit(reason, 200)) for customer, reason in others.items()]))
