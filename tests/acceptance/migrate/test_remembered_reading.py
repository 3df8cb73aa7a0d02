"""How a table is read is said once: the batch remembers --encoding, --skip-rows, --comment, --set, --sheet, --map."""

from __future__ import annotations

import shlex

from support.runs import BatchFixture, Codat
from support.workbooks import workbook

TABLE = "List of customers\n\ncustomer_id,company_name,platform,email\n{0}1,Société Noël,Xero,\n#{0}2,Bolt,Xero,\n"
OPTIONS = ("--encoding", "macroman", "--skip-rows", "2", "--comment", "#")


def test_a_rerun_reads_the_file_in_the_same_way(codat: Codat, fixture: BatchFixture) -> None:
    """Also `check --batch` does, and `migrate` with another file for the batch. Another value replaces the old one."""
    fixture.input.write_bytes(TABLE.format(fixture.path.name).encode("mac_roman"))
    refused = fixture.run()
    assert refused.code == 2
    assert '--encoding mac_roman reads "Société" and "Noël"' in refused.err
    refused = fixture.run(*OPTIONS[:2])
    assert refused.code == 2
    assert "line 3 looks like the header: add --skip-rows 2" in refused.err

    assert fixture.run(*OPTIONS).code == 0
    assert [each["company_name"] for each in fixture.results()] == ["Société Noël"]
    codat.count_from_zero()
    assert fixture.run().code == 0
    assert codat.stats()["requests_total"] == 0
    checked = fixture.start("--batch", fixture.name, command="check", path=fixture.input).wait()
    assert "1 row, 1 accepted, 0 rejected" in checked.out

    other = fixture.path / "more.csv"
    other.write_bytes(TABLE.format(f"{fixture.path.name}b").encode("mac_roman"))
    assert fixture.run("--batch", fixture.name, path=other).code == 0
    assert len(fixture.results()) == 2
    assert fixture.run("--comment", "").code == 0
    assert len(fixture.results()) == 3


def test_the_next_command_of_check_has_the_options(codat: Codat, fixture: BatchFixture) -> None:  # noqa: ARG001 - the server
    """It can be pasted."""
    fixture.input.write_bytes(TABLE.format(fixture.path.name).encode("mac_roman"))
    checked = fixture.start(*OPTIONS, command="check", path=fixture.input).wait()
    assert shlex.join(("--encoding", "mac-roman", *OPTIONS[2:])) in checked.out


def test_a_constant_is_remembered(codat: Codat, fixture: BatchFixture) -> None:  # noqa: ARG001 - the server
    """Also for rows that were rejected and corrected, which lack the column too."""
    fixture.input.write_text(f"customer_id,company_name\n{fixture.path.name}1,Ash\n{fixture.path.name}2,\n")
    refused = fixture.run("--map", "platform=Xero")
    assert refused.code == 2
    assert "--set platform=Xero" in refused.err
    checked = fixture.start("--set", "platform=Xero", command="check", path=fixture.input).wait()
    assert "--set platform=Xero" in checked.out

    assert fixture.run("--set", "platform=Xero").code == 1
    rejects = fixture.table("rejects.csv")
    assert list(rejects[0]) == ["customer_id", "company_name", "row", "reasons"]
    corrected = fixture.write([rejects[0] | {"company_name": "Birch"}], name="corrected.csv")
    assert fixture.run("--batch", fixture.name, path=corrected).code == 0
    assert [(each["platform_key"], each["state"]) for each in fixture.results()] == [("gbol", "link_ready")] * 2
    assert fixture.run().code == 0


def states(fixture: BatchFixture) -> list[tuple[str, str]]:
    """Return the identifier and the state of each row."""
    return [(each["customer_id"], each["state"]) for each in fixture.results()]


