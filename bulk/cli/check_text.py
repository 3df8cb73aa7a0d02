"""The result of `bulk check` as text that fits on a screen: the rows in groups, the plan and the next command. PURE.

The more a file has to show, the less is shown of each kind. Each kind of problem has its number and a value at least.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from bulk.cli import batch_text, screen
from bulk.cli.console import fit, paragraph, screen_width, table
from bulk.cli.groups_text import WIDTH, section
from bulk.cli.screen import Item, Section
from bulk.platforms import NAMES
from bulk.text import argument, count, duration, moment, percent

if TYPE_CHECKING:
    from datetime import date, datetime

    from bulk.check_result import CheckResult, Cost
    from bulk.cli.forecasts import Assumptions, Forecasts
    from bulk.codat.account import Account

REFUSALS = ("401", "402", "403")  # Codat's statuses for a key that cannot be used
MAX_PLATFORMS = (5, 30)  # on a screen that has much else to show, and on any other
_IN_CONFLICT = "Rows in conflict, for which nothing is sent until you decide (migrate writes conflicts.csv):"


def text(
    result: CheckResult,
    account: Account | None,
    forecasts: Forecasts,
    assumptions: Assumptions,
    *,
    now: datetime,
    next_options: Sequence[str],
    all_rows: str = "",
) -> str:
    """Return the whole text, in the greatest detail that fits on a screen.

    `next_options` are the options to repeat in the next command; `all_rows` says where all rows are.
    """
    end = ["Forecast:\n" + table(list(_forecasts(result, account, forecasts, assumptions, now)), width=WIDTH)]
    end.append("" if account is None else "Codat:\n" + table(list(_account(result, account)), width=WIDTH))
    end += [all_rows, _next(result, account, next_options)]
    return screen.joined([*_sections(result), *map(Section, end)])


def _sections(result: CheckResult) -> Iterator[Section]:
    yield _title(result)
    yield section("Problems, each of which rejects its row:", result.problem_groups, shows_all=True)
    yield section(_IN_CONFLICT, result.conflict_groups, shows_all=True)
    yield section("Warnings: look at these values. No row is rejected for them:", result.warning_groups)
    names = "Names that are changed before they are sent, as Codat would change them:"
    yield section(names, result.name_groups, are_names=True)
    yield _platforms(result)
    yield _platform_warnings(result)
    if result.batch is not None:
        yield Section(batch_text.text(result.batch))
        yield section(_IN_CONFLICT, result.batch.conflict_groups, shows_all=True)


def disabled_platforms(result: CheckResult, account: Account | None) -> list[str]:
    """Return the input's platformKeys that are not enabled for this client. Connections to them would fail."""
    enabled = account.platforms if account is not None else None
    return [] if enabled is None else [key for key in result.platforms if key not in enabled]


def _title(result: CheckResult) -> Section:
    number = result.accepted + result.rejected + result.in_conflict
    held = f", {result.in_conflict:,} in conflict" if result.in_conflict else ""
    numbers = f": {count(number, 'row')}, {result.accepted:,} accepted, {result.rejected:,} rejected{held}"
    items = [_item(number, fit(note, 500), first="  Note: ", indent="    ") for note in result.notes]
    indent = "  "
    title = _paragraph(fit(result.input, WIDTH - len(numbers) - len(indent)) + numbers, indent=indent)
    return Section(title, items, lambda others: f"  {count(len(others), 'more note')}")


def _platforms(result: CheckResult) -> Section:
    if not result.platforms:
        return Section("")
    texts = (_named_platforms(result, most) for most in MAX_PLATFORMS)
    return Section("", [Item(0, *(_paragraph(text, first="Platforms: ", indent="  ") for text in texts))])


def _named_platforms(result: CheckResult, most: int) -> str:
    texts = [f"{NAMES.get(key, key)} ({key}) {number:,}" for key, number in list(result.platforms.items())[:most]]
    if others := len(result.platforms) - len(texts):
        texts.append(count(others, "other"))
    return ", ".join(texts)


