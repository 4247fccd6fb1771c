"""What a worker of the server needs, loaded once in the process that the workers are forked from."""

from importlib import import_module

import service.batch.compiled
import service.server.tasks  # noqa: F401
from forecast.forecasting import MODELS, OF_RECORD

import_module("forecast.backtest")
for name in MODELS:
    if name != OF_RECORD:
        import_module(f"forecast.models.{name}")  # with statsmodels, which takes a second
