"""Detects from a file's first bytes how it is compressed, and opens its content as a stream in bounded memory."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from enum import Enum
from pathlib import Path
from typing import BinaryIO, Final, cast

from bulk.errors import InputError
from bulk.input.files import wrap_read_errors
from bulk.text import count


class Compression(Enum):
    """A form of compression, by the bytes with which it begins."""

    GZIP = b"\x1f\x8b\x08"
    BZIP2 = b"BZh"
    XZ = b"\xfd7zXZ\x00"
    ZSTD = b"\x28\xb5\x2f\xfd"
    ZIP = b"PK\x03\x04"


Layers = tuple[Compression, ...]
"""The compressions of a file, the outermost first; () for a file that is not compressed."""

_MAX_LAYERS: Final = 3
_EMPTY_ZIP: Final = b"PK\x05\x06"
_ENCRYPTED: Final = 1  # in a zip file's flags
_WORKBOOK: Final = re.compile(r"xl/workbook\d*\.xml", re.IGNORECASE)
_OTHER_WORKBOOK_PARTS: Final = ("[Content_Types].xml", "mimetype", "Index/Document.iwa")
_OF_SYSTEM: Final = ("__MACOSX/", ".DS_Store", "Thumbs.db")
_START: Final = 512


def detect(path: Path) -> tuple[Layers, bytes]:
    """Return the compressions of a file, and the first bytes of its content. Raises InputError.

    A workbook of Excel is a zip file, but not a compressed one: its content is the workbook.
    """
    layers: Layers = ()
    while True:
        with wrap_read_errors(path), open_content(path, layers) as content:
            start = content.read(_START)
        if start.startswith(_EMPTY_ZIP):
            raise InputError(f"{path} is a zip file without files")
        found = next((each for each in Compression if start.startswith(each.value)), None)
        if found is None or (found is Compression.ZIP and _is_workbook(path, layers)):
            return layers, start
        if len(layers) == _MAX_LAYERS:
            raise InputError(f"{path} is compressed more than {_MAX_LAYERS} times; unpack it first")
        layers = (*layers, found)


@contextmanager
def open_content(path: Path, layers: Layers) -> Iterator[BinaryIO]:
    """Open a file for reading, through its compressions. It may not be seekable.

    Raises InputError for a zip file of several files.
    """
    with ExitStack() as opened:
        content: BinaryIO = opened.enter_context(path.open("rb"))
        for layer in layers:
            content = opened.enter_context(_unpacked(path, content, layer))
        yield content


@contextmanager
def _unpacked(path: Path, content: BinaryIO, layer: Compression) -> Iterator[BinaryIO]:
    if layer is Compression.ZIP:
        with zipfile.ZipFile(content) as archive, archive.open(_only_member(path, archive)) as member:
            yield cast("BinaryIO", member)
        return
    with _OPENERS[layer](content) as unpacked:
        yield cast("BinaryIO", unpacked)


def _zstd(content: BinaryIO) -> AbstractContextManager[object]:
    from pyarrow import CompressedInputStream  # here, since pyarrow takes time and memory

    return cast("AbstractContextManager[object]", CompressedInputStream(content, "zstd"))


_OPENERS: Final[Mapping[Compression, Callable[[BinaryIO], AbstractContextManager[object]]]] = {
    Compression.GZIP: lambda content: gzip.GzipFile(fileobj=content, mode="rb"),
    Compression.BZIP2: bz2.BZ2File,
    Compression.XZ: lzma.LZMAFile,
    Compression.ZSTD: _zstd,
}


def _is_workbook(path: Path, layers: Layers) -> bool:
    with wrap_read_errors(path), open_content(path, layers) as content, zipfile.ZipFile(content) as archive:
        return any(_WORKBOOK.fullmatch(name) for name in archive.namelist())


def _only_member(path: Path, archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    """Return the only file in a zip file, apart from those that systems add. Raises InputError."""
    members = [each for each in archive.infolist() if not each.is_dir()]
    if any(each.filename in _OTHER_WORKBOOK_PARTS for each in members):
        raise InputError(
            f"{path} is a workbook of another kind than .xlsx; save it as .xlsx, or its sheet as CSV (UTF-8)"
        )
    files = [each for each in members if not each.filename.startswith(_OF_SYSTEM) and _is_own(each.filename)]
    if len(files) != 1:
        number = count(len(files), "file") if files else "no files"
        raise InputError(f"{path} is a zip file with {number}, not one; unpack it and use one of its files")
    if files[0].flag_bits & _ENCRYPTED:
        raise InputError(f"{path} is an encrypted zip file; unpack it with its password and use the file in it")
    return files[0]


def _is_own(name: str) -> bool:
    return name.rsplit("/", 1)[-1] not in _OF_SYSTEM
