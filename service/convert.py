"""Messages to values and back: the one module that reads and writes message fields.

Free of Polars and NumPy, because the client uses it too; what it needs of an array is `tolist`.
"""

import base64
import json
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from forecast.errors import InvalidArgument
from forecast.quarter import Quarter
from forecast.scorecard import Backtest, BacktestProgress, Score, Skipped
from service.queries import (
    DEFAULT_BACKTEST_LEVELS,
    DEFAULT_BACKTEST_MODELS,
    DEFAULT_HORIZON,
    DEFAULT_HOUSE,
    DEFAULT_LEVELS,
    DEFAULT_MODEL,
    DEFAULT_ORIGINS,
    DEFAULT_PAGE_SIZE,
    LARGEST_PAGE,
    BacktestQuery,
    ForecastQuery,
    HistoryQuery,
    MarketsQuery,
    ShareRow,
    parse_date,
)
from service.results import (
    DataUsed,
    ForecastResult,
    HistoryResult,
    HouseResult,
    MarketResult,
    MarketsPage,
    Matrix,
    ModelUsed,
)
from sharecast.v1 import backtest_pb2, forecast_pb2, history_pb2, market_pb2, provenance_pb2
from sharecast.v1.forecast_service_pb2 import BacktestRequest, BacktestResponse, ForecastRequest, ForecastResponse
from sharecast.v1.market_service_pb2 import (
    GetHistoryRequest,
    GetHistoryResponse,
    ListMarketsRequest,
    ListMarketsResponse,
)

if TYPE_CHECKING:
    from forecast.figures import MarketInfo
    from forecast.results import Forecast, History

_INT32, _UINT64 = 2**31, 2**64
_NO_HOUSE = "empty beside inline shares, which are no research house's"


# Queries.


def forecast_request(query: ForecastQuery, /) -> ForecastRequest:
    """Write a query.

    Raises:
        InvalidArgument: a value that the message cannot carry, or would carry as another one, such as horizon 0, which
            on the wire stands for the default. Everything else is for the server to judge.
    """
    _check_question(query)
    if not query.model:
        raise InvalidArgument("model", query.model, "the name of a model")
    request = ForecastRequest(
        market=query.market,
        house=query.house,
        as_of=_date_text(query.as_of),
        horizon=query.horizon,
        levels=query.levels,
        model=query.model,
        seed=query.seed,
        include_history=query.include_history,
    )
    if query.shares is not None:
        request.shares.CopyFrom(_shares_message(query.shares))  # without rows it is still inline data
    return request


def backtest_request(query: BacktestQuery, /) -> BacktestRequest:
    """Write a query.

    Raises:
        InvalidArgument: as `forecast_request`, and likewise for origins and models.
    """
    _check_question(query)
    if query.origins == 0 or not -_INT32 <= query.origins < _INT32:
        raise InvalidArgument("origins", query.origins, "1 to 400")
    if not query.models:
        raise InvalidArgument("models", query.models, "at least one model, each once")
    request = BacktestRequest(
        market=query.market,
        house=query.house,
        origins=query.origins,
        horizon=query.horizon,
        levels=query.levels,
        models=query.models,
        seed=query.seed,
    )
    if query.shares is not None:
        request.shares.CopyFrom(_shares_message(query.shares))
    return request


def backtest_query(request: BacktestRequest, /) -> BacktestQuery:
    """Read a query, with defaults in place of empty fields.

    Raises:
        InvalidArgument: no market, or a house beside inline shares.
    """
    inline = request.WhichOneof("data") == "shares"
    if inline and request.house:
        raise InvalidArgument("house", request.house, _NO_HOUSE)
    return BacktestQuery(
        market=_read_market(request.market),
        house="" if inline else request.house or DEFAULT_HOUSE,
        shares=tuple(_share_row(row) for row in request.shares.rows) if inline else None,
        origins=request.origins or DEFAULT_ORIGINS,
        horizon=request.horizon or DEFAULT_HORIZON,
        levels=tuple(request.levels) or DEFAULT_BACKTEST_LEVELS,
        models=tuple(request.models) or DEFAULT_BACKTEST_MODELS,
        seed=request.seed,
    )


