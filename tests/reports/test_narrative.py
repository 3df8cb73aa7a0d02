"""What people are told of a batch: the funnel, the time it took, what to do next. Pure: figures in, words out."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulk.model import State
from bulk.problems import Problem, new
from bulk.reports.figures import (
    AttemptHistory,
    Example,
    Failure,
    Figures,
    Held,
    LastRun,
    LinkAges,
    Minute,
    Rejected,
)
from bulk.reports.rows import QuotaFigures, RowFigures, Summary
from bulk.reports.summary import advice, funnel, narrative
from bulk.reports.summary.advice import BatchLocation
from bulk.reports.summary.timeline import MAX_SLICES, timeline
from bulk.settings import SANDBOX

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
TOMORROW = "2026-11-24T00:00:00Z"
HERE = BatchLocation(Path("reports/autumn"), has_sandbox=False, has_differences=False)
NOTHING = QuotaFigures(None, None, None)


def figures(standing: Mapping[tuple[int, State], int] | None = None, *, rejected: int = 0, **others: object) -> Figures:
    """Make the figures of a batch in which so many customers have got so far and are in such a state."""
    groups = [AttemptHistory("gbol", furthest, state, n) for (furthest, state), n in (standing or {}).items()]
    counts = dict.fromkeys(map(str, State), 0) | {"rejected": rejected}
    for group in groups:
        counts[group.state] += group.customers
    summary = Summary(
        *("autumn", "in.csv", "2026-11-23T10:00:00Z", "2026-11-23T10:01:00Z", 60.0, counts, {}, 21, 0, 0),
        NOTHING,
        RowFigures(0, 0, 0, 0),
    )
    run = LastRun("migrate", "1.0", "2026-11-23T10:00:00Z", "2026-11-23T10:01:00Z", 60.0, None, {}, 0, 0)
    made = Figures(
        *(NOON, None, summary, None, None, {}, {}, tuple(groups), LinkAges(0, 0, 0, 0, None), (), (), (), 0, run, {})
    )
    return replace(made, **others)  # type: ignore[arg-type]


GROUPS = st.dictionaries(
    st.tuples(st.integers(1, 5), st.sampled_from([state for state in State if state is not State.REJECTED])),
    st.integers(1, 1000),
)


@given(GROUPS, st.integers(0, 100))
def test_stages_only_get_smaller_and_the_losses_add_up(groups: dict[tuple[int, State], int], rejected: int) -> None:
    """Each loss is the difference of two stages, and all of them and the last stage are all rows."""
    stages = funnel.funnel(figures(groups, rejected=rejected))
    assert [stage.name for stage in stages] == [
        "rows",
        "valid",
        "company",
        "link ready",
        "linked",
        "partner connection",
    ]
    for stage, following in itertools.pairwise(stages):
        assert stage.rows - following.rows == sum(loss.rows for loss in stage.losses)
        assert 0 <= following.share <= stage.share <= 1
    assert (
        stages[0].rows
        == sum(groups.values()) + rejected
        == sum(s.rows for s in funnel.states(figures(groups, rejected=rejected)))
    )


def test_where_the_losses_are_is_told_by_state() -> None:
    """Who waits between link ready and linked, who failed, who is unlinked again."""
    at = {(3, State.LINK_READY): 20, (3, State.UNLINKED): 2, (3, State.FAILED): 1, (5, State.COMPLETE): 7}
    stages = {stage.name: stage for stage in funnel.funnel(figures(at, rejected=4))}
    assert [(loss.state, loss.rows) for loss in stages["link ready"].losses] == [
        (State.LINK_READY, 20),
        (State.UNLINKED, 2),
        (State.FAILED, 1),
    ]
    assert [(loss.state, loss.rows) for loss in stages["rows"].losses] == [(State.REJECTED, 4)]
    assert stages["partner connection"].losses == ()


def test_platforms_stand_side_by_side_the_biggest_first() -> None:
    """With their names, how far their customers have got, and how many have authorized."""
    groups = (
        AttemptHistory("zzzz", 3, State.LINK_READY, 1),
        AttemptHistory("gbol", 3, State.LINK_READY, 2),
        AttemptHistory("gbol", 5, State.COMPLETE, 3),
        AttemptHistory("gbol", 4, State.LINKED, 1),
    )
    xero, other = funnel.platforms(replace(figures(), standing=groups))
    assert (xero.name, xero.customers, xero.reached, xero.authorized) == ("Xero", 6, (6, 6, 6, 4, 3), 4)
    assert (other.name, other.customers, other.states) == ("zzzz", 1, {State.LINK_READY: 1})


def test_changes_are_counted_by_the_words_of_the_column() -> None:
    """Newly linked are all who have authorized since, however far that has got."""
    changed = {
        (State.LINK_READY, State.COMPLETE): 3,
        (State.LINK_READY, State.LINKED): 1,
        (State.LINKED, State.COMPLETE): 2,
        (State.PENDING, State.FAILED): 5,
    }
    assert funnel.changes(figures(changes=changed)) == (("newly_linked", 4), ("newly_complete", 2), ("newly_failed", 5))


@pytest.mark.parametrize(
    ("said", "groups", "rejected"),
    [
        ("Nobody is in this batch yet.", {}, 0),
        ("Of 1 row, 1 was rejected.", {}, 1),
        ("Of 1 row, 1 has yet to authorize.", {(3, State.LINK_READY): 1}, 0),
        (
            "Of 1,058 rows, 20 have a partner connection, 1 has authorized and waits for the partner connection, 29 "
            "have yet to authorize, 999 are not done yet and 9 were rejected.",
            {(5, State.COMPLETE): 20, (4, State.LINKED): 1, (3, State.LINK_READY): 29, (1, State.PENDING): 999},
            9,
        ),
    ],
)
def test_the_headline_says_it_in_one_sentence(said: str, groups: dict[tuple[int, State], int], rejected: int) -> None:
    """Only what there is, in the number it has."""
    assert narrative.headline(figures(groups, rejected=rejected)) == said


def test_the_last_run_is_told_with_what_it_did_and_why_it_stopped() -> None:
    """What was asked but not done is not told as done."""
    done = {"company": 1, "connection": 2}
    run = LastRun("migrate", "1.0", "2026-11-23T10:00:00Z", "2026-11-23T10:01:00Z", 60.0, None, done, 0, 0)
    begins = "bulk migrate, 2026-11-23 10:00 UTC: "
    told = narrative.last_run(figures(last_run=run))
    assert told == begins + "1 company created, 2 accounting connections created, with 21 requests in 1 min 0 s."
    stopped = narrative.last_run(figures(last_run=replace(run, done={}, stopped="Interrupted")))
    assert stopped == begins + "nothing new, with 21 requests in 1 min 0 s. It stopped: Interrupted."
    killed = narrative.last_run(figures(last_run=replace(run, done={}, finished_at=None, seconds=None)))
    assert killed == begins + "nothing new, with 21 requests. It has not come to its end."
    verified = narrative.last_run(figures(last_run=replace(run, command="verify", done={}, findings=2)))
    assert ": 2 findings, with" in verified
    linked = narrative.last_run(figures(last_run=replace(run, command="follow-up", done={}, newly_linked=3)))
    assert ": 3 customers newly linked, with" in linked
    assert narrative.last_run(figures(last_run=None)) == "No command has run on this batch yet."


@pytest.mark.parametrize(
    ("quota", "to_do", "used", "left", "days"),
    [
        # nothing to do needs no day, whatever the quota
        (QuotaFigures(1000, 0, TOMORROW), 0, 1000, 0, 0),
        # what is left today is enough
        (QuotaFigures(1000, 900, TOMORROW), 900, 100, 900, 1),
        # the rest of today and one more day; no day counts that has nothing left
        (QuotaFigures(1000, 900, TOMORROW), 901, 100, 900, 2),
        (QuotaFigures(1000, 0, TOMORROW), 1001, 1000, 0, 2),
        # the day that the answer spoke of is over: all of the quota is left again
        (QuotaFigures(1000, 10, "2026-11-23T00:00:00Z"), 1500, 990, 10, 2),
        # Codat has not said
        (NOTHING, 5, None, None, None),
        (QuotaFigures(None, 5, TOMORROW), 5, None, 5, None),
    ],
)
def test_the_quota_says_how_many_days_are_needed(
    quota: QuotaFigures, to_do: int, used: int | None, left: int | None, days: int | None
) -> None:
    """Today included, if nobody links meanwhile."""
    known = figures(requests_to_do=to_do)
    said = advice.quota(replace(known, summary=replace(known.summary, quota=quota)))
    assert (said.used, said.left, said.days) == (used, left, days)
    assert said.is_over == (quota.resets_at == "2026-11-23T00:00:00Z")


def test_what_to_do_next_names_files_and_whole_commands() -> None:
    """Mail, renew, follow up, mend, retry, look into, go on: each only where there is need."""
    groups = {(3, State.LINK_READY): 5, (1, State.PENDING): 2, (1, State.FAILED): 1, (4, State.FAILED): 1}
    known = figures(
        groups,
        rejected=3,
        links=LinkAges(1, 1, 2, 1, "2026-11-23T15:00:00Z"),
        base_url="https://codat.example.com",
        mapping={"customer_id": "Account No"},
        failures=(failure(State.FAILED, "company", "400"), failure(State.FAILED, "partner", "422")),
        last_run=LastRun("verify", "1", "2026-11-23T10:00:00Z", None, None, None, {}, 0, 4),
    )
    where = "--base-url https://codat.example.com"
    steps = list(advice.next_steps(known, BatchLocation(Path("out/autumn"), has_sandbox=False, has_differences=True)))
    begins = "bulk migrate in.csv --batch autumn --reports out --map 'customer_id=Account No'"
    assert [(step.title, step.what, step.command) for step in steps] == [
        ("Email", "out/autumn/links.csv", ""),
        ("Renew", f"bulk links out/autumn {where}", f"bulk links out/autumn {where}"),
        ("Follow up", f"bulk follow-up out/autumn {where}", f"bulk follow-up out/autumn {where}"),
        # the rejected rows came in by another file, without --map
        ("Mend", "out/autumn/rejects.csv", f"bulk migrate out/autumn/rejects.csv --batch autumn --reports out {where}"),
        ("Failed", "out/autumn/results.csv", f"{begins} --retry-failed {where}"),
        ("Failed", "out/autumn/results.csv", f"bulk follow-up out/autumn --retry-failed {where}"),
        ("Look into", "out/autumn/verify.csv", ""),
        ("Differs", "out/autumn/differences.csv", ""),
        ("Go on", f"{begins} {where}", f"{begins} {where}"),
    ]
    assert steps[0].why == "2 linkUrls, the next expires 2026-11-23 15:00 UTC"
    assert steps[1].why == "3 linkUrls no longer good"
    assert list(advice.next_steps(figures({(5, State.COMPLETE): 1}), HERE)) == []


def test_rejected_rows_of_inputs_with_different_maps_have_no_one_command() -> None:
    """With either, the rows of the other would be read wrongly."""
    (mend,) = advice.next_steps(figures(rejected=2, mapping_of_rejects=None), HERE)
    assert (mend.title, mend.command) == ("Mend", "")
    assert mend.why.endswith("give it with that input's --map")


def test_after_an_undo_nobody_is_created_again_by_the_way() -> None:
    """The command is named, and what it would do."""
    undone = LastRun("undo", "1", "2026-11-23T10:00:00Z", None, None, None, {"delete": 2}, 0, 0)
    (step,) = advice.next_steps(figures({(1, State.PENDING): 2}, last_run=undone), HERE)
    assert step.why == "2 customers to do, if they are to be created again after the undo"


def test_an_input_is_never_taken_for_an_option() -> None:
    """Also where its name begins like one."""
    known = figures({(1, State.PENDING): 2})
    known = replace(known, summary=replace(known.summary, input="-x.csv"))
    assert "bulk migrate ./-x.csv --batch" in advice.migration(known, HERE)


@pytest.mark.parametrize(
    ("base_url", "has_sandbox", "expected"),
    [
        (None, False, []),
        ("https://api.codat.io", False, []),
        # `check --online --sandbox` has left one beside a batch of the real Codat
        ("https://api.codat.io", True, []),
        ("http://127.0.0.1:8787", True, ["--sandbox"]),
        ("http://127.0.0.1:8787", False, ["--base-url", "http://127.0.0.1:8787"]),
    ],
)
def test_commands_go_to_the_codat_of_the_last_run(base_url: str | None, has_sandbox: bool, expected: list[str]) -> None:
    """The batch remembers it; a stand-in in its own folder is started by --sandbox."""
    place = replace(HERE, has_sandbox=has_sandbox)
    codat = SANDBOX if base_url and base_url.startswith("http:") else "api.codat.io"
    assert advice.where(figures(base_url=base_url, codat=codat), place) == expected


def failure(state: State, step: str, code: str, *, is_deleted: bool = False, customers: int = 1) -> Failure:
    """Make one."""
    return Failure(state, step, code, is_deleted, customers, (Example(1, "a", "why"),), ("told",))


@pytest.mark.parametrize(
    ("found", "title", "command"),
    [
        (failure(State.FAILED, "company", "400"), "Refused by Codat (400)", "--retry-failed"),
        (failure(State.FAILED, "connection", "404"), "Refused by Codat (404)", "--retry-failed"),
        (failure(State.FAILED, "company", "deleted", is_deleted=True), "Deleted in Codat", "--retry-failed"),
        (failure(State.FAILED, "partner", "deleted"), "Partner connection deleted in Codat", "bulk follow-up"),
        (failure(State.FAILED, "partner", "422"), "Partner connection refused by Codat (422)", "bulk follow-up"),
        (failure(State.PENDING, "company", "500"), "No answer, or not now (500)", "bulk migrate"),
        (
            failure(State.LINKED, "partner", "no answer"),
            "Partner connection: no answer, or not now (no answer)",
            "follow-up",
        ),
        (failure(State.LINK_READY, "link", "503"), "linkUrl not renewed (503)", "bulk links"),
        (failure(State.LINKED, "unlink", "500"), "Not unlinked (500)", ""),
        # also where something else had failed before
        (failure(State.FAILED, "unlink", "400"), "Not unlinked (400)", ""),
        (failure(State.LINK_READY, "delete", "400"), "Not deleted (400)", "bulk undo reports/autumn --yes"),
        (failure(State.FAILED, "link", "deleted", is_deleted=True), "Deleted in Codat", "--retry-failed"),
        (failure(State.LINK_READY, "delete", "linked"), "Left alone by undo", ""),
    ],
)
def test_errors_are_told_by_what_to_do_about_them(found: Failure, title: str, command: str) -> None:
    """With a command that helps, where one does."""
    (trouble,) = advice.troubles(figures(failures=(found,)), [], HERE)
    assert trouble.title == title
    assert command in trouble.command
    assert bool(command) == bool(trouble.command)
    assert trouble.correlation_ids == ("told",)


def test_errors_for_which_the_same_is_to_be_done_are_one_the_most_frequent_first() -> None:
    """Company and connection alike; other codes stay apart."""
    found = (
        failure(State.FAILED, "company", "400", customers=2),
        failure(State.FAILED, "connection", "400", customers=3),
        failure(State.FAILED, "company", "422", customers=9),
    )
    troubles = advice.troubles(figures(failures=found), [], HERE)
    assert [(trouble.title, trouble.customers) for trouble in troubles] == [
        ("Refused by Codat (422)", 9),
        ("Refused by Codat (400)", 5),
    ]


def rejected(row: int, *problems: Problem) -> Rejected:
    """Return a rejected row with these problems."""
    return Rejected(row, None, json.dumps(problems))


def test_rejected_rows_are_grouped_by_problem() -> None:
    """A row counts once for each of its problems. Parameters, such as another row's number, make no group."""
    rows = [
        rejected(1, new("platform_unknown", "Zero", nearest=["Xero"]), new("email_invalid", "x")),
        rejected(2, new("platform_unknown", "FreeAgnt", nearest=["FreeAgent"]), new("platform_unknown", "Zero")),
        rejected(3, new("customer_id_duplicate", "c", first_row=1)),
        rejected(4, new("customer_id_duplicate", "d", first_row=22)),
        rejected(6, new("customer_id_in_batch", "x")),
        rejected(7, new("too_few_cells", None, cells=3, expected=4)),
        rejected(8, new("too_many_cells", "y", cells=5, expected=4)),
    ]
    troubles = advice.troubles(figures(), rows, HERE)
    assert {trouble.title.removeprefix("Rejected: "): trouble.customers for trouble in troubles} == {
        "platform is unknown or ambiguous": 2,
        "email is not a valid email address": 1,
        "customer_id duplicates another row": 2,
        "customer_id is used by another row of this batch": 1,
        "row has too few cells": 1,
        "row has too many cells": 1,
    }
    assert all("rejects.csv" in trouble.remedy for trouble in troubles)
    assert troubles[0].examples[0].row == 1


