"""Health and reflection of a real server: in its metrics, and in its log where they fail or at level debug."""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.catalog import Catalog
from service.cli.serve import _metrics
from service.observe import Observer, observed, observed_stream
from service.observe.log import CallLog
from service.observe.tracing import Spans
from service.security import Guard
from service.security.keys import add_key
from service.server import Server
from service.settings import ServeSettings
from service.store import open_store
from tests.service.server.waiting import PATIENCE, until

HEALTH, REFLECTION = "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"


class Seen:
    """What an observer has told on."""

    def __init__(self, level: int) -> None:
        self.stream, self.metrics = io.StringIO(), _metrics(ServeSettings())
        self.observer = Observer(log=CallLog(self.stream, level, json_lines=True), metrics=self.metrics)

    def lines(self) -> list[tuple[str, str, str]]:
        """Level, method and code of each line of the log."""
        found = map(json.loads, self.stream.getvalue().splitlines())
        return [(line["level"], line["method"].rpartition("/")[2], line["code"]) for line in found]

    def calls(self, service: str, method: str, code: str) -> float:
        """How many calls have ended so."""
        labels = {"grpc_service": service, "grpc_method": method, "grpc_code": code}
        kinds = ("unary", "server_stream", "bidi_stream")
        found = (
            self.metrics.registry.get_sample_value("grpc_server_handled_total", {**labels, "grpc_type": kind})
            for kind in kinds
        )
        return next(value for value in found if value is not None)

    def wait_for(self, service: str, method: str, code: str, number: float) -> None:
        """The server tells of a call after its caller has the answer."""
        until(lambda: self.calls(service, method, code) == number)


def reflect(channel: grpc.Channel, *, key: str | None = None) -> ServerReflectionResponse:
    ask = channel.stream_stream(
        f"/{REFLECTION}/ServerReflectionInfo",
        request_serializer=ServerReflectionRequest.SerializeToString,
        response_deserializer=ServerReflectionResponse.FromString,
    )
    metadata = () if key is None else (("authorization", f"Bearer {key}"),)
    found: ServerReflectionResponse
    (found,) = ask(iter([ServerReflectionRequest(list_services="")]), metadata=metadata, timeout=PATIENCE)
    return found


def probe(address: str) -> None:
    """Health as a load balancer asks for it, and as one does that was set up wrongly; reflection as a tool asks."""
    with grpc.insecure_channel(address) as channel:
        health = HealthStub(channel)  # type: ignore[no-untyped-call]
        for _ in range(3):
            assert health.Check(HealthCheckRequest(), timeout=PATIENCE).status == HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError, match="NOT_FOUND"):
            health.Check(HealthCheckRequest(service="nothing"), timeout=PATIENCE)
        watch = health.Watch(HealthCheckRequest(), timeout=PATIENCE)
        assert next(watch).status == HealthCheckResponse.SERVING
        watch.cancel()
        assert reflect(channel).list_services_response.service


@pytest.mark.parametrize("level", ["debug", "info"])
def test_probes_are_counted_and_the_log_tells_those_that_went_well_at_debug_alone(catalog: Catalog, level: str) -> None:
    seen = Seen(logging.getLevelNamesMapping()[level.upper()])
    with Server(catalog, observer=seen.observer) as server:
        probe(server.address)
        for service, method, code, number in (
            (HEALTH, "Check", "OK", 3),
            (HEALTH, "Check", "NotFound", 1),
            (HEALTH, "Watch", "Canceled", 1),
            (REFLECTION, "ServerReflectionInfo", "OK", 1),
        ):
            seen.wait_for(service, method, code, number)
    failed = [("info", "Check", "NOT_FOUND")]
    quiet = [("debug", "Check", "OK")] * 3 + [
        ("debug", "ServerReflectionInfo", "OK"),
        ("debug", "Watch", "CANCELLED"),
    ]
    assert sorted(seen.lines()) == sorted(failed if level == "info" else failed + quiet)
    labels = {"grpc_service": REFLECTION, "grpc_method": "ServerReflectionInfo", "grpc_type": "bidi_stream"}
    for way in ("received", "sent"):
        assert seen.metrics.registry.get_sample_value(f"grpc_server_msg_{way}_total", labels) == 1


def test_reflection_that_is_refused_is_told_like_any_other_call(catalog: Catalog, tmp_path: Path) -> None:
    seen = Seen(logging.INFO)
    with open_store(str(tmp_path / "kept.db")) as store:
        key, _ = add_key(store.keys, tenant="a", role="read", now=datetime.now(UTC))
        with (
            Server(catalog, guard=Guard(store.keys), observer=seen.observer) as server,
            grpc.insecure_channel(server.address) as channel,
        ):
            with pytest.raises(grpc.RpcError, match="UNAUTHENTICATED"):
                reflect(channel)
            assert reflect(channel, key=key).list_services_response.service
            seen.wait_for(REFLECTION, "ServerReflectionInfo", "OK", 1)
    assert seen.lines() == [("info", "ServerReflectionInfo", "UNAUTHENTICATED")]


def test_no_span_is_made_of_a_probe() -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    observer = Observer(spans=Spans(provider))
    observer.finished(f"/{HEALTH}/Check", grpc.StatusCode.OK, 0.1, "", None)
    observer.finished("/sharecast.v1.MarketService/ListMarkets", grpc.StatusCode.OK, 0.1, "", None)
    assert [span.name for span in exporter.get_finished_spans()] == ["sharecast.v1.MarketService/ListMarkets"]


class Telling(Observer):
    """Keeps methods and codes."""

    def __init__(self) -> None:
        super().__init__()
        self.ended: list[tuple[str, grpc.StatusCode]] = []

    def finished(self, method: str, code: grpc.StatusCode, *_: Any, **__: Any) -> None:
        self.ended.append((method, code))


class Context:
    """Of a method that is called here."""

    def code(self) -> int:
        return 0

    def peer(self) -> str:
        return "ipv4:127.0.0.1:1"


async def _fails(request: bytes, context: object) -> bytes:
    raise RuntimeError("unforeseen")


async def _fails_late(request: bytes, context: object) -> AsyncIterator[bytes]:
    yield b"1"
    raise RuntimeError("unforeseen")


def test_a_probe_that_fails_in_an_unforeseen_way_is_unknown_as_its_caller_sees_it() -> None:
    observer = Telling()

    async def call() -> None:
        with pytest.raises(RuntimeError, match="unforeseen"):
            await observed(observer, "/grpc.a/B", _fails)(b"", Context())
        with pytest.raises(RuntimeError, match="unforeseen"):
            async for _ in observed_stream(observer, "/grpc.a/C", _fails_late)(b"", Context()):
                pass

    asyncio.run(call())
    assert observer.ended == [("/grpc.a/B", grpc.StatusCode.UNKNOWN), ("/grpc.a/C", grpc.StatusCode.UNKNOWN)]
