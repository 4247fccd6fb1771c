from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import InvalidArgument, NotEnoughData, NotFound
from forecast.figures import load_breaks, load_figures
from forecast.forecasting import MODELS, NOT_LIFTED, check_request, forecast_history, forecast_shares
from forecast.history import reconstruct
from forecast.preparing import complete_rows
from forecast.results import Forecast, level_name
from forecast.shares import check_shares

NAN = float("nan")


def table(seed: int, quarters: int = 16, parts: int = 4) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    shares = np.exp(rng.standard_normal(parts) + 0.05 * rng.standard_normal((quarters, parts)).cumsum(axis=0))
    shares = np.round(shares / shares.sum(axis=1, keepdims=True), 3)
    return check_shares(
        pl.DataFrame(
            {
                "market": ["m"] * shares.size,
                "period": [f"{2018 + t // 4}Q{t % 4 + 1}" for t in range(quarters) for _ in range(parts)],
                "provider": [f"P{k}" for k in range(parts)] * quarters,
                "share": shares.ravel(),
            }
        )
    )


def check_promises(forecast: Forecast) -> None:
    np.testing.assert_allclose(forecast.mean.sum(axis=1), 1.0, rtol=0, atol=1e-12)
    assert (forecast.lower >= 0).all() and (forecast.upper <= 1).all()
    assert (np.diff(forecast.lower, axis=0) <= 0).all() and (np.diff(forecast.upper, axis=0) >= 0).all()
    if forecast.draws is not None:
        assert (forecast.draws >= 0).all()
        np.testing.assert_allclose(forecast.draws.sum(axis=2), 1.0, atol=1e-12)
    assert sum(weight for _, weight in forecast.provenance.used) == pytest.approx(1.0)


@pytest.mark.parametrize("model", MODELS)
def test_every_model_keeps_the_promises_of_a_forecast(model: str) -> None:
    forecast = forecast_shares(table(1), horizon=6, levels=(0.95, 0.5, 0.8), model=model, keep_draws=True)
    check_promises(forecast)
    assert forecast.levels == (0.5, 0.8, 0.95)
    assert forecast.mean.shape == (6, 4) and str(forecast.periods[0]) == "2022Q1"
    assert (np.diff(forecast.upper[2] - forecast.lower[2], axis=0).mean(axis=1) > 0).all(), "uncertainty grows"
    assert "lower_95" in forecast.to_frame().columns


def test_numbers_without_draws_agree_with_the_draws() -> None:
    for seed in (1, 2):
        direct = forecast_shares(table(seed), levels=(0.5, 0.8))
        drawn = forecast_shares(table(seed), levels=(0.5, 0.8), keep_draws=True)
        assert direct.draws is None and drawn.draws is not None
        sd = drawn.draws.std(axis=0)
        assert (np.abs(direct.mean - drawn.mean) / sd).max() < 0.15
        assert (np.abs(direct.median - drawn.median) / sd).max() < 0.2
        assert (np.abs(direct.lower - drawn.lower) / sd).max() < 0.25
        assert (np.abs(direct.upper - drawn.upper) / sd).max() < 0.25


@pytest.mark.parametrize("model", MODELS)
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(model: str) -> None:
    one, same, other = (forecast_shares(table(2), horizon=3, model=model, seed=s, keep_draws=True) for s in (5, 5, 6))
    assert one.mean.tobytes() == same.mean.tobytes() and one.lower.tobytes() == same.lower.tobytes()
    assert one.draws is not None and same.draws is not None and other.draws is not None
    assert one.draws.tobytes() == same.draws.tobytes() != other.draws.tobytes()


@settings(max_examples=20)
@given(st.integers(0, 10_000), st.integers(3, 20), st.integers(2, 8), st.integers(1, 40))
def test_any_market_gets_a_forecast_that_keeps_its_promises(seed: int, quarters: int, parts: int, horizon: int) -> None:
    check_promises(forecast_shares(table(seed, quarters, parts), horizon=horizon, levels=(0.01, 0.5, 0.999)))


