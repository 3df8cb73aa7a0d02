"""`check` forecasts the days: for a constant quota, for the account's own, and for one that grows as customers link."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from acceptance.cli.conftest import Shell
from bulk.api import Account, CheckResult, Linking
from bulk.cli import check_json, check_text
from bulk.cli.forecasts import Assumptions, forecast
from bulk.model import Quota

NOW = datetime(2026, 11, 30, 18, tzinfo=UTC)


@pytest.mark.parametrize(
    ("options", "constant", "growing"),
    [
        # 500 customers per day; a tenth of the first day's customers link within a week: 7 each day
        ("", "3 days with 0 linked companies (1,000 requests per", "2 days if 10% link within 7 days of their email"),
        ("--linked 1", "2 days with 1 linked company (2,000 requests", "2 days if 10% link within 7 days"),
        ("--linked 9", "1 day with 9 linked companies (10,000", "1 day if 10% link within 7 days"),
        ("--linking 0.5 --within 1", "3 days", "2 days if 0.5% link within 1 day of their email"),
        ("--linking 0.01%", "3 days", "3 days if <0.1% link within 7 days"),
    ],
)
def test_the_forecast_covers_both_quotas(shell: Shell, options: str, constant: str, growing: str) -> None:
    """The text and the JSON have the same days."""
    shell.customers(1_100)
    lines = [line.split(maxsplit=1) for line in shell.run(f"bulk check x.csv {options}").stdout.splitlines()]
    text = {line[0]: line[1] for line in lines if len(line) == 2}
    assert text["quota"].startswith(constant)
    assert text["growing"].startswith(growing)
    cost = json.loads(shell.run(f"bulk check x.csv --json {options}").stdout)["cost"]
    assert cost["days"] == int(constant.split()[0])
    assert cost["growing"]["days"] == int(growing.split()[0])


def test_text_and_json_have_the_same_days_where_codat_has_companies_already() -> None:
    """Reading the list of 4,001 companies takes 3 requests a day: with 998 others, more than the first day's quota."""
    result = CheckResult(Path("x.csv"), 499, 0, {}, pl.DataFrame(), pl.DataFrame(), (), 1000)
    account = Account(Quota(1000, 1000, 0.0), 4_001, {}, None)
    assumptions = Assumptions(0, Linking(0.0, 7))
    forecasts = forecast(result, account, assumptions)
    text = check_text.text(result, account, forecasts, assumptions, now=NOW, next_options=[])
    assert "requests  1,005" in text
    assert "quota     2 days with 0 linked companies (1,000 requests per day): until 1 December" in text
    assert "yours     2 days" in text
    content = check_json.content(result, account, forecasts, assumptions, now=NOW)
    assert (content["cost"]["requests"], content["cost"]["days"], content["online"]["days"]) == (1_005, 2, 2)
    assert content["cost"]["last_day"] == content["online"]["last_day"] == "2026-12-01"


def test_without_linking_customers_the_growing_quota_is_left_out(shell: Shell) -> None:
    """It would be the constant one."""
    shell.customers(10)
    assert "growing" not in shell.run("bulk check x.csv --linking 0").stdout


@pytest.mark.parametrize("options", ["--linking 101", "--linking x", "--linking -1", "--within 0", "--linked -1"])
def test_impossible_assumptions_are_refused(shell: Shell, options: str) -> None:
    """The message names the option."""
    shell.customers(1)
    ended = shell.run(f"bulk check x.csv {options}")
    assert ended.returncode == 2
    assert options.split()[0] in ended.stderr
