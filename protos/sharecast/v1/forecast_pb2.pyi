from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class InlineShares(_message.Message):
    __slots__ = ("rows",)
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[ShareRow]
    def __init__(self, rows: _Optional[_Iterable[_Union[ShareRow, _Mapping]]] = ...) -> None: ...

class ShareRow(_message.Message):
    __slots__ = ("period", "provider", "share", "value", "decimals")
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    DECIMALS_FIELD_NUMBER: _ClassVar[int]
    period: str
    provider: str
    share: float
    value: float
    decimals: int
    def __init__(self, period: _Optional[str] = ..., provider: _Optional[str] = ..., share: _Optional[float] = ..., value: _Optional[float] = ..., decimals: _Optional[int] = ...) -> None: ...

class ProviderForecast(_message.Message):
    __slots__ = ("provider", "mean", "median", "intervals")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    MEAN_FIELD_NUMBER: _ClassVar[int]
    MEDIAN_FIELD_NUMBER: _ClassVar[int]
    INTERVALS_FIELD_NUMBER: _ClassVar[int]
    provider: str
    mean: _containers.RepeatedScalarFieldContainer[float]
    median: _containers.RepeatedScalarFieldContainer[float]
    intervals: _containers.RepeatedCompositeFieldContainer[Interval]
    def __init__(self, provider: _Optional[str] = ..., mean: _Optional[_Iterable[float]] = ..., median: _Optional[_Iterable[float]] = ..., intervals: _Optional[_Iterable[_Union[Interval, _Mapping]]] = ...) -> None: ...

class Interval(_message.Message):
    __slots__ = ("level", "lower", "upper")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    LOWER_FIELD_NUMBER: _ClassVar[int]
    UPPER_FIELD_NUMBER: _ClassVar[int]
    level: float
    lower: _containers.RepeatedScalarFieldContainer[float]
    upper: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, level: _Optional[float] = ..., lower: _Optional[_Iterable[float]] = ..., upper: _Optional[_Iterable[float]] = ...) -> None: ...

class JointDraws(_message.Message):
    __slots__ = ("draws_count", "shares", "latest", "resolution", "stretch")
    DRAWS_COUNT_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    LATEST_FIELD_NUMBER: _ClassVar[int]
    RESOLUTION_FIELD_NUMBER: _ClassVar[int]
    STRETCH_FIELD_NUMBER: _ClassVar[int]
    draws_count: int
    shares: _containers.RepeatedScalarFieldContainer[float]
    latest: _containers.RepeatedScalarFieldContainer[float]
    resolution: float
    stretch: float
    def __init__(self, draws_count: _Optional[int] = ..., shares: _Optional[_Iterable[float]] = ..., latest: _Optional[_Iterable[float]] = ..., resolution: _Optional[float] = ..., stretch: _Optional[float] = ...) -> None: ...
