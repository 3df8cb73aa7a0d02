"""Reads the input file: columns become fields, and every row is accepted, or rejected with all its problems.

This package knows files and the rules for a customer's row. It does not know Codat, the journal or the reports.
"""

from bulk.input.damaged_rows import DamagedRows
from bulk.input.description_warnings import DescriptionWarnings
from bulk.input.duplicates import FirstRows
from bulk.input.email_warnings import EmailWarnings
from bulk.input.id_file import read_ids
from bulk.input.name_changes import NameChanges
from bulk.input.names import fold_name, fold_names
from bulk.input.platform_keys import Uses
from bulk.input.platform_warnings import PlatformWarnings
from bulk.input.shared_emails import SharedEmails
from bulk.input.source import Input, open_input
from bulk.input.validate import CheckedRows
from bulk.input.warnings import MAX_KEPT, Warnings, general_texts
from bulk.problem_groups import Group, Groups, of_problem

__all__ = [
    "MAX_KEPT",
    "CheckedRows",
    "DamagedRows",
    "DescriptionWarnings",
    "EmailWarnings",
    "FirstRows",
    "Group",
    "Groups",
    "Input",
    "NameChanges",
    "PlatformWarnings",
    "SharedEmails",
    "Uses",
    "Warnings",
    "fold_name",
    "fold_names",
    "general_texts",
    "of_problem",
    "open_input",
    "read_ids",
]
