from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BacktestProgress(_message.Message):
    __slots__ = ("market", "origin", "done", "total")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    market: str
    origin: str
    done: int
    total: int
    def __init__(self, market: _Optional[str] = ..., origin: _Optional[str] = ..., done: _Optional[int] = ..., total: _Optional[int] = ...) -> None: ...

class BacktestScores(_message.Message):
    __slots__ = ("markets", "house", "models", "levels", "horizon", "seed", "forecasts_count", "first_origin", "last_origin", "scores", "skipped", "notes")
    MARKETS_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    LEVELS_FIELD_NUMBER: _ClassVar[int]
    HORIZON_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    FORECASTS_COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_ORIGIN_FIELD_NUMBER: _ClassVar[int]
    LAST_ORIGIN_FIELD_NUMBER: _ClassVar[int]
    SCORES_FIELD_NUMBER: _ClassVar[int]
    SKIPPED_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    markets: _containers.RepeatedScalarFieldContainer[str]
    house: str
    models: _containers.RepeatedScalarFieldContainer[str]
    levels: _containers.RepeatedScalarFieldContainer[float]
    horizon: int
    seed: int
    forecasts_count: int
    first_origin: str
    last_origin: str
    scores: _containers.RepeatedCompositeFieldContainer[Score]
    skipped: _containers.RepeatedCompositeFieldContainer[SkippedOrigin]
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, markets: _Optional[_Iterable[str]] = ..., house: _Optional[str] = ..., models: _Optional[_Iterable[str]] = ..., levels: _Optional[_Iterable[float]] = ..., horizon: _Optional[int] = ..., seed: _Optional[int] = ..., forecasts_count: _Optional[int] = ..., first_origin: _Optional[str] = ..., last_origin: _Optional[str] = ..., scores: _Optional[_Iterable[_Union[Score, _Mapping]]] = ..., skipped: _Optional[_Iterable[_Union[SkippedOrigin, _Mapping]]] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class Score(_message.Message):
    __slots__ = ("market", "model", "measure", "level", "horizon", "value", "count")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    HORIZON_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    market: str
    model: str
    measure: str
    level: float
    horizon: int
    value: float
    count: int
    def __init__(self, market: _Optional[str] = ..., model: _Optional[str] = ..., measure: _Optional[str] = ..., level: _Optional[float] = ..., horizon: _Optional[int] = ..., value: _Optional[float] = ..., count: _Optional[int] = ...) -> None: ...

class SkippedOrigin(_message.Message):
    __slots__ = ("market", "origin", "reason")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    market: str
    origin: str
    reason: str
    def __init__(self, market: _Optional[str] = ..., origin: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...
