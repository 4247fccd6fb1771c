"""What can be asked of a server, each method once: `Client` and `AsyncClient` have what stands here.

A function says what a method sends and how the answer is read; the two clients differ in how they wait for it.
"""

import uuid
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Literal

from forecast.quarter import Quarter
from forecast.scorecard import Backtest, BacktestProgress
from service import convert
from service.client.access import TAKEN_BYTES
from service.client.calls import FORECASTS, JOBS, MARKETS, Paged, Single, Streamed
from service.client.tables import (
    EventsAsked,
    ImportTable,
    NameChangesGiven,
    SharesTable,
    TotalsTable,
    as_date,
    as_moment,
    asked,
    batch_queries,
    import_rows,
    level_list,
    one_batch,
    revenue_question,
    share_rows,
    table_rows,
    whole,
)
from service.queries import (
    DEFAULT_BACKTEST_LEVELS,
    DEFAULT_BACKTEST_MODELS,
    DEFAULT_DIFF_LEVELS,
    DEFAULT_HORIZON,
    DEFAULT_LEVELS,
    DEFAULT_MODEL,
    DEFAULT_ORIGINS,
    DEFAULT_PAGE_SIZE,
    LARGEST_FIGURES_PAGE,
    BacktestQuery,
    BatchQuery,
    DiffQuery,
    FiguresQuery,
    ForecastQuery,
    HistoryQuery,
    ImportQuery,
    ReportQuery,
    WithdrawQuery,
    parse_date,
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
    WithdrawReport,
)
from sharecast.v1 import question_pb2
from sharecast.v1.forecast_service_pb2 import BacktestResponse
from sharecast.v1.job_service_pb2 import CancelForecastJobRequest, GetForecastJobRequest

if TYPE_CHECKING:
    from forecast.diff import ForecastDiff

STREAM_TIMEOUT = 600.0  # seconds, as long as a server works on one
BACKTEST_TIMEOUT = 600.0  # likewise
IMPORT_TIMEOUT = 600.0


def forecast(
    market: str,
    *,
    house: str | None = None,
    as_of: date | str | None = None,
    horizon: int = DEFAULT_HORIZON,
    levels: Iterable[float] = DEFAULT_LEVELS,
    model: str = DEFAULT_MODEL,
    seed: int = 0,
    shares: "SharesTable | None" = None,
    figures: "ImportTable | None" = None,
    include_history: bool = False,
    include_draws: bool = False,
    events: Iterable[str | question_pb2.Event] = (),
    conditions: Iterable[str | question_pb2.Condition] = (),
    league: bool = False,
    revenue: "TotalsTable | bool" = False,
    unit: str = "",
    recorded_by: datetime | date | str | None = None,
    name_changes: NameChangesGiven = (),
    timeout: float | None = None,
) -> Single[ForecastResult]:
    """Forecast one market.

    Args:
        market: A market of the server, such as ``cn-cloud``; beside `figures`, one of theirs; beside `shares`, the
            name the answer is to carry.
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
        figures: Published figures to forecast from in place of the server's, which are not mixed in: as in
            `import_figures`, 20,000 rows at most. What of them was left out or is doubted stands in the warnings.
        include_history: Also return the history the forecast was made from.
        include_draws: Also return the joint draws, 2,000 of them, of which everything else follows.
        events: Whose probability is asked for, such as ``Huawei overtakes Tencent by 2026Q4``, as
            `forecast.events.parse_event` reads them, or as messages `sharecast.v1.question_pb2.Event`, which are
            answered after the sentences; 100 at most.
        conditions: That the forecast is given, such as ``Huawei = 20 % in 2026Q4``, as
            `forecast.conditions.parse_conditions` reads them, or as messages `sharecast.v1.question_pb2.Condition`; 20
            at most.
        league: Also return expected ranks, probabilities of leading, and concentration.
        revenue: Also return what each provider is going to sell, from the totals that the house has published (True),
            or from your own: a Polars frame or rows with `period` ("2020Q3") and `amount`, 400 at most.
        unit: Of totals of your own, such as ``EUR mn``.
        recorded_by: Use only what the server's database held at this moment, beside the figures that come with it: what
            was imported or withdrawn later does not count. A datetime or text with a time zone, such as
            ``2026-11-23T14:30:00Z``; a date stands for its end in UTC. Leave out beside `shares` and `figures`.
        name_changes: Changes of providers' names to apply, after those that the server's database holds: values of
            `forecast.name_changes.NameChange`, or rows with `provider`, `into`, `kind` ("renamed" or "merged") and
            `period` (the first quarter), optionally `market`, `house` and `published_at`; 200 at most.
        timeout: Seconds for this call; None for the client's own.

    Raises:
        InvalidArgument, InvalidTable, NotFound, NotEnoughData, ModelFailed: as the library raises them.
        ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
    """
    events_said, events_typed = asked(events, question_pb2.Event, "events")
    conditions_said, conditions_typed = asked(conditions, question_pb2.Condition, "conditions")
    query = ForecastQuery(
        market=market,
        house=house or "",
        as_of=as_date(as_of),
        shares=None if shares is None else share_rows(shares, market),
        figures=None if figures is None else tuple(table_rows(figures)),
        horizon=whole(horizon, "horizon"),
        levels=level_list(levels),
        model=model,
        seed=seed,
        include_history=include_history,
        include_draws=include_draws,
        events=events_said,
        conditions=conditions_said,
        typed_events=events_typed,
        typed_conditions=conditions_typed,
        league=league,
        revenue=revenue_question(revenue, unit),
        recorded_by=as_moment(recorded_by),
        name_changes=convert.name_changes_of(name_changes),
    )
    return Single(FORECASTS, "Forecast", convert.forecast_request(query), convert.forecast_result, timeout)


