"""Spans on their whole way: a server started as its documentation says, and a receiver of OTLP on the loopback."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from sharecast.v1.forecast_service_pb2 import ForecastRequest, ForecastResponse
from sharecast.v1.forecast_service_pb2_grpc import ForecastServiceStub
from tests.service.server.waiting import PATIENCE

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Receiver:
    """Takes spans as a collector does: POST /v1/traces."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.services: set[str] = set()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["content-length"]))
                if self.path == "/v1/traces":
                    receiver.take(ExportTraceServiceRequest.FromString(raw))
                self.send_response(200)
                self.send_header("content-type", "application/x-protobuf")
                self.end_headers()
                self.wfile.write(ExportTraceServiceResponse().SerializeToString())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def take(self, request: ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            self.services |= {
                each.value.string_value for each in resource.resource.attributes if each.key == "service.name"
            }
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    taking = Receiver()
    yield taking
    taking.stop()


def texts(span: Span) -> dict[str, object]:
    return {
        each.key: each.value.int_value if each.value.HasField("int_value") else each.value.string_value
        for each in span.attributes
    }


def test_the_span_of_a_call_reaches_a_collector_in_the_trace_of_its_caller(tmp_path: Path, receiver: Receiver) -> None:
    programs = Path(sys.executable).parent
    environment = {
        **os.environ,
        "OTEL_SERVICE_NAME": "shares",
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.address,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
    }
    with subprocess.Popen(
        [programs / "opentelemetry-instrument", programs / "sharecast", "serve", "--listen", "127.0.0.1:0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=tmp_path,
        env=environment,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        with grpc.insecure_channel(address) as channel:
            stub = ForecastServiceStub(channel)  # type: ignore[no-untyped-call]
            metadata = (("traceparent", f"00-{TRACE}-{PARENT}-01"), ("x-request-id", "asked-by-a-test"))
            answer: ForecastResponse
            for model in ("auto", "theta"):  # the second one in a worker process
                answer = stub.Forecast(
                    ForecastRequest(market="cn-cloud", model=model), metadata=metadata, timeout=PATIENCE
                )
                assert answer.origin
            with pytest.raises(grpc.RpcError, match="horizon"):
                stub.Forecast(ForecastRequest(market="cn-cloud", horizon=41), timeout=PATIENCE)
        process.send_signal(signal.SIGTERM)  # which sends what has not been sent yet
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors
    assert receiver.services == {"shares"}
    good, slow, wrong = sorted(receiver.spans, key=lambda span: span.start_time_unix_nano)
    for span in (good, slow):
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
        assert span.kind == Span.SPAN_KIND_SERVER
        assert span.name == "sharecast.v1.ForecastService/Forecast"
        assert span.end_time_unix_nano > span.start_time_unix_nano
        assert texts(span) == {
            "rpc.system": "grpc",
            "rpc.service": "sharecast.v1.ForecastService",
            "rpc.method": "Forecast",
            "rpc.grpc.status_code": 0,
            "sharecast.request_id": "asked-by-a-test",
            "sharecast.tenant": texts(span)["sharecast.tenant"],
        }
    assert (wrong.trace_id.hex() == TRACE, wrong.parent_span_id) == (False, b"")
    assert texts(wrong)["rpc.grpc.status_code"] == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert wrong.status.code == Status.STATUS_CODE_UNSET  # what a caller does wrong is no fault of the server
    assert '"exception"' not in errors
