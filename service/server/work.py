"""Where work is done: in threads what is quick, in worker processes what may take long.

Measured on two cores: the model of record takes 1 to 8 ms, most of it in compiled code that leaves the interpreter to
others, so a thread does it as fast as a process without the 0.06 ms of a round trip and the 0.3 ms it takes to hand a
history over. The models beside it take 30 ms to 4 s of Python, in which threads would hold up every other call, and
which nothing but the end of their process stops.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from typing import Any, ParamSpec, TypeVar

from service.server.admission import Admission
from service.server.calls import Call
from service.server.workers import Workers

R = TypeVar("R")
P = ParamSpec("P")

WAITING = 256  # calls in front of each of the two; more are refused


class Work:
    """Threads and worker processes, each behind a queue of its own; for use inside one event loop.

    Args:
        places: How much each does at once.
        waiting: How many calls may wait for each.
    """

    def __init__(self, *, places: int | None = None, waiting: int = WAITING) -> None:
        places = places or os.cpu_count() or 1
        self.quick, self.long = Admission(places, waiting), Admission(places, waiting)
        # One more than places: for a tenant that has none, see `Admission`.
        self._threads = ThreadPoolExecutor(places + 1, thread_name_prefix="sharecast")
        self.workers = Workers(places + 1)

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

    async def in_worker(
        self, call: Call, kind: str, function: Callable[..., Any], /, *arguments: object
    ) -> AsyncIterator[Any]:
        """What a function yields, or the one thing it returns, in a process of its own, when it is this call's turn.

        Args:
            call: The call.
            kind: What kind of work, as `Admission.turn` takes it.
            function: A function of a module; all it is given and gives can be pickled.
            arguments: Of the function.

        Raises:
            Overloaded, DeadlineExceeded: as `Admission.turn`.
            WorkLost: the process ended.
        """
        async with (
            self.long.turn(call.caller.tenant, kind, call.seconds_left),
            aclosing(self.workers.steps(function, *arguments)) as steps,  # type: ignore[type-var]
        ):
            async for step in steps:
                yield step