def stream_forecasts(
    markets: Iterable[str] = (),
    *,
    shares: "SharesTable | None" = None,
    house: str | None = None,
    as_of: date | str | None = None,
    horizon: int = DEFAULT_HORIZON,
    levels: Iterable[float] = DEFAULT_LEVELS,
    model: str = DEFAULT_MODEL,
    seed: int = 0,
    events: EventsAsked = (),
    name_changes: NameChangesGiven = (),
    conditions: Iterable[str | question_pb2.Condition] = (),
    league: bool = False,
    include_history: bool = False,
    revenue: bool = False,
    timeout: float | None = None,
) -> Streamed[OutcomeResult]:
    """Forecast many markets, each answered when it is ready, in any order.

    Nothing is asked of the server before the first outcome is. Leaving the loop early ends the work of the server.

    Args:
        markets: Markets of the server.
        shares: Shares or amounts of any markets, a frame or rows with `market` and the columns of `forecast`; in place
            of markets of the server or beside them.
        house: As in `forecast`, and so are the others; for markets of the server.
        as_of: Use only what was published by this date.
        horizon: Quarters ahead, 1 to 40.
        levels: Nominal levels, each in (0, 1).
        model: Name of the model.
        seed: Of the draws, of every market.
        events: Whose probability is asked of every market, as in `forecast`; or a mapping from a market to those asked
            of it, and from the empty name to those of every one. A market that an event cannot be asked of has an
            error in place of its forecast.
        name_changes: Changes of providers' names to apply to every market that has the provider, as in `forecast`.
        conditions: On the future of every market, as in `forecast`; a market that they cannot be asked of has an error.
        league: Whether to return ranks, probabilities of leading and concentration.
        include_history: Whether to return the history of each market of the server.
        revenue: Whether to work out what providers are going to sell, from published totals; not beside `shares`.
        timeout: Seconds for each message of markets; None for 600.

    Yields:
        Per market a forecast, or the error for which there is none.

    Raises:
        InvalidArgument, NotFound: what is asked of all of them.
        ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
    """
    seconds = STREAM_TIMEOUT if timeout is None else timeout
    queries = batch_queries(
        markets,
        shares=shares,
        house=house,
        as_of=as_of,
        horizon=whole(horizon, "horizon"),
        levels=levels,
        model=model,
        seed=seed,
        events=events,
        name_changes=name_changes,
        conditions=conditions,
        league=league,
        include_history=include_history,
        revenue=revenue,
    )
    return Streamed(
        FORECASTS,
        "StreamForecasts",
        ((convert.stream_request(query), _outcomes(query)) for query in queries),
        seconds,
    )