MINUTES = st.lists(
    st.builds(Minute, st.integers(0, 3_000_000), st.integers(0, 1000), st.integers(0, 9), st.integers(0, 500)),
    unique_by=lambda minute: minute.at,
    max_size=50,
).map(lambda minutes: tuple(sorted(minutes, key=lambda minute: minute.at)))


@given(MINUTES)
def test_any_time_fits_a_chart_and_no_request_is_lost(minutes: tuple[Minute, ...]) -> None:
    """Slices follow one another without gaps; each rate is of the minutes at work in it."""
    found = timeline(figures(minutes=minutes))
    assert len(found.slices) <= MAX_SLICES
    begins = [each.begin for each in found.slices]
    assert all(after - before == timedelta(minutes=found.minutes) for before, after in itertools.pairwise(begins))
    at_work = [sum(1 for m in minutes if m.at // found.minutes * 60 * found.minutes == b.timestamp()) for b in begins]
    assert sum(at_work) == len(minutes)
    requests = sum(each.requests * number for each, number in zip(found.slices, at_work, strict=True))
    assert round(requests) == sum(minute.requests for minute in minutes)


def test_a_rate_is_of_the_minutes_at_work() -> None:
    """Ten minutes a day at full rate are full rate, however long the days between."""
    minutes = tuple(Minute(day * 1440 + at, 900, 0, 450) for day in range(20) for at in range(10))
    found = timeline(figures(minutes=minutes))
    assert {(each.requests, each.customers) for each in found.slices} == {(900.0, 450.0), (0.0, 0.0)}


def test_holds_are_marked_where_they_were_and_counted_once() -> None:
    """A longer hold replaces a shorter one that still goes on."""
    at = datetime.fromtimestamp(600, UTC)
    holds = (
        Held(at, at + timedelta(minutes=2), "429"),
        Held(at + timedelta(minutes=1), at + timedelta(minutes=3), "longer"),
    )
    minutes = (Minute(9, 1, 0, 0), Minute(14, 1, 1, 0))
    found = timeline(figures(minutes=minutes, holds=holds))
    assert found.held == timedelta(minutes=3)
    assert [each.held for each in found.slices] == [0, 1, 1, 1, 0, 0]
    assert [hold.why for hold in found.holds] == ["429", "longer"]
    assert found.limited == 1
    assert timeline(figures()).slices == ()
