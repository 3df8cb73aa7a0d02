"""A file that cannot be read is refused in one clear line, and nothing else is ever raised."""

from __future__ import annotations

import contextlib
import gzip
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rows_reading import HEADER, read, read_text

from bulk.errors import InputError, UsageError
from bulk.input import open_input

GOOD = f"{HEADER}\n1,Acme,xero,,\n".encode()


def parquet(folder: Path) -> bytes:
    """A good Parquet file's bytes."""
    path = folder / "good.parquet"
    rows = pl.DataFrame({"customer_id": ["1", "2"], "company_name": ["A", "B"], "platform": ["xero", "qbo"]})
    rows.write_parquet(path)
    return path.read_bytes()


def workbook(folder: Path) -> bytes:
    """The bytes of something zipped."""
    path = folder / "book.zip"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("xl/workbook.xml", "<workbook/>")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("in.csv", b"", "is empty"),  # nothing at all
        ("in.csv", b"\xef\xbb\xbf", "no header"),  # nothing but a byte order mark
        ("in.csv", b"\n\n  \n", "no header"),  # blank lines
        ("in.csv", b",,,\n", "no header"),  # nameless columns
        ("in.csv", HEADER.encode(), "no rows"),  # a header alone
        ("in.csv", HEADER.encode() + b"\n\n,,,,\n", "no rows"),  # and blank rows
        ("in.csv", b"1,Acme,xero,,\n2,Bolt,qbo,,\n", "customer_id, company_name, platform"),  # no header line
        ("in.csv", b"customer_id,company_name\n1,Acme\n", "--map platform=COLUMN"),  # one column is missing
        ("in.csv", b"customer_id,name,platform\n1,Acme,xero\n", '"name"'),  # what there is instead is listed
        ("in.csv", GOOD.replace(b"email", b"em\0ail"), "NUL"),  # a NUL byte in the header
        ("in.csv", b"sep=,\n" + GOOD.replace(b"email", b"em\0ail"), "NUL"),  # that is not in the first line
        ("in.csv", GOOD + b"2,Bolt,qbo,,\n" * 200_000 + bytes(range(128)) * 30_000, "NUL"),  # garbage far behind it
        ("in.csv", bytes(range(256)) * 300, "NUL"),  # binary garbage
        ("in.csv", bytes(range(128, 256)) * 300, "neither UTF-8 nor Windows-1252"),  # garbage without NUL
        ("in.csv", b"\x1f\x8b" + bytes(100), ".csv.gz"),  # compressed, but not called so
        ("in.csv", b"PAR1" + bytes(100), ".parquet"),  # a Parquet file, but not called so
        ("in.csv", b"%PDF-1.7\n", "PDF"),  # something else altogether
        ("in.csv", b"\xd0\xcf\x11\xe0" + bytes(100), "workbook"),  # an old workbook
        ("in.csv", b"\xff\xfea\x00,\x00\x00\xd8a\x00", "UTF-16"),  # a broken UTF-16 file
        ("in.csv", b"\xff\xfea\x00,\x00\n", "UTF-16"),  # one that ends in half a character
        ("in.csv", b"\xef\xbb\xbf" + GOOD + b"2,Caf\xe9,xero,,\n", "UTF-8"),  # marked as UTF-8, but is none
        (
            "in.csv",
            f"{HEADER}\n1,Café,xero,,\n2,Zoë,qbo,,\n".encode() + b"3,\xff,xero,,\n",
            "1 byte that is not text, in line 4",
        ),
        ("in.csv", GOOD + b'2,"Acme,xero,,\n3,Bolt,qbo,,\n', "never closed"),  # a quote that stays open
        ("in.csv", GOOD + b"x" * 20_000_000, "a row of more than 16 MB"),  # a line that never ends
        ("in.csv", b'customer_id,"company_name,platform\n' + b"x" * 200_000, "header cannot be read"),  # in the header
        (
            "in.csv",
            b'customer_id"\r",company_name,platform\n1,Acme,xero\n',
            "header cannot be read",
        ),  # a return in the header
        ("in.csv.gz", GOOD, "incomplete or damaged"),  # called compressed, but is not
        ("in.csv.gz", gzip.compress(GOOD, mtime=0)[:-9], "incomplete or damaged"),  # cut off
        ("in.csv.gz", gzip.compress(GOOD, mtime=0)[:20] + b"\xff" * 30, "incomplete or damaged"),  # damaged
        ("in.csv.gz", gzip.compress(b"", mtime=0), "is empty"),  # nothing inside
        ("in.parquet", b"", "is empty"),  # an empty file
        ("in.parquet", GOOD, "not a Parquet file"),  # a text
        ("in.parquet", b"PAR1" + b"x" * 500 + b"PAR1", "cannot be read"),  # Parquet in name and dress only
        ("in.xlsx", b"PK\x03\x04", "save its sheet as CSV"),  # a workbook
        ("in.xls", b"", "save its sheet as CSV"),  # an old one
        ("in.ods", b"", "save its sheet as CSV"),  # another program's
        ("in.json", b"[]", "unknown file format"),  # no table
        ("in", GOOD, "unknown file format"),  # no suffix
        ("in.gz", gzip.compress(GOOD, mtime=0), "unknown file format"),  # compressed what?
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    """The line says which file, what is wrong and what to do."""
    with pytest.raises(InputError) as refusal:
        read_text(tmp_path, content, name=name)
    message = str(refusal.value)
    assert says in message
    assert message.startswith(str(tmp_path / name))
    assert "\n" not in message
    assert message.isprintable()
    assert len(message) < 1200


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """A name that does not exist is told back."""
    with pytest.raises(InputError, match=r"gone\.csv: the file does not exist"):
        open_input(tmp_path / "gone.csv")


