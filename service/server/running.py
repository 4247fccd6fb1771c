"""Running a server: as a process until a signal, or in a thread of another program."""

import asyncio
import logging
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from types import TracebackType
from typing import Self

import grpc

from service.catalog import Catalog
from service.observe import Observer
from service.observe.health import watch_health
from service.security import Guard
from service.server import process
from service.server.front import STREAM_TIME_LIMIT, TIME_LIMIT, Front
from service.server.work import WAITING
from service.server.workers import Nursery

log = logging.getLogger(__name__)

DRAIN_SECONDS = 30.0  # as long as a call may take; a stream, whose caller has seen how far it was, is cut off
_ONE_WORD = 0.5  # seconds: timeout(1) sends its signal to the process and to its group, and means it once


async def serve(
    listen: str,
    catalog: Catalog,
    *,
    ready: Callable[[str], None],
    drain_seconds: float = DRAIN_SECONDS,
    guard: Guard | None = None,
    observer: Observer | None = None,
    credentials: grpc.ServerCredentials | None = None,
    time_limit: float = TIME_LIMIT,
    stream_time_limit: float = STREAM_TIME_LIMIT,
    places: int | None = None,
    waiting: int = WAITING,
    nursery: Nursery | None = None,
    check: Callable[[], None] | None = None,
) -> None:
    """Answer calls until SIGTERM or SIGINT; then refuse new ones, let those in flight end, and return.

    Told so once more, it does not wait for them. SIGHUP says the same in a process that a terminal controls, for then
    that is gone. In any other it ends nothing: certificates and keys are taken up as they change, and the rest is read
    at the start. One that is ignored, as under nohup(1), stays so.

    Args:
        listen: HOST:PORT; port 0 picks a free one.
        catalog: The figures to answer from.
        ready: Called once with HOST:PORT when a worker has answered a forecast; health says so from then on.
        drain_seconds: How long calls in flight may take after the signal.
        guard: As of `Front`, and so are those down to `waiting`.
        observer: Is told of every call.
        credentials: Of TLS.
        time_limit: Seconds a call may take.
        stream_time_limit: The same for a call that streams.
        places: How much work is done at once.
        waiting: How many calls may wait.
        nursery: What worker processes are forked from at first, if there is one already.
        check: Looks, in a thread, whether calls can be answered, and raises a `ServiceError` where not; health says
            what it finds.

    Raises:
        InvalidArgument: the address cannot be listened on.
    """
    process.prepare()
    told = _Told()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.once_more)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, told.once_more if process.has_terminal() else _go_on)
    front = Front(
        catalog,
        guard=guard,
        observer=observer,
        credentials=credentials,
        time_limit=time_limit,
        stream_time_limit=stream_time_limit,
        places=places,
        waiting=waiting,
        nursery=nursery,
    )
    await front.start(listen)
    looking: asyncio.Task[None] | None = None
    answering, stopping = asyncio.create_task(front.answered()), asyncio.create_task(told.stop.wait())
    try:
        await asyncio.wait({answering, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not told.stop.is_set():
            answering.result()
            if check is None:
                await front.tell_health(True)
            else:
                looking = asyncio.create_task(watch_health(check, front.tell_health))
            ready(front.address)
            process.settle()
        await stopping
        log.info("stopping: no new calls; those in flight have %g s", drain_seconds)
    finally:
        for task in (answering, looking):
            if task is not None:
                task.cancel()
        hurrying = asyncio.create_task(_hurry(front, told))
        await front.stop(drain_seconds)
        hurrying.cancel()
    log.info("stopped")


class _Told:
    """What signals have said: to stop, and, said once more, to wait for nobody."""

    def __init__(self) -> None:
        self.stop, self.hurry = asyncio.Event(), asyncio.Event()
        self._at = 0.0

    def once_more(self) -> None:
        now = time.monotonic()
        if not self.stop.is_set():
            self._at = now
            self.stop.set()
        elif now - self._at > _ONE_WORD:
            self.hurry.set()


def _go_on() -> None:
    log.info("SIGHUP ends nothing here: certificates and keys are taken up as they change, the rest at a restart")


async def _hurry(front: Front, told: _Told) -> None:
    await told.hurry.wait()
    log.warning("told to stop again: calls in flight are cut off")
    await front.cut_off()


class Server:
    """A server in a thread of its own, for a program that also calls it.

    Args:
        catalog: The figures it answers from.
        listen: HOST:PORT; port 0 picks a free one.
        guard: As of `Front`, and so are those below.
        observer: Is told of every call.
        credentials: Of TLS.
        time_limit: Seconds a call may take.
        places: How much work is done at once.
        waiting: How many calls may wait.

    >>> with Server(Catalog.shipped()) as server:  # doctest: +SKIP
    ...     Client(server.address).forecast("cn-cloud")
    """

    def __init__(
        self,
        catalog: Catalog,
        *,
        listen: str = "127.0.0.1:0",
        guard: Guard | None = None,
        observer: Observer | None = None,
        credentials: grpc.ServerCredentials | None = None,
        time_limit: float = TIME_LIMIT,
        places: int | None = None,
        waiting: int = WAITING,
    ) -> None:
        self._listen = listen
        self._front = Front(
            catalog,
            guard=guard,
            observer=observer,
            credentials=credentials,
            time_limit=time_limit,
            places=places,
            waiting=waiting,
        )
        self._thread = threading.Thread(target=self._run, name="sharecast-server", daemon=True)
        self._started: Future[None] = Future()
        self._grace = 0.0

    @property
    def address(self) -> str:
        """HOST:PORT it answers on; empty before `start`."""
        return self._front.address

    def start(self) -> Self:
        """Start, and return once calls are answered.

        Raises:
            InvalidArgument: the address cannot be listened on.
        """
        self._thread.start()
        self._started.result()
        return self

    def stop(self, grace: float = 5.0) -> None:
        """Refuse new calls, let those in flight end within `grace` seconds, and return once it stands still."""
        if self._thread.is_alive():
            self._grace = grace
            self._loop.call_soon_threadsafe(self._stopping.set)
            self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.run(self._answer())

    async def _answer(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        try:
            await self._front.start(self._listen)
            await self._front.tell_health(True)
        except BaseException as error:
            self._started.set_exception(error)
            return
        self._started.set_result(None)
        try:
            await self._stopping.wait()
        finally:
            await self._front.stop(self._grace)
