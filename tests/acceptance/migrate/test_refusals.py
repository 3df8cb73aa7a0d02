"""Rejections by Codat: of all requests (401, 403, 402) or of one customer (400, 404, 422)."""

from __future__ import annotations

import pytest
from support.run_fixtures import Launch, SetUp
from support.runs import PLATFORMS, BatchFixture, Codat, row

CONCURRENCY = 4


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "refused the API key (401)"), (403, "no access (403)"), (402, "account limit is reached (402)")],
)
def test_a_rejection_of_all_requests_stops_the_run_at_once(
    status: int, message: str, launch: Launch, set_up: SetUp
) -> None:
    """It exits with 3. At most the requests in flight follow, no customer has failed, and a later run continues."""
    codat = launch(latency=0.05)
    fixture = set_up(codat)
    ids = fixture.customers(40)
    codat.inject_faults({"kind": str(status), "operations": ["create_company"], "after": 10})

    ended = fixture.run("--concurrency", str(CONCURRENCY))

    assert ended.code == 3
    assert message in ended.err
    assert codat.stats()["statuses"][str(status)] <= CONCURRENCY
    log = codat.log()
    first = next(n for n, entry in enumerate(log) if entry["status"] == status)
    assert len(log) - first <= 2 * CONCURRENCY
    assert "failed" not in fixture.states()
    codat.clear_faults()
    assert fixture.run().code == 0
    fixture.assert_once_only(ids)


@pytest.mark.parametrize(("status", "requests"), [(401, 1), (403, 2)])
def test_a_wrong_key_is_found_by_the_first_requests(
    status: int, requests: int, codat: Codat, fixture: BatchFixture
) -> None:
    """The key is unknown, or it has no access to the companies. Access to the client's settings is not needed."""
    if status == 401:
        fixture.key = "unknown-key"
    else:
        codat.inject_faults({"kind": "403"})
    fixture.customers(10)

    ended = fixture.run()

    assert ended.code == 3
    assert f"({status})" in ended.err
    assert codat.stats()["requests_total"] == requests
    assert fixture.states() == {"pending": 10}


def test_an_account_limit_keeps_the_created_companies_in_the_reports(launch: Launch, set_up: SetUp) -> None:
    """The companies created before the 402 keep their links; the others are pending, not failed."""
    codat = launch(max_companies=5)
    fixture = set_up(codat)
    fixture.customers(9)

    ended = fixture.run()

    assert ended.code == 3
    assert "Company limit exceeded" in ended.err
    assert len(codat.companies()) == 5
    assert {r["company_id"] for r in fixture.results() if r["company_id"]} == {c["id"] for c in codat.companies()}
    assert "failed" not in fixture.states()


@pytest.mark.parametrize("operation", ["create_company", "create_connection"])
@pytest.mark.parametrize("status", [400, 404])
def test_a_rejected_customer_fails_and_is_not_requested_again(
    status: int, operation: str, codat: Codat, fixture: BatchFixture
) -> None:
    """The others continue, the report has its correlation id, and only --retry-failed repeats the request."""
    ids = fixture.customers(5)
    codat.inject_faults({"kind": str(status), "operations": [operation], "count": 1, "after": 2})

    ended = fixture.run("--concurrency", "1")

    assert ended.code == 1
    (failed,) = [result for result in fixture.results() if result["state"] == "failed"]
    assert failed["customer_id"] == ids[2]
    assert failed["error_step"] == operation.removeprefix("create_")
    assert failed["error_code"] == str(status)
    assert "A fault of the sandbox" in failed["error"]
    assert failed["correlation_id"]
    codat.clear_faults()
    codat.count_from_zero()

    assert fixture.run().code == 1
    assert codat.stats()["requests_total"] == 0

    assert fixture.run("--retry-failed").code == 0
    fixture.assert_once_only(ids)


def test_a_platform_that_is_not_enabled_fails_the_row(launch: Launch, set_up: SetUp) -> None:
    """It is an error of the row. Once the input is corrected, the connection is requested again."""
    codat = launch(disabled_platform=("qhyg",))
    fixture = set_up(codat)
    fixture.customers(3)
    rows = [row("good"), row("bad", platform="qbo"), row("fine")]
    rows = [each | {"customer_id": f"{fixture.path.name}-{each['customer_id']}"} for each in rows]
    fixture.write(rows)

    assert fixture.run().code == 1
    (failed,) = [result for result in fixture.results() if result["state"] == "failed"]
    assert failed["error_code"] == "400"
    assert "not known or not enabled" in failed["error"]
    codat.count_from_zero()
    rows[1]["platform"] = PLATFORMS[0]
    fixture.write(rows)

    assert fixture.run().code == 0
    assert codat.stats()["requests"] == {"list_companies": 1, "create_connection": 1}
    fixture.assert_once_only([each["customer_id"] for each in rows])


@pytest.mark.parametrize("share", ["3", "10%"])
def test_too_many_failures_stop_the_run(share: str, codat: Codat, fixture: BatchFixture) -> None:
    """With --max-failures it ends with 1 soon after the fourth; a rerun continues with the others."""
    fixture.customers(30)
    codat.inject_faults({"kind": "400", "operations": ["create_company"], "count": 20})

    ended = fixture.run("--concurrency", "2", "--max-failures", share)

    assert ended.code == 1
    assert "--max-failures" in ended.err
    assert 4 <= fixture.states()["failed"] <= 6
    assert fixture.states()["pending"] >= 24
    codat.clear_faults()
    failed = fixture.states()["failed"]
    assert fixture.run().code == 1
    assert fixture.states() == {"failed": failed, "link_ready": 30 - failed}
