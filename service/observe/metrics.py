"""Numbers for Prometheus, under the names that go-grpc-prometheus made usual, so that its boards fit."""

import logging
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final
from wsgiref.simple_server import WSGIRequestHandler

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    disable_created_metrics,
    make_wsgi_app,
    start_http_server,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from forecast.errors import InvalidArgument
from service.observe.reading import Reading

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

_LABELS: Final = ("grpc_type", "grpc_service", "grpc_method")
_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 120, 600)
_CODES: Final = {
    code: "OK" if code is grpc.StatusCode.OK else code.name.title().replace("_", "") for code in grpc.StatusCode
} | {grpc.StatusCode.CANCELLED: "Canceled"}  # as Go writes them
_LARGEST_PORT = 65535


@dataclass(frozen=True, slots=True)
class _Method:
    started: Counter
    received: Counter
    sent: Counter
    seconds: Histogram
    handled: Mapping[grpc.StatusCode, Counter]
    one_request: bool
    one_response: bool


class Metrics:
    """Counts calls.

    Args:
        services: Whose methods are counted, from zero on, so that the first error of a kind is seen as a rise.
        under_other_names: The same for services that are called under a name that is not their own.
    """

    def __init__(
        self, services: Iterable[ServiceDescriptor], *, under_other_names: Mapping[str, ServiceDescriptor] | None = None
    ) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody reads
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        started = Counter("grpc_server_started_total", "Calls begun.", _LABELS, registry=self.registry)
        handled = Counter(
            "grpc_server_handled_total", "Calls ended, by code.", (*_LABELS, "grpc_code"), registry=self.registry
        )
        received = Counter("grpc_server_msg_received_total", "Messages received.", _LABELS, registry=self.registry)
        sent = Counter("grpc_server_msg_sent_total", "Messages sent.", _LABELS, registry=self.registry)
        seconds = Histogram(
            "grpc_server_handling_seconds", "Time calls took.", _LABELS, buckets=_BUCKETS, registry=self.registry
        )
        build = Gauge("sharecast_build_info", "Which version runs; always 1.", ("version",), registry=self.registry)
        build.labels(version("sharecast")).set(1)
        self.serving = Gauge(
            "sharecast_serving", "1 while health says SERVING, else 0.", registry=self.registry
        )  # set by whoever tells health
        self._methods: dict[str, _Method] = {}
        named = {service.full_name: service for service in services} | dict(under_other_names or {})
        for name, service in named.items():
            for method in service.methods:
                labels = (_kind(method.client_streaming, method.server_streaming), name, method.name)
                self._methods[f"/{name}/{method.name}"] = _Method(
                    started=started.labels(*labels),
                    received=received.labels(*labels),
                    sent=sent.labels(*labels),
                    seconds=seconds.labels(*labels),
                    handled={code: handled.labels(*labels, text) for code, text in _CODES.items()},
                    one_request=not method.client_streaming,
                    one_response=not method.server_streaming,
                )

    def started(self, method: str) -> None:
        """A call has come."""
        if found := self._methods.get(method):
            found.started.inc()
            if found.one_request:
                found.received.inc()

    def received(self, method: str, messages: int) -> None:
        """Messages of a stream of requests have come."""
        if (found := self._methods.get(method)) and not found.one_request:
            found.received.inc(messages)

    def sent(self, method: str, messages: int) -> None:
        """Messages of a stream of responses have left."""
        if (found := self._methods.get(method)) and not found.one_response:
            found.sent.inc(messages)

    def finished(self, method: str, code: grpc.StatusCode, seconds: float) -> None:
        """A call has ended."""
        if found := self._methods.get(method):
            found.handled[code].inc()
            found.seconds.observe(seconds)
            if found.one_response and code is grpc.StatusCode.OK:
                found.sent.inc()

    def watch(self, read: Callable[[], Iterable[Reading]]) -> None:
        """Also tell numbers that something else keeps, read when Prometheus asks."""
        self.registry.register(_Watched(read))


class _Watched(Collector):
    def __init__(self, read: Callable[[], Iterable[Reading]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for reading in self._read():
            family = families.get(reading.name)
            if family is None:
                kind = CounterMetricFamily if reading.counter else GaugeMetricFamily
                family = kind(reading.name, reading.help, labels=[name for name, _ in reading.labels])
                families[reading.name] = family
            family.add_metric([value for _, value in reading.labels], reading.value)
        return families.values()


class _Handler(WSGIRequestHandler):
    """Gives up on who says nothing, and tells nobody of it."""

    timeout = 5.0  # seconds without a byte; each connection has a thread

    def handle(self) -> None:
        try:
            super().handle()
        except OSError as error:  # silent for too long, or gone
            log.debug("a reader of the metrics was lost: %s", type(error).__name__)

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class names it so)
        pass


def _with_probes(metrics: Metrics, others: "WSGIApplication") -> "WSGIApplication":
    """Answers /healthz and /readyz, as a cluster asks them, and hands on everything else."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO")
        if path not in ("/healthz", "/readyz"):
            return others(environ, start_response)
        fit = path == "/healthz" or metrics.registry.get_sample_value("sharecast_serving") == 1.0
        start_response("200 OK" if fit else "503 Service Unavailable", [("Content-Type", "text/plain; charset=utf-8")])
        return [b"ok\n" if fit else b"not serving\n"]

    return answer


class MetricsServer:
    """Answers Prometheus over HTTP in a thread of its own, and probes: ``/healthz`` and ``/readyz``.

    The first says that the process lives, the second (503 where not) whether health says SERVING.

    Args:
        metrics: What to tell.
        listen: HOST:PORT; port 0 picks a free one.

    Raises:
        InvalidArgument: the address cannot be listened on.
    """

    def __init__(self, metrics: Metrics, listen: str) -> None:
        host, _, port = listen.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        allowed = f"HOST:PORT of this machine, PORT 0 to {_LARGEST_PORT}, that no other process uses"
        if not host or not port.isascii() or not port.isdigit() or int(port) > _LARGEST_PORT:
            raise InvalidArgument("metrics", listen, allowed)
        try:
            self._server, self._thread = start_http_server(int(port), addr=host, registry=metrics.registry)
        except (OSError, OverflowError, UnicodeError):
            raise InvalidArgument("metrics", listen, allowed) from None
        self._server.RequestHandlerClass = _Handler
        self._server.set_app(_with_probes(metrics, make_wsgi_app(metrics.registry)))
        self.address = f"{listen.rpartition(':')[0]}:{self._server.server_port}"

    def stop(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        assert isinstance(self._thread, threading.Thread)
        self._thread.join()


def _kind(client_streaming: bool, server_streaming: bool) -> str:
    match client_streaming, server_streaming:
        case True, True:
            return "bidi_stream"
        case True, False:
            return "client_stream"
        case False, True:
            return "server_stream"
        case _:
            return "unary"
