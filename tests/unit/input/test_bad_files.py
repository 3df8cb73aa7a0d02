"""A file that cannot be read raises an error of one clear line, and no other exception is ever raised."""

from __future__ import annotations

import contextlib
import gzip
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bulk.errors import InputError, UsageError
from bulk.input import open_input
from unit.input.input_files import HEADER, read, read_text

CONTENT = f"{HEADER}\n1,Acme,xero,,\n".encode()


def parquet(folder: Path) -> bytes:
    """Return the bytes of a good Parquet file."""
    path = folder / "good.parquet"
    rows = pl.DataFrame({"customer_id": ["1", "2"], "company_name": ["A", "B"], "platform": ["xero", "qbo"]})
    rows.write_parquet(path)
    return path.read_bytes()


def workbook(folder: Path) -> bytes:
    """Return the bytes of a zip file that looks like a workbook."""
    path = folder / "book.zip"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("[Content_Types].xml", "<Types/>")
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "text"),
    [
        ("in.csv", b"", "is empty"),  # empty
        ("in.csv", b"\xef\xbb\xbf", "no header"),  # only a byte order mark
        ("in.csv", b"\n\n  \n", "no header"),  # blank lines
        ("in.csv", b",,,\n", "no header"),  # columns without names
        ("in.csv", HEADER.encode(), "no rows"),  # only a header
        ("in.csv", HEADER.encode() + b"\n\n,,,,\n", "no rows"),  # and blank rows
        (
            "in.csv",
            b"1,Acme,xero,,\n2,Bolt,qbo,,\n",
            "no column for customer_id, company_name and platform;",
        ),  # no header
        ("in.csv", b"customer_id,company_name\n1,Acme\n", "--map platform=COLUMN"),  # one column is missing
        ("in.csv", b"customer_id,name,platform\n1,Acme,xero\n", '"name"'),  # the message lists the existing columns
        ("in.csv", CONTENT.replace(b"email", b"em\0ail"), "NUL"),  # a NUL byte in the header
        ("in.csv", b"sep=,\n" + CONTENT.replace(b"email", b"em\0ail"), "NUL"),  # in a header that is not the first line
        ("in.csv", CONTENT + b"2,Bolt,qbo,,\n" * 200_000 + bytes(range(128)) * 30_000, "NUL"),  # garbage at the end
        ("in.csv", bytes(range(256)) * 300, "NUL"),  # binary garbage
        ("in.csv", bytes(range(128, 256)) * 300, "neither UTF-8 nor Windows-1252"),  # garbage without NUL
        ("in.csv", b"%PDF-1.7\n", "PDF"),  # another format
        ("in.csv", b"\xd0\xcf\x11\xe0" + bytes(100), "workbook"),  # an old workbook
        ("in.csv", b"\xff\xfea\x00,\x00\x00\xd8a\x00", "UTF-16"),  # an incomplete surrogate pair
        ("in.csv", b"\xff\xfea\x00,\x00\n", "UTF-16"),  # half a character at the end
        ("in.csv", b"\xef\xbb\xbf" + CONTENT + b"2,Caf\xe9,xero,,\n", "UTF-8"),  # a UTF-8 mark, but another encoding
        (
            "in.csv",
            f"{HEADER}\n1,Café,xero,,\n2,Zoë,qbo,,\n".encode() + b"3,\xff,xero,,\n",
            "1 byte that is not text, in line 4",
        ),
        (
            "in.csv",
            f"{HEADER}\n1,Café,xero,,\n".encode() + b"2,Cr\xc3",
            "ends in the middle of a character in line 3",
        ),  # an incomplete copy
        ("in.csv", CONTENT + b'2,"Acme,xero,,\n3,Bolt,qbo,,\n', "never closed"),  # an open quote
        ("in.csv", CONTENT + b"x" * 20_000_000, "a row of more than 16 MB"),  # a line without an end
        # an open quote in the header
        ("in.csv", b'customer_id,"company_name,platform\n' + b"x" * 200_000, "header cannot be read"),
        (
            "in.csv",
            b'customer_id"\r",company_name,platform\n1,Acme,xero\n',
            "header cannot be read",
        ),  # a carriage return in the header
        ("in.csv.gz", gzip.compress(CONTENT, mtime=0)[:-9], "incomplete or damaged"),  # truncated
        ("in.csv.gz", gzip.compress(CONTENT, mtime=0)[:20] + b"\xff" * 30, "incomplete or damaged"),  # damaged
        ("in.csv.gz", gzip.compress(b"", mtime=0), "is empty"),  # empty inside
        ("in.parquet", b"", "is empty"),  # an empty file
        ("in.parquet", b"PAR1" + b"x" * 500 + b"PAR1", "cannot be read"),  # only the marks of a Parquet file
        ("in.xlsx", b"PK\x03\x04", "incomplete or damaged"),  # a workbook without its end
        ("in.json", b"[]", "no column for customer_id"),  # not a table
    ],
)
def test_a_bad_file_is_refused_in_one_line(tmp_path: Path, name: str, content: bytes, text: str) -> None:
    """The line names the file, the problem and the remedy."""
    with pytest.raises(InputError) as raised:
        read_text(tmp_path, content, name=name)
    message = str(raised.value)
    assert text in message
    assert message.startswith(str(tmp_path / name))
    assert not re.search(": (is|has|contains|cannot|begins) ", message)  # a colon separates no subject from its verb
    assert "\n" not in message
    assert not re.search(r"Errno|Error|b'|specification", message)  # words of a library
    assert message.isprintable()
    assert len(message) < 1200


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    """The message has its name."""
    with pytest.raises(InputError, match=r"gone\.csv: the file does not exist"):
        open_input(tmp_path / "gone.csv")


