"""Each exit code has the meaning that docs/resuming.md gives it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from support.sandbox import start

from acceptance.documents.commands import Command, run, section
from acceptance.documents.real_run import account
from bulk.sandbox.launch import Running, ask

SECTION = section("docs/resuming.md", "Exit codes")
ONE_ROW = "customer_id,company_name,platform\n1,Old Mill Garage,Xero\n"


@pytest.fixture
def codat(tmp_path: Path) -> Iterator[Running]:
    """Start a sandbox, which the commands use as if it were Codat."""
    with start(tmp_path / "codat") as running:
        yield running


def test_every_exit_code_has_its_meaning(tmp_path: Path, codat: Running) -> None:
    """Of the whole batch: done, rejected, missing, refused, out of reach, interrupted. Code 1 of each command."""
    (tmp_path / "good.csv").write_text(ONE_ROW, "utf-8")
    (tmp_path / "rejected.csv").write_text(ONE_ROW.replace("Xero", "Xreo"), "utf-8")
    port = codat.folder.port() or 0
    seen = set()

    def expect(code: int, line: str, **more: str) -> None:
        run(Command(("bulk", *line.split()), code), tmp_path, **(account(codat) | more))
        seen.add(code)

    expect(1, "check rejected.csv")
    expect(2, "migrate missing.csv")
    expect(3, "check good.csv --online", CODAT_API_KEY="wrong")
    expect(75, "check good.csv --online", CODAT_BASE_URL="http://127.0.0.1:1")
    expect(0, "migrate good.csv")
    expect(130, "follow-up reports/good --watch 1h")  # interrupted in its first pause
    (tmp_path / "emailed.csv").write_text("customer_id\n1\nnobody\n", "utf-8")
    expect(1, "sent reports/good --file emailed.csv")
    expect(2, "sent reports/good --wave 7")
    expect(1, "unlink reports/good --customer 1")
    expect(2, "unlink reports/good --customer nobody")
    ask(port, "POST", "/_sandbox/faults", {"kind": "400", "operations": ["delete_company"]})
    expect(1, "undo reports/good --yes")
    (company_id,) = pl.read_parquet(tmp_path / "reports" / "good" / "results.parquet")["company_id"]
    ask(port, "DELETE", f"/_sandbox/companies/{company_id}")
    expect(1, "verify reports/good")
    assert seen == {int(each) for each in re.findall(r"^\| (\d+) \|", SECTION, re.MULTILINE)}
    assert re.findall(r"^\| `([a-z]+)` \|", SECTION, re.MULTILINE) == ["check", "unlink", "sent", "verify", "undo"]
