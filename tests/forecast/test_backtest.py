"""Rolling origins: nothing from the future is seen, and the scores are those worked out another way."""

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.backtest import (
    backtest_figures,
    backtest_figures_steps,
    backtest_shares,
    backtest_shares_steps,
)
from forecast.draws import simultaneous_bands
from forecast.errors import InvalidArgument, ModelFailed, NotEnoughData, NotFound
from forecast.figures import load_breaks, load_figures
from forecast.forecasting import forecast_history, forecast_shares
from forecast.history import reconstruct
from forecast.quarter import Quarter
from forecast.results import Forecast
from forecast.scorecard import DISTANCES, MEASURES, Backtest, BacktestProgress
from forecast.shares import SharesTable, check_shares

FIGURES, BREAKS = load_figures(), load_breaks()


def table(seed: int, quarters: int = 9, names: tuple[str, ...] = ("A", "B", "C"), market: str = "m") -> pl.DataFrame:
    """Shares that walk at random, in whole thousandths."""
    rng = np.random.default_rng(seed)
    logs = np.log([0.5, 0.3, 0.2][: len(names)]) + rng.normal(0, 0.1, (quarters, len(names))).cumsum(axis=0)
    shares = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
    rows = [
        {"market": market, "period": str(Quarter.parse("2020Q1") + t), "provider": name, "share": round(share, 3)}
        for t in range(quarters)
        for name, share in zip(names, shares[t].tolist(), strict=True)
    ]
    return check_shares(pl.DataFrame(rows))


def value(found: Backtest, measure: str, **where: object) -> float:
    score = found.find(measure, **{"model": "naive", **where})  # type: ignore[arg-type]
    assert score is not None, (measure, where)
    return score.value


def test_scores_are_those_of_a_plain_loop_over_origins_and_cells() -> None:
    shares = table(1)
    found = backtest_shares(shares, origins=4, horizon=3, levels=(0.8, 0.5), models=["naive"], seed=5)
    wis, mae, hits, at_two = [], [], [], []
    for last in ("2020Q4", "2021Q1", "2021Q2", "2021Q3", "2021Q4")[1:]:
        seen = shares.filter(pl.col("period") <= last)
        rows = forecast_shares(seen, horizon=3, levels=(0.5, 0.8), model="naive", seed=5).to_frame()
        for row in rows.join(shares, on=["period", "provider"]).iter_rows(named=True):
            y, total = row["share"], abs(row["share"] - row["median"]) / 2
            for level in (0.5, 0.8):
                low, high = row[f"lower_{level * 100:g}"], row[f"upper_{level * 100:g}"]
                miss = max(low - y, 0) + max(y - high, 0)
                total += (1 - level) / 2 * (high - low) + miss
            wis.append(100 * total / 2.5)
            mae.append(100 * abs(y - row["median"]))
            hits.append(row["lower_80"] <= y <= row["upper_80"])
            if row["horizon"] == 2:
                at_two.append(mae[-1])
    assert value(found, "wis") == pytest.approx(np.mean(wis), abs=1e-12)
    assert value(found, "mae") == pytest.approx(np.mean(mae), abs=1e-12)
    assert value(found, "coverage", level=0.8) == pytest.approx(np.mean(hits), abs=1e-12)
    assert value(found, "mae", horizon=2) == pytest.approx(np.mean(at_two), abs=1e-12)
    score = found.find("wis", model="naive")
    assert score is not None
    assert (score.count, found.forecasts, found.levels) == (len(wis), 4, (0.5, 0.8))
    assert (str(found.first_origin), str(found.last_origin)) == ("2021Q1", "2021Q4")


