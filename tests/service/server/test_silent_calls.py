"""Calls that never say what they ask."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import grpc
import pytest

from service.catalog import Catalog
from service.client import Client
from service.observe import Observer
from service.observe.metrics import Metrics
from service.security import Guard
from service.server import Server, health_calls, silent
from service.server.front import _SERVICES
from service.store import open_store
from tests.service.server.waiting import PATIENCE, until

METHODS = ("sharecast.v1.ForecastService/Forecast", "sharecast.v1.ForecastService/StreamForecasts")
CHECK, WATCH = ("grpc.health.v1.Health/Check", "grpc.health.v1.Health/Watch")


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks for a key."""
    with (
        open_store(str(tmp_path_factory.mktemp("silent") / "k.db")) as store,
        Server(Catalog.shipped(), guard=Guard(store.keys)) as server,
    ):
        yield server


def begun(channel: grpc.Channel, method: str, stop: threading.Event) -> "grpc.Call":
    """A call whose request does not come before `stop` is set."""

    def nothing() -> Iterator[bytes]:
        stop.wait()
        yield from ()

    return channel.stream_stream(f"/{method}", None, None)(nothing(), timeout=PATIENCE)


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No call may be silent before anyone has looked at it."""
    monkeypatch.setattr(silent, "MOST_SILENT", 0)


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("method", METHODS)
def test_who_has_no_key_is_refused_before_the_request_is_there(locked: Server, method: str) -> None:
    stop = threading.Event()
    with grpc.insecure_channel(locked.address) as channel:
        call = begun(channel, method, stop)
        try:
            assert call.code() is grpc.StatusCode.UNAUTHENTICATED
        finally:
            stop.set()


@pytest.mark.usefixtures("guarded")
@pytest.mark.parametrize("method", (*METHODS, CHECK, WATCH))
def test_a_call_that_ends_its_requests_without_one_is_told_so(server: Server, method: str) -> None:
    stop = threading.Event()
    stop.set()
    with grpc.insecure_channel(server.address) as channel:
        assert begun(channel, method, stop).code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize("method", (CHECK, WATCH))
def test_a_probe_has_little_time_to_say_what_it_asks(
    server: Server, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health_calls, "_REQUEST_SECONDS", 0.1)
    stop = threading.Event()
    with grpc.insecure_channel(server.address) as channel:
        call = begun(channel, method, stop)
        try:
            assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert "0.1 s" in str(call.details())  # the server's word, not the caller's own deadline
        finally:
            stop.set()


def test_a_call_that_may_take_hours_has_little_time_for_its_request(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.server.calls.REQUEST_SECONDS", 0.1)
    stop = threading.Event()
    with grpc.insecure_channel(server.address) as channel:
        call = begun(channel, "sharecast.v1.JobService/WatchForecastJob", stop)
        try:
            assert call.code() is grpc.StatusCode.DEADLINE_EXCEEDED
            assert "0.1 s" in str(call.details())
        finally:
            stop.set()


def refused(calls: list[Any], number: int) -> bool:
    return sum(call.code() is not None for call in calls if call.done()) >= number


def test_few_calls_of_the_fast_way_stay_silent_and_more_come_back_once_those_have_gone(
    locked: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(silent, "MOST_SILENT", 5)
    for _ in range(2):
        stop = threading.Event()
        with ExitStack() as stack:
            channels = [stack.enter_context(grpc.insecure_channel(locked.address)) for _ in range(3)]
            calls: list[Any] = [begun(channels[number % 3], METHODS[0], stop) for number in range(30)]
            try:
                until(partial(refused, calls, 25))
                assert sum(call.done() for call in calls) == 25
                assert {call.code() for call in calls if call.done()} == {grpc.StatusCode.UNAUTHENTICATED}
            finally:
                for call in calls:
                    call.cancel()
                stop.set()


@pytest.mark.parametrize("most", (0, 100))
def test_either_way_gives_the_same_answer_and_tells_the_same_of_it(catalog: Catalog, most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(silent, "MOST_SILENT", most)
        metrics = Metrics(_SERVICES)
        with Server(catalog, observer=Observer(metrics=metrics)) as server, Client(server.address) as client:
            assert client.forecast("cn-cloud").providers
        labels = {
            "grpc_type": "unary",
            "grpc_service": "sharecast.v1.ForecastService",
            "grpc_method": "Forecast",
        }
        for way in ("received", "sent"):
            assert metrics.registry.get_sample_value(f"grpc_server_msg_{way}_total", labels) == 1
