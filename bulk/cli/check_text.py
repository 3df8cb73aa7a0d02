"""The result of `bulk check` as text that fits on a screen: the rows in groups, the plan and the next command. PURE.

The more a file has to show, the fewer groups and examples are shown of each kind.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from bulk.cli import batch_text
from bulk.cli.console import fit, paragraph, screen_width, table
from bulk.cli.groups_text import WIDTH, Detail, section
from bulk.platforms import NAMES
from bulk.text import argument, count, duration, moment, percent

if TYPE_CHECKING:
    from datetime import date, datetime

    from bulk.check_result import CheckResult, Cost
    from bulk.cli.forecasts import Assumptions, Forecasts
    from bulk.codat.account import Account

REFUSALS = ("401", "402", "403")  # Codat's statuses for a key that cannot be used
MAX_LINES = 50
_DETAILS = (Detail(1, has_examples=False), Detail(2, has_examples=False), *map(Detail, (2, 3, 4, 5, 6, 8, 10, 15, 30)))


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
    return _joined([*_fitting([partial(part, result) for part in _PARTS], end), *end])


def _fitting(parts: Sequence[Callable[[Detail], str]], end: Sequence[str]) -> list[str]:
    """Return the parts, each in the greatest detail with which all of them and the end fit on a screen."""
    shown = [part(_DETAILS[0]) for part in parts]
    for detail in _DETAILS[1:]:
        for place, part in enumerate(parts):
            longer = [*shown[:place], part(detail), *shown[place + 1 :]]
            if _joined([*longer, *end]).count("\n") < MAX_LINES:
                shown = longer
    return shown


def _joined(parts: Iterable[str]) -> str:
    return "\n\n".join(part for part in parts if part)


def disabled_platforms(result: CheckResult, account: Account | None) -> list[str]:
    """Return the input's platformKeys that are not enabled for this client. Connections to them would fail."""
    enabled = account.platforms if account is not None else None
    return [] if enabled is None else [key for key in result.platforms if key not in enabled]


def _title(result: CheckResult, detail: Detail) -> str:
    rows = count(result.accepted + result.rejected + result.in_conflict, "row")
    held = f", {result.in_conflict:,} in conflict" if result.in_conflict else ""
    numbers = f": {rows}, {result.accepted:,} accepted, {result.rejected:,} rejected{held}"
    lines = [fit(result.input, WIDTH - len(numbers)) + numbers]
    shown = result.notes[: detail.groups]
    lines += [_paragraph(fit(note, 500), first="  Note: ", indent="    ") for note in shown]
    if others := len(result.notes) - len(shown):
        lines.append(f"  {count(others, 'more note')}")
    return "\n".join(lines)


def _problems(result: CheckResult, detail: Detail) -> str:
    return section("Problems, each of which rejects its row:", result.problem_groups, detail)


def _conflicts(result: CheckResult, detail: Detail) -> str:
    title = "Rows in conflict, for which nothing is sent until you decide (conflicts.csv has them after migrate):"
    return section(title, result.conflict_groups, detail)


def _warnings(result: CheckResult, detail: Detail) -> str:
    return section("Warnings: look at these values. No row is rejected for them:", result.warning_groups, detail)


def _names(result: CheckResult, detail: Detail) -> str:
    title = "Names that are changed before they are sent, as Codat would change them:"
    return section(title, result.name_groups, detail, are_names=True)


def _platforms(result: CheckResult, detail: Detail) -> str:
    if not result.platforms:
        return ""
    shown = list(result.platforms.items())[: max(detail.groups, 5)]
    texts = [f"{NAMES.get(key, key)} ({key}) {number:,}" for key, number in shown]
    if others := len(result.platforms) - len(shown):
        texts.append(count(others, "other"))
    return _paragraph(", ".join(texts), first="Platforms: ", indent="  ")


def _platform_warnings(result: CheckResult, detail: Detail) -> str:
    rows = result.platform_warnings.head(detail.groups).rows(named=True)
    if not rows:
        return ""
    lines = ["Platforms that Expenses does not sync, or that are not known:"]
    for row in rows:
        name = row["name"] if row["name"] == row["platform_key"] else f"{row['name']} ({row['platform_key']})"
        more = ", …" * (row["customers"] > len(row["rows"]))
        places = f"{count(row['customers'], 'customer')}, rows {', '.join(map(str, row['rows']))}{more}"
        lines.append(_paragraph(f"{name} {row['warning']}: {row['remedy']} ({places})", first="  ", indent="    "))
    if others := result.platform_warnings.height - len(rows):
        lines.append(f"  {count(others, 'other platform')}")
    return "\n".join(lines)


def _batch(result: CheckResult, detail: Detail) -> str:
    return "" if result.batch is None else batch_text.text(result.batch, detail)


_PARTS = (_title, _problems, _conflicts, _warnings, _names, _platforms, _platform_warnings, _batch)


def _paragraph(text: str, *, first: str, indent: str) -> str:
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
    if output is not None:
        return f"All rows, with what would happen to each and why: {fit(output, 500)}"
    if not (result.problem_groups or result.conflict_groups or result.warning_groups or result.name_groups):
        return ""
    command = ["bulk", "check", argument(result.input), *options, "--output", "checked.csv"]
    return f"All rows, with what would happen to each and why:\n    {shlex.join(command)}"


def _next(result: CheckResult, account: Account | None, next_options: Sequence[str]) -> str:
    if not result.accepted:
        return "Nothing to migrate."
    if account is not None and account.problem is not None:
        return ""
    return "Next:\n    " + shlex.join(["bulk", "migrate", argument(result.input), *next_options])