def test_joint_scores_are_those_of_the_draws_of_the_cells_that_came() -> None:
    shares = pl.concat([table(seed, names=("A", "B"), market=f"m{seed}") for seed in range(12)])
    shares = shares.filter(~((pl.col("period") == "2022Q1") & (pl.col("provider") == "B")))
    found = backtest_shares(shares, origins=1, horizon=3, models=["naive"], levels=(0.6,))
    energies, whole = [], []
    for (market,), rows in shares.group_by("market", maintain_order=True):
        made = forecast_shares(rows.filter(pl.col("period") < "2022Q1"), horizon=3, model="naive", keep_draws=True)
        came = rows.filter(period="2022Q1", provider="A")["share"][0]
        assert made.draws is not None
        path = made.draws[:, 0, 0]
        near = np.abs(path - came).mean()
        apart = np.abs(path[:, None] - path[None, :]).sum() / (len(path) * (len(path) - 1))
        energies.append(100 * (near - apart / 2))
        lower, upper = simultaneous_bands(path, 0.6)
        whole.append(bool(lower <= came <= upper))
        assert value(found, "energy", market=market) == pytest.approx(energies[-1], abs=1e-9)
        assert value(found, "simultaneous_coverage", level=0.6, market=market) == whole[-1]
    assert value(found, "energy") == pytest.approx(np.mean(energies), abs=1e-9)
    assert 0 < sum(whole) < len(whole)


def test_skill_is_one_less_the_ratio_to_naive_and_pooled_markets_weigh_the_same() -> None:
    shares = pl.concat([table(2), table(3, quarters=6, market="n"), table(4, names=("A", "B"), market="o")])
    found = backtest_shares(shares, origins=2, horizon=2, levels=(0.8,), models=["local_level", "naive"])
    assert found.markets == ("m", "n", "o")
    for measure in DISTANCES:
        for market in (None, "m", "o"):
            ratio = value(found, measure, model="local_level", market=market) / value(found, measure, market=market)
            assert value(found, f"{measure}_skill", model="local_level", market=market) == pytest.approx(1 - ratio)
            assert value(found, f"{measure}_skill", market=market) == 0
    for measure, level in (("wis", None), ("energy", None), ("coverage", 0.8), ("simultaneous_coverage", 0.8)):
        each = [value(found, measure, market=market, level=level) for market in "mno"]
        assert value(found, measure, level=level) == pytest.approx(np.mean(each))
        counts = [found.find(measure, model="naive", market=m, level=level) for m in ("m", "n", "o", None)]
        *parts, total = [score.count for score in counts if score]
        assert total == sum(parts)


def test_without_naive_there_is_no_skill() -> None:
    found = backtest_shares(table(2), origins=1, horizon=1, models=["local_level"])
    assert found.find("wis_skill", model="local_level") is None
    assert found.find("wis", model="local_level") is not None


@settings(max_examples=6)
@given(st.integers(0, 1000), st.data())
def test_what_comes_after_the_origin_never_changes_the_forecast(seed: int, data: st.DataObject) -> None:
    """A table with another future after the last origin scored gives the same draws there."""
    shares = table(seed)
    cut = data.draw(st.sampled_from(["2020Q4", "2021Q2"]))
    other = shares.with_columns(
        share=pl.when(pl.col("period") > cut).then(pl.col("share").reverse()).otherwise(pl.col("share"))
    )
    seen: list[list[Forecast]] = [[], []]
    for made, frame in zip(seen, (shares, other), strict=True):

        def spy(rows: pl.DataFrame, made: list[Forecast] = made, **options: object) -> Forecast:
            made.append(forecast_shares(rows, **options))  # type: ignore[arg-type]
            return made[-1]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("forecast.backtest.forecast_shares", spy)
            backtest_shares(frame, origins=5, horizon=2, models=["naive"], levels=(0.8,))
    for one, two in zip(*seen, strict=True):
        assert one.origin == two.origin
        if str(one.origin) <= cut:
            np.testing.assert_array_equal(one.draws, two.draws)


