from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.diff import ForecastDiff, forecast_changes
from forecast.errors import InvalidArgument, NotEnoughData, NotFound
from forecast.figures import load_breaks, load_figures
from forecast.forecasting import forecast_history
from forecast.history import reconstruct

FIGURES, BREAKS = load_figures(), load_breaks()
CHINA = FIGURES.filter(pl.col("market") == "cn-cloud")
EARLIER, LATER = date(2020, 9, 15), date(2020, 12, 15)  # before and after the release of 2020Q3, of 2020-11-27


def changes(figures: pl.DataFrame = CHINA, **options: object) -> ForecastDiff:
    asked = {"market": "cn-cloud", "earlier": EARLIER, "later": LATER, "horizon": 3} | options
    return forecast_changes(figures, BREAKS, **asked)  # type: ignore[arg-type]


def known(day: date, **options: object) -> pl.DataFrame:
    history = reconstruct(CHINA, BREAKS, market="cn-cloud", as_of=day)
    return forecast_history(history, **options).to_frame()  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def release() -> ForecastDiff:
    return changes()


def test_both_forecasts_are_those_of_their_days_at_the_quarters_both_look_at(release: ForecastDiff) -> None:
    assert (str(release.before.origin), str(release.after.origin)) == ("2020Q2", "2020Q3")
    assert [str(quarter) for quarter in release.quarters] == ["2020Q4", "2021Q1", "2021Q2"]
    for when, day, horizon in (("before", EARLIER, 4), ("after", LATER, 3)):
        own = known(day, horizon=horizon, levels=(0.8,)).rename(
            {"mean": f"mean_{when}", "lower_80": f"lower_80_{when}", "upper_80": f"upper_80_{when}"}
        )
        columns = ["period", "provider", f"mean_{when}", f"lower_80_{when}", f"upper_80_{when}"]
        both = release.to_frame().join(own.select(columns), on=["period", "provider"], suffix="_own")
        assert both.height == 3 * len(release.before.providers)
        for name in columns[2:]:
            assert both[name].to_list() == both[f"{name}_own"].to_list()


def test_the_model_and_the_seed_are_those_asked_for() -> None:
    found = changes(model="naive", seed=5, horizon=2)
    assert (found.after.provenance.model, found.before.provenance.model) == ("naive", "naive")
    own = known(LATER, horizon=2, model="naive", seed=5, levels=(0.8,))
    named = [name for name in found.providers if name in found.after.providers]
    assert found.to_frame().filter(pl.col("provider").is_in(named))["mean_after"].to_list() == own["mean"].to_list()


def test_the_change_of_a_provider_is_the_later_mean_less_the_earlier(release: ForecastDiff) -> None:
    frame = release.to_frame()
    assert frame.columns[:7] == ["market", "house", "period", "provider", "mean_before", "mean_after", "change"]
    named = frame.drop_nulls("change")
    assert np.allclose(named["change"], named["mean_after"] - named["mean_before"])
    for part in frame.partition_by("period"):
        assert part["mean_after"].sum() == pytest.approx(1, abs=1e-9)
        assert part["mean_before"].sum() == pytest.approx(1, abs=1e-9)


def test_the_new_statements_are_the_figures_published_in_between(release: ForecastDiff) -> None:
    between = CHINA.filter((pl.col("published_at") > EARLIER) & (pl.col("published_at") <= LATER))
    assert sorted(n for s in release.statements for n in s.figure_ids) == sorted(between["figure_id"])
    assert all(EARLIER < s.published_at <= LATER for s in release.statements)
    alibaba = next(s for s in release.statements if (s.period, s.providers) == ("2020Q3", ("Alibaba Cloud",)))
    assert 0.409 in alibaba.values  # The Register, 2020-11-27: 40.9 %
    assert alibaba.publishers[0] == "The Register"
    assert alibaba.known_values == ()


def test_an_effect_is_the_forecast_less_the_one_without_every_figure_of_the_statement(release: ForecastDiff) -> None:
    told = next(s for s in release.statements if s.measure == "share" and len(s.figure_ids) > 1)
    # such as 40.9 % and 41 %: without one of them the other still says it

    def means(figures: pl.DataFrame) -> dict[tuple[str, str], float]:
        history = reconstruct(figures, BREAKS, market="cn-cloud", as_of=LATER)
        frame = forecast_history(replace(history, draws=None), horizon=3).to_frame()
        return {(p, name): mean for p, name, mean in frame.select("period", "provider", "mean").iter_rows()}

    whole = means(CHINA)
    fewer = means(CHINA.filter(~pl.col("figure_id").is_in(told.figure_ids)))
    assert {name for _, name in whole} == {name for _, name in fewer}
    differences = {cell: whole[cell] - fewer[cell] for cell in whole}
    assert told.effect is not None
    assert told.effect.mean == pytest.approx(np.mean([abs(d) for d in differences.values()]), abs=1e-12)
    assert told.effect.largest == pytest.approx(max(differences.values(), key=abs), abs=1e-12)
    assert differences[str(told.effect.quarter), told.effect.provider] == pytest.approx(told.effect.largest, abs=1e-12)
    assert told.effect.mean > 1e-5  # small: the other shares of the quarter leave little room


