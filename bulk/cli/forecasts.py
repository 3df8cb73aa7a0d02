"""Forecasts a migration for the text and the JSON of `bulk check`. PURE."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bulk.check_result import CheckResult, Cost
    from bulk.codat.account import Account
    from bulk.codat.forecast import Linking


@dataclass(frozen=True, slots=True)
class Assumptions:
    """The assumptions of a forecast: linked companies at the start, and customers who link during the migration."""

    linked: int
    linking: Linking


@dataclass(frozen=True, slots=True)
class Forecasts:
    """The cost of a migration for three quotas. `companies` is the number in Codat already, or 0 if it is unknown."""

    companies: int
    assumed: Cost  # the quota of a client with the assumed number of linked companies
    own: Cost | None  # the quota of this account; None if Codat was not asked or did not answer
    growing: Cost  # a quota that grows as customers link, from that of this account if it is known


def forecast(result: CheckResult, account: Account | None, assumptions: Assumptions) -> Forecasts:
    """Forecast a migration of the checked input."""
    companies = account.companies or 0 if account is not None else 0
    limit = account.quota.limit if account is not None and account.quota is not None else None
    linked = assumptions.linked
    return Forecasts(
        companies,
        result.cost(linked=linked, companies=companies),
        None if limit is None else result.cost(quota=limit, companies=companies),
        result.cost(linked=linked, quota=limit, companies=companies, linking=assumptions.linking),
    )
