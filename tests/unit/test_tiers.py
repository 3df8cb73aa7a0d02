"""`make test` and `make rest` together run every test once."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text("utf-8").replace("\\\n", " ")
RUN_TWICE = "tests/simulation/test_simulation.py"  # with other seeds


def _places(variable: str) -> list[str]:
    found = re.search(rf"^{variable} := (.*)$", MAKEFILE, re.MULTILINE)
    assert found
    return [place.partition("::")[0] for place in found[1].split()]


def test_every_test_is_run_by_one_of_the_two() -> None:
    """A new folder of tests belongs into one of the two lists of the Makefile."""
    quick, rest = _places("QUICK"), _places("REST")
    files = [path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_*.py")]
    assert len(files) > 100
    for file in files:
        in_quick = any(file == place or file.startswith(place + "/") for place in quick)
        in_rest = any(file == place or file.startswith(place + "/") for place in rest) and file not in quick
        assert in_quick != in_rest or file.startswith(RUN_TWICE), file


def test_what_make_test_runs_exists() -> None:
    """A renamed file would otherwise be left out."""
    for place in _places("QUICK") + _places("REST"):
        assert (ROOT / place).exists(), place
    assert "--ignore tests/acceptance/test_journeys.py" in MAKEFILE


def test_the_tests_that_the_documents_name_exist() -> None:
    """The tables say which tests prove which guarantee."""
    text = (ROOT / "docs" / "testing.md").read_text("utf-8") + (ROOT / "SECURITY.md").read_text("utf-8")
    named = set(re.findall(r"`(?:tests/)?([\w/]+\.py)`", text))
    assert len(named) > 30
    assert [name for name in sorted(named) if not (ROOT / "tests" / name).exists()] == []
