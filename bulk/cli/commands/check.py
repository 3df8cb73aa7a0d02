"""`bulk check INPUT`."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bulk.cli import options
from bulk.cli.console import legible, print_json, print_result, shown, table
from bulk.platforms import NAMES
from bulk.text import count, duration, moment, percent

if TYPE_CHECKING:
    import polars as pl

    from bulk.codat.account import Account
    from bulk.codat.forecast import Linking
    from bulk.input_check import CheckResult, Cost


@dataclass(frozen=True, slots=True)
class Expected:
    """What the forecast is made for: so many linked companies now, and who will link meanwhile."""

    linked: int
    linking: Linking


@click.command()
@options.INPUT
@options.mapping
@click.option(
    "--online", is_flag=True, help="Also ask Codat: key good, quota left, platforms enabled (3 requests at most)."
)
@click.option(
    "--linked",
    default=0,
    show_default=True,
    type=click.IntRange(0),
    help="Forecast for so many linked companies; --online adds your own.",
)
@click.option(
    "--linking",
    default="10%",
    show_default=True,
    type=options.Percent(),
    help="How many of the customers are expected to link,",
)
@click.option(
    "--within",
    default=7,
    show_default=True,
    type=click.IntRange(1, 3650),
    metavar="DAYS",
    help="and how soon after their email.",
)
@options.codat
@options.JSON
def check(
    path: Path,
    pairs: dict[str, str],
    online: bool,
    linked: int,
    linking: float,
    within: int,
    sandbox: bool,
    base_url: str | None,
    rate: int,
    concurrency: int,
    timeout: float,
    as_json: bool,
) -> int:
    """Read and validate INPUT and say what a migration would send, reject and cost. Sends nothing."""
    from bulk.codat.forecast import Linking
    from bulk.input_check import check as read

    expected = Expected(linked, Linking(linking / 100, within))
    result = read(path, mapping=pairs, rate=rate)
    account = None
    if online:
        from bulk.batch import stem

        with options.make_settings(
            Path("reports") / stem(path),
            sandbox=sandbox,
            base_url=base_url,
            rate=rate,
            concurrency=concurrency,
            timeout=timeout,
        ) as settings:
            account = _ask(settings)
    if as_json:
        print_json(_json(result, account, expected))
    else:
        print_result(_text(result, account, expected, options.again(pairs, sandbox=sandbox, base_url=base_url)))
    if account is not None and account.problem is not None:
        return 3 if account.problem.code in ("401", "402", "403") else 75
    return 1 if result.rejected or _disabled(result, account) else 0


def _ask(settings: Any) -> Account:
    import anyio

    from bulk.api import check_account

    return anyio.run(check_account, settings)


def _text(result: CheckResult, account: Account | None, expected: Expected, again: Sequence[str]) -> str:
    rows = result.accepted + result.rejected
    parts = [
        f"{shown(result.input, 200)}: {count(rows, 'row')}, {result.accepted:,} good, {result.rejected:,} rejected"
    ]
    parts += [f"  note: {shown(note, 500)}" for note in result.notes]
    parts.append(_problems(result))
    parts.append(_warnings(result))
    parts.append(_renamed(result))
    parts.append(
        "Platforms:\n" + table([(_platform(k), k, f"{n:,}") for k, n in result.platforms.items()])
        if result.platforms
        else ""
    )
    parts.append("Cost:\n" + table(_costs(result, account, expected)))
    if account is not None:
        parts.append("Codat:\n" + table(_account(result, account)))
    if not result.accepted:
        parts.append("Nothing to migrate.")
    elif account is None or account.problem is None:
        parts.append("Next: " + shlex.join(["bulk", "migrate", str(result.input), *again]))
    return "\n\n".join(part for part in parts if part)


def _problems(result: CheckResult) -> str:
    if not result.problems.height:
        return ""
    return "Problems, each of which rejects its row:\n" + _lines(result.problems, "problem", "problem; remedy")


def _warnings(result: CheckResult) -> str:
    if not result.warnings.height:
        return ""
    title = "Warnings: a spreadsheet may have changed these values. No row is rejected for it:\n"
    return title + _lines(result.warnings, "warning", "warning; remedy")


def _lines(found: pl.DataFrame, why: str, title: str) -> str:
    lines = [("row", "customer", "field", "value", title)]
    lines += [
        (
            str(f["row"]),
            shown(f["customer_id"], 24),
            f["field"],
            shown(f["value"], 32),
            f"{shown(f[why], 200)}; {shown(f['remedy'], 200)}",
        )
        for f in found.iter_rows(named=True)
    ]
    return table(lines)


def _renamed(result: CheckResult) -> str:
    if not result.renamed.height:
        return ""
    lines = [("row", "customer", "name", "goes to Codat as")]
    lines += [
        (str(row), shown(customer, 24), shown(name, 40), shown(sent, 40))
        for row, customer, name, sent in result.renamed.iter_rows()
    ]
    return "Names that Codat would change, and how they are sent:\n" + table(lines)


def _costs(result: CheckResult, account: Account | None, expected: Expected) -> list[tuple[str, str]]:
    companies, limit = _told(account)
    cost = result.cost(linked=expected.linked, companies=companies)
    there = f"{companies:,} companies" if companies else "companies, if any,"
    with_linked = f"with {count(expected.linked, 'linked company', 'linked companies')}"
    lines = [
        ("requests", f"{cost.requests:,}: two for each customer, one for each 2,000 of the {there} in Codat already"),
        ("time", f"{duration(cost.minutes * 60)} at {result.rate:,} requests a minute, quota permitting"),
        ("quota", f"{_days(cost)} {with_linked} ({cost.quota:,} requests a day, reset at 00:00 UTC)"),
    ]
    if account is not None and limit is not None:
        own = result.cost(quota=limit, companies=companies)
        lines.append(("yours", f"{_days(own)} at your {limit:,} requests a day ({account.linked:,} linked companies)"))
    if expected.linking.share > 0:
        growing = _growing(result, account, expected)
        so_soon = (
            f"{percent(expected.linking.share)} link within {count(expected.linking.within, 'day')} of their email"
        )
        lines.append(("growing", f"{_days(growing)} if {so_soon}: each adds 1,000 requests a day"))
    return lines


def _growing(result: CheckResult, account: Account | None, expected: Expected) -> Cost:
    """Forecast with a quota that grows from what it is today."""
    companies, limit = _told(account)
    return result.cost(linked=expected.linked, quota=limit, companies=companies, linking=expected.linking)


def _told(account: Account | None) -> tuple[int, int | None]:
    """Say how many companies Codat has told of, and which quota."""
    if account is None:
        return 0, None
    return account.companies or 0, account.quota.limit if account.quota is not None else None


def _disabled(result: CheckResult, account: Account | None) -> list[str]:
    """Name the platforms of the input that are not enabled for this client: each of their customers would fail."""
    known = account.platforms if account is not None else None
    return [] if known is None else [key for key in result.platforms if key not in known]


def _days(cost: Cost) -> str:
    return count(cost.days, "day")


def _account(result: CheckResult, account: Account) -> list[tuple[str, str]]:
    if account.problem is not None:
        return [("key", f"not accepted or not tried: {shown(account.problem.text, 200)}")]
    lines = [("key", "good")]
    if account.quota is not None:
        lines.append(("quota left", f"{account.quota.remaining:,}, reset {moment(account.quota.resets_at)}"))
    if account.platforms is not None:
        missing = _disabled(result, account)
        said = ", ".join(f"{_platform(key)} ({key})" for key in missing)
        lines.append(
            ("platforms", f"not enabled for you: {said}; enable them in Codat first" if missing else "all enabled")
        )
    return lines


def _platform(key: str) -> str:
    return NAMES.get(key, key)


def _json(result: CheckResult, account: Account | None, expected: Expected) -> str:
    cost = result.cost(linked=expected.linked)
    content: dict[str, Any] = {
        "input": legible(result.input),
        "rows": result.accepted + result.rejected,
        "accepted": result.accepted,
        "rejected": result.rejected,
        "platforms": dict(result.platforms),
        "notes": list(result.notes),
        "problems": _records(result.problems),
        "warnings": _records(result.warnings),
        "renamed": _records(result.renamed),
        "cost": {
            "requests": cost.requests,
            "minutes": round(cost.minutes, 2),
            "days": cost.days,
            "quota": cost.quota,
            "growing": {
                "percent": round(expected.linking.share * 100, 6),
                "within": expected.linking.within,
                "days": _growing(result, account, expected).days,
            },
        },
    }
    if account is not None:
        content["online"] = {
            "key_good": account.problem is None,
            "problem": account.problem.text if account.problem else None,
            "quota": {"limit": account.quota.limit, "remaining": account.quota.remaining} if account.quota else None,
            "companies": account.companies,
            "platforms": account.platforms,
            "days": result.cost(quota=account.quota.limit).days if account.quota and account.quota.limit else None,
        }
    return json.dumps(content, ensure_ascii=False)  # without indent, which takes Python's slow encoder


def _records(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return list(frame.iter_rows(named=True))
