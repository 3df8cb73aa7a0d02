"""A file is read by its content: its name decides neither its format nor its compression."""

from __future__ import annotations

import bz2
import lzma
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from support.compressed import COMPRESSED, gz, zipped, zstd

from bulk.errors import InputError
from bulk.input.formats import open_table
from unit.input.input_files import HEADER, read, read_text

CONTENT = f"{HEADER}\n00123,Café,xero,,\n2,Bolt,qbo,,\n".encode()


@pytest.mark.parametrize(
    "content",
    [
        CONTENT,
        gz(CONTENT),
        gz(CONTENT[:50]) + gz(CONTENT[50:]),  # two members, as `cat a.gz b.gz` makes
        bz2.compress(CONTENT),
        lzma.compress(CONTENT),
        zstd(CONTENT),
        zstd(CONTENT[:50]) + zstd(CONTENT[50:]),
        zipped({"in.csv": CONTENT}),
        zipped({"export/": b"", "export/in.csv": CONTENT, "__MACOSX/._in.csv": b"x", "export/.DS_Store": b"x"}),
        gz(gz(CONTENT)),  # compressed twice
        zipped({"in.csv.gz": gz(CONTENT)}),
        zipped({"in.csv.zst": zstd(CONTENT)}),
        zstd(CONTENT.decode().encode("utf-8-sig")),
        gz(CONTENT.decode().encode("utf-16")),
    ],
)
@pytest.mark.parametrize("name", ["in.csv", "in.csv.gz", "in.dat", "in.parquet", "in.xls", "in"])
def test_the_content_decides(tmp_path: Path, content: bytes, name: str) -> None:
    """Each compression is recognized under each name."""
    outcome = read_text(tmp_path, content, name=name)
    assert outcome.accepted.select("customer_id", "company_name").rows() == [("00123", "Café"), ("2", "Bolt")]


@pytest.mark.parametrize("name", ["in.parquet", "in.pq", "in.parquet.gzip", "in.csv", "in"])
def test_parquet_is_recognized_under_any_name(tmp_path: Path, name: str) -> None:
    """Compression inside a Parquet file is its own matter."""
    rows = pl.DataFrame({"customer_id": ["00123"], "company_name": ["Acme"], "platform": ["xero"]})
    rows.write_parquet(tmp_path / name)
    assert read(tmp_path / name).ids == ["00123"]


@pytest.mark.parametrize(
    ("name", "delimiter"), [("in.tsv", "\t"), ("in.tab", "\t"), ("in.psv", "|"), ("in.csv", ","), ("in.TSV.gz", "\t")]
)
def test_the_delimiter_that_a_name_suggests_has_no_note(tmp_path: Path, name: str, delimiter: str) -> None:
    """Any other delimiter is noted."""
    content = CONTENT.replace(b",", delimiter.encode())
    assert not [note for note in read_text(tmp_path, content, name=name).opened.notes if "separated" in note]
    assert "vertical bars" in " ".join(read_text(tmp_path, CONTENT.replace(b",", b"|")).opened.notes)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (zipped({"a.csv": CONTENT, "b.csv": CONTENT}), "zip file with 2 files, not one"),
        (zipped({}), "zip file without files"),
        (zipped({"export/": b""}), "zip file with no files"),
        (zipped({"[Content_Types].xml": b"", "xl/workbook.bin": b""}), "is a workbook of another kind"),
        (gz(zipped({"xl/workbook.xml": b""})), "compressed workbook; unpack it"),
        (zipped({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": b""}), "is a workbook"),
        (zipped({"a.csv": CONTENT})[:-9], "incomplete or damaged"),
        (bz2.compress(CONTENT)[:-9], "incomplete or damaged"),
        (bz2.compress(CONTENT)[:30] + bytes(30), "incomplete or damaged"),
        (lzma.compress(CONTENT)[:-9], "incomplete or damaged"),
        (lzma.compress(CONTENT)[:30] + bytes(30), "incomplete or damaged"),
        (zstd(CONTENT)[:-9], "incomplete or damaged"),
        (zstd(CONTENT)[:20] + bytes(30), "incomplete or damaged"),
        (gz(gz(gz(gz(CONTENT)))), "compressed more than 3 times"),
        (gz(b"PAR1" + bytes(100)), "compressed Parquet file; unpack it"),
        (b"\n <!DOCTYPE html><table>", "web page"),
        (b"\xef\xbb\xbf<?xml version='1.0'?>", "XML"),
    ],
)
def test_other_contents_are_refused_by_their_true_names(tmp_path: Path, content: bytes, text: str) -> None:
    """The message says what the file is."""
    with pytest.raises(InputError, match=text):
        read_text(tmp_path, content)


def test_an_encrypted_zip_file_is_called_encrypted(tmp_path: Path) -> None:
    """Nobody can read it without its password."""
    content = bytearray(zipped({"in.csv": CONTENT}))
    content[6] |= 1  # the flag in the file's own header
    content[content.index(b"PK\x01\x02") + 8] |= 1  # and in the directory
    with pytest.raises(InputError, match="encrypted zip file"):
        read_text(tmp_path, bytes(content))


def test_an_unknown_method_of_compression_is_named(tmp_path: Path) -> None:
    """Some zip programs have methods of their own."""
    content = bytearray(zipped({"in.csv": CONTENT}))
    content[8] = content[content.index(b"PK\x01\x02") + 10] = 9  # deflate64
    with pytest.raises(InputError, match="in a way that bulk cannot read"):
        read_text(tmp_path, bytes(content))


@pytest.mark.parametrize("pack", COMPRESSED.values(), ids=COMPRESSED)
def test_a_compressed_file_is_read_in_bounded_memory(tmp_path: Path, pack: Callable[[bytes], bytes]) -> None:
    """It is unpacked as it is read, chunk by chunk."""
    rows, text = 7_000, b"x" * 4_000
    lines = b"".join(b"%d,Acme,xero,,%s\n" % (number, text) for number in range(rows))
    (tmp_path / "in").write_bytes(pack(HEADER.encode() + b"\n" + lines))
    tracemalloc.start()
    try:
        table = open_table(tmp_path / "in", {})
        assert sum(frame.height for frame in table.frames()) == rows
        assert tracemalloc.get_traced_memory()[1] < len(lines) // 2
    finally:
        tracemalloc.stop()
