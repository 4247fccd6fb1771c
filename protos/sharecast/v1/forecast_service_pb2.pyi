from sharecast.v1 import answer_pb2 as _answer_pb2
from sharecast.v1 import backtest_pb2 as _backtest_pb2
from sharecast.v1 import batch_pb2 as _batch_pb2
from sharecast.v1 import diff_pb2 as _diff_pb2
from sharecast.v1 import forecast_pb2 as _forecast_pb2
from sharecast.v1 import history_pb2 as _history_pb2
from sharecast.v1 import import_pb2 as _import_pb2
from sharecast.v1 import model_pb2 as _model_pb2
from sharecast.v1 import name_change_pb2 as _name_change_pb2
from sharecast.v1 import provenance_pb2 as _provenance_pb2
from sharecast.v1 import question_pb2 as _question_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ForecastRequest(_message.Message):
    __slots__ = ("market", "house", "as_of", "shares", "figures", "horizon", "levels", "model", "seed", "include_history", "events", "conditions", "include_league", "revenue", "include_draws", "recorded_by", "name_changes", "typed_events", "typed_conditions")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    HORIZON_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_HISTORY_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_LEAGUE_FIELD_NUMBER: _ClassVar[int]
    REVENUE_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_DRAWS_FIELD_NUMBER: _ClassVar[int]
    RECORDED_BY_FIELD_NUMBER: _ClassVar[int]
    NAME_CHANGES_FIELD_NUMBER: _ClassVar[int]
    TYPED_EVENTS_FIELD_NUMBER: _ClassVar[int]
    TYPED_CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    market: str
    house: str
    as_of: str
    shares: _forecast_pb2.InlineShares
    figures: _import_pb2.InlineFigures
    horizon: int
    levels: _containers.RepeatedScalarFieldContainer[float]
    model: str
    seed: int
    include_history: bool
    events: _containers.RepeatedScalarFieldContainer[str]
    conditions: _containers.RepeatedScalarFieldContainer[str]
    include_league: bool
    revenue: _answer_pb2.RevenueQuestion
    include_draws: bool
    recorded_by: str
    name_changes: _containers.RepeatedCompositeFieldContainer[_name_change_pb2.NameChange]
    typed_events: _containers.RepeatedCompositeFieldContainer[_question_pb2.Event]
    typed_conditions: _containers.RepeatedCompositeFieldContainer[_question_pb2.Condition]
    def __init__(self, market: _Optional[str] = ..., house: _Optional[str] = ..., as_of: _Optional[str] = ..., shares: _Optional[_Union[_forecast_pb2.InlineShares, _Mapping]] = ..., figures: _Optional[_Union[_import_pb2.InlineFigures, _Mapping]] = ..., horizon: _Optional[int] = ..., levels: _Optional[_Iterable[float]] = ..., model: _Optional[str] = ..., seed: _Optional[int] = ..., include_history: bool = ..., events: _Optional[_Iterable[str]] = ..., conditions: _Optional[_Iterable[str]] = ..., include_league: bool = ..., revenue: _Optional[_Union[_answer_pb2.RevenueQuestion, _Mapping]] = ..., include_draws: bool = ..., recorded_by: _Optional[str] = ..., name_changes: _Optional[_Iterable[_Union[_name_change_pb2.NameChange, _Mapping]]] = ..., typed_events: _Optional[_Iterable[_Union[_question_pb2.Event, _Mapping]]] = ..., typed_conditions: _Optional[_Iterable[_Union[_question_pb2.Condition, _Mapping]]] = ...) -> None: ...

class StreamForecastsRequest(_message.Message):
    __slots__ = ("batch",)
    BATCH_FIELD_NUMBER: _ClassVar[int]
    batch: _batch_pb2.ForecastBatch
    def __init__(self, batch: _Optional[_Union[_batch_pb2.ForecastBatch, _Mapping]] = ...) -> None: ...

class StreamForecastsResponse(_message.Message):
    __slots__ = ("outcomes",)
    OUTCOMES_FIELD_NUMBER: _ClassVar[int]
    outcomes: _containers.RepeatedCompositeFieldContainer[_batch_pb2.MarketOutcome]
    def __init__(self, outcomes: _Optional[_Iterable[_Union[_batch_pb2.MarketOutcome, _Mapping]]] = ...) -> None: ...

