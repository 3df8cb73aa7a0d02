"""A batch's folder is its owner's."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from bulk.errors import UsageError
from bulk.journal.folder import is_private, make_private, other_spelling, require_spelling


@pytest.mark.parametrize("is_folder", [True, False])
def test_what_others_could_read_becomes_private(tmp_path: Path, *, is_folder: bool) -> None:
    """Also if another program has created it."""
    path = tmp_path / "it"
    path.mkdir() if is_folder else path.touch()
    path.chmod(0o755)
    assert not is_private(path)
    make_private(path, 0o700)
    assert is_private(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("name", "names", "expected"),
    [
        ("customers", ["customers"], None),
        ("customers", ["customers", "Customers"], None),  # a disk that distinguishes them
        ("customers", ["other"], None),
        ("customers", ["Customers", "other"], "Customers"),  # there, although no such name is listed
        ("STRASSE", ["straße"], "straße"),
    ],
)
def test_the_name_of_a_folder_may_be_another_one(name: str, names: list[str], expected: str | None) -> None:
    """On a disk that ignores case, two batches cannot differ in it."""
    assert other_spelling(name, names) == expected


class CaseIgnoring(type(Path())):  # type: ignore[misc]  # the class of this system's paths
    """A path on a disk that ignores case."""

    def exists(self) -> bool:
        """Return whether it is there in any spelling."""
        return any(each.name.casefold() == self.name.casefold() for each in self.parent.iterdir())


def test_another_batch_is_not_taken_for_this_one(tmp_path: Path) -> None:
    """The message has the name that the disk shows."""
    (tmp_path / "Customers").mkdir()
    require_spelling(CaseIgnoring(tmp_path, "Customers"))
    require_spelling(CaseIgnoring(tmp_path, "others"))
    with pytest.raises(UsageError, match=r"is the folder of the batch Customers.* Pass --batch Customers"):
        require_spelling(CaseIgnoring(tmp_path, "customers"))
