"""What is asked of a forecast's draws beside the forecast: conditions on the future, then events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forecast.results import Forecast

if TYPE_CHECKING:
    from forecast.conditions import Plausibility
    from forecast.events import EventProbability, League
    from forecast.revenue import Revenue
    from forecast.totals import Totals


@dataclass(frozen=True, slots=True)
class Answers:
    """A forecast, given the conditions if there are any, and what was asked of it."""

    forecast: Forecast
    events: "tuple[EventProbability, ...]" = ()
    conditions: "tuple[Plausibility, ...]" = ()
    league: "League | None" = None
    revenue: "Revenue | None" = None


def answer(
    forecast: Forecast,
    events: Sequence[str] = (),
    conditions: Sequence[str] = (),
    *,
    league: bool = False,
    totals: "Totals | None" = None,
    seed: int = 0,
) -> Answers:
    """Answer what was asked.

    Args:
        forecast: With its draws, where anything is asked.
        events: Texts as `forecast.events.parse_event` reads them.
        conditions: Texts as `forecast.conditions.parse_conditions` reads them.
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


def _probabilities(forecast: Forecast, events: Sequence[str]) -> "tuple[EventProbability, ...]":
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
