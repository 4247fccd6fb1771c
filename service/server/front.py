"""The grpc.aio server: both services, health and reflection on one port."""

import os
from concurrent.futures import ThreadPoolExecutor

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio as aio_health  # type: ignore[attr-defined]
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

from forecast.errors import InvalidArgument
from service.catalog import Catalog
from service.server.calls import service_handler
from service.server.handlers import ForecastHandlers, MarketHandlers
from sharecast.v1 import forecast_service_pb2, market_service_pb2

TIME_LIMIT = 30.0  # seconds a call may take
STREAM_TIME_LIMIT = 600.0  # seconds a call that tells its progress, or sends in pieces, may take
_CALLS_AT_ONCE = 256  # more are refused with RESOURCE_EXHAUSTED instead of waiting past their deadlines

_OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second server on the same port must fail, not take half of the calls
    ("grpc.server_handshake_timeout_ms", 5_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    ("grpc.max_concurrent_streams", 100),
)

_SERVICES = (
    (forecast_service_pb2.DESCRIPTOR.services_by_name["ForecastService"], ForecastHandlers),
    (market_service_pb2.DESCRIPTOR.services_by_name["MarketService"], MarketHandlers),
)

_ALLOWED_ADDRESS = "HOST:PORT of this machine that no other process uses"


class Front:
    """A server for use inside one event loop: `start`, `address`, `stop`.

    Args:
        catalog: The figures it answers from.
        time_limit: Seconds a call may take, whatever longer deadline its caller gave.
        stream_time_limit: The same for a call that streams its responses or requests.
    """

    def __init__(
        self, catalog: Catalog, *, time_limit: float = TIME_LIMIT, stream_time_limit: float = STREAM_TIME_LIMIT
    ) -> None:
        self._catalog, self._time_limit, self._stream_time_limit = catalog, time_limit, stream_time_limit
        self.address = ""  # HOST:PORT, once started

    async def start(self, listen: str) -> None:
        """Listen on HOST:PORT (port 0 picks a free one) and answer calls.

        Raises:
            InvalidArgument: the address cannot be listened on.
        """
        if not _can_be_address(listen):
            raise InvalidArgument("listen", listen, _ALLOWED_ADDRESS)
        self._executor = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="forecast")
        self._server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=_CALLS_AT_ONCE)
        for descriptor, handlers in _SERVICES:
            handler = service_handler(
                descriptor,
                handlers(self._catalog),
                executor=self._executor,
                time_limit=self._time_limit,
                stream_time_limit=self._stream_time_limit,
            )
            self._server.add_generic_rpc_handlers((handler,))
        await self._add_health()
        self._add_reflection()
        try:
            port = self._server.add_insecure_port(listen)
        except RuntimeError:
            raise InvalidArgument("listen", listen, _ALLOWED_ADDRESS) from None
        await self._server.start()
        self.address = listen if listen.startswith("unix:") else f"{listen.rpartition(':')[0]}:{port}"

    async def stop(self, grace: float) -> None:
        """Refuse new calls, let those in flight end within `grace` seconds, then cancel them."""
        await self._health.enter_graceful_shutdown()
        await self._server.stop(grace)
        self._executor.shutdown(wait=False, cancel_futures=True)

    async def _add_health(self) -> None:
        self._health = aio_health.HealthServicer()
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)  # type: ignore[no-untyped-call]
        for name in ("", *(descriptor.full_name for descriptor, _ in _SERVICES)):
            await self._health.set(name, health_pb2.HealthCheckResponse.SERVING)

    def _add_reflection(self) -> None:
        names = (
            *(descriptor.full_name for descriptor, _ in _SERVICES),
            health_pb2.DESCRIPTOR.services_by_name["Health"].full_name,
            reflection.SERVICE_NAME,
        )
        servicer = reflection.aio.ReflectionServicer(names)  # type: ignore[attr-defined]
        reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, self._server)  # type: ignore[no-untyped-call]
        # v1 is v1alpha under another name, byte for byte, and tools ask for it first
        method = grpc.stream_stream_rpc_method_handler(
            servicer.ServerReflectionInfo,
            request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
            response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
        )
        v1 = grpc.method_handlers_generic_handler(
            "grpc.reflection.v1.ServerReflection", {"ServerReflectionInfo": method}
        )
        self._server.add_generic_rpc_handlers((v1,))


def _can_be_address(listen: str) -> bool:
    host, _, port = listen.rpartition(":")  # grpc would take port 99999 for 34463
    return listen.startswith("unix:") or (host != "" and port.isascii() and port.isdigit() and int(port) <= 65535)