def test_statements_stand_in_the_order_of_their_effects(release: ForecastDiff) -> None:
    sizes = [np.inf if s.effect is None else s.effect.mean for s in release.statements]
    assert sizes == sorted(sizes, reverse=True)
    frame = release.statements_frame()
    told = frame.filter(pl.col("kind") == "figure")
    assert told["mean_change"].to_list() == [s.effect and s.effect.mean for s in release.statements]
    assert told["providers"].to_list() == ["|".join(s.providers) for s in release.statements]


def test_without_the_whole_of_a_release_the_forecast_is_that_of_the_day_before() -> None:
    first = date(2020, 11, 27)  # The Register
    found = changes(earlier=date(2020, 11, 26), later=first)
    (told,) = found.releases
    assert (told.published_at, told.statements, told.breaks) == (first, len(found.statements), 0)
    assert told.statements > 1
    assert told.effect == found.change
    assert found.change.mean > 1e-3
    row = found.statements_frame().row(-1, named=True)
    assert (row["kind"], row["published_at"]) == ("release", first)
    assert (row["note"], row["mean_change"]) == (f"{told.statements} statement(s)", found.change.mean)


def test_nothing_new_changes_nothing() -> None:
    found = changes(earlier=date(2020, 1, 15), later=date(2020, 1, 16))
    assert (found.statements, found.breaks) == ((), ())
    assert (found.change.mean, found.change.largest) == (0, 0)
    assert found.to_frame()["change"].abs().max() == 0
    assert found.statements_frame().height == 0
    assert "published_at" in found.statements_frame().columns


def test_totals_beside_quarterly_shares_alone_have_no_effect() -> None:
    shares = pl.col("measure") == "share", ~pl.col("annual"), pl.col("published_at") <= EARLIER
    spend = pl.col("measure") == "spend_usd_bn", pl.col("providers") == "TOTAL", ~pl.col("annual")
    more = CHINA.filter(*spend).filter((pl.col("published_at") > EARLIER) & (pl.col("published_at") <= LATER))
    found = changes(pl.concat([CHINA.filter(*shares), more]))
    assert sum(len(s.figure_ids) for s in found.statements) == more.height > 0
    assert all(s.effect is not None and s.effect.mean == 0 for s in found.statements)
    assert found.change.mean == 0


def test_a_restated_share_names_what_was_said_before_and_its_break_has_an_effect_too() -> None:
    found = changes(
        FIGURES.filter(pl.col("market") == "world-cloud"),
        market="world-cloud",
        earlier=date(2024, 8, 20),
        later=date(2024, 9, 30),
        horizon=2,
    )
    azure = next(s for s in found.statements if (s.period, s.providers) == ("2023Q2", ("Azure",)))
    assert azure.values == (0.18,)
    assert 0.26 in azure.known_values
    (declared,) = found.breaks
    assert (declared.period, declared.published_at) == ("2022Q1", date(2024, 8, 31))
    assert declared.effect is not None
    assert declared.effect.mean > 0
    (last,) = found.statements_frame().filter(pl.col("kind") == "break").iter_rows(named=True)
    assert last["note"] == declared.description
    (release,) = found.releases
    assert (release.statements, release.breaks) == (len(found.statements), 1)
    assert release.effect is not None
    assert release.effect.mean > declared.effect.mean


def test_two_releases_of_one_cell_are_two_statements() -> None:
    cell = pl.col("period") == "2020Q3", pl.col("providers") == "Alibaba Cloud", pl.col("measure") == "share"
    one = CHINA.filter(*cell).filter(pl.col("decimals") == 1).head(1)
    again = one.with_columns(
        figure_id=pl.lit(1, dtype=pl.Int64), value=pl.lit(0.43), published_at=pl.lit(date(2021, 2, 15))
    )
    found = changes(pl.concat([CHINA, again]), later=date(2021, 3, 1), horizon=2)
    told = [s for s in found.statements if (s.period, s.providers) == ("2020Q3", ("Alibaba Cloud",))]
    assert sorted(0.43 in s.values for s in told) == [False, True]
    assert {s.published_at for s in told} >= {date(2021, 2, 15)}