def test_a_sheet_is_remembered(codat: Codat, fixture: BatchFixture) -> None:
    """A number in place of an identifier is rejected until the workbook, or a copy of rejects.csv, has a text."""
    header, one = ("customer_id", "company_name", "platform"), fixture.path.name
    path = fixture.path / "in.xlsx"
    path.write_bytes(
        workbook([header, ("9", "Old", "Xero")], sheets={"New": [header, (one, "Ash", "Xero"), (7, "B", "Xero")]})
    )
    refused = fixture.run("--batch", fixture.name, path=path)
    assert refused.code == 2
    assert "add --sheet Sheet1 or --sheet New" in refused.err
    assert fixture.run("--batch", fixture.name, "--sheet", "New", path=path).code == 1
    assert states(fixture) == [(one, "link_ready"), ("", "rejected")]
    (reject,) = fixture.table("rejects.csv")
    assert reject["customer_id"] == ""
    assert reject["reasons"].startswith("customer_id is the number 7 in the workbook")
    codat.count_from_zero()
    assert fixture.run("--batch", fixture.name, path=path).code == 1
    assert codat.stats()["requests_total"] == 0
    corrected = fixture.write([reject | {"customer_id": f"{one}-07"}], name="corrected.csv")
    assert fixture.run("--batch", fixture.name, path=corrected).code == 0
    assert states(fixture) == [(one, "link_ready"), (f"{one}-07", "link_ready")]


def test_the_columns_of_fields_are_remembered(codat: Codat, fixture: BatchFixture) -> None:
    """A rerun, a correction and another file with these columns need no --map. A new --map replaces one column."""
    first, prefix = {"Nr": "1", "Firma": "Ash", "Mail": "a@x.example", "Post": "b@x.example"}, fixture.path.name
    rows = [first | {"platform": "Xero"}, first | {"Nr": "2", "platform": "Xreo"}]
    fixture.write([each | {"Nr": f"{prefix}{each['Nr']}"} for each in rows])
    mapping = ("--map", "customer_id=Nr", "--map", "company_name=Firma", "--map", "email=Mail")
    assert fixture.run(*mapping).code == 1
    codat.count_from_zero()
    rerun = fixture.run()
    assert (rerun.code, codat.stats()["requests_total"]) == (1, 0)
    assert "1 same" in rerun.err
    assert [each["email"] for each in fixture.results()] == ["a@x.example"] * 2

    rejects = fixture.table("rejects.csv")
    corrected = fixture.write([rejects[0] | {"platform": "Xero"}], name="corrected.csv")
    assert fixture.run("--batch", fixture.name, path=corrected).code == 0
    assert fixture.run("--map", "email=Post").code == 0
    assert fixture.run().code == 0
    assert [each["email"] for each in fixture.results()] == ["b@x.example", "a@x.example"]  # as corrected

    usual = {"customer_id": f"{prefix}3", "company_name": "Elm", "platform": "Xero"}
    added = fixture.run("--batch", fixture.name, path=fixture.write([usual], name="usual.csv"))
    assert added.code == 0, added.err
    assert 'no column is read as email: the batch remembers "Post" (--map), which the file lacks' in added.err
    assert fixture.run().code == 0
    assert [each["email"] for each in fixture.results()] == ["b@x.example", "a@x.example", ""]


def test_a_remembered_column_that_is_missing_is_named(codat: Codat, fixture: BatchFixture) -> None:
    """The message has the option that the batch remembers, and the columns of the file."""
    row = {"customer_id": fixture.path.name, "Firma": "Ash", "platform": "Xero"}
    fixture.write([row])
    assert fixture.run("--map", "company_name=Firma").code == 0
    codat.count_from_zero()
    fixture.write([{"customer_id": fixture.path.name, "Firmenname": "Ash", "platform": "Xero"}])
    refused = fixture.run()
    assert (refused.code, codat.stats()["requests_total"]) == (2, 0)
    refused.assert_one_error(
        'has no column for company_name; its columns are "customer_id", "Firmenname", "platform"',
        "The batch remembers --map company_name=Firma, and the file has no such column",
    )
    assert fixture.run("--map", "company_name=Firmenname").code == 0
    assert fixture.run().code == 0
