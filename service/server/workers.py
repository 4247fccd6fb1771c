"""A supervised pool of worker processes, for use inside one event loop.

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
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from enum import IntEnum
from typing import Any, cast

from service.errors import WorkLost
from service.server.nursery import END, HEADER, ORDER, PID, RAISED, STEP

log = logging.getLogger(__name__)

_NURSERY = "from service.server.nursery import main; main()"
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
    def patience(self) -> float:
        """Seconds that work may go on for nobody, as ending a process costs more than short work."""
        return _PATIENCE if self in (Rank.SHORT, Rank.SHORT_KEPT) else 0.0


class Workers:
    """Processes that run functions of modules.

    Args:
        sizes: How many of each rank.
    """

    def __init__(self, sizes: Mapping[Rank, int]) -> None:
        self._sizes = dict(sizes)
        self._nursery: _Nursery | None = None
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

    async def stop(self) -> None:
        """End all processes, at work or not."""
        self._closed.set()
        if self._nursery is not None:
            await asyncio.to_thread(self._nursery.close)
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
            if worker.resting:
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
        task = asyncio.get_running_loop().create_task(self._start_one(rank))
        self._starting.add(task)
        task.add_done_callback(self._starting.discard)

    async def _start_one(self, rank: Rank) -> None:
        again = _AGAIN_SECONDS
        while self._open():
            nursery = self._nursery
            try:
                if nursery is None:
                    nursery = self._nursery = _Nursery()
                ours, pid = await nursery.worker(rank)
            except RuntimeError:  # it was closed in between
                return
            except OSError as error:  # no processes or sockets left, or the nursery was killed
                if not self._open():
                    return
                log.warning("a worker process could not be started, again in %g s: %s", again, error)
                if nursery is not None and self._nursery is nursery:
                    self._nursery = None
                    await asyncio.to_thread(nursery.close)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._closed.wait(), again)
                again = min(2 * again, _MOST_AGAIN_SECONDS)
                continue
            worker = _Worker(pid, rank, self._lost)
            await asyncio.get_running_loop().connect_accepted_socket(worker.itself, ours)
            self._all.add(worker)
            self._idle[rank].put_nowait(worker)
            return

    def _open(self) -> bool:
        return not self._closed.is_set()

    def _lost(self, worker: "_Worker") -> None:
        self._all.discard(worker)
        if self._open():
            self._replace(worker.rank)


class _Nursery:
    """Our end of `service.server.nursery`."""

    def __init__(self) -> None:
        # One thread: requests for workers are answered in order.
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="nursery")
        self._control, theirs = socket.socketpair()
        with theirs:
            flags = subprocess._args_from_interpreter_flags()  # type: ignore[attr-defined]  # such as -W error
            self._process = subprocess.Popen(
                [sys.executable, *flags, "-c", _NURSERY, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )

    async def worker(self, nicer: int) -> tuple[socket.socket, int]:
        """A new worker, so much nicer than we are: our end of its pipe, and its process id."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._fork, nicer)

    def close(self) -> None:
        """End it; without one to fork from, no worker starts any more."""
        with suppress(OSError):
            self._control.shutdown(socket.SHUT_RDWR)
        self._process.kill()
        self._process.wait()
        self._thread.shutdown(wait=True, cancel_futures=True)
        self._control.close()

    def _fork(self, nicer: int) -> tuple[socket.socket, int]:
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                socket.send_fds(self._control, [ORDER.pack(nicer)], [theirs.fileno()])
            raw = self._control.recv(PID.size, socket.MSG_WAITALL)
            if len(raw) < PID.size:
                raise ConnectionError("the process that workers are forked from has ended")
        except BaseException:
            ours.close()
            raise
        ours.setblocking(False)
        return ours, PID.unpack(raw)[0]


class _Worker(asyncio.Protocol):
    """One process and what has come from it."""

    def __init__(self, pid: int, rank: Rank, lost: Callable[["_Worker"], None]) -> None:
        self.pid, self.rank, self._on_lost = pid, rank, lost
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
