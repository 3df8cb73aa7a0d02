"""A row that goes or breaks while Codat has its customer, or may have, and that comes back later."""

from __future__ import annotations

import csv
import random
from collections import Counter
from pathlib import Path

from bulk.engine.commands.migrate import Migration
from bulk.engine.run import Options
from bulk.input import open_input
from bulk.model import Stop
from runs.crash_runs import Life, Place, folder_of_a_test
from runs.fake_codat import Fate, Pretend


def _migrate(place: Place, source: Path, names: dict[str, str]) -> Stop | None:
    with source.open("w", newline="") as file:
        rows = ([each, name, "xero"] for each, name in names.items())
        csv.writer(file).writerows([["customer_id", "company_name", "platform"], *rows])
    return place.do(lambda hook: Migration(open_input(source, mapping={}), Options(), hook), Life())


def test_who_may_still_come_about_under_a_key_is_not_forgotten_with_it() -> None:
    """The look-up does not show the company yet, the key is at work; forgotten, the customer would get another."""
    fates = [Fate.WELL, Fate.LATE, Fate.LAGGING, *[Fate.BUSY] * 6]
    codat = Pretend(iter(fates), honours_keys=True, allows_second=False)
    with folder_of_a_test() as path:
        place = Place(path / "batch", codat, 1, random.Random(0))  # noqa: S311 - repeatable, no secret
        source = path / "customers.csv"
        _migrate(place, source, {"c0": "Acme"})
        place.rest(60)
        assert _migrate(place, source, {"c0": "", "c1": "Other"}) is None
        place.rest(60)
        assert _migrate(place, source, {"c0": "Acme", "c1": "Other"}) is None
    assert Counter(company["tags"]["uid"] for company in codat.companies) == {"c0": 1, "c1": 1}


def test_who_turns_out_not_to_be_there_is_forgotten_once_the_key_is() -> None:
    """One look-up more, when nothing can come about under the key any longer."""
    codat = Pretend(
        iter([Fate.WELL, Fate.LOST_BEFORE, Fate.WELL, *[Fate.BUSY] * 6]), honours_keys=True, allows_second=False
    )
    with folder_of_a_test() as path:
        place = Place(path / "batch", codat, 1, random.Random(0))  # noqa: S311 - repeatable, no secret
        source = path / "customers.csv"
        _migrate(place, source, {"c0": "Acme"})
        for _ in range(2):
            place.rest(2 * 3600)
            assert _migrate(place, source, {"c1": "Other"}) is None
    assert [company["tags"]["uid"] for company in codat.companies] == ["c1"]


def test_who_was_missing_from_the_input_when_the_journal_was_lost_is_known_by_its_tags_later() -> None:
    """The first sweep shows a company of this batch that nobody has: whoever comes new may be the one."""
    codat = Pretend(iter(()), honours_keys=False, allows_second=False)
    with folder_of_a_test() as path:
        place = Place(path / "batch", codat, 1, random.Random(0))  # noqa: S311 - repeatable, no secret
        source = path / "customers.csv"
        _migrate(place, source, {"c0": "Acme"})
        for file in place.folder.glob("journal.sqlite3*"):
            file.unlink()
        assert _migrate(place, source, {"c0": "", "c1": "Other"}) is None
        assert _migrate(place, source, {"c0": "Acme", "c1": "Other"}) is None
    assert Counter(company["tags"]["uid"] for company in codat.companies) == {"c0": 1, "c1": 1}


def test_whom_another_batch_has_is_known_when_the_input_grows_by_them() -> None:
    """The first sweep of a batch shows the companies of all: whoever of them comes later has one already."""
    codat = Pretend(iter(()), honours_keys=False, allows_second=False)
    with folder_of_a_test() as path:
        one, other = (Place(path / name, codat, 1, random.Random(0)) for name in ("one", "other"))  # noqa: S311 - repeatable, no secret
        _migrate(one, path / "one.csv", {"c0": "Acme"})
        _migrate(other, path / "other.csv", {"c1": "Other"})
        before = len(codat.companies)
        assert _migrate(other, path / "other.csv", {"c1": "Other", "c0": "Acme"}) is None
        assert _migrate(other, path / "other.csv", {"c1": "Other", "c0": "Acme", "c2": "New"}) is None
    assert before == 2
    assert Counter(company["tags"]["uid"] for company in codat.companies) == {"c0": 1, "c1": 1, "c2": 1}
