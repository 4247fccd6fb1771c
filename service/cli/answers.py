"""What is asked of a forecast's draws beside the forecast, and how a person reads it: events, revenue, ranks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from rich import box
from rich.table import Table
from rich.text import Text

from forecast.results import Forecast
from service.answer_results import EventResult
from service.answers import answer
from service.results import ForecastResult

if TYPE_CHECKING:
    import polars as pl
    from rich.console import Console

    from forecast.events import League
    from forecast.revenue import Revenue
    from forecast.totals import Totals


@dataclass(frozen=True, slots=True)
class Answered:
    """A forecast, given the conditions if there are any, and what was asked of it."""

    forecast: Forecast
    events: tuple[EventResult, ...] = ()
    revenue: "Revenue | None" = None
    league: "League | None" = None

    @classmethod
    def here(
        cls,
        forecast: Forecast,
        events: tuple[str, ...],
        conditions: tuple[str, ...],
        *,
        league: bool = False,
        totals: "Totals | None" = None,
    ) -> Self:
        """Answer from the draws of a forecast.

        Raises:
            InvalidArgument, NotEnoughData: as `service.answers.answer`.
        """
        seed = forecast.provenance.seed
        found = answer(forecast, events, conditions, league=league, totals=totals, seed=seed)
        return cls(
            found.forecast,
            tuple(
                EventResult(str(e.event), e.probability, e.standard_error, e.draws, e.at_origin, e.reference)
                for e in found.events
            ),
            found.revenue,
            found.league,
        )

    @classmethod
    def there(cls, result: ForecastResult) -> Self:
        """What a server answered."""
        revenue, league = result.revenue, result.league
        return cls(
            result.to_forecast(),
            result.events,
            None if revenue is None else revenue.to_revenue(),
            None if league is None else league.to_league(),
        )

    def notes(self) -> tuple[str, ...]:
        """What was doubted or filled in, beside what the forecast says of itself."""
        return () if self.revenue is None else self.revenue.notes

    def rows(self) -> "pl.DataFrame":
        """What programs get: rows of revenue, league or events where they were asked for, else the forecasts table."""
        if self.revenue is not None:
            return self.revenue.to_frame()
        if self.league is not None:
            return self.league.to_frame()
        if self.events:
            import polars as pl

            columns = ("event", "probability", "standard_error", "draws", "at_origin", "reference")
            return pl.DataFrame({name: [getattr(row, name) for row in self.events] for name in columns})
        return self.forecast.to_frame()

    def show(self, console: "Console") -> None:
        """Print what the providers sell, their ranks, and the events, each with its probability and what was so."""
        if self.revenue is not None:
            from service.cli.pages import print_revenue

            console.print()
            print_revenue(console, self.revenue)
        if self.league is not None:
            from service.cli.pages import print_league

            console.print()
            print_league(console, self.league)
        if self.events:
            self._show_events(console)

    def _show_events(self, console: "Console") -> None:
        from forecast.events import ALREADY
        from forecast.wording import probability_text

        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1))
        table.add_column("event", overflow="fold")
        table.add_column("probability", justify="right", no_wrap=True)
        table.add_column(f"at the origin, {self.forecast.origin}", overflow="fold")
        for found in self.events:
            reference = found.reference.removeprefix(f"{self.forecast.origin}: ")
            table.add_row(
                Text(found.event),
                Text(probability_text(found.probability, found.draws), style="bold"),
                Text(f"{reference}; {ALREADY}" if found.at_origin else reference, style="dim"),
            )
        console.print()
        console.print(table)
        console.print()
