from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FigureQualifier(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FIGURE_QUALIFIER_UNSPECIFIED: _ClassVar[FigureQualifier]
    FIGURE_QUALIFIER_EXACT: _ClassVar[FigureQualifier]
    FIGURE_QUALIFIER_ABOUT: _ClassVar[FigureQualifier]
    FIGURE_QUALIFIER_MORE_THAN: _ClassVar[FigureQualifier]
    FIGURE_QUALIFIER_LESS_THAN: _ClassVar[FigureQualifier]

class FigureMark(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FIGURE_MARK_UNSPECIFIED: _ClassVar[FigureMark]
    FIGURE_MARK_OK: _ClassVar[FigureMark]
    FIGURE_MARK_CONFLICT: _ClassVar[FigureMark]
    FIGURE_MARK_SLIP: _ClassVar[FigureMark]
FIGURE_QUALIFIER_UNSPECIFIED: FigureQualifier
FIGURE_QUALIFIER_EXACT: FigureQualifier
FIGURE_QUALIFIER_ABOUT: FigureQualifier
FIGURE_QUALIFIER_MORE_THAN: FigureQualifier
FIGURE_QUALIFIER_LESS_THAN: FigureQualifier
FIGURE_MARK_UNSPECIFIED: FigureMark
FIGURE_MARK_OK: FigureMark
FIGURE_MARK_CONFLICT: FigureMark
FIGURE_MARK_SLIP: FigureMark

class Figure(_message.Message):
    __slots__ = ("figure_id", "market", "research_house", "house", "period", "providers", "measure", "unit", "value", "qualifier", "decimals", "mark", "published_at", "published_inferred", "pages_count", "stated_as", "publisher", "source_title", "source_url", "note")
    FIGURE_ID_FIELD_NUMBER: _ClassVar[int]
    MARKET_FIELD_NUMBER: _ClassVar[int]
    RESEARCH_HOUSE_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    QUALIFIER_FIELD_NUMBER: _ClassVar[int]
    DECIMALS_FIELD_NUMBER: _ClassVar[int]
    MARK_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_AT_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_INFERRED_FIELD_NUMBER: _ClassVar[int]
    PAGES_COUNT_FIELD_NUMBER: _ClassVar[int]
    STATED_AS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHER_FIELD_NUMBER: _ClassVar[int]
    SOURCE_TITLE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_URL_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    figure_id: int
    market: str
    research_house: str
    house: str
    period: str
    providers: _containers.RepeatedCompositeFieldContainer[FigureProvider]
    measure: str
    unit: str
    value: float
    qualifier: FigureQualifier
    decimals: int
    mark: FigureMark
    published_at: str
    published_inferred: bool
    pages_count: int
    stated_as: str
    publisher: str
    source_title: str
    source_url: str
    note: str
    def __init__(self, figure_id: _Optional[int] = ..., market: _Optional[str] = ..., research_house: _Optional[str] = ..., house: _Optional[str] = ..., period: _Optional[str] = ..., providers: _Optional[_Iterable[_Union[FigureProvider, _Mapping]]] = ..., measure: _Optional[str] = ..., unit: _Optional[str] = ..., value: _Optional[float] = ..., qualifier: _Optional[_Union[FigureQualifier, str]] = ..., decimals: _Optional[int] = ..., mark: _Optional[_Union[FigureMark, str]] = ..., published_at: _Optional[str] = ..., published_inferred: bool = ..., pages_count: _Optional[int] = ..., stated_as: _Optional[str] = ..., publisher: _Optional[str] = ..., source_title: _Optional[str] = ..., source_url: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class FigureProvider(_message.Message):
    __slots__ = ("provider",)
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    provider: str
    def __init__(self, provider: _Optional[str] = ...) -> None: ...
