import logging
import re
from contextlib import ExitStack
from typing import Any

import grpc
import polars as pl
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from forecast.errors import InvalidArgument
from service.catalog import Catalog
from service.client import Client, DeadlineExceeded, InternalError
from service.server import Server
from service.server.front import _SERVICES
from service.server.work import Place
from sharecast.v1.forecast_service_pb2 import ForecastRequest
from tests.service.server.holding import holding
from tests.service.server.waiting import PATIENCE, until

METHODS = [f"/{service.full_name}/{method.name}" for service in _SERVICES for method in service.methods]
FORECAST = "/sharecast.v1.ForecastService/Forecast"


def call(channel: grpc.Channel, method: str, raw: bytes, metadata: tuple[tuple[str, str], ...] = ()) -> grpc.RpcError:
    """Send bytes as they are and return the failed call."""
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(method, None, None)(raw, timeout=PATIENCE, metadata=metadata)
    return caught.value


def trailer(failed: grpc.RpcError, key: str) -> str | bytes:
    return {item.key: item.value for item in failed.trailing_metadata()}[key]


def status_of(failed: grpc.RpcError) -> Status:
    packed = trailer(failed, "grpc-status-details-bin")
    assert isinstance(packed, bytes)
    return Status.FromString(packed)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("raw", [b"\xff", b"\x0a\xff\xff", b"\x0a\x05abc", b"\x08"])
def test_bytes_that_are_no_message_are_the_callers_fault(channel: grpc.Channel, method: str, raw: bytes) -> None:
    failed = call(channel, method, raw)
    assert failed.code() is grpc.StatusCode.INVALID_ARGUMENT
    status = status_of(failed)
    info = ErrorInfo()
    assert status.details[0].Unpack(info)
    assert info.reason == "ERROR_REASON_MALFORMED_REQUEST"


def test_a_name_that_is_no_text_is_the_callers_fault(channel: grpc.Channel) -> None:
    assert call(channel, FORECAST, b"\x0a\x02\xc3\x28").code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_bad_argument_comes_with_the_details_of_aip_193(channel: grpc.Channel) -> None:
    failed = call(channel, FORECAST, ForecastRequest(market="cn-cloud", horizon=41).SerializeToString())
    status = status_of(failed)
    assert (failed.code(), status.code) == (grpc.StatusCode.INVALID_ARGUMENT, 3)
    assert failed.details() == status.message == "horizon is 41; allowed: 1 to 40 quarters"
    info, fields = ErrorInfo(), BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(fields)
    assert (info.domain, dict(info.metadata)["value"]) == ("sharecast.dev", "41")
    assert fields.field_violations[0].field == "horizon"


def test_a_caller_may_name_its_call_but_not_write_into_the_log(channel: grpc.Channel) -> None:
    assert trailer(call(channel, FORECAST, b"", (("x-request-id", "mine-1"),)), "x-request-id") == "mine-1"
    made = trailer(call(channel, FORECAST, b"", (("x-request-id", "a b=c"),)), "x-request-id")
    assert re.fullmatch("[0-9a-f]{32}", str(made))


def test_a_call_that_names_no_market_is_refused(channel: grpc.Channel) -> None:
    assert call(channel, FORECAST, b"").details() == "market is ''; allowed: the name of a market"


def test_an_unforeseen_error_tells_its_request_id_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    broken = Catalog(pl.DataFrame({"market": ["m"], "swordfish": [1]}), pl.DataFrame())
    with caplog.at_level(logging.INFO), Server(broken) as server, Client(server.address) as client:
        with pytest.raises(InternalError, match="report it with the request id") as caught:
            client.list_markets()
        with grpc.insecure_channel(server.address) as channel:
            failed = call(channel, "/sharecast.v1.MarketService/ListMarkets", b"")
    assert failed.code() is grpc.StatusCode.INTERNAL
    assert "swordfish" not in repr((failed.details(), failed.trailing_metadata(), str(caught.value)))
    logged = [record for record in caplog.records if record.exc_info]
    assert caught.value.request_id in logged[0].getMessage()
    assert "swordfish" in caplog.text


def test_a_call_past_the_time_limit_of_the_server_ends(catalog: Catalog) -> None:
    with (
        Server(catalog, time_limit=0.01) as server,
        Client(server.address, timeout=PATIENCE) as client,
        pytest.raises(DeadlineExceeded, match=r"longer than the 0\.01 s it was given"),
    ):
        client.forecast("world-smartphones", model="ets")


def test_a_long_fit_keeps_no_other_call_waiting(server: Server, channel: grpc.Channel, client: Client) -> None:
    request = ForecastRequest(market="world-smartphones", house="idc", model="arima", horizon=40).SerializeToString()
    fit = channel.unary_unary(FORECAST, None, None).future(request, timeout=PATIENCE)
    until(lambda: server._front._work.long.working == 1)
    assert client.list_markets()
    assert not fit.done()
    fit.cancel()  # type: ignore[no-untyped-call]


