"""The one wrapper around every call: decoding, deadline, error mapping, request id, log line.

Left alone, grpc.aio answers bytes it cannot decode with UNKNOWN and sends the text of exceptions to the caller. One
fused wrapper, because stacked interceptors cost a fifth of the throughput.
"""

import asyncio
import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from typing import TypeAlias

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

_CALLERS_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)  # what may enter a log line as it came


def service_handler(
    service: ServiceDescriptor, handlers: object, /, *, executor: Executor, time_limit: float
) -> "grpc.GenericRpcHandler[bytes, bytes]":
    """Wrap the methods of one service.

    Args:
        service: The service; every one of its methods is unary.
        handlers: Has a function from request to response for each method, named in snake case, that may run in any
            thread and raises subclasses of `SharecastError`.
        executor: Where the functions run, so that a fit does not keep other calls waiting for the event loop.
        time_limit: Seconds a call may take, whatever longer deadline its caller gave.

    Raises:
        AttributeError: a method has no function.
    """
    methods = {method.name: _work(method, getattr(handlers, _snake(method.name))) for method in service.methods}
    return grpc.method_handlers_generic_handler(
        service.full_name,
        # without (de)serializers grpc hands over and takes bytes
        {
            name: grpc.unary_unary_rpc_method_handler(_wrap(f"{service.name}.{name}", work, executor, time_limit))
            for name, work in methods.items()
        },
    )


def _work(method: MethodDescriptor, function: Callable[[Message], Message]) -> _Work:
    request_class = GetMessageClass(method.input_type)

    def work(raw: bytes) -> bytes:
        try:
            request = request_class.FromString(raw)
        except DecodeError:
            raise MalformedRequest from None
        return function(request).SerializeToString()

    return work


def _wrap(
    name: str, work: _Work, executor: Executor, time_limit: float
) -> Callable[[bytes, _Context], Awaitable[bytes]]:
    async def answer(raw: bytes, context: _Context) -> bytes:
        started = time.monotonic()
        request_id = _request_id(context)
        remaining = context.time_remaining()
        seconds = time_limit if remaining is None else min(time_limit, remaining)
        error: SharecastError
        try:
            async with asyncio.timeout(seconds) as limit:
                reply = await asyncio.get_running_loop().run_in_executor(executor, work, raw)
            _log(name, "OK", started, request_id)
            context.set_trailing_metadata(((REQUEST_ID, request_id),))
            return reply
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
