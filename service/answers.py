"""What is asked of a forecast's draws beside the forecast: conditions on the future, then events."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from forecast.results import Forecast

if TYPE_CHECKING:
    from forecast.conditions import Plausibility
    from forecast.events import EventProbability


@dataclass(frozen=True, slots=True)
class Answers:
    """A forecast, given the conditions if there are any, and what was asked of it."""

    forecast: Forecast
    events: "tuple[EventProbability, ...]" = ()
    conditions: "tuple[Plausibility, ...]" = ()


def answer(forecast: Forecast, events: Sequence[str], conditions: Sequence[str]) -> Answers:
    """Answer what was asked.

    Args:
        forecast: With its draws, where anything is asked.
        events: Texts as `forecast.events.parse_event` reads them.
        conditions: Texts as `forecast.conditions.parse_conditions` reads them.

    Raises:
        InvalidArgument: a text cannot be read, or the conditions cannot be met; names it as ``events[0]``.
    """
    plausibility: tuple[Plausibility, ...] = ()
    if conditions:
        from forecast.conditions import condition_forecast

        given = condition_forecast(forecast, conditions)
        forecast, plausibility = given.forecast, given.plausibility
    if not events:
        return Answers(forecast, (), plausibility)
    from forecast.events import event_probability

    found = (event_probability(forecast, text, field=f"events[{n}]") for n, text in enumerate(events))
    return Answers(forecast, tuple(found), plausibility)
