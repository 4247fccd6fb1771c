"""What is asked of a forecast's draws beside the forecast: conditions on the future, then events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forecast.quarter import Quarter
from forecast.results import Forecast, History

if TYPE_CHECKING:
    from forecast.conditions import Plausibility
    from forecast.events import EventProbability, League
    from forecast.grammar import Asked
    from forecast.revenue import Revenue
    from forecast.shares import SharesTable
    from forecast.totals import Totals


@dataclass(frozen=True, slots=True)
class Answers:
    """A forecast, given the conditions if there are any, and what was asked of it."""

    forecast: Forecast
    events: "tuple[EventProbability, ...]" = ()
    conditions: "tuple[Plausibility, ...]" = ()
    league: "League | None" = None
    revenue: "Revenue | None" = None


def check_words(events: "Sequence[Asked]", conditions: "Sequence[Asked]" = ()) -> None:
    """Refuse texts that say no event or condition, before anything is known of the market.

    Raises:
        InvalidArgument: one cannot be read; names it as ``events[0]``.
    """
    if events or conditions:
        from forecast.grammar import CONDITIONS, EVENTS, read_phrase

        for number, text in enumerate(events):
            read_phrase(text, f"events[{number}]", EVENTS)
        for number, text in enumerate(conditions):
            read_phrase(text, f"conditions[{number}]", (*CONDITIONS, *EVENTS))


def check_asked(
    source: "History | SharesTable",
    events: "Sequence[Asked]",
    conditions: "Sequence[Asked]" = (),
    *,
    horizon: int,
) -> None:
    """Refuse what cannot be asked of a market, before its forecast is made.

    Args:
        source: The market's history, or its table of shares.
        events: As `forecast.events.parse_event` reads them.
        conditions: As `forecast.conditions.parse_conditions` reads them.
        horizon: Quarters ahead.

    Raises:
        InvalidArgument: a text cannot be read, or speaks of a provider or quarter that the forecast will not have.
        NotEnoughData: the market cannot be forecast.
    """
    if not events and not conditions:
        return
    from forecast.conditions import providers_given
    from forecast.events import parse_event

    providers, periods = parts_of(source, horizon)
    names = providers_given(conditions, providers, periods)
    for number, text in enumerate(events):
        parse_event(text, names, periods, field=f"events[{number}]")


def parts_of(source: "History | SharesTable", horizon: int, /) -> tuple[tuple[str, ...], tuple[Quarter, ...]]:
    """The providers and the quarters that the forecast of a market will have.

    Raises:
        NotEnoughData: it cannot be forecast.
    """
    from forecast.preparing import prepare_history, prepare_shares

    prepared = prepare_history(source) if isinstance(source, History) else prepare_shares(source.shares)
    return prepared.providers, tuple(prepared.origin + step for step in range(1, horizon + 1))


def answer(
    forecast: Forecast,
    events: "Sequence[Asked]" = (),
    conditions: "Sequence[Asked]" = (),
    *,
    league: bool = False,
    totals: "Totals | None" = None,
    seed: int = 0,
) -> Answers:
    """Answer what was asked.

    Args:
        forecast: With its draws, where anything is asked.
        events: As `forecast.events.parse_event` reads them.
        conditions: As `forecast.conditions.parse_conditions` reads them.
        league: Whether ranks, leaders and concentration are asked for.
        totals: Of the market, where revenue is asked for.
        seed: Of the draws of the total.

    Raises:
        InvalidArgument: a text cannot be read, or the conditions cannot be met; names it as ``events[0]``.
        NotEnoughData: fewer than two quarters have a total.
    """
    plausibility: tuple[Plausibility, ...] = ()
    if conditions:
        from forecast.conditions import condition_forecast

        given = condition_forecast(forecast, conditions)
        forecast, plausibility = given.forecast, given.plausibility
    return Answers(
        forecast,
        _probabilities(forecast, events),
        plausibility,
        _league(forecast) if league else None,
        None if totals is None else _revenue(forecast, totals, seed),
    )


def _probabilities(forecast: Forecast, events: "Sequence[Asked]") -> "tuple[EventProbability, ...]":
    if not events:
        return ()
    from forecast.events import event_probabilities

    return event_probabilities(forecast, events)


def _league(forecast: Forecast) -> "League":
    from forecast.events import league

    return league(forecast)


def _revenue(forecast: Forecast, totals: "Totals", seed: int) -> "Revenue":
    from forecast.revenue import forecast_revenue  # loads statsmodels

    return forecast_revenue(forecast, totals, seed=seed)
