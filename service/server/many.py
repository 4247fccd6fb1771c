"""Forecasts of many markets in parts, each in a worker process: what streams and jobs are made of."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from forecast.errors import InvalidArgument, SharecastError
from forecast.forecasting import OF_RECORD, check_request
from forecast.grammar import Asked
from forecast.many import MOST_PLAIN
from forecast.results import History
from service import convert
from service.answers import check_words
from service.catalog import Catalog
from service.pasted import totals_asked
from service.queries import BatchQuery, RevenueQuestion
from service.server.bulk import BATCH, check_bulk
from service.server.calls import Call
from service.server.forecasts import check_levels, made_history
from service.server.messages import decode
from service.server.room import answer_bytes
from service.server.tasks import history_outcome, inline_outcomes
from service.server.work import Work
from sharecast.v1.batch_pb2 import ForecastBatch
from sharecast.v1.forecast_service_pb2 import StreamForecastsRequest

if TYPE_CHECKING:
    from forecast.totals import Totals

MESSAGE_BYTES = 2**20  # of 4 MiB, beyond which clients refuse a message unless told otherwise
_PART_BYTES = 16 * 2**20  # of the outcomes of a part, which are in memory all at once
TOGETHER = 200  # markets of a part: some 20 ms of work, so that the first answers come soon and turns change
TOGETHER_WITH_EVENTS = 8  # likewise, with draws


@dataclass(frozen=True, slots=True)
class Part:
    """Markets that are forecast together: some whose shares the caller brings, or one of the server."""

    first: int  # place of its first market in the batch
    count: int  # of markets
    raw: bytes = b""  # a ForecastBatch
    compiled: bool = False  # whether the compiled form of the model of record takes these
    market: str = ""  # of the server
    events: tuple[Asked, ...] = ()  # asked of that


Outcomes = list[tuple[bool, bytes]]  # per market whether it failed, and a MarketOutcome


def read_batch(raw: bytes | ForecastBatch, /) -> tuple[BatchQuery, list[Part]]:
    """What is asked of many markets, checked as far as can be without data, in parts that are always the same.

    Raises:
        InvalidArgument, NotFound: what is asked is not allowed.
    """
    batch = decode(ForecastBatch, raw) if isinstance(raw, bytes) else raw
    query = convert.batch_query(batch)
    try:
        check_levels(query.levels)
        check_request(horizon=query.horizon, levels=query.levels, model=query.model)
        check_words(query.events, query.conditions)
    except InvalidArgument as error:
        raise error.within("batch") from None
    named = len(query.markets)
    parts = [Part(place, 1, market=market, events=query.events_of(place)) for place, market in enumerate(query.markets)]
    size = 1
    if query.model == OF_RECORD:
        asked = any(query.from_draws(query.events + tuple(table.events)) for table in batch.shares)
        ahead, levels = query.horizon, len(query.levels)
        large = max((answer_bytes(table.providers, horizon=ahead, levels=levels) for table in batch.shares), default=1)
        size = TOGETHER_WITH_EVENTS if asked else TOGETHER
        size = max(min(size, _PART_BYTES // max(large, 1)), 1)
    total, compiled = named + len(batch.shares), len(batch.shares) > MOST_PLAIN
    for number, inline in enumerate(convert.batch_parts(batch, size)):
        first = named + number * size
        parts.append(Part(first, min(size, total - first), raw=inline, compiled=compiled))
    return query, parts


async def part_outcomes(part: Part, query: BatchQuery, call: Call, catalog: Catalog, work: Work, /) -> Outcomes:
    """The outcomes of one part, in the order of its markets.

    Raises:
        ServiceError: the work could not be done; of a market alone, that is its outcome.
    """
    kind = f"many {query.model}" if part.raw else f"many {query.model} of the server"
    async with work.turn(call, kind, short=False) as place:
        if part.raw:
            return await place.call(inline_outcomes, part.raw, call.request_id, part.compiled)
        try:
            asked = (part.market, query.house, query.as_of, None, query.name_changes)
            sought = await work.at_once(partial(catalog.seek_history, of_many=True), *asked)
            history = await made_history(sought, place, catalog)
            totals = await work.at_once(_published_totals, catalog, history) if query.revenue else None
        except SharecastError as error:
            if type(error).__module__.startswith("forecast."):
                return [(True, convert.error_outcome(part.market, error, call.request_id))]
            raise
        return [await place.call(history_outcome, history, query, part.events, totals, call.request_id)]


def _published_totals(catalog: Catalog, history: History) -> "Totals":
    return totals_asked(RevenueQuestion(), history, catalog.figures_in_force(history.market, history.as_of))


class StreamReplies:
    """Replies to StreamForecasts.

    Args:
        catalog: The figures.
        work: Where the work is done.
        ahead: Parts that are worked on at once for one call.
    """

    def __init__(self, catalog: Catalog, work: Work, *, ahead: int) -> None:
        self._catalog, self._work, self._ahead = catalog, work, ahead

    async def stream_forecasts(self, raw: bytes, call: Call) -> AsyncIterator[bytes]:
        """The markets, each when it is ready."""

        def read() -> tuple[BatchQuery, list[Part]]:
            return read_batch(decode(StreamForecastsRequest, raw).batch)

        check_bulk(raw, BATCH)
        query, parts = await self._work.in_thread(call, read)

        def make(part: Part) -> Any:  # noqa: ANN401  (a coroutine)
            return part_outcomes(part, query, call, self._catalog, self._work)

        async with aclosing(as_ready(parts, make, self._ahead)) as ready:  # type: ignore[type-var]
            async for outcomes in ready:
                for few in in_messages([outcome for _, outcome in outcomes]):
                    yield convert.stream_response(few)


def in_messages(outcomes: Sequence[bytes], /) -> Iterator[Sequence[bytes]]:
    """Outcomes in as many messages as it takes for each to be one that any client takes, in order; none is empty.

    Args:
        outcomes: Each for itself is one that any client takes: see `service.server.room`.
    """
    first = size = 0
    for place, outcome in enumerate(outcomes):
        if place > first and size + len(outcome) > MESSAGE_BYTES:
            yield outcomes[first:place]
            first, size = place, 0
        size += len(outcome)
    if first < len(outcomes):
        yield outcomes[first:]


async def as_ready(parts: list[Part], make: Callable[[Part], Any], ahead: int, /) -> AsyncIterator[Outcomes]:
    """The outcomes of parts as they become ready, `ahead` worked on at a time; leaving early ends the work."""
    waiting: Iterator[Part] = iter(parts)
    working: set[asyncio.Task[Outcomes]] = set()
    done: set[asyncio.Task[Outcomes]] = set()
    try:
        while True:
            while len(working) < ahead and (part := next(waiting, None)) is not None:
                working.add(asyncio.ensure_future(make(part)))
            if not working:
                return
            done, working = await asyncio.wait(working, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                yield task.result()
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*done, *working, return_exceptions=True)  # one error ends it; the others are heard too
