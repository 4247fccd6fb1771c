"""What is done for calls: functions of plain values, so that a thread or another process can do it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from forecast.brought import with_names
from forecast.errors import InvalidArgument, SharecastError
from forecast.forecasting import (
    OF_RECORD,
    check_request,
    forecast_history,
    forecast_shares,
    provenance_of_record,
)
from forecast.grammar import Asked
from forecast.many import forecast_table
from forecast.name_changes import NameChange, check_declared
from forecast.prior import shipped_prior
from forecast.quarter import Quarter
from forecast.results import OTHERS, Forecast, History, level_name
from forecast.shares import SharesTable, sound_shares
from service import convert
from service.answers import answer, check_asked, check_words
from service.catalog import Catalog, HistoryTask, inline_shares
from service.extent import check_extent
from service.pasted import paste, totals_asked
from service.queries import PLAIN_BYTES, BacktestQuery, BatchQuery, ForecastQuery, MarketTable
from service.server.room import (
    BESIDE_OUTCOME,
    Beside,
    check_ahead,
    check_answer,
    check_history,
    check_room,
    check_scores_room,
)
from sharecast.v1.batch_pb2 import ForecastBatch, MarketOutcome
from sharecast.v1.forecast_service_pb2 import ForecastRequest, ForecastResponse
from sharecast.v1.market_service_pb2 import GetHistoryRequest

if TYPE_CHECKING:
    from forecast.totals import Totals


def make_forecast(
    query: ForecastQuery,
    history: History | None,
    totals: "Totals | None" = None,
    breaks: pl.DataFrame | None = None,
    /,
) -> ForecastResponse:
    """Forecast a history, or the shares or figures in the query.

    Args:
        query: What is asked.
        history: None for the shares or figures in the query.
        totals: Of the market, where revenue is asked for; None for those of figures in the query.
        breaks: Declared series breaks, beside figures in the query.

    Raises:
        InvalidTable: a row of the shares or figures breaks a rule.
        InvalidArgument: the figures tell of too much, or no message has room for the answer.
        InvalidArgument, NotFound, NotEnoughData, ModelFailed: as `forecast.forecasting.forecast_shares`.
    """
    if query.figures is not None and breaks is not None:
        pasted = paste(
            query.figures,
            breaks,
            market=query.market,
            house=query.house,
            as_of=query.as_of,
            name_changes=query.name_changes,
        )
        history = pasted.history
        if query.revenue is not None:
            totals = totals_asked(query.revenue, history, pasted.figures)
    told = None
    source: History | SharesTable
    if history is not None:
        source, data = history, convert.data_used(history)
        if query.include_history:
            told = convert.history_message(history)
    else:
        brought, data = inline_shares(query.shares or (), market=query.market)
        check_declared(query.name_changes, brought.shares["provider"])
        source = with_names(brought, query.name_changes)
    beside = Beside(
        history=0 if told is None else told.ByteSize(),
        league=query.league,
        past=None if totals is None else len(totals.quarters),
        draws=query.include_draws,
    )
    check_asked(source, query.events, query.conditions, horizon=query.horizon)
    forecast = _forecast(source, query, keep_draws=query.from_draws, beside=beside)
    answers = answer(forecast, query.events, query.conditions, league=query.league, totals=totals, seed=query.seed)
    response = convert.forecast_response(
        answers.forecast,
        data,
        history=told,
        events=answers.events,
        conditions=answers.conditions,
        league=answers.league,
        revenue=answers.revenue,
        include_draws=query.include_draws,
    )
    check_answer(response)
    return response


def forecast_reply(
    query: ForecastQuery,
    history: History | None,
    totals: "Totals | None" = None,
    breaks: pl.DataFrame | None = None,
    /,
) -> bytes:
    """The bytes of `make_forecast`; the same query, history and version give the same ones."""
    return make_forecast(query, history, totals, breaks).SerializeToString(deterministic=True)


def raw_forecast_reply(
    raw: bytes, history: History | None, totals: "Totals | None" = None, breaks: pl.DataFrame | None = None, /
) -> bytes:
    """The same for a ForecastRequest as it came: a process reads it sooner than the rows that were read from it."""
    return forecast_reply(convert.forecast_query(ForecastRequest.FromString(raw)), history, totals, breaks)


def make_history(task: HistoryTask, /) -> History:
    """Make a history of the server's figures.

    Raises:
        InvalidArgument: the figures tell of too much.
        NotFound, NotEnoughData: as `forecast.history.reconstruct`.
    """
    check_extent(task.of_house(), "market")
    return task.make()


def history_reply(history: History, most_bytes: int, /) -> bytes:
    """The bytes of a history.

    Raises:
        InvalidArgument: it is larger than the caller takes.
    """
    answer = convert.history_response(history)
    check_history(answer, most_bytes)
    return answer.SerializeToString(deterministic=True)


def raw_history_reply(raw: bytes, breaks: pl.DataFrame, /) -> bytes:
    """The bytes of the history that figures in a GetHistoryRequest tell.

    Raises:
        InvalidTable: a row of the figures breaks a rule.
        InvalidArgument: the figures tell of too much, or the history is larger than the caller takes.
        NotFound, NotEnoughData: as `forecast.history.reconstruct`.
    """
    query = convert.history_query(GetHistoryRequest.FromString(raw))
    pasted = paste(
        query.figures or (),
        breaks,
        market=query.market,
        house=query.house,
        as_of=query.as_of,
        name_changes=query.name_changes,
    )
    return history_reply(pasted.history, query.most_bytes)


def backtest_replies(
    figures: pl.DataFrame, breaks: pl.DataFrame, name_changes: tuple[NameChange, ...], query: BacktestQuery, /
) -> Iterator[bytes]:
    """The messages of a backtest on figures, or on the shares in the query, as bytes.

    Raises:
        InvalidArgument, InvalidTable, NotFound, NotEnoughData: when the first one is asked for; the first also where
            no message has room for the scores.
    """
    for model in query.models:  # first: a wrong horizon is not a lack of room
        check_request(horizon=query.horizon, levels=query.levels, model=model)
    check_scores_room(query)
    catalog = Catalog(figures, breaks, name_changes=name_changes)
    if query.shares is None:
        house = query.house or catalog.house_of(query.market)
        check_extent(figures.filter(pl.col("house") == house), "market")
    for step in catalog.backtest(query):
        yield convert.backtest_response(step).SerializeToString()


def inline_outcomes(raw: bytes, request_id: str, compiled: bool, /) -> list[tuple[bool, bytes]]:
    """Forecast the markets of a ForecastBatch whose shares the caller brings.

    Args:
        raw: The batch.
        request_id: Names the call in what is said of a failure.
        compiled: Whether the compiled form of the model of record takes all markets at once, as in a large batch.

    Returns:
        Whether each failed, and a MarketOutcome, in the order of the batch.
    """
    batch = ForecastBatch.FromString(raw)
    query = convert.batch_query(batch)
    tables = convert.read_tables(batch)
    asks_more = query.name_changes or any(query.from_draws(query.events + table.events) for table in tables)
    if compiled and query.model == OF_RECORD and not asks_more:
        try:
            return _together(tables, query, request_id)
        except SharecastError:  # a table breaks a rule or is too large; one by one, only that one has no forecast
            pass
    return [_alone(table, query, request_id) for table in tables]


def history_outcome(
    history: History, query: BatchQuery, events: tuple[Asked, ...], totals: "Totals | None", request_id: str, /
) -> tuple[bool, bytes]:
    """Forecast one market of the server and answer what is asked of it: whether it failed, and a MarketOutcome."""
    return _outcome(history.market, lambda: _market_outcome(history, query, events, totals), request_id)


def _market_outcome(
    source: History | SharesTable, query: BatchQuery, events: tuple[Asked, ...], totals: "Totals | None" = None
) -> bytes:
    check_asked(source, events, query.conditions, horizon=query.horizon)
    told = data = None
    if isinstance(source, History):
        data = convert.data_used(source)
        told = convert.history_message(source) if query.include_history else None
    beside = Beside(
        history=0 if told is None else told.ByteSize(),
        league=query.league,
        past=None if totals is None else len(totals.quarters),
    )
    made = _forecast(source, query, keep_draws=query.from_draws(events), beside=beside)
    answers = answer(made, events, query.conditions, league=query.league, totals=totals, seed=query.seed)
    return convert.forecast_outcome(answers, data, told)


def _forecast(
    source: History | SharesTable,
    query: ForecastQuery | BatchQuery,
    *,
    keep_draws: bool,
    beside: Beside | None = None,
) -> Forecast:
    """Forecast a history, or a table of shares, as is asked."""
    providers: Sequence[str]
    if isinstance(source, History):
        providers, quarters = source.providers, len(source.quarters)
    else:
        providers = source.shares["provider"].unique().to_list()
        quarters = source.shares["period"].n_unique()
    check_ahead(providers, quarters)
    check_room(providers, horizon=query.horizon, levels=len(query.levels), beside=beside)
    make = partial(forecast_history, source) if isinstance(source, History) else partial(forecast_shares, source)
    return make(horizon=query.horizon, levels=query.levels, model=query.model, seed=query.seed, keep_draws=keep_draws)


def _alone(table: MarketTable, query: BatchQuery, request_id: str) -> tuple[bool, bytes]:
    def make() -> bytes:
        check_words(events := query.events + table.events)
        return _market_outcome(with_names(_read([table]), query.name_changes), query, events)

    return _outcome(table.market, make, request_id)


def _outcome(market: str, make: Callable[[], bytes], request_id: str) -> tuple[bool, bytes]:
    """Whether a market failed, and the MarketOutcome that is made, or that says why there is none."""
    try:
        made = make()
        if len(made) > PLAIN_BYTES - BESIDE_OUTCOME:
            check_answer(MarketOutcome.FromString(made).forecast, beside=BESIDE_OUTCOME)
    except SharecastError as error:
        return True, convert.error_outcome(market, error, request_id)
    return False, made


def _together(tables: Sequence[MarketTable], query: BatchQuery, request_id: str) -> list[tuple[bool, bytes]]:
    for table in tables:
        check_room(table.providers, horizon=query.horizon, levels=len(query.levels))
    read = _read(tables)
    if set(read.shares["market"].unique()) != {table.market for table in tables}:
        return [_alone(table, query, request_id) for table in tables]  # two markets whose names are nearly the same
    made = forecast_table(read.shares, horizon=query.horizon, levels=query.levels)
    frame = made.table
    warnings: dict[str, list[str]] = {}
    for market, note in pl.concat([read.notes, made.notes]).iter_rows():
        warnings.setdefault(market, []).append(note)
    levels = tuple(sorted(query.levels))
    names = [f"{side}_{level_name(level)}" for level in levels for side in ("lower", "upper")]
    done = {
        market: (True, convert.error_outcome(market, error, request_id))
        for market, error in made.failures
        if isinstance(error, SharecastError)
    }
    numbers = [frame[name].to_list() for name in ("mean", "median", *names)]
    providers = frame["provider"].to_list()
    sizes = frame.group_by("market", maintain_order=True).agg(pl.len(), pl.col("origin").first())
    start = 0
    for market, size, origin in sizes.iter_rows():
        end, parts = start + size, size // query.horizon
        columns = []
        for k in range(parts):  # rows stand by quarter, then by provider
            mean, median, *bounds = (values[start + k : end : parts] for values in numbers)
            columns.append((providers[start + k], mean, median, list(zip(bounds[::2], bounds[1::2], strict=True))))
        weight, restlessness = made.told[market]
        provenance = provenance_of_record(
            shipped_prior(),
            levels,
            query.seed,
            smoothing_weight=weight,
            restlessness=restlessness,
            has_rest=OTHERS in providers[start : start + parts],
        )
        told = convert.columns_outcome(market, origin, columns, levels, provenance, warnings=warnings.get(market, ()))
        done[market] = (False, told)
        start = end
    return [done[table.market] for table in tables]


def _read(tables: Sequence[MarketTable]) -> SharesTable:
    """Tables of shares and of amounts as one table of shares, the rows of a market together.

    Raises:
        InvalidArgument: as `_frame`.
        InvalidTable: a row of any market breaks a rule.
    """
    kinds = [[table for table in tables if table.amounts is amounts] for amounts in (False, True)]
    read = [sound_shares(_frame(some)) for some in kinds if some]
    if len(read) == 1:
        return read[0]
    shares, amounts = read
    return replace(
        shares,
        shares=pl.concat([shares.shares, amounts.shares]),
        notes=pl.concat([shares.notes, amounts.notes]),
        totals=amounts.totals,
    )


def _frame(tables: Sequence[MarketTable]) -> pl.DataFrame:
    """A table of shares, or of amounts where all of these are.

    Raises:
        InvalidArgument: a table has not K shares for each of its quarters, or no first quarter.
    """
    quarters: dict[int, str] = {}
    markets: list[str] = []
    periods: list[str] = []
    providers: list[str] = []
    shares: list[float | None] = []
    decimals: list[int | None] = []
    for table in tables:
        parts, cells = len(table.providers), len(table.shares)
        if not parts or cells % parts:
            raise InvalidArgument(
                "shares", cells, "send one of each provider in each quarter", f"are {cells} of {parts} providers"
            )
        if table.cell_decimals and len(table.cell_decimals) != cells:
            found = f"are {len(table.cell_decimals)} of {cells} cells"
            raise InvalidArgument("cell_decimals", len(table.cell_decimals), "send one for each cell, or none", found)
        first = Quarter.parse(table.first_period, "first_period").index
        for index in range(first, first + cells // parts):
            if index not in quarters:
                quarters[index] = str(Quarter(index))
            periods.extend([quarters[index]] * parts)
        markets.extend([table.market] * cells)
        providers.extend(table.providers * (cells // parts))
        shares.extend(table.shares)
        decimals.extend(table.cell_decimals or [table.decimals] * cells)
    measure = "value" if tables[0].amounts else "share"
    return pl.DataFrame(
        {"market": markets, "period": periods, "provider": providers, measure: shares, "decimals": decimals},
        schema={
            "market": pl.String,
            "period": pl.String,
            "provider": pl.String,
            measure: pl.Float64,
            "decimals": pl.Int64,
        },
    ).with_columns(pl.col(measure).fill_nan(None))
