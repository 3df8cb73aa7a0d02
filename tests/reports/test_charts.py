"""The page's charts: what they show, and that nothing in them runs, fetches, collides or depends on the day."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Final
from xml.etree.ElementTree import Element, fromstring

import pytest
from markupsafe import Markup

from bulk.model import State
from bulk.reports.figures import LinkAges
from bulk.reports.html import charts
from bulk.reports.html.drawing import Chart
from bulk.reports.summary.funnel import STAGES, Loss, Platform, Stage
from bulk.reports.summary.timeline import Slice, Timeline

SVG: Final = "{http://www.w3.org/2000/svg}"
ELEMENTS: Final = {f"{SVG}{name}" for name in ("svg", "g", "rect", "path", "text", "title")}
VARIABLES: Final = {
    *("accent", "muted", "ink", "line", "warn", "held", "good", "expiring", "expired"),
    *("state-complete", "state-linked", "state-link-ready", "state-pending", "state-failed", "state-unlinked"),
}
START: Final = datetime(2026, 3, 1, 22, 24, tzinfo=UTC)
LONG: Final = "<script>alert(1)</script>" + "x" * 10_000


def stages(*rows: int) -> tuple[Stage, ...]:
    """Make a funnel in which all that are lost have failed."""
    after = [*rows[1:], rows[-1]]
    return tuple(
        Stage(name, number, number / rows[0] if rows[0] else 0.0, (Loss(State.FAILED, number - left, ""),))
        for name, number, left in zip(STAGES, rows, after, strict=True)
    )


def timeline(*rates: tuple[float, float, float, float], minutes: int = 1) -> Timeline:
    """Make a timeline of (requests, limited, customers, held)."""
    slices = tuple(Slice(START + n * timedelta(minutes=minutes), *each) for n, each in enumerate(rates))
    held = timedelta(minutes=minutes) * sum(each.held for each in slices)
    end = slices[-1].begin + timedelta(minutes=minutes)
    return Timeline(minutes, slices, end, round(sum(each.limited for each in slices) * minutes), held, ())


def platform(name: str, **states: int) -> Platform:
    """Make a platform whose customers are in these states."""
    counted = {State(state): number for state, number in states.items()}
    customers = sum(counted.values())
    authorized = counted.get(State.LINKED, 0) + counted.get(State.COMPLETE, 0)
    reached = (customers, customers, authorized, authorized, counted.get(State.COMPLETE, 0))
    return Platform(name, name, customers, reached, counted)


def some(chart: Chart | None) -> Chart:
    """Give the chart that there must be."""
    assert chart is not None
    return chart


def all_charts(name: str = "Xero") -> Iterator[Chart]:
    """Draw one of each, with everything in it that can be."""
    yield charts.funnel(stages(100_000, 99_873, 99_870, 98_000, 41_230, 40_999))
    rates = [(900.0, 120.0 if n % 7 == 0 else 0.0, 400.0, 0.5 if 20 < n < 25 else 0.0) for n in range(60)]
    yield from charts.progress(timeline(*rates, minutes=120))
    yield some(charts.links(LinkAges(40_000, 2_000, 14_770, 12, None)))
    everything = {state.value: 10 for state in State if state is not State.REJECTED}
    yield some(charts.platforms([platform(name, **everything)] * 15))


def pictures(name: str = "Xero") -> list[Markup]:
    """Give all pictures of all charts."""
    return [picture for chart in all_charts(name) for picture in (chart.wide, chart.narrow)]


def parsed(picture: Markup) -> Element:
    """Read a picture as XML."""
    return fromstring(picture)  # noqa: S314 - it was made here


def texts(picture: Markup) -> list[str]:
    """Give the texts that can be read in a picture."""
    return [text.text or "" for text in parsed(picture).iter(f"{SVG}text")]


def hints(picture: Markup) -> list[str]:
    """Give what is said where one points."""
    return [title.text or "" for title in parsed(picture).iter(f"{SVG}title")]


def bars(picture: Markup, colour: str) -> list[Element]:
    """Give the bars of a colour, without the square in the legend."""
    groups = [group for group in parsed(picture).iter(f"{SVG}g") if group.get("fill") == f"var(--{colour})"]
    return [bar for group in groups for bar in group.findall(f"{SVG}rect")]


def length(bar: Element, side: str = "width") -> float:
    """Give how long a bar is."""
    return float(bar.get(side, ""))


def bottom(bar: Element) -> float:
    """Give where a bar stands."""
    return length(bar, "y") + length(bar, "height")


def test_a_picture_is_made_of_marks_and_nothing_else() -> None:
    """There is no script, style, link, comment, id or class: nothing to run, to fetch or to collide."""
    for picture in pictures():
        elements = list(parsed(picture).iter())
        assert {element.tag for element in elements} <= ELEMENTS
        assert not {"id", "class", "style", "href", "onload"} & {name for each in elements for name in each.attrib}
        assert "<!--" not in picture
        assert "<?" not in picture


def test_the_only_address_is_the_name_of_svg() -> None:
    """A page with charts asks nobody for anything."""
    for picture in pictures():
        assert re.findall(r"https?:[^\"' ]*|url\(|xlink", picture) == ["http://www.w3.org/2000/svg"]


def test_all_colours_are_variables_of_the_page() -> None:
    """One picture serves light and dark."""
    for picture in pictures():
        colours = {each.get(name) for each in parsed(picture).iter() for name in ("fill", "stroke")} - {
            None,
            "none",
        }
        assert colours <= {f"var(--{name})" for name in VARIABLES}


def test_every_picture_says_what_it_shows() -> None:
    """Who cannot see it hears one sentence."""
    for chart in all_charts():
        for picture in (chart.wide, chart.narrow):
            root = parsed(picture)
            assert (root.get("role"), root.get("aria-label")) == ("img", chart.summary)
        assert chart.summary.endswith((".", "…"))


def test_the_same_batch_gives_the_same_bytes() -> None:
    """No date, no version and no number drawn at random gets in."""
    assert pictures() == pictures()


def test_a_picture_fits_a_desktop_and_another_one_a_phone() -> None:
    """Their letters are of a size that can be read in both, and neither is big."""
    for chart in all_charts():
        wide, narrow = parsed(chart.wide), parsed(chart.narrow)
        assert wide.get("viewBox", "").startswith("0 0 720 ")
        assert narrow.get("viewBox", "").startswith("0 0 340 ")
        assert min(int(wide.get("font-size", "")), int(narrow.get("font-size", ""))) >= 12
        assert max(len(chart.wide), len(chart.narrow)) < 40_000


def test_what_comes_from_outside_is_text_and_cut() -> None:
    """A name in 10,000 letters that looks like a script is the beginning of a text."""
    for chart in all_charts(LONG):
        for picture in (chart.wide, chart.narrow):
            assert "<script" not in picture
            assert "x" * 300 not in picture
    named = some(charts.platforms([platform(LONG, linked=1)]))
    assert [text for text in texts(named.wide) if "script" in text] == ["<script>alert(1)</script>xxxx…"]


@pytest.mark.parametrize(
    "hidden",
    [
        "\u202e",  # turns what follows around
        "\u2066",  # the same, isolated
        "\u200b",  # no width
        "\x00",  # not allowed in XML
        "\x1b",  # nor is this
        "\ufffe",  # nor this
        "\ud800",  # cannot be written in UTF-8
        "\n",  # a line of its own
    ],
)
def test_what_cannot_be_seen_is_left_out(hidden: str) -> None:
    """A name with such a letter neither breaks the picture nor turns the number beside it around."""
    chart = some(charts.platforms([platform(f"Xe{hidden}ro", linked=1)]))
    assert "Xero" in texts(chart.wide)
    assert hidden not in chart.wide + chart.narrow + chart.summary


def test_wide_letters_count_double() -> None:
    """A name in Chinese is cut before it runs into the bar, or into the figure on a phone."""
    chart = some(charts.platforms([platform("数" * 40, linked=1)]))
    assert "数" * 14 + "…" in texts(chart.wide)
    name, figure = (text for text in texts(chart.narrow) if "数" in text or "authorized" in text)
    assert 2 * len(name) + len(figure) < 340 / (12 * 0.6)


def test_the_funnel_shows_each_stage_with_its_count_and_share() -> None:
    """All stages are there from the top, whatever their size, and their bars are as long as their shares."""
    chart = charts.funnel(stages(100_000, 99_999, 50_000, 25_000, 5, 0))
    figures = ["100,000 (100%)", "99,999 (>99.9%)", "50,000 (50%)", "25,000 (25%)", "5 (<0.1%)", "0 (0%)"]
    for picture in (chart.wide, chart.narrow):
        root = parsed(picture)
        found = {text.text: length(text, "y") for text in root.iter(f"{SVG}text")}
        for told in (STAGES, figures):
            heights = [found[text] for text in told]
            assert heights == sorted(heights)
        longest, *others = sorted((length(bar) for bar in bars(picture, "accent")), reverse=True)
        assert [round(each / longest, 2) for each in others] == [1.0, 0.5, 0.25, pytest.approx(0.005, abs=0.01)]
    assert chart.summary.startswith("Of 100,000 rows,")


def test_the_smallest_bar_is_not_covered() -> None:
    """One of a million is seen: it is drawn over what comes after it in its row."""
    funnel = charts.funnel(stages(1_000_000, 1, 1, 1, 1, 1))
    platforms = some(charts.platforms([platform("Xero", complete=1, linked=1_000_000)]))
    for chart, colours in ((funnel, ["line", "accent"]), (platforms, ["state-linked", "state-complete"])):
        rows = [group for group in parsed(chart.narrow).iter(f"{SVG}g") if group.find(f"{SVG}rect") is not None]
        assert [group.get("fill") for group in rows][-2:] == [f"var(--{colour})" for colour in colours]
        assert min(length(bar) for bar in bars(chart.narrow, colours[-1])) == 2


def test_names_and_figures_stay_in_the_picture() -> None:
    """The longest figure is not cut off where the bar is full, nor does a name begin outside."""
    full = charts.funnel(stages(*[1_234_567] * 6))
    named = some(charts.platforms([platform("Dynamics 365 Business Central", linked=1_234_567)]))
    for chart in (full, named):
        root = parsed(chart.wide)
        art = next(group for group in root.iter(f"{SVG}g") if (group.get("transform") or "").startswith("translate"))
        left = float(re.findall(r"-?\d+", art.get("transform", ""))[0])
        for group in art.findall(f"{SVG}g"):
            for text in group.findall(f"{SVG}text"):
                begin, wide = left + length(text, "x"), len(text.text or "") * 13 * 0.6
                assert begin - wide > 0 if group.get("text-anchor") == "end" else begin + wide < 720


def test_a_stage_says_who_got_no_further() -> None:
    """Whoever points at a bar reads the losses after that stage, in words."""
    chart = charts.funnel(stages(58, 55, 55, 50, 50, 50))
    assert "rows: 58 of 58 rows (100%); no further: 3 failed" in hints(chart.wide)


def test_an_empty_batch_has_an_empty_funnel() -> None:
    """Of nothing there is a picture too, with every stage in it, and nothing of the rest."""
    chart = charts.funnel(stages(0, 0, 0, 0, 0, 0))
    assert set(STAGES) <= set(texts(chart.wide))
    assert (len(bars(chart.wide, "accent")), len(bars(chart.wide, "line"))) == (0, len(STAGES))
    assert charts.progress(Timeline(1, (), None, 0, timedelta(), ())) == ()
    assert charts.links(LinkAges(0, 0, 0, 0, None)) is None
    assert charts.platforms([]) is None


def test_429s_and_holds_are_marked_and_explained() -> None:
    """The smallest part answered 429 is seen, a hold is as high as the chart, and the legend names both."""
    requests, customers = charts.progress(timeline((1000, 0, 500, 0), (1000, 1, 500, 0), (0, 0, 0, 0.5), (0, 0, 0, 1)))
    for picture in (requests.wide, requests.narrow):
        (limited,), (held,) = bars(picture, "warn"), bars(picture, "held")
        assert length(limited, "height") == 2
        full, _ = bars(picture, "accent")
        assert bottom(limited) == pytest.approx(bottom(full), abs=0.2)
        assert length(held, "height") > length(full, "height")
        assert length(held) == pytest.approx(2 * length(full) / 0.8, abs=0.5)  # two minutes
        assert {"requests", "answered 429", "on hold"} <= set(texts(picture))
    assert len(bars(customers.wide, "held")) == 1
    assert "2026-03-01 22:25 UTC: 1,000 requests a minute, 1 of them answered 429" in hints(requests.wide)
    assert "2026-03-01 22:26 UTC: 0 requests a minute; on hold for 50% of the time" in hints(requests.wide)
    assert "1 request answered 429; on hold for 1 min 30 s in all" in requests.summary


def test_a_quiet_run_has_no_legend() -> None:
    """What did not happen is not explained; what the bars are stands in the title."""
    requests, customers = charts.progress(timeline((116, 0, 50, 0)))
    assert (requests.title, customers.title) == ("Requests a minute (UTC)", "Customers a minute (UTC)")
    assert not {"requests", "answered 429", "on hold"} & set(texts(requests.wide))


def test_only_what_moved_is_drawn() -> None:
    """Without requests, or without customers that got further, there is no chart of them."""
    assert [chart.title for chart in charts.progress(timeline((5, 0, 0, 0)))] == ["Requests a minute (UTC)"]
    assert [chart.title for chart in charts.progress(timeline((0, 0, 0.5, 0)))] == ["Customers a minute (UTC)"]


def test_the_bar_of_one_minute_is_not_as_wide_as_the_chart() -> None:
    """A short run does not look like a long one."""
    (bar,) = bars(charts.progress(timeline((116, 0, 0, 0)))[0].wide, "accent")
    assert length(bar) < 720 / 10


@pytest.mark.parametrize(
    ("minutes", "slices", "labels"),
    [
        (1, 1, ["1 Mar 22:24", "22:26", "22:28", "22:30", "22:32", "22:34", "22:36"]),  # the day is told once
        (5, 30, ["1 Mar 22:30", "23:00", "23:30", "2 Mar", "00:30"]),  # and again where another begins
        (120, 60, ["2 Mar", "3 Mar", "4 Mar", "5 Mar", "6 Mar"]),  # of days, the hours do not matter
        (10_080, 58, ["10 Apr", "31 May", "21 Jul", "10 Sep", "31 Oct", "21 Dec", "10 Feb", "2 Apr"]),  # nor in a year
    ],
)
def test_times_are_few_and_round(minutes: int, slices: int, labels: list[str]) -> None:
    """Labels on the time axis: hours, or days where there are several; never so many that they touch."""
    (chart,) = charts.progress(timeline(*[(7, 0, 0, 0)] * slices, minutes=minutes))
    times = [text for text in texts(chart.wide) if re.search(r"[: ]", text)]
    assert times == labels
    assert 1 <= len([text for text in texts(chart.narrow) if re.search(r"[: ]", text)]) <= 5


@pytest.mark.parametrize(
    ("most", "labels"),
    [
        (0.4, ["0", "0.1", "0.2", "0.3", "0.4"]),  # fewer than one a minute
        (1, ["0", "0.5", "1"]),
        (116, ["0", "50", "100", "150"]),
        (1000, ["0", "500", "1,000"]),
        (98_765, ["0", "50,000", "100,000"]),  # thousands are told apart
    ],
)
def test_rates_are_few_and_round(most: float, labels: list[str]) -> None:
    """Labels on the other axis."""
    (chart,) = charts.progress(timeline((most, 0, 0, 0)))
    assert [text for text in texts(chart.narrow) if ":" not in text] == labels


def test_links_are_told_by_age() -> None:
    """Good ones, those that expire today and those that are to be renewed have colours of their own, and words."""
    chart = some(charts.links(LinkAges(70, 20, 9, 1, None)))
    colours = {colour: len(bars(chart.wide, colour)) for colour in ("good", "expiring", "expired")}
    assert colours == {"good": 1, "expiring": 1, "expired": 2}
    assert {"70 (70%)", "20 (20%)", "9 (9%)", "1 (1%)", "missing"} <= set(texts(chart.narrow))
    assert "missing" not in texts(some(charts.links(LinkAges(70, 20, 9, 0, None))).wide)


def test_a_platform_is_stacked_by_state() -> None:
    """The states of a platform add up to its bar; the legend names those that there are, without underscores."""
    chart = some(charts.platforms([platform("Xero", linked=60, link_ready=30, failed=10)]))
    states = ("linked", "link-ready", "failed")
    lengths = [length(bar) for state in states for bar in bars(chart.narrow, f"state-{state}")]
    assert [round(each / sum(lengths), 2) for each in lengths] == [0.6, 0.3, 0.1]
    assert texts(chart.narrow)[:3] == ["linked", "link ready", "failed"]
    assert "100 · 60% authorized" in texts(chart.narrow)
    assert "Xero: 30 link ready, of 100 customers" in hints(chart.narrow)


def test_the_smallest_platforms_are_added_up() -> None:
    """Twelve rows at most, and nobody is left out."""
    twelve = [platform(f"p{n}", linked=20 - n) for n in range(12)]
    assert "p11" in texts(some(charts.platforms(twelve)).wide)
    chart = some(charts.platforms([*twelve, platform("p12", linked=3), platform("p13", failed=2)]))
    assert "3 others" in texts(chart.wide)
    assert "p11" not in texts(chart.wide)
    assert "14 · 85.7% authorized" in texts(chart.wide)
    assert {"3 others: 12 linked, of 14 customers", "3 others: 2 failed, of 14 customers"} <= set(hints(chart.wide))


def test_nothing_of_the_library_stands_in_the_way_of_other_imports() -> None:
    """It leaves an import hook that Python warns of; warnings are errors here."""
    with pytest.raises(ModuleNotFoundError):
        import_module("bulk.no_such_module")