@pytest.mark.parametrize("name", ["folder", "folder.csv", "folder.parquet"])
def test_a_directory_is_refused(tmp_path: Path, name: str) -> None:
    """Whatever it is called."""
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="is a directory"):
        open_input(tmp_path / name)


def test_a_pipe_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    """What can be read once only is no input, because the file is read more than once."""
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="not an ordinary file"):
        open_input(tmp_path / "pipe.csv")


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The administrator may read everything, so the refusal is played."""
    path = tmp_path / "in.csv"
    path.write_bytes(GOOD)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(InputError, match="permission to read the file is denied"):
        open_input(path)


def test_a_zip_file_called_csv_is_refused(tmp_path: Path) -> None:
    """A workbook under another name is seen through."""
    with pytest.raises(InputError, match="zip file or an Excel workbook"):
        read_text(tmp_path, workbook(tmp_path))


@pytest.mark.parametrize(
    "damage",
    [
        lambda good: good[:-20],  # cut off
        lambda good: good[:40] + bytes(40) + good[80:],  # overwritten
        lambda good: good[:72] + b"\0" + good[73:],  # by one byte only, over which the library panics
        lambda good: good + b"x",  # something behind its end
    ],
)
def test_a_damaged_parquet_file_is_refused(
    tmp_path: Path, damage: Callable[[bytes], bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    """In our one line: what the library itself cries over it is not passed on."""
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_text(tmp_path, damage(parquet(tmp_path)), name="in.parquet")
    assert capfd.readouterr() == ("", "")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    """The rows of two files are not mixed."""
    path = tmp_path / "in.csv"
    path.write_bytes(GOOD)
    batches = open_input(path).read()
    next(batches)
    path.write_bytes(GOOD + b"2,Bolt,qbo,,\n")
    with pytest.raises(InputError, match="has changed since"):
        list(batches)


QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
PIECES = [
    "customer_id",
    "company_name",
    "platform",
    "email",
    ",",
    ";",
    "\t",
    '"',
    '""',
    "\n",
    "\r\n",
    "\r",
    " ",
    "1",
    "é",
    "xero",
    "\ufeff",
    "\0",
]


@QUIET
@given(st.lists(st.sampled_from(PIECES), max_size=60).map("".join))
def test_any_text_is_read_or_refused(tmp_path: Path, text: str) -> None:
    """Nothing but a refusal is raised, whatever the text."""
    _read_or_refused(tmp_path, text.encode())


@QUIET
@given(st.lists(st.sampled_from(PIECES[4:]), max_size=60).map("".join))
def test_any_rows_are_read_or_refused(tmp_path: Path, text: str) -> None:
    """The same below a good header, where more of the reading is reached."""
    _read_or_refused(tmp_path, f"customer_id,company_name,platform\n{text}".encode())


@QUIET
@given(st.binary(max_size=300), st.sampled_from(["in.csv", "in.tsv", "in.csv.gz", "in.parquet"]))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, name: str) -> None:
    """Nothing but a refusal is raised, whatever the bytes and the name."""
    _read_or_refused(tmp_path, content, name)


@settings(QUIET, max_examples=30)
@given(at=st.integers(0, 2000), byte=st.integers(0, 255))
def test_a_parquet_file_with_a_changed_byte_is_read_or_refused(tmp_path: Path, at: int, byte: int) -> None:
    """Some such damage makes the library end the process that reads the file: that must not be ours."""
    content = bytearray(parquet(tmp_path))
    content[at % len(content)] = byte
    _read_or_refused(tmp_path, bytes(content), "in.parquet")


def _read_or_refused(folder: Path, content: bytes, name: str = "in.csv") -> None:
    path = folder / name
    path.write_bytes(content)
    with contextlib.suppress(UsageError):
        read(path)
