"""The grpc.aio server: all services, health and reflection on one port."""

import asyncio
import os
import re
from collections.abc import Iterator
from typing import Any

import grpc

from forecast.errors import InvalidArgument
from forecast.forecasting import warm_up
from service.catalog import Catalog
from service.errors import WorkLost
from service.observe import Observer, Reading
from service.security import Guard
from service.server import health_calls
from service.server.calls import Limits, service_handler
from service.server.comparing import ComparingReplies
from service.server.forecasts import ForecastReplies
from service.server.handlers import ForecastHandlers, MarketHandlers
from service.server.health_calls import Health
from service.server.jobs import JobReplies
from service.server.many import StreamReplies
from service.server.messages import collected, in_thread, of_tenant
from service.server.open_calls import OpenCalls
from service.server.reflecting import reflection_handlers
from service.server.replies import Replies
from service.server.resets import Resets
from service.server.work import WAITING, Work
from service.server.workers import Nursery, Rank
from sharecast.v1 import forecast_service_pb2, job_service_pb2, market_service_pb2
from sharecast.v1.market_service_pb2 import WithdrawFiguresRequest

TIME_LIMIT = 30.0  # seconds a call may take
STREAM_TIME_LIMIT = 600.0  # seconds a call that tells its progress, or sends in pieces, may take
WATCH_TIME_LIMIT = 24 * 3600.0  # seconds a call that only watches may take
_AGAIN_SECONDS = 0.1
# Those that wait for work are refused far earlier; the rest watch, or hold a connection only. One tenant may have half
# of them, watches of health and calls that have not said what they ask some hundreds, so the rest stay free for others.
# Beyond it gRPC itself refuses, without a word of when to call again: only several tenants at their bounds get there.
_CALLS_AT_ONCE = 2_000

_OPTIONS = (
    ("grpc.so_reuseport", 0),  # a second server on the same port must fail, not take half of the calls
    ("grpc.server_handshake_timeout_ms", 5_000),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 20_000),
    # Clients may ask every 10 s whether a stream without messages lives; half of that, so that none comes too early.
    # Left alone gRPC allows one in five minutes, and ends the connection at the third that comes sooner.
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
    ("grpc.max_concurrent_streams", 100),
    # Left on, it resets calls of clients that keep to the line above, while earlier calls are tidied up behind them: of
    # 11,500 calls of one that sends 100 to 300 at once and cancels some, 2,500 ended in UNAVAILABLE, none with it off.
    # Against a connection that resets all its calls it makes little difference: beside 300,000 resets a second another
    # caller gets 0.34 to 0.40 of its answers alone with it on, 0.32 to 0.41 with it off, all of them OK.
    ("grpc.http.overload_protection", 0),
    ("grpc.max_receive_message_length", 4 * 2**20),
)

_FORECASTS = forecast_service_pb2.DESCRIPTOR.services_by_name["ForecastService"]
_MARKETS = market_service_pb2.DESCRIPTOR.services_by_name["MarketService"]
_JOBS = job_service_pb2.DESCRIPTOR.services_by_name["JobService"]
_SERVICES = (_FORECASTS, _MARKETS, _JOBS)
_BRINGING = frozenset(
    {"Forecast", "StreamForecasts", "Backtest", "CreateForecastJob", "GetHistory"}
)  # methods whose requests may bring shares or figures

_ALLOWED_ADDRESS = "HOST:PORT of this machine, PORT 0 to 65535, that no other process uses"


