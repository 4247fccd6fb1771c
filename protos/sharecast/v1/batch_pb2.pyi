from google.rpc import status_pb2 as _status_pb2
from sharecast.v1 import answer_pb2 as _answer_pb2
from sharecast.v1 import forecast_pb2 as _forecast_pb2
from sharecast.v1 import history_pb2 as _history_pb2
from sharecast.v1 import name_change_pb2 as _name_change_pb2
from sharecast.v1 import provenance_pb2 as _provenance_pb2
from sharecast.v1 import question_pb2 as _question_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ForecastBatch(_message.Message):
    __slots__ = ("markets", "house", "as_of", "shares", "horizon", "levels", "model", "seed", "events", "name_changes", "conditions", "include_league", "include_history", "include_revenue", "typed_events", "typed_conditions")
    MARKETS_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    HORIZON_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    NAME_CHANGES_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_LEAGUE_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_HISTORY_FIELD_NUMBER: _ClassVar[int]
    INCLUDE_REVENUE_FIELD_NUMBER: _ClassVar[int]
    TYPED_EVENTS_FIELD_NUMBER: _ClassVar[int]
    TYPED_CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    markets: _containers.RepeatedCompositeFieldContainer[MarketName]
    house: str
    as_of: str
    shares: _containers.RepeatedCompositeFieldContainer[MarketShares]
    horizon: int
    levels: _containers.RepeatedScalarFieldContainer[float]
    model: str
    seed: int
    events: _containers.RepeatedScalarFieldContainer[str]
    name_changes: _containers.RepeatedCompositeFieldContainer[_name_change_pb2.NameChange]
    conditions: _containers.RepeatedScalarFieldContainer[str]
    include_league: bool
    include_history: bool
    include_revenue: bool
    typed_events: _containers.RepeatedCompositeFieldContainer[_question_pb2.Event]
    typed_conditions: _containers.RepeatedCompositeFieldContainer[_question_pb2.Condition]
    def __init__(self, markets: _Optional[_Iterable[_Union[MarketName, _Mapping]]] = ..., house: _Optional[str] = ..., as_of: _Optional[str] = ..., shares: _Optional[_Iterable[_Union[MarketShares, _Mapping]]] = ..., horizon: _Optional[int] = ..., levels: _Optional[_Iterable[float]] = ..., model: _Optional[str] = ..., seed: _Optional[int] = ..., events: _Optional[_Iterable[str]] = ..., name_changes: _Optional[_Iterable[_Union[_name_change_pb2.NameChange, _Mapping]]] = ..., conditions: _Optional[_Iterable[str]] = ..., include_league: bool = ..., include_history: bool = ..., include_revenue: bool = ..., typed_events: _Optional[_Iterable[_Union[_question_pb2.Event, _Mapping]]] = ..., typed_conditions: _Optional[_Iterable[_Union[_question_pb2.Condition, _Mapping]]] = ...) -> None: ...

class MarketName(_message.Message):
    __slots__ = ("market", "events")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    market: str
    events: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, market: _Optional[str] = ..., events: _Optional[_Iterable[str]] = ...) -> None: ...

class MarketShares(_message.Message):
    __slots__ = ("market", "first_period", "providers", "shares", "decimals", "events", "cell_decimals", "amounts")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    FIRST_PERIOD_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    DECIMALS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    CELL_DECIMALS_FIELD_NUMBER: _ClassVar[int]
    AMOUNTS_FIELD_NUMBER: _ClassVar[int]
    market: str
    first_period: str
    providers: _containers.RepeatedScalarFieldContainer[str]
    shares: _containers.RepeatedScalarFieldContainer[float]
    decimals: int
    events: _containers.RepeatedScalarFieldContainer[str]
    cell_decimals: _containers.RepeatedScalarFieldContainer[int]
    amounts: bool
    def __init__(self, market: _Optional[str] = ..., first_period: _Optional[str] = ..., providers: _Optional[_Iterable[str]] = ..., shares: _Optional[_Iterable[float]] = ..., decimals: _Optional[int] = ..., events: _Optional[_Iterable[str]] = ..., cell_decimals: _Optional[_Iterable[int]] = ..., amounts: bool = ...) -> None: ...

class MarketOutcome(_message.Message):
    __slots__ = ("market", "forecast", "error")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    FORECAST_FIELD_NUMBER: _ClassVar[int]
    ERROR_FIELD_NUMBER: _ClassVar[int]
    market: str
    forecast: MarketForecast
    error: _status_pb2.Status
    def __init__(self, market: _Optional[str] = ..., forecast: _Optional[_Union[MarketForecast, _Mapping]] = ..., error: _Optional[_Union[_status_pb2.Status, _Mapping]] = ...) -> None: ...

class MarketForecast(_message.Message):
    __slots__ = ("house", "origin", "providers", "data_provenance", "model_provenance", "warnings", "events", "conditions", "league", "history", "revenue")
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    DATA_PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    MODEL_PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    EVENTS_FIELD_NUMBER: _ClassVar[int]
    CONDITIONS_FIELD_NUMBER: _ClassVar[int]
    LEAGUE_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    REVENUE_FIELD_NUMBER: _ClassVar[int]
    house: str
    origin: str
    providers: _containers.RepeatedCompositeFieldContainer[_forecast_pb2.ProviderForecast]
    data_provenance: _provenance_pb2.DataProvenance
    model_provenance: _provenance_pb2.ModelProvenance
    warnings: _containers.RepeatedScalarFieldContainer[str]
    events: _containers.RepeatedCompositeFieldContainer[_answer_pb2.EventProbability]
    conditions: _containers.RepeatedCompositeFieldContainer[_answer_pb2.ConditionPlausibility]
    league: _answer_pb2.League
    history: _history_pb2.History
    revenue: _answer_pb2.Revenue
    def __init__(self, house: _Optional[str] = ..., origin: _Optional[str] = ..., providers: _Optional[_Iterable[_Union[_forecast_pb2.ProviderForecast, _Mapping]]] = ..., data_provenance: _Optional[_Union[_provenance_pb2.DataProvenance, _Mapping]] = ..., model_provenance: _Optional[_Union[_provenance_pb2.ModelProvenance, _Mapping]] = ..., warnings: _Optional[_Iterable[str]] = ..., events: _Optional[_Iterable[_Union[_answer_pb2.EventProbability, _Mapping]]] = ..., conditions: _Optional[_Iterable[_Union[_answer_pb2.ConditionPlausibility, _Mapping]]] = ..., league: _Optional[_Union[_answer_pb2.League, _Mapping]] = ..., history: _Optional[_Union[_history_pb2.History, _Mapping]] = ..., revenue: _Optional[_Union[_answer_pb2.Revenue, _Mapping]] = ...) -> None: ...
