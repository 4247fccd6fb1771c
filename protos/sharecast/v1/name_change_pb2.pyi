from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class NameChangeKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    NAME_CHANGE_KIND_UNSPECIFIED: _ClassVar[NameChangeKind]
    NAME_CHANGE_KIND_RENAMED: _ClassVar[NameChangeKind]
    NAME_CHANGE_KIND_MERGED: _ClassVar[NameChangeKind]
NAME_CHANGE_KIND_UNSPECIFIED: NameChangeKind
NAME_CHANGE_KIND_RENAMED: NameChangeKind
NAME_CHANGE_KIND_MERGED: NameChangeKind

class NameChange(_message.Message):
    __slots__ = ("market", "house", "provider", "into", "kind", "period", "published_at")
    MARKET_FIELD_NUMBER: _ClassVar[int]
    HOUSE_FIELD_NUMBER: _ClassVar[int]
    PROVIDER_FIELD_NUMBER: _ClassVar[int]
    INTO_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    PUBLISHED_AT_FIELD_NUMBER: _ClassVar[int]
    market: str
    house: str
    provider: str
    into: str
    kind: NameChangeKind
    period: str
    published_at: str
    def __init__(self, market: _Optional[str] = ..., house: _Optional[str] = ..., provider: _Optional[str] = ..., into: _Optional[str] = ..., kind: _Optional[_Union[NameChangeKind, str]] = ..., period: _Optional[str] = ..., published_at: _Optional[str] = ...) -> None: ...
