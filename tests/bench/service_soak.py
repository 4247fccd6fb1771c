"""A server in a process of its own under every kind of call for a minute, or for hours: does it stay as it was?

    python tests/bench/service_soak.py [--seconds 60]

Callers ask at once for forecasts given before and new ones, by the model of record and by slow ones, histories,
figures, streams, backtests, jobs to their end and jobs that are cancelled; send bad requests, go away in the middle of
a call, give too short a time. Passes where, after a fifth of the time and after the cache of replies is full,

- each call ends as one of its kind must;
- no process grows: the straight line through its memory rises by less than 5 % or 8 MB over the whole time;
- the server has as many files open in the end as in the beginning, and no child that has ended is left;
- nothing is waiting or at work half a second after the last call, and no worker uses the processor in the second after;
- calls of the last fifth take no longer than those of the first: at most half as long again, or 5 ms (p99).

Ends with status 1 where that does not hold.
"""

import argparse
import asyncio
import itertools
import multiprocessing
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from math import nan
from pathlib import Path
from statistics import linear_regression

import grpc
from served import FORECAST, Served, cpu_seconds, descriptors, memory, serving, told, zombies

from forecast.errors import SharecastError
from service.client import AsyncClient

MARKETS = ("cn-cloud", "world-cloud", "world-smartphones")
Ended = tuple[str, float, float, str]  # kind, seconds since the start, seconds it took, how it ended

EXPECTED = {
    "given before": {"OK"},
    "new": {"OK"},
    "slow": {"OK"},
    "history": {"OK"},
    "figures": {"OK"},
    "stream": {"OK"},
    "backtest": {"OK"},
    "job": {"OK"},
    "cancelled job": {"OK"},
    "import": {"OK"},
    "bad": {"InvalidArgument", "NotFound", "InvalidTable", "NotEnoughData"},
    "garbage": {"INVALID_ARGUMENT"},
    "gone": {"gone", "OK"},
    "short of time": {"DeadlineExceeded", "Overloaded"},
}


async def fill(client: AsyncClient) -> None:
    """Ask for so many large forecasts that the cache of replies is full."""
    levels = [n / 101 for n in range(1, 101)]
    for n in range(160):
        await client.forecast("world-smartphones", horizon=40, levels=levels, seed=2_000_000 + n)


def kinds(client: AsyncClient, channel: grpc.aio.Channel) -> dict[str, Callable[[], Awaitable[object]]]:
    """What is asked, by kind, each with numbers that were not asked with before."""
    seeds = itertools.count(random.getrandbits(40))
    wrong = itertools.cycle(
        (
            {"market": "nowhere"},
            {"market": "cn-cloud", "horizon": 41},
            {"market": "cn-cloud", "levels": [1.5]},
            {"market": "cn-cloud", "as_of": "1900-01-01"},
            {"market": "mine", "shares": [{"period": "2020Q1", "provider": "A", "share": 2.0}]},
        )
    )

    async def stream() -> None:
        outcomes = [found async for found in client.stream_forecasts(MARKETS, seed=next(seeds))]
        assert len(outcomes) == len(MARKETS), outcomes

    async def backtest() -> None:
        assert [step async for step in client.backtest("cn-cloud", origins=3, models=("naive",))]

    async def job() -> None:
        made = await client.create_forecast_job(MARKETS, seed=next(seeds), horizon=2)
        outcomes = [found async for found in client.watch_forecast_job(made.job_id, timeout=60)]
        assert len(outcomes) == len(MARKETS), outcomes

    async def cancelled_job() -> None:
        made = await client.create_forecast_job(MARKETS, model="arima", seed=next(seeds))
        await client.cancel_forecast_job(made.job_id)

    async def gone() -> None:
        task = asyncio.ensure_future(client.forecast("cn-cloud", model="ets", seed=next(seeds)))
        await asyncio.sleep(random.uniform(0, 0.2))
        task.cancel()
        await task

    async def garbage() -> None:
        await channel.unary_unary(FORECAST, None, None)(b"\xff" + random.randbytes(40), timeout=20)

    rows = [{"market": "mine", "period": "2020Q1", "provider": name, "share": 0.5} for name in "AB"]
    return {
        "given before": lambda: client.forecast("cn-cloud"),
        "new": lambda: client.forecast("world-cloud", seed=next(seeds)),
        "slow": lambda: client.forecast("cn-cloud", model="var", seed=next(seeds)),
        "history": lambda: client.get_history(random.choice(MARKETS)),
        "figures": lambda: client.list_figures(market="cn-cloud"),
        "stream": stream,
        "backtest": backtest,
        "job": job,
        "cancelled job": cancelled_job,
        "import": lambda: client.import_figures(rows, kind="shares", validate_only=True),
        "bad": lambda: client.forecast(**next(wrong)),  # type: ignore[arg-type]
        "garbage": garbage,
        "gone": gone,
        "short of time": lambda: client.forecast("cn-cloud", model="arima", seed=next(seeds), timeout=0.05),
    }


