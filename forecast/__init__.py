"""Market-share histories and forecasts from published statements.

>>> import forecast
>>> history = forecast.reconstruct(forecast.load_figures(), forecast.load_breaks(), market="cn-cloud")
>>> result = forecast.forecast_history(history, horizon=4, levels=[0.8, 0.95])
>>> str(result.origin), result.mean.shape
('2025Q4', (4, 5))
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from forecast.backtest import backtest_figures, backtest_shares
    from forecast.brought import read_table
    from forecast.conditions import Conditioned, condition_forecast
    from forecast.diff import ForecastDiff, forecast_changes
    from forecast.errors import SharecastError
    from forecast.events import (
        Concentration,
        EventProbabilities,
        EventProbability,
        League,
        Ranks,
        concentration,
        event_probabilities,
        event_probability,
        league,
        ranks,
    )
    from forecast.figures import load_breaks, load_figures, prepare_figures
    from forecast.forecasting import MODELS, forecast_history, forecast_shares
    from forecast.history import reconstruct
    from forecast.many import MarketForecasts, forecast_markets
    from forecast.name_changes import NameChange
    from forecast.quarter import Quarter
    from forecast.results import Forecast, History, Status
    from forecast.revenue import Revenue, forecast_revenue
    from forecast.scorecard import Backtest
    from forecast.shares import check_shares
    from forecast.sheet import Reading

_HOME = {
    "read_table": "brought",
    "backtest_figures": "backtest",
    "backtest_shares": "backtest",
    "Conditioned": "conditions",
    "condition_forecast": "conditions",
    "ForecastDiff": "diff",
    "forecast_changes": "diff",
    "SharecastError": "errors",
    "Concentration": "events",
    "EventProbabilities": "events",
    "EventProbability": "events",
    "League": "events",
    "Ranks": "events",
    "concentration": "events",
    "event_probabilities": "events",
    "event_probability": "events",
    "league": "events",
    "ranks": "events",
    "load_breaks": "figures",
    "load_figures": "figures",
    "prepare_figures": "figures",
    "MODELS": "forecasting",
    "forecast_history": "forecasting",
    "forecast_shares": "forecasting",
    "MarketForecasts": "many",
    "forecast_markets": "many",
    "reconstruct": "history",
    "NameChange": "name_changes",
    "Quarter": "quarter",
    "Forecast": "results",
    "History": "results",
    "Status": "results",
    "Backtest": "scorecard",
    "Reading": "sheet",
    "Revenue": "revenue",
    "forecast_revenue": "revenue",
    "check_shares": "shares",
}

__all__ = [
    "MODELS",
    "Backtest",
    "Concentration",
    "Conditioned",
    "EventProbabilities",
    "EventProbability",
    "Forecast",
    "ForecastDiff",
    "History",
    "League",
    "MarketForecasts",
    "NameChange",
    "Quarter",
    "Ranks",
    "Reading",
    "Revenue",
    "SharecastError",
    "Status",
    "backtest_figures",
    "backtest_shares",
    "check_shares",
    "concentration",
    "condition_forecast",
    "event_probabilities",
    "event_probability",
    "forecast_changes",
    "forecast_history",
    "forecast_markets",
    "forecast_revenue",
    "forecast_shares",
    "league",
    "load_breaks",
    "load_figures",
    "prepare_figures",
    "ranks",
    "read_table",
    "reconstruct",
]


def __getattr__(name: str) -> object:
    # Loaded when asked for: the client library needs forecast.errors alone, and must stay light.
    if name not in _HOME:
        raise AttributeError(f"module 'forecast' has no attribute {name!r}")
    return getattr(import_module(f"forecast.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
