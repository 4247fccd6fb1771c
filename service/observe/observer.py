"""What the server tells about its calls: lines of a log, numbers, spans."""

from collections.abc import Sequence
from typing import Self

import grpc

from service.security.caller import Caller


class Observer:
    """Is told of every call. Every method may be called in any thread and takes a few microseconds."""

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

    def received(self, method: str, messages: int = 1) -> None:
        """Messages of a stream of requests have come; those of calls with one request are counted by themselves."""

    def sent(self, method: str, messages: int = 1) -> None:
        """Messages of a stream of responses have left; those of calls with one response are counted by themselves."""

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
