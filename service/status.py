"""The one table of error class, gRPC code and `ErrorReason`, read in both directions.

The server packs an error as AIP-193 says; the client unpacks it into the same class with the same fields.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import DecodeError, Message
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from forecast.errors import (
    InvalidArgument,
    InvalidTable,
    ModelFailed,
    NotEnoughData,
    NotFound,
    RowViolation,
    SharecastError,
)
from service.errors import (
    AlreadyExists,
    CallRefused,
    DeadlineExceeded,
    InternalError,
    MalformedRequest,
    NoStore,
    Overloaded,
    PermissionDenied,
    ServiceUnavailable,
    StoreUnavailable,
    Unauthenticated,
    WorkLost,
)
from sharecast.v1 import error_pb2

DOMAIN = "sharecast.dev"
STATUS_TRAILER = "grpc-status-details-bin"
REQUEST_ID = "x-request-id"
RETRY_SECONDS = 1

# A trailer past 8 KiB may be refused on its way, and then the caller learns nothing. Bytes of UTF-8.
_MESSAGE_BYTES, _TEXT_BYTES, _LIST_BYTES = 600, 200, 900

_VIOLATION = ("rule", "column", "value", "allowed", "hint")  # the texts of one

_encode = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class _Row:
    error: type[SharecastError]
    code: grpc.StatusCode
    reason: "error_pb2.ErrorReason"
    fields: tuple[str, ...]  # attributes of the error, and arguments of its constructor, carried as metadata


_TABLE = (
    _Row(
        InvalidArgument,
        grpc.StatusCode.INVALID_ARGUMENT,
        error_pb2.ERROR_REASON_INVALID_ARGUMENT,
        ("field", "value", "allowed", "problem"),
    ),
    _Row(
        InvalidTable,
        grpc.StatusCode.INVALID_ARGUMENT,
        error_pb2.ERROR_REASON_INVALID_TABLE,
        ("table", "total"),
    ),
    _Row(MalformedRequest, grpc.StatusCode.INVALID_ARGUMENT, error_pb2.ERROR_REASON_MALFORMED_REQUEST, ()),
    _Row(NotFound, grpc.StatusCode.NOT_FOUND, error_pb2.ERROR_REASON_NOT_FOUND, ("kind", "name", "known")),
    _Row(
        NotEnoughData,
        grpc.StatusCode.FAILED_PRECONDITION,
        error_pb2.ERROR_REASON_NOT_ENOUGH_DATA,
        ("market", "found", "needed", "detail"),
    ),
    _Row(
        ModelFailed,
        grpc.StatusCode.FAILED_PRECONDITION,
        error_pb2.ERROR_REASON_MODEL_FAILED,
        ("model", "reason"),
    ),
    _Row(
        DeadlineExceeded,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        error_pb2.ERROR_REASON_DEADLINE_EXCEEDED,
        ("seconds",),
    ),
    _Row(
        AlreadyExists,
        grpc.StatusCode.ALREADY_EXISTS,
        error_pb2.ERROR_REASON_ALREADY_EXISTS,
        ("request_id", "detail"),
    ),
    _Row(NoStore, grpc.StatusCode.FAILED_PRECONDITION, error_pb2.ERROR_REASON_NO_STORE, ("detail",)),
    _Row(
        StoreUnavailable,
        grpc.StatusCode.UNAVAILABLE,
        error_pb2.ERROR_REASON_STORE_UNAVAILABLE,
        ("detail",),
    ),
    _Row(WorkLost, grpc.StatusCode.UNAVAILABLE, error_pb2.ERROR_REASON_WORK_LOST, ()),
    _Row(Overloaded, grpc.StatusCode.RESOURCE_EXHAUSTED, error_pb2.ERROR_REASON_OVERLOADED, ("seconds",)),
    _Row(ServiceUnavailable, grpc.StatusCode.UNAVAILABLE, error_pb2.ERROR_REASON_UNAVAILABLE, ("detail",)),
    _Row(
        Unauthenticated,
        grpc.StatusCode.UNAUTHENTICATED,
        error_pb2.ERROR_REASON_UNAUTHENTICATED,
        ("problem",),
    ),
    _Row(
        PermissionDenied,
        grpc.StatusCode.PERMISSION_DENIED,
        error_pb2.ERROR_REASON_PERMISSION_DENIED,
        ("method", "role", "needed"),
    ),
    _Row(InternalError, grpc.StatusCode.INTERNAL, error_pb2.ERROR_REASON_INTERNAL, ("request_id",)),
)
_BY_ERROR = {row.error: row for row in _TABLE}
_BY_REASON = {error_pb2.ErrorReason.Name(row.reason): row for row in _TABLE}


def error_code(error: SharecastError, /) -> grpc.StatusCode:
    """The gRPC code of an error; INTERNAL for a class that is not in the table."""
    row = _row(error)
    return grpc.StatusCode.INTERNAL if row is None else row.code


def pack_error(error: SharecastError, /, request_id: str) -> Status:
    """An error as the message of the trailer `STATUS_TRAILER`, small enough to reach the caller whole.

    An error whose class is not in the table was not meant for callers: it leaves as `InternalError`, without its text.
    """
    row = _row(error)
    if row is None:
        return pack_error(InternalError(request_id), request_id)
    fields = {field: getattr(error, field) for field in row.fields}
    metadata = {field: _to_json(value) for field, value in fields.items() if (field, value) != ("problem", "")}
    info = ErrorInfo(reason=error_pb2.ErrorReason.Name(row.reason), domain=DOMAIN, metadata=metadata)
    code: int = row.code.value[0]  # a pair of number and text
    return Status(
        code=code,
        message=_cut(str(error), _MESSAGE_BYTES),
        details=[_to_any(detail) for detail in (info, *_further_details(error))],
    )


def unpack_error(
    code: grpc.StatusCode,
    detail: str | None,
    trailers: Iterable[tuple[str, str | bytes]] | None,
    /,
    *,
    timeout: float | None = None,
) -> SharecastError:
    """The error that a failed call tells of.

    Args:
        code: Code of the call.
        detail: Text of the call.
        trailers: Trailing metadata of the call; what is not ours in it is passed over.
        timeout: Seconds the caller had given.

    Returns:
        An error of the class the server raised, or, where the call failed before or after the server, of the class
        that fits the code.
    """
    found = dict(trailers or ())
    packed = found.get(STATUS_TRAILER)
    error = _unpack_status(packed) if isinstance(packed, bytes) else None
    if isinstance(error, DeadlineExceeded) and error.seconds is None:
        return DeadlineExceeded(timeout)
    if error is not None:
        return error
    text = detail or "no reason was given"
    match code:
        case grpc.StatusCode.UNAVAILABLE:
            return ServiceUnavailable(text)
        case grpc.StatusCode.DEADLINE_EXCEEDED:
            return DeadlineExceeded(timeout)
        case grpc.StatusCode.INTERNAL:
            return InternalError(str(found.get(REQUEST_ID, "none")))
        case _:
            return CallRefused(code.name, text)


def error_of_status(status: Status, /) -> SharecastError:
    """The error that the status of one of many tells of, of the class that fits."""
    error = _unpack_status(status.SerializeToString())
    if error is not None:
        return error
    code = next((code for code in grpc.StatusCode if code.value[0] == status.code), grpc.StatusCode.UNKNOWN)
    return CallRefused(code.name, status.message or "no reason was given")


def _row(error: SharecastError) -> _Row | None:
    return next((_BY_ERROR[kind] for kind in type(error).__mro__ if kind in _BY_ERROR), None)


def _further_details(error: SharecastError) -> list[Message]:
    match error:
        case InvalidArgument():
            field, description = _cut(error.field, _TEXT_BYTES), _cut(str(error), _MESSAGE_BYTES)
            return [BadRequest(field_violations=[BadRequest.FieldViolation(field=field, description=description)])]
        case InvalidTable():
            return _table_details(error)
        case Overloaded():
            return [RetryInfo(retry_delay=Duration(nanos=int(error.seconds * 1e9) % 10**9, seconds=int(error.seconds)))]
        case ServiceUnavailable():
            return [RetryInfo(retry_delay=Duration(seconds=RETRY_SECONDS))]
        case _:
            return []


def _table_details(error: InvalidTable) -> list[Message]:
    violations, fields = error_pb2.RowViolations(), BadRequest()
    for found in error.violations:
        texts = {name: _cut(getattr(found, name), _TEXT_BYTES) for name in _VIOLATION}
        violations.violations.add(row=found.row, **texts)
        place = f"[{found.row - 1}].{texts['column']}" if found.row else ""
        fields.field_violations.add(
            field=f"{_cut(error.table, _TEXT_BYTES)}.rows{place}",
            description=_cut(str(found), _MESSAGE_BYTES),
            reason=texts["rule"].upper(),
        )
        if violations.ByteSize() + fields.ByteSize() > _LIST_BYTES:
            break
    return [fields, violations]


def _unpack_status(packed: bytes) -> SharecastError | None:
    try:
        status = Status.FromString(packed)
        info, violations = ErrorInfo(), error_pb2.RowViolations()
        for detail in status.details:
            _ = detail.Unpack(info) or detail.Unpack(violations)  # each takes only its own type
        row = _BY_REASON.get(info.reason)
        if row is None or info.domain != DOMAIN:
            return None
        sent = (field for field in row.fields if field != "problem" or field in info.metadata)  # older ones have none
        arguments = {field: _from_json(info.metadata[field]) for field in sent}
    except (DecodeError, ValueError):  # something between server and client rewrote the trailer
        return None
    if row.error is InvalidTable:
        arguments["violations"] = tuple(
            RowViolation(row=v.row, **{name: getattr(v, name) for name in _VIOLATION}) for v in violations.violations
        )
    return row.error(**arguments)


def _to_any(detail: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed


def _to_json(value: object) -> str:
    match value:
        case None | bool() | int():
            kept: object = value
        case float():
            kept = value if value - value == 0 else str(value)  # JSON has no NaN and no infinity
        case list() | tuple():
            kept = _cut_list(value)
        case _:
            kept = _cut(str(value), _MESSAGE_BYTES)
    return _encode(kept)


def _from_json(text: str) -> object:
    value = json.loads(text)
    return tuple(value) if isinstance(value, list) else value


def _cut_list(values: Sequence[object]) -> list[object]:
    kept: list[object] = []
    size = 0
    for value in values:
        item = value if isinstance(value, int | float) and value - value == 0 else _cut(str(value), _TEXT_BYTES)
        size += len(str(item).encode()) + 4
        if size > _LIST_BYTES:
            break
        kept.append(item)
    return kept


def _cut(text: str, size: int) -> str:
    raw = text.encode(errors="replace")
    return text if len(raw) <= size else raw[: size - 3].decode(errors="ignore") + "…"
