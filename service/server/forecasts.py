"""Replies of ForecastService that are more than one step in a thread: cached, in worker processes, or many."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from hashlib import sha256
from importlib.metadata import version
from typing import TYPE_CHECKING, TypeAlias

from forecast.errors import InvalidArgument
from forecast.forecasting import OF_RECORD, check_request
from forecast.quarter import Quarter
from forecast.results import History
from service import convert
from service.catalog import Catalog
from service.queries import BacktestQuery, ForecastQuery, RevenueQuestion
from service.server.bulk import BACKTEST, FORECAST, check_bulk
from service.server.calls import Call
from service.server.messages import decode
from service.server.replies import Replies
from service.server.tasks import backtest_replies, raw_forecast_reply
from service.server.work import Work
from sharecast.v1.forecast_service_pb2 import BacktestRequest, ForecastRequest

if TYPE_CHECKING:
    from forecast.totals import Totals

MOST_LEVELS = 100
_GLANCE_BYTES = 4 * 2**10
_SHORT = (OF_RECORD, "naive")  # models that take milliseconds


_Data: TypeAlias = "tuple[History | None, Totals | None]"


def _kind(model: str, *, revenue: bool) -> tuple[str, bool]:
    """What kind of work a forecast is, and whether it is short: the models of a total take a tenth of a second."""
    return (f"forecast {model} with revenue", False) if revenue else (f"forecast {model}", model in _SHORT)


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
            request = decode(ForecastRequest, raw)
            kind, short = _kind(request.model or OF_RECORD, revenue=request.HasField("revenue"))
            work = self._work.short if short else self._work.long
            work.check(call.caller.tenant, kind, call.seconds_left)
        return await self._replies.once(raw, mark, call.caller.tenant, lambda: self._forecast(raw, mark, call))

    async def backtest(self, raw: bytes, call: Call) -> AsyncIterator[bytes]:
        """The messages of a backtest, each when it is ready."""
        check_bulk(raw, BACKTEST)
        query, task = await self._work.in_thread(call, self._prepare_backtest, raw)
        kind = "backtest " + " ".join(query.models)
        async with aclosing(self._work.in_worker(call, kind, backtest_replies, *task)) as steps:  # type: ignore[type-var]
            async for step in steps:
                yield step

    async def _forecast(self, raw: bytes, mark: int | None, call: Call) -> bytes:
        (kind, short), data, digest, reply = await self._work.in_thread(call, self._begin, raw)
        if reply is None:
            task = (raw_forecast_reply, raw, *data)
            if short:
                reply = await self._work.in_short_worker(call, kind, *task)
            else:
                async with aclosing(self._work.in_worker(call, kind, *task)) as steps:  # type: ignore[type-var]
                    reply = b"".join([step async for step in steps])
        self._replies.keep(raw, mark, digest, reply)
        return reply

    def _begin(self, raw: bytes) -> tuple[tuple[str, bool], _Data, bytes, bytes | None]:
        """Read the request and find its kind, its data, the digest of all this, and the reply where there is one."""
        query = read_forecast(raw)
        history = None
        if query.shares is None:
            history = self._catalog.history(query.market, query.house, query.as_of)
        totals = None if query.revenue is None else self._totals(query.revenue, history)
        digest = self._digest(raw, query, history, totals)
        kind = _kind(query.model, revenue=totals is not None)
        return kind, (history, totals), digest, self._replies.find(digest)

    def _totals(self, asked: RevenueQuestion, history: History | None) -> "Totals":
        """The totals in a question, else those that the house of a history has published."""
        from forecast.revenue import totals_of
        from forecast.totals import given_totals

        if asked.totals or history is None:
            return given_totals({Quarter.parse(row.period): row.amount for row in asked.totals}, asked.unit)
        return totals_of(history, self._catalog.figures_in_force(history.market, history.as_of))

    def _digest(self, raw: bytes, query: ForecastQuery, history: History | None, totals: "Totals | None") -> bytes:
        """Of all that a reply follows from."""
        asked = raw if history is None else repr(query).encode(errors="surrogatepass")
        data = "" if history is None else f"{history.market}\0{history.house}\0{history.content_hash}"
        if totals is not None:  # figures that no share follows from, and so no hash of a history
            data += f"\0{totals.unit}\0{totals.quarters[0]}\0{totals.amount.tolist()}\0{totals.notes}"
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
