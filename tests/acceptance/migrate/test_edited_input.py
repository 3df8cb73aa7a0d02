"""The input is edited between two runs: the counts of new, same, changed and gone rows, and the state of Codat."""

from __future__ import annotations

from support.runs import BatchFixture, Codat, row


def _rows(fixture: BatchFixture, number: int) -> list[dict[str, str]]:
    return [row(f"{fixture.path.name}-{n}", n) for n in range(number)]


def test_a_rerun_counts_new_same_changed_and_gone_rows(codat: Codat, fixture: BatchFixture) -> None:
    """Customers are known by their identifier wherever their rows have moved."""
    rows = _rows(fixture, 10)
    fixture.write(rows)
    assert fixture.run().code == 0
    assert fixture.summary()["rows"] == {"new": 10, "same": 0, "changed": 0, "gone": 0}
    gone, changed = rows[0], rows[9]
    changed["email"] = "new@example.com"
    edited = [row(f"{fixture.path.name}-new"), *reversed(rows[1:])]
    fixture.write(edited)
    codat.count_from_zero()

    ended = fixture.run()

    assert ended.code == 0
    assert fixture.summary()["rows"] == {"new": 1, "same": 8, "changed": 1, "gone": 1}
    assert "1 new, 8 same, 1 changed, 1 gone" in ended.err
    assert codat.stats()["requests"] == {"list_companies": 1, "create_company": 1, "create_connection": 1}
    results = fixture.results()
    ids = [each["customer_id"] for each in edited]
    assert [result["customer_id"] for result in results] == [*ids, gone["customer_id"]]
    assert [result["row"] for result in results] == [*(str(n) for n in range(1, 11)), ""]
    assert next(r["email"] for r in results if r["customer_id"] == changed["customer_id"]) == "new@example.com"
    assert gone["customer_id"] not in {link["customer_id"] for link in fixture.table("links.csv")}


def test_values_that_codat_already_has_stay_and_the_differences_are_listed(codat: Codat, fixture: BatchFixture) -> None:
    """A name or platform that changes after it was sent costs no request. Changed back, it is not a difference."""
    rows = _rows(fixture, 3)
    original = [dict(each) for each in rows]
    fixture.write(rows)
    assert fixture.run().code == 0
    rows[0]["company_name"] = "Renamed Ltd"
    rows[1]["platform"] = "FreeAgent"
    fixture.write(rows)
    codat.count_from_zero()

    assert fixture.run().code == 0

    assert codat.stats()["requests_total"] == 0
    differences = {
        (d["customer_id"], d["field"], d["in_codat"], d["in_input"]) for d in fixture.table("differences.csv")
    }
    assert differences == {
        (rows[0]["customer_id"], "company_name", original[0]["company_name"], "Renamed Ltd"),
        (rows[1]["customer_id"], "platform", "qhyg", "fbrh"),
    }
    fixture.write(original)
    assert fixture.run().code == 0
    assert not (fixture.folder / "differences.csv").exists()


def test_customers_that_were_not_sent_yet_get_the_new_values(codat: Codat, fixture: BatchFixture) -> None:
    """A customer beyond --limit is renamed before its turn comes."""
    rows = _rows(fixture, 3)
    fixture.write(rows)
    assert fixture.run("--limit", "1").code == 0
    rows[2]["company_name"] = "Better Name"
    fixture.write(rows)

    assert fixture.run().code == 0

    assert "Better Name" in {company["name"] for company in codat.companies()}
    assert not (fixture.folder / "differences.csv").exists()
    fixture.assert_once_only([each["customer_id"] for each in rows])


def test_another_file_adds_to_the_batch_and_removes_no_customer(codat: Codat, fixture: BatchFixture) -> None:
    """A second file with --batch adds its own customers; those of the first stay unchanged."""
    rows = _rows(fixture, 5)
    fixture.write(rows[:3])
    assert fixture.run().code == 0
    more = fixture.write(rows[3:], name="more.csv")
    codat.count_from_zero()

    assert fixture.run("--batch", "customers", path=more).code == 0

    assert codat.stats()["requests"] == {"list_companies": 1, "create_company": 2, "create_connection": 2}
    assert fixture.summary()["rows"]["gone"] == 0
    fixture.assert_once_only([each["customer_id"] for each in rows])


