"""Text files are read in all usual encodings, also compressed."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk.input import text_file
from unit.input.input_files import HEADER, read, read_text

TEXT = f"{HEADER}\n00123,Café Ångström,xero,a@example.com,naïve – “good”\n1e5,Bolt,qbo,,\n"


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (TEXT.encode(), ""),  # UTF-8
        (codecs.BOM_UTF8 + TEXT.encode(), ""),  # with a byte order mark
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "UTF-16-LE"),  # the "Unicode text" of spreadsheets
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "UTF-16-BE"),  # in the other byte order
        (codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"), "UTF-32-LE"),  # the longest
        (codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"), "UTF-32-BE"),  # in the other byte order
        (TEXT.encode("utf-16-le"), "no byte order mark"),  # without a byte order mark
        (TEXT.encode("utf-16-be"), "no byte order mark"),  # in the other byte order
        (TEXT.encode("cp1252"), "Windows-1252"),  # an old spreadsheet
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["in.csv", "in.csv.gz", "in.txt"])
def test_a_file_is_read_in_its_encoding(tmp_path: Path, content: bytes, note: str, line_end: str, name: str) -> None:
    """Encoding, ends of lines and compression make no difference to the rows; a guess is noted."""
    encoding = {"": "utf-8", "Windows-1252": "cp1252"}.get(note, note.lower())
    if note == "no byte order mark":
        encoding = "utf-16-le" if content[1] == 0 else "utf-16-be"
    content = content.replace("\n".encode(encoding), line_end.encode(encoding))
    outcome = read_text(tmp_path, gzip.compress(content) if name.endswith(".gz") else content, name=name)
    assert outcome.ids == ["00123", "1e5"]
    assert outcome.accepted["company_name"][0] == "Café Ångström"
    assert outcome.accepted["description"][0] == "naïve – “good”"
    assert note in " ".join(outcome.opened.notes)
    assert bool(note) == any("read as" in each for each in outcome.opened.notes)


def test_lines_that_end_with_two_carriage_returns_are_no_blank_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program on Windows writes `\\r\\r\\n` if it turns each newline of `\\r\\n` into another one."""
    text = f'{HEADER},note\n1,Ash,xero,,,x\n2,"Bi\nrch",xero,,,"y"\n'.replace("\n", "\r\r\n")
    for size in (*range(3, 30), 1 << 19):
        monkeypatch.setattr(text_file, "_CHUNK_SIZES", (size, size))
        outcome = read_text(tmp_path, text)
        assert [outcome.extras(at)["note"] for at in range(2)] == ["x", "y"]
        assert outcome.opened.notes == ("its lines end with two carriage returns and a newline",)


def test_the_whole_file_decides_its_encoding(tmp_path: Path) -> None:
    """A single accent at the end makes a difference."""
    rows = "".join(f"{number},Acme,xero,,\n" for number in range(60_000))
    outcome = read_text(tmp_path, f"{HEADER}\n{rows}last,Café,xero,,\n".encode("cp1252"))
    assert outcome.accepted["company_name"][-1] == "Café"
    assert outcome.accepted["row"].to_list() == list(range(1, 60_002))


def test_characters_at_the_end_of_a_chunk_are_whole(tmp_path: Path) -> None:
    """The files are larger than a chunk and have characters of several bytes everywhere."""
    rows = "".join(f"{number},{'é€' * (number % 7)}x,xero,,日本語 {number}\n" for number in range(20_000))
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        outcome = read_text(tmp_path, ("\ufeff" + f"{HEADER}\n{rows}").encode(encoding))
        assert outcome.accepted["description"].to_list() == [f"日本語 {number}" for number in range(20_000)]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(
    st.lists(
        st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc"], exclude_characters='"'), min_size=1),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_any_text_is_read_from_any_unicode_encoding(tmp_path: Path, texts: list[str], encoding: str) -> None:
    """An extra column holds exactly the text that was written."""
    lines = "".join(f'{number},Acme,xero,"{text}"\n' for number, text in enumerate(texts))
    outcome = read_text(tmp_path, f"customer_id,company_name,platform,note\n{lines}".encode(encoding))
    assert [outcome.extras(at)["note"] for at in range(len(texts))] == texts


def test_the_digest_depends_on_the_bytes_and_the_mapping(tmp_path: Path) -> None:
    """Only the same bytes with the same mapping are the same input."""
    digests = {
        read_text(tmp_path, TEXT, name="a.csv").opened.digest,
        read_text(tmp_path, TEXT, name="b.csv").opened.digest,
    }
    assert len(digests) == 1
    digests.add(read_text(tmp_path, TEXT + "2,Bolt,xero,,\n").opened.digest)
    digests.add(read(tmp_path / "a.csv", {"email": "description"}).opened.digest)
    assert len(digests) == 3
    assert all(len(digest) == 64 for digest in digests)


def test_an_input_can_be_read_twice(tmp_path: Path) -> None:
    """Each call starts at the beginning and has the same result."""
    opened = read_text(tmp_path, TEXT).opened
    first, second = ([part.accepted for part in opened.read()] for _ in range(2))
    assert pl.concat(first).equals(pl.concat(second))
