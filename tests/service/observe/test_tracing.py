import subprocess
import sys

import grpc
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from service.observe import Observer, spans_if_installed
from service.security import Caller, Role

FORECAST = "/sharecast.v1.ForecastService/Forecast"
PARENT = ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")


def test_a_call_becomes_a_span_below_its_callers_once_an_sdk_is_set_up() -> None:
    observer = Observer(spans=spans_if_installed())
    observer.finished(FORECAST, grpc.StatusCode.OK, 0.25, "id-0", None)
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    caller = Caller("team-a", Role.READ, "k")
    metadata = (PARENT, ("authorization", "Bearer swordfish"))
    observer.finished(FORECAST, grpc.StatusCode.OK, 0.25, "id-1", caller, metadata=metadata)
    observer.finished(FORECAST, grpc.StatusCode.NOT_FOUND, 0.1, "id-2", None)
    observer.finished(FORECAST, grpc.StatusCode.INTERNAL, 0.1, "id-3", None)
    good, wrong, broken = exporter.get_finished_spans()
    assert good.name == "sharecast.v1.ForecastService/Forecast"
    assert good.kind is trace.SpanKind.SERVER
    assert good.parent is not None
    assert good.parent.span_id == 0xB7AD6B7169203331
    assert good.context.trace_id == 0x0AF7651916CD43DD8448EB211C80319C
    assert good.end_time is not None
    assert good.start_time is not None
    assert good.end_time - good.start_time == 250_000_000
    assert dict(good.attributes or {}) == {
        "rpc.system": "grpc",
        "rpc.service": "sharecast.v1.ForecastService",
        "rpc.method": "Forecast",
        "rpc.grpc.status_code": 0,
        "sharecast.request_id": "id-1",
        "sharecast.tenant": "team-a",
    }
    assert "swordfish" not in good.to_json()
    assert wrong.parent is None
    assert not wrong.status.is_ok or wrong.status.status_code is trace.StatusCode.UNSET
    assert broken.status.status_code is trace.StatusCode.ERROR


def test_without_the_extra_there_are_no_spans_and_nothing_fails() -> None:
    program = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from service.observe import spans_if_installed; print(spans_if_installed())"
    )
    found = subprocess.run([sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False)
    assert (found.stdout, found.stderr) == ("None\n", "")
