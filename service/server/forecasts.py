"""Replies of ForecastService that are more than one step in a thread: cached, in worker processes, or many."""

from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from forecast.errors import InvalidArgument
from forecast.forecasting import OF_RECORD, check_request
from forecast.results import History
from service import convert
from service.answers import check_words
from service.catalog import Catalog, HistoryTask
from service.pasted import totals_asked
from service.queries import BacktestQuery, ForecastQuery, HistoryQuery, RevenueQuestion
from service.server.bulk import BACKTEST, FORECAST, HISTORY, check_bulk
from service.server.calls import Call
from service.server.messages import decode
from service.server.replies import Replies
from service.server.tasks import backtest_replies, history_reply, make_history, raw_forecast_reply, raw_history_reply
from service.server.work import Place, Work
from sharecast.v1.forecast_service_pb2 import BacktestRequest, ForecastRequest
from sharecast.v1.market_service_pb2 import GetHistoryRequest

if TYPE_CHECKING:
    from forecast.totals import Totals

MOST_LEVELS = 100
_GLANCE_BYTES = 4 * 2**10
_FEW_CELLS = 5_000  # of a history whose message and forecast take milliseconds
_SHORT = (OF_RECORD, "naive")  # models that take milliseconds


Q = TypeVar("Q")


class _TakesLong(Exception):  # noqa: N818
    """A market is so wide that its work is long work, which is not known before its figures are looked at."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What a reply follows from, beside the request."""

    history: History | None  # None: the request brings shares or figures
    totals: "Totals | None"  # None: revenue is not asked for, or follows from the figures it brings
    digest: bytes  # of all that the reply follows from


def _kind(query: ForecastQuery) -> tuple[str, bool]:
    """What kind of work a forecast is, and whether it is short: the models of a total take a tenth of a second.

    A history made from figures that the caller brings takes 40 ms, of many figures a second and more, as long as the
    caller likes; so it is long work, which others' short work does not wait for.
    """
    if query.figures is not None:
        return f"forecast {query.model} of figures", False
    if query.revenue is not None:
        return f"forecast {query.model} with revenue", False
    return f"forecast {query.model}", query.model in _SHORT


