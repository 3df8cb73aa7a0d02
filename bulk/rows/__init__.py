"""The input file: read, mapped to fields, and every row accepted or rejected with all its faults.

It knows files and what a customer's row must be; Codat, the journal and the reports are not its business.
"""

from bulk.rows.ids import read_ids
from bulk.rows.input import Input, open_input
from bulk.rows.names import fold_name, folded
from bulk.rows.platforms import NAMES, platform_key
from bulk.rows.suspects import Suspects
from bulk.rows.validate import Batch

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
