"""`check` forecasts the days, of a quota that stays as it is and of one that grows with the customers who link."""

from __future__ import annotations

import json

import pytest

from cli.conftest import Shell


@pytest.mark.parametrize(
    ("options", "stays", "grows"),
    [
        # 500 customers a day; a tenth of the first day's within a week: 7 a day
        ("", "3 days with 0 linked companies (1,000 requests a day", "2 days if 10% link within 7 days of their email"),
        ("--linked 1", "2 days with 1 linked company (2,000 requests", "2 days if 10% link within 7 days"),
        ("--linked 9", "1 day with 9 linked companies (10,000", "1 day if 10% link within 7 days"),
        ("--linking 0.5 --within 1", "3 days", "2 days if 0.5% link within 1 day of their email"),
        ("--linking 0.01%", "3 days", "3 days if <0.1% link within 7 days"),
    ],
)
def test_the_cost_is_told_for_both(shell: Shell, options: str, stays: str, grows: str) -> None:
    """In words, and in the JSON."""
    shell.customers(1_100)
    lines = [line.split(maxsplit=1) for line in shell.run(f"bulk check x.csv {options}").stdout.splitlines()]
    said = {line[0]: line[1] for line in lines if len(line) == 2}
    assert said["quota"].startswith(stays)
    assert said["growing"].startswith(grows)
    cost = json.loads(shell.run(f"bulk check x.csv --json {options}").stdout)["cost"]
    assert cost["days"] == int(stays.split()[0])
    assert cost["growing"]["days"] == int(grows.split()[0])


def test_nothing_is_told_of_growth_where_nobody_is_expected_to_link(shell: Shell) -> None:
    """There is nothing to tell."""
    shell.customers(10)
    assert "growing" not in shell.run("bulk check x.csv --linking 0").stdout


@pytest.mark.parametrize("options", ["--linking 101", "--linking x", "--linking -1", "--within 0", "--linked -1"])
def test_what_cannot_be_expected_is_refused(shell: Shell, options: str) -> None:
    """With the option that is wrong."""
    shell.customers(1)
    ended = shell.run(f"bulk check x.csv {options}")
    assert ended.returncode == 2
    assert options.split()[0] in ended.stderr
