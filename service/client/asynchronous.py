"""The client for programs built on asyncio; the same surface as `Client`."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, TypeVar

import grpc

from forecast.quarter import Quarter
from forecast.scorecard import Backtest, BacktestProgress
from service import convert
from service.client.access import KeyedChannel, channel_credentials, check_key
from service.client.calls import (
    BACKTEST_TIMEOUT,
    CHANNEL_OPTIONS,
    DEFAULT_TIMEOUT,
    IMPORT_TIMEOUT,
    STREAM_TIMEOUT,
    ImportTable,
    Page,
    SharesTable,
    answering,
    backtest_query,
    batch_queries,
    error_of,
    figures_query,
    forecast_query,
    history_query,
    import_requests,
    job_query,
    one_batch,
)
from service.queries import (
    DEFAULT_BACKTEST_LEVELS,
    DEFAULT_BACKTEST_MODELS,
    DEFAULT_HORIZON,
    DEFAULT_LEVELS,
    DEFAULT_MODEL,
    DEFAULT_ORIGINS,
    DEFAULT_PAGE_SIZE,
    LARGEST_FIGURES_PAGE,
)
from service.results import (
    FiguresResult,
    ForecastResult,
    HistoryResult,
    ImportReport,
    JobResult,
    MarketResult,
    ModelResult,
    OutcomeResult,
)
from sharecast.v1.forecast_service_pb2_grpc import ForecastServiceStub
from sharecast.v1.job_service_pb2 import CancelForecastJobRequest, GetForecastJobRequest
from sharecast.v1.job_service_pb2_grpc import JobServiceStub
from sharecast.v1.market_service_pb2_grpc import MarketServiceStub

_Response = TypeVar("_Response")
_Page = TypeVar("_Page", bound=Page)


class AsyncClient:
    """Asks a Sharecast server from within an event loop. Close it, or use it in an ``async with`` statement.

    Calls that found no server are tried again, up to four times within their timeout; those that stream are not.

    Args:
        address: HOST:PORT of the server.
        timeout: Seconds a call may take.
        key: Key of `sharecast keys`, for a server that asks for one. Over plain text it is sent to this machine alone.
        ca: File of the authorities that the server's certificate must lead to, PEM; ``"system"`` for the roots that
            come with gRPC; None for plain text.
        certificate: File of your own certificate, PEM, for a server that asks for one.
        private_key: File of its key, PEM.

    Raises:
        InvalidArgument: a file cannot be read, one is given without what it goes with, or a key would be readable on
            its way.

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
    ) -> None:
        self._timeout = timeout
        credentials = channel_credentials(ca=ca, certificate=certificate, private_key=private_key)
        if key is not None:
            check_key(key, address, encrypted=credentials is not None)
        if credentials is None:
            self._channel = grpc.aio.insecure_channel(address, options=CHANNEL_OPTIONS)
        else:
            self._channel = grpc.aio.secure_channel(address, credentials, options=CHANNEL_OPTIONS)
        stubs = self._channel if key is None else KeyedChannel(self._channel, key)
        self._forecasts: Any = ForecastServiceStub(stubs)  # type: ignore[no-untyped-call]
        self._jobs: Any = JobServiceStub(stubs)  # type: ignore[no-untyped-call]
        self._markets: Any = MarketServiceStub(stubs)  # type: ignore[no-untyped-call]

    async def forecast(
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
        events: Iterable[str] = (),
        conditions: Iterable[str] = (),
        timeout: float | None = None,
    ) -> ForecastResult:
        """Forecast one market.

        Args:
            market: A market of the server, such as ``cn-cloud``; beside `shares`, the name the answer is to carry.
            house: The research house; None for canalys, or in a market it does not measure the one with most figures.
                Leave out beside `shares`.
            as_of: Use only what was published by this date. Leave out beside `shares`.
            horizon: Quarters ahead, 1 to 40.
            levels: Nominal levels of the prediction intervals, each in (0, 1).
            model: Name of the model.
            seed: Of the draws, 0 to 2**64 - 1; the same seed gives the same bits.
            shares: Shares to forecast from: a Polars frame or rows with `period` ("2020Q3"), `provider`, `share` (a
                fraction; None where not reported, which is never zero) or `value` (an amount), optionally `decimals`
                (of the percentage as published).
            include_history: Also return the history the forecast was made from.
            events: Whose probability is asked for, such as ``Huawei overtakes Tencent by 2026Q4``, as
                `forecast.events.parse_event` reads them; 100 at most.
            conditions: That the forecast is given, such as ``Huawei = 20 % in 2026Q4``, as
                `forecast.conditions.parse_conditions` reads them; 20 at most.
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
            events=events,
            conditions=conditions,
        )
        response = await self._call(self._forecasts.Forecast, convert.forecast_request(query), timeout)
        return convert.forecast_result(response)

    async def stream_forecasts(
        self,
        markets: Iterable[str] = (),
        *,
        shares: "SharesTable | None" = None,
        house: str | None = None,
        as_of: date | str | None = None,
        horizon: int = DEFAULT_HORIZON,
        levels: Iterable[float] = DEFAULT_LEVELS,
        model: str = DEFAULT_MODEL,
        seed: int = 0,
        timeout: float | None = None,
    ) -> AsyncIterator[OutcomeResult]:
        """Forecast many markets, each answered when it is ready, in any order.

        Nothing is asked of the server before the first outcome is. Leaving the loop early ends the work of the server.

        Args:
            markets: Markets of the server.
            shares: Shares of any markets, a Polars frame or rows with `market` and the columns of `forecast`, but no
                `value`; in place of markets of the server or beside them. One `decimals` counts for a whole market.
            house: As in `forecast`, and so are the others; for markets of the server.
            as_of: Use only what was published by this date.
            horizon: Quarters ahead, 1 to 40.
            levels: Nominal levels, each in (0, 1).
            model: Name of the model.
            seed: Of the draws, of every market.
            timeout: Seconds for each message of markets; None for 600.

        Yields:
            Per market a forecast, or the error for which there is none.

        Raises:
            InvalidArgument, NotFound: what is asked of all of them.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        queries = batch_queries(
            markets,
            shares=shares,
            house=house,
            as_of=as_of,
            horizon=horizon,
            levels=levels,
            model=model,
            seed=seed,
        )
        seconds = STREAM_TIMEOUT if timeout is None else timeout
        for query in queries:
            call = self._forecasts.StreamForecasts(convert.stream_request(query), timeout=seconds)
            with answering(call, timeout=seconds):
                async for response in call:
                    for outcome in convert.outcome_results(response.outcomes, query):
                        yield outcome

    async def create_forecast_job(
        self,
        markets: Iterable[str] = (),
        *,
        shares: "SharesTable | None" = None,
        house: str | None = None,
        as_of: date | str | None = None,
        horizon: int = DEFAULT_HORIZON,
        levels: Iterable[float] = DEFAULT_LEVELS,
        model: str = DEFAULT_MODEL,
        seed: int = 0,
        request_id: str = "",
        validate_only: bool = False,
        timeout: float | None = None,
    ) -> JobResult:
        """Have many markets forecast in the background; the server keeps the job and its outcomes.

        Args:
            markets: Markets of the server.
            shares: Shares of any markets, a Polars frame or rows with `market` and the columns of `forecast`, but no
                `value`; in place of markets of the server or beside them. One `decimals` counts for a whole market.
            house: As in `forecast`, and so are the others; for markets of the server.
            as_of: Use only what was published by this date.
            horizon: Quarters ahead, 1 to 40.
            levels: Nominal levels, each in (0, 1).
            model: Name of the model.
            seed: Of the draws, of every market.
            request_id: Names this request: repeated with the same markets it gives the job made first. Empty: a new one
                is made up, so that the call can be repeated by gRPC but not by you.
            validate_only: Check everything, but create nothing.
            timeout: Seconds for this call; None for the client's own.

        Raises:
            InvalidArgument, NotFound: what is asked of all of them.
            AlreadyExists: another job was made under this request id.
            NoStore: the server has no database.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        queries = batch_queries(
            markets,
            shares=shares,
            house=house,
            as_of=as_of,
            horizon=horizon,
            levels=levels,
            model=model,
            seed=seed,
        )
        request = convert.job_request(
            one_batch(queries), request_id=request_id or str(uuid.uuid4()), validate_only=validate_only
        )
        return convert.job_result((await self._call(self._jobs.CreateForecastJob, request, timeout)).job)

    async def get_forecast_job(self, job_id: str, *, timeout: float | None = None) -> JobResult:
        """One job.

        Args:
            job_id: Of the job.
            timeout: Seconds for this call; None for the client's own.

        Raises:
            InvalidArgument, NotFound: the job.
            NoStore: the server has no database.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        request = GetForecastJobRequest(job_id=job_id)
        return convert.job_result((await self._call(self._jobs.GetForecastJob, request, timeout)).job)

    async def list_forecast_jobs(
        self, *, page_size: int = DEFAULT_PAGE_SIZE, timeout: float | None = None
    ) -> tuple[JobResult, ...]:
        """Every job of the caller's tenant, the newest first.

        Args:
            page_size: Jobs asked for at a time, 1 to 500.
            timeout: Seconds for each page; None for the client's own.

        Raises:
            InvalidArgument: the page size.
            NoStore: the server has no database.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        pages = self._pages(
            self._jobs.ListForecastJobs,
            lambda token: convert.jobs_request(page_size, token),
            convert.jobs_page,
            timeout,
        )
        found = [job async for page in pages for job in page.jobs]
        return tuple(found)

    async def cancel_forecast_job(self, job_id: str, *, timeout: float | None = None) -> JobResult:
        """End a job; what is done stays. Without effect on one that has ended.

        Args:
            job_id: Of the job.
            timeout: Seconds for this call; None for the client's own.

        Raises:
            InvalidArgument, NotFound: the job.
            NoStore: the server has no database.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        request = CancelForecastJobRequest(job_id=job_id)
        return convert.job_result((await self._call(self._jobs.CancelForecastJob, request, timeout)).job)

    async def watch_forecast_job(
        self, job_id: str, *, skip: int = 0, as_of: date | str | None = None, timeout: float | None = None
    ) -> AsyncIterator[OutcomeResult]:
        """The outcomes of a job in the order of its markets, those made before and those to come, until it has ended.

        Args:
            job_id: Of the job.
            skip: Outcomes to leave out at the beginning: as many as a watch that broke off had yielded.
            as_of: What the forecasts are to say they were known as of: what the job was created with.
            timeout: Seconds for the whole; None for as long as it takes.

        Yields:
            Per market a forecast, or the error for which there is none.

        Raises:
            InvalidArgument, NotFound: the job.
            NoStore: the server has no database.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        query = job_query(as_of)
        call = self._jobs.WatchForecastJob(convert.watch_request(job_id, skip), timeout=timeout)
        with answering(call, timeout=timeout or 0.0):
            async for response in call:
                for outcome in convert.outcome_results(response.outcomes, query):
                    yield outcome

    async def backtest(
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
    ) -> AsyncIterator[BacktestProgress | Backtest]:
        """Forecast one market from what was known at rolling origins, and score what came.

        Nothing is asked of the server before the first step is. Leaving the loop early ends the work of the server.

        Args:
            market: A market of the server, such as ``cn-cloud``; beside `shares`, the name the answer is to carry.
            house: The research house; None for canalys, or in a market it does not measure the one with most figures.
                Leave out beside `shares`.
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
        with answering(call, timeout=seconds):
            async for response in call:
                yield convert.backtest_step(response)

    async def list_markets(
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
        pages = self._pages(
            self._markets.ListMarkets,
            lambda token: convert.markets_request(page_size, token),
            convert.markets_page,
            timeout,
        )
        found = [market async for page in pages for market in page.markets]
        return tuple(found)

    async def get_market(self, market: str, *, timeout: float | None = None) -> MarketResult:
        """One market: who measures it, whom they name, and when figures came.

        Args:
            market: A market of the server, such as ``cn-cloud``.
            timeout: Seconds for this call; None for the client's own.

        Raises:
            InvalidArgument, NotFound: the market.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        response = await self._call(self._markets.GetMarket, convert.market_request(market), timeout)
        return convert.market_result(response)

    async def list_figures(
        self,
        *,
        market: str | None = None,
        house: str | None = None,
        quarter: Quarter | str | None = None,
        provider: str | None = None,
        as_of: date | str | None = None,
        page_size: int = LARGEST_FIGURES_PAGE,
        timeout: float | None = None,
    ) -> FiguresResult:
        """The published figures that fit every filter, sorted by market, house, period, measure, providers and date.

        Args:
            market: Of this market alone.
            house: Of this house's series alone; None for every house.
            quarter: Of this quarter alone, such as ``2020Q3``.
            provider: Those that speak of this provider, alone or in a sum.
            as_of: Those published by this date, marked by what was known then.
            page_size: Figures asked for at a time, 1 to 1000.
            timeout: Seconds for each page; None for the client's own.

        Raises:
            InvalidArgument: a quarter, a date or the page size.
            NotFound: no figure is of that market or house, or names that provider.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        query = figures_query(
            market=market, house=house, quarter=quarter, provider=provider, as_of=as_of, page_size=page_size
        )
        pages = self._pages(
            self._markets.ListFigures,
            lambda token: convert.figures_request(query, token),
            convert.figures_page,
            timeout,
        )
        found = [figure async for page in pages for figure in page.figures]
        return FiguresResult(tuple(found))

    async def import_figures(
        self,
        table: "ImportTable",
        *,
        kind: Literal["figures", "shares"] = "figures",
        house: str = "",
        request_id: str = "",
        validate_only: bool = False,
        timeout: float | None = None,
    ) -> ImportReport:
        """Bring figures or shares into the server's store, all or nothing.

        Nothing is sent unless every cell has the type of its column.

        Args:
            table: A Polars frame, or rows such as ``{"market": "cn-cloud", "period": "2020Q3", ...}``. Of figures, one
                row per statement by one page, the columns of `forecast.schema.FIGURES_COLUMNS`. Of shares, `market`,
                `period`, `provider`, `share` (a fraction; None where not reported, which is never zero) or `value` (an
                amount), optionally `decimals` (of the percentage as published) and `published_at`.
            kind: What the rows are.
            house: The house that shares are kept under; empty for ``own``. Leave out for figures, which name theirs.
            request_id: Names this import: repeated with the same rows it changes nothing and gives the first report.
                Empty: a new one is made up, so that the call can be repeated by gRPC but not by you.
            validate_only: Check everything and report what would be done, but keep nothing.
            timeout: Seconds for the whole; None for 600.

        Raises:
            InvalidArgument: a cell is of the wrong type, a column unknown, or an option not allowed.
            InvalidTable: rows break rules; names row, column, value and rule.
            AlreadyExists: another import was made under this request id.
            NoStore: the server has no database.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        requests = import_requests(table, kind=kind, house=house, request_id=request_id, validate_only=validate_only)
        seconds = IMPORT_TIMEOUT if timeout is None else timeout
        response = await self._call(self._markets.ImportFigures, iter(requests), seconds)
        return convert.import_report(response)

    async def list_models(
        self, *, page_size: int = DEFAULT_PAGE_SIZE, timeout: float | None = None
    ) -> tuple[ModelResult, ...]:
        """Every model of the server, the default first.

        Args:
            page_size: Models asked for at a time, 1 to 500.
            timeout: Seconds for each page; None for the client's own.

        Raises:
            InvalidArgument: the page size.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        pages = self._pages(
            self._forecasts.ListModels,
            lambda token: convert.models_request(page_size, token),
            convert.models_page,
            timeout,
        )
        found = [model async for page in pages for model in page.models]
        return tuple(found)

    async def get_history(
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
            house: The research house; None for canalys, or in a market it does not measure the one with most figures.
            as_of: Use only what was published by this date.
            timeout: Seconds for this call; None for the client's own.

        Raises:
            InvalidArgument, NotFound, NotEnoughData: as the library raises them.
            ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
        """
        query = history_query(market, house=house, as_of=as_of)
        response = await self._call(self._markets.GetHistory, convert.history_request(query), timeout)
        return convert.history_result(response)

    async def close(self) -> None:
        """Close the connection; calls in flight are cancelled."""
        await self._channel.close(None)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def _pages(
        self,
        method: Callable[..., Awaitable[_Response]],
        request: Callable[[str], object],
        read: Callable[[_Response], _Page],
        timeout: float | None,
    ) -> AsyncIterator[_Page]:
        """Every page of a list: `request` asks for the one of a token, `read` reads it."""
        token = ""
        while True:
            page = read(await self._call(method, request(token), timeout))
            yield page
            token = page.next_page_token
            if not token:
                return

    async def _call(
        self, method: Callable[..., Awaitable[_Response]], request: object, timeout: float | None
    ) -> _Response:
        seconds = self._timeout if timeout is None else timeout
        try:
            return await method(request, timeout=seconds)
        except grpc.RpcError as failed:
            raise error_of(failed, timeout=seconds) from None  # the cause would show addresses and transport states
