"""What is done for calls: functions of plain values, so that a thread or another process can do it."""

from collections.abc import Iterator

import polars as pl

from forecast.forecasting import forecast_history, forecast_shares
from forecast.results import History
from service import convert
from service.catalog import Catalog, inline_shares
from service.queries import BacktestQuery, ForecastQuery
from sharecast.v1.forecast_service_pb2 import ForecastResponse


def make_forecast(query: ForecastQuery, history: History | None, /) -> ForecastResponse:
    """Forecast a history, or the shares in the query.

    Raises:
        InvalidTable: a row of the shares breaks a rule.
        InvalidArgument, NotFound, NotEnoughData, ModelFailed: as `forecast.forecasting.forecast_shares`.
    """
    if history is not None:
        data = convert.data_used(history)
        forecast = forecast_history(
            history, horizon=query.horizon, levels=query.levels, model=query.model, seed=query.seed
        )
    else:
        shares, data = inline_shares(query.shares or (), market=query.market)
        forecast = forecast_shares(
            shares, horizon=query.horizon, levels=query.levels, model=query.model, seed=query.seed
        )
    return convert.forecast_response(forecast, data, include_history=query.include_history)


def forecast_reply(query: ForecastQuery, history: History | None, /) -> bytes:
    """The bytes of `make_forecast`; the same query, history and version give the same ones."""
    return make_forecast(query, history).SerializeToString(deterministic=True)


def backtest_replies(figures: pl.DataFrame, breaks: pl.DataFrame, query: BacktestQuery, /) -> Iterator[bytes]:
    """The messages of a backtest on figures, or on the shares in the query, as bytes.

    Raises:
        InvalidArgument, InvalidTable, NotFound, NotEnoughData: when the first one is asked for.
    """
    for step in Catalog(figures, breaks).backtest(query):
        yield convert.backtest_response(step).SerializeToString()
