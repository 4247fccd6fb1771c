from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class Model(_message.Message):
    __slots__ = ("model", "description", "is_default", "prior", "is_measured")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    DESCRIPTION_FIELD_NUMBER: _ClassVar[int]
    IS_DEFAULT_FIELD_NUMBER: _ClassVar[int]
    PRIOR_FIELD_NUMBER: _ClassVar[int]
    IS_MEASURED_FIELD_NUMBER: _ClassVar[int]
    model: str
    description: str
    is_default: bool
    prior: str
    is_measured: bool
    def __init__(self, model: _Optional[str] = ..., description: _Optional[str] = ..., is_default: bool = ..., prior: _Optional[str] = ..., is_measured: bool = ...) -> None: ...
