"""A supervised pool of worker processes, for use inside one event loop.

They are forked from a process that has loaded what forecasts of the model of record need, which takes a second. What
long work needs besides takes three, and where code must be compiled ten times as long: a second such process loads it
meanwhile, and then takes over.

A worker that is killed costs the call it worked on and no other, and is replaced at once. Work whose caller has
gone, or has no time left, is ended by ending its worker: a fit cannot be told to stop. `concurrent.futures` can do
neither.
"""

import asyncio
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from enum import IntEnum
from typing import Any, cast

from service.errors import WorkLost
from service.server.nursery import END, HEADER, ORDER, PID, RAISED, STEP

log = logging.getLogger(__name__)

_NURSERY = "from service.server.nursery import main; main()"
FORECASTS, EVERYTHING = "service.server.tasks", "service.server.loaded"  # modules, see `Nursery`
_AGAIN_SECONDS, _MOST_AGAIN_SECONDS = 0.1, 5.0  # before another attempt at starting a worker; twice as long each time

_PATIENCE = 0.2  # see `Rank.patience`


class Rank(IntEnum):
    """What a process is for; the value is how much nicer than the server it is, see nice(2).

    The server answers, and refuses, whatever its workers do. Of two processes that want one processor, one that is
    nicer by three gets a third of it, by eight a seventh, by ten a tenth.
    """

    SHORT_KEPT = 1  # short work of a tenant that has none
    LONG_KEPT = 2
    SHORT = 9  # work of milliseconds
    LONG = 12

    @property
    def is_long(self) -> bool:
        """Whether for work of more than milliseconds."""
        return self in (Rank.LONG, Rank.LONG_KEPT)

    @property
    def patience(self) -> float:
        """Seconds that work may go on for nobody, as ending a process costs more than short work."""
        return 0.0 if self.is_long else _PATIENCE


