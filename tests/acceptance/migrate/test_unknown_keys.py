"""A word of four letters is a platformKey only if Codat lists it or --platform-name says so.

`abcd` is a platform of the sandbox that bulk does not know.
"""

from __future__ import annotations

import json

import pytest
from support.runs import BatchFixture, Codat, row

QUESTION = "list_integrations"


def write(fixture: BatchFixture, *platforms: str, name: str | None = None) -> list[str]:
    """Write an input with a customer of each of these platforms; return their identifiers."""
    ids = [f"{fixture.path.name}-{name or ''}{n}" for n, _ in enumerate(platforms)]
    fixture.write(
        [row(each, n) | {"platform": platform} for n, (each, platform) in enumerate(zip(ids, platforms, strict=True))],
        name=name,
    )
    return ids


def states(fixture: BatchFixture) -> list[str]:
    """Return the states of the customers in the order of the input."""
    return [each["state"] for each in fixture.results()]


def test_one_request_decides_about_all_unknown_keys(codat: Codat, fixture: BatchFixture) -> None:
    """The rows without a platform are rejected with the remedies. The same file costs no further request."""
    write(fixture, "Zero", "abcd", "Xero", "Yuki")
    assert fixture.run().code == 1
    assert codat.stats()["requests"][QUESTION] == 1
    assert states(fixture) == ["rejected", "link_ready", "link_ready", "rejected"]
    reasons = [each["reasons"] for each in fixture.table("rejects.csv")]
    assert 'Codat does not list the platformKey "zero"' in reasons[0]
    assert 'Codat does not list the platformKey "yuki"' in reasons[1]
    assert 'write "Xero", or confirm the key with --platform-name zero=zero' in reasons[0]

    codat.count_from_zero()
    assert fixture.run().code == 1
    assert codat.stats()["requests_total"] == 0


def test_a_file_with_known_keys_asks_nothing(codat: Codat, fixture: BatchFixture) -> None:
    """Nor does one whose keys --platform-name confirms, or Codat has confirmed for the batch."""
    write(fixture, "gbol", "Wave")
    assert fixture.run().code == 0
    assert QUESTION not in codat.stats()["requests"]

    write(fixture, "gbol", "Wave", "abcd")
    assert fixture.run("--platform-name", "ABCD=abcd").code == 0
    assert QUESTION not in codat.stats()["requests"]

    write(fixture, "zero", name="more.csv")
    assert fixture.run("--batch", fixture.name, path=fixture.path / "more.csv").code == 1
    write(fixture, "abcd", name="others.csv")
    assert fixture.run("--batch", fixture.name, path=fixture.path / "others.csv").code == 1
    assert codat.stats()["requests"][QUESTION] == 1


def test_a_platform_name_is_remembered(codat: Codat, fixture: BatchFixture) -> None:
    """A rerun need not repeat it. Another one is added, and one with the same name replaces it."""
    write(fixture, "Sage 50", "My Books", "Xero")
    assert fixture.run("--platform-name", "Sage 50=knfz").code == 1
    assert states(fixture) == ["link_ready", "rejected", "link_ready"]
    codat.count_from_zero()

    assert fixture.run().code == 1
    assert codat.stats()["requests_total"] == 0
    checked = fixture.start("--batch", fixture.name, command="check", path=fixture.input).wait()
    assert "3 rows, 2 accepted, 1 rejected" in checked.out

    assert fixture.run("--platform-name", "my books=rwuv").code == 0
    assert states(fixture) == ["link_ready"] * 3

    write(fixture, "Sage 50", "My Books", "Xero", "sage-50")
    assert fixture.run("--platform-name", "SAGE50=tgff").code == 0
    (names,) = fixture.query_journal("SELECT value FROM batch WHERE key = 'platform_names'")
    assert json.loads(names[0]) == {"my books": "rwuv", "SAGE50": "tgff"}
    keys = fixture.query_journal("SELECT platform_sent FROM customers ORDER BY row")
    assert [key for (key,) in keys] == ["knfz", "rwuv", "gbol", "tgff"]


@pytest.mark.parametrize(
    ("fault", "code", "message"),
    [
        ({"kind": "401"}, 3, "401"),
        ({"kind": "400"}, 75, "rejected the request for its integrations, which may confirm the platformKey zero"),
        ({"kind": "blocked"}, 75, "firewall"),
    ],
    ids=["key refused", "rejected", "blocked"],
)
def test_nothing_is_enrolled_until_codat_has_responded(
    codat: Codat, fixture: BatchFixture, fault: dict[str, object], code: int, message: str
) -> None:
    """The same command asks again and finishes."""
    write(fixture, "Xero", "Zero")
    codat.inject_faults(fault | {"operations": [QUESTION]})
    ended = fixture.run()
    assert ended.code == code
    assert message in ended.err
    assert codat.posts() == 0
    assert fixture.query_journal("SELECT * FROM customers") == []

    codat.clear_faults()
    assert fixture.run().code == 1
    assert states(fixture) == ["link_ready", "rejected"]


@pytest.mark.parametrize(
    "fault", [{"kind": "429", "seconds": 1}, {"kind": "5xx_before"}, {"kind": "html_200"}], ids=str
)
def test_a_fault_is_repeated(codat: Codat, fixture: BatchFixture, fault: dict[str, object]) -> None:
    """As for any other request."""
    write(fixture, "abcd")
    codat.inject_faults(fault | {"operations": [QUESTION], "count": 2})
    assert fixture.run().code == 0
    assert codat.stats()["requests"][QUESTION] == 3
    assert states(fixture) == ["link_ready"]


def test_a_sent_customer_keeps_its_platform(codat: Codat, fixture: BatchFixture) -> None:
    """An edited row with a key that Codat does not list is rejected, and the customer in Codat does not change."""
    (customer_id,) = write(fixture, "Xero")
    assert fixture.run().code == 0
    fixture.write([row(customer_id, 0) | {"platform": "zero"}])
    fixture.run()
    assert states(fixture) == ["link_ready"]
    assert fixture.table("rejects.csv")[0]["customer_id"] == customer_id
    assert codat.posts() == 2
