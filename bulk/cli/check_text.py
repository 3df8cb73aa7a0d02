"""The result of `bulk check` as text: the rows, the platforms, the forecasts and the next command. PURE."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from bulk.cli import batch_text
from bulk.cli.console import fit, paragraph, table
from bulk.platforms import NAMES
from bulk.text import count, duration, moment, percent

if TYPE_CHECKING:
    import polars as pl

    from bulk.cli.forecasts import Assumptions, Forecasts
    from bulk.codat.account import Account
    from bulk.input_check import CheckResult, Cost

REFUSALS = ("401", "402", "403")  # Codat's statuses for a key that cannot be used


def text(
    result: CheckResult,
    account: Account | None,
    forecasts: Forecasts,
    assumptions: Assumptions,
    *,
    next_options: Sequence[str],
) -> str:
    """Return the whole text. `next_options` are the options to repeat in the next command."""
    parts = (
        _title(result),
        _problems(result),
        _warnings(result),
        _renamed(result),
        _platforms(result),
        _platform_warnings(result),
        batch_text.text(result.batch) if result.batch is not None else "",
        "Forecast:\n" + table(list(_forecasts(result, account, forecasts, assumptions))),
        "" if account is None else "Codat:\n" + table(list(_account(result, account))),
        _next(result, account, next_options),
    )
    return "\n\n".join(part for part in parts if part)


def disabled_platforms(result: CheckResult, account: Account | None) -> list[str]:
    """Return the input's platformKeys that are not enabled for this client. Connections to them would fail."""
    enabled = account.platforms if account is not None else None
    return [] if enabled is None else [key for key in result.platforms if key not in enabled]


def _title(result: CheckResult) -> str:
    rows = count(result.accepted + result.rejected, "row")
    lines = [f"{fit(result.input, 200)}: {rows}, {result.accepted:,} accepted, {result.rejected:,} rejected"]
    lines += [paragraph(fit(note, 500), first="  Note: ", indent="    ") for note in result.notes]
    return "\n".join(lines)


def _problems(result: CheckResult) -> str:
    if not result.problems.height:
        return ""
    return "Problems, each of which rejects its row:\n" + _lines(result.problems, "problem", "problem; remedy")


def _warnings(result: CheckResult) -> str:
    if not result.warnings.height:
        return ""
    title = "Warnings: look at these values. No row is rejected for them:\n"
    return title + _lines(result.warnings, "warning", "warning; remedy")


def _lines(values: pl.DataFrame, text: str, title: str) -> str:
    lines = [
        (
            str(row["row"]),
            fit(row["customer_id"], 24),
            row["field"],
            fit(row["value"], 32),
            f"{fit(row[text], 200)}; {fit(row['remedy'], 200)}",
        )
        for row in values.iter_rows(named=True)
    ]
    return table([("row", "customer", "field", "value", title), *lines])


def _renamed(result: CheckResult) -> str:
    if not result.renamed.height:
        return ""
    lines = [
        (str(row), fit(customer, 24), fit(name, 40), fit(sent, 40))
        for row, customer, name, sent in result.renamed.iter_rows()
    ]
    return "Names that are changed before they are sent, as Codat would change them:\n" + table(
        [("row", "customer", "name", "sent as"), *lines]
    )


def _platforms(result: CheckResult) -> str:
    if not result.platforms:
        return ""
    return "Platforms:\n" + table([(NAMES.get(key, key), key, f"{n:,}") for key, n in result.platforms.items()])


def _platform_warnings(result: CheckResult) -> str:
    lines = [
        (
            row["name"] if row["name"] == row["platform_key"] else f"{row['name']} ({row['platform_key']})",
            count(row["customers"], "customer"),
            ", ".join(map(str, row["rows"])) + ", …" * (row["customers"] > len(row["rows"])),
            f"{row['warning']}; {row['remedy']}",
        )
        for row in result.platform_warnings.iter_rows(named=True)
    ]
    if not lines:
        return ""
    title = "Platforms that Expenses does not support. No row is rejected for it:\n"
    return title + table([("platform", "customers", "rows", "warning; remedy"), *lines])


def _forecasts(
    result: CheckResult, account: Account | None, forecasts: Forecasts, assumptions: Assumptions
) -> Iterator[tuple[str, str]]:
    assumed, own = forecasts.assumed, forecasts.own
    existing = f", of which there are {forecasts.companies:,} now" if forecasts.companies else ""
    each_day = f"each day one per 2,000 companies in Codat{existing}"
    yield "requests", f"{assumed.requests:,}: two per customer, one for the API key, and {each_day}"
    yield "time", f"{duration(assumed.minutes * 60)} at {result.rate:,} requests per minute, if the quota allows it"
    linked = f"with {count(assumptions.linked, 'linked company', 'linked companies')}"
    yield "quota", f"{_days(assumed)} {linked} ({assumed.quota:,} requests per day, reset at 00:00 UTC)"
    if account is not None and own is not None:
        linked = count(account.linked or 0, "linked company", "linked companies")
        yield "yours", f"{_days(own)} with your quota of {own.quota:,} requests per day ({linked})"
    if assumptions.linking.share > 0:
        within = count(assumptions.linking.within, "day")
        linking = f"{percent(assumptions.linking.share)} link within {within} of their email"
        yield "growing", f"{_days(forecasts.growing)} if {linking}: each adds 1,000 requests per day"


def _days(cost: Cost) -> str:
    return count(cost.days, "day")


def _account(result: CheckResult, account: Account) -> Iterator[tuple[str, str]]:
    if account.problem is not None:
        is_refused = account.problem.code in REFUSALS
        yield "key", f"{'not accepted' if is_refused else 'not checked'}: {fit(account.problem.text, 200)}"
        return
    yield "key", "valid"
    if account.quota is not None:
        yield "quota left", f"{account.quota.remaining:,}, reset at {moment(account.quota.resets_at)}"
    yield from _client(account)
    if account.platforms is not None:
        enabled = [key for key in result.platforms if key in account.platforms]
        yield "enabled", _names(enabled) or "none of the input's platforms"
        if disabled := disabled_platforms(result, account):
            yield "not enabled", f"{_names(disabled)}. Enable them in Codat first."


def _client(account: Account) -> Iterator[tuple[str, str]]:
    """Yield the lines about the client: its name and id, and where its customers go after they have authorized."""
    profile, client_id = account.profile, account.client_id
    name = profile.name if profile is not None else None
    named = f"{fit(name)} ({client_id})" if name and client_id else fit(name or client_id)
    yield "client", named or "unknown: Codat does not show it"
    if profile is not None:
        yield "redirect", fit(profile.redirect_url, 200) or "none: customers end on a page of Codat's"


def _names(keys: Iterable[str]) -> str:
    return ", ".join(f"{NAMES.get(key, key)} ({key})" for key in keys)


def _next(result: CheckResult, account: Account | None, next_options: Sequence[str]) -> str:
    if not result.accepted:
        return "Nothing to migrate."
    if account is not None and account.problem is not None:
        return ""
    path = str(result.input)
    path = f"./{path}" if path.startswith("-") else path  # otherwise it would be read as an option
    return "Next:\n    " + shlex.join(["bulk", "migrate", path, *next_options])