class Workers:
    """Processes that run functions of modules.

    Args:
        sizes: How many of each rank.
        nursery: What they are forked from at first, if there is one already.
    """

    def __init__(self, sizes: Mapping[Rank, int], nursery: "Nursery | None" = None) -> None:
        self._sizes = dict(sizes)
        self._first = nursery
        self._rest: Nursery | None = None  # once it has loaded everything
        self._loading: Nursery | None = None
        self._all: set[_Worker] = set()
        self._idle: dict[Rank, asyncio.LifoQueue[_Worker]] = {rank: asyncio.LifoQueue() for rank in sizes}
        self._starting: set[asyncio.Task[None]] = set()
        self._ending: set[asyncio.Task[None]] = set()
        self._closed = asyncio.Event()

    def start(self) -> None:
        """Begin to start the processes; work given before they are up waits for them."""
        for rank, size in self._sizes.items():
            for _ in range(size):
                self._replace(rank)
        self._load_rest()

    async def stop(self) -> None:
        """End all processes, at work or not."""
        self._closed.set()
        for nursery in (self._first, self._loading, self._rest):
            if nursery is not None:
                await asyncio.to_thread(nursery.close)
        await asyncio.gather(*self._starting, *self._ending, return_exceptions=True)
        for worker in tuple(self._all):
            worker.end()
        await asyncio.sleep(0)  # for the transports to be closed

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes that are up."""
        return tuple(worker.pid for worker in self._all.copy())  # metrics are read in another thread

    def up(self, rank: Rank) -> bool:
        """Whether a process of a rank is up, at work or not."""
        return any(worker.rank is rank for worker in self._all)

    async def call(self, function: Callable[..., Any], /, *arguments: object, rank: Rank = Rank.LONG) -> Any:  # noqa: ANN401  (what it returns)
        """What a function returns in a worker.

        Args:
            function: A function of a module; its arguments and what it returns or raises can be pickled.
            arguments: Of the function.
            rank: Of the worker.

        Raises:
            WorkLost: the worker ended without an answer.
            Exception: what the function raised.
        """
        answer = None
        async with aclosing(self.steps(function, *arguments, rank=rank)) as steps:  # type: ignore[type-var]
            async for found in steps:
                answer = found
        return answer

    async def steps(
        self, function: Callable[..., Any], /, *arguments: object, rank: Rank = Rank.LONG
    ) -> AsyncIterator[Any]:
        """What a function that returns an iterator yields in a worker; likewise.

        Leaving the iterator early, as on a cancel, ends the worker, once the patience of its rank has passed.
        """
        task = pickle.dumps((function, arguments), protocol=5)
        worker = await self._take(rank)
        try:
            worker.give(task)
            while True:
                kind, raw = await worker.answer()
                if kind == END:
                    break
                found = pickle.loads(raw)
                if kind == RAISED:
                    worker.rest()
                    raise found
                yield found
            worker.rest()
        finally:
            if worker.resting and not self._outdated(worker):
                self._idle[rank].put_nowait(worker)
            elif rank.patience and not worker.lost and self._open():
                ending = asyncio.get_running_loop().create_task(self._await_end(worker))
                self._ending.add(ending)
                ending.add_done_callback(self._ending.discard)
            else:
                worker.end()

    async def _await_end(self, worker: "_Worker") -> None:
        """Let a worker end what nobody waits for any more, or end it."""
        try:
            async with asyncio.timeout(worker.rank.patience):
                while (await worker.answer())[0] == STEP:
                    pass
        except (TimeoutError, WorkLost):
            worker.end()
        else:
            worker.rest()
            self._idle[worker.rank].put_nowait(worker)

    async def _take(self, rank: Rank) -> "_Worker":
        while True:
            worker = await self._idle[rank].get()
            if not worker.lost:
                return worker

    def _replace(self, rank: Rank) -> None:
        self._soon(self._start_one(rank))

    def _soon(self, starting: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(starting)
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start_one(self, rank: Rank) -> None:
        again = _AGAIN_SECONDS
        while self._open():
            nursery = self._rest if self._rest is not None and rank.is_long else self._first
            try:
                if nursery is None:
                    nursery = self._first = Nursery(FORECASTS)
                ours, pid = await nursery.worker(rank)
            except RuntimeError:  # it was closed in between
                return
            except OSError as error:  # no processes or sockets left, or the nursery was killed
                if not self._open():
                    return
                log.warning("a worker process could not be started, again in %g s: %s", again, error)
                await self._give_up(nursery)
                again = await self._pause(again)
                continue
            worker = _Worker(pid, rank, nursery, self._lost)
            await asyncio.get_running_loop().connect_accepted_socket(worker.itself, ours)
            self._all.add(worker)
            self._idle[rank].put_nowait(worker)
            return

    async def _give_up(self, nursery: "Nursery | None") -> None:
        """Have no more workers from one that has failed."""
        if nursery is None or nursery not in (self._first, self._rest):
            return  # another has given it up
        if nursery is self._first:
            self._first = None
        else:
            self._rest = None
            self._load_rest()
        await asyncio.to_thread(nursery.close)

    async def _pause(self, seconds: float) -> float:
        """Wait so long, or until all ends; returns how long to wait the next time."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closed.wait(), seconds)
        return min(2 * seconds, _MOST_AGAIN_SECONDS)

    def _load_rest(self) -> None:
        if any(rank.is_long for rank in self._sizes):
            self._soon(self._take_over())

    async def _take_over(self) -> None:
        """Load what long work needs, and have all long work done from then on by processes that have it."""
        first = self._starting - {asyncio.current_task()}
        await asyncio.wait(first) if first else None  # they answer first: loading takes a processor
        again = _AGAIN_SECONDS
        while self._open():
            try:
                self._loading = Nursery(EVERYTHING)
                await self._loading.loaded()
            except RuntimeError:  # it was closed in between
                return
            except OSError as error:
                if not self._open():
                    return
                log.warning("what long work needs could not be loaded, again in %g s: %s", again, error)
                if self._loading is not None:
                    await asyncio.to_thread(self._loading.close)
                again = await self._pause(again)
                continue
            self._rest, self._loading = self._loading, None
            for worker in self._all.copy():
                if worker.resting and self._outdated(worker):
                    worker.end()
            return

    def _outdated(self, worker: "_Worker") -> bool:
        return worker.rank.is_long and self._rest is not None and worker.nursery is not self._rest

    def _open(self) -> bool:
        return not self._closed.is_set()

    def _lost(self, worker: "_Worker") -> None:
        self._all.discard(worker)
        if self._open():
            self._replace(worker.rank)