def test_a_provider_never_reported_changes_nothing_but_a_warning() -> None:
    base = table(3)
    silent = base.filter(pl.col("provider") == "P0").with_columns(provider=pl.lit("Z"), share=pl.lit(None, pl.Float64))
    plain, joined = forecast_shares(base), forecast_shares(pl.concat([base, silent]))
    assert plain.mean.tobytes() == joined.mean.tobytes()
    assert joined.warnings == ("left out, as no share of theirs is reported: Z",)


@settings(max_examples=10)
@given(st.integers(0, 10_000), st.sampled_from([1e-6, 0.01, 4.0, 1e9]))
def test_the_unit_of_amounts_does_not_matter(seed: int, unit: float) -> None:
    amounts = table(seed).drop("decimals").with_columns(value=7.0 * pl.col("share")).drop("share")
    one, other = (
        forecast_shares(check_shares(amounts.with_columns(value=scale * pl.col("value")))) for scale in (1.0, unit)
    )
    np.testing.assert_allclose(one.mean, other.mean, rtol=1e-9)
    np.testing.assert_allclose(one.upper, other.upper, rtol=1e-7)


def test_a_missing_quarter_is_not_a_quarter_of_zeros() -> None:
    base = table(4)
    gap = base.filter(pl.col("period") != "2020Q2")
    zero = base.with_columns(
        share=pl.when((pl.col("period") == "2020Q2") & (pl.col("provider") == "P1")).then(0.0).otherwise("share")
    )
    forecasts = [forecast_shares(f) for f in (base, gap, zero)]
    assert len({f.mean.tobytes() for f in forecasts}) == 3


def test_a_null_cell_takes_what_the_others_leave() -> None:
    filled, names, _ = complete_rows(
        np.array([[0.5, 0.3, 0.2], [0.5, NAN, 0.2], [NAN, NAN, NAN], [0.4, NAN, NAN]]), ("A", "B", "C"), 0.0005
    )
    np.testing.assert_allclose(filled[1], [0.5, 0.3, 0.2])
    assert np.isnan(filled[2]).all()
    np.testing.assert_allclose(filled[3], [0.4, 0.36, 0.24])
    assert names == ("A", "B", "C")


def test_a_rest_that_is_stated_by_nobody_is_counted_in_others() -> None:
    filled, names, warnings = complete_rows(np.array([[0.5, 0.3], [0.5, 0.28]]), ("A", "B"), 0.005)
    np.testing.assert_allclose(filled, [[0.5, 0.3, 0.2], [0.5, 0.28, 0.22]])
    assert names == ("A", "B", "Others") and "counted in Others" in warnings[0]


def test_a_market_of_one_quarter_is_refused() -> None:
    with pytest.raises(NotEnoughData, match=r"market 'm' has too few quarters with data: 1, and"):
        forecast_shares(table(1, quarters=1))


def test_a_market_without_any_share_is_refused() -> None:
    with pytest.raises(NotEnoughData, match=r"market 'm' has too few quarters with data: 0, and"):
        forecast_shares(table(1).with_columns(share=pl.lit(None, pl.Float64)))


@pytest.mark.parametrize("horizon", [0, -1, 41, 2**31])
def test_a_horizon_out_of_range_is_named(horizon: int) -> None:
    with pytest.raises(InvalidArgument, match=f"horizon is {horizon}; allowed: 1 to 40 quarters"):
        check_request(horizon=horizon, levels=(0.8,), model="auto")


@pytest.mark.parametrize(("level", "hint"), [(0.0, ""), (1.0, ""), (80, "did you mean 0.8?"), (NAN, ""), (-0.5, "")])
def test_a_level_out_of_range_is_named(level: float, hint: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"levels is {level}; allowed: a proportion.*{hint}".replace("?", r"\?")):
        check_request(horizon=8, levels=(0.8, level), model="auto")


