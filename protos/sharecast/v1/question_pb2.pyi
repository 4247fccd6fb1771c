from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Comparison(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    COMPARISON_UNSPECIFIED: _ClassVar[Comparison]
    COMPARISON_ABOVE: _ClassVar[Comparison]
    COMPARISON_AT_LEAST: _ClassVar[Comparison]
    COMPARISON_BELOW: _ClassVar[Comparison]
    COMPARISON_AT_MOST: _ClassVar[Comparison]

class Span(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SPAN_UNSPECIFIED: _ClassVar[Span]
    SPAN_IN: _ClassVar[Span]
    SPAN_BY: _ClassVar[Span]
    SPAN_THROUGH: _ClassVar[Span]
COMPARISON_UNSPECIFIED: Comparison
COMPARISON_ABOVE: Comparison
COMPARISON_AT_LEAST: Comparison
COMPARISON_BELOW: Comparison
COMPARISON_AT_MOST: Comparison
SPAN_UNSPECIFIED: Span
SPAN_IN: Span
SPAN_BY: Span
SPAN_THROUGH: Span

class Event(_message.Message):
    __slots__ = ("overtakes", "leads", "share", "top_changes", "concentration", "span", "quarter")
    OVERTAKES_FIELD_NUMBER: _ClassVar[int]
    LEADS_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    TOP_CHANGES_FIELD_NUMBER: _ClassVar[int]
    CONCENTRATION_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    QUARTER_FIELD_NUMBER: _ClassVar[int]
    overtakes: Overtakes
    leads: str
    share: ShareLimit
    top_changes: int
    concentration: ConcentrationLimit
    span: Span
    quarter: str
    def __init__(self, overtakes: _Optional[_Union[Overtakes, _Mapping]] = ..., leads: _Optional[str] = ..., share: _Optional[_Union[ShareLimit, _Mapping]] = ..., top_changes: _Optional[int] = ..., concentration: _Optional[_Union[ConcentrationLimit, _Mapping]] = ..., span: _Optional[_Union[Span, str]] = ..., quarter: _Optional[str] = ...) -> None: ...

class Overtakes(_message.Message):
    __slots__ = ("provider", "rival")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    RIVAL_FIELD_NUMBER: _ClassVar[int]
    provider: str
    rival: str
    def __init__(self, provider: _Optional[str] = ..., rival: _Optional[str] = ...) -> None: ...

class ShareLimit(_message.Message):
    __slots__ = ("providers", "comparison", "share")
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    providers: _containers.RepeatedScalarFieldContainer[str]
    comparison: Comparison
    share: float
    def __init__(self, providers: _Optional[_Iterable[str]] = ..., comparison: _Optional[_Union[Comparison, str]] = ..., share: _Optional[float] = ...) -> None: ...

class ConcentrationLimit(_message.Message):
    __slots__ = ("comparison", "index")
    COMPARISON_FIELD_NUMBER: _ClassVar[int]
    INDEX_FIELD_NUMBER: _ClassVar[int]
    comparison: Comparison
    index: float
    def __init__(self, comparison: _Optional[_Union[Comparison, str]] = ..., index: _Optional[float] = ...) -> None: ...

class Condition(_message.Message):
    __slots__ = ("share", "unchanged", "leaves", "enters", "event", "span", "quarter")
    SHARE_FIELD_NUMBER: _ClassVar[int]
    UNCHANGED_FIELD_NUMBER: _ClassVar[int]
    LEAVES_FIELD_NUMBER: _ClassVar[int]
    ENTERS_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    SPAN_FIELD_NUMBER: _ClassVar[int]
    QUARTER_FIELD_NUMBER: _ClassVar[int]
    share: ShareGiven
    unchanged: str
    leaves: str
    enters: Newcomer
    event: Event
    span: Span
    quarter: str
    def __init__(self, share: _Optional[_Union[ShareGiven, _Mapping]] = ..., unchanged: _Optional[str] = ..., leaves: _Optional[str] = ..., enters: _Optional[_Union[Newcomer, _Mapping]] = ..., event: _Optional[_Union[Event, _Mapping]] = ..., span: _Optional[_Union[Span, str]] = ..., quarter: _Optional[str] = ...) -> None: ...

class ShareGiven(_message.Message):
    __slots__ = ("provider", "share")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    provider: str
    share: float
    def __init__(self, provider: _Optional[str] = ..., share: _Optional[float] = ...) -> None: ...

class Newcomer(_message.Message):
    __slots__ = ("provider", "share")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    provider: str
    share: float
    def __init__(self, provider: _Optional[str] = ..., share: _Optional[float] = ...) -> None: ...
