"""The next steps, and the commands that they name."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bulk.model import State, Threshold
from bulk.reports.figures import LinkAges
from bulk.reports.summary import advice, commands
from bulk.reports.summary.commands import BatchLocation
from bulk.settings import SANDBOX

from .sample_figures import LOCATION, RUN, failure, figures, wave


def test_each_step_names_a_file_or_a_whole_command() -> None:
    """A step is there only if there is something to do."""
    groups = {(3, State.LINK_READY): 5, (1, State.PENDING): 2, (1, State.FAILED): 1, (4, State.FAILED): 1}
    known = figures(
        groups,
        rejected=3,
        held=2,
        links=LinkAges(1, 1, 2, 1, "2026-11-23T15:00:00Z"),
        waves=(wave(1, usable=2, next_expiry="2026-11-23T15:00:00Z"),),
        base_url="https://codat.example.com",
        failures=(failure(State.FAILED, "company", "400"), failure(State.FAILED, "partner", "422")),
        last_run=replace(RUN, command="verify", findings=4),
        has_differences=True,
    )
    codat = "--base-url https://codat.example.com"
    steps = list(advice.next_steps(known, BatchLocation(Path("out/autumn"), has_sandbox=False)))
    migrate = "bulk migrate in.csv --batch autumn --reports out"
    copy, decide = "cp out/autumn/rejects.csv corrected.csv", "cp out/autumn/conflicts.csv accepted.csv"
    accept = f"bulk migrate accepted.csv --batch autumn --reports out --accept-file accepted.csv {codat}"
    assert [(step.title, step.what, step.commands) for step in steps] == [
        ("Email", "out/autumn/waves/1.csv", ("bulk sent out/autumn --wave 1",)),
        ("Renew", f"bulk links out/autumn {codat}", (f"bulk links out/autumn {codat}",)),
        ("Follow up", f"bulk follow-up out/autumn {codat}", (f"bulk follow-up out/autumn {codat}",)),
        ("Decide", decide, (decide, accept)),
        # the rejected rows come from another file, without --map
        ("Fix", copy, (copy, f"bulk migrate corrected.csv --batch autumn --reports out {codat}")),
        ("Retry", "out/autumn/results.csv", (f"{migrate} --retry-failed {codat}",)),
        ("Retry", "out/autumn/results.csv", (f"bulk follow-up out/autumn --retry-failed {codat}",)),
        ("Review", "out/autumn/verify.csv", ()),
        ("Compare", "out/autumn/differences.csv", ()),
        ("Resume", f"{migrate} {codat}", (f"{migrate} {codat}",)),
    ]
    until = "the first expires 2026-11-23 15:00 UTC"
    assert steps[0].why == f"wave 1: 2 of 5 linkUrls, {until}; then record that it was emailed"
    assert steps[1].why == "3 linkUrls expired or missing"
    assert list(advice.next_steps(figures({(5, State.COMPLETE): 1}), LOCATION)) == []


def test_the_waves_to_email_are_those_that_are_valid_and_not_recorded_as_emailed() -> None:
    """The last three have a step each, the last one first; the older ones have one together."""
    known = figures(
        waves=(
            wave(1, usable=0),  # expired
            *(wave(number, usable=4) for number in (2, 3, 4)),
            wave(5, usable=5, emailed=5),
            wave(6, usable=5, emailed=2),
            wave(7, usable=5),
        )
    )
    steps = list(advice.next_steps(known, LOCATION))
    assert [(step.title, step.what) for step in steps] == [
        ("Email", "reports/autumn/waves/7.csv"),
        ("Email", "reports/autumn/waves/6.csv"),
        ("Email", "reports/autumn/waves/4.csv"),
        ("Email", "reports/autumn/links.csv"),
    ]
    assert steps[1].why.startswith("wave 6: 3 of 5 linkUrls, which never expire")
    assert steps[3].why == "8 linkUrls of 2 earlier waves, not recorded as emailed"


@pytest.mark.parametrize(
    ("last", "options", "why"),
    [
        (0, "", "20 linkUrls expired or missing"),
        (10, " --limit 10", "20 linkUrls expired or missing; this renews 10 of them, as the last time"),
        (20, "", "20 linkUrls expired or missing"),
    ],
)
def test_links_are_renewed_as_many_at_a_time_as_before(last: int, options: str, why: str) -> None:
    """A user who emails 500 a day cannot use 7,500 linkUrls that live for a day."""
    (step,) = advice.next_steps(figures(links=LinkAges(0, 0, 20, 0, None), links_limit=last), LOCATION)
    assert (step.what, step.why) == (f"bulk links reports/autumn{options}", why)


@pytest.mark.parametrize(
    ("accepted", "option", "why"),
    [
        (Threshold(3), " --max-rejected 4", "; this command also accepts the 4 rejected rows"),
        (Threshold(10, is_percent=True), " --max-rejected 4", "; this command also accepts the 4 rejected rows"),
        (Threshold(4), "", ""),
        (None, "", ""),
    ],
)
def test_a_batch_that_has_too_many_rejected_rows_is_resumed_by_accepting_them(
    accepted: Threshold | None, option: str, why: str
) -> None:
    """The same command would send nothing and stop again. To correct the rows, no higher limit is needed."""
    groups = {(1, State.PENDING): 7, (1, State.FAILED): 1}
    found = failure(State.FAILED, "company", "400")
    known = figures(groups, rejected=4, held=2, failures=(found,), max_rejected=accepted)
    steps = {step.title: step for step in advice.next_steps(known, LOCATION)}
    assert steps["Resume"].what == f"bulk migrate in.csv --batch autumn{option}"
    assert steps["Resume"].why == f"7 customers left to do{why}"
    assert steps["Retry"].commands[-1] == f"bulk migrate in.csv --batch autumn --retry-failed{option}"
    assert steps["Retry"].why.endswith(f"as they are{why}")
    assert steps["Decide"].commands[-1].endswith(f"--accept-file accepted.csv{option}")
    assert steps["Fix"].commands[-1] == "bulk migrate corrected.csv --batch autumn"


@pytest.mark.parametrize(
    ("emailed", "without", "why", "option"),
    [
        (0, 0, "5 linkUrls, which", "--wave 1"),
        (0, 2, "5 linkUrls, 2 of them without an address, which", "--wave 1"),
        (0, 5, "5 linkUrls, none with an address, which", "--file reports/autumn/waves/1.csv"),
        (3, 2, "2 of 5 linkUrls, none with an address, which", "--file reports/autumn/waves/1.csv"),
    ],
)
def test_linkurls_without_an_address_are_counted(emailed: int, without: int, why: str, option: str) -> None:
    """The option --wave leaves them out, so it would record nobody in a wave without any address."""
    known = figures(waves=(wave(1, usable=5, emailed=emailed, without=without),))
    (step,) = advice.next_steps(known, LOCATION)
    assert step.why.startswith(f"wave 1: {why} ")
    assert step.commands == (f"bulk sent reports/autumn {option}",)


def test_a_single_customer_is_in_the_singular() -> None:
    """One link, one row, one customer."""
    groups = {(3, State.LINK_READY): 1, (4, State.LINKED): 1, (1, State.PENDING): 1, (1, State.FAILED): 1}
    known = figures(
        groups,
        rejected=1,
        held=1,
        links=LinkAges(1, 0, 1, 0, None),
        waves=(wave(1, issued=1, usable=1),),
        failures=(failure(State.FAILED, "company", "400"),),
    )
    reasons = [step.why.partition(",")[0].partition(";")[0] for step in advice.next_steps(known, LOCATION)]
    assert reasons == [
        "wave 1: 1 linkUrl",
        "1 linkUrl expired or missing",
        "1 customer has authorized",
        "1 row in conflict",
        "1 row rejected",
        "1 customer failed",
        "1 customer left to do",
    ]


def test_rejected_rows_of_inputs_with_different_mappings_have_no_command() -> None:
    """Each mapping would read the rows of the other input wrongly."""
    (fix,) = advice.next_steps(figures(rejected=2, mapping_of_rejects=None), LOCATION)
    assert (fix.title, fix.what, fix.commands) == ("Fix", str(LOCATION.folder / "rejects.csv"), ())
    assert fix.why.endswith("pass it with the --map of that input")
    (decide,) = advice.next_steps(figures(held=2, mapping_of_conflicts=None), LOCATION)
    assert (decide.title, decide.what, decide.commands) == ("Decide", str(LOCATION.folder / "conflicts.csv"), ())
    assert decide.why.endswith("with the --map of that input")


def test_if_codat_has_rejected_the_first_customers_the_only_advice_is_to_correct_the_cause() -> None:
    """To resume as before would let ten more customers fail."""
    (retry,) = advice.next_steps(figures({(1, State.FAILED): 10, (2, State.PENDING): 30}), LOCATION)
    assert retry.why.startswith("10 customers failed; correct the cause in the column error first")
    assert retry.commands[0].endswith("--retry-failed")
    steps = advice.next_steps(figures({(1, State.FAILED): 10, (1, State.LINKED): 1, (2, State.PENDING): 30}), LOCATION)
    assert [step.title for step in steps] == ["Follow up", "Retry", "Resume"]


def test_after_an_undo_nothing_is_left_to_do_for_its_customers() -> None:
    """Their companies are created again only with --again."""
    assert list(advice.next_steps(figures({(1, State.PENDING): 2}, undone=2), LOCATION)) == []
    (step,) = advice.next_steps(figures({(1, State.PENDING): 3}, undone=1), LOCATION)
    assert step.why == "2 customers left to do"


def test_an_input_never_looks_like_an_option() -> None:
    """Its name may begin with a dash."""
    known = figures({(1, State.PENDING): 2})
    known = replace(known, summary=replace(known.summary, input="-x.csv"))
    assert "bulk migrate ./-x.csv --batch" in commands.migrate(known, LOCATION)


@pytest.mark.parametrize(
    ("base_url", "has_sandbox", "expected"),
    [
        (None, False, []),
        ("https://api.codat.io", False, []),
        # `check --online --sandbox` left one next to a batch of the real Codat
        ("https://api.codat.io", True, []),
        ("http://127.0.0.1:8787", True, ["--sandbox"]),
        ("http://127.0.0.1:8787", False, ["--base-url", "http://127.0.0.1:8787"]),
    ],
)
def test_commands_use_the_codat_of_the_last_run(base_url: str | None, has_sandbox: bool, expected: list[str]) -> None:
    """The batch remembers it; --sandbox starts the sandbox in the batch's own folder."""
    location = replace(LOCATION, has_sandbox=has_sandbox)
    codat = SANDBOX if base_url and base_url.startswith("http:") else "api.codat.io"
    assert commands.codat_options(figures(base_url=base_url, codat=codat), location) == expected
