"""The page's charts: their content, and that nothing in them runs, is fetched, collides or depends on the date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final
from xml.etree.ElementTree import Element, fromstring

import pytest
from markupsafe import Markup

from bulk.model import State
from bulk.reports.figures import LinkAges
from bulk.reports.html import charts
from bulk.reports.html.bar_chart import Chart
from bulk.reports.summary.funnel import STAGES, Loss, PlatformRow, Stage
from bulk.reports.summary.timeline import Slice, Timeline

SVG: Final = "{http://www.w3.org/2000/svg}"
ELEMENTS: Final = {f"{SVG}{name}" for name in ("svg", "g", "rect", "path", "text", "title")}
VARIABLES: Final = {
    *("accent", "muted", "ink", "line", "warn", "held", "good", "expiring", "expired"),
    *("state-complete", "state-linked", "state-link-ready", "state-pending", "state-unlinked"),
    *("state-conflict", "state-failed"),
}
START: Final = datetime(2026, 3, 1, 22, 24, tzinfo=UTC)
LONG: Final = "<script>alert(1)</script>" + "x" * 10_000


def stages(*rows: int) -> tuple[Stage, ...]:
    """Build a funnel in which all losses have failed."""
    after = [*rows[1:], rows[-1]]
    return tuple(
        Stage(name, number, number / rows[0] if rows[0] else 0.0, (Loss(State.FAILED, number - left, ""),))
        for name, number, left in zip(STAGES, rows, after, strict=True)
    )


def timeline(*rates: tuple[float, float, float, float], minutes: int = 1) -> Timeline:
    """Build a timeline of (requests, limited, customers, held)."""
    slices = tuple(Slice(START + n * timedelta(minutes=minutes), *each) for n, each in enumerate(rates))
    held = timedelta(minutes=minutes) * sum(each.held for each in slices)
    end = slices[-1].begin + timedelta(minutes=minutes)
    return Timeline(minutes, slices, end, round(sum(each.limited for each in slices) * minutes), held, ())


def platform(name: str, **states: int) -> PlatformRow:
    """Build a platform whose customers are in these states."""
    counted = {State(state): number for state, number in states.items()}
    customers = sum(counted.values())
    authorized = counted.get(State.LINKED, 0) + counted.get(State.COMPLETE, 0)
    reached = (customers, customers, authorized, authorized, counted.get(State.COMPLETE, 0))
    return PlatformRow(name, name, customers, reached, counted)


def some(chart: Chart | None) -> Chart:
    """Return the chart, which must exist."""
    assert chart is not None
    return chart


def all_charts(name: str = "Xero") -> Iterator[Chart]:
    """Draw one of each, with everything that it can contain."""
    yield charts.funnel(stages(100_000, 99_873, 99_870, 98_000, 41_230, 40_999))
    rates = [(900.0, 120.0 if n % 7 == 0 else 0.0, 400.0, 0.5 if 20 < n < 25 else 0.0) for n in range(60)]
    yield from charts.progress(timeline(*rates, minutes=120))
    yield some(charts.links(LinkAges(40_000, 2_000, 14_770, 12, None)))
    everything = {state.value: 10 for state in State if state is not State.REJECTED}
    yield some(charts.platforms([platform(name, **everything)] * 15))


def pictures(name: str = "Xero") -> list[Markup]:
    """Return all pictures of all charts."""
    return [picture for chart in all_charts(name) for picture in (chart.wide, chart.narrow)]


def parsed(picture: Markup) -> Element:
    """Parse a picture as XML."""
    return fromstring(picture)  # noqa: S314 - made here


def texts(picture: Markup) -> list[str]:
    """Return the visible texts of a picture."""
    return [text.text or "" for text in parsed(picture).iter(f"{SVG}text")]


def hints(picture: Markup) -> list[str]:
    """Return the texts that a pointer brings up."""
    return [title.text or "" for title in parsed(picture).iter(f"{SVG}title")]


def bars(picture: Markup, colour: str) -> list[Element]:
    """Return the bars of a colour, without the square in the legend."""
    root, fill = parsed(picture), f"var(--{colour})"
    alone = [bar for bar in root.findall(f"{SVG}rect") if bar.get("fill") == fill]
    groups = [group for group in root.findall(f"{SVG}g") if group.get("fill") == fill]
    return alone + [bar for group in groups for bar in group.findall(f"{SVG}rect")]


def length(bar: Element, side: str = "width") -> float:
    """Return the length of a bar."""
    return float(bar.get(side, ""))


def bottom(bar: Element) -> float:
    """Return the lower edge of a bar."""
    return length(bar, "y") + length(bar, "height")


def test_a_picture_consists_of_marks_and_texts_only() -> None:
    """It has no script, style, link, comment, id or class: nothing that runs, is fetched or collides with the page."""
    for picture in pictures():
        elements = list(parsed(picture).iter())
        assert {element.tag for element in elements} <= ELEMENTS
        assert not {"id", "class", "style", "href", "onload"} & {name for each in elements for name in each.attrib}
        assert "<!--" not in picture
        assert "<?" not in picture


def test_the_only_address_is_the_namespace_of_svg() -> None:
    """A page with charts requests nothing."""
    for picture in pictures():
        assert re.findall(r"https?:[^\"' ]*|url\(|xlink", picture) == ["http://www.w3.org/2000/svg"]


def test_all_colours_are_variables_of_the_page() -> None:
    """One picture serves light and dark."""
    for picture in pictures():
        colours = {each.get(name) for each in parsed(picture).iter() for name in ("fill", "stroke")} - {None, "none"}
        assert colours <= {f"var(--{name})" for name in VARIABLES}


def test_every_picture_has_a_summary_for_screen_readers() -> None:
    """It is one sentence."""
    for chart in all_charts():
        for picture in (chart.wide, chart.narrow):
            root = parsed(picture)
            assert (root.get("role"), root.get("aria-label")) == ("img", chart.summary)
        assert chart.summary.endswith((".", "…"))


def test_the_same_batch_has_the_same_bytes() -> None:
    """A picture contains no date, no version and no random number."""
    assert pictures() == pictures()


def test_one_picture_fits_a_desktop_and_the_other_a_phone() -> None:
    """The letters are readable in both, and both are small."""
    for chart in all_charts():
        wide, narrow = parsed(chart.wide), parsed(chart.narrow)
        assert wide.get("viewBox", "").startswith("0 0 720 ")
        assert narrow.get("viewBox", "").startswith("0 0 340 ")
        assert min(int(wide.get("font-size", "")), int(narrow.get("font-size", ""))) >= 12
        assert max(len(chart.wide), len(chart.narrow)) < 40_000


def test_texts_from_outside_are_escaped_and_shortened() -> None:
    """A name of 10,000 letters that looks like a script is the beginning of a text."""
    for chart in all_charts(LONG):
        for picture in (chart.wide, chart.narrow):
            assert "<script" not in picture
            assert "x" * 300 not in picture
    named = some(charts.platforms([platform(LONG, linked=1)]))
    assert [text for text in texts(named.wide) if "script" in text] == ["<script>alert(1)</script>xxxx…"]


@pytest.mark.parametrize(
    "hidden",
    [
        "\u202e",  # reverses the text that follows
        "\u2066",  # the same, isolated
        "\u200b",  # no width
        "\x00",  # not allowed in XML
        "\x1b",  # nor is this
        "\ufffe",  # nor this
        "\ud800",  # cannot be encoded in UTF-8
        "\n",  # a separate line
    ],
)
def test_invisible_characters_are_left_out(hidden: str) -> None:
    """A name with such a character neither breaks the picture nor reverses the number next to it."""
    chart = some(charts.platforms([platform(f"Xe{hidden}ro", linked=1)]))
    assert "Xero" in texts(chart.wide)
    assert hidden not in chart.wide + chart.narrow + chart.summary


def test_wide_letters_count_double() -> None:
    """A name in Chinese is shortened before it touches the bar, or the figure on a phone."""
    chart = some(charts.platforms([platform("数" * 40, linked=1)]))
    assert "数" * 14 + "…" in texts(chart.wide)
    name, figure = (text for text in texts(chart.narrow) if "数" in text or "authorized" in text)
    assert 2 * len(name) + len(figure) < 340 / (12 * 0.6)


def test_the_funnel_shows_each_stage_with_its_count_and_share() -> None:
    """All stages are there from top to bottom, and each bar is as long as its share."""
    chart = charts.funnel(stages(100_000, 99_999, 50_000, 25_000, 5, 0))
    figures = ["100,000 (100%)", "99,999 (>99.9%)", "50,000 (50%)", "25,000 (25%)", "5 (<0.1%)", "0 (0%)"]
    for picture in (chart.wide, chart.narrow):
        root = parsed(picture)
        found = {text.text: length(text, "y") for text in root.iter(f"{SVG}text")}
        for expected in (STAGES, figures):
            heights = [found[text] for text in expected]
            assert heights == sorted(heights)
        longest, *others = sorted((length(bar) for bar in bars(picture, "accent")), reverse=True)
        assert [round(each / longest, 2) for each in others] == [1.0, 0.5, 0.25, pytest.approx(0.005, abs=0.01)]
    assert chart.summary.startswith("Of 100,000 rows, 99,999 reached valid, 50,000 reached company,")


def test_the_smallest_bar_is_not_covered() -> None:
    """One of a million is visible: it is drawn over the next bar of its row."""
    funnel = charts.funnel(stages(1_000_000, 1, 1, 1, 1, 1))
    platforms = some(charts.platforms([platform("Xero", complete=1, linked=1_000_000)]))
    for chart, colours in ((funnel, ["line", "accent"]), (platforms, ["state-linked", "state-complete"])):
        drawn = [bar.get("fill") for bar in parsed(chart.narrow).findall(f"{SVG}rect")]
        assert drawn[-2:] == [f"var(--{colour})" for colour in colours]
        assert min(length(bar) for bar in bars(chart.narrow, colours[-1])) == 2


def test_names_and_figures_stay_in_the_picture() -> None:
    """The longest figure is not cut off where the bar is full, and no name begins outside."""
    full = charts.funnel(stages(*[1_234_567] * 6))
    named = some(charts.platforms([platform("Dynamics 365 Business Central", linked=1_234_567)]))
    for chart in (full, named):
        for text in parsed(chart.wide).findall(f"{SVG}text"):
            begin, wide = length(text, "x"), len(text.text or "") * 13 * 0.6
            assert begin - wide >= 0 if text.get("text-anchor") == "end" else begin + wide <= 720


def test_every_text_and_bar_is_below_the_upper_edge() -> None:
    """The first row is as visible as the others, with and without a legend."""
    for picture in pictures():
        height = float(parsed(picture).get("viewBox", "").split()[3])
        size = int(parsed(picture).get("font-size", ""))
        for text in parsed(picture).iter(f"{SVG}text"):
            assert 0.75 * size <= length(text, "y") <= height
        for bar in parsed(picture).iter(f"{SVG}rect"):
            assert length(bar, "y") >= 0
            assert bottom(bar) <= height


def test_the_hint_of_a_stage_counts_the_rows_that_got_no_further() -> None:
    """The losses after the stage are there in words."""
    chart = charts.funnel(stages(58, 55, 55, 50, 50, 50))
    assert "rows: 58 of 58 rows (100%); no further: 3 failed" in hints(chart.wide)


def test_an_empty_batch_has_an_empty_funnel() -> None:
    """The funnel has every stage and no bar; the other charts are left out."""
    chart = charts.funnel(stages(0, 0, 0, 0, 0, 0))
    assert set(STAGES) <= set(texts(chart.wide))
    assert (len(bars(chart.wide, "accent")), len(bars(chart.wide, "line"))) == (0, len(STAGES))
    assert charts.progress(Timeline(1, (), None, 0, timedelta(), ())) == ()
    assert charts.links(LinkAges(0, 0, 0, 0, None)) is None
    assert charts.platforms([]) is None


def test_a_summary_of_one_is_in_the_singular() -> None:
    """One row, one link, one platform, one request."""
    assert charts.funnel(stages(1, 1, 1, 1, 1, 1)).summary.startswith("Of 1 row, ")
    assert some(charts.links(LinkAges(1, 0, 0, 0, None))).summary.startswith("1 unused linkUrl; ")
    assert some(charts.platforms([platform("Xero", linked=1)])).summary.startswith("Customers of 1 platform; ")
    assert "1 request rate limited (429)" in charts.progress(timeline((5, 1, 0, 0)))[0].summary


def test_429s_and_holds_are_marked_and_explained() -> None:
    """The smallest number of 429s is visible, a hold is as high as the chart, and the legend names both."""
    requests, customers = charts.progress(timeline((1000, 0, 500, 0), (1000, 1, 500, 0), (0, 0, 0, 0.5), (0, 0, 0, 1)))
    for picture in (requests.wide, requests.narrow):
        (limited,), (held,) = bars(picture, "warn"), bars(picture, "held")
        assert length(limited, "height") == 2
        full, _ = bars(picture, "accent")
        assert bottom(limited) == pytest.approx(bottom(full), abs=0.2)
        assert length(held, "height") > length(full, "height")
        assert length(held) == pytest.approx(2 * length(full) / 0.8, abs=0.5)  # two minutes
        assert {"requests", "rate limited (429)", "on hold"} <= set(texts(picture))
    assert len(bars(customers.wide, "held")) == 1
    assert "2026-03-01 22:25 UTC: 1,000 requests per minute, 1 of them rate limited (429)" in hints(requests.wide)
    assert "2026-03-01 22:26 UTC: 0 requests per minute; on hold for 50% of the time" in hints(requests.wide)
    assert "1 request rate limited (429); on hold for 1 min 30 s in total" in requests.summary


def test_a_run_without_429s_and_holds_has_no_legend() -> None:
    """The title explains the bars."""
    requests, customers = charts.progress(timeline((116, 0, 50, 0)))
    assert (requests.title, customers.title) == ("Requests per minute (UTC)", "Customers per minute (UTC)")
    assert not {"requests", "rate limited (429)", "on hold"} & set(texts(requests.wide))


def test_a_chart_without_values_is_left_out() -> None:
    """A chart of requests or customers needs at least one."""
    assert [chart.title for chart in charts.progress(timeline((5, 0, 0, 0)))] == ["Requests per minute (UTC)"]
    assert [chart.title for chart in charts.progress(timeline((0, 0, 0.5, 0)))] == ["Customers per minute (UTC)"]


def test_longer_slices_are_named_in_title_and_summary() -> None:
    """A number of a slice of several minutes is an average."""
    (chart,) = charts.progress(timeline((7, 0, 0, 0), minutes=120))
    assert chart.title == "Requests per minute, averaged over 2 hours (UTC)"
    assert ": at most 7, averaged over 2 hours; none rate limited." in chart.summary


def test_the_bar_of_one_minute_is_not_as_wide_as_the_chart() -> None:
    """A short run does not look like a long one."""
    (bar,) = bars(charts.progress(timeline((116, 0, 0, 0)))[0].wide, "accent")
    assert length(bar) < 720 / 10


@pytest.mark.parametrize(
    ("minutes", "slices", "labels"),
    [
        (1, 1, ["1 Mar 22:24", "22:26", "22:28", "22:30", "22:32", "22:34", "22:36"]),  # the date comes once
        (5, 30, ["1 Mar 22:30", "23:00", "23:30", "2 Mar", "00:30"]),  # and again where another day begins
        (120, 60, ["2 Mar", "3 Mar", "4 Mar", "5 Mar", "6 Mar"]),  # over days, the hours do not matter
        (10_080, 58, ["10 Apr", "31 May", "21 Jul", "10 Sep", "31 Oct", "21 Dec", "10 Feb", "2 Apr"]),  # over a year
    ],
)
def test_times_on_the_axis_are_few_and_round(minutes: int, slices: int, labels: list[str]) -> None:
    """They are hours, or days where there are several; they never touch."""
    (chart,) = charts.progress(timeline(*[(7, 0, 0, 0)] * slices, minutes=minutes))
    times = [text for text in texts(chart.wide) if re.search(r"[: ]", text)]
    assert times == labels
    assert 1 <= len([text for text in texts(chart.narrow) if re.search(r"[: ]", text)]) <= 5


@pytest.mark.parametrize(
    ("most", "labels"),
    [
        (0.4, ["0", "0.1", "0.2", "0.3", "0.4"]),  # less than one per minute
        (1, ["0", "0.5", "1"]),
        (116, ["0", "50", "100", "150"]),
        (1000, ["0", "500", "1,000"]),
        (98_765, ["0", "50,000", "100,000"]),  # with separators
    ],
)
def test_rates_on_the_axis_are_few_and_round(most: float, labels: list[str]) -> None:
    """This is true of any highest rate."""
    (chart,) = charts.progress(timeline((most, 0, 0, 0)))
    assert [text for text in texts(chart.narrow) if ":" not in text] == labels


def test_links_are_drawn_by_expiry() -> None:
    """Valid, expiring and expired links have colours and names of their own."""
    chart = some(charts.links(LinkAges(70, 20, 9, 1, None)))
    colours = {colour: len(bars(chart.wide, colour)) for colour in ("good", "expiring", "expired")}
    assert colours == {"good": 1, "expiring": 1, "expired": 2}
    assert {"70 (70%)", "20 (20%)", "9 (9%)", "1 (1%)", "missing"} <= set(texts(chart.narrow))
    assert "missing" not in texts(some(charts.links(LinkAges(70, 20, 9, 0, None))).wide)


def test_a_platform_is_stacked_by_state() -> None:
    """The states of a platform add up to its bar; the legend names the states that occur, without underscores."""
    chart = some(charts.platforms([platform("Xero", linked=60, link_ready=30, failed=10)]))
    states = ("linked", "link-ready", "failed")
    found = [bar for state in states for bar in bars(chart.narrow, f"state-{state}")]
    lengths = [length(bar) for bar in found]
    assert [round(each / sum(lengths), 2) for each in lengths] == [0.6, 0.3, 0.1]
    assert length(found[1], "x") == pytest.approx(length(found[0], "x") + lengths[0], abs=0.2)
    assert texts(chart.narrow)[:3] == ["linked", "link ready", "failed"]
    assert "100 · 60% authorized" in texts(chart.narrow)
    assert "Xero: 30 link ready, of 100 customers" in hints(chart.narrow)


def test_the_smallest_platforms_are_added_up() -> None:
    """There are twelve rows at most, and no customer is left out."""
    twelve = [platform(f"p{n}", linked=20 - n) for n in range(12)]
    assert "p11" in texts(some(charts.platforms(twelve)).wide)
    chart = some(charts.platforms([*twelve, platform("p12", linked=3), platform("p13", failed=2)]))
    assert "3 others" in texts(chart.wide)
    assert "p11" not in texts(chart.wide)
    assert "14 · 85.7% authorized" in texts(chart.wide)
    assert {"3 others: 12 linked, of 14 customers", "3 others: 2 failed, of 14 customers"} <= set(hints(chart.wide))
