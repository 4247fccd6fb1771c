from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Market(_message.Message):
    __slots__ = ("market", "houses")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    HOUSES_FIELD_NUMBER: _ClassVar[int]
    market: str
    houses: _containers.RepeatedCompositeFieldContainer[House]
    def __init__(self, market: _Optional[str] = ..., houses: _Optional[_Iterable[_Union[House, _Mapping]]] = ...) -> None: ...

class House(_message.Message):
    __slots__ = ("house", "providers", "first_period", "last_period", "figures_count", "vintages")
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    FIRST_PERIOD_FIELD_NUMBER: _ClassVar[int]
    LAST_PERIOD_FIELD_NUMBER: _ClassVar[int]
    FIGURES_COUNT_FIELD_NUMBER: _ClassVar[int]
    VINTAGES_FIELD_NUMBER: _ClassVar[int]
    house: str
    providers: _containers.RepeatedCompositeFieldContainer[HouseProvider]
    first_period: str
    last_period: str
    figures_count: int
    vintages: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, house: _Optional[str] = ..., providers: _Optional[_Iterable[_Union[HouseProvider, _Mapping]]] = ..., first_period: _Optional[str] = ..., last_period: _Optional[str] = ..., figures_count: _Optional[int] = ..., vintages: _Optional[_Iterable[str]] = ...) -> None: ...

class HouseProvider(_message.Message):
    __slots__ = ("provider",)
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    provider: str
    def __init__(self, provider: _Optional[str] = ...) -> None: ...
