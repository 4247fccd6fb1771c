from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class DataProvenance(_message.Message):
    __slots__ = ("vintage", "content_hash", "figures_used", "source_line")
    VINTAGE_FIELD_NUMBER: _ClassVar[int]
    CONTENT_HASH_FIELD_NUMBER: _ClassVar[int]
    FIGURES_USED_FIELD_NUMBER: _ClassVar[int]
    SOURCE_LINE_FIELD_NUMBER: _ClassVar[int]
    vintage: str
    content_hash: str
    figures_used: int
    source_line: str
    def __init__(self, vintage: _Optional[str] = ..., content_hash: _Optional[str] = ..., figures_used: _Optional[int] = ..., source_line: _Optional[str] = ...) -> None: ...

class ModelProvenance(_message.Message):
    __slots__ = ("model", "models_used", "version", "prior", "seed", "notes", "measured_coverage")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    MODELS_USED_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    PRIOR_FIELD_NUMBER: _ClassVar[int]
    SEED_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    MEASURED_COVERAGE_FIELD_NUMBER: _ClassVar[int]
    model: str
    models_used: _containers.RepeatedCompositeFieldContainer[ModelWeight]
    version: str
    prior: str
    seed: int
    notes: _containers.RepeatedScalarFieldContainer[str]
    measured_coverage: _containers.RepeatedScalarFieldContainer[float]
    def __init__(self, model: _Optional[str] = ..., models_used: _Optional[_Iterable[_Union[ModelWeight, _Mapping]]] = ..., version: _Optional[str] = ..., prior: _Optional[str] = ..., seed: _Optional[int] = ..., notes: _Optional[_Iterable[str]] = ..., measured_coverage: _Optional[_Iterable[float]] = ...) -> None: ...

class ModelWeight(_message.Message):
    __slots__ = ("model", "weight")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    WEIGHT_FIELD_NUMBER: _ClassVar[int]
    model: str
    weight: float
    def __init__(self, model: _Optional[str] = ..., weight: _Optional[float] = ...) -> None: ...