def test_a_customer_in_two_batches_is_adopted_and_not_created_again(codat: Codat, fixture: BatchFixture) -> None:
    """A second batch with some of the same customers finds them by their tags."""
    rows = _rows(fixture, 4)
    fixture.write(rows)
    assert fixture.run().code == 0
    codat.count_from_zero()

    assert fixture.run("--batch", "again").code == 0

    assert codat.stats()["requests"] == {"get_sync_settings": 1, "list_companies": 1, "get_connection": 4}


def test_corrected_rejects_with_retry_failed_include_failed_customers(codat: Codat, fixture: BatchFixture) -> None:
    """Failed customers are requested again together with the corrected ones."""
    rows = _rows(fixture, 4)
    rows[1]["platform"] = "Sage"
    fixture.write(rows)
    codat.inject_faults({"operations": ["create_company"], "kind": "400", "count": 1})
    assert fixture.run().code == 1
    codat.clear_faults()
    assert fixture.states() == {"failed": 1, "link_ready": 2, "rejected": 1}
    corrected = fixture.write(
        [each | {"platform": "xero"} for each in fixture.table("rejects.csv")], name="corrected.csv"
    )
    codat.count_from_zero()

    assert fixture.run("--batch", fixture.name, "--retry-failed", path=corrected).code == 0

    assert codat.posts() == 4
    fixture.assert_once_only([each["customer_id"] for each in rows])


def test_a_failed_customer_whose_row_is_corrected_is_requested_again(codat: Codat, fixture: BatchFixture) -> None:
    """The corrected row may be in another file. A new email alone is not a correction."""
    rows = _rows(fixture, 2)
    fixture.write(rows)
    codat.inject_faults({"operations": ["create_company"], "kind": "400", "count": 1})
    assert fixture.run("--limit", "1").code == 1
    codat.clear_faults()
    assert fixture.run().code == 1
    codat.count_from_zero()
    more = fixture.write([rows[0] | {"email": "new@example.com"}], name="more.csv")
    assert fixture.run("--batch", fixture.name, path=more).code == 1
    assert codat.stats()["requests_total"] == 0
    fixture.write([rows[0] | {"company_name": "Better Name"}], name="more.csv")

    assert fixture.run("--batch", fixture.name, path=more).code == 0

    assert codat.posts() == 2
    fixture.assert_once_only([each["customer_id"] for each in rows])


def test_rejects_may_return_in_part_twice_and_with_other_reasons(codat: Codat, fixture: BatchFixture) -> None:
    """Missing rows stay rejected, finished rows are not requested again, and the reasons are not read."""
    rows = _rows(fixture, 5)
    for each in rows[1:4]:
        each["platform"] = "Sage"
    fixture.write(rows)
    assert fixture.run().code == 1
    rejects = fixture.table("rejects.csv")
    codat.count_from_zero()
    edited = [
        rejects[0] | {"platform": "xero", "reasons": "corrected; customer_id is fine"},
        rejects[2] | {"reasons": ""},
    ]
    corrected = fixture.write(edited, name="corrected.csv")

    for _ in range(2):
        assert fixture.run("--batch", fixture.name, path=corrected).code == 1
        assert codat.posts() == 2
        assert [each["state"] for each in fixture.results()] == [
            *("link_ready", "link_ready", "rejected", "rejected", "link_ready")
        ]
        assert fixture.table("rejects.csv") == rejects[1:]


def test_the_advice_for_another_file_names_the_folder(codat: Codat, fixture: BatchFixture) -> None:
    """A batch keeps its name in Codat when its folder is renamed, but --batch names the folder."""
    fixture.customers(1)
    assert fixture.run("--batch", "autumn").code == 0
    (fixture.folder.parent / "autumn").rename(fixture.folder)
    (fixture.path / "other").mkdir()
    codat.count_from_zero()
    refused = fixture.run(path=fixture.write([row("another", 1)], name=f"other/{fixture.input.name}"))
    assert (refused.code, codat.stats()["requests_total"]) == (2, 0)
    refused.assert_one_error("The batch customers was created from another file", "Pass --batch customers if")
