"""Callers of a server in a process of their own, so that what they cost is not taken for what it costs."""

import asyncio
import multiprocessing
import random
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import nan
from statistics import median
from typing import Any, TypeAlias

import grpc
from served import FORECAST, bearer

from sharecast.v1.forecast_service_pb2 import ForecastRequest

_Call: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"

_REFUSED_SECONDS = 0.1  # that a caller waits after a refusal: heeding RetryInfo, at least a little


@dataclass
class Asked:
    """What came of many calls."""

    codes: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, list[float]] = field(default_factory=dict)  # by code, in the order of their ends
    by_model: dict[str, list[float]] = field(default_factory=dict)  # seconds of those answered while calls were made
    took: float = 0.0  # while calls were made: what is left then is answered by a server with less to do
    processor_seconds: float = 0.0  # that the asking itself used meanwhile

    async def ask(self, call: _Call, raw: bytes, key: str | None, timeout: float) -> str:
        """Make one call, note what came of it, and return its code."""
        started = time.perf_counter()
        try:
            await call(raw, timeout=timeout, metadata=bearer(key))
            code = "OK"
        except grpc.aio.AioRpcError as failed:
            code = failed.code().name
        took = time.perf_counter() - started
        self.codes[code] += 1
        self.seconds.setdefault(code, []).append(took)
        if code == "OK" and not self.took:
            self.by_model.setdefault(ForecastRequest.FromString(raw).model, []).append(took)
        return code

    def add(self, more: "Asked") -> None:
        """Take what came of others for one with this."""
        self.codes += more.codes
        for mine, theirs in ((self.seconds, more.seconds), (self.by_model, more.by_model)):
            for name, found in theirs.items():
                mine.setdefault(name, []).extend(found)
        self.took += more.took
        self.processor_seconds += more.processor_seconds

    @property
    def done(self) -> float:
        """Calls a second that were answered."""
        return sum(map(len, self.by_model.values())) / self.took

    def work_done(self, alone: "Asked") -> float:
        """Answers a second, each counted as the seconds that its model took (median) when nothing else was asked.

        Models differ twentyfold, so that the number of answers says as much about which calls found a place as about
        how much was done.
        """
        return sum(len(found) * median(alone.by_model[model]) for model, found in self.by_model.items()) / self.took

    def at(self, code: str, part: float) -> float:
        """Seconds that a part of the calls with a code took at most; nan where there are none."""
        found = sorted(self.seconds.get(code, ()))
        return found[min(int(part * len(found)), len(found) - 1)] if found else nan


def steadily(
    address: str,
    make: Callable[[int], bytes],
    callers: int,
    seconds: float,
    *,
    key: str | None = None,
    timeout: float = 30.0,
    pause: float = 0.0,
    pem: bytes | None = None,
) -> Asked:
    """Callers of Forecast that ask one call after another.

    Args:
        address: HOST:PORT.
        make: A request from a number that was not asked for before.
        callers: How many.
        seconds: For so long.
        key: Of all of them.
        timeout: Seconds given to each call.
        pause: Seconds between the end of a call and the next, about.
        pem: The authority of the server's certificate; None: plain text.
    """

    async def run(asked: Asked, call: _Call) -> None:
        numbers, end = _numbers(), time.perf_counter() + seconds

        async def caller() -> None:
            while time.perf_counter() < end:
                code = await asked.ask(call, make(next(numbers)), key, timeout)
                if code == "RESOURCE_EXHAUSTED":
                    await asyncio.sleep(_REFUSED_SECONDS)
                elif pause:
                    await asyncio.sleep(pause * random.uniform(0.5, 1.5))

        await asyncio.gather(*(caller() for _ in range(callers)))

    return _with_channel(address, run, seconds, pem)


def at_rate(
    address: str,
    make: Callable[[int], bytes],
    rate: float,
    seconds: float,
    *,
    key: str | None = None,
    timeout: float = 30.0,
) -> Asked:
    """Calls of Forecast that come whether or not those before were answered; likewise.

    Args:
        address: HOST:PORT.
        make: A request from a number that was not asked for before.
        rate: Calls a second.
        seconds: For so long.
        key: Of all of them.
        timeout: Seconds given to each call.
    """

    async def run(asked: Asked, call: _Call) -> None:
        numbers, started, made = _numbers(), time.perf_counter(), 0
        open_calls: set[asyncio.Task[str]] = set()
        while (passed := time.perf_counter() - started) < seconds:
            for _ in range(int(passed * rate) - made):
                made += 1
                task = asyncio.create_task(asked.ask(call, make(next(numbers)), key, timeout))
                open_calls.add(task)
                task.add_done_callback(open_calls.discard)
            await asyncio.sleep(0.01)
        await asyncio.gather(*open_calls)

    return _with_channel(address, run, seconds)


def _with_channel(
    address: str, run: Callable[[Asked, _Call], Coroutine[Any, Any, None]], seconds: float, pem: bytes | None = None
) -> Asked:
    asked = Asked()

    async def within() -> None:
        secure = None if pem is None else grpc.ssl_channel_credentials(pem)
        opened = grpc.aio.secure_channel(address, secure) if secure else grpc.aio.insecure_channel(address)
        async with opened as channel:
            await channel.channel_ready()
            used, started = time.process_time(), time.perf_counter()
            running = asyncio.create_task(run(asked, channel.unary_unary(FORECAST, None, None)))
            await asyncio.wait([running], timeout=seconds)
            asked.took, asked.processor_seconds = time.perf_counter() - started, time.process_time() - used
            await running

    asyncio.run(within())
    return asked


def _numbers() -> Iterator[int]:
    """Numbers that no other caller has."""
    return iter(range(random.getrandbits(40) << 20, 2**63))


@contextmanager
def crowd() -> Iterator["Crowd"]:
    """Processes that hold callers."""
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield Crowd(pool)


class Crowd:
    """Callers in processes of their own."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def steadily(self, *arguments: object, **options: object) -> "Future[Asked]":
        """What `steadily` returns, in the end."""
        return self._pool.submit(steadily, *arguments, **options)  # type: ignore[arg-type]

    def at_rate(self, *arguments: object, **options: object) -> "Future[Asked]":
        """What `at_rate` returns, in the end."""
        return self._pool.submit(at_rate, *arguments, **options)  # type: ignore[arg-type]
