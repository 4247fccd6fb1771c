"""Too many calls, floods, connections that say nothing: what others notice of them. tests/bench measures how much."""

import gc
import random
import socket
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

import service.server.front
from forecast.errors import SharecastError
from service.catalog import Catalog
from service.client import Client, DeadlineExceeded, InvalidArgument, Overloaded
from service.security import Caller, Guard, Role
from service.server import Server
from sharecast.v1.forecast_service_pb2 import BacktestRequest, ForecastRequest
from tests.service.server.holding import holding
from tests.service.server.waiting import PATIENCE, until

FORECAST = "/sharecast.v1.ForecastService/Forecast"
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HELLO = bytes.fromhex("160301020001")  # the begin of a TLS handshake


class ByName(Guard):
    """Takes the tenant from the metadata."""

    async def admit(self, method: str, metadata: Sequence[tuple[str, str | bytes]], peer: str) -> Caller:
        del method, peer
        return Caller(str(dict(metadata).get("tenant", "")), Role.ADMIN)


def begun(server: Server, call: Any) -> bool:
    return bool(server._front._replies._flights) or bool(call.done())


def all_up(server: Server) -> bool:
    workers = server._front._work.workers
    return len(workers.pids) == sum(workers._sizes.values())


@pytest.mark.parametrize("model", ["var", "auto"])
def test_a_flood_by_one_tenant_costs_another_no_call_and_no_place_in_a_queue(catalog: Catalog, model: str) -> None:
    with (
        Server(catalog, guard=ByName(), places=1, waiting=8) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        until(lambda: all_up(server))
        call = channel.unary_unary(FORECAST, None, None)

        def ask(tenant: str, seed: int) -> None:
            raw = ForecastRequest(market="cn-cloud", model=model, seed=seed).SerializeToString()
            call(raw, timeout=PATIENCE, metadata=(("tenant", tenant),))

        work = server._front._work
        with holding(server, work.short if model == "auto" else work.long, 1 + 8, tenant="flood"):
            for seed in range(10):
                with pytest.raises(grpc.RpcError, match="RESOURCE_EXHAUSTED"):
                    ask("flood", seed)
                ask("quiet", seed)  # raises where it is refused, and in turn would wait for the eight in the queue


def test_far_too_many_calls_are_refused_while_health_says_serving_and_leave_nothing(catalog: Catalog) -> None:
    with Server(catalog, places=1, waiting=4) as server, grpc.insecure_channel(server.address) as channel:
        call = channel.unary_unary(FORECAST, None, None)
        raws = [ForecastRequest(market="cn-cloud", model="theta", seed=n).SerializeToString() for n in range(300)]
        asked = [call.future(raw, timeout=PATIENCE) for raw in raws]
        health = HealthStub(channel).Check(HealthCheckRequest(), timeout=PATIENCE)  # type: ignore[no-untyped-call]
        assert health.status == HealthCheckResponse.SERVING
        codes = Counter(one.code().name for one in asked if one.exception() is None or one.code())
        assert set(codes) == {"OK", "RESOURCE_EXHAUSTED"}
        assert codes["OK"] >= 1 + 4
        work = server._front._work
        for admission in (work.quick, work.short, work.long):
            assert (admission.working, admission.waiting) == (0, 0)


def test_short_work_does_not_wait_for_long_work_of_the_same_tenant(catalog: Catalog) -> None:
    with Server(catalog, places=1) as server, grpc.insecure_channel(server.address) as channel:
        until(lambda: all_up(server))
        call = channel.unary_unary(FORECAST, None, None)
        slow = [
            call.future(ForecastRequest(market="cn-cloud", model="arima", seed=n).SerializeToString(), timeout=PATIENCE)
            for n in range(4)
        ]
        until(lambda: server._front._work.long.waiting == 3)
        call(ForecastRequest(market="cn-cloud", seed=99).SerializeToString(), timeout=PATIENCE)
        assert not slow[-1].done()
        for one in slow:
            one.cancel()  # type: ignore[no-untyped-call]


def test_who_waits_for_a_forecast_waits_in_one_queue_and_so_is_refused_at_once_or_not_at_all(catalog: Catalog) -> None:
    with (
        Server(catalog, places=1, waiting=1) as server,
        grpc.insecure_channel(server.address) as channel,
        holding(server, server._front._work.quick, 2),  # the place at the threads, and the one in the queue before it
    ):
        with pytest.raises(grpc.RpcError, match="RESOURCE_EXHAUSTED"):
            channel.unary_unary("/sharecast.v1.MarketService/ListMarkets", None, None)(b"", timeout=PATIENCE)
        for model in ("auto", "ets"):
            raw = ForecastRequest(market="cn-cloud", model=model, seed=7).SerializeToString()
            assert channel.unary_unary(FORECAST, None, None)(raw, timeout=PATIENCE)
        backtest = BacktestRequest(market="cn-cloud", models=["naive"], origins=2).SerializeToString()
        stream = channel.unary_stream(FORECAST.replace("/Forecast", "/Backtest"), None, None)
        assert list(stream(backtest, timeout=PATIENCE))


def test_who_asks_what_is_being_made_for_others_is_not_refused_however_many_wait(catalog: Catalog) -> None:
    with Server(catalog, places=1, waiting=1) as server, grpc.insecure_channel(server.address) as channel:
        call, work = channel.unary_unary(FORECAST, None, None), server._front._work
        raws = [ForecastRequest(market="cn-cloud", model="ets", seed=n).SerializeToString() for n in range(2)]
        with holding(server, work.long, 1):
            first = call.future(raws[0], timeout=PATIENCE)
            until(lambda: work.long.waiting == 1)
            with pytest.raises(grpc.RpcError, match="RESOURCE_EXHAUSTED"):
                call(raws[1], timeout=PATIENCE)
            again = [call.future(raws[0], timeout=PATIENCE) for _ in range(5)]
            until(lambda: server._front._replies.shared == 5)
        assert {one.result() for one in again} == {first.result()}


def test_a_forecast_is_made_before_the_processes_for_it_are_up(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.server.workers.Workers.start", lambda _: None)
    with Server(catalog) as server, Client(server.address) as client:
        made = client.forecast("cn-cloud", seed=5)
    with Server(catalog) as server, Client(server.address) as client:
        assert client.forecast("cn-cloud", seed=5) == made


@pytest.fixture
def hasty(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A server that gives a handshake half a second."""
    options = dict(service.server.front._OPTIONS)
    assert options["grpc.server_handshake_timeout_ms"] == 5_000
    options["grpc.server_handshake_timeout_ms"] = 500
    monkeypatch.setattr(service.server.front, "_OPTIONS", tuple(options.items()))
    with Server(catalog) as server:
        yield server


def test_connections_that_say_nothing_or_nonsense_are_closed_and_calls_go_on(hasty: Server) -> None:
    rng = random.Random(0)
    first = (b"", PREFACE[:9], PREFACE, rng.randbytes(90), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", HELLO)
    host, _, port = hasty.address.rpartition(":")
    opened = [socket.create_connection((host, int(port)), timeout=PATIENCE) for _ in range(120)]
    with Client(hasty.address) as client:
        for number, one in enumerate(opened):
            one.sendall(first[number % len(first)])
        assert client.list_markets()
        for one in opened:
            with one:
                try:
                    while one.recv(4096):  # what the server says before it closes
                        pass
                except ConnectionResetError:
                    pass
        assert client.list_markets()
    with Client(hasty.address) as client:
        assert client.list_markets()


def test_calls_of_every_fate_leave_no_file_no_task_and_no_dead_process(catalog: Catalog) -> None:
    seeds = count(10_000)

    def some(server: Server) -> None:
        with Client(server.address) as client, grpc.insecure_channel(server.address) as channel:
            for _ in range(2):
                client.forecast("cn-cloud")
                client.forecast("cn-cloud", seed=next(seeds))
                client.forecast("cn-cloud", model="var", seed=next(seeds))
                assert len(list(client.stream_forecasts(["cn-cloud", "world-cloud"], seed=next(seeds)))) == 2
                with pytest.raises(InvalidArgument, match="horizon is 41"):
                    client.forecast("cn-cloud", horizon=41)
                with pytest.raises((DeadlineExceeded, Overloaded), match=r"the server|the call"):
                    client.forecast("cn-cloud", model="arima", seed=next(seeds), timeout=0.05)
                raw = ForecastRequest(market="cn-cloud", model="ets", seed=next(seeds)).SerializeToString()
                gone = channel.unary_unary(FORECAST, None, None).future(raw, timeout=PATIENCE)
                until(partial(begun, server, gone))
                gone.cancel()  # type: ignore[no-untyped-call]
                for _ in client.backtest("cn-cloud", origins=2, models=("naive",)):
                    break

    def files() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    def at_rest(server: Server) -> bool:
        work = server._front._work
        idle = all((each.working, each.waiting) == (0, 0) for each in (work.quick, work.short, work.long))
        return idle and all_up(server) and all(worker.resting for worker in work.workers._all)

    with Server(catalog) as server:
        some(server)
        until(lambda: at_rest(server))
        held, flights = files(), server._front._replies._flights
        for _ in range(2):
            some(server)
        until(lambda: at_rest(server) and files() <= held)
        assert not flights
        found = server._front._work.workers
        assert found._first is not None and found._rest is not None
        pids = [nursery._process.pid for nursery in (found._first, found._rest)]
        until(lambda: sorted(child for pid in pids for child in _children(pid)) == sorted(found.pids))


def test_a_refused_call_is_forgotten_without_a_collection(catalog: Catalog) -> None:
    with Server(catalog, places=1, waiting=1) as server, Client(server.address) as client:
        gc.collect()
        gc.disable()
        try:
            for _ in range(20):
                with pytest.raises(InvalidArgument, match="horizon is 41"):
                    client.forecast("cn-cloud", horizon=41)
            with grpc.insecure_channel(server.address) as channel:
                call = channel.unary_unary(FORECAST, None, None)
                raws = [ForecastRequest(market="cn-cloud", model="ets", seed=n).SerializeToString() for n in range(8)]
                with holding(server, server._front._work.long, 2):
                    asked = [call.future(raw, timeout=PATIENCE) for raw in raws]
                    assert all(isinstance(one.exception(), grpc.RpcError) for one in asked)
            until(lambda: not _kept())
        finally:
            gc.enable()


def _kept() -> list[SharecastError]:
    """Errors whose traceback leads to the wrapper of calls, which no running call holds."""
    found = []
    for error in gc.get_objects():
        if issubclass(type(error), SharecastError):  # asked itself, a dead proxy among them raises
            trace = error.__traceback__
            while trace is not None:
                if trace.tb_frame.f_code.co_filename.endswith("server/calls.py"):
                    found.append(error)
                    break
                trace = trace.tb_next
    return found


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]
