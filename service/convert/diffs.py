"""What changed in forecasts between two days, and pages about markets."""

from datetime import date
from typing import TYPE_CHECKING

from forecast.errors import InvalidArgument
from forecast.quarter import Quarter
from service.convert.batches import forecast_message, outcome_results
from service.convert.histories import data_used
from service.convert.parts import INT32, date_text, read_date, read_market, read_quarters
from service.convert.questions import check_model, check_question
from service.queries import (
    DEFAULT_DIFF_LEVELS,
    DEFAULT_HORIZON,
    DEFAULT_MODEL,
    DEFAULT_ORIGINS,
    BatchQuery,
    DiffQuery,
    ReportQuery,
)
from sharecast.v1 import batch_pb2, diff_pb2
from sharecast.v1.forecast_service_pb2 import (
    DiffForecastsRequest,
    DiffForecastsResponse,
    RenderReportRequest,
    RenderReportResponse,
)

if TYPE_CHECKING:
    from forecast.diff import Effect, ForecastDiff
    from forecast.results import Forecast


def diff_request(query: DiffQuery, /) -> DiffForecastsRequest:
    """Write a query.

    Raises:
        InvalidArgument: a value that the message cannot carry, or would carry as another one.
    """
    check_question(query)
    check_model(query.model)
    return DiffForecastsRequest(
        market=query.market,
        house=query.house,
        earlier=date_text(query.earlier),
        later=date_text(query.later),
        horizon=query.horizon,
        levels=query.levels,
        model=query.model,
        seed=query.seed,
    )


def diff_query(request: DiffForecastsRequest, /) -> DiffQuery:
    """Read a query, with defaults in place of empty fields.

    Raises:
        InvalidArgument: no market, or a day that is none.
    """
    return DiffQuery(
        market=read_market(request.market),
        earlier=_day(request.earlier, "earlier"),
        later=_day(request.later, "later"),
        house=request.house,
        horizon=request.horizon or DEFAULT_HORIZON,
        levels=tuple(request.levels) or DEFAULT_DIFF_LEVELS,
        model=request.model or DEFAULT_MODEL,
        seed=request.seed,
    )


def _day(text: str, field: str) -> date:
    day = read_date(text, field)
    if day is None:
        raise InvalidArgument(field, text, "a date such as 2021-01-15")
    return day


def diff_response(found: "ForecastDiff", /) -> DiffForecastsResponse:
    """Write what changed."""
    return DiffForecastsResponse(
        diff=diff_pb2.ForecastDiff(
            market=found.market,
            house=found.house,
            earlier=date_text(found.earlier),
            later=date_text(found.later),
            before=_forecast_message(found.before),
            after=_forecast_message(found.after),
            periods=map(str, found.quarters),
            providers=found.providers,
            change=_effect_message(found.change),
            statements=[
                diff_pb2.NewStatement(
                    period=told.period,
                    measure=told.measure,
                    providers=told.providers,
                    figure_ids=told.figure_ids,
                    values=told.values,
                    unit=told.unit,
                    qualifiers=told.qualifiers,
                    decimals=told.decimals,
                    marks=told.marks,
                    publishers=told.publishers,
                    published_at=date_text(told.published_at),
                    known_values=told.known_values,
                    effect=_effect_message(told.effect),
                )
                for told in found.statements
            ],
            breaks=[
                diff_pb2.NewBreak(
                    period=told.period,
                    kind=told.kind,
                    description=told.description,
                    published_at=date_text(told.published_at),
                    effect=_effect_message(told.effect),
                )
                for told in found.breaks
            ],
            releases=[
                diff_pb2.NewRelease(
                    published_at=date_text(told.published_at),
                    statements_count=told.statements,
                    breaks_count=told.breaks,
                    effect=_effect_message(told.effect),
                )
                for told in found.releases
            ],
        )
    )


