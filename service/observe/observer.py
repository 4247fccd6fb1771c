"""What the server tells about its calls: lines of a log, numbers, spans."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Self

import grpc

from service.observe.log import CallLog
from service.observe.probes import is_probe
from service.observe.tracing import Spans
from service.security.caller import Caller

if TYPE_CHECKING:
    from service.observe.metrics import Metrics


class Observer:
    """Is told of every call, and tells it on. Safe to share between threads.

    Args:
        log: Gets a line for every call.
        metrics: Counts.
        spans: Get a span for every call.
    """

    def __init__(
        self, *, log: CallLog | None = None, metrics: "Metrics | None" = None, spans: Spans | None = None
    ) -> None:
        self.metrics = metrics
        self._log, self._spans = log, spans

    @classmethod
    def quiet(cls) -> Self:
        """An observer that tells nobody."""
        return cls()

    def started(self, method: str, request_id: str) -> None:
        """A call has come.

        Args:
            method: Full name, such as ``/sharecast.v1.ForecastService/Forecast``.
            request_id: Names the call.
        """
        if self.metrics is not None:
            self.metrics.started(method)

    def received(self, method: str, messages: int = 1) -> None:
        """Messages of a stream of requests have come; those of calls with one request are counted by themselves."""
        if self.metrics is not None:
            self.metrics.received(method, messages)

    def sent(self, method: str, messages: int = 1) -> None:
        """Messages of a stream of responses have left; those of calls with one response are counted by themselves."""
        if self.metrics is not None:
            self.metrics.sent(method, messages)

    def finished(
        self,
        method: str,
        code: grpc.StatusCode,
        seconds: float,
        request_id: str,
        caller: Caller | None,
        message: str = "",
        *,
        peer: str = "",
        metadata: Sequence[tuple[str, str | bytes]] = (),
    ) -> None:
        """A call has ended.

        Args:
            method: Full name.
            code: How it ended.
            seconds: How long it took.
            request_id: Names the call.
            caller: Who made it; None where that was not found out.
            message: What the caller was told. May hold values of the request: told only where the log is to have them.
            peer: Where it came from, as gRPC names it.
            metadata: What came with the call; a `traceparent` in it ties its span to the caller's.
        """
        if self.metrics is not None:
            self.metrics.finished(method, code, seconds)
        if self._log is not None:
            self._log.write(method, code, seconds, request_id, caller, message, peer)
        if self._spans is not None and not is_probe(method):
            self._spans.finished(method, code, seconds, request_id, caller, metadata)