def test_health_is_told_for_the_server_and_each_service(channel: grpc.Channel) -> None:
    health = HealthStub(channel)  # type: ignore[no-untyped-call]
    for name in ("", "sharecast.v1.ForecastService", "sharecast.v1.MarketService"):
        assert health.Check(HealthCheckRequest(service=name)).status == HealthCheckResponse.SERVING


def test_a_message_over_the_limit_is_refused(channel: grpc.Channel) -> None:
    assert call(channel, FORECAST, bytes(5 * 2**20)).code() is grpc.StatusCode.RESOURCE_EXHAUSTED


@pytest.mark.parametrize("listen", ["taken", "nonsense", "127.0.0.1:99999", "192.0.2.1:0"])
def test_an_address_that_cannot_be_listened_on_is_named(server: Server, catalog: Catalog, listen: str) -> None:
    wanted = server.address if listen == "taken" else listen
    with pytest.raises(InvalidArgument, match=re.escape(f"listen is {wanted!r}; allowed: HOST:PORT")):
        Server(catalog, listen=wanted).start()


def test_a_server_stops_twice_and_stands_still(catalog: Catalog) -> None:
    server = Server(catalog).start()
    server.stop()
    server.stop()
    with grpc.insecure_channel(server.address) as channel:
        assert call(channel, FORECAST, b"").code() is grpc.StatusCode.UNAVAILABLE


def test_a_server_with_too_much_to_do_refuses_at_once_and_says_when_to_come_back(catalog: Catalog) -> None:
    with Server(catalog, places=1, waiting=1) as server, grpc.insecure_channel(server.address) as channel:
        call = channel.unary_unary(FORECAST, None, None)
        raws = [ForecastRequest(market="cn-cloud", model="ets", seed=n).SerializeToString() for n in range(6)]
        with holding(server, server._front._work.long, 1):
            waiting = call.future(raws[0], timeout=PATIENCE)
            until(lambda: server._front._work.long.waiting == 1)
            for raw in raws[1:]:
                with pytest.raises(grpc.RpcError, match="RESOURCE_EXHAUSTED") as caught:
                    call(raw, timeout=PATIENCE)
        failed = caught.value
        retry = RetryInfo()
        assert any(detail.Unpack(retry) for detail in status_of(failed).details)
        assert retry.retry_delay.ToTimedelta().total_seconds() > 0
        assert waiting.result() == call(raws[0], timeout=PATIENCE)


def test_a_deadline_leaves_no_work_behind(catalog: Catalog) -> None:
    with Server(catalog) as server, grpc.insecure_channel(server.address) as channel:
        call = channel.unary_unary(FORECAST, None, None)
        call(ForecastRequest(market="cn-cloud", model="var").SerializeToString(), timeout=PATIENCE)  # workers are up
        raws = [ForecastRequest(market="cn-cloud", model="arima", seed=n).SerializeToString() for n in range(8)]
        late = [call.future(raw, timeout=0.3) for raw in raws]
        assert {fit.code() for fit in late} <= {
            grpc.StatusCode.OK,  # of those that were done in time
            grpc.StatusCode.DEADLINE_EXCEEDED,
            grpc.StatusCode.RESOURCE_EXHAUSTED,
        }
        work = server._front._work
        until(lambda: (work.long.working, work.long.waiting) == (0, 0))
        until(lambda: all(worker.resting for worker in work.workers._all))


def test_a_thousand_callers_of_one_forecast_get_the_same_bytes_for_one_fit(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    fits = []
    real = Place.call

    async def counted(place: Place, function: Any, *arguments: Any) -> Any:
        fits.append(function.__name__)
        return await real(place, function, *arguments)

    monkeypatch.setattr(Place, "call", counted)
    raw = ForecastRequest(market="world-cloud", horizon=11).SerializeToString()
    with Server(catalog) as server, ExitStack() as stack:
        apart = (("grpc.use_local_subchannel_pool", 1),)  # a connection each, which carry 100 calls at once
        channels = [stack.enter_context(grpc.insecure_channel(server.address, options=apart)) for _ in range(20)]
        calls = [channel.unary_unary(FORECAST, None, None) for channel in channels]
        replies = {fit.result() for fit in [calls[n % 20].future(raw, timeout=PATIENCE) for n in range(1000)]}
    assert len(replies) == 1
    assert fits in (["raw_forecast_reply"], ["make_history", "raw_forecast_reply"])


def test_a_request_too_large_for_what_it_asks_is_refused(channel: grpc.Channel) -> None:
    raw = ForecastRequest(market="m" * 70_000).SerializeToString()
    said = "request has more than 65536 bytes beside the data it brings; 65536 at most"
    assert call(channel, FORECAST, raw).details() == said
    many = ForecastRequest(market="cn-cloud", levels=[n / 1001 for n in range(1, 1000)]).SerializeToString()
    assert call(channel, FORECAST, many).details() == "levels are 999; 100 at most"