def load(address: str, seconds: float) -> list[Ended]:
    """Callers of every kind, for so many seconds."""
    ended: list[Ended] = []

    async def run() -> None:
        async with AsyncClient(address) as client, grpc.aio.insecure_channel(address) as channel:
            if not seconds:
                await fill(client)
            start = time.perf_counter()

            async def caller(kind: str, ask: Callable[[], Awaitable[object]]) -> None:
                while (began := time.perf_counter()) < start + seconds:
                    try:
                        await ask()
                        how = "OK"
                    except grpc.aio.AioRpcError as failed:
                        how = failed.code().name
                    except SharecastError as failed:
                        how = type(failed).__name__
                    except asyncio.CancelledError:
                        how = "gone"
                    ended.append((kind, began - start, time.perf_counter() - began, how))
                    await asyncio.sleep(0.05 if kind != "cancelled job" else 1.0)

            await asyncio.gather(*(caller(kind, ask) for kind, ask in kinds(client, channel).items()))

    asyncio.run(run())
    return ended


def watch(server: Served, over: Callable[[], bool]) -> dict[str, list[tuple[float, float]]]:
    """Megabytes by seconds, until something is over: server, what workers are forked from, largest worker."""
    series: dict[str, list[tuple[float, float]]] = {"server": [], "nurseries": [], "largest worker": []}
    start, nurseries = time.perf_counter(), server.nurseries()
    while not over():
        now = time.perf_counter() - start
        found = (memory(server.pid), sum(map(memory, nurseries)), max(map(memory, server.workers()), default=0))
        for name, held in zip(series, found, strict=True):
            series[name].append((now, held / 2**20))
        time.sleep(0.25)
    return series


def main() -> int:
    """Run it, and say whether all holds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    seconds: float = parser.parse_args().seconds
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool,
        serving(database=str(Path(folder) / "soak.db")) as server,
    ):
        pool.submit(load, server.address, 0.0).result()  # fills the cache
        pool.submit(load, server.address, seconds / 5).result()
        server.settle()
        files = descriptors(server.pid)
        asking = pool.submit(load, server.address, seconds)
        series = watch(server, asking.done)
        ended = asking.result()
        time.sleep(0.5)
        places = [f'{{place="{place}"}}' for place in ("threads", "short_workers", "workers")]
        left = sum(server.reading(f"sharecast_{what}{place}") for what in ("waiting", "working") for place in places)
        time.sleep(1)  # cancelled jobs leave nothing behind either
        before = sum(map(cpu_seconds, server.workers()))
        time.sleep(1)
        used = sum(map(cpu_seconds, server.workers())) - before
        after, dead = descriptors(server.pid), len(zombies(server.pid))
    passed = [
        _as_expected(ended),
        _flat(series, seconds),
        told("files", after <= files, f"{files} open before, {after} after, {dead} ended children left") and not dead,
        told("left", not left and used <= 0.05, f"{left:.0f} waiting or at work, {used:.2f} s of processor time used"),
        *(_as_quick(ended, kind, seconds) for kind in ("given before", "new", "slow")),
    ]
    return int(not all(passed))


def _as_expected(ended: list[Ended]) -> bool:
    found = {kind: Counter(how for name, _, _, how in ended if name == kind) for kind in EXPECTED}
    odd = {kind: dict(hows) for kind, hows in found.items() if not hows or not set(hows) <= EXPECTED[kind]}
    calls = ", ".join(f"{kind} {sum(hows.values())}" for kind, hows in found.items())
    return told("calls", not odd, f"{calls}; unexpected: {odd or 'none'}")


def _flat(series: dict[str, list[tuple[float, float]]], seconds: float) -> bool:
    figures, fine = [], True
    for name, points in series.items():
        times, held = zip(*(point for point in points if point[0] > seconds / 5), strict=True)
        slope, start = linear_regression(times, held)
        rise = slope * seconds
        fine = fine and rise < max(0.05 * start, 8)
        figures.append(f"{name} {start:.0f} MB, rising by {rise:.1f} in {seconds:.0f} s")
    return told("memory", fine, "; ".join(figures))


def _as_quick(ended: list[Ended], kind: str, seconds: float) -> bool:
    first = _p99([took for name, at, took, _ in ended if name == kind and at < seconds / 5])
    last = _p99([took for name, at, took, _ in ended if name == kind and at > 4 * seconds / 5])
    figure = f"p99 {1000 * first:.1f} ms in the first fifth, {1000 * last:.1f} in the last"
    return told(kind, last <= max(1.5 * first, first + 0.005), figure)


def _p99(found: list[float]) -> float:
    return sorted(found)[min(int(0.99 * len(found)), len(found) - 1)] if found else nan


if __name__ == "__main__":
    sys.exit(main())
