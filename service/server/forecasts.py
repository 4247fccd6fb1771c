"""Replies of ForecastService that are more than one step in a thread: cached, in worker processes, or many."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from hashlib import sha256
from importlib.metadata import version

from forecast.errors import InvalidArgument
from forecast.forecasting import OF_RECORD, check_request
from forecast.results import History
from service import convert
from service.catalog import Catalog
from service.queries import BacktestQuery, ForecastQuery
from service.server.bulk import BACKTEST, FORECAST, check_bulk
from service.server.calls import Call
from service.server.messages import decode
from service.server.replies import Replies
from service.server.tasks import backtest_replies, forecast_reply
from service.server.work import Work
from sharecast.v1.forecast_service_pb2 import BacktestRequest, ForecastRequest

MOST_LEVELS = 100
_GLANCE_BYTES = 4 * 2**10
_IN_THREADS = (OF_RECORD, "naive")  # models that take milliseconds


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
        """One market; a reply given before is given again without leaving the event loop."""
        mark = self._catalog.mark()
        if mark is not None and (reply := self._replies.recall(raw, mark)) is not None:
            return reply
        check_bulk(raw, FORECAST)
        if len(raw) <= _GLANCE_BYTES:  # small enough to be read here: a refusal must not wait for a thread
            model = decode(ForecastRequest, raw).model or OF_RECORD
            if model not in _IN_THREADS:
                self._work.long.check(call.caller.tenant, f"forecast {model}", call.seconds_left)
        return await self._replies.once(raw, mark, lambda: self._forecast(raw, mark, call))

    async def backtest(self, raw: bytes, call: Call) -> AsyncIterator[bytes]:
        """The messages of a backtest, each when it is ready."""
        check_bulk(raw, BACKTEST)
        query, task = await self._work.in_thread(call, self._prepare_backtest, raw)
        kind = "backtest " + " ".join(query.models)
        async with aclosing(self._work.in_worker(call, kind, backtest_replies, *task)) as steps:  # type: ignore[type-var]
            async for step in steps:
                yield step

    async def _forecast(self, raw: bytes, mark: int | None, call: Call) -> bytes:
        query, history, digest, reply = await self._work.in_thread(call, self._begin, raw)
        if reply is None:
            async with aclosing(  # type: ignore[type-var]
                self._work.in_worker(call, f"forecast {query.model}", forecast_reply, query, history)
            ) as steps:
                reply = b"".join([step async for step in steps])
        self._replies.keep(raw, mark, digest, reply)
        return reply

    def _begin(self, raw: bytes) -> tuple[ForecastQuery, History | None, bytes, bytes | None]:
        """Read the request, find its data and, where that is quick, the forecast; else None in its place."""
        query = read_forecast(raw)
        history = None
        if query.shares is None:
            history = self._catalog.history(query.market, query.house, query.as_of)
        digest = self._digest(raw, query, history)
        reply = self._replies.find(digest)
        if reply is None and query.model in _IN_THREADS:
            reply = forecast_reply(query, history)
        return query, history, digest, reply

    def _digest(self, raw: bytes, query: ForecastQuery, history: History | None) -> bytes:
        """Of all that a reply follows from."""
        asked = raw if history is None else repr(query).encode(errors="surrogatepass")
        data = "" if history is None else f"{history.market}\0{history.house}\0{history.content_hash}"
        return sha256(b"\0".join([self._version.encode(), data.encode(), asked])).digest()

    def _prepare_backtest(self, raw: bytes) -> tuple[BacktestQuery, tuple[object, ...]]:
        query = convert.backtest_query(decode(BacktestRequest, raw))
        check_levels(query.levels)
        inline = query.shares is not None
        figures = self._catalog.no_figures() if inline else self._catalog.market_figures(query.market)
        return query, (figures, self._catalog.breaks(), query)


def read_forecast(raw: bytes, /) -> ForecastQuery:
    """Read a request and check what can be checked without data.

    Raises:
        MalformedRequest: it is none.
        InvalidArgument, NotFound: what it asks for is not allowed.
    """
    query = convert.forecast_query(decode(ForecastRequest, raw))
    check_levels(query.levels)
    check_request(horizon=query.horizon, levels=query.levels, model=query.model)
    return query


def check_levels(levels: tuple[float, ...], /) -> None:
    """Refuse more levels than anyone can use.

    Raises:
        InvalidArgument: there are more.
    """
    if len(levels) > MOST_LEVELS:
        raise InvalidArgument("levels", f"{len(levels)} levels", f"{MOST_LEVELS} at most")
