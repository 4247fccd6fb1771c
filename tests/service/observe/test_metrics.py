import socket
import struct
import threading
import urllib.request

import grpc
import pytest
from prometheus_client import CollectorRegistry

from forecast.errors import InvalidArgument
from service.observe import Observer, Reading
from service.observe.metrics import Metrics, MetricsServer, _Handler
from sharecast.v1 import forecast_service_pb2, market_service_pb2
from tests.service.server.waiting import PATIENCE, until

SERVICES = (
    forecast_service_pb2.DESCRIPTOR.services_by_name["ForecastService"],
    market_service_pb2.DESCRIPTOR.services_by_name["MarketService"],
)
FORECAST, BACKTEST = (f"/sharecast.v1.ForecastService/{name}" for name in ("Forecast", "Backtest"))
IMPORT = "/sharecast.v1.MarketService/ImportFigures"


def labels(method: str, kind: str, **more: str) -> dict[str, str]:
    _, service, name = method.split("/")
    return {"grpc_type": kind, "grpc_service": service, "grpc_method": name, **more}


def value(registry: CollectorRegistry, name: str, **wanted: str) -> float | None:
    return registry.get_sample_value(name, wanted)


def test_calls_are_counted_under_the_names_of_go_grpc_prometheus() -> None:
    metrics = Metrics(SERVICES)
    observer = Observer(metrics=metrics)
    for code in (grpc.StatusCode.OK, grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT):
        observer.started(FORECAST, "id")
        observer.finished(FORECAST, code, 0.004, "id", None)
    observer.started(FORECAST, "id")
    of, read = labels(FORECAST, "unary"), metrics.registry
    assert value(read, "grpc_server_started_total", **of) == 4
    assert value(read, "grpc_server_msg_received_total", **of) == 4
    assert value(read, "grpc_server_msg_sent_total", **of) == 2
    assert value(read, "grpc_server_handled_total", **of, grpc_code="OK") == 2
    assert value(read, "grpc_server_handled_total", **of, grpc_code="InvalidArgument") == 1
    assert value(read, "grpc_server_handling_seconds_count", **of) == 3
    assert value(read, "grpc_server_handling_seconds_sum", **of) == pytest.approx(0.012)
    assert value(read, "grpc_server_handling_seconds_bucket", **of, le="0.0025") == 0
    assert value(read, "grpc_server_handling_seconds_bucket", **of, le="0.005") == 3


def test_messages_of_streams_are_counted_as_they_are_told() -> None:
    metrics = Metrics(SERVICES)
    observer = Observer(metrics=metrics)
    for method in (BACKTEST, IMPORT, FORECAST):
        observer.started(method, "id")
        observer.received(method, 3)
        observer.sent(method, 5)
        observer.finished(method, grpc.StatusCode.OK, 1, "id", None)
    found = {
        method: tuple(
            value(metrics.registry, f"grpc_server_msg_{way}_total", **labels(method, kind))
            for way in ("received", "sent")
        )
        for method, kind in ((BACKTEST, "server_stream"), (IMPORT, "client_stream"), (FORECAST, "unary"))
    }
    assert found == {BACKTEST: (1, 5), IMPORT: (3, 1), FORECAST: (1, 1)}


def test_every_method_and_code_is_told_from_zero_on() -> None:
    metrics = Metrics(SERVICES)
    told = {
        (sample.labels["grpc_method"], sample.labels["grpc_code"])
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "grpc_server_handled_total"
    }
    methods = [method.name for service in SERVICES for method in service.methods]
    assert len(told) == len(methods) * len(grpc.StatusCode)
    assert {code for _, code in told} >= {"OK", "Canceled", "ResourceExhausted", "Internal"}


def test_a_method_that_is_not_of_the_api_is_not_counted() -> None:
    metrics = Metrics(SERVICES)
    Observer(metrics=metrics).finished("/a.b/C", grpc.StatusCode.OK, 1, "id", None)
    assert value(metrics.registry, "grpc_server_handled_total", **labels("/a.b/C", "unary"), grpc_code="OK") is None


def test_numbers_that_others_keep_are_read_when_asked_for() -> None:
    metrics, state = Metrics(SERVICES), [2.0]
    metrics.watch(
        lambda: (
            Reading("sharecast_queue", "Waiting.", state[0], labels=(("tenant", "a"),)),
            Reading("sharecast_queue", "Waiting.", 7, labels=(("tenant", "b"),)),
            Reading("sharecast_hits", "Hits.", 9, counter=True),
        )
    )
    state[0] = 5.0
    assert value(metrics.registry, "sharecast_queue", tenant="a") == 5
    assert value(metrics.registry, "sharecast_queue", tenant="b") == 7
    assert value(metrics.registry, "sharecast_hits_total") == 9


def test_prometheus_reads_them_over_http_until_stopped() -> None:
    metrics = Metrics(SERVICES)
    server = MetricsServer(metrics, "127.0.0.1:0")
    url = f"http://{server.address}/metrics"
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        text = answer.read().decode()
    server.stop()
    assert "sharecast_build_info{version=" in text
    assert "process_open_fds" in text
    assert "_created" not in text
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(url, timeout=PATIENCE)


@pytest.mark.parametrize("listen", ["", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000", "192.0.2.1:0", "taken"])
def test_an_address_that_cannot_be_listened_on_is_named(listen: str) -> None:
    server = MetricsServer(Metrics(SERVICES), "127.0.0.1:0")
    try:
        with pytest.raises(InvalidArgument, match=r"metrics is .*; allowed: HOST:PORT of this machine"):
            MetricsServer(Metrics(SERVICES), server.address if listen == "taken" else listen)
    finally:
        server.stop()


def test_who_says_nothing_or_goes_with_a_reset_is_let_go_in_silence(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert _Handler.timeout == 5.0
    monkeypatch.setattr(_Handler, "timeout", 0.1)
    server = MetricsServer(Metrics(SERVICES), "127.0.0.1:0")
    host, _, port = server.address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), timeout=PATIENCE) as silent:
            assert silent.recv(1) == b""  # closed by the server
        for said in (b"", b"GET /met", b"GET /metrics HTTP/1.1\r\n\r\n"):
            with socket.create_connection((host, int(port)), timeout=PATIENCE) as rude:
                rude.sendall(said)
                rude.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        with urllib.request.urlopen(f"http://{server.address}/metrics", timeout=PATIENCE) as answer:
            assert answer.status == 200
        until(lambda: not any("process_request_thread" in thread.name for thread in threading.enumerate()))
    finally:
        server.stop()
    assert "Traceback" not in capfd.readouterr().err
