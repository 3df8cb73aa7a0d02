"""The input file: read, mapped to fields, and every row accepted or rejected with all its faults.

It knows files and what a customer's row must be; Codat, the journal and the reports are not its business.
"""

from bulk.input.id_file import read_ids
from bulk.input.names import fold_name, folded
from bulk.input.source import Input, open_input
from bulk.input.validate import Batch
from bulk.input.warnings import Suspects
from bulk.platforms import NAMES, platform_key

PLATFORM_NAMES = NAMES
"""Codat's platformKeys that have a name here, with that name."""

__all__ = [
    "PLATFORM_NAMES",
    "Batch",
    "Input",
    "Suspects",
    "fold_name",
    "folded",
    "open_input",
    "platform_key",
    "read_ids",
]