def test_provenance_names_both_members_and_says_where_nothing_is_lifted() -> None:
    rows = {"market": ["m"] * 20, "period": [f"20{20 + q // 4}Q{q % 4 + 1}" for q in range(10) for _ in "AB"]}
    shares = [s for q in range(10) for s in (0.6 + 0.01 * (q % 3), 0.4 - 0.01 * (q % 3))]
    named, rest = (
        forecast_shares(pl.DataFrame({**rows, "provider": ["A", other] * 10, "share": shares}), horizon=2)
        for other in ("B", "Others")
    )
    assert named.provenance.used == rest.provenance.used == (("dlm", 0.6), ("smoothing", 0.4))
    assert named.provenance.notes == (NOT_LIFTED,) and rest.provenance.notes == ()
    assert rest.median[1, 1] > named.median[1, 1]
    assert len(rest.provenance.measured_coverage) == 2


def test_a_level_given_twice_and_an_unknown_model_are_refused() -> None:
    with pytest.raises(InvalidArgument, match="each level once"):
        check_request(horizon=8, levels=(0.8, 0.8), model="auto")
    with pytest.raises(NotFound, match="model 'prophet' is not known; known: auto, naive, smoothing, "):
        check_request(horizon=8, levels=(0.8,), model="prophet")


@pytest.mark.parametrize("seed", [-1, 1.5, "x", None, 2**64])
def test_a_seed_that_is_none_is_named(seed: object) -> None:
    with pytest.raises(InvalidArgument, match=r"seed is .*; allowed: a whole number from 0 to 2\*\*64 - 1"):
        forecast_shares(table(1), seed=seed)  # type: ignore[arg-type]


def test_the_largest_seed_is_taken_to_the_last_digit() -> None:
    assert forecast_shares(table(1), seed=2**64 - 1, horizon=1).provenance.seed == 2**64 - 1


@pytest.mark.parametrize("model", [None, ["auto"]])
def test_a_model_that_is_no_name_is_refused(model: object) -> None:
    with pytest.raises(NotFound, match="is not known; known: auto, "):
        forecast_shares(table(1), model=model)  # type: ignore[arg-type]


def test_levels_are_named_in_per_cent() -> None:
    assert [level_name(x) for x in (0.5, 0.8, 0.95, 0.975, 0.999)] == ["50", "80", "95", "97.5", "99.9"]


def test_china_cloud_as_known_in_january_2021() -> None:
    history = reconstruct(load_figures(), load_breaks(), market="cn-cloud", as_of=date(2021, 1, 15))
    forecast = forecast_history(history, horizon=8, levels=(0.8, 0.95))
    check_promises(forecast)
    assert str(forecast.origin) == "2020Q3" and len(forecast.periods) == 8
    # What came: 2021Q1 39.7 %, 2021Q3 38.3 %, 2022Q2 34 % for Alibaba.
    for period, truth in (("2021Q1", 0.397), ("2021Q3", 0.383), ("2022Q2", 0.34)):
        h = [str(q) for q in forecast.periods].index(period)
        assert forecast.lower[1, h, 0] < truth < forecast.upper[1, h, 0]


def test_doubt_about_the_past_widens_the_forecast() -> None:
    """Nothing was said of Baidu since 2023Q1: its first quarter ahead cannot be surer than the history is."""
    history = reconstruct(load_figures(), load_breaks(), market="cn-cloud")
    forecast = forecast_history(history, levels=(0.95,))
    k = forecast.providers.index("Baidu AI Cloud")
    width = forecast.upper[0, 0, k] - forecast.lower[0, 0, k]
    assert width > 2.5 * history.smoothed_sd[-1, k]


def test_a_provider_long_unmentioned_is_counted_in_others_and_said_so() -> None:
    history = reconstruct(load_figures(), load_breaks(), market="world-smartphones", house="idc")
    forecast = forecast_history(history)
    assert "LG" in history.providers and "LG" not in forecast.providers
    assert any("LG" in w and "counted in Others" in w for w in forecast.warnings)
