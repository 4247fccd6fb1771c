"""The server as a process of its own, and how it ends."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any, Self

import grpc
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from service.client import Client, ServiceUnavailable
from service.status import STATUS_TRAILER
from sharecast.v1.forecast_service_pb2 import BacktestRequest, BacktestResponse
from tests.service.server.waiting import PATIENCE

PROGRAM = """
import asyncio
from service.catalog import Catalog
from service.server import serve
ready = lambda address: print(address, flush=True)
asyncio.run(serve("127.0.0.1:0", Catalog.shipped(), ready=ready, drain_seconds=3600, time_limit=3600))
"""
LOGGING = 'import logging; logging.basicConfig(level="INFO", format="%(levelname)s %(message)s")\n'


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


def backtest(channel: grpc.Channel, *, models: list[str], origins: int) -> Any:
    """A call that has begun."""
    call: Any = channel.unary_stream(
        "/sharecast.v1.ForecastService/Backtest",
        request_serializer=BacktestRequest.SerializeToString,
        response_deserializer=BacktestResponse.FromString,
    )(BacktestRequest(market="world-smartphones", house="idc", models=models, origins=origins), timeout=PATIENCE)
    assert next(call).HasField("progress")
    return call


def test_an_interrupt_lets_the_call_in_flight_end_and_then_the_process(process: subprocess.Popen[str]) -> None:
    address = address_of(process)
    with grpc.insecure_channel(address) as channel:
        call = backtest(channel, models=["theta"], origins=5)
        process.send_signal(signal.SIGINT)
        assert [step.WhichOneof("event") for step in call][-1] == "scores"
        assert process.wait(PATIENCE) == 0
    assert process.stderr is not None
    assert process.stderr.read() == ""
    with Client(address) as client, pytest.raises(ServiceUnavailable, match="the service is unavailable"):
        client.list_markets()


def test_those_who_call_without_a_pause_see_nothing_but_unavailable(process: subprocess.Popen[str]) -> None:
    callers, answered = 16, threading.Semaphore(0)
    ended: list[Any] = []

    def call_on(address: str) -> None:
        with grpc.insecure_channel(address, [("grpc.use_local_subchannel_pool", 1)]) as channel:
            ask = channel.unary_unary("/sharecast.v1.ForecastService/ListModels", None, None)
            try:
                while ask(b"", timeout=PATIENCE):
                    answered.release()
            except grpc.RpcError as error:
                ended.append(error)

    address = address_of(process)
    threads = [threading.Thread(target=call_on, args=(address,)) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for _ in range(20 * callers):
        assert answered.acquire(timeout=PATIENCE)
    process.terminate()
    assert process.wait(PATIENCE) == 0
    for thread in threads:
        thread.join()
    assert Counter(error.code() for error in ended) == {grpc.StatusCode.UNAVAILABLE: callers}, ended
    told = [value for error in ended for key, value in error.trailing_metadata() or () if key == STATUS_TRAILER]
    assert told, "all were told by gRPC, none by the server"
    for packed in told:
        status = Status.FromString(packed)
        assert "the server is stopping" in status.message
        assert any(detail.Unpack(RetryInfo()) for detail in status.details)


# Under nohup the tests themselves, and so the server, would begin without ears for it.
HEARING = "import signal; signal.signal(signal.SIGHUP, signal.SIG_DFL)\n"


class Running:
    """A server in a session of its own, and a call in flight.

    Args:
        terminal: Whether a terminal controls it; `close` closes that.
        before: Statements that run first.
    """

    def __init__(self, *, terminal: bool, before: str = "") -> None:
        self._terminal = list(os.openpty()) if terminal else []
        taking = f"import os; os.open({os.ttyname(self._terminal[1])!r}, os.O_RDWR)\n" if terminal else ""
        self.process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", HEARING + taking + before + LOGGING + PROGRAM],
            stdout=subprocess.PIPE,
            stderr=self._terminal[1] if terminal else subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.address = address_of(self.process)

    def call(self, channel: grpc.Channel) -> Any:
        """A backtest that has begun."""
        return backtest(channel, models=["theta"], origins=5)

    def close(self) -> None:
        for descriptor in self._terminal:
            os.close(descriptor)
        self._terminal = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        self.process.kill()
        self.process.communicate()


def test_a_hang_up_without_a_terminal_ends_nothing_and_the_word_to_end_lets_the_call_in_flight_end_first() -> None:
    with Running(terminal=False) as running, grpc.insecure_channel(running.address) as channel:
        call = running.call(channel)
        os.killpg(running.process.pid, signal.SIGHUP)
        assert running.process.stderr is not None
        assert "INFO SIGHUP ends nothing here: certificates and keys" in running.process.stderr.readline()
        with Client(running.address) as client:
            assert client.list_markets()
        running.process.terminate()
        assert [step.WhichOneof("event") for step in call][-1] == "scores"
        assert running.process.wait(PATIENCE) == 0


def test_a_terminal_that_is_closed_lets_the_call_in_flight_end_and_then_the_process() -> None:
    with Running(terminal=True) as running, grpc.insecure_channel(running.address) as channel:
        call = running.call(channel)
        running.close()
        assert [step.WhichOneof("event") for step in call][-1] == "scores"
        assert running.process.wait(PATIENCE) == 0  # though what it says of that reaches nobody


def test_a_hang_up_that_is_ignored_as_under_nohup_stays_so() -> None:
    before = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
    with Running(terminal=True, before=before) as running:
        running.close()
        os.killpg(running.process.pid, signal.SIGHUP)
        with Client(running.address) as client:
            assert client.forecast("cn-cloud", model="ets").periods
        running.process.terminate()
        assert running.process.wait(PATIENCE) == 0  # nothing was in flight, for which it would have waited far longer


def test_a_call_that_finds_no_server_is_tried_again() -> None:
    from service.catalog import Catalog
    from service.server import Server

    catalog = Catalog.shipped()
    with Server(catalog) as first:
        address = first.address

    def answered() -> bool:
        second = Server(catalog, listen=address)
        starting = threading.Timer(0.3, second.start)
        starting.start()
        try:
            with Client(address) as client:
                return bool(client.list_markets())
        except ServiceUnavailable:
            return False
        finally:
            starting.join()
            second.stop()

    assert any(answered() for _ in range(10))  # once, but where the start took longer than a client tries


def test_a_second_signal_waits_for_no_call() -> None:
    with Running(terminal=False) as running, grpc.insecure_channel(running.address) as channel:
        process = running.process
        call = backtest(channel, models=["arima", "ets"], origins=40)
        process.send_signal(signal.SIGSTOP)
        for word in (signal.SIGTERM, signal.SIGINT):  # at once, as timeout(1) says one word twice
            process.send_signal(word)
        process.send_signal(signal.SIGCONT)
        assert process.stderr is not None
        assert next(line for line in process.stderr if "stopping" in line) == (
            "INFO stopping: no new calls; those in flight have 3600 s\n"
        )
        time.sleep(1.0)  # or more: what comes so long after is another word
        assert next(call).HasField("progress")
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        with pytest.raises(grpc.RpcError, match=r"UNAVAILABLE|CANCELLED"):
            list(call)
        assert process.stderr.read() == "WARNING told to stop again: calls in flight are cut off\nINFO stopped\n"
