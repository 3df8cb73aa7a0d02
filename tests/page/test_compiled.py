"""The template as bytecode: kept for the next command, and never in the way of a page."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jinja2 import DictLoader, Environment, FileSystemBytecodeCache
from jinja2 import __version__ as jinja

from bulk import __version__ as bulk
from bulk.reports.html.compiled import Compiled


@pytest.fixture(autouse=True)
def bytecode_is_kept() -> Iterator[None]:
    """Have Python keep bytecode, also where whoever runs the tests does not want that."""
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, False
    yield
    sys.dont_write_bytecode = before


def made(package: Path, template: str = "{{ who }} moves") -> str:
    """Fill in the template as a command of its own would."""
    loader = DictLoader({"page": template})
    return (
        Environment(loader=loader, bytecode_cache=Compiled(package), autoescape=True)
        .get_template("page")
        .render(who="bulk")
    )


def kept(package: Path) -> list[Path]:
    """List the files of bytecode."""
    return sorted((package / "__pycache__").iterdir())


def test_the_second_command_takes_what_the_first_has_compiled(tmp_path: Path) -> None:
    """Nothing is compiled twice."""
    assert made(tmp_path) == "bulk moves"
    (first,) = kept(tmp_path)
    first.write_bytes(first.read_bytes().replace(b" moves", b" MOVES"))  # tells that this is what it takes
    assert made(tmp_path) == "bulk MOVES"


def test_another_template_is_compiled_anew(tmp_path: Path) -> None:
    """A newer bulk never fills in an older template."""
    made(tmp_path)
    assert made(tmp_path, "{{ who }} rests") == "bulk rests"
    assert len(kept(tmp_path)) == 1


def test_what_was_cut_short_is_compiled_anew(tmp_path: Path) -> None:
    """A machine that stopped just then is no reason to have no page, wherever the file ends."""
    made(tmp_path)
    (first,) = kept(tmp_path)
    whole = first.read_bytes()
    for length in range(len(whole)):
        first.write_bytes(whole[:length])
        assert made(tmp_path) == "bulk moves", f"cut at {length} bytes"
        assert first.read_bytes() == whole


def test_what_an_older_bulk_has_compiled_is_compiled_anew(tmp_path: Path) -> None:
    """Its filters and settings may have been others."""
    ours = Compiled(tmp_path).get_source_checksum("page")
    assert FileSystemBytecodeCache(str(tmp_path)).get_source_checksum("page") != ours
    assert FileSystemBytecodeCache(str(tmp_path)).get_source_checksum(f"{bulk} {jinja} page") == ours


def test_nothing_is_kept_where_python_keeps_nothing(tmp_path: Path) -> None:
    """PYTHONDONTWRITEBYTECODE holds for the template as well."""
    sys.dont_write_bytecode = True
    assert made(tmp_path) == "bulk moves"
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_takes_no_file_is_done_without(tmp_path: Path) -> None:
    """A page is made wherever bulk is installed."""
    (tmp_path / "__pycache__").write_text("in the way")
    assert made(tmp_path) == "bulk moves"
