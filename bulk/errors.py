"""Every error that bulk raises on purpose.

BulkError                  what a user is told in one message; `exit_code` is the command's
├── UsageError        (2)  an option, a setting or a file that cannot be right: mend the command
│   ├── InputError         the input is missing, empty, broken or lacks a column
│   ├── BatchInUseError       another run works on this batch's folder
│   └── BatchError         the folder holds no journal of ours, or one of another Codat or version
└── JournalError (75) the journal cannot be written (a full disk, say): make room, run again
    └── JournalGoneError     it was moved or deleted while it was in use: put it back, run again

What Codat answers is not an error but an outcome, written into the journal; what stops a run for good or for
now is a value as well, `bulk.model.Stop`.
"""

from __future__ import annotations


class BulkError(Exception):
    """What a user is told: what happened, to what, and what to do next. Never holds a key or a token."""

    exit_code = 2


class UsageError(BulkError):
    """An option, a setting or a file that cannot be right; nothing was sent."""


class InputError(UsageError):
    """The input file is missing, empty, broken or lacks a needed column; nothing was sent."""


class BatchInUseError(UsageError):
    """Another run works on this batch's folder; it was left alone."""


class BatchError(UsageError):
    """The folder holds no journal that this version, pointed at this Codat, may go on with."""


class JournalError(BulkError):
    """The journal cannot be written. What it has is safe; the same command resumes when there is room."""

    exit_code = 75


class JournalGoneError(JournalError):
    """The journal was moved or deleted while it was in use; what would be written now, nobody would find."""
