"""A tenant that opens as many calls as it can leaves the others theirs."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from service.catalog import Catalog
from service.errors import Overloaded
from service.security import Caller, Guard, Role
from service.security.keys import add_key
from service.server import Server, front, health_calls, open_calls, reflecting, silent
from service.server.open_calls import OpenCalls
from service.store import open_store
from tests.service.server.waiting import PATIENCE, until

REFLECTION = f"/{reflecting.NAMES[0]}/ServerReflectionInfo"
LIST = "/sharecast.v1.ForecastService/ListModels"


@pytest.fixture
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, list[str]]]:
    """A server that asks for a key, and the keys of two tenants."""
    with open_store(str(tmp_path_factory.mktemp("open") / "k.db")) as store:
        keys = [add_key(store.keys, tenant=tenant, role="read", now=datetime.now(UTC))[0] for tenant in ("a", "b")]
        with Server(Catalog.shipped(), guard=Guard(store.keys)) as server:
            yield server, keys


def bearer(key: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {key}"),)


def test_all_bounds_together_leave_room_for_others() -> None:
    held = open_calls.MOST_OF_A_TENANT + health_calls._MOST_WATCHES + len(front._SERVICES) * silent.MOST_SILENT
    assert held <= 0.8 * front._CALLS_AT_ONCE


def test_calls_of_a_tenant_are_counted_until_they_end_however_they_do() -> None:
    found, caller = OpenCalls(), Caller("a", Role.READ)
    with ExitStack() as stack:
        for _ in range(open_calls.MOST_OF_A_TENANT):
            stack.enter_context(found.one_of(caller))
        with pytest.raises(Overloaded, match="call again in 1 s"), found.one_of(caller):
            pass
        with found.one_of(Caller("b", Role.READ)):
            pass
    with pytest.raises(ValueError, match="mine"), found.one_of(caller):
        raise ValueError("mine")
    assert not found._open


def test_who_holds_all_the_calls_it_may_shuts_out_itself_only(
    locked: tuple[Server, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_calls, "MOST_OF_A_TENANT", 20)
    server, (mine, others) = locked
    stop = threading.Event()

    def nothing() -> Iterator[bytes]:
        stop.wait()
        yield from ()

    with grpc.insecure_channel(server.address) as channel:
        calls: list[Any] = [
            channel.stream_stream(REFLECTION, None, None)(nothing(), timeout=PATIENCE, metadata=bearer(mine))
            for _ in range(25)
        ]
        try:
            until(lambda: sum(call.done() for call in calls) >= 5)
            refused = [call for call in calls if call.done()]
            assert [call.code() for call in refused] == [grpc.StatusCode.RESOURCE_EXHAUSTED] * 5
            packed = dict(refused[0].trailing_metadata())["grpc-status-details-bin"]
            assert any(detail.Unpack(RetryInfo()) for detail in Status.FromString(packed).details)
            models = channel.unary_unary(LIST, None, None)
            with pytest.raises(grpc.RpcError, match="RESOURCE_EXHAUSTED"):
                models(b"", metadata=bearer(mine))
            models(b"", metadata=bearer(others))
            raw = HealthCheckRequest().SerializeToString()
            told = channel.unary_unary("/grpc.health.v1.Health/Check", None, HealthCheckResponse.FromString)(raw)
            assert told.status == HealthCheckResponse.SERVING
        finally:
            for call in calls:
                call.cancel()
            stop.set()


def test_a_call_of_reflection_that_asks_nothing_is_ended(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflecting, "_SECONDS", 0.1)
    stop = threading.Event()

    def nothing() -> Iterator[bytes]:
        stop.wait()
        yield from ()

    with grpc.insecure_channel(server.address) as channel:
        call = channel.stream_stream(REFLECTION, None, None)(nothing(), timeout=PATIENCE)
        try:
            assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert "0.1 s" in str(call.details())
        finally:
            stop.set()
