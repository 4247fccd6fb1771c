"""Messages to values and back: the one place that reads and writes message fields.

Free of Polars and NumPy, because the client uses it too; what it needs of an array is `tolist`.
"""

from service.convert.backtests import backtest_query, backtest_request, backtest_response, backtest_step
from service.convert.batches import (
    batch_message,
    batch_names,
    batch_parts,
    batch_query,
    columns_outcome,
    error_outcome,
    forecast_outcome,
    outcome_results,
    read_tables,
    stream_request,
    stream_response,
)
from service.convert.figures import figures_page, figures_query, figures_request, figures_response
from service.convert.forecasts import forecast_query, forecast_request, forecast_response, forecast_result
from service.convert.histories import data_used, history_query, history_request, history_response, history_result
from service.convert.imports import import_columns, import_query, import_report, import_requests, import_response
from service.convert.jobs import (
    job_message,
    job_request,
    job_result,
    jobs_page,
    jobs_query,
    jobs_request,
    jobs_response,
    read_job_id,
    watch_query,
    watch_request,
)
from service.convert.markets import (
    market_query,
    market_request,
    market_response,
    market_result,
    markets_page,
    markets_query,
    markets_request,
    markets_response,
)
from service.convert.models import models_page, models_query, models_request, models_response

__all__ = [
    "backtest_query",
    "backtest_request",
    "backtest_response",
    "backtest_step",
    "batch_message",
    "batch_names",
    "batch_parts",
    "batch_query",
    "columns_outcome",
    "data_used",
    "error_outcome",
    "figures_page",
    "figures_query",
    "figures_request",
    "figures_response",
    "forecast_outcome",
    "forecast_query",
    "forecast_request",
    "forecast_response",
    "forecast_result",
    "history_query",
    "history_request",
    "history_response",
    "history_result",
    "import_columns",
    "import_query",
    "import_report",
    "import_requests",
    "import_response",
    "job_message",
    "job_request",
    "job_result",
    "jobs_page",
    "jobs_query",
    "jobs_request",
    "jobs_response",
    "market_query",
    "market_request",
    "market_response",
    "market_result",
    "markets_page",
    "markets_query",
    "markets_request",
    "markets_response",
    "models_page",
    "models_query",
    "models_request",
    "models_response",
    "outcome_results",
    "read_job_id",
    "read_tables",
    "stream_request",
    "stream_response",
    "watch_query",
    "watch_request",
]
