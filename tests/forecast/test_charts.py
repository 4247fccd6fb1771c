import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from math import inf, isnan, nan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.charts import fan_chart, history_chart
from forecast.charts.axis import quarter_labels, share_axes
from forecast.charts.build import forecast_sheet, history_sheet
from forecast.charts.layout import sheet_scene
from forecast.charts.legend import legend
from forecast.charts.page import html_page
from forecast.charts.raster import _fonts
from forecast.charts.scene import Area, Dot, Line, Text, mark_scene
from forecast.charts.style import LOOKS, band_look
from forecast.charts.wording import clean, text_width, wrapped
from forecast.errors import InvalidArgument
from forecast.quarter import Quarter
from forecast.results import Status
from tests.forecast.chart_examples import CHINA, ORIGIN, example_forecast, example_history, extreme_forecast

HOSTILE = (
    '<script>alert("1")</script>',
    "</script><img src=x onerror=alert(1)>",
    "a & b $x^2$ 'c'",
    "阿里云\x00\x0b\ud800",
    "Others",
)
SVG = "{http://www.w3.org/2000/svg}"


class Page(HTMLParser):
    """The elements of a page and their attributes."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def test_a_png_has_its_signature_and_a_width_that_reads_in_a_readme() -> None:
    image = fan_chart(example_forecast(), format="png")
    assert image[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = int.from_bytes(image[16:20]), int.from_bytes(image[20:24])
    assert width == 1760
    assert 1000 < height < 2000


def test_a_png_carries_no_date_and_no_software_name() -> None:
    assert not re.search(rb"tEXt|iTXt|tIME", fan_chart(example_forecast(), format="png"))


@pytest.mark.parametrize("kind", ["png", "svg", "html"])
def test_the_same_input_gives_the_same_bytes_also_from_several_threads(kind: str) -> None:
    made = example_forecast(CHINA[-2:], horizon=2)
    with ThreadPoolExecutor(3) as pool:
        images = set(pool.map(lambda _: fan_chart(made, format=kind), range(3)))  # type: ignore[arg-type]
    assert len(images) == 1


@pytest.mark.parametrize("providers", [CHINA, HOSTILE])
def test_an_svg_is_well_formed_and_keeps_every_name_as_text(providers: tuple[str, ...]) -> None:
    root = ET.fromstring(fan_chart(example_forecast(providers), format="svg"))
    texts = " ".join(element.text or "" for element in root.iter(f"{SVG}text"))
    assert root.tag == f"{SVG}svg"
    for provider in providers:
        assert clean(provider)[:10] in texts
    assert not list(root.iter(f"{SVG}script"))


def test_a_page_loads_nothing() -> None:
    page = fan_chart(example_forecast(HOSTILE), format="html")
    for tag, attributes in Page(page).elements:
        assert tag not in {"img", "iframe", "object", "embed", "base", "form", "use", "image"}, tag
        for name in ("src", "href", "xlink:href", "action", "data", "srcset", "poster"):
            assert attributes.get(name) in {None, "data:,"}, (tag, name)
        assert "style" not in attributes  # the policy would refuse it
    assert not re.search(rb"@import|url\(|https?:|fetch\(|XMLHttpRequest|WebSocket", page)


def test_a_page_lets_only_its_own_style_and_script_run() -> None:
    page = fan_chart(example_forecast(), format="html").decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', page)
    assert policy is not None
    assert policy[1].startswith("default-src 'none'")
    assert "unsafe" not in policy[1]
    assert page.count("<script>") == 1


def test_hostile_names_are_text_in_a_page() -> None:
    page = fan_chart(example_forecast(HOSTILE), format="html", title="<b>&</b>")
    elements = Page(page).elements
    assert [attributes for tag, attributes in elements if tag == "script"] == [
        {"type": "application/json", "id": "sheet"},
        {},
    ]
    assert not any(name.startswith("on") for _, attributes in elements for name in attributes)
    assert not any(tag == "b" for tag, _ in elements)
    assert b"&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;" in page


def test_no_readout_can_end_the_data_of_a_page() -> None:
    sheet = forecast_sheet(example_forecast())
    panel = replace(sheet.panels[0], readouts=("</script><b>&",))
    page = html_page(replace(sheet, panels=(panel,)))
    assert not any(tag == "b" for tag, _ in Page(page).elements)
    assert b"\\u003c/script\\u003e" in page


def test_a_dollar_sign_in_a_name_is_no_formula() -> None:
    assert fan_chart(example_forecast((r"US$ \oops{ $", "Others"), horizon=1), format="png")


def test_a_page_has_a_panel_and_a_switch_for_each_provider() -> None:
    elements = [tag for tag, _ in Page(fan_chart(example_forecast(), format="html")).elements]
    assert elements.count("figure") == elements.count("button") == len(CHINA)


def test_an_unknown_format_is_refused_by_name() -> None:
    with pytest.raises(InvalidArgument, match="format is 'gif'; allowed: png, svg, html"):
        fan_chart(example_forecast(), format="gif")  # type: ignore[arg-type]


def test_charts_load_matplotlib_only_to_draw_a_png() -> None:
    code = (
        "import sys; from forecast.charts import fan_chart; from tests.forecast.chart_examples import example_forecast;"
        "fan_chart(example_forecast(), format='html'); assert 'matplotlib' not in sys.modules;"
        "fan_chart(example_forecast(), format='png'); assert 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_drawing_changes_no_global_setting_of_matplotlib() -> None:
    import matplotlib as mpl

    before = dict(mpl.rcParams)
    fan_chart(example_forecast(CHINA[-2:], horizon=1), format="png")
    assert dict(mpl.rcParams) == before


def test_letters_without_a_font_are_replaced_and_the_sheet_says_so() -> None:
    private = "\U0010fffd"  # of the private use area: no font has it
    assert _fonts(frozenset("a" + private))[1] == {private}
    plain = fan_chart(example_forecast(("ab", "Others"), horizon=1), format="png")
    marked = fan_chart(
        example_forecast((f"a{private}", "Others"), horizon=1), format="png"
    )  # a warning would be an error
    assert int.from_bytes(marked[20:24]) > int.from_bytes(plain[20:24])


@settings(max_examples=25, deadline=None)
@given(
    providers=st.lists(st.text(max_size=60), min_size=2, max_size=12, unique=True),
    horizon=st.integers(1, 40),
    levels=st.sets(st.sampled_from((0.01, 0.5, 0.8, 0.9, 0.975, 0.999)), min_size=1, max_size=5),
    history=st.booleans(),
)
def test_any_forecast_gives_a_well_formed_svg_and_page(
    providers: list[str], horizon: int, levels: set[float], history: bool
) -> None:
    made = example_forecast(tuple(providers), horizon=horizon, levels=tuple(sorted(levels)), history=history)
    ET.fromstring(fan_chart(made, format="svg"))
    assert [tag for tag, _ in Page(fan_chart(made, format="html")).elements].count("figure") == len(providers)


def test_the_title_says_market_horizon_and_origin() -> None:
    sheet = forecast_sheet(example_forecast())
    assert sheet.title.replace("\xa0", " ") == "China cloud infrastructure: provider shares, 8 quarters from 2020Q3"
    assert forecast_sheet(example_forecast(), title="Mine").title == "Mine"


def test_the_notes_name_source_vintage_model_and_breaks() -> None:
    notes = "\n".join(forecast_sheet(example_forecast()).notes).replace("\xa0", " ")
    assert "Source: Canalys, by way of" in notes
    assert "Published as of 15 January 2021; the newest figure used is of 14 December 2020; 61 figures used." in notes
    assert "Model: auto (dlm), Sharecast 0.1.0, prior 2025-11, seed 0." in notes
    assert "Series break at 2019Q4: the definition of the market was widened." in notes


def test_bands_nest_and_the_widest_is_drawn_first_and_palest() -> None:
    sheet = forecast_sheet(example_forecast(levels=(0.3, 0.5, 0.8, 0.95)))
    for panel in sheet.panels:
        assert panel.fan is not None
        assert [band.level for band in panel.fan.bands] == [0.95, 0.8, 0.5, 0.3]
        for outer, inner in pairwise(panel.fan.bands):
            assert all(o <= i for o, i in zip(outer.lower, inner.lower, strict=True))
            assert all(o >= i for o, i in zip(outer.upper, inner.upper, strict=True))
    fills = [band_look(rank, 4).fill for rank in range(4)]
    light = [sum(bytes.fromhex(fill.light[1:])) for fill in fills if fill]
    assert light == sorted(light, reverse=True)
    assert len(set(light)) == 4
    drawn = [item.look for item in sheet_scene(sheet).items if isinstance(item, Area) and item.look.startswith("band")]
    assert drawn[:4] == ["band-0", "band-1", "band-2", "band-3"]


def test_a_fan_starts_at_the_origin_with_what_is_known_there() -> None:
    made = example_forecast()
    assert made.history is not None
    fan = forecast_sheet(made).panels[1].fan
    assert fan is not None
    assert fan.quarters[:2] == (ORIGIN, ORIGIN + 1)
    assert fan.mean == (made.history.smoothed[-1, 1], *made.mean[:, 1])
    assert fan.bands[0].upper[0] == pytest.approx(
        made.history.smoothed[-1, 1] + 1.959964 * made.history.smoothed_sd[-1, 1]
    )


def test_without_a_history_a_sheet_shows_the_forecast_alone() -> None:
    sheet = forecast_sheet(example_forecast(history=False, horizon=1))
    assert (sheet.first, sheet.last, sheet.statuses) == (ORIGIN + 1, ORIGIN + 1, ())
    band = next(item for item in sheet_scene(sheet).items if isinstance(item, Area) and item.look == "band-0")
    assert max(x for x, _ in band.points) - min(x for x, _ in band.points) > 20  # a bar, not a line without width


def test_every_status_has_its_mark_and_unknown_has_none() -> None:
    marks = {status: mark_scene(status, (0.0, 0.0), radius=2.0, bar=(-5.0, 5.0)) for status in Status}
    assert [item.look for item in marks[Status.REPORTED]] == ["reported"]
    assert [item.look for item in marks[Status.COMBINED]] == ["combined"]
    assert [item.look for item in marks[Status.INFERRED]] == ["inferred-bar", "inferred"]
    assert marks[Status.UNKNOWN] == ()
    assert LOOKS["reported"].fill == LOOKS["combined"].stroke
    assert LOOKS["combined"].fill == LOOKS["page"].fill  # open


def test_every_known_cell_of_a_history_is_drawn_once_by_its_status() -> None:
    history = example_history(quarters=20)
    items = sheet_scene(history_sheet(history)).items
    for status in (Status.REPORTED, Status.COMBINED, Status.INFERRED):
        dots = [item for item in items if isinstance(item, Dot) and item.look == str(status)]
        assert len(dots) == sum(row.count(status) for row in history.status) + 1  # and one in the legend


def test_a_line_through_the_past_stops_at_gaps_and_breaks() -> None:
    history = example_history(CHINA, quarters=12)
    lines = [
        item for item in sheet_scene(history_sheet(history)).items if isinstance(item, Line) and item.look == "past"
    ]
    assert len(lines) == 2 * len(CHINA)  # before and after the break


def test_the_legend_explains_what_is_there_and_nothing_else() -> None:
    texts = [key.text.replace("\xa0", " ") for key in legend(forecast_sheet(example_forecast(history=False)))]
    assert texts == [
        "mean forecast",
        "50 % interval",
        "80 % interval",
        "95 % interval",
        "origin: the last quarter the model saw",
    ]
    assert len(legend(forecast_sheet(example_forecast()))) == len(texts) + len(Status) + 1


def test_others_of_the_past_counts_whom_the_forecast_counts_there() -> None:
    past = example_history()
    made = example_forecast((*CHINA[:3], "Others"))
    sheet = forecast_sheet(replace(made, history=past))
    rest = sheet.panels[-1]
    assert rest.fan is not None
    assert rest.fan.mean[0] == pytest.approx(past.smoothed[-1, 3:].sum())
    assert [mark.share for mark in rest.marks] == pytest.approx(list(past.smoothed[2:, 3:].sum(axis=1)))
    assert Status.REPORTED not in {mark.status for mark in rest.marks}


def test_others_is_inferred_where_a_provider_that_is_followed_is_unknown() -> None:
    past = example_history()
    status = (*past.status[:-1], (Status.UNKNOWN, *past.status[-1][1:-1], Status.REPORTED))
    share = past.share.copy()
    share[-1, 0], share[-1, -1] = nan, past.smoothed[-1, [0, -1]].sum()
    sheet = forecast_sheet(replace(example_forecast(), history=replace(past, status=status, share=share)))
    last = sheet.panels[-1].marks[-1]
    assert last.status is Status.INFERRED
    assert last.share == pytest.approx(past.smoothed[-1, -1])


def test_shares_of_zero_and_one_stay_on_the_scale() -> None:
    everything, nothing = forecast_sheet(extreme_forecast()).panels
    assert (everything.axis.high, nothing.axis.low) == (1.0, 0.0)
    assert (everything.end_label, nothing.end_label) == ("100.0\xa0%", "0.0\xa0%")


def test_a_history_of_which_nothing_is_known_is_still_drawn() -> None:
    past = example_history()
    nothing = np.full_like(past.share, nan)
    unknown = tuple((Status.UNKNOWN,) * 5 for _ in past.quarters)
    drawn = history_chart(replace(past, share=nothing, sd=nothing, status=unknown), format="svg")
    assert b"nothing published" in drawn


@pytest.mark.parametrize("count", [2, 3, 4, 5, 12])
def test_no_text_of_a_sheet_lies_over_another_or_outside(count: int) -> None:
    names = tuple(f"Provider {n} with a rather long name, {'W' * n * 3}" for n in range(count - 1))
    scene = sheet_scene(forecast_sheet(example_forecast((*names, "Others"))))
    boxes = [_box(item) for item in scene.items if isinstance(item, Text)]
    for n, (left, top, right, bottom, text) in enumerate(boxes):
        assert 0 <= left < right <= scene.width, text
        assert 0 <= top < bottom <= scene.height, text
        for left2, top2, right2, bottom2, text2 in boxes[n + 1 :]:
            assert right <= left2 or right2 <= left or bottom <= top2 or bottom2 <= top, (text, text2)


def _box(item: Text) -> tuple[float, float, float, float, str]:
    look = LOOKS[item.look]
    width = text_width(item.text, look.size, bold=look.bold) * 0.95
    left = item.at[0] - {"start": 0.0, "middle": width / 2, "end": width}[item.anchor]
    return left, item.at[1] - 0.75 * look.size, left + width, item.at[1] + 0.2 * look.size, item.text


def test_estimated_widths_are_no_less_than_those_of_the_widest_font() -> None:
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    for text in (
        "China cloud infrastructure: provider shares",
        "MWmw AVON 80 %: 30.7–47.5",
        "illicit",
        "2020Q3",
        "100.0 %",
    ):
        for bold in (False, True):
            font = FontProperties(family=["DejaVu Sans"], weight="bold" if bold else "normal")
            drawn = TextPath((0, 0), text, size=10, prop=font).get_extents().width
            assert drawn <= text_width(text, 10, bold=bold) * 1.02, text


@given(text=st.text(max_size=80), width=st.floats(30, 200))
@settings(deadline=None)
def test_wrapping_keeps_lines_in_width_and_loses_no_letter(text: str, width: float) -> None:
    text = clean(text)
    lines = wrapped(text, width, 10)
    assert all(text_width(line, 10) <= width for line in lines)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_cut_shows_as_an_ellipsis() -> None:
    assert wrapped("one two three four", 60, 10, most=1) == ("one two…",)


@given(
    ranges=st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)).map(lambda pair: (min(pair), max(pair))), min_size=1)
)
def test_scales_hold_their_ranges_within_zero_and_one(ranges: list[tuple[float, float]]) -> None:
    axes, alike = share_axes(ranges)
    for (low, high), axis in zip(ranges, axes, strict=True):
        assert -1e-12 <= axis.low <= low + 1e-9
        assert high - 1e-9 <= axis.high <= 1 + 1e-12
        assert 3 <= len(axis.ticks) <= 9
    if alike:
        assert len({round(axis.high - axis.low, 9) for axis in axes}) == 1


def test_shares_that_move_alike_share_a_scale_and_others_do_not() -> None:
    (large, small), alike = share_axes([(0.35, 0.5), (0.02, 0.1)])
    assert alike
    assert large.high - large.low == pytest.approx(small.high - small.low)
    assert not share_axes([(0.2, 0.6), (0.01, 0.02)])[1]


def test_long_spans_are_labelled_by_years_and_short_ones_by_quarters() -> None:
    first = Quarter.parse("2019Q2")
    assert [text for _, text in quarter_labels(first, first + 11, spacing=10, room=40)] == ["2020", "2021", "2022"]
    assert [text for _, text in quarter_labels(first, first + 2, spacing=50, room=40)] == ["2019Q2", "2019Q3", "2019Q4"]
    assert [text for _, text in quarter_labels(first, first + 3, spacing=20, room=40)] == ["2019Q2", "2020Q1"]
    assert len(quarter_labels(first, first + 160, spacing=1, room=40)) == 4


def test_examples_are_compositions() -> None:
    made = example_forecast()
    assert made.mean.sum(axis=1) == pytest.approx(1.0)
    assert not isnan(made.lower.min())
    assert made.upper.max() < inf
