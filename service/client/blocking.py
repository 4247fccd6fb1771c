"""The client for ordinary programs."""

from collections.abc import Callable, Iterable, Iterator
from datetime import date
from types import TracebackType
from typing import Any, Self, TypeVar

import grpc

from forecast.scorecard import Backtest, BacktestProgress
from service import convert
from service.client.calls import (
    BACKTEST_TIMEOUT,
    CHANNEL_OPTIONS,
    DEFAULT_TIMEOUT,
    SharesTable,
    backtest_query,
    error_of,
    forecast_query,
    history_query,
)
from service.queries import (
    DEFAULT_BACKTEST_LEVELS,
    DEFAULT_BACKTEST_MODELS,
    DEFAULT_HORIZON,
    DEFAULT_LEVELS,
    DEFAULT_MODEL,
    DEFAULT_ORIGINS,
    DEFAULT_PAGE_SIZE,
)
from service.results import ForecastResult, HistoryResult, MarketResult
from sharecast.v1.forecast_service_pb2_grpc import ForecastServiceStub
from sharecast.v1.market_service_pb2_grpc import MarketServiceStub

_Response = TypeVar("_Response")


class Client:
    """Asks a Sharecast server. Safe to share between threads; close it, or use it in a ``with`` statement.

    Calls that found no server are tried again, up to four times within their timeout.

    Args:
        address: HOST:PORT of the server.
        timeout: Seconds a call may take.

    >>> with Client("127.0.0.1:50051") as client:  # doctest: +SKIP
    ...     client.forecast("cn-cloud", horizon=4).to_polars()
    """

    def __init__(self, address: str, *, timeout: float = DEFAULT_TIMEOUT) -> None:
        self._timeout = timeout
        self._channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
        self._forecasts: Any = ForecastServiceStub(self._channel)  # type: ignore[no-untyped-call]
        self._markets: Any = MarketServiceStub(self._channel)  # type: ignore[no-untyped-call]

    def forecast(
        self,
        market: str,
        *,
        house: str | None = None,
        as_of: date | str | None = None,
        horizon: int = DEFAULT_HORIZON,
        levels: Iterable[float] = DEFAULT_LEVELS,
        model: str = DEFAULT_MODEL,
        seed: int = 0,
        shares: "SharesTable | None" = None,
        include_history: bool = False,
        timeout: float | None = None,
    ) -> ForecastResult:
        """Forecast one market.

        Args:
            market: A market of the server, such as ``cn-cloud``; beside `shares`, the name the answer is to carry.
            house: The research house; None for canalys. Leave out beside `shares`.
            as_of: Use only what was published by this date. Leave out beside `shares`.
            horizon: Quarters ahead, 1 to 40.
            levels: Nominal levels of the prediction intervals, each in (0, 1).
            model: Name of the model.
            seed: Of the draws, 0 to 2**64 - 1; the same seed gives the same bits.
            shares: Shares to forecast from: a Polars frame or rows with `period` ("2020Q3"), `provider`, `share` (a
                fraction; None where not reported, which is never zero) or `value` (an amount), optionally `decimals`
                (of the percentage as published).
            include_history: Also return the history the forecast was made from.
            timeout: Seconds for this call; None for the client's own.

        Raises:
            InvalidArgument, InvalidTable, NotFound, NotEnoughData, ModelFailed: as the library raises them.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        query = forecast_query(
            market,
            house=house,
            as_of=as_of,
            horizon=horizon,
            levels=levels,
            model=model,
            seed=seed,
            shares=shares,
            include_history=include_history,
        )
        response = self._call(self._forecasts.Forecast, convert.forecast_request(query), timeout)
        return convert.forecast_result(response)

    def backtest(
        self,
        market: str,
        *,
        house: str | None = None,
        origins: int = DEFAULT_ORIGINS,
        horizon: int = DEFAULT_HORIZON,
        levels: Iterable[float] = DEFAULT_BACKTEST_LEVELS,
        models: Iterable[str] = DEFAULT_BACKTEST_MODELS,
        seed: int = 0,
        shares: "SharesTable | None" = None,
        timeout: float | None = None,
    ) -> Iterator[BacktestProgress | Backtest]:
        """Forecast one market from what was known at rolling origins, and score what came.

        Nothing is asked of the server before the first step is. Leaving the loop early ends the work of the server.

        Args:
            market: A market of the server, such as ``cn-cloud``; beside `shares`, the name the answer is to carry.
            house: The research house; None for canalys. Leave out beside `shares`.
            origins: How many, the latest ones after which something is known; 1 to 400.
            horizon: Quarters ahead, 1 to 40.
            levels: Nominal levels of intervals and bands, each in (0, 1).
            models: Names of models; skill is measured where ``naive`` is among them.
            seed: Of the draws, 0 to 2**64 - 1; the same seed gives the same scores.
            shares: Shares to backtest on, as in `forecast`; they are cut after each origin.
            timeout: Seconds for the whole; None for 600.

        Yields:
            `BacktestProgress` after every origin, and last a `Backtest`: the scores.

        Raises:
            InvalidArgument, InvalidTable, NotFound, NotEnoughData: as the library raises them.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        query = backtest_query(
            market,
            house=house,
            origins=origins,
            horizon=horizon,
            levels=levels,
            models=models,
            seed=seed,
            shares=shares,
        )
        seconds = BACKTEST_TIMEOUT if timeout is None else timeout
        call = self._forecasts.Backtest(convert.backtest_request(query), timeout=seconds)
        try:
            for response in call:
                yield convert.backtest_step(response)
        except grpc.RpcError as failed:
            raise error_of(failed, timeout=seconds) from None  # the cause would show addresses and transport states
        finally:
            call.cancel()  # for a caller that left the loop; a call that has ended stays ended

    def list_markets(
        self, *, page_size: int = DEFAULT_PAGE_SIZE, timeout: float | None = None
    ) -> tuple[MarketResult, ...]:
        """Every market of the server, by name.

        Args:
            page_size: Markets asked for at a time, 1 to 500.
            timeout: Seconds for each page; None for the client's own.

        Raises:
            InvalidArgument: the page size.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        found: list[MarketResult] = []
        token = ""
        while True:
            request = convert.markets_request(page_size, token)
            page = convert.markets_page(self._call(self._markets.ListMarkets, request, timeout))
            found.extend(page.markets)
            token = page.next_page_token
            if not token:
                return tuple(found)

    def get_history(
        self,
        market: str,
        *,
        house: str | None = None,
        as_of: date | str | None = None,
        timeout: float | None = None,
    ) -> HistoryResult:
        """The quarterly composition of one market as one research house tells it.

        Args:
            market: A market of the server, such as ``cn-cloud``.
            house: The research house; None for canalys.
            as_of: Use only what was published by this date.
            timeout: Seconds for this call; None for the client's own.

        Raises:
            InvalidArgument, NotFound, NotEnoughData: as the library raises them.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        query = history_query(market, house=house, as_of=as_of)
        response = self._call(self._markets.GetHistory, convert.history_request(query), timeout)
        return convert.history_result(response)

    def close(self) -> None:
        """Close the connection; calls in flight are cancelled."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _call(self, method: Callable[..., _Response], request: object, timeout: float | None) -> _Response:
        seconds = self._timeout if timeout is None else timeout
        try:
            return method(request, timeout=seconds)
        except grpc.RpcError as failed:
            raise error_of(failed, timeout=seconds) from None  # the cause would show addresses and transport states
