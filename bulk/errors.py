"""Every error that bulk raises on purpose.

BulkError                        one message for the user; `exit_code` is the command's
├── UsageError               (2) an option, a setting or a file is wrong: fix the command; nothing was sent
│   ├── InputError               the input is missing, empty or broken, or it lacks a column
│   ├── BatchInUseError          another run works on the batch's folder
│   └── BatchError               the folder has no usable journal: none, damaged, of another version or Codat
├── ClientInUseError        (75) another run on this machine sends for the same Codat client: run again later
└── JournalError            (75) the journal cannot be written, for example on a full disk: run again later
    └── JournalGoneError         the journal was moved or deleted during the run: put it back, run again

A response from Codat is never an error but an outcome in the journal. A run that ends before its work is done returns a
value: `bulk.model.Stop`.
"""

from __future__ import annotations


class BulkError(Exception):
    """A message for the user: the problem, the file or customer, and the remedy. It never contains a key or a token."""

    exit_code = 2


class UsageError(BulkError):
    """An option, a setting or a file is wrong. Nothing was sent."""


class InputError(UsageError):
    """The input file is missing, empty or broken, or it lacks a needed column. Nothing was sent."""


class BatchInUseError(UsageError):
    """Another run works on the batch's folder. The folder was not changed."""


class ClientInUseError(BulkError):
    """Another run on this machine sends for the same Codat client. Nothing was sent."""

    exit_code = 75


class BatchError(UsageError):
    """The folder has no journal, or one that this version cannot use with this Codat."""


class JournalError(BulkError):
    """The journal cannot be written. Its content is safe, and the same command resumes later."""

    exit_code = 75


class JournalGoneError(JournalError):
    """The journal was moved or deleted during the run. Nothing more was written to the lost file."""
