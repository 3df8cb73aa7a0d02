"""`--set FIELD=VALUE` gives a field the same value in all rows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl
import pytest

from bulk.errors import InputError, UsageError
from bulk.input import Input, open_input
from bulk.reading import NOTHING_SAID, Reading, Remembered

ROWS = "customer_id,company_name\n1,Ash\n2,Birch\n"


def opened(folder: Path, text: str, constants: Mapping[str, str], **others: object) -> Input:
    """Open a file with these rows."""
    (folder / "in.csv").write_text(text, "utf-8")
    return open_input(folder / "in.csv", reading=Reading(constants=constants), **others)  # type: ignore[arg-type]


def values(source: Input, field: str) -> list[str]:
    """Return a field of the accepted rows."""
    return [value for rows in source.read() for value in rows.accepted[field]]


def test_a_field_without_a_column_has_a_constant(tmp_path: Path) -> None:
    """The input has no such column."""
    source = opened(tmp_path, ROWS, {"Platform": " Xero "})
    assert values(source, "platform") == ["Xero", "Xero"]
    assert values(source, "platform_key") == ["gbol", "gbol"]
    assert source.columns == ("customer_id", "company_name")
    assert source.notes == ('platform is "Xero" in all rows (--set)',)


def test_a_parquet_file_may_have_constants(tmp_path: Path) -> None:
    """They are no matter of text tables alone."""
    rows = pl.DataFrame({"customer_id": ["1", "2"], "company_name": ["Ash", "Birch"]})
    rows.write_parquet(tmp_path / "in.parquet")
    source = open_input(tmp_path / "in.parquet", reading=Reading(constants={"platform": "Xero"}))
    assert values(source, "platform") == ["Xero", "Xero"]


def test_a_constant_takes_the_place_of_a_column(tmp_path: Path) -> None:
    """The column is kept as any other."""
    source = opened(tmp_path, "customer_id,company_name,platform\n1,Ash,?\n2,Birch,\n", {"platform": "Xero"})
    assert values(source, "platform") == ["Xero", "Xero"]
    assert source.extras == ("platform",)


def test_all_fields_but_the_identifier_may_be_constants(tmp_path: Path) -> None:
    """An address of a bookkeeper, for example."""
    constants = {"company_name": "Ash", "platform": "qbo", "email": "a@x.example", "description": "West = best"}
    source = opened(tmp_path, "customer_id,note\n1,\n2,x\n", constants)
    assert values(source, "email") == ["a@x.example", "a@x.example"]
    assert values(source, "description") == ["West = best", "West = best"]


def test_a_column_that_looks_like_the_field_is_not_proposed(tmp_path: Path) -> None:
    """The user has said what the field is."""
    source = opened(tmp_path, "customer_id,company_name,software\n1,Ash,Own\n", {"platform": "Xero"})
    assert not any("software" in note for note in source.notes)


@pytest.mark.parametrize(
    ("constants", "mapping", "problem"),
    [
        ({"platfrom": "Xero"}, {}, "--set platfrom=...: unknown field .did you mean .platform"),
        ({"customer_id": "1"}, {}, "each customer needs an identifier of its own"),
        ({"platform": "Xero"}, {"Platform": "company_name"}, "platform has both a column .--map. and a constant"),
        ({"platform": "Xero", "Platform": "qbo"}, {}, "platform has two values"),
        ({"platform": " "}, {}, "needs a value"),
    ],
)
def test_impossible_constants_are_refused(
    tmp_path: Path, constants: Mapping[str, str], mapping: Mapping[str, str], problem: str
) -> None:
    """The message names the field."""
    with pytest.raises(UsageError, match=problem):
        opened(tmp_path, ROWS, constants, mapping=mapping)


def test_a_file_without_platforms_proposes_a_constant(tmp_path: Path) -> None:
    """Many systems know only one."""
    with pytest.raises(InputError, match="--set platform=NAME"):
        opened(tmp_path, ROWS, {})


def test_a_constant_that_the_batch_remembers_is_for_files_without_the_column(tmp_path: Path) -> None:
    """Another file may have it."""
    remembered = Remembered(Reading(constants={"platform": "Xero"}))
    assert values(opened(tmp_path, ROWS, {}, remembered=remembered), "platform") == ["Xero", "Xero"]
    with_column = "customer_id,company_name,platform\n1,Ash,qbo\n"
    assert values(opened(tmp_path, with_column, {}, remembered=remembered), "platform") == ["qbo"]
    assert values(opened(tmp_path, ROWS, {"platform": "qbo"}, remembered=remembered), "platform") == ["qbo", "qbo"]


def test_the_digest_contains_the_constants(tmp_path: Path) -> None:
    """With another constant the rows are others."""
    digests = {opened(tmp_path, ROWS, {"platform": platform}).digest for platform in ("Xero", "qbo")}
    assert len(digests) == 2


def test_options_can_be_repeated_and_merged() -> None:
    """A later run adds to what the batch remembers."""
    first, later = Reading(constants={"platform": "Sage = 50"}), Reading(comment="#", constants={"email": "a@x"})
    assert first.options() == ["--set", "platform=Sage = 50"]
    assert (later | first).constants == {"platform": "Sage = 50", "email": "a@x"}
    assert (NOTHING_SAID | first) == first
