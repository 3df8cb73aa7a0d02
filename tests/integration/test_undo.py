"""`undo` deletes the companies of all or of named customers; `migrate` creates them again only with `--again`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import bulk
from bulk.engine.events import Event, Warned
from bulk.errors import UsageError
from bulk.sandbox.launch import Running, start
from bulk.settings import Settings

HEADER = "customer_id,company_name,platform\n"


class Trial:
    """A batch of four customers in a sandbox of its own."""

    def __init__(self, path: Path, codat: Running) -> None:
        self.settings = Settings.make(api_key=codat.api_key, base_url=codat.base_url, rate=1_000_000, environ={})
        self.source, self.folder = path / "in.csv", path / "in"
        self.warnings: list[str] = []
        self.migrate()

    def migrate(self, *ids: str, again: bool = False) -> Counter[str]:
        """Migrate these customers, or all four; return the requests by operation."""
        self.source.write_text(HEADER + "".join(f"{each},Company {each},Xero\n" for each in ids or "1234"))
        options = bulk.Options(again=again)
        result = bulk.migrate_blocking(
            self.source, reports=self.folder.parent, settings=self.settings, options=options, on_event=self._note
        )
        assert result.exit_code == 0
        return Counter(result.summary.requests)

    def undo(self, *ids: str, yes: bool = True) -> bulk.UndoResult:
        """Undo these customers, or all."""
        return bulk.undo_blocking(self.folder, list(ids) or None, settings=self.settings, yes=yes)

    def states(self) -> dict[str, str]:
        """Return the state of each customer in the results."""
        results = bulk.report(self.folder).results
        return dict(zip(results["customer_id"], results["state"], strict=True))

    def _note(self, event: Event) -> None:
        if isinstance(event, Warned):
            self.warnings.append(event.text)


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    """Return a batch whose customers wait for an authorization."""
    with start(tmp_path / "sandbox") as codat:
        yield Trial(tmp_path, codat)


def test_only_the_named_customers_are_listed_and_deleted(trial: Trial) -> None:
    """One company is read on its own, which costs no more than a page of the list."""
    listed = trial.undo("2", yes=False)
    assert (listed.exit_code, listed.deletable["customer_id"].to_list(), listed.deleted) == (0, ["2"], 0)
    assert dict(listed.summary.requests) == {"get_company": 1}
    undone = trial.undo("2")
    assert (undone.exit_code, undone.deleted, undone.others) == (0, 1, {})
    assert dict(undone.summary.requests) == {"get_company": 2, "delete_company": 1}
    assert trial.states() == {"1": "link_ready", "2": "pending", "3": "link_ready", "4": "link_ready"}


def test_a_second_undo_of_the_same_customer_sends_nothing(trial: Trial) -> None:
    """It is as it should be."""
    trial.undo("2")
    again = trial.undo("2")
    assert (again.exit_code, again.deleted, again.others) == (0, 0, {})
    assert again.summary.requests_total == 0


def test_named_customers_that_are_left_alone_have_a_reason(trial: Trial) -> None:
    """The others are deleted."""
    undone = trial.undo("3", "nobody", "003")
    assert (undone.exit_code, undone.deleted) == (1, 1)
    assert undone.others == {
        "nobody": "this batch has no such customer",
        "003": 'this batch has no such customer, but "3", which may be the same identifier: name that one',
    }
    with pytest.raises(UsageError, match="has no such customer: nobody"):
        trial.undo("nobody")


def test_migrate_creates_a_deleted_company_only_with_again(trial: Trial) -> None:
    """A nightly run must not create what a person has deleted."""
    trial.undo("1", "2")
    assert trial.migrate() == {}
    assert trial.warnings == [
        "2 companies were deleted by undo and will not be created again. To create them, add --again."
    ]
    assert trial.migrate("1", "2", "3", "4", "5")["create_company"] == 1
    assert trial.migrate("1", "2", "3", "4", "5", again=True)["create_company"] == 2
    assert set(trial.states().values()) == {"link_ready"}


@pytest.mark.parametrize("undo_first", [True, False])
def test_a_row_that_leaves_the_input_and_returns_is_not_created_again(trial: Trial, undo_first: bool) -> None:
    """Its customer stays known, but no report shows it meanwhile, because Codat has nothing of it."""
    steps: list[Callable[[], object]] = [lambda: trial.undo("2"), lambda: trial.migrate("1", "3", "4")]
    for step in steps if undo_first else reversed(steps):
        step()
    assert trial.states() == {"1": "link_ready", "3": "link_ready", "4": "link_ready"}
    assert trial.migrate() == {}
    assert trial.states()["2"] == "pending"
    assert trial.migrate(again=True)["create_company"] == 1


def test_a_row_that_becomes_wrong_after_the_undo_is_rejected_and_not_created_when_it_is_corrected(
    trial: Trial,
) -> None:
    """The results show it once, as a rejected row."""
    trial.undo("2")
    trial.source.write_text(HEADER + "1,Company 1,Xero\n2,,Xero\n3,Company 3,Xero\n4,Company 4,Xero\n")
    result = bulk.migrate_blocking(trial.source, reports=trial.folder.parent, settings=trial.settings)
    assert (result.exit_code, trial.states()["2"], sum(result.summary.customers.values())) == (1, "rejected", 4)
    assert trial.migrate() == {}
    assert trial.states()["2"] == "pending"
