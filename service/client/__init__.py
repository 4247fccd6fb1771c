"""The client library: `Client`, `AsyncClient`, what they return and what they raise.

Importing it loads grpcio and protobuf, but no Polars, pandas, NumPy, SciPy or statsmodels.
"""

from forecast.errors import (
    InvalidArgument,
    InvalidTable,
    ModelFailed,
    NotEnoughData,
    NotFound,
    RowViolation,
    SharecastError,
)
from forecast.quarter import Quarter
from forecast.scorecard import Backtest, BacktestProgress, Score, Skipped
from service.answer_results import ConditionResult, EventResult, EventResults, LeagueResult, RevenueResult
from service.client.asynchronous import AsyncClient
from service.client.blocking import Client
from service.errors import (
    AlreadyExists,
    CallRefused,
    DeadlineExceeded,
    InternalError,
    MalformedRequest,
    NoStore,
    Overloaded,
    PermissionDenied,
    ServiceError,
    ServiceUnavailable,
    StoreUnavailable,
    Unauthenticated,
    WorkLost,
)
from service.results import (
    DataUsed,
    DoubtResult,
    DrawsResult,
    FigureResult,
    FiguresResult,
    ForecastResult,
    HistoryResult,
    HouseResult,
    ImportReport,
    JobResult,
    MarketResult,
    ModelResult,
    ModelUsed,
    OutcomeResult,
)

__all__ = [
    "AlreadyExists",
    "AsyncClient",
    "Backtest",
    "BacktestProgress",
    "CallRefused",
    "Client",
    "ConditionResult",
    "DataUsed",
    "DeadlineExceeded",
    "DoubtResult",
    "DrawsResult",
    "EventResult",
    "EventResults",
    "FigureResult",
    "FiguresResult",
    "ForecastResult",
    "HistoryResult",
    "HouseResult",
    "ImportReport",
    "InternalError",
    "InvalidArgument",
    "InvalidTable",
    "JobResult",
    "LeagueResult",
    "MalformedRequest",
    "MarketResult",
    "ModelFailed",
    "ModelResult",
    "ModelUsed",
    "NoStore",
    "NotEnoughData",
    "NotFound",
    "OutcomeResult",
    "Overloaded",
    "PermissionDenied",
    "Quarter",
    "RevenueResult",
    "RowViolation",
    "Score",
    "ServiceError",
    "ServiceUnavailable",
    "SharecastError",
    "Skipped",
    "StoreUnavailable",
    "Unauthenticated",
    "WorkLost",
]
