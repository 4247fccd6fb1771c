"""What is asked of a forecast's draws beside the forecast, and how a person reads it: events and conditions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from rich import box
from rich.table import Table
from rich.text import Text

from forecast.results import Forecast

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from forecast.events import EventProbability
    from forecast.revenue import Revenue


@dataclass(frozen=True, slots=True)
class Answers:
    """A forecast, given the conditions if there are any, and the events asked of it."""

    forecast: Forecast
    events: "tuple[EventProbability, ...]"
    revenue: "Revenue | None" = None

    @classmethod
    def of(cls, forecast: Forecast, events: Sequence[str], conditions: Sequence[str]) -> Self:
        """Answer what was asked.

        Args:
            forecast: With its draws, where anything is asked.
            events: Texts as `forecast.events.parse_event` reads them.
            conditions: Texts as `forecast.conditions.parse_conditions` reads them.

        Raises:
            InvalidArgument: a text cannot be read, or the conditions cannot be met.
        """
        if conditions:
            from forecast.conditions import condition_forecast

            forecast = condition_forecast(forecast, conditions).forecast
        if not events:
            return cls(forecast, ())
        from forecast.events import event_probability

        return cls(forecast, tuple(event_probability(forecast, e, field=f"events[{n}]") for n, e in enumerate(events)))

    def with_revenue(self, figures: "pl.DataFrame", seed: int) -> Self:
        """The same with what the providers sell, worked out with the totals among the figures.

        Raises:
            NotEnoughData: the house tells fewer than two totals of the market.
        """
        from forecast.revenue import forecast_revenue

        return replace(self, revenue=forecast_revenue(self.forecast, figures, seed=seed))

    def notes(self) -> tuple[str, ...]:
        """What was doubted or filled in, beside what the forecast says of itself."""
        return () if self.revenue is None else self.revenue.notes

    def rows(self) -> "pl.DataFrame":
        """What programs get: the rows of revenue or of events where they were asked for, else the forecasts table."""
        if self.revenue is not None:
            return self.revenue.to_frame()
        if not self.events:
            return self.forecast.to_frame()
        from forecast.events import events_frame

        return events_frame(self.events)

    def show(self, console: "Console") -> None:
        """Print what the providers sell, and the events, each with its probability and what was so at the origin."""
        if self.revenue is not None:
            from service.cli.pages import print_revenue

            console.print()
            print_revenue(console, self.revenue)
        if not self.events:
            return
        from forecast.events import ALREADY
        from forecast.wording import probability_text

        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
        table.add_column("event", overflow="fold")
        table.add_column("probability", justify="right", no_wrap=True)
        table.add_column(f"at the origin, {self.forecast.origin}", overflow="fold")
        for found in self.events:
            reference = found.reference.removeprefix(f"{self.forecast.origin}: ")
            table.add_row(
                Text(str(found.event)),
                Text(probability_text(found.probability, found.draws), style="bold"),
                Text(f"{reference}; {ALREADY}" if found.at_origin else reference, style="dim"),
            )
        console.print()
        console.print(table)
        console.print()
