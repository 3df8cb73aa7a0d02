"""The page's template as bytecode, kept where Python keeps its own: compiling it takes longer than filling it in."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from pickle import UnpicklingError

from jinja2 import FileSystemBytecodeCache
from jinja2 import __version__ as jinja
from jinja2.bccache import Bucket

from bulk import __version__ as bulk


class Compiled(FileSystemBytecodeCache):
    """What is written anew when template, bulk, Jinja or Python is another, and done without where nothing can be.

    It is trusted as bytecode is: who may write there may change bulk itself.
    """

    def __init__(self, package: Path) -> None:
        super().__init__(str(package / "__pycache__"))

    def get_source_checksum(self, source: str) -> str:
        """Tell templates apart, and what fills them in."""
        return super().get_source_checksum(f"{bulk} {jinja} {source}")

    def load_bytecode(self, bucket: Bucket) -> None:
        """Take what is there, unless it was cut short."""
        with suppress(OSError, EOFError, UnpicklingError):
            super().load_bytecode(bucket)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it for the next command, where Python keeps its own."""
        if sys.dont_write_bytecode:
            return
        with suppress(OSError):
            Path(self.directory).mkdir(exist_ok=True)
            super().dump_bytecode(bucket)
