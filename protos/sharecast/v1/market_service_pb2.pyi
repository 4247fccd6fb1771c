from sharecast.v1 import figure_pb2 as _figure_pb2
from sharecast.v1 import history_pb2 as _history_pb2
from sharecast.v1 import import_pb2 as _import_pb2
from sharecast.v1 import market_pb2 as _market_pb2
from sharecast.v1 import name_change_pb2 as _name_change_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ListMarketsRequest(_message.Message):
    __slots__ = ("page_size", "page_token")
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    page_size: int
    page_token: str
    def __init__(self, page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListMarketsResponse(_message.Message):
    __slots__ = ("markets", "next_page_token")
    MARKETS_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    markets: _containers.RepeatedCompositeFieldContainer[_market_pb2.Market]
    next_page_token: str
    def __init__(self, markets: _Optional[_Iterable[_Union[_market_pb2.Market, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class GetHistoryRequest(_message.Message):
    __slots__ = ("market", "house", "as_of", "most_bytes", "figures", "recorded_by", "name_changes")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    MOST_BYTES_FIELD_NUMBER: _ClassVar[int]
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    RECORDED_BY_FIELD_NUMBER: _ClassVar[int]
    NAME_CHANGES_FIELD_NUMBER: _ClassVar[int]
    market: str
    house: str
    as_of: str
    most_bytes: int
    figures: _import_pb2.InlineFigures
    recorded_by: str
    name_changes: _containers.RepeatedCompositeFieldContainer[_name_change_pb2.NameChange]
    def __init__(self, market: _Optional[str] = ..., house: _Optional[str] = ..., as_of: _Optional[str] = ..., most_bytes: _Optional[int] = ..., figures: _Optional[_Union[_import_pb2.InlineFigures, _Mapping]] = ..., recorded_by: _Optional[str] = ..., name_changes: _Optional[_Iterable[_Union[_name_change_pb2.NameChange, _Mapping]]] = ...) -> None: ...

class GetHistoryResponse(_message.Message):
    __slots__ = ("history",)
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    history: _history_pb2.History
    def __init__(self, history: _Optional[_Union[_history_pb2.History, _Mapping]] = ...) -> None: ...

class GetMarketRequest(_message.Message):
    __slots__ = ("market",)
    MARKET_FIELD_NUMBER: _ClassVar[int]
    market: str
    def __init__(self, market: _Optional[str] = ...) -> None: ...

class GetMarketResponse(_message.Message):
    __slots__ = ("market",)
    MARKET_FIELD_NUMBER: _ClassVar[int]
    market: _market_pb2.Market
    def __init__(self, market: _Optional[_Union[_market_pb2.Market, _Mapping]] = ...) -> None: ...

class ListFiguresRequest(_message.Message):
    __slots__ = ("market", "house", "quarter", "provider", "as_of", "page_size", "page_token")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    QUARTER_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    PAGE_SIZE_FIELD_NUMBER: _ClassVar[int]
    PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    market: str
    house: str
    quarter: str
    provider: str
    as_of: str
    page_size: int
    page_token: str
    def __init__(self, market: _Optional[str] = ..., house: _Optional[str] = ..., quarter: _Optional[str] = ..., provider: _Optional[str] = ..., as_of: _Optional[str] = ..., page_size: _Optional[int] = ..., page_token: _Optional[str] = ...) -> None: ...

class ListFiguresResponse(_message.Message):
    __slots__ = ("figures", "next_page_token")
    FIGURES_FIELD_NUMBER: _ClassVar[int]
    NEXT_PAGE_TOKEN_FIELD_NUMBER: _ClassVar[int]
    figures: _containers.RepeatedCompositeFieldContainer[_figure_pb2.Figure]
    next_page_token: str
    def __init__(self, figures: _Optional[_Iterable[_Union[_figure_pb2.Figure, _Mapping]]] = ..., next_page_token: _Optional[str] = ...) -> None: ...

class ImportFiguresRequest(_message.Message):
    __slots__ = ("header", "chunk")
    HEADER_FIELD_NUMBER: _ClassVar[int]
    CHUNK_FIELD_NUMBER: _ClassVar[int]
    header: _import_pb2.ImportHeader
    chunk: _import_pb2.ImportChunk
    def __init__(self, header: _Optional[_Union[_import_pb2.ImportHeader, _Mapping]] = ..., chunk: _Optional[_Union[_import_pb2.ImportChunk, _Mapping]] = ...) -> None: ...

class ImportFiguresResponse(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: _import_pb2.ImportReport
    def __init__(self, report: _Optional[_Union[_import_pb2.ImportReport, _Mapping]] = ...) -> None: ...

class WithdrawFiguresRequest(_message.Message):
    __slots__ = ("import_id", "market", "house", "provider", "period", "kind", "request_id", "validate_only")
    IMPORT_ID_FIELD_NUMBER: _ClassVar[int]
    MARKET_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    REQUEST_ID_FIELD_NUMBER: _ClassVar[int]
    VALIDATE_ONLY_FIELD_NUMBER: _ClassVar[int]
    import_id: str
    market: str
    house: str
    provider: str
    period: str
    kind: _import_pb2.WithdrawKind
    request_id: str
    validate_only: bool
    def __init__(self, import_id: _Optional[str] = ..., market: _Optional[str] = ..., house: _Optional[str] = ..., provider: _Optional[str] = ..., period: _Optional[str] = ..., kind: _Optional[_Union[_import_pb2.WithdrawKind, str]] = ..., request_id: _Optional[str] = ..., validate_only: bool = ...) -> None: ...

class WithdrawFiguresResponse(_message.Message):
    __slots__ = ("report",)
    REPORT_FIELD_NUMBER: _ClassVar[int]
    report: _import_pb2.WithdrawReport
    def __init__(self, report: _Optional[_Union[_import_pb2.WithdrawReport, _Mapping]] = ...) -> None: ...
