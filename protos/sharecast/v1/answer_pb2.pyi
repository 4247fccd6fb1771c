from sharecast.v1 import forecast_pb2 as _forecast_pb2
from sharecast.v1 import provenance_pb2 as _provenance_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EventProbability(_message.Message):
    __slots__ = ("event", "probability", "standard_error", "draws", "at_origin", "reference")
    EVENT_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    STANDARD_ERROR_FIELD_NUMBER: _ClassVar[int]
    DRAWS_FIELD_NUMBER: _ClassVar[int]
    AT_ORIGIN_FIELD_NUMBER: _ClassVar[int]
    REFERENCE_FIELD_NUMBER: _ClassVar[int]
    event: str
    probability: float
    standard_error: float
    draws: int
    at_origin: bool
    reference: str
    def __init__(self, event: _Optional[str] = ..., probability: _Optional[float] = ..., standard_error: _Optional[float] = ..., draws: _Optional[int] = ..., at_origin: bool = ..., reference: _Optional[str] = ...) -> None: ...

class ConditionPlausibility(_message.Message):
    __slots__ = ("condition", "probability", "statement")
    CONDITION_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    STATEMENT_FIELD_NUMBER: _ClassVar[int]
    condition: str
    probability: float
    statement: str
    def __init__(self, condition: _Optional[str] = ..., probability: _Optional[float] = ..., statement: _Optional[str] = ...) -> None: ...

class League(_message.Message):
    __slots__ = ("providers", "concentration", "draws")
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    CONCENTRATION_FIELD_NUMBER: _ClassVar[int]
    DRAWS_FIELD_NUMBER: _ClassVar[int]
    providers: _containers.RepeatedCompositeFieldContainer[ProviderRank]
    concentration: Concentration
    draws: int
    def __init__(self, providers: _Optional[_Iterable[_Union[ProviderRank, _Mapping]]] = ..., concentration: _Optional[_Union[Concentration, _Mapping]] = ..., draws: _Optional[int] = ...) -> None: ...

class ProviderRank(_message.Message):
    __slots__ = ("provider", "origin_rank", "expected_rank", "lead_probability")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    ORIGIN_RANK_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_RANK_FIELD_NUMBER: _ClassVar[int]
    LEAD_PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    provider: str
    origin_rank: float
    expected_rank: _containers.RepeatedScalarFieldContainer[float]
    lead_probability: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, provider: _Optional[str] = ..., origin_rank: _Optional[float] = ..., expected_rank: _Optional[_Iterable[float]] = ..., lead_probability: _Optional[_Iterable[float]] = ...) -> None: ...

class Concentration(_message.Message):
    __slots__ = ("origin_index", "mean", "median", "intervals")
    ORIGIN_INDEX_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    MEDIAN_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    origin_index: float
    mean: _containers.RepeatedScalarFieldContainer[float]
    median: _containers.RepeatedScalarFieldContainer[float]
    intervals: _containers.RepeatedCompositeFieldContainer[_forecast_pb2.Interval]
    def __init__(self, origin_index: _Optional[float] = ..., mean: _Optional[_Iterable[float]] = ..., median: _Optional[_Iterable[float]] = ..., intervals: _Optional[_Iterable[_Union[_forecast_pb2.Interval, _Mapping]]] = ...) -> None: ...

class RevenueQuestion(_message.Message):
    __slots__ = ("totals", "unit")
    TOTALS_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    totals: _containers.RepeatedCompositeFieldContainer[TotalRow]
    unit: str
    def __init__(self, totals: _Optional[_Iterable[_Union[TotalRow, _Mapping]]] = ..., unit: _Optional[str] = ...) -> None: ...

class TotalRow(_message.Message):
    __slots__ = ("period", "amount")
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    period: str
    amount: float
    def __init__(self, period: _Optional[str] = ..., amount: _Optional[float] = ...) -> None: ...

class Revenue(_message.Message):
    __slots__ = ("unit", "providers", "total", "past_periods", "past_totals", "models_used", "notes")
    UNIT_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    PAST_PERIODS_FIELD_NUMBER: _ClassVar[int]
    PAST_TOTALS_FIELD_NUMBER: _ClassVar[int]
    MODELS_USED_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    unit: str
    providers: _containers.RepeatedCompositeFieldContainer[AmountForecast]
    total: AmountForecast
    past_periods: _containers.RepeatedScalarFieldContainer[str]
    past_totals: _containers.RepeatedScalarFieldContainer[float]
    models_used: _containers.RepeatedCompositeFieldContainer[_provenance_pb2.ModelWeight]
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, unit: _Optional[str] = ..., providers: _Optional[_Iterable[_Union[AmountForecast, _Mapping]]] = ..., total: _Optional[_Union[AmountForecast, _Mapping]] = ..., past_periods: _Optional[_Iterable[str]] = ..., past_totals: _Optional[_Iterable[float]] = ..., models_used: _Optional[_Iterable[_Union[_provenance_pb2.ModelWeight, _Mapping]]] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class AmountForecast(_message.Message):
    __slots__ = ("provider", "mean", "median", "intervals", "growth", "growth_intervals", "past")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    MEDIAN_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    GROWTH_FIELD_NUMBER: _ClassVar[int]
    GROWTH_INTERVALS_FIELD_NUMBER: _ClassVar[int]
    PAST_FIELD_NUMBER: _ClassVar[int]
    provider: str
    mean: _containers.RepeatedScalarFieldContainer[float]
    median: _containers.RepeatedScalarFieldContainer[float]
    intervals: _containers.RepeatedCompositeFieldContainer[_forecast_pb2.Interval]
    growth: _containers.RepeatedScalarFieldContainer[float]
    growth_intervals: _containers.RepeatedCompositeFieldContainer[_forecast_pb2.Interval]
    past: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, provider: _Optional[str] = ..., mean: _Optional[_Iterable[float]] = ..., median: _Optional[_Iterable[float]] = ..., intervals: _Optional[_Iterable[_Union[_forecast_pb2.Interval, _Mapping]]] = ..., growth: _Optional[_Iterable[float]] = ..., growth_intervals: _Optional[_Iterable[_Union[_forecast_pb2.Interval, _Mapping]]] = ..., past: _Optional[_Iterable[float]] = ...) -> None: ...