class ForecastReplies:
    """Replies to Forecast and Backtest.

    Args:
        catalog: The figures.
        work: Where the work is done.
        replies: Those given before.
    """

    def __init__(self, catalog: Catalog, work: Work, replies: Replies) -> None:
        self._catalog, self._work, self._replies = catalog, work, replies
        self._version = version("sharecast")

    async def forecast(self, raw: bytes, call: Call) -> bytes:
        """One market."""
        if (reply := self.given(raw)) is not None:
            return reply
        mark = self._catalog.mark()
        check_bulk(raw, FORECAST)
        query = None
        if len(raw) <= _GLANCE_BYTES:  # small enough to be read here: a refusal must not wait for a thread
            query = read_forecast(raw)
            if not self._replies.making(raw, mark, call.caller.tenant):
                kind, short = _kind(query)
                self._work.check(call, kind, short=short)
        return await self._replies.once(raw, mark, call.caller.tenant, lambda: self._forecast(raw, query, mark, call))

    def given(self, raw: bytes) -> bytes | None:
        """The reply to a request for one market, if it was given before and the data are the same."""
        mark = self._catalog.mark()
        return None if mark is None else self._replies.recall(raw, mark)

    async def history(self, raw: bytes, call: Call) -> bytes:
        """The history of one market, or of figures that the caller brings."""
        check_bulk(raw, HISTORY)
        query = await self._read(raw, call, read_history)
        if query.figures is not None:
            async with self._work.turn(call, "history of figures", short=False) as place:
                return await place.call(raw_history_reply, raw, self._catalog.breaks())
        asked = (query.market, query.house, query.as_of, query.recorded_by, query.name_changes)
        found = await self._work.in_thread(call, self._catalog.seek_history, *asked)
        if isinstance(found, History) and found.share.size <= _FEW_CELLS:
            return await self._work.in_thread(call, history_reply, found, query.most_bytes)
        short = isinstance(found, HistoryTask) and not found.wide
        async with self._work.turn(call, "history" if short else "wide history", short=short) as place:
            history = await made_history(found, place, self._catalog)
            return await place.call(history_reply, history, query.most_bytes)

    async def backtest(self, raw: bytes, call: Call) -> AsyncIterator[bytes]:
        """The messages of a backtest, each when it is ready."""
        check_bulk(raw, BACKTEST)
        query = await self._read(raw, call, read_backtest)
        async with self._work.turn(call, "backtest " + " ".join(query.models), short=False) as place:
            figures = await self._work.at_once(self._figures, query)
            changes = await self._work.at_once(self._catalog.name_changes, query.market)
            task = (backtest_replies, figures, self._catalog.breaks(), changes, query)
            async with aclosing(place.steps(*task)) as steps:  # type: ignore[type-var]
                async for step in steps:
                    yield step

    async def _forecast(self, raw: bytes, query: ForecastQuery | None, mark: int | None, call: Call) -> bytes:
        if query is None:
            query = await self._read(raw, call, read_forecast)
        found = self._at_hand(raw, query, mark)
        reply = None if found is None else self._replies.find(found.digest)
        if found is None or reply is None:
            kind, short = _kind(query)
            try:
                found, reply = await self._make(raw, query, found, call, kind, short=short)
            except _TakesLong:
                found, reply = await self._make(raw, query, found, call, f"wide {kind}", short=False)
        self._replies.keep(raw, mark, found.digest, reply)
        return reply

    async def _make(
        self, raw: bytes, query: ForecastQuery, found: "_Found | None", call: Call, kind: str, *, short: bool
    ) -> tuple["_Found", bytes]:
        """What a reply follows from, and the reply.

        Raises:
            _TakesLong: in a place for short work, which is left for another's.
        """
        async with self._work.turn(call, kind, short=short) as place:
            history = None if found is None else found.history
            if found is None and not query.inline:
                asked = (query.market, query.house, query.as_of, query.recorded_by, query.name_changes)
                sought = await self._work.at_once(self._catalog.seek_history, *asked)
                if short and isinstance(sought, HistoryTask) and sought.wide:
                    raise _TakesLong
                history = await made_history(sought, place, self._catalog)
            if short and history is not None and history.share.size > _FEW_CELLS:
                raise _TakesLong
            if found is None:
                found = await self._work.at_once(self._find, raw, query, history)
            reply = self._replies.find(found.digest)
            if reply is None:
                breaks = None if query.figures is None else self._catalog.breaks()
                reply = await place.call(raw_forecast_reply, raw, found.history, found.totals, breaks)
            return found, reply

    async def _read(self, raw: bytes, call: Call, read: Callable[[bytes], Q]) -> Q:
        """A request, read here if that takes no time, else in a thread."""
        return read(raw) if len(raw) <= _GLANCE_BYTES else await self._work.in_thread(call, read, raw)

    def _at_hand(self, raw: bytes, query: ForecastQuery, mark: int | None) -> "_Found | None":
        """What `_find` returns, where that takes no time."""
        if query.revenue is not None or len(raw) > _GLANCE_BYTES:
            return None
        history = None
        if not query.inline:
            asked = (query.market, query.house, query.as_of, query.recorded_by, query.name_changes)
            history = self._catalog.history_at_hand(*asked, mark)
            if history is None:
                return None
        return _Found(history, None, self._digest(raw, query, history, None))

    def _find(self, raw: bytes, query: ForecastQuery, history: History | None) -> "_Found":
        """What a reply follows from, beside the request."""
        totals = None
        if query.revenue is not None and query.figures is None:
            totals = self._totals(query.revenue, history, query.recorded_by)
        return _Found(history, totals, self._digest(raw, query, history, totals))

    def _totals(self, asked: RevenueQuestion, history: History | None, recorded_by: datetime | None) -> "Totals":
        """The totals in a question, else those that the house of a history has published."""
        if history is None or asked.totals:
            return totals_asked(asked, None, None)
        figures = self._catalog.figures_in_force(history.market, history.as_of, recorded_by)
        return totals_asked(asked, history, figures)

    def _digest(self, raw: bytes, query: ForecastQuery, history: History | None, totals: "Totals | None") -> bytes:
        """Of all that a reply follows from."""
        asked = raw if history is None else repr(query).encode(errors="surrogatepass")
        data = "" if history is None else f"{history.market}\0{history.house}\0{history.content_hash}"
        if totals is not None:  # figures that no share follows from, and so no hash of a history
            data += f"\0{totals.unit}\0{totals.quarters[0]}\0{totals.amount.tolist()}\0{totals.notes}"
        return sha256(b"\0".join([self._version.encode(), data.encode(), asked])).digest()

    def _figures(self, query: BacktestQuery) -> pl.DataFrame:
        inline = query.shares is not None
        return self._catalog.no_figures() if inline else self._catalog.market_figures(query.market)


async def made_history(found: History | HistoryTask, place: Place, catalog: Catalog, /) -> History:
    """A history, made in a process where it is not kept: its caller's deadline ends that."""
    if isinstance(found, History):
        return found
    return catalog.keep_history(found, await place.call(make_history, found))


def read_forecast(raw: bytes, /) -> ForecastQuery:
    """Read a request and check what can be checked without data.

    Raises:
        MalformedRequest: it is none.
        InvalidArgument, NotFound: what it asks for is not allowed.
    """
    query = convert.forecast_query(decode(ForecastRequest, raw))
    check_levels(query.levels)
    check_request(horizon=query.horizon, levels=query.levels, model=query.model)
    check_words(query.events, query.conditions)
    return query


def read_history(raw: bytes, /) -> HistoryQuery:
    """The same for a request of a history."""
    return convert.history_query(decode(GetHistoryRequest, raw))


def read_backtest(raw: bytes, /) -> BacktestQuery:
    """The same for a request to backtest."""
    query = convert.backtest_query(decode(BacktestRequest, raw))
    check_levels(query.levels)
    return query


def check_levels(levels: tuple[float, ...], /) -> None:
    """Refuse more levels than anyone can use.

    Raises:
        InvalidArgument: there are more.
    """
    if len(levels) > MOST_LEVELS:
        raise InvalidArgument("levels", len(levels), f"{MOST_LEVELS} at most", f"are {len(levels)}")
