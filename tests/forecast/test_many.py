import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from forecast import Reading, read_table
from forecast.errors import InvalidArgument, InvalidTable, NotEnoughData
from forecast.forecasting import forecast_shares
from forecast.many import forecast_markets, forecast_table
from forecast.shares import check_shares


def markets(count: int) -> pl.DataFrame:
    rng = np.random.default_rng(6)
    frames = []
    for n in range(count):
        quarters, parts = int(rng.integers(3, 30)), int(rng.integers(2, 8))
        logs = rng.standard_normal(parts) + 0.1 * rng.standard_normal((quarters, parts)).cumsum(axis=0)
        shares = np.exp(logs) / np.exp(logs).sum(axis=1, keepdims=True)
        if n % 3 == 0:
            shares[quarters // 2] = np.nan
            shares[-1, 0] = np.nan
        frame = pl.DataFrame(
            {
                "market": [f"m{n}"] * shares.size,
                "period": [f"{2010 + t // 4}Q{t % 4 + 1}" for t in range(quarters) for _ in range(parts)],
                "provider": [f"P{k}" for k in range(parts)] * quarters,
                "share": np.round(shares.ravel(), 3),
                "decimals": [1] * shares.size,
            }
        ).with_columns(pl.col("share").fill_nan(None))
        frames.append(frame.sample(fraction=1.0, shuffle=True, seed=n))
    return check_shares(pl.concat(frames))


def test_a_table_of_forecasts_is_the_forecasts_of_its_markets() -> None:
    shares = markets(12)
    made = forecast_table(shares, horizon=5, levels=(0.9, 0.5))
    table, failures = made.table, made.failures
    one_by_one = [
        forecast_shares(rows, horizon=5, levels=(0.9, 0.5)).to_frame()
        for rows in shares.partition_by("market", maintain_order=True)
    ]
    assert failures == ()
    assert_frame_equal(table, pl.concat(one_by_one), rel_tol=0.0, abs_tol=1e-13)
    assert table.schema == one_by_one[0].schema


def test_a_market_that_cannot_be_forecast_is_told_and_the_rest_goes_on() -> None:
    shares = markets(3)
    short = shares.filter((pl.col("market") != "m1") | (pl.col("period") == "2010Q1"))
    made = forecast_table(short)
    table, failures = made.table, made.failures
    assert table["market"].unique(maintain_order=True).to_list() == ["m0", "m2"]
    ((market, error),) = failures
    assert market == "m1" and isinstance(error, NotEnoughData)


def test_nothing_in_nothing_out_with_the_columns_all_the_same() -> None:
    made = forecast_table(markets(1).filter(pl.col("period") == "2010Q1"))
    table, failures = made.table, made.failures
    assert table.height == 0 and len(failures) == 1
    assert table.columns[-2:] == ["lower_95", "upper_95"]


def test_a_bad_request_is_refused_before_any_work() -> None:
    with pytest.raises(InvalidArgument, match="horizon is 0"):
        forecast_table(markets(1), horizon=0)


def test_what_a_table_leaves_open_is_said_when_it_is_read() -> None:
    rows = {"quarter": [f"2021Q{q}" for q in (1, 2, 3, 4)], "A": [50, 51, 52, 53], "B": [30, 29, 28, 27]}
    with pytest.raises(InvalidTable, match=r"per cents or amounts: .* say which with --measure percent"):
        forecast_shares(pl.DataFrame(rows))
    read = read_table(pl.DataFrame(rows), options=Reading(measure="percent"))
    alone = forecast_shares(read, horizon=1)
    assert alone.providers == ("A", "B", "Others")
    (many,) = forecast_markets(read, horizon=1).table.filter(pl.col("provider") == "A")["mean"]
    assert many == pytest.approx(alone.mean[0, 0], abs=1e-9)
