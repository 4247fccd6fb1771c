"""The one wrapper around every call: decoding, deadline, error mapping, request id, log line.

Left alone, grpc.aio answers bytes it cannot decode with UNKNOWN and sends the text of exceptions to the caller. One
fused wrapper, because stacked interceptors cost a fifth of the throughput.
"""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Executor
from functools import partial
from typing import Any, Protocol, TypeAlias, TypeVar

import grpc
from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from forecast.errors import SharecastError
from service.errors import DeadlineExceeded, InternalError, MalformedRequest
from service.status import REQUEST_ID, STATUS_TRAILER, error_code, pack_error

log = logging.getLogger(__name__)

_Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
_Work: TypeAlias = Callable[[bytes], bytes]
_Steps: TypeAlias = Callable[[bytes], Iterator[bytes]]
_Reply: TypeAlias = Callable[[Any, _Context], Awaitable[bytes | None]]  # from one request's bytes, or a stream of them

_Request_contra = TypeVar("_Request_contra", bound=Message, contravariant=True)

_CALLERS_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)  # what may enter a log line as it came


class Collector(Protocol[_Request_contra]):
    """What the function of a method with a stream of requests returns: it is given them one by one, in any threads."""

    def take(self, request: _Request_contra, /) -> None:
        """Take the next request."""

    def reply(self) -> Message:
        """Answer, once all have been taken."""


def service_handler(
    service: ServiceDescriptor, handlers: object, /, *, executor: Executor, time_limit: float, stream_time_limit: float
) -> "grpc.GenericRpcHandler[bytes, bytes]":
    """Wrap the methods of one service.

    Args:
        service: The service; its methods take one request and give one response or a stream of them, or take a stream
            and give one response.
        handlers: Has a function for each method, named in snake case, from request to response, or to an iterator of
            responses, or from nothing to a `Collector` of requests. It may run in any thread, one step of an iterator
            or collector after another, and raises subclasses of `SharecastError`.
        executor: Where the functions run, so that a fit does not keep other calls waiting for the event loop.
        time_limit: Seconds a call with one response may take, whatever longer deadline its caller gave.
        stream_time_limit: The same for a call with a stream of responses or requests.

    Raises:
        AttributeError: a method has no function.
    """
    rpcs: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {}
    for method in service.methods:
        function = getattr(handlers, _snake(method.name))
        name = f"{service.name}.{method.name}"
        # without (de)serializers grpc hands over and takes bytes
        if method.client_streaming:
            reply = _collected(method, function, executor)
            rpcs[method.name] = grpc.stream_unary_rpc_method_handler(_wrap(name, reply, stream_time_limit))
        elif method.server_streaming:
            reply = _stream(_steps(method, function), executor)
            rpcs[method.name] = grpc.unary_stream_rpc_method_handler(_wrap(name, reply, stream_time_limit))
        else:
            reply = _single(_work(method, function), executor)
            rpcs[method.name] = grpc.unary_unary_rpc_method_handler(_wrap(name, reply, time_limit))
    return grpc.method_handlers_generic_handler(service.full_name, rpcs)


def _work(method: MethodDescriptor, function: Callable[[Message], Message]) -> _Work:
    def work(raw: bytes) -> bytes:
        return function(_request(method, raw)).SerializeToString()

    return work


def _steps(method: MethodDescriptor, function: Callable[[Message], Iterator[Message]]) -> _Steps:
    def steps(raw: bytes) -> Iterator[bytes]:
        for response in function(_request(method, raw)):
            yield response.SerializeToString()

    return steps


def _request(method: MethodDescriptor, raw: bytes) -> Message:
    try:
        return GetMessageClass(method.input_type).FromString(raw)
    except DecodeError:
        raise MalformedRequest from None


def _single(work: _Work, executor: Executor) -> _Reply:
    async def reply(raw: bytes, context: _Context) -> bytes:
        return await asyncio.get_running_loop().run_in_executor(executor, work, raw)

    return reply


def _stream(steps: _Steps, executor: Executor) -> _Reply:
    async def reply(raw: bytes, context: _Context) -> None:
        responses = steps(raw)
        # Each step is asked for alone: others get their turn in between, and once the caller has gone none is.
        while True:
            response = await asyncio.get_running_loop().run_in_executor(executor, next, responses, None)
            if response is None:
                return
            await context.write(response)

    return reply


def _collected(method: MethodDescriptor, function: Callable[[], Collector[Message]], executor: Executor) -> _Reply:
    def take(collector: Collector[Message], raw: bytes) -> None:
        collector.take(_request(method, raw))

    async def reply(raws: AsyncIterator[bytes], context: _Context) -> bytes:
        collector = function()
        run = partial(asyncio.get_running_loop().run_in_executor, executor)
        # No request is asked for before the one before it is dealt with, so that a fast sender has to wait.
        async for raw in raws:
            await run(take, collector, raw)
        return (await run(collector.reply)).SerializeToString()

    return reply


def _wrap(name: str, reply: _Reply, time_limit: float) -> _Reply:
    async def answer(raw: bytes | AsyncIterator[bytes], context: _Context) -> bytes | None:
        started = time.monotonic()
        request_id = _request_id(context)
        remaining = context.time_remaining()
        seconds = time_limit if remaining is None else min(time_limit, remaining)
        error: SharecastError
        try:
            async with asyncio.timeout(seconds) as limit:
                response = await reply(raw, context)
            _log(name, "OK", started, request_id)
            context.set_trailing_metadata(((REQUEST_ID, request_id),))
            return response
        except SharecastError as known:
            error = known
        except asyncio.CancelledError:  # the caller went away, or the server stops
            _log(name, "CANCELLED", started, request_id)
            raise
        except Exception as unforeseen:
            if isinstance(unforeseen, TimeoutError) and limit.expired():
                # None: the caller's own deadline, which the caller knows better than what was left of it here
                error = DeadlineExceeded(seconds if seconds == time_limit else None)
            else:
                log.exception("%s failed, request_id=%s", name, request_id)
                error = InternalError(request_id)
        status = pack_error(error, request_id)
        code = error_code(error)
        _log(name, code.name, started, request_id)
        trailers = ((REQUEST_ID, request_id), (STATUS_TRAILER, status.SerializeToString()))
        await context.abort(code, status.message, trailing_metadata=trailers)
        raise AssertionError("abort always raises")  # pragma: no cover

    return answer


def _request_id(context: _Context) -> str:
    given = dict(context.invocation_metadata() or ()).get(REQUEST_ID)
    return given if isinstance(given, str) and _CALLERS_ID.fullmatch(given) else uuid.uuid4().hex


def _log(name: str, code: str, started: float, request_id: str) -> None:
    log.info("%s %s %.1f ms, request_id=%s", name, code, 1000 * (time.monotonic() - started), request_id)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