def diff_result(response: DiffForecastsResponse, /) -> "ForecastDiff":
    """Read what changed, as the library's own value; loads NumPy and Polars."""
    from forecast.diff import ForecastDiff, NewBreak, NewRelease, NewStatement

    found = response.diff
    earlier, later = _day(found.earlier, "earlier"), _day(found.later, "later")
    change = _effect(found.change)
    assert change is not None
    return ForecastDiff(
        market=found.market,
        house=found.house,
        earlier=earlier,
        later=later,
        before=_forecast(found.market, found.before, earlier),
        after=_forecast(found.market, found.after, later),
        quarters=read_quarters(found.periods),
        providers=tuple(found.providers),
        change=change,
        statements=tuple(
            NewStatement(
                period=told.period,
                measure=told.measure,
                providers=tuple(told.providers),
                figure_ids=tuple(told.figure_ids),
                values=tuple(told.values),
                unit=told.unit,
                qualifiers=tuple(told.qualifiers),
                decimals=tuple(told.decimals),
                marks=tuple(told.marks),
                publishers=tuple(told.publishers),
                published_at=_day(told.published_at, "published_at"),
                known_values=tuple(told.known_values),
                effect=_effect(told.effect) if told.HasField("effect") else None,
            )
            for told in found.statements
        ),
        breaks=tuple(
            NewBreak(
                told.period,
                told.kind,
                told.description,
                _day(told.published_at, "published_at"),
                _effect(told.effect) if told.HasField("effect") else None,
            )
            for told in found.breaks
        ),
        releases=tuple(
            NewRelease(
                _day(told.published_at, "published_at"),
                told.statements_count,
                told.breaks_count,
                _effect(told.effect) if told.HasField("effect") else None,
            )
            for told in found.releases
        ),
    )


def _forecast_message(forecast: "Forecast") -> batch_pb2.MarketForecast:
    from service.answers import Answers  # loads Polars, which the client does not need

    assert forecast.history is not None  # made from figures
    return forecast_message(Answers(forecast), data_used(forecast.history))


def _forecast(market: str, message: batch_pb2.MarketForecast, day: date) -> "Forecast":
    outcome = batch_pb2.MarketOutcome(market=market, forecast=message)
    (read,) = outcome_results((outcome,), BatchQuery(as_of=day))
    assert read.forecast is not None
    return read.forecast.to_forecast()


def _effect_message(effect: "Effect | None") -> diff_pb2.ForecastEffect | None:
    if effect is None:
        return None
    return diff_pb2.ForecastEffect(
        mean=effect.mean, largest=effect.largest, provider=effect.provider, period=str(effect.quarter)
    )


def _effect(message: diff_pb2.ForecastEffect) -> "Effect":
    from forecast.diff import Effect

    return Effect(message.mean, message.largest, message.provider, Quarter.parse(message.period, "period"))


def report_request(query: ReportQuery, /) -> RenderReportRequest:
    """Write a query.

    Raises:
        InvalidArgument: a value that the message cannot carry, or would carry as another one.
    """
    for field, value, allowed in (
        ("horizon", query.horizon, "1 to 40 quarters"),
        ("origins", query.origins, "1 to 400"),
    ):
        if value == 0 or not -INT32 <= value < INT32:
            raise InvalidArgument(field, value, allowed)
    return RenderReportRequest(
        market=query.market,
        house=query.house,
        as_of=date_text(query.as_of),
        horizon=query.horizon,
        origins=query.origins,
    )


def report_query(request: RenderReportRequest, /) -> ReportQuery:
    """Read a query, with defaults in place of empty fields.

    Raises:
        InvalidArgument: no market, or a bad date.
    """
    return ReportQuery(
        market=read_market(request.market),
        house=request.house,
        as_of=read_date(request.as_of),
        horizon=request.horizon or DEFAULT_HORIZON,
        origins=request.origins or DEFAULT_ORIGINS,
    )


def report_html(response: RenderReportResponse, /) -> str:
    """Read a page."""
    return response.html