def test_figures_are_seen_as_known_on_the_day_the_quarter_first_came_out(monkeypatch: pytest.MonkeyPatch) -> None:
    days: list[date] = []
    made: list[Forecast] = []

    def history(*arguments: object, **options: object) -> object:
        if options.get("as_of"):
            days.append(options["as_of"])  # type: ignore[arg-type]
        return reconstruct(*arguments, **options)  # type: ignore[arg-type]

    def forecasts(*arguments: object, **options: object) -> Forecast:
        made.append(forecast_history(*arguments, **options))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr("forecast.backtest.reconstruct", history)
    monkeypatch.setattr("forecast.backtest.forecast_history", forecasts)
    found = backtest_figures(FIGURES, BREAKS, market="cn-cloud", origins=30, horizon=2, models=["naive"])
    assert found.forecasts == len(days) == len(made)
    mine = FIGURES.filter(market="cn-cloud", house="canalys", measure="share", annual=False)
    for day, forecast in zip(days, made, strict=True):
        first = mine.filter(period=str(forecast.origin))["published_at"].min()
        assert first == day
        later = mine.filter(pl.col("published_at") <= day, pl.col("period") > str(forecast.origin))
        assert later.is_empty()
        assert forecast.history is not None
        assert forecast.history.vintage is not None
        assert forecast.history.vintage <= day
        # the day before, the quarter was not known
        before = reconstruct(FIGURES, BREAKS, market="cn-cloud", as_of=day - timedelta(days=1))
        assert before.quarters[-1] < forecast.origin
    assert found.first_origin == made[0].origin
    # 2019Q1 was first told of in 2020, when later quarters were known: it never was the newest
    assert "2019Q1" not in {str(forecast.origin) for forecast in made}


@pytest.mark.parametrize(("market", "house"), [("cn-cloud", "canalys"), ("world-smartphones", "idc")])
def test_figures_are_scored_against_cells_that_are_reported_or_combined_and_nothing_else(
    market: str, house: str
) -> None:
    *steps, found = backtest_figures_steps(
        FIGURES, BREAKS, market=market, house=house, origins=3, horizon=3, models=["naive"], levels=(0.8,)
    )
    latest = reconstruct(FIGURES, BREAKS, market=market, house=house).to_frame()
    came = latest.filter(pl.col("status").is_in(["reported", "combined"]), pl.col("provider") != "Others")
    assert "inferred" in latest.filter(pl.col("period") >= "2025Q1")["status"].to_list()
    mine = FIGURES.filter(market=market, house=house, measure="share", annual=False)
    errors: list[float] = []
    for step in steps:
        assert isinstance(step, BacktestProgress)
        first = mine.filter(pl.col("period") == str(step.origin))["published_at"].min()
        assert isinstance(first, date)
        history = reconstruct(FIGURES, BREAKS, market=market, house=house, as_of=first)
        made = forecast_history(history, horizon=3, levels=(0.8,), model="naive").to_frame()
        cells = made.join(came, on=["period", "provider"])
        errors += (100 * (cells["median"] - cells["share"]).abs()).to_list()
        for quarter in made["period"].unique():
            named = made.filter(pl.col("period") == quarter, pl.col("provider") != "Others")
            known = came.filter(period=quarter).join(named, on="provider")
            if known.height == named.height:
                rest = made.filter(pl.col("period") == quarter, pl.col("provider") == "Others")["median"][0]
                errors.append(100 * abs(rest - (1 - known["share"].sum())))
    assert isinstance(found, Backtest)
    assert value(found, "mae") == pytest.approx(np.mean(errors), abs=1e-9)
    score = found.find("mae", model="naive")
    assert score is not None
    assert score.count == len(errors)


def test_a_share_not_reported_is_not_scored_and_never_zero() -> None:
    shares = table(6)
    gap = pl.when(pl.col("period") == "2022Q1", pl.col("provider") == "B").then(None).otherwise(pl.col("share"))
    found = backtest_shares(shares.with_columns(share=gap), origins=1, horizon=1, models=["naive"], levels=(0.8,))
    score = found.find("wis", model="naive")
    assert score is not None
    assert (score.count, str(found.last_origin)) == (2, "2021Q4")


def test_an_origin_after_which_nothing_that_was_forecast_came_is_told() -> None:
    """After the last origin only a newcomer is reported, whom the forecast could not know."""
    newcomer = table(6).filter(period="2022Q1").head(1).with_columns(provider=pl.lit("D"))
    shares = pl.concat([table(6).filter(pl.col("period") < "2022Q1"), newcomer])
    found = backtest_shares(shares, origins=2, horizon=1, models=["naive"])
    assert (found.forecasts, str(found.last_origin)) == (1, "2021Q3")
    assert [str(s) for s in found.skipped] == ["m at 2021Q4: nothing that was forecast became known"]


