"""Calls of health and reflection, which come from load balancers and tools: counted like all others, but quiet.

A probe every second would bury the lines of a log that matter, so the log has those that went well at level debug only,
and no span is made of any.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, contextmanager
from typing import TYPE_CHECKING, Any

import grpc

if TYPE_CHECKING:
    from service.observe.observer import Observer

_STANDARD = "/grpc."  # where the services of gRPC itself have their names
_QUIET = frozenset((grpc.StatusCode.OK, grpc.StatusCode.CANCELLED))  # a watch ends when its caller goes
_CODES = {code.value[0]: code for code in grpc.StatusCode}

_Context = Any  # of grpc.aio, which has no common type for all kinds of methods


def is_probe(method: str, /) -> bool:
    """Whether a method, such as ``/grpc.health.v1.Health/Check``, is of health or reflection."""
    return method.startswith(_STANDARD)


def is_quiet(method: str, code: grpc.StatusCode, /) -> bool:
    """Whether a call is one of those that a log need not tell."""
    return code in _QUIET and is_probe(method)


def observed(
    observer: "Observer", method: str, behaviour: Callable[[Any, _Context], Awaitable[Any]], /
) -> Callable[[Any, _Context], Awaitable[Any]]:
    """A method with one response that tells an observer of its calls.

    Args:
        observer: Is told.
        method: Full name.
        behaviour: The method itself, as grpc.aio takes it.
    """

    async def answer(request: Any, context: _Context) -> Any:  # noqa: ANN401
        with _told(observer, method, context):
            return await behaviour(request, context)

    return answer


def observed_stream(
    observer: "Observer", method: str, behaviour: Callable[[Any, _Context], AsyncIterator[Any]], /
) -> Callable[[Any, _Context], AsyncIterator[Any]]:
    """The same for a method with a stream of responses, and of requests if it takes one."""

    async def counted(requests: AsyncIterator[Any]) -> AsyncIterator[Any]:
        async for request in requests:
            observer.received(method)
            yield request

    async def answer(request: Any, context: _Context) -> AsyncIterator[Any]:  # noqa: ANN401
        with _told(observer, method, context):
            given = counted(request) if isinstance(request, AsyncIterator) else request
            async with aclosing(behaviour(given, context)) as responses:  # type: ignore[type-var]
                async for response in responses:
                    observer.sent(method)
                    yield response

    return answer


@contextmanager
def _told(observer: "Observer", method: str, context: _Context) -> Iterator[None]:
    started = time.monotonic()
    code = grpc.StatusCode.OK
    peer = context.peer()  # now: a generator may be closed after its call is gone, and asking that one ends the process
    observer.started(method, "")
    try:
        yield
    except (asyncio.CancelledError, GeneratorExit):
        code = grpc.StatusCode.CANCELLED
        raise
    except BaseException:  # as `abort` raises, after it has set the code
        found = context.code()
        code = found if isinstance(found, grpc.StatusCode) else _CODES.get(found, grpc.StatusCode.OK)
        if code is grpc.StatusCode.OK:  # none was set: grpc answers so what a method does not catch
            code = grpc.StatusCode.UNKNOWN
        raise
    finally:
        observer.finished(method, code, time.monotonic() - started, "", None, peer=peer)
