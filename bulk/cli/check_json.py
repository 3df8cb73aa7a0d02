"""The result of `bulk check` as JSON. PURE."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bulk.cli.console import valid_unicode

if TYPE_CHECKING:
    from bulk.batch_comparison import BatchComparison
    from bulk.check_result import CheckResult
    from bulk.cli.forecasts import Assumptions, Forecasts
    from bulk.codat.account import Account


def content(
    result: CheckResult, account: Account | None, forecasts: Forecasts, assumptions: Assumptions
) -> dict[str, Any]:
    """Return the JSON object."""
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
        "cost": _cost(forecasts, assumptions),
    }
    if result.batch is not None:
        fields |= {"batch": _batch(result.batch), "conflicts": result.batch.conflicts.to_dicts()}
    return fields if account is None else fields | {"online": _online(account, forecasts)}


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


def _cost(forecasts: Forecasts, assumptions: Assumptions) -> dict[str, Any]:
    assumed, linking = forecasts.assumed, assumptions.linking
    return {
        "requests": assumed.requests,
        "minutes": round(assumed.minutes, 2),
        "days": assumed.days,
        "quota": assumed.quota,
        "growing": {
            "percent": round(linking.share * 100, 6),
            "within": linking.within,
            "days": forecasts.growing.days,
        },
    }


def _online(account: Account, forecasts: Forecasts) -> dict[str, Any]:
    quota = account.quota
    return {
        "key_good": account.problem is None,
        "problem": account.problem.text if account.problem is not None else None,
        "quota": {"limit": quota.limit, "remaining": quota.remaining} if quota is not None else None,
        "client": _client(account),
        "companies": account.companies,
        "platforms": account.platforms,
        "days": forecasts.own.days if forecasts.own is not None else None,
    }
