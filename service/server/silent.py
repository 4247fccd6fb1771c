"""Calls whose one request does not come.

gRPC tells us of a call with one request only once that has come. Until then nobody has asked for a key, no time runs,
and the call holds one of the places that there are for all: callers who never send it would lock everybody out. To take
the requests as a stream tells us at once, and costs a cached forecast an eighth of its speed. So few may come the fast
way without their request; while there are so many, all others come the guarded way.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

import grpc

from service.server.resets import Resets

MOST_SILENT = 100  # calls, of all methods of a service, that hold a place before anyone has looked at them

_Rpc: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"

if TYPE_CHECKING:
    _Handler = grpc.GenericRpcHandler[bytes, bytes]
else:  # generic in its types only
    _Handler = grpc.GenericRpcHandler


class GuardedHandler(_Handler):
    """The methods of a service, each by the fast way or the guarded one; for use inside one event loop.

    Args:
        name: Full name of the service.
        guarded: By name of a method, the one that learns of a call as soon as it begins.
        fast: Those that can also take one request, once it is there: a coroutine of it and the context.
        resets: Is told of calls that go without a word.
    """

    def __init__(
        self,
        name: str,
        guarded: Mapping[str, _Rpc],
        fast: Mapping[str, Callable[[bytes, Any], Awaitable[Any]]],
        resets: Resets,
    ) -> None:
        self._guarded = {f"/{name}/{method}": rpc for method, rpc in guarded.items()}
        self._fast = {
            f"/{name}/{method}": grpc.unary_unary_rpc_method_handler(self._heard(answer))
            for method, answer in fast.items()
        }
        self._silent: set[asyncio.Task[Any]] = set()
        self._resets = resets

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> "_Rpc | None":
        """What answers a call that has begun; None: another handler may."""
        method = handler_call_details.method
        fast = self._fast.get(method)
        if fast is None:
            return self._guarded.get(method)
        if len(self._silent) >= MOST_SILENT:
            still = {task for task in self._silent if not task.done()}
            self._resets.seen(count=len(self._silent) - len(still))  # they have gone without a word
            self._silent = still
            if len(self._silent) >= MOST_SILENT:
                return self._guarded[method]
        task = asyncio.current_task()  # grpc.aio asks in the task of the call, which then waits for the request
        if task is None:
            return self._guarded[method]
        self._silent.add(task)
        return fast

    def _heard(self, answer: Callable[[bytes, Any], Awaitable[Any]]) -> Callable[[bytes, Any], Awaitable[Any]]:
        async def begin(raw: bytes, context: Any) -> Any:  # noqa: ANN401  (of grpc.aio)
            task = asyncio.current_task()
            assert task is not None
            self._silent.discard(task)
            return await answer(raw, context)

        return begin
