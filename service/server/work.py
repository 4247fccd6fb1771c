"""Where work is done: in threads what is a step of a call, in worker processes every fit.

Measured on two cores: a forecast by the model of record takes 1 to 8 ms, and hands the interpreter back too seldom for
threads to be of use: two of them did 100 forecasts a second where one did 107, and held up every other call. Two
processes do 203, at 0.25 ms for handing a history over, and the event loop stays free. The models beside it take 30 ms
to 4 s, and nothing but the end of their process stops them; they have processes of their own, so that short work does
not wait for them.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, ParamSpec, TypeVar

from service.server.admission import Admission
from service.server.calls import Call
from service.server.workers import Nursery, Rank, Workers

R = TypeVar("R")
P = ParamSpec("P")

WAITING = 256  # calls in front of each of the three; more are refused


class Work:
    """Threads, processes for short work and processes for long work, each behind a queue; for use in one event loop.

    Args:
        places: How much each does at once.
        waiting: How many calls may wait for each.
        nursery: As of `Workers`.
    """

    def __init__(self, *, places: int | None = None, waiting: int = WAITING, nursery: Nursery | None = None) -> None:
        places = places or os.cpu_count() or 1
        self.quick, self.short, self.long = (Admission(places, waiting) for _ in range(3))
        # One more than places: for a tenant that has none, see `Admission`.
        self._threads = ThreadPoolExecutor(places + 1, thread_name_prefix="sharecast")
        sizes = {Rank.SHORT: places, Rank.SHORT_KEPT: 1, Rank.LONG: places, Rank.LONG_KEPT: 1}
        self.workers = Workers(sizes, nursery)

    def start(self) -> None:
        """Begin to start the processes; nothing waits for them but work that needs them."""
        self.workers.start()

    async def stop(self) -> None:
        """End what is being worked on."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        await self.workers.stop()

    async def in_thread(self, call: Call, function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
        """What a function returns that takes milliseconds, when it is this call's turn.

        Raises:
            Overloaded, DeadlineExceeded: as `Admission.turn`.
        """
        async with self.quick.turn(call.caller.tenant, call.method, call.seconds_left):
            return await self.at_once(function, *arguments, **options)

    async def at_once(self, function: Callable[P, R], *arguments: P.args, **options: P.kwargs) -> R:
        """The same out of turn: for what takes less than a refusal would, and for steps of what has its turn."""

        def run() -> R:
            return function(*arguments, **options)

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)

    @asynccontextmanager
    async def turn(self, call: Call, kind: str, *, short: bool) -> AsyncIterator["Place"]:
        """Wait for a place at the processes for short or for long work, and keep it until the block ends.

        All that a call waits for belongs within: who waits in a second queue may be refused after the first.

        Args:
            call: The call.
            kind: What kind of work, as `Admission.turn` takes it.
            short: Whether it takes milliseconds.

        Raises:
            Overloaded, DeadlineExceeded: as `Admission.turn`.
        """
        admission, usual, other = (
            (self.short, Rank.SHORT, Rank.SHORT_KEPT) if short else (self.long, Rank.LONG, Rank.LONG_KEPT)
        )
        async with admission.turn(call.caller.tenant, kind, call.seconds_left) as kept:
            yield Place(self, other if kept else usual)

    def check(self, call: Call, kind: str, *, short: bool) -> None:
        """Refuse now what `turn` would refuse; likewise."""
        (self.short if short else self.long).check(call.caller.tenant, kind, call.seconds_left)


class Place:
    """A process that a call has for itself for a while."""

    def __init__(self, work: Work, rank: Rank) -> None:
        self._work, self._rank = work, rank

    async def call(self, function: Callable[..., R], /, *arguments: object) -> R:
        """What a function returns in the process.

        When its caller goes the process is ended; of short work only if it takes long.

        Args:
            function: A function of a module; all it is given and gives can be pickled.
            arguments: Of the function.

        Raises:
            WorkLost: the process ended.
        """
        if self._rank.patience and not self._work.workers.up(self._rank):
            # Processes take seconds to start, and a server answers before.
            return await self._work.at_once(function, *arguments)
        found: R = await self._work.workers.call(function, *arguments, rank=self._rank)
        return found

    def steps(self, function: Callable[..., Any], /, *arguments: object) -> AsyncIterator[Any]:
        """What a function that returns an iterator yields in the process; likewise."""
        return self._work.workers.steps(function, *arguments, rank=self._rank)
