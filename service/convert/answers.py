"""What follows from a forecast: events, conditions, ranks and revenue."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from forecast.errors import InvalidArgument
from forecast.quarter import Quarter
from service.answer_results import (
    ConditionResult,
    EventResult,
    EventResults,
    LeagueResult,
    RevenueResult,
)
from service.convert.parts import matrix, read_quarters
from service.queries import LONGEST_UNIT, MOST_TOTALS, RevenueQuestion, TotalRow
from sharecast.v1 import answer_pb2, forecast_pb2, provenance_pb2

if TYPE_CHECKING:
    from forecast.arrays import FloatArray
    from forecast.conditions import Plausibility
    from forecast.events import EventProbability, League
    from forecast.revenue import Amounts, Revenue


def event_message(found: "EventProbability", /) -> answer_pb2.EventProbability:
    """Write how probable an event is."""
    return answer_pb2.EventProbability(
        event=str(found.event),
        probability=found.probability,
        standard_error=found.standard_error,
        draws=found.draws,
        at_origin=found.at_origin,
        reference=found.reference,
    )


def read_probabilities(messages: Iterable[answer_pb2.EventProbability], /) -> EventResults:
    """Read how probable events are."""
    return EventResults(
        EventResult(
            event=message.event,
            probability=message.probability,
            standard_error=message.standard_error,
            draws=message.draws,
            at_origin=message.at_origin,
            reference=message.reference,
        )
        for message in messages
    )


def condition_message(found: "Plausibility", /) -> answer_pb2.ConditionPlausibility:
    """Write how a condition stands to the forecast without it."""
    return answer_pb2.ConditionPlausibility(
        condition=str(found.condition), probability=found.probability, statement=found.statement
    )


def read_condition(message: answer_pb2.ConditionPlausibility, /) -> ConditionResult:
    """Read how a condition stands to the forecast without it."""
    return ConditionResult(
        condition=message.condition,
        probability=message.probability if message.HasField("probability") else None,
        statement=message.statement,
    )


def revenue_question(question: RevenueQuestion | None, /) -> answer_pb2.RevenueQuestion | None:
    """Write what revenue is worked out from."""
    if question is None:
        return None
    rows = [answer_pb2.TotalRow(period=row.period, amount=row.amount) for row in question.totals]
    return answer_pb2.RevenueQuestion(totals=rows, unit=question.unit)


def read_revenue_question(message: answer_pb2.RevenueQuestion, /, *, inline: bool) -> RevenueQuestion:
    """Read what revenue is to be worked out from.

    Args:
        message: The question.
        inline: Whether the shares are the caller's.

    Raises:
        InvalidArgument: no totals beside inline shares, a unit without totals, too many totals, a quarter that is none
            or stands twice, or an amount that is not above zero.
    """
    if len(message.totals) > MOST_TOTALS:
        raise InvalidArgument(
            "revenue.totals", len(message.totals), f"{MOST_TOTALS} at most", f"has {len(message.totals)} totals"
        )
    if inline and not message.totals:
        raise InvalidArgument(
            "revenue.totals", 0, "give totals beside inline shares, of which none are published", "is empty"
        )
    if message.unit and not message.totals:
        raise InvalidArgument("revenue.unit", message.unit, "empty without totals of your own")
    if len(message.unit) > LONGEST_UNIT:
        raise InvalidArgument("revenue.unit", f"{message.unit[:LONGEST_UNIT]}...", f"{LONGEST_UNIT} characters at most")
    seen: set[Quarter] = set()
    for place, row in enumerate(message.totals):
        quarter = Quarter.parse(row.period, f"revenue.totals[{place}].period")
        if quarter in seen:
            raise InvalidArgument(f"revenue.totals[{place}].period", row.period, "each quarter once")
        if not 0.0 < row.amount < float("inf"):
            raise InvalidArgument(f"revenue.totals[{place}].amount", row.amount, "an amount above zero")
        seen.add(quarter)
    return RevenueQuestion(tuple(TotalRow(row.period, row.amount) for row in message.totals), message.unit)


def league_message(league: "League", /) -> answer_pb2.League:
    """Write ranks, leaders and concentration."""
    order, index = league.ranks, league.concentration
    return answer_pb2.League(
        providers=[
            answer_pb2.ProviderRank(
                provider=provider,
                origin_rank=float(order.latest[k]),
                expected_rank=order.expected[:, k].tolist(),
                lead_probability=order.first[:, k].tolist(),
            )
            for k, provider in enumerate(order.providers)
        ],
        concentration=answer_pb2.Concentration(
            origin_index=index.latest,
            mean=index.mean.tolist(),
            median=index.median.tolist(),
            intervals=_intervals(index.levels, index.lower, index.upper),
        ),
        draws=league.draws,
    )


def read_league(
    message: answer_pb2.League, market: str, house: str, origin: Quarter, periods: tuple[Quarter, ...], /
) -> LeagueResult:
    """Read ranks, leaders and concentration of a forecast of these quarters."""
    index, providers = message.concentration, message.providers
    return LeagueResult(
        market=market,
        house=house,
        origin=origin,
        periods=periods,
        levels=tuple(interval.level for interval in index.intervals),
        providers=tuple(one.provider for one in providers),
        origin_rank=tuple(one.origin_rank for one in providers),
        expected_rank=matrix([one.expected_rank for one in providers]) or ((),) * len(periods),
        leads=matrix([one.lead_probability for one in providers]) or ((),) * len(periods),
        origin_hhi=index.origin_index,
        hhi_mean=tuple(index.mean),
        hhi_median=tuple(index.median),
        hhi_lower=tuple(tuple(interval.lower) for interval in index.intervals),
        hhi_upper=tuple(tuple(interval.upper) for interval in index.intervals),
        draws=message.draws,
    )


def revenue_message(found: "Revenue", /) -> answer_pb2.Revenue:
    """Write what providers are going to sell."""
    columns = [_amounts(found, provider, k) for k, provider in enumerate((*found.providers, ""))]
    return answer_pb2.Revenue(
        unit=found.unit,
        providers=columns[:-1],
        total=columns[-1],
        past_periods=[str(quarter) for quarter in found.totals.quarters],
        past_totals=found.totals.amount.tolist(),
        models_used=[provenance_pb2.ModelWeight(model=name, weight=weight) for name, weight in found.used],
        notes=found.notes,
    )


def _amounts(found: "Revenue", provider: str, k: int) -> answer_pb2.AmountForecast:
    amounts, growths = found.amounts, found.growths

    def intervals(of: "Amounts") -> list[forecast_pb2.Interval]:
        return _intervals(found.levels, of.lower[:, :, k], of.upper[:, :, k])

    return answer_pb2.AmountForecast(
        provider=provider,
        mean=amounts.mean[:, k].tolist(),
        median=amounts.median[:, k].tolist(),
        intervals=intervals(amounts),
        growth=growths.median[:, k].tolist(),
        growth_intervals=intervals(growths),
        past=found.past[:, k].tolist(),
    )


def read_revenue(
    message: answer_pb2.Revenue, market: str, house: str, origin: Quarter, periods: tuple[Quarter, ...], /
) -> RevenueResult:
    """Read what providers are going to sell in these quarters."""
    columns = [*message.providers, message.total]
    numbers = range(len(message.total.intervals))
    return RevenueResult(
        market=market,
        house=house,
        unit=message.unit,
        origin=origin,
        periods=periods,
        levels=tuple(interval.level for interval in message.total.intervals),
        providers=tuple(one.provider for one in message.providers),
        mean=matrix([one.mean for one in columns]),
        median=matrix([one.median for one in columns]),
        lower=tuple(matrix([one.intervals[n].lower for one in columns]) for n in numbers),
        upper=tuple(matrix([one.intervals[n].upper for one in columns]) for n in numbers),
        growth=matrix([one.growth for one in columns]),
        growth_lower=tuple(matrix([one.growth_intervals[n].lower for one in columns]) for n in numbers),
        growth_upper=tuple(matrix([one.growth_intervals[n].upper for one in columns]) for n in numbers),
        past_periods=read_quarters(message.past_periods),
        past=matrix([one.past for one in columns]),
        used=tuple((used.model, used.weight) for used in message.models_used),
        notes=tuple(message.notes),
    )


def _intervals(levels: Sequence[float], lower: "FloatArray", upper: "FloatArray") -> list[forecast_pb2.Interval]:
    """One per level, of bounds of shape (N, H)."""
    return [
        forecast_pb2.Interval(level=level, lower=low.tolist(), upper=high.tolist())
        for level, low, high in zip(levels, lower, upper, strict=True)
    ]
