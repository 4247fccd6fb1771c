"""Forecasts of many markets."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

from google.protobuf.message import DecodeError

from forecast.errors import InvalidArgument, SharecastError
from forecast.quarter import Quarter
from service.convert.answers import (
    condition_message,
    event_message,
    league_message,
    read_condition,
    read_league,
    read_probabilities,
    read_revenue,
    revenue_message,
)
from service.convert.asked import only_texts, read_conditions, read_events
from service.convert.forecasts import model_message, read_model_used
from service.convert.histories import data_message, read_data_used, read_history
from service.convert.names import asked_name_changes, name_change_message
from service.convert.parts import date_text, matrix, read_date
from service.convert.questions import check_model, check_question
from service.queries import (
    DEFAULT_HORIZON,
    DEFAULT_LEVELS,
    DEFAULT_MODEL,
    MOST_EVENTS,
    BatchQuery,
    MarketTable,
)
from service.results import DataUsed, ForecastResult, OutcomeResult
from service.status import error_of_status, pack_error
from sharecast.v1 import batch_pb2, forecast_pb2, history_pb2
from sharecast.v1.forecast_service_pb2 import StreamForecastsRequest, StreamForecastsResponse

if TYPE_CHECKING:
    from forecast.results import ModelProvenance
    from service.answers import Answers

MOST_MARKETS = 100_000
_INLINE = DataUsed(vintage=None, content_hash="", figures_used=0, source_line="")


def batch_message(query: BatchQuery, /) -> batch_pb2.ForecastBatch:
    """Write what is asked of many markets.

    Raises:
        InvalidArgument: a value that the message cannot carry, or would carry as another one.
    """
    check_question(query)
    check_model(query.model)
    return batch_pb2.ForecastBatch(
        markets=[
            batch_pb2.MarketName(market=name, events=query.own_events[place] if query.own_events else ())
            for place, name in enumerate(query.markets)
        ],
        house=query.house,
        as_of=date_text(query.as_of),
        shares=[
            batch_pb2.MarketShares(
                market=table.market,
                first_period=table.first_period,
                providers=table.providers,
                shares=table.shares,
                decimals=table.decimals,
                cell_decimals=[-1 if printed is None else printed for printed in table.cell_decimals],
                amounts=table.amounts,
                events=table.events,
            )
            for table in query.shares
        ],
        horizon=query.horizon,
        levels=query.levels,
        model=query.model,
        seed=query.seed,
        events=only_texts(query.events),
        name_changes=map(name_change_message, query.name_changes),
        conditions=only_texts(query.conditions),
        typed_events=query.typed_events,
        typed_conditions=query.typed_conditions,
        include_league=query.league,
        include_history=query.include_history,
        include_revenue=query.revenue,
    )


def stream_request(query: BatchQuery, /) -> StreamForecastsRequest:
    """Write a query; raises as `batch_message`."""
    return StreamForecastsRequest(batch=batch_message(query))


def batch_query(batch: batch_pb2.ForecastBatch, /) -> BatchQuery:
    """Read what is asked of many markets, with defaults in place of empty fields, and without the tables of shares.

    Raises:
        InvalidArgument: no market, too many, one that stands twice or has no name, a bad date, or a house or date
            without markets of the server.
    """
    names = [named.market for named in batch.markets] + [table.market for table in batch.shares]
    if not 1 <= len(names) <= MOST_MARKETS:
        raise InvalidArgument("batch", len(names), f"send 1 to {MOST_MARKETS}", f"has {len(names)} markets")
    if "" in names:
        raise InvalidArgument(_field(batch, names.index("")), "", "the name of a market")
    if len(set(names)) < len(names):
        seen: set[str] = set()
        place = next(n for n, name in enumerate(names) if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise InvalidArgument(_field(batch, place), names[place], "each market once")
    for field, value in (("batch.house", batch.house), ("batch.as_of", batch.as_of)):
        if value and not batch.markets:
            raise InvalidArgument(field, value, "empty without markets of the server")
    events = read_events(batch.events, batch.typed_events, "batch.")
    conditions = read_conditions(batch.conditions, batch.typed_conditions, "batch.")
    if batch.include_revenue and batch.shares:
        raise InvalidArgument("batch.include_revenue", True, "false beside shares: no house has published their totals")
    own = tuple(tuple(named.events) for named in batch.markets)
    for place, asked in enumerate([*own, *(table.events for table in batch.shares)]):
        if len(events) + len(asked) > MOST_EVENTS:
            found = f"{len(events) + len(asked)} events of one market"
            raise InvalidArgument(_field(batch, place, "events"), found, f"{MOST_EVENTS} at most", f"has {found}")
    return BatchQuery(
        events=events,
        own_events=own if any(own) else (),
        markets=tuple(named.market for named in batch.markets),
        house=batch.house,
        as_of=read_date(batch.as_of, "batch.as_of"),
        horizon=batch.horizon or DEFAULT_HORIZON,
        levels=tuple(batch.levels) or DEFAULT_LEVELS,
        model=batch.model or DEFAULT_MODEL,
        seed=batch.seed,
        name_changes=asked_name_changes(batch.name_changes, "batch.name_changes"),
        conditions=conditions,
        league=batch.include_league,
        include_history=batch.include_history,
        revenue=batch.include_revenue,
    )


def _field(batch: batch_pb2.ForecastBatch, place: int, field: str = "market") -> str:
    named = len(batch.markets)
    return f"batch.markets[{place}].{field}" if place < named else f"batch.shares[{place - named}].{field}"


def batch_names(raw: bytes, /) -> tuple[str, ...]:
    """The names of the markets of a ForecastBatch, in order; none where the bytes are no batch."""
    try:
        batch = batch_pb2.ForecastBatch.FromString(raw)
    except DecodeError:
        return ()
    return (*(named.market for named in batch.markets), *(table.market for table in batch.shares))


def batch_parts(batch: batch_pb2.ForecastBatch, size: int, /) -> list[bytes]:
    """The markets whose shares the caller brings as batches of their own, of `size` markets each, as bytes."""
    rest = batch_pb2.ForecastBatch(
        horizon=batch.horizon,
        levels=batch.levels,
        model=batch.model,
        seed=batch.seed,
        events=batch.events,
        name_changes=batch.name_changes,
        conditions=batch.conditions,
        include_league=batch.include_league,
        typed_events=batch.typed_events,
        typed_conditions=batch.typed_conditions,
    )
    parts: list[bytes] = []
    for start in range(0, len(batch.shares), size):
        part = batch_pb2.ForecastBatch(shares=batch.shares[start : start + size])
        part.MergeFrom(rest)
        parts.append(part.SerializeToString(deterministic=True))
    return parts


def read_tables(batch: batch_pb2.ForecastBatch, /) -> tuple[MarketTable, ...]:
    """The shares that the caller brings."""
    return tuple(
        MarketTable(
            market=table.market,
            first_period=table.first_period,
            providers=tuple(table.providers),
            shares=tuple(table.shares),
            decimals=table.decimals if table.HasField("decimals") else None,
            cell_decimals=tuple(None if printed < 0 else printed for printed in table.cell_decimals),
            amounts=table.amounts,
            events=tuple(table.events),
        )
        for table in batch.shares
    )


def forecast_outcome(answers: "Answers", data: DataUsed | None, /, history: history_pb2.History | None = None) -> bytes:
    """Write the forecast of one market of many and what was asked of it, as the bytes of a MarketOutcome."""
    return _bytes(answers.forecast.market, forecast_message(answers, data, history))


def forecast_message(
    answers: "Answers", data: DataUsed | None, /, history: history_pb2.History | None = None
) -> batch_pb2.MarketForecast:
    """Write the same without the market's name."""
    forecast = answers.forecast
    columns = [
        (
            provider,
            forecast.mean[:, k].tolist(),
            forecast.median[:, k].tolist(),
            [(forecast.lower[n, :, k].tolist(), forecast.upper[n, :, k].tolist()) for n in range(len(forecast.levels))],
        )
        for k, provider in enumerate(forecast.providers)
    ]
    message = _message(
        str(forecast.origin),
        columns,
        forecast.levels,
        forecast.provenance,
        house=forecast.house,
        data=data,
        warnings=forecast.warnings,
    )
    message.events.extend(map(event_message, answers.events))
    message.conditions.extend(map(condition_message, answers.conditions))
    for field, part in (
        ("league", answers.league and league_message(answers.league)),
        ("history", history),
        ("revenue", answers.revenue and revenue_message(answers.revenue)),
    ):
        if part is not None:
            getattr(message, field).CopyFrom(part)
    return message