def forecast_query(request: ForecastRequest, /) -> ForecastQuery:
    """Read a query, with defaults in place of empty fields.

    Raises:
        InvalidArgument: no market, a bad date, a negative horizon, or a house or date beside inline shares.
    """
    inline = request.WhichOneof("data") == "shares"
    as_of = _read_date(request.as_of)
    if inline and as_of is not None:
        raise InvalidArgument("as_of", request.as_of, "empty beside inline shares, which carry no publication dates")
    if inline and request.house:
        raise InvalidArgument("house", request.house, _NO_HOUSE)
    return ForecastQuery(
        market=_read_market(request.market),
        house="" if inline else request.house or DEFAULT_HOUSE,
        as_of=as_of,
        shares=tuple(_share_row(row) for row in request.shares.rows) if inline else None,
        horizon=request.horizon or DEFAULT_HORIZON,
        levels=tuple(request.levels) or DEFAULT_LEVELS,
        model=request.model or DEFAULT_MODEL,
        seed=request.seed,
        include_history=request.include_history,
    )


def history_request(query: HistoryQuery, /) -> GetHistoryRequest:
    """Write a query."""
    return GetHistoryRequest(market=query.market, house=query.house, as_of=_date_text(query.as_of))


def history_query(request: GetHistoryRequest, /) -> HistoryQuery:
    """Read a query, with defaults in place of empty fields.

    Raises:
        InvalidArgument: no market, or a bad date.
    """
    return HistoryQuery(
        market=_read_market(request.market), house=request.house or DEFAULT_HOUSE, as_of=_read_date(request.as_of)
    )


def markets_request(page_size: int, page_token: str, /) -> ListMarketsRequest:
    """Ask for one page.

    Raises:
        InvalidArgument: a page size that the message cannot carry, or 0, which on the wire stands for the default.
    """
    if not 0 < page_size < _INT32:
        raise InvalidArgument("page_size", page_size, f"1 to {LARGEST_PAGE}")
    return ListMarketsRequest(page_size=page_size, page_token=page_token)


def markets_query(request: ListMarketsRequest, /) -> MarketsQuery:
    """Read which page is meant.

    Raises:
        InvalidArgument: a negative page size, or a token that is not ours.
    """
    if request.page_size < 0:
        raise InvalidArgument("page_size", request.page_size, f"0 for the default, or 1 to {LARGEST_PAGE}")
    size = min(request.page_size or DEFAULT_PAGE_SIZE, LARGEST_PAGE)
    return MarketsQuery(page_size=size, after=_read_token(request.page_token))


# Answers.


def forecast_response(forecast: "Forecast", /, data: DataUsed, *, include_history: bool) -> ForecastResponse:
    """Write a forecast: one list per provider and column."""
    provenance = forecast.provenance
    return ForecastResponse(
        market=forecast.market,
        house=forecast.house,
        as_of=_date_text(forecast.as_of),
        origin=str(forecast.origin),
        periods=[str(period) for period in forecast.periods],
        levels=forecast.levels,
        providers=[
            forecast_pb2.ProviderForecast(
                provider=provider,
                mean=forecast.mean[:, k].tolist(),
                median=forecast.median[:, k].tolist(),
                intervals=[
                    forecast_pb2.Interval(
                        level=level, lower=forecast.lower[n, :, k].tolist(), upper=forecast.upper[n, :, k].tolist()
                    )
                    for n, level in enumerate(forecast.levels)
                ],
            )
            for k, provider in enumerate(forecast.providers)
        ],
        data_provenance=_data_message(data),
        model_provenance=provenance_pb2.ModelProvenance(
            model=provenance.model,
            models_used=[provenance_pb2.ModelWeight(model=name, weight=weight) for name, weight in provenance.used],
            version=provenance.version,
            prior=provenance.prior,
            seed=provenance.seed,
            notes=provenance.notes,
            measured_coverage=provenance.measured_coverage,
        ),
        warnings=forecast.warnings,
        history=_history_message(forecast.history) if include_history and forecast.history is not None else None,
    )