def create_forecast_job(
    markets: Iterable[str] = (),
    *,
    shares: "SharesTable | None" = None,
    house: str | None = None,
    as_of: date | str | None = None,
    horizon: int = DEFAULT_HORIZON,
    levels: Iterable[float] = DEFAULT_LEVELS,
    model: str = DEFAULT_MODEL,
    seed: int = 0,
    events: EventsAsked = (),
    name_changes: NameChangesGiven = (),
    conditions: Iterable[str | question_pb2.Condition] = (),
    league: bool = False,
    include_history: bool = False,
    revenue: bool = False,
    request_id: str = "",
    validate_only: bool = False,
    timeout: float | None = None,
) -> Single[JobResult]:
    """Have many markets forecast in the background; the server keeps the job and its outcomes.

    Args:
        markets: Markets of the server.
        shares: Shares or amounts of any markets, a frame or rows with `market` and the columns of `forecast`; in place
            of markets of the server or beside them.
        house: As in `forecast`, and so are the others; for markets of the server.
        as_of: Use only what was published by this date.
        horizon: Quarters ahead, 1 to 40.
        levels: Nominal levels, each in (0, 1).
        model: Name of the model.
        seed: Of the draws, of every market.
        events: Whose probability is asked of every market, as in `forecast`; or a mapping from a market to those asked
            of it, and from the empty name to those of every one. A market that an event cannot be asked of has an
            error in place of its forecast.
        name_changes: Changes of providers' names to apply to every market that has the provider, as in `forecast`.
        conditions: On the future of every market, as in `forecast`; a market that they cannot be asked of has an error.
        league: Whether to return ranks, probabilities of leading and concentration.
        include_history: Whether to return the history of each market of the server.
        revenue: Whether to work out what providers are going to sell, from published totals; not beside `shares`.
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
        horizon=whole(horizon, "horizon"),
        levels=levels,
        model=model,
        seed=seed,
        events=events,
        name_changes=name_changes,
        conditions=conditions,
        league=league,
        include_history=include_history,
        revenue=revenue,
    )
    request = convert.job_request(
        one_batch(queries), request_id=request_id or str(uuid.uuid4()), validate_only=validate_only
    )
    return Single(JOBS, "CreateForecastJob", request, _job, timeout)


def get_forecast_job(job_id: str, *, timeout: float | None = None) -> Single[JobResult]:
    """One job.

    Args:
        job_id: Of the job.
        timeout: Seconds for this call; None for the client's own.

    Raises:
        InvalidArgument, NotFound: the job.
        NoStore: the server has no database.
        ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
    """
    return Single(JOBS, "GetForecastJob", GetForecastJobRequest(job_id=job_id), _job, timeout)


def list_forecast_jobs(
    *, page_size: int = DEFAULT_PAGE_SIZE, timeout: float | None = None
) -> Paged[tuple[JobResult, ...]]:
    """Every job of the caller's tenant, the newest first.

    Args:
        page_size: Jobs asked for at a time, 1 to 500.
        timeout: Seconds for each page; None for the client's own.

    Raises:
        InvalidArgument: the page size.
        NoStore: the server has no database.
        ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
    """
    return Paged(
        JOBS,
        "ListForecastJobs",
        lambda token: convert.jobs_request(page_size, token),
        convert.jobs_page,
        lambda pages: tuple(one for page in pages for one in page.jobs),
        timeout,
    )


def cancel_forecast_job(job_id: str, *, timeout: float | None = None) -> Single[JobResult]:
    """End a job; what is done stays. Without effect on one that has ended.

    Args:
        job_id: Of the job.
        timeout: Seconds for this call; None for the client's own.

    Raises:
        InvalidArgument, NotFound: the job.
        NoStore: the server has no database.
        ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
    """
    return Single(JOBS, "CancelForecastJob", CancelForecastJobRequest(job_id=job_id), _job, timeout)


def watch_forecast_job(
    job_id: str, *, skip: int = 0, as_of: date | str | None = None, timeout: float | None = None
) -> Streamed[OutcomeResult]:
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
    query = BatchQuery(as_of=as_date(as_of))
    return Streamed(JOBS, "WatchForecastJob", ((convert.watch_request(job_id, skip), _outcomes(query)),), timeout)


def backtest(
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
) -> Streamed[BacktestProgress | Backtest]:
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
    query = BacktestQuery(
        market=market,
        house=house or "",
        shares=None if shares is None else share_rows(shares, market),
        origins=origins,
        horizon=whole(horizon, "horizon"),
        levels=level_list(levels),
        models=tuple(models),
        seed=seed,
    )
    seconds = BACKTEST_TIMEOUT if timeout is None else timeout
    return Streamed(FORECASTS, "Backtest", ((convert.backtest_request(query), _step),), seconds)


def diff_forecasts(
    market: str,
    *,
    earlier: date | str,
    later: date | str,
    house: str | None = None,
    horizon: int = DEFAULT_HORIZON,
    levels: Iterable[float] = DEFAULT_DIFF_LEVELS,
    model: str = DEFAULT_MODEL,
    seed: int = 0,
    timeout: float | None = None,
) -> Single["ForecastDiff"]:
    """Compare the forecasts of one market as made on two days, and find what each new figure did by leaving it out.

    Args:
        market: A market of the server, such as ``cn-cloud``.
        earlier: The first day: what was published by then is known.
        later: The second day, after it.
        house: The research house; None for canalys, or in a market it does not measure the one with most figures.
        horizon: Quarters ahead of the newest quarter known on the second day, 1 to 40.
        levels: Nominal levels of the prediction intervals, each in (0, 1).
        model: Name of the model.
        seed: Of the draws, 0 to 2**64 - 1.
        timeout: Seconds for this call; None for the client's own.

    Returns:
        The library's own value, with arrays; loads NumPy and Polars.

    Raises:
        InvalidArgument, NotFound, NotEnoughData: as `forecast.diff.forecast_changes`.
        ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
    """
    query = DiffQuery(
        market=market,
        earlier=_day(earlier, "earlier"),
        later=_day(later, "later"),
        house=house or "",
        horizon=whole(horizon, "horizon"),
        levels=level_list(levels),
        model=model,
        seed=seed,
    )
    return Single(FORECASTS, "DiffForecasts", convert.diff_request(query), convert.diff_result, timeout)


def render_report(
    market: str,
    *,
    house: str | None = None,
    as_of: date | str | None = None,
    horizon: int = DEFAULT_HORIZON,
    origins: int = DEFAULT_ORIGINS,
    timeout: float | None = None,
) -> Single[str]:
    """Make a page about one market: one HTML text that loads nothing.

    Args:
        market: A market of the server, such as ``cn-cloud``.
        house: The research house; None for canalys, or in a market it does not measure the one with most figures.
        as_of: Use only what was published by this date.
        horizon: Quarters ahead, 1 to 40.
        origins: Quarters that earlier forecasts are made from and scored, the latest ones; 1 to 400.
        timeout: Seconds for this call; None for the client's own.

    Raises:
        InvalidArgument, NotFound, NotEnoughData: as `forecast.report.make_report`.
        ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
    """
    query = ReportQuery(
        market=market,
        house=house or "",
        as_of=as_date(as_of),
        horizon=whole(horizon, "horizon"),
        origins=whole(origins, "origins"),
    )
    return Single(FORECASTS, "RenderReport", convert.report_request(query), convert.report_html, timeout)


def list_markets(
    *, page_size: int = DEFAULT_PAGE_SIZE, timeout: float | None = None
) -> Paged[tuple[MarketResult, ...]]:
    """Every market of the server, by name.

    Args:
        page_size: Markets asked for at a time, 1 to 500.
        timeout: Seconds for each page; None for the client's own.

    Raises:
        InvalidArgument: the page size.
        ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
    """
    return Paged(
        MARKETS,
        "ListMarkets",
        lambda token: convert.markets_request(page_size, token),
        convert.markets_page,
        lambda pages: tuple(one for page in pages for one in page.markets),
        timeout,
    )


def get_market(market: str, *, timeout: float | None = None) -> Single[MarketResult]:
    """One market: who measures it, whom they name, and when figures came.

    Args:
        market: A market of the server, such as ``cn-cloud``.
        timeout: Seconds for this call; None for the client's own.

    Raises:
        InvalidArgument, NotFound: the market.
        ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
    """
    return Single(MARKETS, "GetMarket", convert.market_request(market), convert.market_result, timeout)


def list_figures(
    *,
    market: str | None = None,
    house: str | None = None,
    quarter: Quarter | str | None = None,
    provider: str | None = None,
    as_of: date | str | None = None,
    page_size: int = LARGEST_FIGURES_PAGE,
    timeout: float | None = None,
) -> Paged[FiguresResult]:
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
    query = FiguresQuery(
        market=market,
        house=house,
        quarter=Quarter.parse(quarter, "quarter") if isinstance(quarter, str) else quarter,
        provider=provider,
        as_of=as_date(as_of),
        page_size=page_size,
    )
    return Paged(
        MARKETS,
        "ListFigures",
        lambda token: convert.figures_request(query, token),
        convert.figures_page,
        lambda pages: FiguresResult(tuple(one for page in pages for one in page.figures)),
        timeout,
    )


def import_figures(
    table: "ImportTable",
    *,
    kind: Literal["figures", "shares", "names"] = "figures",
    house: str = "",
    request_id: str = "",
    validate_only: bool = False,
    replace: bool = False,
    name_changes: NameChangesGiven = (),
    timeout: float | None = None,
) -> Single[ImportReport]:
    """Bring figures or shares into the server's store, all or nothing.

    Nothing is sent unless every cell has the type of its column.

    Args:
        table: A Polars frame, or rows such as ``{"market": "cn-cloud", "period": "2020Q3", ...}``. Of figures, one
            row per statement by one page, the columns of `forecast.schema.FIGURES_COLUMNS`. Of shares, `market`,
            `period`, `provider`, `share` (a fraction; None where not reported, which is never zero) or `value` (an
            amount), optionally `decimals` (of the percentage as published) and `published_at`. Of changes of names,
            the columns of `forecast.name_tables.NAMES_SCHEMA`.
        kind: What the rows are.
        house: The house that shares are kept under; empty for ``own``. Leave out for figures, which name theirs.
        request_id: Names this import: repeated with the same rows it changes nothing and gives the first report.
            Empty: a new one is made up, so that the call can be repeated by gRPC but not by you.
        validate_only: Check everything and report what would be done, but keep nothing.
        replace: Of shares: the table is complete, so that earlier shares of the house in its markets stop counting.
            They are kept, and count in answers "recorded by" a moment before this import.
        name_changes: Changes of providers' names that are kept with figures or shares, as in `forecast`: one without a
            market is of every market of the table that has the provider.
        timeout: Seconds for the whole; None for 600.

    Raises:
        InvalidArgument: a cell is of the wrong type, a column unknown, or an option not allowed.
        InvalidTable: rows break rules; names row, column, value and rule.
        AlreadyExists: another import was made under this request id.
        NoStore: the server has no database.
        ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
    """
    query = ImportQuery(
        kind,
        house,
        request_id or str(uuid.uuid4()),
        validate_only,
        replace,
        convert.name_changes_of(name_changes),
    )
    requests = tuple(convert.import_requests(query, import_rows(table, kind)))  # all made before the first is sent
    seconds = IMPORT_TIMEOUT if timeout is None else timeout
    return Single(MARKETS, "ImportFigures", iter(requests), convert.import_report, seconds)


def withdraw_figures(
    *,
    import_id: int | str | None = None,
    market: str = "",
    house: str = "",
    provider: str = "",
    period: Quarter | str = "",
    kind: Literal["", "figures", "shares", "names"] = "",
    request_id: str = "",
    validate_only: bool = False,
    timeout: float | None = None,
) -> Single[WithdrawReport]:
    """Have imported rows stop counting: those that fit everything that is given, or none.

    They are kept, and count in answers "recorded by" a moment before this call. Figures that come with the server
    cannot be withdrawn.

    Args:
        import_id: Of this import, as its report names it.
        market: Of this market; needed without an `import_id`.
        house: Of this house.
        provider: Those that name this provider, alone or in a sum.
        period: Of this quarter such as ``2020Q3``, or of this whole year such as ``2020``.
        kind: Of this kind; empty: of every kind with an `import_id`, else figures and shares.
        request_id: Names this withdrawal: repeated it changes nothing and gives the first report. Empty: a new one is
            made up, so that the call can be repeated by gRPC but not by you.
        validate_only: Report what would be withdrawn, but withdraw nothing.
        timeout: Seconds for this call; None for the client's own.

    Raises:
        InvalidArgument, NotFound: no imported row that still counts fits, or what is asked says too little.
        AlreadyExists: something else was done under this request id.
        NoStore: the server has no database.
        ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
    """
    query = WithdrawQuery(
        import_id=convert.read_import_id("" if import_id is None else str(import_id)),
        market=market,
        house=house,
        provider=provider,
        period=str(period),
        kind=kind,
        request_id=request_id or str(uuid.uuid4()),
        validate_only=validate_only,
    )
    return Single(MARKETS, "WithdrawFigures", convert.withdraw_request(query), convert.withdraw_report, timeout)


def list_models(*, page_size: int = DEFAULT_PAGE_SIZE, timeout: float | None = None) -> Paged[tuple[ModelResult, ...]]:
    """Every model of the server, the default first.

    Args:
        page_size: Models asked for at a time, 1 to 500.
        timeout: Seconds for each page; None for the client's own.

    Raises:
        InvalidArgument: the page size.
        ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
    """
    return Paged(
        FORECASTS,
        "ListModels",
        lambda token: convert.models_request(page_size, token),
        convert.models_page,
        lambda pages: tuple(one for page in pages for one in page.models),
        timeout,
    )


def get_history(
    market: str,
    *,
    house: str | None = None,
    as_of: date | str | None = None,
    figures: "ImportTable | None" = None,
    recorded_by: datetime | date | str | None = None,
    name_changes: NameChangesGiven = (),
    timeout: float | None = None,
) -> Single[HistoryResult]:
    """The quarterly composition of one market as one research house tells it.

    Args:
        market: A market of the server, such as ``cn-cloud``; beside `figures`, one of theirs.
        house: The research house; None for canalys, or in a market it does not measure the one with most figures.
        as_of: Use only what was published by this date.
        figures: Published figures to make it from in place of the server's, as in `forecast`.
        recorded_by: Use only what the server's database held at this moment, as in `forecast`.
        name_changes: Changes of providers' names to apply, as in `forecast`.
        timeout: Seconds for this call; None for the client's own.

    Raises:
        InvalidArgument, InvalidTable, NotFound, NotEnoughData: as the library raises them.
        ServiceError: the service could not be reached, had no time, or failed; see `service.errors`.
    """
    query = HistoryQuery(
        market=market,
        house=house or "",
        as_of=as_date(as_of),
        figures=None if figures is None else tuple(table_rows(figures)),
        most_bytes=TAKEN_BYTES,
        recorded_by=as_moment(recorded_by),
        name_changes=convert.name_changes_of(name_changes),
    )
    return Single(MARKETS, "GetHistory", convert.history_request(query), convert.history_result, timeout)


def _day(given: date | str, field: str) -> date:
    return parse_date(given, field) if isinstance(given, str) else given


def _job(response: Any) -> JobResult:  # noqa: ANN401  (of three methods)
    return convert.job_result(response.job)


def _outcomes(query: BatchQuery) -> Callable[[Any], tuple[OutcomeResult, ...]]:
    return lambda response: convert.outcome_results(response.outcomes, query)


def _step(response: BacktestResponse) -> tuple[BacktestProgress | Backtest]:
    return (convert.backtest_step(response),)