@pytest.mark.parametrize("name", ["folder", "folder.csv", "folder.parquet"])
def test_an_empty_directory_is_refused(tmp_path: Path, name: str) -> None:
    """Its name makes no difference."""
    (tmp_path / name).mkdir()
    with pytest.raises(InputError, match="is a directory without parts of a table"):
        open_input(tmp_path / name)


def test_a_pipe_is_refused_immediately(tmp_path: Path) -> None:
    """The input is read more than once, and a pipe can be read only once."""
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="not an ordinary file"):
        open_input(tmp_path / "pipe.csv")


def test_a_file_without_permission_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test raises the error itself, because an administrator may read every file."""
    path = tmp_path / "in.csv"
    path.write_bytes(CONTENT)

    def deny(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", deny)
    with pytest.raises(InputError, match="permission to read the file is denied"):
        open_input(path)


def test_another_workbook_called_csv_is_refused(tmp_path: Path) -> None:
    """The content decides, not the name."""
    with pytest.raises(InputError, match="is a workbook of another kind"):
        read_text(tmp_path, workbook(tmp_path))


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content[:-20],  # truncated
        lambda content: content[:40] + bytes(40) + content[80:],  # overwritten
        lambda content: content[:72] + b"\0" + content[73:],  # one byte, which makes polars panic
        lambda content: content + b"x",  # a byte after the end
    ],
)
def test_a_damaged_parquet_file_is_refused(
    tmp_path: Path, damage: Callable[[bytes], bytes], capfd: pytest.CaptureFixture[str]
) -> None:
    """The library's own output does not reach the terminal."""
    with pytest.raises(InputError, match="cannot be read as a table"):
        read_text(tmp_path, damage(parquet(tmp_path)), name="in.parquet")
    assert capfd.readouterr() == ("", "")


def test_a_file_that_changes_during_reading_is_refused(tmp_path: Path) -> None:
    """The rows of two versions are never mixed."""
    path = tmp_path / "in.csv"
    path.write_bytes(CONTENT)
    rows = open_input(path).read()
    next(rows)
    path.write_bytes(CONTENT + b"2,Bolt,qbo,,\n")
    with pytest.raises(InputError, match="has changed since"):
        list(rows)


QUIET = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=80)
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
    """No text raises any other exception."""
    _read_or_refused(tmp_path, text.encode())


@QUIET
@given(st.lists(st.sampled_from(PIECES[4:]), max_size=60).map("".join))
def test_any_rows_are_read_or_refused(tmp_path: Path, text: str) -> None:
    """A good header lets the rows reach more of the code."""
    _read_or_refused(tmp_path, f"customer_id,company_name,platform\n{text}".encode())


@QUIET
@given(st.binary(max_size=300), st.sampled_from(["in.csv", "in.tsv", "in.csv.gz", "in.parquet"]))
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, name: str) -> None:
    """No bytes and no suffix raise any other exception."""
    _read_or_refused(tmp_path, content, name)


@settings(QUIET, max_examples=30)
@given(at=st.integers(0, 2000), byte=st.integers(0, 255))
def test_a_parquet_file_with_a_changed_byte_is_read_or_refused(tmp_path: Path, at: int, byte: int) -> None:
    """No change ends the process or raises any other exception."""
    content = bytearray(parquet(tmp_path))
    content[at % len(content)] = byte
    _read_or_refused(tmp_path, bytes(content), "in.parquet")


def _read_or_refused(folder: Path, content: bytes, name: str = "in.csv") -> None:
    path = folder / name
    path.write_bytes(content)
    with contextlib.suppress(UsageError):
        read(path)