def _platform_warnings(result: CheckResult) -> Section:
    items = []
    for row in result.platform_warnings.head(screen.MAX_LINES).iter_rows(named=True):
        name = row["name"] if row["name"] == row["platform_key"] else f"{row['name']} ({row['platform_key']})"
        more = ", …" * (row["customers"] > len(row["rows"]))
        word = "row" if row["customers"] == 1 else "rows"
        places = f"{count(row['customers'], 'customer')}, {word} {', '.join(map(str, row['rows']))}{more}"
        text = f"{name} ({places}) {row['warning']}: {row['remedy']}"
        items.append(_item(row["customers"], text, first="  ", indent="    "))
    if not items:
        return Section("")
    title = _paragraph("Platforms that Expenses does not sync, or that are not known:", indent="  ")
    beyond = result.platform_warnings.height - len(items)
    return Section(title, items, lambda others: f"  {count(len(others) + beyond, 'other platform')}")


def _item(rows: int, text: str, *, first: str, indent: str) -> Item:
    """Return a paragraph, of which the brief text has one line."""
    brief = fit(text, WIDTH - max(len(first), len(indent)))
    return Item(rows, *(_paragraph(each, first=first, indent=indent) for each in (brief, text)))


def _paragraph(text: str, *, first: str = "", indent: str) -> str:
    return paragraph(text, first=first, indent=indent, width=screen_width(WIDTH))


def _forecasts(
    result: CheckResult, account: Account | None, forecasts: Forecasts, assumptions: Assumptions, now: datetime
) -> Iterator[tuple[str, str]]:
    assumed, own = forecasts.assumed, forecasts.own
    existing = f", of which there are {forecasts.companies:,} now" if forecasts.companies else ""
    each_day = f"each day one per 2,000 companies in Codat{existing}"
    yield "requests", f"{assumed.requests:,}: two per customer, one for the key, and {each_day}"
    yield "time", f"{duration(assumed.minutes * 60)} at {result.rate:,} requests per minute, if the quota allows it"
    linked = f"with {count(assumptions.linked, 'linked company', 'linked companies')}"
    yield "quota", f"{_days(assumed)} {linked} ({assumed.quota:,} requests per day){_until(assumed, now)}"
    if account is not None and own is not None:
        linked = count(account.linked or 0, "linked company", "linked companies")
        yield "yours", f"{_days(own)} with your quota of {own.quota:,} requests per day ({linked}){_until(own, now)}"
    if assumptions.linking.share > 0:
        linking = f"{percent(assumptions.linking.share)} link within {count(assumptions.linking.within, 'day')}"
        adds = "of their email (each adds 1,000)"
        yield "growing", f"{_days(forecasts.growing)} if {linking} {adds}{_until(forecasts.growing, now)}"


def _days(cost: Cost) -> str:
    return count(cost.days, "day")


def _until(cost: Cost, now: datetime) -> str:
    """Return the last day of a migration that takes several days and begins now."""
    return f": until {_date(cost.last_day(now), now)}" if cost.days > 1 else ""


def _date(day: date, now: datetime) -> str:
    return f"{day.day} {day:%B}" if day.year == now.year else f"{day.day} {day:%B %Y}"


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
        yield "enabled", _named(enabled) or "none of the input's platforms"
        if disabled := disabled_platforms(result, account):
            yield "not enabled", f"{_named(disabled)}. Enable them in Codat first."


def _client(account: Account) -> Iterator[tuple[str, str]]:
    """Yield the lines about the client: its name and id, and where its customers go after they have authorized."""
    profile, client_id = account.profile, account.client_id
    name = profile.name if profile is not None else None
    named = f"{fit(name)} ({client_id})" if name and client_id else fit(name or client_id)
    yield "client", named or "unknown: Codat does not show it"
    if profile is not None:
        yield "redirect", fit(profile.redirect_url, 200) or "none: customers end on a page of Codat's"


def _named(keys: Iterable[str]) -> str:
    return ", ".join(f"{NAMES.get(key, key)} ({key})" for key in keys)


def all_rows(result: CheckResult, output: object, options: Sequence[str]) -> str:
    """Return where all rows are, or the command that writes them, if the text does not show them all."""
    title = _paragraph("All rows, with what would happen to each and why:", indent="  ")
    if output is not None:
        return f"{title} {fit(output, 500)}"
    if not (result.problem_groups or result.conflict_groups or result.warning_groups or result.name_groups):
        return ""
    command = ["bulk", "check", argument(result.input), *options, "--output", "checked.csv"]
    return f"{title}\n    {shlex.join(command)}"


def _next(result: CheckResult, account: Account | None, next_options: Sequence[str]) -> str:
    if not result.accepted:
        return "Nothing to migrate."
    if account is not None and account.problem is not None:
        return ""
    return "Next:\n    " + shlex.join(["bulk", "migrate", argument(result.input), *next_options])