class Front:
    """A server for use inside one event loop: `start`, `address`, `stop`.

    Args:
        catalog: The figures it answers from.
        guard: Lets callers in; by default everyone.
        observer: Is told of every call; by default nobody is.
        credentials: Of TLS; None: plain text.
        time_limit: Seconds a call may take, whatever longer deadline its caller gave.
        stream_time_limit: The same for a call that streams its responses or requests.
        places: How much work is done at once, in threads and in either kind of processes; None: as much as there are
            processors.
        waiting: How many calls may wait for each.
        nursery: What worker processes are forked from at first, if there is one already.
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        guard: Guard | None = None,
        observer: Observer | None = None,
        credentials: grpc.ServerCredentials | None = None,
        time_limit: float = TIME_LIMIT,
        stream_time_limit: float = STREAM_TIME_LIMIT,
        places: int | None = None,
        waiting: int = WAITING,
        nursery: Nursery | None = None,
    ) -> None:
        self._catalog, self._credentials = catalog, credentials
        self._guard, self._observer = guard or Guard.open(), observer or Observer.quiet()
        self._limits = Limits(time_limit, stream_time_limit, WATCH_TIME_LIMIT)
        self._places, self._waiting, self._nursery = places, waiting, nursery
        self._open_calls, self._resets = OpenCalls(), Resets()
        self.address = ""  # HOST:PORT, once started

    async def start(self, listen: str) -> None:
        """Listen on HOST:PORT (port 0 picks a free one) and answer calls.

        Raises:
            InvalidArgument: the address cannot be listened on.
        """
        if not _can_be_address(listen):
            raise InvalidArgument("listen", listen, _ALLOWED_ADDRESS)
        self._server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=_CALLS_AT_ONCE)
        self._work = Work(places=self._places, waiting=self._waiting, nursery=self._nursery)
        self._add_services()
        await self._add_health()
        self._add_reflection()
        try:
            if self._credentials is None:
                port = self._server.add_insecure_port(listen)
            else:
                port = self._server.add_secure_port(listen, self._credentials)
        except RuntimeError:
            raise InvalidArgument("listen", listen, _ALLOWED_ADDRESS) from None
        await self._server.start()
        self._work.start()
        await self._jobs.resume()
        if self._observer.metrics is not None:
            self._observer.metrics.watch(self.readings)
        self.address = listen if listen.startswith("unix:") else f"{listen.rpartition(':')[0]}:{port}"

    async def answered(self) -> None:
        """Wait until a worker has answered a forecast: from then on no call waits for processes to start."""
        lost = True
        while lost:
            try:
                await self._work.workers.call(warm_up, rank=Rank.SHORT)
                lost = False
            except WorkLost:
                await asyncio.sleep(_AGAIN_SECONDS)

    async def stop(self, grace: float) -> None:
        """Refuse new calls, let those in flight end within `grace` seconds, then cancel them."""
        await self.tell_health(False)
        await self._health.stop()
        await self._open_calls.close()
        stopped = asyncio.ensure_future(self._server.stop(grace))
        await asyncio.sleep(0)  # by now its connections know
        self._open_calls.release()
        await stopped
        await self._jobs.stop()
        await self._work.stop()

    async def cut_off(self) -> None:
        """Cancel the calls in flight of a server that stops."""
        await self._server.stop(None)

    def readings(self) -> Iterator[Reading]:
        """What work there is and where replies came from, for metrics; may be called in any thread."""
        replies = "Replies to Forecast, by where they came from."
        for source, number in (
            ("made", self._replies.made),
            ("cache", self._replies.given_again),
            ("shared", self._replies.shared),
        ):
            yield Reading("sharecast_replies", replies, number, counter=True, labels=(("source", source),))
        for place, admission in (
            ("threads", self._work.quick),
            ("short_workers", self._work.short),
            ("workers", self._work.long),
        ):
            yield Reading(
                "sharecast_waiting", "Calls that wait for work.", admission.waiting, labels=(("place", place),)
            )
            yield Reading("sharecast_working", "Calls worked on.", admission.working, labels=(("place", place),))
        yield Reading("sharecast_reset_calls", "Calls that their callers reset.", self._resets.count, counter=True)
        yield Reading("sharecast_worker_processes", "Worker processes alive.", len(self._work.workers.pids))

    async def tell_health(self, serving: bool) -> None:
        """Have health say whether calls can be answered; once it stops, that stays NOT_SERVING."""
        await self._health.tell(serving)
        if self._observer.metrics is not None:
            self._observer.metrics.serving.set(serving)

    def _add_services(self) -> None:
        self._replies = Replies()
        cached = ForecastReplies(self._catalog, self._work, self._replies)
        comparing = ComparingReplies(self._catalog, self._work)
        ahead = (self._places or os.cpu_count() or 1) + 1  # so that no place waits for the next part
        self._jobs = JobReplies(self._catalog, self._work, ahead=ahead)
        markets = MarketHandlers(self._catalog)
        replies: dict[str, Any] = {
            "Forecast": cached.forecast,
            "StreamForecasts": StreamReplies(self._catalog, self._work, ahead=ahead).stream_forecasts,
            "Backtest": cached.backtest,
            "DiffForecasts": comparing.diff,
            "RenderReport": comparing.report,
            "GetHistory": cached.history,
            "CreateForecastJob": self._jobs.create,
            "GetForecastJob": self._jobs.get,
            "ListForecastJobs": self._jobs.list,
            "CancelForecastJob": self._jobs.cancel,
            "WatchForecastJob": self._jobs.watch,
            "WithdrawFigures": of_tenant(WithdrawFiguresRequest, markets.withdraw_figures, self._work),
        }
        for service, handlers in (
            (_FORECASTS, ForecastHandlers()),
            (_MARKETS, markets),
            (_JOBS, None),
        ):
            for method in service.methods:
                if method.name not in replies:
                    wrap = collected if method.client_streaming else in_thread
                    replies[method.name] = wrap(method, getattr(handlers, _snake(method.name)), self._work)
            handler = service_handler(
                service,
                replies,
                guard=self._guard,
                observer=self._observer,
                limits=self._limits,
                open_calls=self._open_calls,
                check=self._catalog.check_in_place,
                resets=self._resets,
                bringing=_BRINGING,
                given={"Forecast": cached.given},
            )
            self._server.add_generic_rpc_handlers((handler,))

    async def _add_health(self) -> None:
        self._health = Health(tuple(service.full_name for service in _SERVICES))
        self._server.add_generic_rpc_handlers((self._health.handler(self._observer),))
        await self.tell_health(False)

    def _add_reflection(self) -> None:
        names = (*(service.full_name for service in _SERVICES), health_calls.NAME)
        self._server.add_generic_rpc_handlers(reflection_handlers(names, self._guard, self._observer, self._open_calls))


def _can_be_address(listen: str) -> bool:
    host, _, port = listen.rpartition(":")  # grpc would take port 99999 for 34463
    return listen.startswith("unix:") or (host != "" and port.isascii() and port.isdigit() and int(port) <= 65535)


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
