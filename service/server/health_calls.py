"""The standard health service, without a key, for what has to be told at any time.

Not the servicer of grpcio-health-checking: it leaves bytes that are no message to grpc, which answers them with the
text of an exception; once one of two who watch a service goes, the other is told nothing more; and those who watch hold
up the end of a server.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf.message import Message
from grpc_health.v1.health_pb2 import DESCRIPTOR, HealthCheckRequest, HealthCheckResponse

from forecast.errors import NotFound, SharecastError
from service.errors import DeadlineExceeded, Overloaded
from service.observe import Observer, observed, observed_stream
from service.server.calls import the_request
from service.server.messages import decode
from service.status import STATUS_TRAILER, error_code, pack_error

NAME = DESCRIPTOR.services_by_name["Health"].full_name
_REQUEST_SECONDS = 2.0  # until it is said which service
_MOST_WATCHES = 200  # at once: each holds a call, of which there are so many

_Context = Any  # of grpc.aio


class Health:
    """What is told of the health of the services; for use inside one event loop.

    Args:
        services: Their full names; the empty one stands for the server.
    """

    def __init__(self, services: tuple[str, ...]) -> None:
        self._serving = dict.fromkeys(("", *services), False)
        self._changed = asyncio.Condition()
        self._watches, self._stopping = 0, False

    async def tell(self, serving: bool) -> None:
        """From now on all are well, or none is."""
        async with self._changed:
            self._serving = dict.fromkeys(self._serving, serving and not self._stopping)
            self._changed.notify_all()

    async def stop(self) -> None:
        """From now on none is well, whatever is told."""
        self._stopping = True
        await self.tell(False)

    def handler(self, observer: Observer) -> "grpc.GenericRpcHandler[Any, Any]":
        """The methods, for a server; the observer is told of every call."""
        # without (de)serializers grpc hands over and takes bytes
        return grpc.method_handlers_generic_handler(
            NAME,
            {
                "Check": grpc.stream_unary_rpc_method_handler(observed(observer, f"/{NAME}/Check", self._check)),
                "Watch": grpc.stream_stream_rpc_method_handler(
                    observed_stream(observer, f"/{NAME}/Watch", self._watch)
                ),
            },
        )

    async def _check(self, _: AsyncIterator[bytes], context: _Context) -> bytes | None:
        try:
            service = await _asked(context)
            if service not in self._serving:
                raise NotFound("service", service, tuple(filter(None, self._serving)))
        except SharecastError as error:
            await abort(context, error)
        return _response(self._status(service))

    async def _watch(self, _: AsyncIterator[bytes], context: _Context) -> AsyncIterator[bytes]:
        try:
            service = await _asked(context)
            if self._watches >= _MOST_WATCHES:
                raise Overloaded(1.0)
        except SharecastError as error:
            await abort(context, error)
        self._watches += 1
        try:
            told = self._status(service)
            yield _response(told)
            while not self._stopping:
                async with self._changed:
                    if self._status(service) == told:
                        await self._changed.wait()
                if self._status(service) != told:
                    told = self._status(service)
                    yield _response(told)
        finally:
            self._watches -= 1

    def _status(self, service: str) -> "HealthCheckResponse.ServingStatus":
        serving = self._serving.get(service)
        if serving is None:  # which the protocol has a watch told, as the service may come
            return HealthCheckResponse.SERVICE_UNKNOWN
        return HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING


async def _asked(context: _Context) -> str:
    """The service asked for. Nobody needs a key here, so nobody may keep a call open by not saying what is asked."""
    try:
        async with asyncio.timeout(_REQUEST_SECONDS):
            return decode(HealthCheckRequest, await the_request(context)).service
    except TimeoutError:
        raise DeadlineExceeded(_REQUEST_SECONDS) from None


async def abort(context: _Context, error: SharecastError, /) -> None:
    """End a call outside the frame of the other services' calls."""
    status = pack_error(error, "")
    trailers = ((STATUS_TRAILER, status.SerializeToString()),)
    await context.abort(error_code(error), status.message, trailing_metadata=trailers)


def _response(status: "HealthCheckResponse.ServingStatus") -> bytes:
    message: Message = HealthCheckResponse(status=status)
    return message.SerializeToString()