class ForecastResponse(_message.Message):
    __slots__ = ("market", "house", "as_of", "origin", "periods", "levels", "providers", "data_provenance", "model_provenance", "warnings", "history", "events", "conditions", "league", "revenue", "draws")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    PERIODS_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    DATA_PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    MODEL_PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    LEAGUE_FIELD_NUMBER: _ClassVar[int]
    REVENUE_FIELD_NUMBER: _ClassVar[int]
    DRAWS_FIELD_NUMBER: _ClassVar[int]
    market: str
    house: str
    as_of: str
    origin: str
    periods: _containers.RepeatedScalarFieldContainer[str]
    levels: _containers.RepeatedScalarFieldContainer[float]
    providers: _containers.RepeatedCompositeFieldContainer[_forecast_pb2.ProviderForecast]
    data_provenance: _provenance_pb2.DataProvenance
    model_provenance: _provenance_pb2.ModelProvenance
    warnings: _containers.RepeatedScalarFieldContainer[str]
    history: _history_pb2.History
    events: _containers.RepeatedCompositeFieldContainer[_answer_pb2.EventProbability]
    conditions: _containers.RepeatedCompositeFieldContainer[_answer_pb2.ConditionPlausibility]
    league: _answer_pb2.League
    revenue: _answer_pb2.Revenue
    draws: _forecast_pb2.JointDraws
    def __init__(self, market: _Optional[str] = ..., house: _Optional[str] = ..., as_of: _Optional[str] = ..., origin: _Optional[str] = ..., periods: _Optional[_Iterable[str]] = ..., levels: _Optional[_Iterable[float]] = ..., providers: _Optional[_Iterable[_Union[_forecast_pb2.ProviderForecast, _Mapping]]] = ..., data_provenance: _Optional[_Union[_provenance_pb2.DataProvenance, _Mapping]] = ..., model_provenance: _Optional[_Union[_provenance_pb2.ModelProvenance, _Mapping]] = ..., warnings: _Optional[_Iterable[str]] = ..., history: _Optional[_Union[_history_pb2.History, _Mapping]] = ..., events: _Optional[_Iterable[_Union[_answer_pb2.EventProbability, _Mapping]]] = ..., conditions: _Optional[_Iterable[_Union[_answer_pb2.ConditionPlausibility, _Mapping]]] = ..., league: _Optional[_Union[_answer_pb2.League, _Mapping]] = ..., revenue: _Optional[_Union[_answer_pb2.Revenue, _Mapping]] = ..., draws: _Optional[_Union[_forecast_pb2.JointDraws, _Mapping]] = ...) -> None: ...

class BacktestRequest(_message.Message):
    __slots__ = ("market", "house", "shares", "origins", "horizon", "levels", "models", "seed")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    ORIGINS_FIELD_NUMBER: _ClassVar[int]
    HORIZON_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    market: str
    house: str
    shares: _forecast_pb2.InlineShares
    origins: int
    horizon: int
    levels: _containers.RepeatedScalarFieldContainer[float]
    models: _containers.RepeatedScalarFieldContainer[str]
    seed: int
    def __init__(self, market: _Optional[str] = ..., house: _Optional[str] = ..., shares: _Optional[_Union[_forecast_pb2.InlineShares, _Mapping]] = ..., origins: _Optional[int] = ..., horizon: _Optional[int] = ..., levels: _Optional[_Iterable[float]] = ..., models: _Optional[_Iterable[str]] = ..., seed: _Optional[int] = ...) -> None: ...

class BacktestResponse(_message.Message):
    __slots__ = ("progress", "scores")
    PROGRESS_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    progress: _backtest_pb2.BacktestProgress
    scores: _backtest_pb2.BacktestScores
    def __init__(self, progress: _Optional[_Union[_backtest_pb2.BacktestProgress, _Mapping]] = ..., scores: _Optional[_Union[_backtest_pb2.BacktestScores, _Mapping]] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models", "next_page_token")
    MODELS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[_model_pb2.Model]
    next_page_token: str
    def __init__(self, models: _Optional[_Iterable[_Union[_model_pb2.Model, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class DiffForecastsRequest(_message.Message):
    __slots__ = ("market", "house", "earlier", "later", "horizon", "levels", "model", "seed")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    EARLIER_FIELD_NUMBER: _ClassVar[int]
    LATER_FIELD_NUMBER: _ClassVar[int]
    HORIZON_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    market: str
    house: str
    earlier: str
    later: str
    horizon: int
    levels: _containers.RepeatedScalarFieldContainer[float]
    model: str
    seed: int
    def __init__(self, market: _Optional[str] = ..., house: _Optional[str] = ..., earlier: _Optional[str] = ..., later: _Optional[str] = ..., horizon: _Optional[int] = ..., levels: _Optional[_Iterable[float]] = ..., model: _Optional[str] = ..., seed: _Optional[int] = ...) -> None: ...

class DiffForecastsResponse(_message.Message):
    __slots__ = ("diff",)
    DIFF_FIELD_NUMBER: _ClassVar[int]
    diff: _diff_pb2.ForecastDiff
    def __init__(self, diff: _Optional[_Union[_diff_pb2.ForecastDiff, _Mapping]] = ...) -> None: ...

class RenderReportRequest(_message.Message):
    __slots__ = ("market", "house", "as_of", "horizon", "origins")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    HORIZON_FIELD_NUMBER: _ClassVar[int]
    ORIGINS_FIELD_NUMBER: _ClassVar[int]
    market: str
    house: str
    as_of: str
    horizon: int
    origins: int
    def __init__(self, market: _Optional[str] = ..., house: _Optional[str] = ..., as_of: _Optional[str] = ..., horizon: _Optional[int] = ..., origins: _Optional[int] = ...) -> None: ...

class RenderReportResponse(_message.Message):
    __slots__ = ("html",)
    HTML_FIELD_NUMBER: _ClassVar[int]
    html: str
    def __init__(self, html: _Optional[str] = ...) -> None: ...
