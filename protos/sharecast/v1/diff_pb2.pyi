from sharecast.v1 import batch_pb2 as _batch_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ForecastDiff(_message.Message):
    __slots__ = ("market", "house", "earlier", "later", "before", "after", "periods", "providers", "change", "statements", "breaks", "releases")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    EARLIER_FIELD_NUMBER: _ClassVar[int]
    LATER_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    PERIODS_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    STATEMENTS_FIELD_NUMBER: _ClassVar[int]
    BREAKS_FIELD_NUMBER: _ClassVar[int]
    RELEASES_FIELD_NUMBER: _ClassVar[int]
    market: str
    house: str
    earlier: str
    later: str
    before: _batch_pb2.MarketForecast
    after: _batch_pb2.MarketForecast
    periods: _containers.RepeatedScalarFieldContainer[str]
    providers: _containers.RepeatedScalarFieldContainer[str]
    change: ForecastEffect
    statements: _containers.RepeatedCompositeFieldContainer[NewStatement]
    breaks: _containers.RepeatedCompositeFieldContainer[NewBreak]
    releases: _containers.RepeatedCompositeFieldContainer[NewRelease]
    def __init__(self, market: _Optional[str] = ..., house: _Optional[str] = ..., earlier: _Optional[str] = ..., later: _Optional[str] = ..., before: _Optional[_Union[_batch_pb2.MarketForecast, _Mapping]] = ..., after: _Optional[_Union[_batch_pb2.MarketForecast, _Mapping]] = ..., periods: _Optional[_Iterable[str]] = ..., providers: _Optional[_Iterable[str]] = ..., change: _Optional[_Union[ForecastEffect, _Mapping]] = ..., statements: _Optional[_Iterable[_Union[NewStatement, _Mapping]]] = ..., breaks: _Optional[_Iterable[_Union[NewBreak, _Mapping]]] = ..., releases: _Optional[_Iterable[_Union[NewRelease, _Mapping]]] = ...) -> None: ...

class ForecastEffect(_message.Message):
    __slots__ = ("mean", "largest", "provider", "period")
    MEAN_FIELD_NUMBER: _ClassVar[int]
    LARGEST_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    mean: float
    largest: float
    provider: str
    period: str
    def __init__(self, mean: _Optional[float] = ..., largest: _Optional[float] = ..., provider: _Optional[str] = ..., period: _Optional[str] = ...) -> None: ...

class NewStatement(_message.Message):
    __slots__ = ("period", "measure", "providers", "figure_ids", "values", "unit", "qualifiers", "decimals", "marks", "publishers", "published_at", "known_values", "effect")
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    FIGURE_IDS_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    QUALIFIERS_FIELD_NUMBER: _ClassVar[int]
    DECIMALS_FIELD_NUMBER: _ClassVar[int]
    MARKS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHERS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_AT_FIELD_NUMBER: _ClassVar[int]
    KNOWN_VALUES_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    period: str
    measure: str
    providers: _containers.RepeatedScalarFieldContainer[str]
    figure_ids: _containers.RepeatedScalarFieldContainer[int]
    values: _containers.RepeatedScalarFieldContainer[float]
    unit: str
    qualifiers: _containers.RepeatedScalarFieldContainer[str]
    decimals: _containers.RepeatedScalarFieldContainer[int]
    marks: _containers.RepeatedScalarFieldContainer[str]
    publishers: _containers.RepeatedScalarFieldContainer[str]
    published_at: str
    known_values: _containers.RepeatedScalarFieldContainer[float]
    effect: ForecastEffect
    def __init__(self, period: _Optional[str] = ..., measure: _Optional[str] = ..., providers: _Optional[_Iterable[str]] = ..., figure_ids: _Optional[_Iterable[int]] = ..., values: _Optional[_Iterable[float]] = ..., unit: _Optional[str] = ..., qualifiers: _Optional[_Iterable[str]] = ..., decimals: _Optional[_Iterable[int]] = ..., marks: _Optional[_Iterable[str]] = ..., publishers: _Optional[_Iterable[str]] = ..., published_at: _Optional[str] = ..., known_values: _Optional[_Iterable[float]] = ..., effect: _Optional[_Union[ForecastEffect, _Mapping]] = ...) -> None: ...

class NewBreak(_message.Message):
    __slots__ = ("period", "kind", "description", "published_at", "effect")
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_AT_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    period: str
    kind: str
    description: str
    published_at: str
    effect: ForecastEffect
    def __init__(self, period: _Optional[str] = ..., kind: _Optional[str] = ..., description: _Optional[str] = ..., published_at: _Optional[str] = ..., effect: _Optional[_Union[ForecastEffect, _Mapping]] = ...) -> None: ...

class NewRelease(_message.Message):
    __slots__ = ("published_at", "statements_count", "breaks_count", "effect")
    PUBLISHED_AT_FIELD_NUMBER: _ClassVar[int]
    STATEMENTS_COUNT_FIELD_NUMBER: _ClassVar[int]
    BREAKS_COUNT_FIELD_NUMBER: _ClassVar[int]
    EFFECT_FIELD_NUMBER: _ClassVar[int]
    published_at: str
    statements_count: int
    breaks_count: int
    effect: ForecastEffect
    def __init__(self, published_at: _Optional[str] = ..., statements_count: _Optional[int] = ..., breaks_count: _Optional[int] = ..., effect: _Optional[_Union[ForecastEffect, _Mapping]] = ...) -> None: ...
