"""The parts of a batch on a server: read, cut and written here, forecast there."""

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import polars as pl

from forecast.events import Event
from forecast.forecasting import OF_RECORD
from forecast.many import MarketForecasts, one_by_one
from forecast.shares import SharesTable
from service.batch.part import Ask, Part, PartResult, forecast_part

if TYPE_CHECKING:
    from service.answer_results import EventResults
    from service.client import Client


def run_on_server(
    work: Callable[[Part], PartResult], parts: Iterator[Part], /, *, client: "Client"
) -> Generator[PartResult, None, None]:
    """Yield the result of every part, in order.

    Args:
        work: `service.batch.part.forecast_part`; done with the server's forecasts in place of ours.
        parts: One is sent at a time.
        client: Of the server.

    Raises:
        ServiceError: the server cannot be reached, refuses, or fails.
    """
    del work  # that of this program
    yield from map(partial(forecast_part, by=OnServer(client)), parts)


class OnServer:
    """Forecasts the markets of a part by a server."""

    def __init__(self, client: "Client") -> None:
        self._client = client

    def forecast(self, read: SharesTable, ask: Ask, /) -> MarketForecasts:
        """As `forecast.many.forecast_read`.

        Raises:
            ServiceError: as of `run_on_server`.
        """
        outcomes = {}
        if read.shares.height:
            asked = self._client.stream_forecasts(
                shares=read.shares, horizon=ask.horizon, levels=ask.levels, model=ask.model, seed=ask.seed
            )
            outcomes = {outcome.market: outcome for outcome in asked}

        def make(mine: SharesTable) -> tuple[pl.DataFrame, Sequence[str]]:
            outcome = outcomes[name := str(mine.shares["market"][0])]
            if outcome.error is not None:
                raise outcome.error
            assert outcome.forecast is not None
            of_model = () if ask.model == OF_RECORD else outcome.forecast.model.notes
            return outcome.forecast.to_polars(), (*mine.notes_of(name), *outcome.forecast.warnings, *of_model)

        return one_by_one(read, ask.levels, make)

    def probabilities(self, market: SharesTable, events: Sequence[Event], ask: Ask, /) -> "EventResults":
        """How probable events of one market are."""
        return self._client.forecast(
            str(market.shares["market"][0]),
            shares=market.shares,
            events=[str(event) for event in events],
            horizon=ask.horizon,
            levels=ask.levels,
            model=ask.model,
            seed=ask.seed,
        ).events
