"""The operations over a real socket."""

from __future__ import annotations

from uuid import UUID, uuid4

import httpx
import pytest
from support.http_client import HTTP

from acceptance.sandbox.client import Connect, Launch, authorization, authorize, new_company, new_connection, stats
from bulk.sandbox.launch import Running


def test_a_company_is_returned_as_codat_stores_it(api: httpx.Client) -> None:
    """Codat removes characters from the name, keeps tags and description, and assigns a UUID."""
    sent = {"name": "Café (1)", "description": "d", "tags": {"uid": "a=b&&c"}}
    company = api.post("/companies", json=sent).json()
    assert UUID(company["id"])
    assert (company["name"], company["description"], company["tags"]) == ("Caf 1", "d", {"uid": "a=b&&c"})
    assert company["redirect"].startswith(str(api.base_url))
    assert company["dataConnections"] == []


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({}, 401),
        (authorization("wrong"), 401),
        ({"Authorization": "Basic sandbox-key"}, 401),  # not encoded
        ({"Authorization": authorization()["Authorization"].replace("Basic", "Bearer")}, 401),
    ],
)
def test_a_wrong_key_is_refused(shared: Running, header: dict[str, str], status: int) -> None:
    """The status is 401."""
    answer = HTTP.get(shared.base_url + "/companies", headers=header)
    assert answer.status_code == status
    assert answer.json()["statusCode"] == status


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"name": ""}', b'{"name": "A", "tags": {"k": 1}}'])
def test_a_wrong_body_is_refused_with_codats_error(api: httpx.Client, body: bytes) -> None:
    """The status is 400, and the error contains the correlationId that support asks for."""
    answer = api.post("/companies", content=body)
    error = answer.json()
    assert answer.status_code == error["statusCode"] == 400
    assert error["correlationId"]
    assert error["service"]
    assert error["canBeRetried"] == "False"


def test_an_error_names_the_wrong_tag(api: httpx.Client) -> None:
    """The error's validation part has the tag's key."""
    answer = api.post("/companies", json={"name": "A", "tags": {"k": "v" * 101}})
    assert answer.json()["validation"]["errors"][0]["itemId"] == "tags.k"


def test_companies_are_found_by_tag(api: httpx.Client) -> None:
    """The operators are =, != and ~, joined by &&."""
    batch = uuid4().hex
    first, second = (new_company(api, tags={"uid": f"cust_{n}", "batch": batch}) for n in (1, 2))

    def found(tags: str) -> list[str]:
        return [each["id"] for each in api.get("/companies", params={"tags": tags}).json()["results"]]

    assert found(f"batch={batch}") == [first, second]
    assert found(f"batch={batch}&&uid=cust_2") == [second]
    assert found(f"batch={batch}&&uid!=cust_2") == [first]
    assert found(f"batch={batch}&&uid~UST") == [first, second]
    assert found("uid=nobody") == []


@pytest.mark.parametrize(
    "params",
    [
        {"tags": "uid"},
        {"tags": "uid=a=b"},
        {"tags": "uid>1"},
        {"query": "name=Acme"},  # Codat can read this; the sandbox must not return the whole list
        {"orderBy": "name"},
        {"page": "0"},
        {"page": "x"},
        {"pageSize": "5001"},
        {"pageSize": "-1"},
    ],
)
def test_a_list_with_an_unreadable_filter_is_rejected(api: httpx.Client, params: dict[str, str]) -> None:
    """The status is 400. The sandbox does not return the whole list."""
    assert api.get("/companies", params=params).status_code == 400


def test_pages_lead_from_one_to_the_next(launch: Launch, connect: Connect) -> None:
    """Links are relative, and pages are in order of creation. A large page is cut; a company added later is listed."""
    api = connect(launch(max_page_size=2))
    ids = [new_company(api, tags={"batch": "b"}) for _ in range(3)]
    path, seen = "/companies?pageSize=5000&tags=batch%3Db", []
    for number in (1, 2):
        page = api.get(path).json()
        assert (page["pageNumber"], page["pageSize"]) == (number, 2)
        seen += [each["id"] for each in page["results"]]
        if number == 1:
            ids.append(new_company(api, tags={"batch": "b"}))
            path = page["_links"]["next"]["href"]
            assert path.startswith("/companies?")
    assert seen == ids
    assert "next" not in page["_links"]
    assert api.get(page["_links"]["previous"]["href"]).json()["pageNumber"] == 1
    assert page["totalResults"] == 4


def test_a_company_has_one_accounting_connection(api: httpx.Client, shared: Running) -> None:
    """The sandbox refuses and counts a second one."""
    company = new_company(api)
    connection = new_connection(api, company, "qhyg")
    assert connection["status"] == "PendingAuth"
    assert connection["sourceType"] == "Accounting"
    assert connection["integrationKey"] == "qhyg"
    before = stats(shared)["refused_second_connections"]
    again = api.post(f"/companies/{company}/connections", json={"platformKey": "gbol"})
    assert again.status_code == 400
    assert stats(shared)["refused_second_connections"] == before + 1


def test_a_second_connection_can_be_allowed(launch: Launch, connect: Connect) -> None:
    """Then a test can see the duplicates that a faulty client makes."""
    running = launch(second_connection="allow")
    api = connect(running)
    company = new_company(api, tags={"uid": "1"})
    new_connection(api, company)
    new_connection(api, company)
    new_company(api, tags={"uid": "1"})
    assert stats(running)["duplicates"] == {"companies": 1, "accounting_connections": 1, "partner_connections": 0}


