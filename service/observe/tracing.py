"""A span for every call, where the OpenTelemetry API is installed (the extra `sharecast[otel]`).

Only the API is used: where spans go, and whether any are made, is decided by the SDK that whoever runs the server
sets up, for example ``opentelemetry-instrument sharecast serve``.
"""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import grpc

from service.security.caller import Caller

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

_FAULTS = frozenset(
    (
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    )
)
_CARRIED = frozenset(("traceparent", "tracestate", "baggage"))


class Spans:
    """Makes the span of a call when it has ended.

    Args:
        provider: Makes the tracer; None: the one that is set up for the process, now or later.

    Raises:
        ImportError: the API is not installed.
    """

    def __init__(self, provider: "TracerProvider | None" = None) -> None:
        from opentelemetry import propagate, trace

        self._propagate, self._trace, self._own = propagate, trace, provider is not None
        self._tracer = trace.get_tracer("sharecast", tracer_provider=provider)

    def finished(
        self,
        method: str,
        code: grpc.StatusCode,
        seconds: float,
        request_id: str,
        caller: Caller | None,
        metadata: Sequence[tuple[str, str | bytes]],
    ) -> None:
        """Make the span; arguments as of `Observer.finished`. Attributes follow OpenTelemetry's names for RPCs."""
        if not self._own and isinstance(self._trace.get_tracer_provider(), self._trace.ProxyTracerProvider):
            return  # nobody has set up an SDK: a span that goes nowhere would cost 15 microseconds
        carrier = {name: value for name, value in metadata if name in _CARRIED and isinstance(value, str)}
        ended = time.time_ns()
        service, _, name = method.removeprefix("/").partition("/")
        number: int = code.value[0]
        span = self._tracer.start_span(
            method.removeprefix("/"),
            context=self._propagate.extract(carrier) if carrier else None,
            kind=self._trace.SpanKind.SERVER,
            start_time=ended - int(1e9 * seconds),
            attributes={
                "rpc.system": "grpc",
                "rpc.service": service,
                "rpc.method": name,
                "rpc.grpc.status_code": number,
                "sharecast.request_id": request_id,
                "sharecast.tenant": "" if caller is None else caller.tenant,
            },
        )
        if code in _FAULTS:  # as OpenTelemetry says of servers: what the caller did wrong is no fault of the span
            span.set_status(self._trace.Status(self._trace.StatusCode.ERROR))
        span.end(ended)


def spans_if_installed() -> Spans | None:
    """What makes spans; None where the API is not installed."""
    try:
        return Spans()
    except ImportError:
        return None
