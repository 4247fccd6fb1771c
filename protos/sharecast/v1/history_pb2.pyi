from sharecast.v1 import name_change_pb2 as _name_change_pb2
from sharecast.v1 import provenance_pb2 as _provenance_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CellStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CELL_STATUS_UNSPECIFIED: _ClassVar[CellStatus]
    CELL_STATUS_REPORTED: _ClassVar[CellStatus]
    CELL_STATUS_COMBINED: _ClassVar[CellStatus]
    CELL_STATUS_INFERRED: _ClassVar[CellStatus]
    CELL_STATUS_UNKNOWN: _ClassVar[CellStatus]

class DoubtReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    DOUBT_REASON_UNSPECIFIED: _ClassVar[DoubtReason]
    DOUBT_REASON_SLIP: _ClassVar[DoubtReason]
    DOUBT_REASON_CONTRADICTION: _ClassVar[DoubtReason]
    DOUBT_REASON_TABLE: _ClassVar[DoubtReason]
CELL_STATUS_UNSPECIFIED: CellStatus
CELL_STATUS_REPORTED: CellStatus
CELL_STATUS_COMBINED: CellStatus
CELL_STATUS_INFERRED: CellStatus
CELL_STATUS_UNKNOWN: CellStatus
DOUBT_REASON_UNSPECIFIED: DoubtReason
DOUBT_REASON_SLIP: DoubtReason
DOUBT_REASON_CONTRADICTION: DoubtReason
DOUBT_REASON_TABLE: DoubtReason

class History(_message.Message):
    __slots__ = ("market", "house", "as_of", "periods", "providers", "breaks", "data_provenance", "warnings", "doubts", "name_changes")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    AS_OF_FIELD_NUMBER: _ClassVar[int]
    PERIODS_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    BREAKS_FIELD_NUMBER: _ClassVar[int]
    DATA_PROVENANCE_FIELD_NUMBER: _ClassVar[int]
    WARNINGS_FIELD_NUMBER: _ClassVar[int]
    DOUBTS_FIELD_NUMBER: _ClassVar[int]
    NAME_CHANGES_FIELD_NUMBER: _ClassVar[int]
    market: str
    house: str
    as_of: str
    periods: _containers.RepeatedScalarFieldContainer[str]
    providers: _containers.RepeatedCompositeFieldContainer[ProviderHistory]
    breaks: _containers.RepeatedCompositeFieldContainer[SeriesBreak]
    data_provenance: _provenance_pb2.DataProvenance
    warnings: _containers.RepeatedScalarFieldContainer[str]
    doubts: _containers.RepeatedCompositeFieldContainer[FigureDoubt]
    name_changes: _containers.RepeatedCompositeFieldContainer[_name_change_pb2.NameChange]
    def __init__(self, market: _Optional[str] = ..., house: _Optional[str] = ..., as_of: _Optional[str] = ..., periods: _Optional[_Iterable[str]] = ..., providers: _Optional[_Iterable[_Union[ProviderHistory, _Mapping]]] = ..., breaks: _Optional[_Iterable[_Union[SeriesBreak, _Mapping]]] = ..., data_provenance: _Optional[_Union[_provenance_pb2.DataProvenance, _Mapping]] = ..., warnings: _Optional[_Iterable[str]] = ..., doubts: _Optional[_Iterable[_Union[FigureDoubt, _Mapping]]] = ..., name_changes: _Optional[_Iterable[_Union[_name_change_pb2.NameChange, _Mapping]]] = ...) -> None: ...

class FigureDoubt(_message.Message):
    __slots__ = ("figure_ids", "period", "providers", "measure", "value", "excess", "reason")
    FIGURE_IDS_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    PROVIDERS_FIELD_NUMBER: _ClassVar[int]
    MEASURE_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    EXCESS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    figure_ids: _containers.RepeatedScalarFieldContainer[int]
    period: str
    providers: _containers.RepeatedCompositeFieldContainer[DoubtProvider]
    measure: str
    value: float
    excess: float
    reason: DoubtReason
    def __init__(self, figure_ids: _Optional[_Iterable[int]] = ..., period: _Optional[str] = ..., providers: _Optional[_Iterable[_Union[DoubtProvider, _Mapping]]] = ..., measure: _Optional[str] = ..., value: _Optional[float] = ..., excess: _Optional[float] = ..., reason: _Optional[_Union[DoubtReason, str]] = ...) -> None: ...

class DoubtProvider(_message.Message):
    __slots__ = ("provider",)
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    provider: str
    def __init__(self, provider: _Optional[str] = ...) -> None: ...

class ProviderHistory(_message.Message):
    __slots__ = ("provider", "share", "sd", "status", "smoothed", "smoothed_sd", "sources")
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    SD_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    SMOOTHED_FIELD_NUMBER: _ClassVar[int]
    SMOOTHED_SD_FIELD_NUMBER: _ClassVar[int]
    SOURCES_FIELD_NUMBER: _ClassVar[int]
    provider: str
    share: _containers.RepeatedScalarFieldContainer[float]
    sd: _containers.RepeatedScalarFieldContainer[float]
    status: _containers.RepeatedScalarFieldContainer[CellStatus]
    smoothed: _containers.RepeatedScalarFieldContainer[float]
    smoothed_sd: _containers.RepeatedScalarFieldContainer[float]
    sources: _containers.RepeatedCompositeFieldContainer[CellSources]
    def __init__(self, provider: _Optional[str] = ..., share: _Optional[_Iterable[float]] = ..., sd: _Optional[_Iterable[float]] = ..., status: _Optional[_Iterable[_Union[CellStatus, str]]] = ..., smoothed: _Optional[_Iterable[float]] = ..., smoothed_sd: _Optional[_Iterable[float]] = ..., sources: _Optional[_Iterable[_Union[CellSources, _Mapping]]] = ...) -> None: ...

class CellSources(_message.Message):
    __slots__ = ("figure_ids",)
    FIGURE_IDS_FIELD_NUMBER: _ClassVar[int]
    figure_ids: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, figure_ids: _Optional[_Iterable[int]] = ...) -> None: ...

class SeriesBreak(_message.Message):
    __slots__ = ("period", "description")
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    period: str
    description: str
    def __init__(self, period: _Optional[str] = ..., description: _Optional[str] = ...) -> None: ...