@pytest.mark.parametrize("platform", ["zzzz", "", None, 7])
def test_an_unknown_platform_is_refused(api: httpx.Client, platform: object) -> None:
    """The sandbox accepts only the keys of the integrations list."""
    answer = api.post(f"/companies/{new_company(api)}/connections", json={"platformKey": platform})
    assert answer.status_code == 400


def test_a_platform_that_is_not_enabled_is_refused(launch: Launch, connect: Connect) -> None:
    """The list says that it is not enabled, and a connection is refused."""
    api = connect(launch(disabled_platform=("gbol",)))
    query = {"query": "sourceType=Accounting&&enabled=true", "pageSize": "100"}
    keys = {each["key"] for each in api.get("/integrations", params=query).json()["results"]}
    assert {"trji", "fbrh", "akxx", "pqsw", "qhyg"} <= keys
    assert "gbol" not in keys
    answer = api.post(f"/companies/{new_company(api)}/connections", json={"platformKey": "gbol"})
    assert answer.status_code == 400


def test_reading_a_connection_renews_its_link(api: httpx.Client) -> None:
    """Get connection and List connections issue a new link; the company list shows it without its password."""
    company = new_company(api, tags={"uid": (uid := uuid4().hex)})
    made = new_connection(api, company)
    got = api.get(f"/companies/{company}/connections/{made['id']}").json()
    listed = api.get(f"/companies/{company}/connections").json()["results"][0]
    shown = api.get("/companies", params={"tags": f"uid={uid}"}).json()["results"][0]["dataConnections"][0]
    assert made["linkUrl"].split("=")[0] == got["linkUrl"].split("=")[0]
    assert HTTP.get(made["linkUrl"]).status_code == 401
    assert HTTP.get(listed["linkUrl"]).status_code == 200
    assert shown["linkUrl"] == listed["linkUrl"].split("?")[0]
    assert HTTP.get(shown["linkUrl"]).status_code == 401


def test_the_partner_connection_needs_a_linked_company(api: httpx.Client) -> None:
    """The status is 400 until the customer has authorized. After that, the expense connection is linked at once."""
    company = new_company(api)
    connection = new_connection(api, company)
    path = f"/companies/{company}/sync/expenses/connections/partnerExpense"
    assert api.post(path).status_code == 400
    authorize(connection)
    partner = api.post(path).json()
    assert (partner["status"], partner["sourceType"]) == ("Linked", "Expense")


def test_only_a_linked_connection_can_be_unlinked(api: httpx.Client) -> None:
    """PendingAuth and Unlinked connections cannot. After the unlink, another connection may be created."""
    company = new_company(api)
    connection = new_connection(api, company)
    path = f"/companies/{company}/connections/{connection['id']}"
    assert api.patch(path, json={"status": "Unlinked"}).status_code == 400
    authorize(connection)
    assert api.patch(path, json={"status": "Linked"}).status_code == 400
    assert api.patch(path, json={"status": "Unlinked"}).json()["status"] == "Unlinked"
    assert api.patch(path, json={"status": "Unlinked"}).status_code == 400
    new_connection(api, company)


def test_a_deleted_company_is_gone_with_its_connections(api: httpx.Client) -> None:
    """The status is 204, and 404 after that."""
    company = new_company(api, tags={"uid": (uid := uuid4().hex)})
    connection = new_connection(api, company)
    path = f"/companies/{company}"
    assert api.delete(path).status_code == 204
    gone = [path, path + "/connections", f"{path}/connections/{connection['id']}"]
    assert [api.get(each).status_code for each in gone] == [404, 404, 404]
    assert api.delete(path).status_code == 404
    assert api.get("/companies", params={"tags": f"uid={uid}"}).json()["totalResults"] == 0


def test_an_unknown_address_is_codats_404(api: httpx.Client) -> None:
    """The response to an address that Codat does not have is JSON."""
    assert api.get("/nowhere").json()["statusCode"] == 404


def test_a_linked_connection_that_is_deleted_lowers_the_quota(launch: Launch, connect: Connect) -> None:
    """It no longer counts as an active connected company."""
    running = launch(daily_limit=100)
    api = connect(running)
    company = new_company(api)
    connection = new_connection(api, company)
    authorize(connection)
    assert api.get("/companies").headers["X-Rate-Limit-Limit"] == "200"
    HTTP.delete(f"{running.base_url}/_sandbox/connections/{connection['id']}").raise_for_status()
    assert api.get("/companies").headers["X-Rate-Limit-Limit"] == "100"


def test_a_test_can_delete_as_people_do_in_the_portal(api: httpx.Client, shared: Running) -> None:
    """The handles need no key and are not counted. Afterwards the company can have another connection."""
    company = new_company(api)
    connection = new_connection(api, company)
    handle = shared.base_url + "/_sandbox"
    before = stats(shared)["requests_total"]
    assert HTTP.delete(f"{handle}/connections/{connection['id']}").status_code == 200
    assert HTTP.delete(f"{handle}/connections/{connection['id']}").status_code == 404
    assert stats(shared)["requests_total"] == before
    assert api.get(f"/companies/{company}/connections/{connection['id']}").status_code == 404
    assert api.get(f"/companies/{company}").json()["dataConnections"] == []
    new_connection(api, company)
    assert HTTP.delete(f"{handle}/companies/{company}").status_code == 200
    assert HTTP.delete(f"{handle}/companies/{company}").status_code == 404
    assert api.get(f"/companies/{company}").status_code == 404
