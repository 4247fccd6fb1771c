from sharecast.v1 import name_change_pb2 as _name_change_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ImportKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    IMPORT_KIND_UNSPECIFIED: _ClassVar[ImportKind]
    IMPORT_KIND_FIGURES: _ClassVar[ImportKind]
    IMPORT_KIND_SHARES: _ClassVar[ImportKind]
    IMPORT_KIND_NAMES: _ClassVar[ImportKind]

class WithdrawKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    WITHDRAW_KIND_UNSPECIFIED: _ClassVar[WithdrawKind]
    WITHDRAW_KIND_FIGURES: _ClassVar[WithdrawKind]
    WITHDRAW_KIND_SHARES: _ClassVar[WithdrawKind]
    WITHDRAW_KIND_NAMES: _ClassVar[WithdrawKind]
IMPORT_KIND_UNSPECIFIED: ImportKind
IMPORT_KIND_FIGURES: ImportKind
IMPORT_KIND_SHARES: ImportKind
IMPORT_KIND_NAMES: ImportKind
WITHDRAW_KIND_UNSPECIFIED: WithdrawKind
WITHDRAW_KIND_FIGURES: WithdrawKind
WITHDRAW_KIND_SHARES: WithdrawKind
WITHDRAW_KIND_NAMES: WithdrawKind

class ImportHeader(_message.Message):
    __slots__ = ("kind", "house", "request_id", "validate_only", "replace")
    KIND_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    REPLACE_FIELD_NUMBER: _ClassVar[int]
    kind: ImportKind
    house: str
    request_id: str
    validate_only: bool
    replace: bool
    def __init__(self, kind: _Optional[_Union[ImportKind, str]] = ..., house: _Optional[str] = ..., request_id: _Optional[str] = ..., validate_only: bool = ..., replace: bool = ...) -> None: ...

class ImportChunk(_message.Message):
    __slots__ = ("figures", "shares", "name_changes")
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    SHARES_FIELD_NUMBER: _ClassVar[int]
    NAME_CHANGES_FIELD_NUMBER: _ClassVar[int]
    figures: _containers.RepeatedCompositeFieldContainer[FigureRow]
    shares: _containers.RepeatedCompositeFieldContainer[MarketShareRow]
    name_changes: _containers.RepeatedCompositeFieldContainer[_name_change_pb2.NameChange]
    def __init__(self, figures: _Optional[_Iterable[_Union[FigureRow, _Mapping]]] = ..., shares: _Optional[_Iterable[_Union[MarketShareRow, _Mapping]]] = ..., name_changes: _Optional[_Iterable[_Union[_name_change_pb2.NameChange, _Mapping]]] = ...) -> None: ...

class InlineFigures(_message.Message):
    __slots__ = ("rows",)
    ROWS_FIELD_NUMBER: _ClassVar[int]
    rows: _containers.RepeatedCompositeFieldContainer[FigureRow]
    def __init__(self, rows: _Optional[_Iterable[_Union[FigureRow, _Mapping]]] = ...) -> None: ...

class FigureRow(_message.Message):
    __slots__ = ("market", "research_house", "period", "providers", "measure", "unit", "value", "qualifier", "decimals", "stated_as", "publisher", "published", "source_title", "source_url", "note")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    RESEARCH_HOUSE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    QUALIFIER_FIELD_NUMBER: _ClassVar[int]
    DECIMALS_FIELD_NUMBER: _ClassVar[int]
    STATED_AS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHER_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_FIELD_NUMBER: _ClassVar[int]
    SOURCE_TITLE_FIELD_NUMBER: _ClassVar[int]
    SOURCE_URL_FIELD_NUMBER: _ClassVar[int]
    NOTE_FIELD_NUMBER: _ClassVar[int]
    market: str
    research_house: str
    period: str
    providers: str
    measure: str
    unit: str
    value: float
    qualifier: str
    decimals: int
    stated_as: str
    publisher: str
    published: str
    source_title: str
    source_url: str
    note: str
    def __init__(self, market: _Optional[str] = ..., research_house: _Optional[str] = ..., period: _Optional[str] = ..., providers: _Optional[str] = ..., measure: _Optional[str] = ..., unit: _Optional[str] = ..., value: _Optional[float] = ..., qualifier: _Optional[str] = ..., decimals: _Optional[int] = ..., stated_as: _Optional[str] = ..., publisher: _Optional[str] = ..., published: _Optional[str] = ..., source_title: _Optional[str] = ..., source_url: _Optional[str] = ..., note: _Optional[str] = ...) -> None: ...

class MarketShareRow(_message.Message):
    __slots__ = ("market", "period", "provider", "share", "value", "decimals", "published_at", "qualifier")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    DECIMALS_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_AT_FIELD_NUMBER: _ClassVar[int]
    QUALIFIER_FIELD_NUMBER: _ClassVar[int]
    market: str
    period: str
    provider: str
    share: float
    value: float
    decimals: int
    published_at: str
    qualifier: str
    def __init__(self, market: _Optional[str] = ..., period: _Optional[str] = ..., provider: _Optional[str] = ..., share: _Optional[float] = ..., value: _Optional[float] = ..., decimals: _Optional[int] = ..., published_at: _Optional[str] = ..., qualifier: _Optional[str] = ...) -> None: ...

