"""Commands with damaged files and nonsense arguments: a defined exit code, one line of error, and valid JSON."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz.damage import damaged
from fuzz.effort import share
from fuzz.processes import bulk
from fuzz.test_damaged_files import GOOD, GOOD_PARQUET

FILES = GOOD | {"in.parquet": GOOD_PARQUET}
MAX_MEGABYTES = 500


@share(4)
@given(name=st.sampled_from(sorted(FILES)), seed=st.integers(0, 2**32))
def test_check_of_a_damaged_file_has_a_result_or_one_line_of_error(
    tmp_path_factory: pytest.TempPathFactory, name: str, seed: int
) -> None:
    """The result is valid JSON."""
    folder = tmp_path_factory.mktemp("check")
    folder.joinpath(name).write_bytes(damaged(FILES[name], seed))
    ended = bulk(folder, "check", name, "--json")
    assert ended.code in (0, 1, 2)
    assert ended.megabytes < MAX_MEGABYTES
    if ended.code == 2:
        assert (ended.out, ended.err.count(b"\n")) == (b"", 1)
    else:
        content = json.loads(ended.out.decode())
        assert content["rows"] == content["accepted"] + content["rejected"]


@share(2)
@given(seed=st.integers(0, 2**32))
def test_a_damaged_dotenv_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, seed: int) -> None:
    """No message shows its key."""
    folder = tmp_path_factory.mktemp("dotenv")
    good = b"# keys\nCODAT_API_KEY='kkkkkkkk'\nexport CODAT_BASE_URL=\"http://127.0.0.1:9\"\n"
    folder.joinpath(".env").write_bytes(damaged(good, seed))
    folder.joinpath("in.csv").write_bytes(GOOD["plain.csv"])
    ended = bulk(folder, "check", "in.csv", "--online", "--base-url", "http://127.0.0.1:9")
    assert ended.code in (2, 75)
    assert b"kkkkk" not in ended.out + ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("--map", b"customer_id=\xff\xfe"),  # not text
        ("--map", "customer_id="),  # no column
        ("--map", "=customer_id"),  # no field
        ("--map", "customer_id"),  # neither
        ("--map", "customer_id=" + "x" * 100_000),  # longer than any
        ("--map", "email=\u202e\n\x1b[2J"),  # control characters of a terminal
    ],
)
def test_an_impossible_mapping_is_refused_with_a_message(tmp_path: Path, words: tuple[str | bytes, ...]) -> None:
    """The shell may pass any bytes."""
    tmp_path.joinpath("in.csv").write_bytes(GOOD["plain.csv"])
    ended = bulk(tmp_path, "check", "in.csv", "--json", *words)
    assert ended.code == 2
    assert ended.out == b""
    assert b"\x1b" not in ended.err
    assert len(ended.err) < 5000 or len(words[1]) > 5000


@pytest.mark.parametrize("name", [b"\xff\xfe.csv", b"\n.csv", b"-.csv", "é".encode() * 60 + b".csv"])
def test_a_file_of_any_name_is_checked(tmp_path: Path, name: bytes) -> None:
    """The JSON that names it is valid."""
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).write_bytes(GOOD["plain.csv"])
    ended = bulk(tmp_path, "check", "--json", "--", name)
    assert ended.code in (0, 1), ended.err
    json.loads(ended.out.decode())
