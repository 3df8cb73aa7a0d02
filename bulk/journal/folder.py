"""Creates a batch's folder, which only its owner can read if the disk stores who can."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from bulk.errors import UsageError
from bulk.journal import disk

FOLDER_MODE: Final = 0o700
FILE_MODE: Final = 0o600
NOT_PRIVATE: Final = (
    "the disk of this folder does not store who can read a file, so the mount decides who can read its linkUrls, which "
    "are credentials"
)


def make_folder(folder: Path) -> None:
    """Create a folder if it is missing, and let only its owner read it. Raises OSError if it is not writable."""
    if any("\ud800" <= character <= "\udfff" for character in str(folder)):
        # The name has bytes that are not text, and the libraries that write reports cannot use it.
        raise OSError(errno.EILSEQ, os.strerror(errno.EILSEQ), str(folder))
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    require_access(folder, os.R_OK | os.W_OK | os.X_OK)
    make_private(folder, FOLDER_MODE)


def require_access(path: Path, mode: int) -> None:
    """Raise OSError unless this user may use the file or folder in these ways."""
    if not os.access(path, mode):
        is_read_only = os.statvfs(path).f_flag & os.ST_RDONLY
        number = errno.EROFS if is_read_only else errno.EACCES
        raise OSError(number, os.strerror(number), str(path))


def make_private(path: Path, mode: int) -> None:
    """Let only the owner read a file or folder, if its disk can store that. `is_private` returns whether it does.

    Raises OSError if the disk could, for example for the folder of another user.
    """
    if is_private(path):
        return
    try:
        path.chmod(mode)
    except OSError:
        if disk.keeps_permissions(path if path.is_dir() else path.parent):
            raise


def is_private(path: Path) -> bool:
    """Return whether only its owner can read a file or folder."""
    return not path.stat().st_mode & 0o077


def require_spelling(folder: Path) -> None:
    """Raise UsageError for another batch's folder, whose name differs in case only on a disk that ignores case."""
    try:
        names = [each.name for each in folder.parent.iterdir()] if folder.exists() else []
    except OSError:
        return  # the run reports it
    if other := other_spelling(folder.name, names):
        raise UsageError(
            f"{folder} is the folder of the batch {other}, because its disk ignores the case of names. Pass --batch "
            f"{other} for that batch, or another name for a new one. Nothing was sent."
        )


def other_spelling(name: str, names: Iterable[str]) -> str | None:
    """Return the name among these that an existing one must be, if it differs in case."""
    others = [each for each in names if each.casefold() == name.casefold()]
    return None if name in others or not others else others[0]