class ImportReport(_message.Message):
    __slots__ = ("kind", "import_id", "rows_count", "added_count", "known_count", "markets", "validate_only", "warnings", "restated_count", "superseded_count", "changes", "name_changes_count")
    KIND_FIELD_NUMBER: _ClassVar[int]
    IMPORT_ID_FIELD_NUMBER: _ClassVar[int]
    ROWS_COUNT_FIELD_NUMBER: _ClassVar[int]
    ADDED_COUNT_FIELD_NUMBER: _ClassVar[int]
    KNOWN_COUNT_FIELD_NUMBER: _ClassVar[int]
    MARKETS_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    RESTATED_COUNT_FIELD_NUMBER: _ClassVar[int]
    SUPERSEDED_COUNT_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    NAME_CHANGES_COUNT_FIELD_NUMBER: _ClassVar[int]
    kind: ImportKind
    import_id: str
    rows_count: int
    added_count: int
    known_count: int
    markets: _containers.RepeatedScalarFieldContainer[str]
    validate_only: bool
    warnings: _containers.RepeatedScalarFieldContainer[str]
    restated_count: int
    superseded_count: int
    changes: _containers.RepeatedCompositeFieldContainer[CellChange]
    name_changes_count: int
    def __init__(self, kind: _Optional[_Union[ImportKind, str]] = ..., import_id: _Optional[str] = ..., rows_count: _Optional[int] = ..., added_count: _Optional[int] = ..., known_count: _Optional[int] = ..., markets: _Optional[_Iterable[str]] = ..., validate_only: bool = ..., warnings: _Optional[_Iterable[str]] = ..., restated_count: _Optional[int] = ..., superseded_count: _Optional[int] = ..., changes: _Optional[_Iterable[_Union[CellChange, _Mapping]]] = ..., name_changes_count: _Optional[int] = ...) -> None: ...

class CellChange(_message.Message):
    __slots__ = ("market", "house", "period", "providers", "measure", "before", "decimals_before", "after", "decimals_after")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    BEFORE_FIELD_NUMBER: _ClassVar[int]
    DECIMALS_BEFORE_FIELD_NUMBER: _ClassVar[int]
    AFTER_FIELD_NUMBER: _ClassVar[int]
    DECIMALS_AFTER_FIELD_NUMBER: _ClassVar[int]
    market: str
    house: str
    period: str
    providers: str
    measure: str
    before: float
    decimals_before: int
    after: float
    decimals_after: int
    def __init__(self, market: _Optional[str] = ..., house: _Optional[str] = ..., period: _Optional[str] = ..., providers: _Optional[str] = ..., measure: _Optional[str] = ..., before: _Optional[float] = ..., decimals_before: _Optional[int] = ..., after: _Optional[float] = ..., decimals_after: _Optional[int] = ...) -> None: ...

class WithdrawReport(_message.Message):
    __slots__ = ("import_id", "rows_count", "markets", "withdrawn", "changes", "validate_only", "warnings")
    IMPORT_ID_FIELD_NUMBER: _ClassVar[int]
    ROWS_COUNT_FIELD_NUMBER: _ClassVar[int]
    MARKETS_FIELD_NUMBER: _ClassVar[int]
    WITHDRAWN_FIELD_NUMBER: _ClassVar[int]
    CHANGES_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    import_id: str
    rows_count: int
    markets: _containers.RepeatedScalarFieldContainer[str]
    withdrawn: _containers.RepeatedCompositeFieldContainer[WithdrawnRows]
    changes: _containers.RepeatedCompositeFieldContainer[CellChange]
    validate_only: bool
    warnings: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, import_id: _Optional[str] = ..., rows_count: _Optional[int] = ..., markets: _Optional[_Iterable[str]] = ..., withdrawn: _Optional[_Iterable[_Union[WithdrawnRows, _Mapping]]] = ..., changes: _Optional[_Iterable[_Union[CellChange, _Mapping]]] = ..., validate_only: bool = ..., warnings: _Optional[_Iterable[str]] = ...) -> None: ...

class WithdrawnRows(_message.Message):
    __slots__ = ("market", "house", "kind", "rows_count", "first_period", "last_period", "providers")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ROWS_COUNT_FIELD_NUMBER: _ClassVar[int]
    FIRST_PERIOD_FIELD_NUMBER: _ClassVar[int]
    LAST_PERIOD_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    market: str
    house: str
    kind: WithdrawKind
    rows_count: int
    first_period: str
    last_period: str
    providers: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, market: _Optional[str] = ..., house: _Optional[str] = ..., kind: _Optional[_Union[WithdrawKind, str]] = ..., rows_count: _Optional[int] = ..., first_period: _Optional[str] = ..., last_period: _Optional[str] = ..., providers: _Optional[_Iterable[str]] = ...) -> None: ...
