"""A file of a known kind that is not read is called by that kind, and a text that begins with its letters is read."""

from __future__ import annotations

import io
import lzma
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.orc as orc
import pytest

from bulk.errors import InputError
from unit.input.input_files import read_text

CONTENT = b"customer_id,company_name,platform\n1,Ash,Xero\n" + b"".join(b"%d,F,Xero\n" % n for n in range(2, 90))
TABLE = pa.table({"customer_id": ["1"], "company_name": ["Ash"], "platform": ["Xero"]})


def tar(mode: str) -> bytes:
    """Return a tar archive with the table, compressed or not."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode=mode) as archive:  # type: ignore[call-overload]  # the mode is any text
        member = tarfile.TarInfo("customers.csv")
        member.size = len(CONTENT)
        archive.addfile(member, io.BytesIO(CONTENT))
    return packed.getvalue()


def written(write: Callable[[pa.Table, pa.BufferOutputStream], object]) -> bytes:
    """Return what a function of pyarrow writes."""
    stream = pa.BufferOutputStream()
    write(TABLE, stream)
    return bytes(stream.getvalue())


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (tar("w"), "is a tar archive; unpack it"),
        (tar("w:gz"), "is a tar archive; unpack it"),
        (tar("w:xz"), "is a tar archive; unpack it"),
        (written(feather.write_feather), "is a Feather file (Arrow); export it as Parquet or CSV"),
        (b"FEA1" + bytes(40), "is a Feather file (Arrow)"),
        (written(orc.write_table), "is an ORC file; export it as Parquet or CSV"),
        (bytes(pa.compress(CONTENT, codec="lz4")), "is compressed with LZ4; unpack it, or compress it with gzip"),
        *((zlib.compress(CONTENT, level), "is compressed with zlib; unpack it") for level in (1, 3, 6, 9)),
        (lzma.compress(CONTENT, lzma.FORMAT_ALONE), "is compressed with LZMA; unpack it"),
        (b"7z\xbc\xaf\x27\x1c\0\4" + bytes(40), "is a 7z archive; unpack it"),
        (b"Rar!\x1a\7\1\0" + bytes(40), "is a RAR archive; unpack it"),
        (b"Obj\1\4\x14avro.codec" + bytes(40), "is an Avro file; export it"),
        (b"SQLite format 3\0\x10" + bytes(40), "is a database of SQLite; export it"),
    ],
)
def test_a_file_of_another_kind_is_called_by_its_kind(tmp_path: Path, content: bytes, text: str) -> None:
    """The message says what to do."""
    with pytest.raises(InputError) as raised:
        read_text(tmp_path, content)
    assert f"in.csv {text}" in str(raised.value)


@pytest.mark.parametrize("first", ["ORC", "FEA1", "ARROW1", "x^2", "Rar!", "7z", "]", "xœ"])
def test_a_text_with_the_same_letters_is_read(tmp_path: Path, first: str) -> None:
    """The name of its first column begins with them."""
    outcome = read_text(tmp_path, f"{first},customer_id,company_name,platform\nx,1,Ash,Xero\n")
    assert outcome.ids == ["1"]
