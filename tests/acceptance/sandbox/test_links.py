"""The pages behind a linkUrl, as a customer's browser gets them."""

from __future__ import annotations

import httpx
import pytest
from support.http_client import HTTP

from acceptance.sandbox.client import Connect, Launch, advance, authorize, new_company, new_connection
from bulk.sandbox.launch import Running


def status_of(api: httpx.Client, company: str) -> str:
    """Return the status of the company's first connection, without renewing its link."""
    return str(api.get(f"/companies/{company}").json()["dataConnections"][0]["status"])


def test_opening_the_page_does_not_use_up_the_link(api: httpx.Client) -> None:
    """The page names the company and the software, has two buttons, and can be opened again."""
    company = new_company(api, name="Fish & Chips, O'Brien's")
    link = new_connection(api, company, "qhyg")["linkUrl"]
    assert link[-11:-6] == "?otp="
    assert link[-6:].isdigit()
    pages = [HTTP.get(link) for _ in range(2)]
    assert [page.status_code for page in pages] == [200, 200]
    assert "Fish &amp; Chips, O&#x27;Brien&#x27;s" in pages[0].text
    assert "QuickBooks Online" in pages[0].text
    assert pages[0].text.count("<button") == 2
    assert '<html lang="en">' in pages[0].text
    assert "script" not in pages[0].text
    assert status_of(api, company) == "PendingAuth"


def test_authorizing_links_the_connection_and_uses_up_the_link(api: httpx.Client) -> None:
    """A second use gets a 401 with a readable page, and does not change the connection."""
    company = new_company(api)
    connection = new_connection(api, company)
    authorize(connection)
    assert status_of(api, company) == "Linked"
    again = HTTP.get(connection["linkUrl"])
    assert again.status_code == 401
    assert "no longer works" in again.text
    assert HTTP.post(connection["linkUrl"], data={"decision": "decline"}).status_code == 401
    assert status_of(api, company) == "Linked"


def test_declining_leaves_the_connection_pending_with_an_error(api: httpx.Client) -> None:
    """The error gives the reason. With a new link the customer can authorize."""
    company = new_company(api)
    connection = new_connection(api, company)
    assert HTTP.post(connection["linkUrl"], data={"decision": "decline"}).status_code == 200
    assert HTTP.get(connection["linkUrl"]).status_code == 401
    shown = api.get(f"/companies/{company}/connections/{connection['id']}").json()
    assert shown["status"] == "PendingAuth"
    assert "declined" in shown["dataConnectionErrors"][0]["errorMessage"]
    authorize(shown)
    assert status_of(api, company) == "Linked"


@pytest.mark.parametrize(("seconds", "status"), [(86_000, 200), (86_400, 401)])
def test_a_link_is_valid_for_a_day(launch: Launch, connect: Connect, seconds: float, status: int) -> None:
    """After that it gets a 401 even if unused. Get connection renews it."""
    running = launch()
    api = connect(running)
    company = new_company(api)
    connection = new_connection(api, company)
    advance(running, seconds)
    assert HTTP.get(connection["linkUrl"]).status_code == status
    fresh = api.get(f"/companies/{company}/connections/{connection['id']}").json()
    assert HTTP.get(fresh["linkUrl"]).status_code == 200


def test_the_lifetime_of_a_link_can_be_shorter(launch: Launch, connect: Connect) -> None:
    """The older pages give an hour: `--link-lifetime 3600`."""
    running = launch(link_lifetime=3600.0)
    api = connect(running)
    connection = new_connection(api, new_company(api))
    advance(running, 3600)
    assert HTTP.get(connection["linkUrl"]).status_code == 401


def test_a_guessed_password_opens_nothing(shared: Running, api: httpx.Client) -> None:
    """Another company's address and a form without a valid decision have no effect either."""
    company = new_company(api)
    connection = new_connection(api, company)
    link, otp = connection["linkUrl"].split("?otp=")
    wrong = "000000" if otp != "000000" else "000001"
    other = f"{shared.base_url}/link/companies/{new_company(api)}/connections/{connection['id']}/start"
    assert HTTP.get(f"{link}?otp={wrong}").status_code == 401
    assert HTTP.get(link).status_code == 401
    assert HTTP.get(f"{other}?otp={otp}").status_code == 401
    assert HTTP.post(connection["linkUrl"], data={"decision": "perhaps"}).status_code == 400
    assert status_of(api, company) == "PendingAuth"


def test_a_customer_can_select_other_software(shared: Running, api: httpx.Client) -> None:
    """The link's page and the company's redirect lead to the page. The requested connection stays pending."""
    company = new_company(api, name="Fish & Chips")
    requested = new_connection(api, company, "gbol")
    redirect = api.get(f"/companies/{company}").json()["redirect"]
    assert redirect.removeprefix(shared.base_url) in HTTP.get(requested["linkUrl"]).text
    page = HTTP.get(redirect)
    assert page.status_code == 200
    assert "Fish &amp; Chips" in page.text
    assert '<option value="qhyg">QuickBooks Online</option>' in page.text
    assert HTTP.post(redirect, data={"platformKey": "zzzz"}).status_code == 400
    assert HTTP.post(redirect, data={"platformKey": "qhyg"}).status_code == 200
    shown = api.get(f"/companies/{company}").json()["dataConnections"]
    assert [(each["integrationKey"], each["status"]) for each in shown] == [
        ("gbol", "PendingAuth"),
        ("qhyg", "Linked"),
    ]
    assert HTTP.post(redirect, data={"platformKey": "pqsw"}).status_code == 409
    assert HTTP.get(redirect).status_code == 409


def test_selecting_the_requested_software_creates_no_second_connection(api: httpx.Client) -> None:
    """Selecting it again after an unlink creates none either."""
    company = new_company(api)
    path = f"/companies/{company}/connections/{new_connection(api, company, 'gbol')['id']}"
    redirect = api.get(f"/companies/{company}").json()["redirect"]
    for _ in range(2):
        assert HTTP.post(redirect, data={"platformKey": "gbol"}).status_code == 200
        assert status_of(api, company) == "Linked"
        api.patch(path, json={"status": "Unlinked"}).raise_for_status()
    assert len(api.get(f"/companies/{company}").json()["dataConnections"]) == 1


def test_a_customer_can_select_only_enabled_software(launch: Launch, connect: Connect) -> None:
    """The page does not offer other software. An unknown company has no page."""
    running = launch(disabled_platform=("akxx",))
    company = new_company(connect(running))
    redirect = f"{running.base_url}/link/companies/{company}/start"
    assert "NetSuite" not in HTTP.get(redirect).text
    assert HTTP.post(redirect, data={"platformKey": "akxx"}).status_code == 400
    assert HTTP.post(redirect, data={"platformKey": "qhyg"}).status_code == 200
    assert HTTP.get(redirect.replace(company, "0")).status_code == 404
