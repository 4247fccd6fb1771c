"""Server reflection for those whom the guard lets in, under its old name and its new one."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Final

import grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from forecast.errors import SharecastError
from service.errors import DeadlineExceeded
from service.observe import Observer, observed_stream
from service.security import Guard
from service.server.health_calls import abort
from service.server.messages import decode
from service.server.open_calls import OpenCalls

# v1 is v1alpha under another name, byte for byte; tools ask for it first
NAMES: Final = ("grpc.reflection.v1.ServerReflection", reflection.SERVICE_NAME)
_METHOD: Final = "ServerReflectionInfo"
_SECONDS: Final = 60.0  # that a call may take; tools ask some questions and go


def reflection_handlers(
    services: tuple[str, ...], guard: Guard, observer: Observer, open_calls: OpenCalls, /
) -> "tuple[grpc.GenericRpcHandler[Any, Any], ...]":
    """Handlers that tell what the services look like.

    Args:
        services: Their full names.
        guard: Lets callers in.
        observer: Is told of every call.
        open_calls: Bounds those of one tenant.
    """
    servicer = reflection.aio.ReflectionServicer((*services, *NAMES[1:]))  # type: ignore[attr-defined]
    return tuple(
        grpc.method_handlers_generic_handler(
            name,
            {
                _METHOD: grpc.stream_stream_rpc_method_handler(
                    observed_stream(
                        observer,
                        f"/{name}/{_METHOD}",
                        partial(_answer, servicer, guard, open_calls, f"/{name}/{_METHOD}"),
                    ),
                    # bytes that are no message would be answered with the text of an exception
                    request_deserializer=None,
                    response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
                )
            },
        )
        for name in NAMES
    )


async def _answer(
    servicer: Any,  # noqa: ANN401  (grpcio-reflection ships no types)
    guard: Guard,
    open_calls: OpenCalls,
    method: str,
    requests: AsyncIterator[bytes],
    context: "grpc.aio.ServicerContext[Any, Any]",
) -> AsyncIterator[Any]:
    async def decoded() -> AsyncIterator[Any]:
        async for raw in requests:
            yield decode(reflection_pb2.ServerReflectionRequest, raw)

    try:
        async with asyncio.timeout(_SECONDS):
            caller = await guard.admit(method, tuple(context.invocation_metadata() or ()), context.peer())
            with open_calls.one_of(caller):
                async for response in servicer.ServerReflectionInfo(decoded(), context):
                    yield response
    except TimeoutError:
        await abort(context, DeadlineExceeded(_SECONDS))
    except SharecastError as error:
        await abort(context, error)
