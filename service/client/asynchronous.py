"""The client for programs built on asyncio; the same surface as `Client`."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

import grpc

from service.client import methods
from service.client.access import DEFAULT_TIMEOUT, Access
from service.client.calls import Paged, Single, Streamed, Unreached, answering, as_described, error_of, stubs

P = ParamSpec("P")
T = TypeVar("T")


def _single(describe: Callable[P, Single[T]]) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        call = describe(*args, **kwargs)
        return call.read(await self._answer(call, call.request))

    return as_described(method, describe)


def _paged(describe: Callable[P, Paged[T]]) -> Callable[Concatenate["AsyncClient", P], Coroutine[Any, Any, T]]:
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        call = describe(*args, **kwargs)
        pages = [call.read(await self._answer(call, call.request("")))]
        while token := pages[-1].next_page_token:
            pages.append(call.read(await self._answer(call, call.request(token))))
        return call.join(pages)

    return as_described(method, describe)


def _streamed(describe: Callable[P, Streamed[T]]) -> Callable[Concatenate["AsyncClient", P], AsyncIterator[T]]:
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
        call = describe(*args, **kwargs)
        for request, read in call.requests:
            responses = getattr(self._stub(call.service), call.method)(request, timeout=call.timeout)
            try:
                with answering(responses, timeout=call.timeout):
                    async for response in responses:
                        for one in read(response):
                            yield one
            except Unreached as unreached:
                raise await asyncio.to_thread(unreached.reason, self._access) from None

    return as_described(method, describe, AsyncIterator)


class AsyncClient:
    """Asks a Sharecast server from within an event loop. Close it, or use it in an ``async with`` statement.

    It may be made where no loop runs, and used in one loop after another: it connects anew in each.

    Calls that found no server are tried again, up to four times within their timeout; those that stream are not.

    Args:
        address: HOST:PORT of the server, or ``unix:PATH``.
        timeout: Seconds a call may take.
        key: Key of `sharecast keys`, for a server that asks for one. Over plain text it is sent to this machine alone.
        ca: File of the authorities that the server's certificate must lead to, PEM; ``"system"`` for the roots that
            come with gRPC; None for plain text.
        certificate: File of your own certificate, PEM, for a server that asks for one.
        private_key: File of its key, PEM.
        server_name: The name that the server's certificate is for, where that is not the host of `address`.

    Raises:
        InvalidArgument: `address` has another form, a file cannot be read, one is given without what it goes with, or
            a key would be readable on its way.

    >>> async with AsyncClient("127.0.0.1:50051") as client:  # doctest: +SKIP
    ...     (await client.forecast("cn-cloud", horizon=4)).to_polars()
    """

    def __init__(
        self,
        address: str,
        *,
        timeout: float = DEFAULT_TIMEOUT,
        key: str | None = None,
        ca: str | Path | None = None,
        certificate: str | Path | None = None,
        private_key: str | Path | None = None,
        server_name: str | None = None,
    ) -> None:
        self._timeout = timeout
        self._access = Access(address, key, ca, certificate, private_key, server_name)
        self._loop: asyncio.AbstractEventLoop | None = None  # that of the channel, which works in no other
        self._channel: grpc.aio.Channel | None = None
        self._stubs: dict[str, Any] = {}

    forecast = _single(methods.forecast)
    stream_forecasts = _streamed(methods.stream_forecasts)
    create_forecast_job = _single(methods.create_forecast_job)
    get_forecast_job = _single(methods.get_forecast_job)
    list_forecast_jobs = _paged(methods.list_forecast_jobs)
    cancel_forecast_job = _single(methods.cancel_forecast_job)
    watch_forecast_job = _streamed(methods.watch_forecast_job)
    backtest = _streamed(methods.backtest)
    diff_forecasts = _single(methods.diff_forecasts)
    render_report = _single(methods.render_report)
    list_markets = _paged(methods.list_markets)
    get_market = _single(methods.get_market)
    list_figures = _paged(methods.list_figures)
    import_figures = _single(methods.import_figures)
    withdraw_figures = _single(methods.withdraw_figures)
    list_models = _paged(methods.list_models)
    get_history = _single(methods.get_history)

    async def close(self) -> None:
        """Close the connection; calls in flight are cancelled."""
        if self._channel is not None and self._loop is asyncio.get_running_loop():
            await self._channel.close(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _answer(self, call: Single[T] | Paged[T], request: object) -> object:
        seconds = self._timeout if call.timeout is None else call.timeout
        try:
            return await getattr(self._stub(call.service), call.method)(request, timeout=seconds)
        except grpc.RpcError as failed:
            error = error_of(failed, timeout=seconds)
        # The cause would show addresses and transport states.
        raise await asyncio.to_thread(error.reason, self._access) if isinstance(error, Unreached) else error

    def _stub(self, service: str) -> Any:  # noqa: ANN401  (stubs have no types)
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            address, credentials, options = self._access.address, self._access.credentials, self._access.options
            if credentials is None:
                self._channel = grpc.aio.insecure_channel(address, options=options)
            else:
                self._channel = grpc.aio.secure_channel(address, credentials, options=options)
            self._loop, self._stubs = loop, stubs(self._channel, self._access.key)
        return self._stubs[service]
