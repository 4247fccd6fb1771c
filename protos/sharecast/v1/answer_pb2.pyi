from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional

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