Columns: TypeAlias = Sequence[tuple[str, list[float], list[float], Sequence[tuple[list[float], list[float]]]]]
"""By provider its name, means, medians, and per level lower and upper bounds."""


def columns_outcome(
    market: str,
    origin: str,
    columns: Columns,
    levels: Sequence[float],
    provenance: "ModelProvenance",
    /,
    *,
    warnings: Sequence[str] = (),
) -> bytes:
    """Write the numbers of a forecast of shares that the caller brought, as the bytes of a MarketOutcome."""
    return _bytes(market, _message(origin, columns, levels, provenance, warnings=warnings))


def _message(
    origin: str,
    columns: Columns,
    levels: Sequence[float],
    provenance: "ModelProvenance",
    /,
    *,
    house: str = "",
    data: DataUsed | None = None,
    warnings: Sequence[str] = (),
) -> batch_pb2.MarketForecast:
    return batch_pb2.MarketForecast(
        house=house,
        origin=origin,
        providers=[
            forecast_pb2.ProviderForecast(
                provider=provider,
                mean=mean,
                median=median,
                intervals=[
                    forecast_pb2.Interval(level=level, lower=lower, upper=upper)
                    for level, (lower, upper) in zip(levels, bounds, strict=True)
                ],
            )
            for provider, mean, median, bounds in columns
        ],
        data_provenance=None if data is None else data_message(data),
        model_provenance=model_message(provenance),
        warnings=warnings,
    )