def forecast_result(response: ForecastResponse, /) -> ForecastResult:
    """Read a forecast."""
    providers = response.providers
    numbers = range(len(response.levels))
    model = response.model_provenance
    return ForecastResult(
        market=response.market,
        house=response.house,
        as_of=_read_date(response.as_of),
        origin=Quarter.parse(response.origin, "origin"),
        periods=_quarters(response.periods),
        levels=tuple(response.levels),
        providers=tuple(p.provider for p in providers),
        mean=_rows([p.mean for p in providers]),
        median=_rows([p.median for p in providers]),
        lower=tuple(_rows([p.intervals[n].lower for p in providers]) for n in numbers),
        upper=tuple(_rows([p.intervals[n].upper for p in providers]) for n in numbers),
        data=_data_used(response.data_provenance),
        model=ModelUsed(
            model=model.model,
            used=tuple((used.model, used.weight) for used in model.models_used),
            version=model.version,
            prior=model.prior,
            seed=model.seed,
            notes=tuple(model.notes),
            measured_coverage=tuple(model.measured_coverage),
        ),
        warnings=tuple(response.warnings),
        history=_history_result(response.history) if response.HasField("history") else None,
    )


def backtest_response(step: BacktestProgress | Backtest, /) -> BacktestResponse:
    """Write a step of a backtest."""
    if isinstance(step, BacktestProgress):
        progress = backtest_pb2.BacktestProgress(
            market=step.market, origin=str(step.origin), done=step.done, total=step.total
        )
        return BacktestResponse(progress=progress)
    return BacktestResponse(
        scores=backtest_pb2.BacktestScores(
            markets=step.markets,
            house=step.house,
            models=step.models,
            levels=step.levels,
            horizon=step.horizon,
            seed=step.seed,
            forecasts_count=step.forecasts,
            first_origin=str(step.first_origin),
            last_origin=str(step.last_origin),
            scores=[
                backtest_pb2.Score(
                    market=score.market,
                    model=score.model,
                    measure=score.measure,
                    level=score.level,
                    horizon=score.horizon,
                    value=score.value,
                    count=score.count,
                )
                for score in step.scores
            ],
            skipped=[
                backtest_pb2.SkippedOrigin(
                    market=skipped.market, origin=_quarter_text(skipped.origin), reason=skipped.reason
                )
                for skipped in step.skipped
            ],
            notes=step.notes,
        )
    )


def backtest_step(response: BacktestResponse, /) -> BacktestProgress | Backtest:
    """Read a step of a backtest; `Backtest` is the last one."""
    if response.WhichOneof("event") == "progress":
        progress = response.progress
        return BacktestProgress(
            progress.market, Quarter.parse(progress.origin, "origin"), progress.done, progress.total
        )
    found = response.scores
    return Backtest(
        markets=tuple(found.markets),
        house=found.house,
        models=tuple(found.models),
        levels=tuple(found.levels),
        horizon=found.horizon,
        seed=found.seed,
        forecasts=found.forecasts_count,
        first_origin=Quarter.parse(found.first_origin, "first_origin"),
        last_origin=Quarter.parse(found.last_origin, "last_origin"),
        scores=tuple(
            Score(
                market=score.market if score.HasField("market") else None,
                model=score.model,
                measure=score.measure,
                level=score.level if score.HasField("level") else None,
                horizon=score.horizon if score.HasField("horizon") else None,
                value=score.value,
                count=score.count,
            )
            for score in found.scores
        ),
        skipped=tuple(Skipped(s.market, _read_quarter(s.origin), s.reason) for s in found.skipped),
        notes=tuple(found.notes),
    )


