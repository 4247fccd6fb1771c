from dataclasses import replace
from datetime import date

import numpy as np
import polars as pl
import pytest

from forecast.conditions import condition_forecast
from forecast.errors import InvalidArgument, NotEnoughData
from forecast.figures import load_breaks, load_figures
from forecast.forecasting import forecast_history, forecast_shares
from forecast.history import reconstruct
from forecast.results import Forecast
from forecast.revenue import forecast_revenue
from tests.forecast.drawn import four_quarters


def made(market: str = "cn-cloud", house: str = "canalys", as_of: date | None = None, horizon: int = 6) -> Forecast:
    history = reconstruct(load_figures(), load_breaks(), market=market, house=house, as_of=as_of)
    return forecast_history(history, horizon=horizon, keep_draws=True)


@pytest.mark.parametrize(
    ("market", "house", "unit"),
    [
        ("cn-cloud", "canalys", "USD bn"),
        ("world-cloud", "canalys", "USD bn"),
        ("world-smartphones", "idc", "million units"),
    ],
)
def test_providers_sum_to_the_market_in_every_draw_and_in_the_mean(market: str, house: str, unit: str) -> None:
    forecast = made(market, house)
    found = forecast_revenue(forecast, load_figures())
    assert found.unit == unit
    assert (found.draws >= 0.0).all() and (found.total > 0.0).all()
    np.testing.assert_allclose(found.draws.sum(axis=2), found.total, rtol=1e-12)
    np.testing.assert_allclose(found.amounts.mean[:, :-1].sum(axis=1), found.amounts.mean[:, -1], rtol=1e-12)
    assert forecast.draws is not None
    np.testing.assert_allclose(found.draws / found.total[:, :, None], forecast.draws, rtol=0, atol=1e-12)
    assert (found.amounts.lower[1] <= found.amounts.lower[0]).all()
    assert (found.amounts.upper[1] >= found.amounts.upper[0]).all()
    # The first quarter's market is near the last one's.
    assert 0.7 < found.amounts.median[0, -1] / found.totals.amount[-1] < 1.3


def test_growth_is_against_the_quarter_a_year_before_known_or_drawn() -> None:
    forecast = made()
    found = forecast_revenue(forecast, load_figures())
    assert forecast.history is not None
    totals = dict(zip(found.totals.quarters, found.totals.amount, strict=True))
    year_before = forecast.origin + -3
    np.testing.assert_allclose(found.growth[:, 0, -1], found.total[:, 0] / totals[year_before] - 1.0)
    row = forecast.history.smoothed[year_before - forecast.history.quarters[0]]
    alibaba = row[forecast.history.providers.index("Alibaba Cloud")] * totals[year_before]
    np.testing.assert_allclose(found.growth[:, 0, 0], found.draws[:, 0, 0] / alibaba - 1.0)
    whole = np.concatenate([found.draws, found.total[:, :, None]], axis=2)
    for k in (0, -1):  # others may be at zero
        np.testing.assert_allclose(found.growth[:, 4, k], whole[:, 4, k] / whole[:, 0, k] - 1.0)


def test_a_total_already_published_is_no_matter_of_chance() -> None:
    # Shares of 2020Q3 are the newest; the market of 2020Q4 is put in by hand.
    forecast = made(as_of=date(2021, 1, 15))
    assert str(forecast.origin) == "2020Q3"
    later = load_figures().filter(
        pl.col("market") == "cn-cloud", pl.col("providers") == "TOTAL", pl.col("period") == "2020Q4"
    )
    early = later.with_columns(published_at=pl.lit(date(2021, 1, 10)))
    found = forecast_revenue(forecast, pl.concat([load_figures(), early]))
    np.testing.assert_allclose(found.total[:, 0], 5.8, rtol=1e-9)
    assert found.total[:, 1].std() > 0.0


def test_figures_published_after_the_day_do_not_count() -> None:
    forecast = made(as_of=date(2021, 1, 15))
    known = load_figures().filter(pl.col("published_at") <= date(2021, 1, 15))
    a, b = forecast_revenue(forecast, load_figures()), forecast_revenue(forecast, known)
    np.testing.assert_array_equal(a.draws, b.draws)


def test_a_forecast_given_something_gives_revenue_given_it() -> None:
    given = condition_forecast(made(), ["Huawei = 25 % in 2026Q4", "a new provider takes 5 %"]).forecast
    found = forecast_revenue(given, load_figures())
    huawei, newcomer = found.providers.index("Huawei Cloud"), found.providers.index("New provider")
    np.testing.assert_allclose(found.draws[:, 3, huawei], 0.25 * found.total[:, 3], rtol=1e-7)
    assert np.isnan(found.growth[:, 0, newcomer]).all()


def test_the_table_has_the_market_beside_its_providers() -> None:
    found = forecast_revenue(made(horizon=2), load_figures())
    frame = found.to_frame()
    assert frame["provider"].to_list() == [*found.providers, "TOTAL"] * 2
    assert frame.columns[5:12] == ["unit", "mean", "median", "lower_80", "upper_80", "lower_95", "upper_95"]
    assert frame.columns[12:15] == ["growth", "growth_lower_80", "growth_upper_80"]
    assert frame["mean"].null_count() == 0


def test_a_market_without_totals_and_a_forecast_without_draws_are_refused() -> None:
    forecast = made(horizon=1)
    with pytest.raises(
        NotEnoughData, match=r"market 'cn-cloud' has too few quarters with data \(totals of nobody\): 0, and"
    ):
        forecast_revenue(replace(forecast, house="nobody"), load_figures())
    with pytest.raises(InvalidArgument, match="keep_draws=True"):
        forecast_revenue(forecast_shares(four_quarters()), load_figures())


def test_a_draw_in_which_nothing_was_sold_a_year_before_leaves_the_growth_of_the_others() -> None:
    forecast = made()
    assert forecast.draws is not None
    draws = forecast.draws.copy()
    draws[:3, 0, 1] += draws[:3, 0, 0]
    draws[:3, 0, 0] = 0.0
    found = forecast_revenue(replace(forecast, draws=draws), load_figures())
    growth = found.growth[:, 4, 0]
    assert np.isnan(growth[:3]).all() and np.isfinite(growth[3:]).all()
    assert found.growths.median[4, 0] == pytest.approx(np.median(growth[3:]))
    assert found.growths.lower[0, 4, 0] == pytest.approx(np.quantile(growth[3:], 0.1))
    assert found.growths.mean[4, 0] == pytest.approx(growth[3:].mean())