class Nursery:
    """Our end of `service.server.nursery`.

    Args:
        module: What the process loads before it forks workers.

    Raises:
        OSError: no process or socket is left.
    """

    def __init__(self, module: str) -> None:
        # One thread: requests for workers are answered in order.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nursery")
        self._control, theirs = socket.socketpair()
        with theirs:
            flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # such as -W error
            self._process = subprocess.Popen(
                [sys.executable, *flags, "-c", _NURSERY, str(theirs.fileno()), module],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    async def worker(self, nicer: int) -> tuple[socket.socket, int]:
        """A new worker, so much nicer than we are: our end of its pipe, and its process id."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._fork, nicer)

    async def loaded(self) -> None:
        """Wait until it has loaded its module.

        Raises:
            OSError: it has ended.
        """
        await asyncio.get_running_loop().run_in_executor(self._thread, self._ask)

    def close(self) -> None:
        """End it; without one to fork from, no worker starts any more."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._process.kill()
        self._process.wait()
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._control.close()

    def _ask(self) -> None:
        self._control.sendall(ORDER.pack(0))
        self._read_pid()

    def _read_pid(self) -> int:
        raw = self._control.recv(PID.size, socket.MSG_WAITALL)
        if len(raw) < PID.size:
            raise ConnectionError("the process that workers are forked from has ended")
        return int(PID.unpack(raw)[0])

    def _fork(self, nicer: int) -> tuple[socket.socket, int]:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control, [ORDER.pack(nicer)], [theirs.fileno()])
            pid = self._read_pid()
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        return ours, pid


class _Worker(asyncio.Protocol):
    """One process and what has come from it."""

    def __init__(self, pid: int, rank: Rank, nursery: "Nursery", lost: Callable[["_Worker"], None]) -> None:
        self.pid, self.rank, self.nursery, self._on_lost = pid, rank, nursery, lost
        self.lost, self.resting = False, True
        self._buffer = bytearray()
        self._answers: asyncio.Queue[tuple[int, bytes] | None] = asyncio.Queue()

    def itself(self) -> "_Worker":
        """As a factory of the protocol."""
        return self

    def give(self, task: bytes) -> None:
        self.resting = False
        self._transport.write(HEADER.pack(len(task), 0) + task)

    async def answer(self) -> tuple[int, bytes]:
        found = None if self.lost and self._answers.empty() else await self._answers.get()
        if found is None:
            raise WorkLost
        return found

    def rest(self) -> None:
        self.resting = not self.lost

    def end(self) -> None:
        if not self.lost:
            # The pipe is open, so the process has not ended and its number is not another's.
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.lost, self.resting = True, False  # from now on, though we are told later
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= HEADER.size:
            size, kind = HEADER.unpack_from(self._buffer)
            if len(self._buffer) < HEADER.size + size:
                return
            self._answers.put_nowait((kind, bytes(self._buffer[HEADER.size : HEADER.size + size])))
            del self._buffer[: HEADER.size + size]

    def connection_lost(self, error: Exception | None) -> None:
        self.lost, self.resting = True, False
        self._answers.put_nowait(None)
        self._on_lost(self)
