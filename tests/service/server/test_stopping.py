"""The server as a process of its own, and how it ends."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pytest

from service.client import Client, ServiceUnavailable
from service.server.running import DRAIN_SECONDS
from sharecast.v1.forecast_service_pb2 import BacktestRequest, BacktestResponse, ForecastRequest, ForecastResponse

PROGRAM = """
import asyncio
from service.catalog import Catalog
from service.server import serve
asyncio.run(serve("127.0.0.1:0", Catalog.shipped(), ready=lambda address: print(address, flush=True)))
"""


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    started = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    yield started
    started.kill()
    started.communicate()


def address_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_the_call_in_flight_end_and_then_the_process(
    process: subprocess.Popen[str], number: signal.Signals
) -> None:
    address = address_of(process)
    request = ForecastRequest(market="world-smartphones", house="idc", model="ets", horizon=40)
    with grpc.insecure_channel(address) as channel:
        with Client(address) as client:
            client.list_markets()  # the connection stands
        call = channel.unary_unary(
            "/sharecast.v1.ForecastService/Forecast",
            request_serializer=ForecastRequest.SerializeToString,
            response_deserializer=ForecastResponse.FromString,
        ).future(request, timeout=60)
        time.sleep(0.2)
        assert not call.done()
        process.send_signal(number)
        assert len(call.result().periods) == 40
        assert process.wait(timeout=30) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    with Client(address) as client, pytest.raises(ServiceUnavailable, match="the service is unavailable"):
        client.list_markets()


def test_an_idle_server_stops_at_once(process: subprocess.Popen[str]) -> None:
    address_of(process)
    process.terminate()
    assert process.wait(timeout=DRAIN_SECONDS - 5) == 0  # nothing was in flight to wait for


def test_a_call_that_finds_no_server_is_tried_again() -> None:
    from service.catalog import Catalog
    from service.server import Server

    catalog = Catalog.shipped()
    with Server(catalog) as first:
        address = first.address
    second = Server(catalog, listen=address)
    starting = threading.Timer(0.3, second.start)
    starting.start()
    try:
        with Client(address) as client:
            assert client.list_markets()
    finally:
        starting.join()
        second.stop()


def test_a_second_signal_waits_for_no_call(process: subprocess.Popen[str]) -> None:
    request = BacktestRequest(market="world-smartphones", house="idc", models=["arima", "ets"], origins=40)
    with grpc.insecure_channel(address_of(process)) as channel:
        call: Any = channel.unary_stream(
            "/sharecast.v1.ForecastService/Backtest",
            request_serializer=BacktestRequest.SerializeToString,
            response_deserializer=BacktestResponse.FromString,
        )(request, timeout=120)
        assert next(call).HasField("progress")
        for _ in range(2):  # as timeout(1) does: one word
            process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(1)
        assert next(call).HasField("progress")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        with pytest.raises(grpc.RpcError, match=r"UNAVAILABLE|CANCELLED"):
            list(call)
    assert process.stderr is not None
    assert process.stderr.read() == "told to stop again: calls in flight are cut off\n"
