"""Text files are read in the encodings and forms that people have."""

from __future__ import annotations

import codecs
import gzip
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rows_reading import HEADER, read, read_text

TEXT = f"{HEADER}\n00123,Café Ångström,xero,a@example.com,naïve – “good”\n1e5,Bolt,qbo,,\n"


@pytest.mark.parametrize(
    ("content", "note"),
    [
        (TEXT.encode(), ""),  # UTF-8
        (codecs.BOM_UTF8 + TEXT.encode(), ""),  # with its mark
        (codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"), "UTF-16-LE"),  # a spreadsheet's "Unicode text"
        (codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"), "UTF-16-BE"),  # the other way round
        (TEXT.encode("utf-16-le"), "no byte order mark"),  # without the mark
        (TEXT.encode("utf-16-be"), "no byte order mark"),  # the other way round
        (TEXT.encode("cp1252"), "Windows-1252"),  # an old spreadsheet
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("name", ["in.csv", "in.csv.gz", "in.txt"])
def test_a_file_is_read_in_its_encoding(tmp_path: Path, content: bytes, note: str, line_end: str, name: str) -> None:
    """Encoding, line ends and compression make no difference to what is read, and a guess is told."""
    encoding = {"UTF-16-LE": "utf-16-le", "UTF-16-BE": "utf-16-be", "Windows-1252": "cp1252"}.get(note, "utf-8")
    if note == "no byte order mark":
        encoding = "utf-16-le" if content[1] == 0 else "utf-16-be"
    content = content.replace("\n".encode(encoding), line_end.encode(encoding))
    outcome = read_text(tmp_path, gzip.compress(content) if name.endswith(".gz") else content, name=name)
    assert outcome.ids == ["00123", "1e5"]
    assert outcome.accepted["company_name"][0] == "Café Ångström"
    assert outcome.accepted["description"][0] == "naïve – “good”"
    assert note in " ".join(outcome.opened.notes)
    assert bool(note) == any("read as" in told for told in outcome.opened.notes)


def test_an_accent_far_down_is_seen(tmp_path: Path) -> None:
    """The whole file decides on its encoding, not its beginning."""
    rows = "".join(f"{number},Acme,xero,,\n" for number in range(60_000))
    outcome = read_text(tmp_path, f"{HEADER}\n{rows}last,Café,xero,,\n".encode("cp1252"))
    assert outcome.accepted["company_name"][-1] == "Café"
    assert outcome.accepted["row"].to_list() == list(range(1, 60_002))


def test_characters_cut_by_the_end_of_a_piece_are_whole(tmp_path: Path) -> None:
    """Files larger than what is read at once, in every encoding, with characters of several bytes everywhere."""
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
def test_any_text_comes_back_from_any_unicode_encoding(tmp_path: Path, texts: list[str], encoding: str) -> None:
    """An extra column holds, character for character, what was written."""
    lines = "".join(f'{number},Acme,xero,"{text}"\n' for number, text in enumerate(texts))
    outcome = read_text(tmp_path, f"customer_id,company_name,platform,note\n{lines}".encode(encoding))
    assert [outcome.extras(at)["note"] for at in range(len(texts))] == texts


def test_the_digest_is_that_of_the_file_and_the_mapping(tmp_path: Path) -> None:
    """The same bytes under the same mapping are the same input; anything else is another."""
    digests = {
        read_text(tmp_path, TEXT, name="a.csv").opened.digest,
        read_text(tmp_path, TEXT, name="b.csv").opened.digest,
    }
    assert len(digests) == 1
    digests.add(read_text(tmp_path, TEXT + "2,Bolt,xero,,\n").opened.digest)
    digests.add(read(tmp_path / "a.csv", {"email": "description"}).opened.digest)
    assert len(digests) == 3
    assert all(len(digest) == 64 for digest in digests)


def test_batches_can_be_gone_through_again(tmp_path: Path) -> None:
    """Every call starts from the beginning and judges alike."""
    opened = read_text(tmp_path, TEXT).opened
    first, second = ([batch.accepted for batch in opened.read()] for _ in range(2))
    assert pl.concat(first).equals(pl.concat(second))
