import re
from dataclasses import replace
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from forecast.backtest import backtest_figures
from forecast.conditions import condition_forecast
from forecast.errors import InvalidArgument
from forecast.events import concentration, event_probabilities, event_probability, league
from forecast.figures import load_breaks, load_figures
from forecast.forecasting import forecast_history
from forecast.history import reconstruct
from forecast.revenue import forecast_revenue
from forecast.shown import Shown
from forecast.views import picture_of, table_of
from tests.forecast.chart_examples import example_history
from tests.forecast.drawn import forecast_of, walks

LATEST = [0.4, 0.3, 0.2, 0.1]
NAMES = ["A", "B", "C", "Others"]
VOID = {"br", "img"}


class Outline(HTMLParser):
    """What stands in a fragment: elements that are closed, cells by row, text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "br":
            self.handle_data(" | ")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data.replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def every() -> dict[str, Shown]:
    figures, breaks = load_figures(), load_breaks()
    history = reconstruct(figures, breaks, market="cn-cloud", as_of=date(2022, 3, 31))
    made = forecast_history(history, horizon=4, keep_draws=True)
    return {
        "history": history,
        "forecast": made,
        "events": event_probabilities(made, ["Huawei overtakes Alibaba", "Alibaba leads in 2022Q2"]),
        "event": event_probability(made, "top 2 changes"),
        "league": league(made),
        "conditioned": condition_forecast(made, ["Huawei = 25 % in 2022Q2"]),
        "revenue": forecast_revenue(made, figures),
        "backtest": backtest_figures(figures, breaks, market="cn-cloud", origins=2, horizon=2),
    }


KINDS = ("history", "forecast", "events", "event", "league", "conditioned", "revenue", "backtest")


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_shows_as_one_table_that_a_screen_reader_can_tell(every: dict[str, Shown], kind: str) -> None:
    html = every[kind]._repr_html_()
    outline = Outline(html)
    tags = [tag for tag, _ in outline.seen]
    assert tags.count("table") == tags.count("caption") == 1
    assert not {"style", "script", "link"} & set(tags)
    assert "class=" not in html and "http" not in html
    head, *rows = outline.rows
    assert rows and all(len(row) == len(head) for row in rows)
    scopes = [attributes.get("scope") for tag, attributes in outline.seen if tag == "th"]
    assert scopes == ["col"] * len(head) + ["row"] * len(rows)
    assert "nan" not in html.lower()
    assert not re.search(r"#[0-9a-f]{6}|color: (?!inherit)", html)  # on a dark page as on a light one


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_shows_in_a_terminal_what_it_shows_in_a_notebook(every: dict[str, Shown], kind: str) -> None:
    text, (head, *rows) = repr(every[kind]), Outline(every[kind]._repr_html_()).rows
    lines = text.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    shown = next(n for n, line in enumerate(lines) if line.split("  ")[0] == head[0])
    for line, row in zip(lines[shown:], (head, *rows), strict=False):
        cells = [re.sub(r" \| (.*)", r" (\1)", cell) for cell in row if cell]
        assert [part.strip() for part in re.split("  +", line)] == cells
    assert len({len(line) for line in lines[shown : shown + len(rows) + 1]}) == 1 or kind in ("events", "event")


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_has_a_picture_that_can_be_shown_and_saved(every: dict[str, Shown], kind: str, tmp_path: Path) -> None:
    picture = every[kind].plot()
    ((tag, attributes),) = Outline(picture._repr_html_()).seen
    assert tag == "img" and attributes["alt"] == picture.title
    assert (attributes["src"] or "").startswith("data:image/svg+xml;base64,")
    svg = picture.save(tmp_path / "a.svg").read_text(encoding="utf-8")
    assert svg.startswith("<?xml") and "nan" not in svg.lower()
    assert picture.save(str(tmp_path / "a.html")).read_bytes().startswith(b"<!DOCTYPE html>")
    named = every[kind].plot(title="Ours & theirs").save(tmp_path / "b.svg").read_text(encoding="utf-8")
    assert "Ours &amp; theirs" in named


def test_a_picture_is_saved_as_its_ending_says_or_not_at_all(every: dict[str, Shown], tmp_path: Path) -> None:
    picture = every["events"].plot()
    assert picture.save(tmp_path / "a.PNG").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(
        InvalidArgument, match=r"a\.pdf does not end as a chart does; give a file that ends in \.png, \.svg, \.html"
    ):
        picture.save(tmp_path / "a.pdf")
    assert not (tmp_path / "a.pdf").exists()
    assert repr(picture) == "<Picture: How probable it is>"


def test_a_forecast_shows_means_and_the_interval_nearest_to_80_per_cent() -> None:
    made = forecast_of(walks(1, 500, 3, LATEST), LATEST, NAMES)
    head, first, *_ = Outline(made._repr_html_()).rows
    assert head == ["quarter", *NAMES]
    low, high = 100 * made.lower[0, 0, 0], 100 * made.upper[0, 0, 0]
    assert first[:2] == ["2026Q1", f"{100 * made.mean[0, 0]:.1f} % | {low:.1f}–{high:.1f}"]


def test_a_history_shows_how_each_share_is_known() -> None:
    history = example_history(quarters=14)
    rows = Outline(history._repr_html_()).rows[1:]
    assert [row[0] for row in rows] == [str(quarter) for quarter in history.quarters[-12:]]
    sign = {"reported": "", "combined": "*", "inferred": "~", "unknown": "–"}
    for row, statuses in zip(rows, history.status[-12:], strict=True):
        for cell, status in zip(row[1:], statuses, strict=True):
            assert (sign[status] in cell) and (status != "reported" or not set("*~–") & set(cell))


def test_a_league_shows_ranks_leaders_and_concentration() -> None:
    made = forecast_of(walks(1, 500, 3, LATEST), LATEST, NAMES)
    head, origin, first, *_ = Outline(league(made)._repr_html_()).rows
    assert head == ["quarter", "HHI", "A", "B", "C"]
    assert origin[1:] == ["0.290", "1", "2", "3"]
    index = concentration(made)
    assert first[1] == f"{index.mean[0]:.3f} | {index.lower[0, 0]:.3f}–{index.upper[0, 0]:.3f}"
    assert first[2].startswith("1.0 | leads: ")


def test_what_has_no_view_is_refused() -> None:
    with pytest.raises(TypeError, match="no view of int"):
        table_of(3)
    with pytest.raises(TypeError, match="no picture of int"):
        picture_of(3, None)


@settings(max_examples=30)
@given(st.lists(st.text(max_size=12), min_size=3, max_size=3, unique=True), st.text(max_size=20))
@example(["<b>bold", '"&', "<script>"], '<img src="x">')
def test_any_name_stands_in_the_table_as_text(names: list[str], market: str) -> None:
    made = replace(forecast_of(walks(1, 50, 2, LATEST), LATEST, NAMES), providers=(*names, "Others"), market=market)
    for result in (made, league(made)):
        outline = Outline(result._repr_html_())
        assert {tag for tag, _ in outline.seen} <= {
            "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "br", "small", "p", "details", "summary",
            "ul", "li",
        }  # fmt: skip
        assert len(outline.rows[0]) == len(outline.rows[1])
        assert result.plot()._repr_html_().count("<") == 1