def history_response(history: "History", /) -> GetHistoryResponse:
    """Write a history."""
    return GetHistoryResponse(history=_history_message(history))


def history_result(response: GetHistoryResponse, /) -> HistoryResult:
    """Read a history."""
    return _history_result(response.history)


def markets_response(markets: "Sequence[MarketInfo]", /, next_after: str) -> ListMarketsResponse:
    """Write one page; `next_after` is its last market where more follow, else empty."""
    return ListMarketsResponse(
        markets=[
            market_pb2.Market(
                market=info.market,
                houses=[
                    market_pb2.House(
                        house=house.name,
                        providers=[market_pb2.HouseProvider(provider=provider) for provider in house.providers],
                        first_period=_quarter_text(house.first),
                        last_period=_quarter_text(house.last),
                        figures_count=house.figures,
                        vintages=[_date_text(vintage) for vintage in house.vintages],
                    )
                    for house in info.houses
                ],
            )
            for info in markets
        ],
        next_page_token=_token(next_after),
    )


def markets_page(response: ListMarketsResponse, /) -> MarketsPage:
    """Read one page."""
    markets = tuple(
        MarketResult(
            market=market.market,
            houses=tuple(
                HouseResult(
                    house=house.house,
                    providers=tuple(p.provider for p in house.providers),
                    first=_read_quarter(house.first_period),
                    last=_read_quarter(house.last_period),
                    figures_count=house.figures_count,
                    vintages=tuple(parse_date(vintage, "vintages") for vintage in house.vintages),
                )
                for house in market.houses
            ),
        )
        for market in response.markets
    )
    return MarketsPage(markets=markets, next_page_token=response.next_page_token)


# Parts.


def _history_message(history: "History") -> history_pb2.History:
    return history_pb2.History(
        market=history.market,
        house=history.house,
        as_of=_date_text(history.as_of),
        periods=[str(quarter) for quarter in history.quarters],
        providers=[
            history_pb2.ProviderHistory(
                provider=provider,
                share=history.share[:, k].tolist(),
                sd=history.sd[:, k].tolist(),
                status=[_STATUS_PREFIX + str(row[k]).upper() for row in history.status],
                smoothed=history.smoothed[:, k].tolist(),
                smoothed_sd=history.smoothed_sd[:, k].tolist(),
                sources=[history_pb2.CellSources(figure_ids=row[k]) for row in history.sources],
            )
            for k, provider in enumerate(history.providers)
        ],
        breaks=[history_pb2.SeriesBreak(period=str(period), description=text) for period, text in history.breaks],
        data_provenance=_data_message(data_used(history)),
        warnings=history.warnings,
    )


def _history_result(message: history_pb2.History) -> HistoryResult:
    providers = message.providers
    return HistoryResult(
        market=message.market,
        house=message.house,
        as_of=_read_date(message.as_of),
        periods=_quarters(message.periods),
        providers=tuple(p.provider for p in providers),
        share=_rows([p.share for p in providers]),
        sd=_rows([p.sd for p in providers]),
        status=tuple(zip(*([_STATUS_NAMES.get(s, "unknown") for s in p.status] for p in providers), strict=True)),
        smoothed=_rows([p.smoothed for p in providers]),
        smoothed_sd=_rows([p.smoothed_sd for p in providers]),
        breaks=tuple((Quarter.parse(b.period), b.description) for b in message.breaks),
        sources=tuple(zip(*([tuple(s.figure_ids) for s in p.sources] for p in providers), strict=True)),
        data=_data_used(message.data_provenance),
        warnings=tuple(message.warnings),
    )


def data_used(history: "History", /) -> DataUsed:
    """What data a history was made from."""
    return DataUsed(
        vintage=history.vintage,
        content_hash=history.content_hash,
        figures_used=history.figures_used,
        source_line=history.source_line,
    )


