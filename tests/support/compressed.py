"""Compresses contents of files, always in the same bytes: without the current time."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import zipfile
from collections.abc import Callable, Mapping
from typing import Final

import pyarrow as pa


def gz(content: bytes) -> bytes:
    """Return the content, compressed with gzip."""
    return gzip.compress(content, mtime=0)


def zstd(content: bytes) -> bytes:
    """Return the content, compressed with zstd."""
    packed = pa.BufferOutputStream()
    with pa.CompressedOutputStream(packed, "zstd") as stream:
        stream.write(content)
    return bytes(packed.getvalue())


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return a zip file with these files."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


COMPRESSED: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "gz": gz,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstd,
    "zip": lambda content: zipped({"in.csv": content}),
}
"""Each form of compression, by the ending of its files."""
