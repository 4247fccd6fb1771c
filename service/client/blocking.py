"""The client for ordinary programs."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Concatenate, ParamSpec, Self, TypeVar

import grpc

from service.client import methods
from service.client.access import DEFAULT_TIMEOUT, Access
from service.client.calls import Paged, Single, Streamed, Unreached, answering, as_described, error_of, stubs

P = ParamSpec("P")
T = TypeVar("T")


def _single(describe: Callable[P, Single[T]]) -> Callable[Concatenate["Client", P], T]:
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        call = describe(*args, **kwargs)
        return call.read(self._answer(call, call.request))

    return as_described(method, describe)


def _paged(describe: Callable[P, Paged[T]]) -> Callable[Concatenate["Client", P], T]:
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        call = describe(*args, **kwargs)
        pages = [call.read(self._answer(call, call.request("")))]
        while token := pages[-1].next_page_token:
            pages.append(call.read(self._answer(call, call.request(token))))
        return call.join(pages)

    return as_described(method, describe)


def _streamed(describe: Callable[P, Streamed[T]]) -> Callable[Concatenate["Client", P], Iterator[T]]:
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
        call = describe(*args, **kwargs)
        for request, read in call.requests:
            responses = getattr(self._stubs[call.service], call.method)(request, timeout=call.timeout)
            try:
                with answering(responses, timeout=call.timeout):
                    for response in responses:
                        yield from read(response)
            except Unreached as unreached:
                raise unreached.reason(self._access) from None

    return as_described(method, describe, Iterator)


class Client:
    """Asks a Sharecast server. Safe to share between threads; close it, or use it in a ``with`` statement.

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

    >>> with Client("127.0.0.1:50051") as client:  # doctest: +SKIP
    ...     client.forecast("cn-cloud", horizon=4).to_polars()
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
        credentials, options = self._access.credentials, self._access.options
        if credentials is None:
            self._channel = grpc.insecure_channel(address, options=options)
        else:
            self._channel = grpc.secure_channel(address, credentials, options=options)
        self._stubs = stubs(self._channel, key)

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

    def close(self) -> None:
        """Close the connection; calls in flight are cancelled."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _answer(self, call: Single[T] | Paged[T], request: object) -> object:
        seconds = self._timeout if call.timeout is None else call.timeout
        try:
            return getattr(self._stubs[call.service], call.method)(request, timeout=seconds)
        except grpc.RpcError as failed:
            error = error_of(failed, timeout=seconds)
        # The cause would show addresses and transport states.
        raise error.reason(self._access) if isinstance(error, Unreached) else error
