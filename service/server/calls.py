"""The one wrapper around every call: who calls, limits, deadline, error mapping, request id, what is told of it.

Left alone, grpc.aio answers bytes it cannot decode with UNKNOWN and sends the text of exceptions to the caller. One
fused wrapper, because stacked interceptors cost a fifth of the throughput.
"""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, nullcontext
from dataclasses import dataclass
from functools import partial
from random import getrandbits
from types import MappingProxyType
from typing import Any, TypeAlias

import grpc
from google.protobuf.descriptor import ServiceDescriptor

from forecast.errors import InvalidArgument, SharecastError
from service.errors import DeadlineExceeded, InternalError, MalformedRequest
from service.observe import Observer
from service.security import Caller, Guard
from service.server.open_calls import OpenCalls
from service.server.resets import Resets
from service.server.silent import GuardedHandler
from service.status import REQUEST_ID, STATUS_TRAILER, error_code, pack_error

log = logging.getLogger(__name__)

REQUEST_SECONDS = 30.0  # until the one request of a call that may take longer is there
_NEARLY = 0.05  # seconds before its deadline from which a call that is reset has not been given up early
MOST_PLAIN_BYTES = 64 * 2**10  # of a request that brings no data of its own

_Context: TypeAlias = "grpc.aio.ServicerContext[bytes, bytes]"
_Metadata: TypeAlias = "tuple[tuple[str, str | bytes], ...]"

