"""The result of `bulk check` as JSON. PURE."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from bulk.cli.console import valid_unicode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from bulk.batch_comparison import BatchComparison
    from bulk.check_result import CheckResult
    from bulk.cli.forecasts import Assumptions, Forecasts
    from bulk.codat.account import Account
    from bulk.input import Group


def content(
    result: CheckResult, account: Account | None, forecasts: Forecasts, assumptions: Assumptions, *, now: datetime
) -> dict[str, Any]:
    """Return the JSON object. `now` is the beginning of the migration."""
    fields: dict[str, Any] = {
        "input": valid_unicode(result.input),
        "rows": result.accepted + result.rejected + result.in_conflict,
        "accepted": result.accepted,
        "rejected": result.rejected,
        "conflict": result.in_conflict,
        "platforms": dict(result.platforms),
        "platform_warnings": result.platform_warnings.to_dicts(),
        "notes": list(result.notes),
        "problems": result.problems.to_dicts(),
        "warnings": result.warnings.to_dicts(),
        "renamed": result.renamed.to_dicts(),
        "conflicts": result.conflicts.to_dicts(),
        "problem_groups": _groups(result.problem_groups),
        "warning_groups": _groups(result.warning_groups),
        "name_groups": _groups(result.name_groups),
        "conflict_groups": _groups(result.conflict_groups),
        "cost": _cost(forecasts, assumptions, now),
    }
    if (batch := result.batch) is not None:
        fields |= {"batch": _batch(batch), "conflicts": batch.conflicts.to_dicts()}
        fields |= {"conflict_groups": _groups(batch.conflict_groups)}
    return fields if account is None else fields | {"online": _online(account, forecasts, now)}


def _groups(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """Return the groups as objects. The texts of a value are "" if its group has the same ones."""
    return [asdict(group) for group in groups]


def _batch(batch: BatchComparison) -> dict[str, Any]:
    return {
        "folder": valid_unicode(batch.folder),
        "adds_file": batch.adds_file,
        "new": batch.new,
        "same": batch.same,
        "changed": batch.changed,
        "gone": batch.gone,
        "rejected": batch.rejected,
        "conflict": batch.in_conflict,
        "kinds": dict(batch.kinds),
        "to_do": batch.to_do,
    }


def _client(account: Account) -> dict[str, str | None]:
    profile = account.profile
    return {
        "id": account.client_id,
        "name": profile.name if profile is not None else None,
        "redirect_url": profile.redirect_url if profile is not None else None,
    }


def _cost(forecasts: Forecasts, assumptions: Assumptions, now: datetime) -> dict[str, Any]:
    assumed, linking = forecasts.assumed, assumptions.linking
    return {
        "requests": assumed.requests,
        "minutes": round(assumed.minutes, 2),
        "days": assumed.days,
        "last_day": assumed.last_day(now).isoformat(),
        "quota": assumed.quota,
        "growing": {
            "percent": round(linking.share * 100, 6),
            "within": linking.within,
            "days": forecasts.growing.days,
            "last_day": forecasts.growing.last_day(now).isoformat(),
        },
    }


def _online(account: Account, forecasts: Forecasts, now: datetime) -> dict[str, Any]:
    quota = account.quota
    return {
        "key_good": account.problem is None,
        "problem": account.problem.text if account.problem is not None else None,
        "quota": {"limit": quota.limit, "remaining": quota.remaining} if quota is not None else None,
        "client": _client(account),
        "companies": account.companies,
        "platforms": account.platforms,
        "days": forecasts.own.days if forecasts.own is not None else None,
        "last_day": forecasts.own.last_day(now).isoformat() if forecasts.own is not None else None,
    }
