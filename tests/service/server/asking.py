"""Calls past our own client: what a server answers to any bytes, and what it must never tell."""

import json
import re
from dataclasses import dataclass
from typing import Any

import grpc
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from sharecast.v1.forecast_service_pb2 import StreamForecastsResponse
from tests.service.server.bad_inputs import Bad

TRAILER = "grpc-status-details-bin"
_CODES = {code.value[0]: code.name for code in grpc.StatusCode}
# Of the inside: files, SQL, drivers, exceptions. What a caller sent may come back, so inputs hold nothing of the kind.
_INSIDE = re.compile(
    rb"Traceback|site-packages|\.py\b|/usr/|/home/|/root|/opt/|File \"|\bSELECT\b|\bINSERT\b|UPDATE \w+ SET"
    rb"|BEGIN IMMEDIATE|sqlite3?\b|psycopg|sqlalchemy|SQLSTATE|Errno|polars|numpy|grpc\._| object at 0x"
    rb"|\w+Error\b|\w+Exception\b"
)


@dataclass(frozen=True)
class Answer:
    """What came of a call."""

    code: str  # of the call, or of the one outcome looked at
    field: str  # that a field violation names; of NOT_FOUND the kind of name; of too little data the market
    told: bytes  # everything a caller is told beside a reply: text and details


def ask(channel: grpc.Channel, bad: Bad, *, metadata: tuple[tuple[str, str], ...] = (), timeout: float = 60) -> Answer:
    """Make a call."""
    path = f"/{bad.method}"
    try:
        if bad.method.endswith("ImportFigures"):
            channel.stream_unary(path, None, None)(iter(bad.raws), timeout=timeout, metadata=metadata)
            return Answer("OK", "", b"")
        raws: list[bytes] = list(
            channel.unary_stream(path, None, None)(bad.raws[0], timeout=timeout, metadata=metadata)
        )
    except grpc.RpcError as failed:
        packed: Any = {item.key: item.value for item in failed.trailing_metadata() or ()}.get(TRAILER)
        text = str(failed.details()).encode()
        if packed is None:
            return Answer(failed.code().name, "", text)
        status = Status.FromString(packed)
        assert (_CODES[status.code], status.message) == (failed.code().name, failed.details())
        return _answer(status, text)
    return (
        _answer(StreamForecastsResponse.FromString(raws[0]).outcomes[0].error, b"")
        if bad.outcome
        else Answer("OK", "", b"")
    )


def as_expected(bad: Bad, answer: Answer) -> bool:
    """Whether the answer is the one that the maker of the call expects."""
    fits = answer.field == bad.field or answer.field.startswith(
        f"{bad.field}."
    )  # a part of a text, such as a name in it
    return answer.code == bad.code and fits


def inside_told(text: bytes, *secrets: str) -> list[str]:
    """What of the inside of the server, or of these secrets, stands in what it told."""
    found = [match.group().decode() for match in _INSIDE.finditer(text)]
    return found + [secret for secret in secrets if secret.encode() in text]


def _answer(status: Status, text: bytes) -> Answer:
    info, fields = ErrorInfo(), BadRequest()
    for detail in status.details:
        _ = detail.Unpack(info) or detail.Unpack(fields)
    code = _CODES[status.code]
    if code == "INVALID_ARGUMENT":
        field = fields.field_violations[0].field if fields.field_violations else ""
    else:
        field = json.loads(info.metadata.get("kind") or info.metadata.get("market") or '""')
    return Answer(code, field, text + status.SerializeToString())