def _bytes(market: str, forecast: batch_pb2.MarketForecast) -> bytes:
    return batch_pb2.MarketOutcome(market=market, forecast=forecast).SerializeToString(deterministic=True)


def error_outcome(market: str, error: SharecastError, /, request_id: str) -> bytes:
    """Write why one market of many has no forecast, as the bytes of a MarketOutcome."""
    status = pack_error(error, request_id)
    return batch_pb2.MarketOutcome(market=market, error=status).SerializeToString(deterministic=True)


def stream_response(outcomes: Sequence[bytes], /) -> bytes:
    """Write outcomes as the bytes of a response."""
    made = [batch_pb2.MarketOutcome.FromString(outcome) for outcome in outcomes]
    return StreamForecastsResponse(outcomes=made).SerializeToString()


def outcome_results(outcomes: Sequence[batch_pb2.MarketOutcome], query: BatchQuery, /) -> tuple[OutcomeResult, ...]:
    """Read outcomes.

    Args:
        outcomes: The messages.
        query: What was asked: what all markets have in common is told there alone.
    """
    return tuple(_outcome(outcome, query) for outcome in outcomes)


def _outcome(outcome: batch_pb2.MarketOutcome, query: BatchQuery) -> OutcomeResult:
    if outcome.WhichOneof("outcome") == "error":
        return OutcomeResult(outcome.market, None, error_of_status(outcome.error))
    made = outcome.forecast
    providers = made.providers
    origin = Quarter.parse(made.origin, "origin")
    levels = tuple(interval.level for interval in providers[0].intervals) if providers else ()
    numbers = range(len(levels))
    steps = len(providers[0].mean) if providers else 0
    periods = tuple(origin + step for step in range(1, steps + 1))
    of = (outcome.market, made.house, origin, periods)
    forecast = ForecastResult(
        market=outcome.market,
        house=made.house,
        as_of=query.as_of if made.house else None,
        origin=origin,
        periods=periods,
        levels=levels,
        providers=tuple(p.provider for p in providers),
        mean=matrix([p.mean for p in providers]),
        median=matrix([p.median for p in providers]),
        lower=tuple(matrix([p.intervals[n].lower for p in providers]) for n in numbers),
        upper=tuple(matrix([p.intervals[n].upper for p in providers]) for n in numbers),
        data=read_data_used(made.data_provenance) if made.HasField("data_provenance") else _INLINE,
        model=read_model_used(made.model_provenance),
        warnings=tuple(made.warnings),
        history=read_history(made.history) if made.HasField("history") else None,
        events=read_probabilities(made.events),
        conditions=tuple(map(read_condition, made.conditions)),
        league=read_league(made.league, *of) if made.HasField("league") else None,
        revenue=read_revenue(made.revenue, *of) if made.HasField("revenue") else None,
    )
    return OutcomeResult(outcome.market, forecast, None)
