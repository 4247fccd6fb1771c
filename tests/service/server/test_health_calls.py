"""Health through a real server, as a balancer or an orchestrator asks it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from service.catalog import Catalog
from service.server import Server
from service.server.reflecting import NAMES
from tests.service.server.waiting import PATIENCE, until

MALFORMED = [b"\xff", b"\x0a\xff\xff", b"\x0a\x05abc", b"\x0a\x02\xc3\x28"]
PLAIN = ["/grpc.health.v1.Health/Check", "/grpc.health.v1.Health/Watch"]


def refused(call: Any) -> tuple[grpc.StatusCode, str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        list(call)
    failed = caught.value
    packed = {item.key: item.value for item in failed.trailing_metadata()}["grpc-status-details-bin"]
    info = ErrorInfo()
    assert Status.FromString(packed).details[0].Unpack(info)
    return failed.code(), str(failed.details()), info.reason


@pytest.mark.parametrize("raw", MALFORMED)
@pytest.mark.parametrize("method", [*PLAIN, *(f"/{name}/ServerReflectionInfo" for name in NAMES)])
def test_bytes_that_are_no_message_are_the_callers_fault_here_too(
    channel: grpc.Channel, method: str, raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    if method in PLAIN:
        call = channel.unary_stream(method, None, None)(raw, timeout=PATIENCE)
    else:
        call = channel.stream_stream(method, None, None)(iter([raw]), timeout=PATIENCE)
    code, text, reason = refused(call)
    assert (code, reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_MALFORMED_REQUEST")
    assert text == "the request is no message of the method's request type"
    assert caplog.records == []


def test_a_service_that_there_is_not_is_not_found_and_its_watch_waits_for_it(channel: grpc.Channel) -> None:
    raw = HealthCheckRequest(service="nobody").SerializeToString()
    code, text, _ = refused(channel.unary_stream(PLAIN[0], None, None)(raw, timeout=PATIENCE))
    assert (code, "service 'nobody' is not known" in text) == (grpc.StatusCode.NOT_FOUND, True)
    watch: Any = channel.unary_stream(PLAIN[1], None, HealthCheckResponse.FromString)(raw, timeout=PATIENCE)
    assert next(watch).status == HealthCheckResponse.SERVICE_UNKNOWN
    watch.cancel()


def test_every_watch_is_told_of_the_end_and_none_holds_it_up(catalog: Catalog) -> None:
    with Server(catalog) as server, grpc.insecure_channel(server.address) as channel, ThreadPoolExecutor(3) as threads:
        stub = HealthStub(channel)  # type: ignore[no-untyped-call]
        watches = [
            stub.Watch(HealthCheckRequest(service=name), timeout=PATIENCE)
            for name in ("", "", "sharecast.v1.JobService")
        ]
        assert [next(watch).status for watch in watches] == [HealthCheckResponse.SERVING] * 3
        watches[0].cancel()  # which the others must not miss
        until(lambda: server._front._health._watches == 2)
        rest = [threads.submit(lambda watch: [found.status for found in watch], watch) for watch in watches[1:]]
        stopping = threading.Thread(target=server.stop, args=(10 * PATIENCE,))
        stopping.start()
        assert [found.result(PATIENCE) for found in rest] == [[HealthCheckResponse.NOT_SERVING]] * 2
        stopping.join(PATIENCE)
        assert not stopping.is_alive()
