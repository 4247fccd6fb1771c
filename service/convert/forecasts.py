"""Forecasts."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from forecast.errors import InvalidArgument
from forecast.quarter import Quarter
from service.convert.answers import (
    condition_message,
    event_message,
    league_message,
    read_condition,
    read_league,
    read_probabilities,
    read_revenue,
    read_revenue_question,
    revenue_message,
    revenue_question,
)
from service.convert.asked import only_texts, read_conditions, read_events
from service.convert.histories import NOT_RECORDED, data_message, read_data_used, read_history
from service.convert.imports import figures_message, read_figures
from service.convert.names import asked_name_changes, name_change_message
from service.convert.parts import date_text, matrix, moment_text, read_date, read_market, read_moment, read_quarters
from service.convert.questions import NO_HOUSE, check_model, check_question, read_share_row, shares_message
from service.queries import DEFAULT_HORIZON, DEFAULT_LEVELS, DEFAULT_MODEL, ForecastQuery
from service.results import DataUsed, DrawsResult, ForecastResult, ModelUsed
from sharecast.v1 import forecast_pb2, history_pb2, provenance_pb2
from sharecast.v1.forecast_service_pb2 import ForecastRequest, ForecastResponse

if TYPE_CHECKING:
    from forecast.conditions import Plausibility
    from forecast.events import EventProbability, League
    from forecast.results import Forecast, ModelProvenance
    from forecast.revenue import Revenue


def forecast_request(query: ForecastQuery, /) -> ForecastRequest:
    """Write a query.

    Raises:
        InvalidArgument: a value that the message cannot carry, or would carry as another one, such as horizon 0, which
            on the wire stands for the default; or shares and figures at once. Everything else is for the server to
            judge.
    """
    check_question(query)
    check_model(query.model)
    request = ForecastRequest(
        market=query.market,
        house=query.house,
        as_of=date_text(query.as_of),
        horizon=query.horizon,
        levels=query.levels,
        model=query.model,
        seed=query.seed,
        include_history=query.include_history,
        events=only_texts(query.events),
        conditions=only_texts(query.conditions),
        typed_events=query.typed_events,
        typed_conditions=query.typed_conditions,
        include_league=query.league,
        revenue=revenue_question(query.revenue),
        include_draws=query.include_draws,
        recorded_by=moment_text(query.recorded_by),
        name_changes=map(name_change_message, query.name_changes),
    )
    if query.shares is not None:
        request.shares.CopyFrom(shares_message(query.shares))  # without rows it is still inline data
    if query.figures is not None:
        if query.shares is not None:
            raise InvalidArgument("figures", len(query.figures), "send one of the two", "cannot stand beside shares")
        request.figures.CopyFrom(figures_message(query.figures))
    return request


def forecast_query(request: ForecastRequest, /) -> ForecastQuery:
    """Read a query, with defaults in place of empty fields.

    Raises:
        InvalidArgument: no market, a bad date or moment, a house or date beside inline shares, a moment beside inline
            data, too many events or conditions, or totals as `read_revenue_question` refuses them.
    """
    brought = request.WhichOneof("data")
    inline = brought == "shares"
    as_of = read_date(request.as_of)
    if inline and as_of is not None:
        raise InvalidArgument("as_of", request.as_of, "empty beside inline shares, which carry no publication dates")
    if inline and request.house:
        raise InvalidArgument("house", request.house, NO_HOUSE)
    if brought is not None and request.recorded_by:
        raise InvalidArgument("recorded_by", request.recorded_by, NOT_RECORDED)
    return ForecastQuery(
        market=read_market(request.market),
        house=request.house,
        as_of=as_of,
        shares=tuple(read_share_row(row) for row in request.shares.rows) if inline else None,
        figures=read_figures(request.figures) if brought == "figures" else None,
        horizon=request.horizon or DEFAULT_HORIZON,
        levels=tuple(request.levels) or DEFAULT_LEVELS,
        model=request.model or DEFAULT_MODEL,
        seed=request.seed,
        include_history=request.include_history,
        events=read_events(request.events, request.typed_events),
        conditions=read_conditions(request.conditions, request.typed_conditions),
        league=request.include_league,
        revenue=read_revenue_question(request.revenue, inline=inline) if request.HasField("revenue") else None,
        include_draws=request.include_draws,
        recorded_by=read_moment(request.recorded_by),
        name_changes=asked_name_changes(request.name_changes),
    )


def forecast_response(
    forecast: "Forecast",
    /,
    data: DataUsed,
    *,
    history: history_pb2.History | None = None,
    events: "Iterable[EventProbability]" = (),
    conditions: "Iterable[Plausibility]" = (),
    league: "League | None" = None,
    revenue: "Revenue | None" = None,
    include_draws: bool = False,
) -> ForecastResponse:
    """Write a forecast: one list per provider and column; `history`, and its draws, where they are to come with it."""
    return ForecastResponse(
        market=forecast.market,
        house=forecast.house,
        as_of=date_text(forecast.as_of),
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
        data_provenance=data_message(data),
        model_provenance=model_message(forecast.provenance),
        warnings=forecast.warnings,
        history=history,
        events=map(event_message, events),
        conditions=map(condition_message, conditions),
        league=None if league is None else league_message(league),
        revenue=None if revenue is None else revenue_message(revenue),
        draws=draws_message(forecast) if include_draws else None,
    )


def forecast_result(response: ForecastResponse, /) -> ForecastResult:
    """Read a forecast."""
    providers = response.providers
    numbers = range(len(response.levels))
    origin, periods = Quarter.parse(response.origin, "origin"), read_quarters(response.periods)
    of = (response.market, response.house, origin, periods)
    return ForecastResult(
        market=response.market,
        house=response.house,
        as_of=read_date(response.as_of),
        origin=origin,
        periods=periods,
        levels=tuple(response.levels),
        providers=tuple(p.provider for p in providers),
        mean=matrix([p.mean for p in providers]),
        median=matrix([p.median for p in providers]),
        lower=tuple(matrix([p.intervals[n].lower for p in providers]) for n in numbers),
        upper=tuple(matrix([p.intervals[n].upper for p in providers]) for n in numbers),
        data=read_data_used(response.data_provenance),
        model=read_model_used(response.model_provenance),
        warnings=tuple(response.warnings),
        history=read_history(response.history) if response.HasField("history") else None,
        events=read_probabilities(response.events),
        conditions=tuple(map(read_condition, response.conditions)),
        league=read_league(response.league, *of) if response.HasField("league") else None,
        revenue=read_revenue(response.revenue, *of) if response.HasField("revenue") else None,
        draws=_read_draws(response) if response.HasField("draws") else None,
    )


def draws_message(forecast: "Forecast", /) -> forecast_pb2.JointDraws:
    """Write the draws that a forecast has kept."""
    assert forecast.draws is not None
    return forecast_pb2.JointDraws(
        draws_count=len(forecast.draws),
        shares=forecast.draws.ravel().tolist(),
        latest=() if forecast.latest is None else forecast.latest,
        resolution=forecast.resolution,
        stretch=forecast.stretch,
    )


def _read_draws(response: ForecastResponse) -> DrawsResult:
    found = response.draws
    return DrawsResult(
        market=response.market,
        periods=read_quarters(response.periods),
        providers=tuple(p.provider for p in response.providers),
        count=found.draws_count,
        shares=tuple(found.shares),
        latest=tuple(found.latest),
        resolution=found.resolution,
        stretch=found.stretch,
    )


def model_message(model: "ModelProvenance", /) -> provenance_pb2.ModelProvenance:
    """Write which model made a forecast."""
    return provenance_pb2.ModelProvenance(
        model=model.model,
        models_used=[provenance_pb2.ModelWeight(model=name, weight=weight) for name, weight in model.used],
        version=model.version,
        prior=model.prior,
        seed=model.seed,
        notes=model.notes,
        measured_coverage=model.measured_coverage,
    )


def read_model_used(model: provenance_pb2.ModelProvenance, /) -> ModelUsed:
    """Read which model made a forecast."""
    return ModelUsed(
        model=model.model,
        used=tuple((used.model, used.weight) for used in model.models_used),
        version=model.version,
        prior=model.prior,
        seed=model.seed,
        notes=tuple(model.notes),
        measured_coverage=tuple(model.measured_coverage),
    )
