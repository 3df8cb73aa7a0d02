"""The input file: read, mapped to fields, and every row accepted or rejected with all its problems.

It knows files and what a customer's row must be; Codat, the journal and the reports are not its business.
"""

from bulk.input.id_file import read_ids
from bulk.input.names import fold_name, folded
from bulk.input.source import Input, open_input
from bulk.input.validate import CheckedRows
from bulk.input.warnings import Suspects

__all__ = [
    "CheckedRows",
    "Input",
    "Suspects",
    "fold_name",
    "folded",
    "open_input",
    "read_ids",
]
