"""The dependencies in `pyproject.toml` and the two lock files agree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
RUNTIME, DEVELOPMENT = "requirements.lock", "requirements-dev.lock"


def pinned(lock: str) -> dict[str, str]:
    """Return the version of each package in a lock file."""
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", (ROOT / lock).read_text("utf-8"), re.MULTILINE))


def declared() -> tuple[set[str], set[str]]:
    """Return the names of the dependencies that users need, and of those that only development needs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"].values()
    users = [*project["project"]["dependencies"], *(each for extra in extras for each in extra)]
    names = [
        {re.split(r"[^a-z0-9-]", each)[0] for each in group} for group in (users, project["dependency-groups"]["dev"])
    ]
    return names[0], names[1]


def test_the_lock_for_users_has_what_every_command_needs() -> None:
    """It includes the extra `listen`, and nothing that only development needs."""
    users, development = declared()
    assert users <= set(pinned(RUNTIME))
    assert not development & set(pinned(RUNTIME))


def test_the_lock_for_development_includes_the_one_for_users() -> None:
    """The tests run with the versions that users install."""
    users, development = declared()
    assert users | development <= set(pinned(DEVELOPMENT))
    assert pinned(RUNTIME).items() <= pinned(DEVELOPMENT).items()


def test_the_locks_name_no_package_index() -> None:
    """They have versions and hashes only, so that they can be used with any index."""
    for lock in (RUNTIME, DEVELOPMENT):
        text = (ROOT / lock).read_text("utf-8")
        assert "://" not in text
        assert text.count("--hash=sha256:") > len(pinned(lock))


def test_each_dependency_has_a_reason() -> None:
    """It is a comment in the same line."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    dependencies = re.findall(r'^ +"[a-z0-9-]+(?:[<>=].*)?",?.*$', text.partition("[project.scripts]")[0], re.MULTILINE)
    assert len(dependencies) > 20
    assert [line for line in dependencies if not re.search(r'", # \w.{10,}', line)] == []