def test_others_made_by_the_forecast_is_scored_as_the_rest() -> None:
    shares = table(7, quarters=4).filter(pl.col("provider") != "C")
    found = backtest_shares(shares, origins=1, horizon=1, models=["naive"], levels=(0.8,))
    made = forecast_shares(shares.filter(pl.col("period") < "2020Q4"), horizon=1, model="naive")
    assert made.providers == ("A", "B", "Others")
    came = shares.filter(period="2020Q4")["share"].to_list()
    errors = np.abs(made.median[0] - [*came, 1 - sum(came)])
    assert value(found, "mae") == pytest.approx(100 * errors.mean(), abs=1e-9)


def test_steps_tell_progress_after_every_origin_and_end_with_the_scores() -> None:
    shares = pl.concat([table(2), table(3, market="n")])
    *before, last = backtest_shares_steps(shares, origins=2, horizon=2, models=["naive"])
    assert all(isinstance(step, BacktestProgress) for step in before)
    told = [(s.market, str(s.origin), s.done, s.total) for s in before if isinstance(s, BacktestProgress)]
    assert told == [("m", "2021Q3", 1, 4), ("m", "2021Q4", 2, 4), ("n", "2021Q3", 3, 4), ("n", "2021Q4", 4, 4)]
    heard: list[BacktestProgress] = []
    assert last == backtest_shares(shares, origins=2, horizon=2, models=["naive"], progress=heard.append)
    assert heard == before


