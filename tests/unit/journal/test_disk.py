"""A disk is tested before the first request. Errors tell what it lacks, or that it is full or fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bulk.errors import JournalError, UsageError
from bulk.journal.disk import ProbeFile, keeps_permissions, require_able


def failing(number: int) -> Callable[[ProbeFile], None]:
    """Return an ability whose use fails with this error."""

    def use(file: ProbeFile) -> None:
        assert file.path.stat().st_size
        raise OSError(number, os.strerror(number))

    return use


def test_a_usual_disk_is_able(tmp_path: Path) -> None:
    """Nothing is left of the test."""
    require_able(tmp_path)
    assert keeps_permissions(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "error", "message"),
    [
        # what a disk answers that has no such function
        (errno.ENOLCK, UsageError, "cannot be used: its disk has no wings"),
        (errno.ENOSYS, UsageError, "cannot be used: its disk has no wings"),
        (errno.EOPNOTSUPP, UsageError, "cannot be used: its disk has no wings"),
        (errno.EINVAL, UsageError, "cannot be used: its disk has no wings"),
        (errno.ENODEV, UsageError, "cannot be used: its disk has no wings"),
        (errno.EPERM, UsageError, "cannot be used: its disk has no wings"),
        (errno.EAGAIN, UsageError, "cannot be used: its disk has no wings"),  # a lock on a new file
        # these may end
        (errno.ENOSPC, JournalError, "the disk is full"),
        (errno.EDQUOT, JournalError, "the disk is full"),
        (errno.EIO, JournalError, "Check the disk"),
        (errno.ESTALE, JournalError, "Check the disk"),
        (errno.ENOTCONN, JournalError, "Check the disk"),
    ],
)
def test_an_error_decides(tmp_path: Path, number: int, error: type[Exception], message: str) -> None:
    """A disk without a function never gets it: exit code 2. A full disk, or one out of reach, may recover: 75."""
    with pytest.raises(error, match=message) as caught:
        require_able(tmp_path, [("has no legs", lambda _: None), ("has no wings", failing(number))])
    assert "legs" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_has_disappeared_is_a_usage_error(tmp_path: Path) -> None:
    """Nothing was sent."""
    with pytest.raises(UsageError, match="/gone cannot be used: it cannot be created there"):
        require_able(tmp_path / "gone")