def _data_message(data: DataUsed) -> provenance_pb2.DataProvenance:
    return provenance_pb2.DataProvenance(
        vintage=_date_text(data.vintage),
        content_hash=data.content_hash,
        figures_used=data.figures_used,
        source_line=data.source_line,
    )


def _data_used(message: provenance_pb2.DataProvenance) -> DataUsed:
    return DataUsed(
        vintage=_read_date(message.vintage, "vintage"),
        content_hash=message.content_hash,
        figures_used=message.figures_used,
        source_line=message.source_line,
    )


def _check_question(query: ForecastQuery | BacktestQuery) -> None:
    """Refuse what the message would carry as something else."""
    if query.horizon == 0 or not -_INT32 <= query.horizon < _INT32:
        raise InvalidArgument("horizon", query.horizon, "1 to 40 quarters")
    if not 0 <= query.seed < _UINT64:
        raise InvalidArgument("seed", query.seed, "a whole number from 0 to 2**64 - 1")
    if not query.levels:
        raise InvalidArgument("levels", query.levels, "at least one level in (0, 1)")


def _shares_message(rows: tuple[ShareRow, ...]) -> forecast_pb2.InlineShares:
    return forecast_pb2.InlineShares(rows=[_share_message(row, place) for place, row in enumerate(rows)])


def _share_message(row: ShareRow, place: int) -> forecast_pb2.ShareRow:
    if row.decimals is not None and not -_INT32 <= row.decimals < _INT32:
        raise InvalidArgument(f"shares.rows[{place}].decimals", row.decimals, "decimals of a percentage, 0 to 6")
    if row.share is not None and row.value is not None:
        raise InvalidArgument(f"shares.rows[{place}].value", row.value, "either a share or a value, not both")
    return forecast_pb2.ShareRow(
        period=row.period, provider=row.provider, share=row.share, value=row.value, decimals=row.decimals
    )


def _share_row(message: forecast_pb2.ShareRow) -> ShareRow:
    measure = message.WhichOneof("measure")
    return ShareRow(
        period=message.period,
        provider=message.provider,
        share=message.share if measure == "share" else None,
        value=message.value if measure == "value" else None,
        decimals=message.decimals if message.HasField("decimals") else None,
    )


_STATUS_PREFIX = "CELL_STATUS_"
_STATUS_NAMES: dict[int, str] = {
    number: name.removeprefix(_STATUS_PREFIX).lower() for name, number in history_pb2.CellStatus.items() if number
}


def _rows(columns: Sequence[Sequence[float]]) -> Matrix:
    return tuple(zip(*columns, strict=True))


def _quarters(texts: Sequence[str]) -> tuple[Quarter, ...]:
    return tuple(Quarter.parse(text, "periods") for text in texts)


def _quarter_text(quarter: Quarter | None) -> str:
    return "" if quarter is None else str(quarter)


def _read_quarter(text: str) -> Quarter | None:
    return Quarter.parse(text) if text else None


def _read_market(name: str) -> str:
    if not name:
        raise InvalidArgument("market", name, "the name of a market")
    return name


def _date_text(day: date | None) -> str:
    return "" if day is None else date.isoformat(day)  # strftime writes the year 999 in three digits


def _read_date(text: str, field: str = "as_of") -> date | None:
    return parse_date(text, field) if text else None


# A token holds the last name sent, so that a page neither repeats nor loses a market when others come or go.


def _token(after: str) -> str:
    return base64.urlsafe_b64encode(json.dumps({"after": after}).encode()).decode() if after else ""


def _read_token(token: str) -> str:
    if not token:
        return ""
    try:
        match json.loads(base64.b64decode(token, altchars=b"-_", validate=True)):
            case {"after": str(after)}:
                return after
    except ValueError:  # not base64, not text, or not JSON
        pass
    raise InvalidArgument("page_token", token, "the next_page_token of the page before, unchanged")
