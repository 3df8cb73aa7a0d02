"""`check` warns of platforms that Expenses does not sync, and of words that may not be platformKeys."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulk.check_result import CheckResult
from bulk.errors import UsageError
from bulk.input import Uses, open_input
from bulk.input_check import check
from bulk.problems import reasons
from unit.input.input_files import HEADER, read


def written(folder: Path, *platforms: str) -> Path:
    """Write a file with a customer of each of these platforms."""
    path = folder / "in.csv"
    path.write_text("\n".join((HEADER, *(f'{row},Ash,"{each}",,' for row, each in enumerate(platforms, 1)))) + "\n")
    return path


def warned(result: CheckResult) -> list[tuple[str, int, list[int], str]]:
    """Return the platforms with warnings."""
    return result.platform_warnings.select("platform_key", "customers", "rows", "code").rows()


def test_a_platform_that_expenses_does_not_sync_has_one_warning(tmp_path: Path) -> None:
    """With the number of its customers and the first three rows."""
    result = check(written(tmp_path, "Xero", *["Wave"] * 5, "Sage Accounting", "QBO"))
    assert result.rejected == 0
    assert warned(result) == [
        ("pbtz", 5, [2, 3, 4], "platform_not_synced"),
        ("tgff", 1, [7], "platform_not_synced"),
    ]
    assert result.platform_warnings["warning"][0] == "can be linked, but Expenses does not sync it"


def test_a_word_of_four_letters_is_no_platform_key_by_itself(tmp_path: Path) -> None:
    """Zero is nearly Xero, the others are products. Only Codat can confirm a key."""
    result = check(written(tmp_path, "Zero", "Yuki", "AFAS", "Busy", "Xero"))
    assert {(key, code) for key, _, _, code in warned(result)} == {
        (key, "platform_unconfirmed") for key in ("zero", "yuki", "afas", "busy")
    }
    (zero,) = result.platform_warnings.filter(platform_key="zero").to_dicts()
    assert '(perhaps "Xero"); migrate rejects its rows if' in zero["warning"]


def test_the_input_exposes_keys_that_only_codat_can_confirm(tmp_path: Path) -> None:
    """With the number of customers and the first rows, when all rows have been read."""
    opened = open_input(written(tmp_path, "Zero", "Xero", *["ABCD"] * 4, "Wave", "zero"))
    parts = list(opened.read())
    assert opened.unconfirmed_keys == {"abcd": Uses(4, (3, 4, 5)), "zero": Uses(2, (1, 8))}
    assert parts[0].unconfirmed_keys == opened.unconfirmed_keys


def test_a_word_that_codat_does_not_confirm_rejects_its_row(tmp_path: Path) -> None:
    """The remedy names what may be meant."""
    opened = open_input(written(tmp_path, "Zero", "abcd", "Xero", "Yuki"), confirmed_keys=("abcd", "pbtz"))
    (rows,) = opened.read()
    assert rows.accepted["platform_key"].to_list() == ["abcd", "gbol"]
    assert rows.rejected["row"].to_list() == [1, 4]
    assert (
        'Codat does not list the platformKey "zero": write "Xero", or confirm the key with --platform-name zero=zero'
        in (reasons(rows.rejected["problems"][0]))
    )
    assert opened.unconfirmed_keys == {}


def test_a_key_that_the_user_has_given_is_accepted_as_it_is(tmp_path: Path) -> None:
    """It needs no confirmation."""
    path = written(tmp_path, "Zero", "Sage 50", "My Books")
    opened = open_input(path, platform_names={"zero": "gbol", "Sage 50": "knfz", "my books": "abcd"})
    (rows,) = opened.read()
    assert rows.accepted["platform_key"].to_list() == ["gbol", "knfz", "abcd"]
    assert opened.unconfirmed_keys == {}
    assert opened.digest != open_input(path).digest, "another mapping may change rows"
    assert len(read(path).rejected) == 2


def test_a_platform_name_without_a_key_is_reported_before_the_file_is_read(tmp_path: Path) -> None:
    """The name is an argument, not a part of the file."""
    with pytest.raises(UsageError, match="--platform-name Sage 50=Sage"):
        open_input(tmp_path / "missing.csv", platform_names={"Sage 50": "Sage"})
