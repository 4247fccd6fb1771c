"""Server reflection for those whom the guard lets in, under its old name and its new one."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any, Final

import grpc
from grpc_reflection.v1alpha import reflection, reflection_pb2

from forecast.errors import SharecastError
from service.security import Guard
from service.status import STATUS_TRAILER, error_code, pack_error

# v1 is v1alpha under another name, byte for byte; tools ask for it first
NAMES: Final = ("grpc.reflection.v1.ServerReflection", reflection.SERVICE_NAME)
_METHOD: Final = "ServerReflectionInfo"


def reflection_handlers(services: tuple[str, ...], guard: Guard, /) -> "tuple[grpc.GenericRpcHandler[Any, Any], ...]":
    """Handlers that tell what the services look like.

    Args:
        services: Their full names.
        guard: Lets callers in.
    """
    servicer = reflection.aio.ReflectionServicer((*services, *NAMES[1:]))  # type: ignore[attr-defined]
    return tuple(
        grpc.method_handlers_generic_handler(
            name,
            {
                _METHOD: grpc.stream_stream_rpc_method_handler(
                    partial(_answer, servicer, guard, f"/{name}/{_METHOD}"),
                    request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
                    response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
                )
            },
        )
        for name in NAMES
    )


async def _answer(
    servicer: Any,  # noqa: ANN401  (grpcio-reflection ships no types)
    guard: Guard,
    method: str,
    requests: AsyncIterator[Any],
    context: "grpc.aio.ServicerContext[Any, Any]",
) -> AsyncIterator[Any]:
    try:
        await guard.admit(method, tuple(context.invocation_metadata() or ()), context.peer())
    except SharecastError as error:
        status = pack_error(error, "")
        trailers = ((STATUS_TRAILER, status.SerializeToString()),)
        await context.abort(error_code(error), status.message, trailing_metadata=trailers)
    async for response in servicer.ServerReflectionInfo(requests, context):
        yield response
