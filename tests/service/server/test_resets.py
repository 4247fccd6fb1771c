"""Callers who reset their calls: counted, told, and no others' loss."""

import logging

import grpc
import pytest

from service.catalog import Catalog
from service.server import Server
from service.server.resets import MANY, Resets
from sharecast.v1.forecast_service_pb2 import ForecastRequest
from tests.service.server.holding import holding
from tests.service.server.waiting import PATIENCE, until

FORECAST = "/sharecast.v1.ForecastService/Forecast"


def test_resets_are_counted_and_told_once_where_they_are_many(caplog: pytest.LogCaptureFixture) -> None:
    resets = Resets()
    for _ in range(3 * MANY):
        resets.seen("ipv4:10.0.0.7:1234")
    assert resets.count == 3 * MANY
    (told,) = [record.getMessage() for record in caplog.records]
    assert told == f"{MANY} calls were reset by their callers within a second, most of them by ipv4:10.0.0.7:1234"


def test_few_resets_are_no_matter_for_a_log(caplog: pytest.LogCaptureFixture) -> None:
    resets = Resets()
    resets.seen(count=MANY - 1)
    assert (resets.count, caplog.records) == (MANY - 1, [])


def test_calls_that_are_cancelled_early_are_counted_and_others_are_answered(
    catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    slow = [ForecastRequest(market="cn-cloud", model="arima", seed=n).SerializeToString() for n in range(50)]
    apart = (("grpc.use_local_subchannel_pool", 1),)
    with (
        Server(catalog, places=1) as server,
        grpc.insecure_channel(server.address, options=apart) as one,
        grpc.insecure_channel(server.address, options=apart) as other,
        holding(server, server._front._work.long, 1, tenant="other"),
    ):
        long, resets = server._front._work.long, server._front._resets
        for _ in range(2):
            calls = [one.unary_unary(FORECAST, None, None).future(raw, timeout=PATIENCE) for raw in slow]
            until(lambda: long.working + long.waiting == 1 + len(slow))
            for call in calls:
                call.cancel()  # type: ignore[no-untyped-call]
            until(lambda: long.working + long.waiting == 1)
        until(lambda: resets.count == 2 * len(slow))
        asked = ForecastRequest(market="cn-cloud", horizon=3).SerializeToString()
        assert other.unary_unary(FORECAST, None, None)(asked, timeout=PATIENCE)
        # Of those given up some may have been answered meanwhile, and be kept: this one was not asked before.
        new = ForecastRequest(market="cn-cloud", model="arima", seed=len(slow)).SerializeToString()
        late = one.unary_unary(FORECAST, None, None).future(new, timeout=0.05)
        assert late.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        until(lambda: long.working + long.waiting == 1)
        assert resets.count == 2 * len(slow)  # whose time was over has reset nothing
