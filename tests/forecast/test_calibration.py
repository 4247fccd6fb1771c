"""The calibration picture of a backtest."""

import re
from dataclasses import replace
from itertools import pairwise
from xml.etree import ElementTree

import pytest

from forecast.charts import calibration_chart
from forecast.charts.calibration import calibration_scene
from forecast.charts.scene import Dot, Text
from forecast.errors import InvalidArgument
from forecast.quarter import Quarter
from forecast.scorecard import Backtest, Score, Skipped

LEVELS = (0.5, 0.8, 0.95)


def backtest(models: tuple[str, ...] = ("auto", "naive"), horizon: int = 4, **changes: object) -> Backtest:
    scores = []
    for n, model in enumerate(models):
        scores.append(Score(None, model, "wis", None, None, 1.25 + n, 120))
        scores.append(Score(None, model, "wis_skill", None, None, 0.125 - n / 8, 120))
        for level in LEVELS:
            scores.append(Score(None, model, "coverage", level, None, level - 0.1 * n, 120))
            scores.append(Score(None, model, "simultaneous_coverage", level, None, level / 2, 6))
            scores += [Score(None, model, "coverage", level, h, level - 0.02 * h, 30) for h in range(1, horizon + 1)]
    found = Backtest(
        markets=("cn-cloud",),
        house="canalys",
        models=models,
        levels=LEVELS,
        horizon=horizon,
        seed=0,
        forecasts=6,
        first_origin=Quarter.parse("2022Q1"),
        last_origin=Quarter.parse("2023Q2"),
        scores=tuple(scores),
    )
    return replace(found, **changes)  # type: ignore[arg-type]


def texts(found: Backtest) -> list[str]:
    return [item.text.replace("\xa0", " ") for item in calibration_scene(found, "t").items if isinstance(item, Text)]


def test_every_coverage_is_a_dot_at_its_level_and_height() -> None:
    scene = calibration_scene(backtest(models=("auto",)), "t")
    dots = [item for item in scene.items if isinstance(item, Dot) and item.radius == 4.0 and item.centre[0] > 100]
    (x0, y0), (x1, y1), (x2, y2) = (dot.centre for dot in dots)
    assert x0 < x1 < x2
    assert y0 > y1 > y2  # higher on the sheet, whose y runs down
    # coverage is as nominal here, so the dots lie on the diagonal, 0.3 and 0.15 apart both ways
    assert (x1 - x0) / (x2 - x1) == pytest.approx(2)
    assert (y0 - y1) / (y1 - y2) == pytest.approx(2)
    whole = [item for item in scene.items if isinstance(item, Dot) and item.look == "combined"]
    assert len(whole) == len(LEVELS) + 1  # and one in the legend
    ahead = [item for item in scene.items if isinstance(item, Dot) and item.radius == 2.6]
    assert len(ahead) == 4 * len(LEVELS)


def test_the_picture_says_market_origins_scores_and_how_many_shares() -> None:
    told = " ".join(texts(backtest()))
    assert "WIS 1.25 points, skill 12 % against naive" in told
    assert "WIS 2.25 points" in told
    assert "Origins 2022Q1–2023Q2, up to 4 quarters ahead, 120 shares that came. Canalys figures." in told
    assert "nominal level, %" in told
    svg = calibration_chart(backtest(), format="svg").decode()
    assert "<title>China cloud infrastructure: calibration over 6\xa0origins</title>" in svg


def test_what_was_left_out_and_what_to_know_is_said() -> None:
    found = backtest(skipped=(Skipped("m", None, "r"),), notes=("the series breaks before 2023Q2",))
    told = " ".join(texts(found))
    assert "1 origin left out, as a model could not forecast." in told
    assert "The series breaks before 2023Q2" in told


@pytest.mark.parametrize("models", [("a",), ("a", "b"), ("a", "b", "c"), ("a", "b", "c", "d"), tuple("abcdefgh")])
def test_nothing_leaves_the_sheet_and_columns_do_not_overlap(models: tuple[str, ...]) -> None:
    scene = calibration_scene(backtest(models=models, horizon=40), "t")
    for item in scene.items:
        if isinstance(item, Dot):
            assert 0 < item.centre[0] - item.radius < item.centre[0] + item.radius < scene.width
            assert 0 < item.centre[1] < scene.height
        if isinstance(item, Text):
            assert 0 < item.at[1] < scene.height
    names = [item.at for item in scene.items if isinstance(item, Text) and item.text in models]
    assert len(set(names)) == len(models)


def test_a_level_without_a_score_has_no_dot() -> None:
    found = backtest(models=("auto",))
    fewer = replace(found, scores=tuple(s for s in found.scores if s.level != 0.8))
    dots = [item for item in calibration_scene(fewer, "t").items if isinstance(item, Dot) and item.radius == 4.0]
    assert len(dots) == 2 + 1


def test_labels_of_close_levels_stand_apart() -> None:
    found = backtest(models=("auto",), levels=(0.9, 0.95, 0.99))
    labels = [
        item.at[1]
        for item in calibration_scene(found, "t").items
        if isinstance(item, Text) and re.fullmatch(r"(90|95|99)\s%", item.text)
    ]
    assert labels == sorted(labels)
    assert min(b - a for a, b in pairwise(labels)) >= 12


def test_the_files_are_of_their_kind_and_the_same_each_time() -> None:
    png, svg, html = (calibration_chart(backtest(), format=kind) for kind in ("png", "svg", "html"))
    assert png.startswith(b"\x89PNG")
    assert ElementTree.fromstring(svg).tag.endswith("svg")
    assert html.startswith(b"<!DOCTYPE html>")
    assert not re.search(rb"(?:src|href)=[\"']?https?:", html)
    assert b"<td>95.0\xc2\xa0%</td>" in html
    for kind, data in (("png", png), ("svg", svg), ("html", html)):
        assert calibration_chart(backtest(), format=kind) == data  # type: ignore[arg-type]


def test_names_with_markup_stay_text() -> None:
    found = backtest(models=("<b>", "naive"), markets=('"><script>',))
    for kind in ("svg", "html"):
        data = calibration_chart(found, format=kind).decode()
        assert "<script" not in data
        assert "<b>" not in data
    ElementTree.fromstring(calibration_chart(found, format="svg"))


def test_another_format_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="format is 'pdf'; allowed: png, svg, html"):
        calibration_chart(backtest(), format="pdf")  # type: ignore[arg-type]