def test_a_statement_without_which_nothing_could_be_forecast_says_so() -> None:
    shares = CHINA.filter(pl.col("measure") == "share", pl.col("providers") == "Alibaba Cloud", ~pl.col("annual"))
    chosen = shares.filter(pl.col("mark") == "ok").unique("period", keep="first").sort("period").head(3)
    older, first, second = (
        chosen[n].with_columns(figure_id=pl.lit(n, dtype=pl.Int64), published_at=pl.lit(date(2020, 1, 1 + n)))
        for n in range(3)
    )
    new = second.with_columns(figure_id=pl.lit(3, dtype=pl.Int64), published_at=pl.lit(date(2020, 3, 1)))
    asked = {"earlier": date(2020, 1, 15), "later": date(2020, 4, 1), "horizon": 1}
    with pytest.raises(NotEnoughData, match=r"'cn-cloud' has too few quarters with data.*: 1, and"):
        changes(first, **asked)
    found = changes(pl.concat([first, new]), figures_before=pl.concat([older, first]), **asked)
    assert [(s.figure_ids, s.effect) for s in found.statements] == [((3,), None)]
    assert found.statements_frame()["mean_change"].to_list() == [None]


def test_without_a_share_put_in_place_of_another_the_other_counts_again() -> None:
    shares = CHINA.filter(pl.col("measure") == "share", pl.col("providers") == "Alibaba Cloud", ~pl.col("annual"))
    rows = shares.filter(pl.col("mark") == "ok").unique("period", keep="first").sort("period").head(2)
    first, second = rows.with_columns(figure_id=pl.Series([1, 2]), published_at=pl.lit(date(2020, 1, 2))).partition_by(
        "period", maintain_order=True
    )
    again = second.with_columns(figure_id=pl.lit(3, dtype=pl.Int64), published_at=pl.lit(date(2020, 3, 1)))
    higher = again.with_columns(value=pl.col("value") + 0.05)
    asked = {"earlier": date(2020, 1, 15), "later": date(2020, 4, 1), "horizon": 1}
    before = pl.concat([first, second])
    found = changes(pl.concat([first, higher]), figures_before=before, **asked)
    ((told,), change) = (found.statements, found.change)
    assert (told.figure_ids, told.known_values) == ((3,), (second["value"][0],))
    assert told.effect == change  # nothing else is new
    assert change.mean > 0.005
    same = changes(pl.concat([first, again]), figures_before=before, **asked)
    assert (same.statements, same.change.mean) == ((), 0)  # what its owner says again is not new


def test_every_step_is_told() -> None:
    steps: list[tuple[int, int]] = []
    found = changes(on_step=lambda done, total: steps.append((done, total)))
    total = len(found.statements) + len(found.breaks) + len(found.releases)
    assert steps == [(n, total) for n in range(1, total + 1)]
    assert total > 3


def test_a_provider_that_only_one_of_the_days_names_is_counted_in_the_rest_of_the_other() -> None:
    found = changes(earlier=date(2020, 1, 15), later=date(2020, 12, 15), horizon=2)
    only = set(found.before.providers) ^ set(found.after.providers)
    assert only  # AWS went, Huawei came
    assert found.providers[-1] == "Others"
    assert set(found.providers) == set(found.before.providers) | set(found.after.providers)
    assert np.isnan(found.mean_before[:, found.providers.index("Huawei Cloud")]).all()
    assert found.change.provider in set(found.before.providers) & set(found.after.providers)
    huawei = found.to_frame().filter(pl.col("provider") == "Huawei Cloud")
    assert huawei["mean_before"].null_count() == huawei["change"].null_count() == 2
    assert huawei["mean_after"].null_count() == 0


@settings(deadline=None, max_examples=5)
@given(seed=st.integers(0, 100))
def test_the_order_of_the_figures_changes_no_effect(seed: int) -> None:
    shuffled = changes(CHINA.sample(fraction=1, shuffle=True, seed=seed), horizon=1)
    whole = changes(horizon=1)
    assert [s.figure_ids for s in shuffled.statements] == [s.figure_ids for s in whole.statements]
    for one, other in zip(shuffled.statements, whole.statements, strict=True):
        assert one.effect is not None
        assert other.effect is not None
        assert one.effect.mean == pytest.approx(other.effect.mean, abs=1e-9)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        (
            {"later": EARLIER},
            InvalidArgument,
            "later is '2020-09-15'; allowed: a day after the earlier one, 2020-09-15",
        ),
        ({"later": date(2019, 1, 1)}, InvalidArgument, "later is '2019-01-01'; allowed: a day after"),
        ({"market": "cn-clout"}, NotFound, "market 'cn-clout' is not known"),
        ({"house": "idc"}, NotFound, "house 'idc' is not known; known: canalys"),
        (
            {"earlier": date(2001, 1, 1)},
            NotEnoughData,
            r"'cn-cloud' has too few quarters with data \(.*as of 2001-01-01.*: 0, and",
        ),
        ({"horizon": 41}, InvalidArgument, "horizon is 41; allowed: 1 to 40"),
        ({"levels": (95.0,)}, InvalidArgument, r"levels is 95\.0.*did you mean 0\.95"),
        ({"model": "oracle"}, NotFound, "model 'oracle' is not known; known: auto"),
    ],
)
def test_a_question_that_cannot_be_answered_says_what_can(
    options: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        changes(**options)