def test_nothing_is_done_before_a_step_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def counted(*arguments: object, **options: object) -> Forecast:
        calls.append(str(options["model"]))
        return forecast_history(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("forecast.backtest.forecast_history", counted)
    steps = backtest_figures_steps(FIGURES, BREAKS, market="cn-cloud", origins=3, horizon=1, models=["naive"])
    assert not calls
    for number in (1, 2, 3):
        next(steps)
        assert len(calls) == number


def test_an_origin_where_one_model_fails_is_left_out_for_all_and_told(monkeypatch: pytest.MonkeyPatch) -> None:

    def failing(rows: SharesTable, **options: object) -> Forecast:
        if options["model"] == "local_level" and rows.shares["period"].max() == "2021Q3":
            raise ModelFailed("local_level", "of our own making")
        return forecast_shares(rows, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("forecast.backtest.forecast_shares", failing)
    found = backtest_shares(table(8), origins=3, horizon=1, models=["naive", "local_level"])
    assert found.forecasts == 2
    assert {s.count for s in found.scores if s.measure == "wis"} == {6}
    (skipped,) = found.skipped
    assert (skipped.market, str(skipped.origin)) == ("m", "2021Q3")
    assert skipped.reason == "model 'local_level' could not be fitted: of our own making"


def test_a_market_without_an_origin_is_told_and_a_table_of_such_is_refused() -> None:
    short = table(9, quarters=2, market="short")
    found = backtest_shares(pl.concat([short, table(8)]), origins=1, horizon=1, models=["naive"])
    assert found.markets == ("m",)
    assert [(s.market, s.origin) for s in found.skipped] == [("short", None)]
    with pytest.raises(NotEnoughData, match=r"market 'short' has too few quarters with data .*: 2, and at least 3"):
        backtest_shares(short, models=["naive"])
    nothing = short.with_columns(share=pl.lit(None, pl.Float64))
    with pytest.raises(NotEnoughData, match=r"market 'short' has too few quarters with data.*: 0, and"):
        backtest_shares(nothing, models=["naive"])


def test_figures_all_told_of_in_hindsight_are_no_origins() -> None:
    with pytest.raises(NotEnoughData, match=r"too few quarters with data \(each told of before the next\): [012], and"):
        backtest_figures(FIGURES, BREAKS, market="world-smartphones", house="abi", models=["naive"])


def test_a_provider_who_enters_later_is_told_of() -> None:
    shares = table(3)
    late = shares.with_columns(
        share=pl.when(pl.col("provider") == "C", pl.col("period") < "2021Q4").then(None).otherwise(pl.col("share"))
    )
    found = backtest_shares(late, origins=3, horizon=2, models=["naive"])
    assert found.notes == ("m: C entered after the first origin: not scored at origins that could not know of it",)
    assert backtest_shares(shares, origins=3, horizon=2, models=["naive"]).notes == ()


def test_a_declared_break_is_told_of_where_forecasts_cross_it() -> None:
    found = backtest_figures(FIGURES, BREAKS, market="cn-cloud", origins=6, horizon=4, models=["naive"])
    assert [note[:32] for note in found.notes] == ["the series breaks before 2025Q1 "]


def test_the_frame_is_tidy_and_holds_every_score_once() -> None:
    found = backtest_shares(table(2), origins=2, horizon=2, levels=(0.5, 0.8))
    frame = found.to_frame()
    assert frame.columns == ["market", "model", "measure", "level", "horizon", "value", "count"]
    assert frame.height == len(found.scores) == frame.unique(frame.columns[:5]).height
    assert set(frame["measure"]) == set(MEASURES)
    assert frame["value"].is_finite().all()
    cover = frame.filter(pl.col("measure").str.contains("coverage"))
    assert cover["value"].is_between(0, 1).all()
    assert cover["level"].null_count() == 0


def test_the_same_seed_gives_the_same_scores_and_another_gives_others() -> None:
    one, again, other = (
        backtest_shares(table(2), origins=1, horizon=2, models=["naive"], seed=seed) for seed in (1, 1, 2)
    )
    assert one == again
    assert one.scores != other.scores


def test_coverage_comes_out_where_the_world_is_the_model() -> None:
    """Eighty markets that walk at random: the random walk's intervals hold about as often as they say."""
    shares = pl.concat([table(seed, quarters=20, market=f"m{seed}") for seed in range(80)])
    found = backtest_shares(shares, origins=2, horizon=2, models=["naive"], levels=(0.5, 0.8, 0.95))
    for level in (0.5, 0.8, 0.95):
        assert value(found, "coverage", level=level) == pytest.approx(level, abs=0.08)
        assert value(found, "simultaneous_coverage", level=level) == pytest.approx(level, abs=0.12)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"origins": 0}, "origins is 0; allowed: 1 to 400"),
        ({"levels": ()}, r"levels is \[\]; allowed: at least one level"),
        ({"models": ()}, r"models is \[\]; allowed: at least one model"),
        ({"models": ("naive", "naive")}, "each once"),
        ({"horizon": 41}, "horizon is 41; allowed: 1 to 40"),
        ({"levels": (0.8, 95.0)}, r"did you mean 0\.95"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_before_any_work(options: dict[str, object], match: str) -> None:
    with pytest.raises(InvalidArgument, match=match):
        next(iter(backtest_shares_steps(table(1), **options)))  # type: ignore[arg-type]
    with pytest.raises(InvalidArgument, match=match):
        next(iter(backtest_figures_steps(FIGURES, BREAKS, market="cn-cloud", **options)))  # type: ignore[arg-type]


def test_an_unknown_market_house_or_model_is_told() -> None:
    with pytest.raises(NotFound, match="market 'atlantis' is not known"):
        backtest_figures(FIGURES, BREAKS, market="atlantis")
    with pytest.raises(NotFound, match="model 'prophet' is not known"):
        backtest_figures(FIGURES, BREAKS, market="cn-cloud", models=["prophet"])


def test_a_score_that_is_not_there_is_none() -> None:
    found = backtest_shares(table(1), origins=1, horizon=3, models=["naive"])
    assert found.find("wis", model="naive", horizon=1) is not None
    assert found.find("wis", model="naive", horizon=2) is None  # nothing came two quarters after the last origin
    assert found.find("wis", model="auto") is None
    assert all(math.isfinite(score.value) for score in found.scores)