_CALLERS_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)  # what may enter a log line as it came


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of a call beside its request."""

    method: str  # such as "/sharecast.v1.ForecastService/Forecast"
    request_id: str
    caller: Caller
    ends: float  # by which it must be answered, on the clock of `time.monotonic`

    @property
    def seconds_left(self) -> float:
        """Until it must be answered; below zero once that has passed."""
        return self.ends - time.monotonic()


Reply: TypeAlias = Callable[[bytes, Call], Awaitable[bytes]]
StreamReply: TypeAlias = Callable[[bytes, Call], AsyncIterator[bytes]]
Given: TypeAlias = Callable[[bytes], bytes | None]  # the reply to a request that was given before, at once
CollectReply: TypeAlias = Callable[[AsyncIterator[bytes], Call], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class Limits:
    """Of time, for every call."""

    unary: float  # seconds a call with one response may take, whatever longer deadline its caller gave
    stream: float  # the same for a call with a stream of responses or requests
    watch: float  # the same for one that only watches


def service_handler(
    service: ServiceDescriptor,
    replies: Mapping[str, Any],
    /,
    *,
    guard: Guard,
    observer: Observer,
    limits: Limits,
    open_calls: OpenCalls,
    check: Callable[[], None],
    resets: Resets,
    bringing: frozenset[str] = frozenset(),
    given: Mapping[str, Given] = MappingProxyType({}),
) -> "grpc.GenericRpcHandler[bytes, bytes]":
    """Wrap the methods of one service.

    Args:
        service: The service; its methods take one request and give one response or a stream of them, or take a stream
            and give one response.
        replies: By name of the method a `Reply`, for a stream of responses a `StreamReply`, for a stream of requests a
            `CollectReply`. They run in the event loop and raise subclasses of `SharecastError`.
        guard: Lets callers in.
        observer: Is told of every call.
        limits: Of time.
        open_calls: Lets them in, together with those of whoever else was given it.
        check: Raises what every call is refused with; it takes microseconds.
        resets: Is told of calls that their callers reset.
        bringing: Methods whose request may bring data, and so be as large as a message may be.
        given: By name of a method with one request and one response, what looks for a reply that was given before.

    Raises:
        KeyError: a method has no reply.
    """
    rpcs: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {}
    fast: dict[str, Callable[[bytes, _Context], Awaitable[bytes | None]]] = {}
    for method in service.methods:
        reply = replies[method.name]
        frame = _Frame(f"/{service.full_name}/{method.name}", guard, observer, open_calls, check, resets)
        most = None if method.name in bringing else MOST_PLAIN_BYTES
        # without (de)serializers grpc hands over and takes bytes; all take streams of requests, see `silent`
        if method.client_streaming:
            collected = partial(frame.collected, reply, limits.stream)
            rpcs[method.name] = grpc.stream_unary_rpc_method_handler(collected)
        elif method.server_streaming:
            seconds = limits.watch if method.name.startswith("Watch") else limits.stream
            rpcs[method.name] = grpc.stream_stream_rpc_method_handler(partial(frame.streamed, reply, seconds, most))
        else:
            awaited = partial(frame.awaited, reply, limits.unary, most)
            rpcs[method.name] = grpc.stream_unary_rpc_method_handler(awaited)
            fast[method.name] = partial(frame.single, reply, given.get(method.name), limits.unary, most)
    return GuardedHandler(service.full_name, rpcs, fast, resets)


def check_size(raw: bytes, /) -> None:
    """Refuse a request that is larger than one without data of its own can be.

    Raises:
        InvalidArgument: it is.
    """
    if len(raw) > MOST_PLAIN_BYTES:
        allowed = f"{MOST_PLAIN_BYTES} at most, unless it brings data"
        raise InvalidArgument("request", len(raw), allowed, f"has {len(raw)} bytes")


async def the_request(context: _Context, /) -> bytes:
    """The one request of a call, as soon as it is there.

    Raises:
        MalformedRequest: its caller sends none.
    """
    raw = await context.read()
    if not isinstance(raw, bytes):  # the end of the stream
        raise MalformedRequest
    return raw


class _Frame:
    """What happens around every call of one method."""

    def __init__(
        self,
        method: str,
        guard: Guard,
        observer: Observer,
        open_calls: OpenCalls,
        check: Callable[[], None],
        resets: Resets,
    ) -> None:
        self._method, self._guard, self._observer, self._open = method, guard, observer, open_calls
        self._check, self._resets = check, resets

    async def single(
        self, reply: Reply, given: Given | None, time_limit: float, most: int | None, raw: bytes, context: _Context
    ) -> bytes | None:
        response = None if given is None else self._given(given, raw, context)
        if response is not None:
            return response

        async def answer(call: Call) -> bytes:
            if most is not None:
                check_size(raw)
            return await reply(raw, call)

        return await self._around(answer, time_limit, context)

    def _given(self, given: Given, raw: bytes, context: _Context) -> bytes | None:
        """The reply to a call that needs no work, so no limits of time and work either; None: see `_around`.

        What a call costs here is a third of a cached answer: while this thread runs, gRPC's own threads wait for it.
        """
        started = time.monotonic()
        metadata: _Metadata = tuple(context.invocation_metadata() or ())
        try:
            self._check()
            caller = None if self._open.closing else self._guard.known(self._method, metadata)
            response = None if caller is None else given(raw)
        except SharecastError:
            return None
        if response is None:
            return None
        request_id = _request_id(metadata)
        self._observer.started(self._method, request_id)
        context.set_trailing_metadata(((REQUEST_ID, request_id),))
        seconds, peer = time.monotonic() - started, context.peer()
        self._observer.finished(
            self._method, grpc.StatusCode.OK, seconds, request_id, caller, peer=peer, metadata=metadata
        )
        return response

    async def awaited(
        self, reply: Reply, time_limit: float, most: int | None, _: AsyncIterator[bytes], context: _Context
    ) -> bytes | None:
        async def answer(call: Call) -> bytes:
            raw = await the_request(context)
            if most is not None:
                check_size(raw)
            return await reply(raw, call)

        return await self._around(answer, time_limit, context)

    async def collected(
        self, reply: CollectReply, time_limit: float, raws: AsyncIterator[bytes], context: _Context
    ) -> bytes | None:
        async def answer(call: Call) -> bytes:
            return await reply(self._counted(raws), call)

        return await self._around(answer, time_limit, context, streams=True)

    async def streamed(
        self, reply: StreamReply, time_limit: float, most: int | None, _: AsyncIterator[bytes], context: _Context
    ) -> None:
        async def answer(call: Call) -> None:
            try:
                async with asyncio.timeout(REQUEST_SECONDS):  # the call itself may take hours
                    raw = await the_request(context)
            except TimeoutError:
                raise DeadlineExceeded(REQUEST_SECONDS) from None
            if most is not None:
                check_size(raw)
            # closed at once when the caller has gone: that is what ends the work
            async with aclosing(reply(raw, call)) as responses:  # type: ignore[type-var]
                async for response in responses:
                    await context.write(response)
                    self._observer.sent(self._method)

        await self._around(answer, time_limit, context, streams=True)

    async def _counted(self, raws: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        async for raw in raws:
            self._observer.received(self._method)
            yield raw

    async def _around(
        self,
        answer: Callable[[Call], Awaitable[bytes | None]],
        time_limit: float,
        context: _Context,
        *,
        streams: bool = False,
    ) -> bytes | None:
        started = time.monotonic()
        metadata: _Metadata = tuple(context.invocation_metadata() or ())
        request_id = _request_id(metadata)
        remaining = context.time_remaining()
        seconds = time_limit if remaining is None else min(time_limit, remaining)
        caller: Caller | None = None
        peer = context.peer()  # now: asked of a call that is gone, it would end the process
        self._observer.started(self._method, request_id)

        def ended(code: grpc.StatusCode, message: str = "") -> None:
            self._observer.finished(
                self._method,
                code,
                time.monotonic() - started,
                request_id,
                caller,
                message,
                peer=peer,
                metadata=metadata,
            )

        unwelcome: list[SharecastError] = []

        def end(why: SharecastError) -> None:
            unwelcome.append(why)
            limit.reschedule(asyncio.get_running_loop().time())

        try:
            async with asyncio.timeout(seconds) as limit:
                if self._open.closing:
                    await self._open.refuse()
                self._check()
                caller = await self._guard.admit(self._method, metadata, peer)
                with (
                    self._open.one_of(caller),
                    self._guard.holding(self._method, metadata, end) if streams else nullcontext(),
                ):
                    response = await answer(Call(self._method, request_id, caller, started + seconds))
            ended(grpc.StatusCode.OK)
            context.set_trailing_metadata(((REQUEST_ID, request_id),))
            return response
        except SharecastError as known:
            # Packed here: kept in a name, it would hold this frame, which holds it, until a collection that stops all.
            code, status = error_code(known), pack_error(known, request_id)
        except asyncio.CancelledError:  # the caller went away, or the server stops
            ended(grpc.StatusCode.CANCELLED)
            if time.monotonic() - started < seconds - _NEARLY and not self._open.closing:
                self._resets.seen(peer)
            raise
        except Exception as unforeseen:
            if isinstance(unforeseen, TimeoutError) and limit.expired():
                # None: the caller's own deadline, which the caller knows better than what was left of it here
                late = DeadlineExceeded(seconds if seconds == time_limit else None)
                told: SharecastError = unwelcome[0] if unwelcome else late
            else:
                log.exception("%s failed, request_id=%s", self._method, request_id)
                told = InternalError(request_id)
            code, status = error_code(told), pack_error(told, request_id)
        ended(code, status.message)
        trailers = ((REQUEST_ID, request_id), (STATUS_TRAILER, status.SerializeToString()))
        try:
            await context.abort(code, status.message, trailing_metadata=trailers)
        except grpc.aio.InternalError:  # nobody is there any more, as after a deadline: no matter for a log
            raise asyncio.CancelledError from None
        raise AssertionError("abort always raises")  # pragma: no cover


def _request_id(metadata: _Metadata) -> str:
    for key, value in metadata:
        if key == REQUEST_ID and isinstance(value, str) and _CALLERS_ID.fullmatch(value):
            return value
    return f"{getrandbits(128):032x}"  # tells calls apart, and hides nothing
