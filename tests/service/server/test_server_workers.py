import asyncio
import errno
import math
import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from forecast.errors import InvalidArgument
from forecast.forecasting import check_request, warm_up
from service.errors import WorkLost
from service.server import workers
from service.server.workers import FORECASTS, Nursery, Rank, Workers
from tests.service.server.waiting import PATIENCE, until


@pytest.fixture
def own_nursery(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers come from a nursery that loads for itself, as in a program."""
    monkeypatch.setattr(workers, "Nursery", Nursery)


@pytest.mark.usefixtures("own_nursery")
def test_a_worker_returns_raises_and_yields_what_its_function_does() -> None:
    async def run() -> None:
        workers = Workers({Rank.LONG: 1})
        workers.start()
        assert await workers.call(math.sqrt, 9.0) == 3.0
        assert [step async for step in workers.steps(iter, [1, 2, 3])] == [1, 2, 3]
        with pytest.raises(ValueError, match="math domain error"):
            await workers.call(math.sqrt, -1.0)
        with pytest.raises(InvalidArgument, match="horizon is 41") as caught:
            await workers.call(partial(check_request, horizon=41, levels=(), model="auto"))
        assert caught.value.value == 41
        assert await workers.call(math.sqrt, 16.0) == 4.0
        await workers.stop()

    asyncio.run(run())


@pytest.mark.usefixtures("own_nursery")
def test_short_work_waits_for_no_compiler_and_long_work_is_taken_over_by_processes_that_have_loaded_all() -> None:
    heavy = "{'numba', 'statsmodels'} & set(__import__('sys').modules)"

    async def run() -> None:
        found = Workers({Rank.SHORT: 1, Rank.LONG: 2})
        found.start()
        await found.call(warm_up, rank=Rank.SHORT)
        assert await found.call(eval, heavy, rank=Rank.SHORT) == set()
        asked = [asyncio.create_task(found.call(time.sleep, 0.01)) for _ in range(200)]  # none is lost by the change
        await asyncio.gather(*asked)
        long = [found.call(eval, heavy), found.call(eval, heavy)]
        while await asyncio.gather(*long) != 2 * [{"numba", "statsmodels"}]:
            await asyncio.sleep(0.05)
            long = [found.call(eval, heavy), found.call(eval, heavy)]
        assert await found.call(eval, heavy, rank=Rank.SHORT) == set()
        assert len(found.pids) == 3
        await found.stop()

    asyncio.run(run())


def test_a_killed_worker_costs_its_own_call_and_is_replaced() -> None:
    async def run() -> None:
        workers = Workers({Rank.LONG: 2})
        workers.start()
        await workers.call(len, "")
        for _ in range(10):
            while len(workers.pids) < 2:
                await asyncio.sleep(0.005)
            doomed = asyncio.create_task(workers.call(time.sleep, 10 * PATIENCE))
            await asyncio.sleep(0.02)
            (victim,) = (worker.pid for worker in workers._all if not worker.resting)
            spared = asyncio.create_task(workers.call(math.sqrt, 0.09))
            os.kill(victim, signal.SIGKILL)
            with pytest.raises(WorkLost, match="was ended; call again"):
                await doomed  # though its work would take far longer
            async with asyncio.timeout(PATIENCE):
                while len(workers.pids) < 2 or victim in workers.pids:
                    await asyncio.sleep(0.005)
            assert await spared == 0.3
        await workers.stop()

    asyncio.run(run())


def test_a_call_that_is_cancelled_ends_its_work() -> None:
    async def run() -> None:
        workers = Workers({Rank.LONG: 1})
        workers.start()
        await workers.call(len, "")
        (pid,) = workers.pids
        task = asyncio.create_task(workers.call(time.sleep, 10 * PATIENCE))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(PATIENCE):
            while Path(f"/proc/{pid}").exists():
                await asyncio.sleep(0.01)
        assert await asyncio.wait_for(workers.call(len, "ab"), PATIENCE) == 2
        await workers.stop()

    asyncio.run(run())


def test_workers_end_with_a_server_that_is_killed() -> None:
    program = """
import asyncio, time
from service.server import workers
from service.server.workers import Rank, Workers
async def main():
    workers = Workers({Rank.LONG: 2}); workers.start(); await workers.call(len, "")
    task = asyncio.create_task(workers.call(time.sleep, 60))
    await asyncio.sleep(0.2); print(*workers.pids, flush=True); await task
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = process.stdout.readline().split()
        process.kill()
    assert pids
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_a_worker_is_as_nice_as_its_rank_and_the_server_comes_first() -> None:
    async def run() -> None:
        workers = Workers(dict.fromkeys(Rank, 1))
        workers.start()
        own = os.nice(0)
        found = {rank: await workers.call(os.nice, 0, rank=rank) for rank in Rank}
        assert found == {rank: min(own + rank, 19) for rank in Rank}
        assert own < found[Rank.SHORT_KEPT] < found[Rank.SHORT]
        assert found[Rank.LONG_KEPT] < found[Rank.LONG]
        await workers.stop()

    asyncio.run(run())


def test_work_of_one_rank_does_not_wait_for_that_of_another() -> None:
    async def run() -> None:
        workers = Workers({Rank.SHORT: 1, Rank.LONG: 1})
        workers.start()
        assert not workers.up(Rank.SHORT)
        held = asyncio.create_task(workers.call(time.sleep, 10 * PATIENCE))
        assert await asyncio.wait_for(workers.call(len, "ab", rank=Rank.SHORT), PATIENCE) == 2
        assert workers.up(Rank.SHORT)
        assert not workers.up(Rank.SHORT_KEPT)
        held.cancel()
        await workers.stop()

    asyncio.run(run())


def test_short_work_whose_caller_goes_ends_by_itself_and_its_process_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "_PATIENCE", PATIENCE)

    async def run() -> None:
        workers = Workers({Rank.SHORT: 1})
        workers.start()
        await workers.call(len, "", rank=Rank.SHORT)
        (pid,) = workers.pids
        for _ in range(5):
            task = asyncio.create_task(workers.call(time.sleep, 0.02, rank=Rank.SHORT))
            await asyncio.sleep(0.005)
            task.cancel()
            assert await workers.call(os.getpid, rank=Rank.SHORT) == pid  # and no answer is taken for another's
        await workers.stop()

    asyncio.run(run())


def test_short_work_that_goes_on_for_nobody_is_ended_after_all() -> None:
    async def run() -> None:
        workers = Workers({Rank.SHORT: 1})
        workers.start()
        await workers.call(len, "", rank=Rank.SHORT)
        (pid,) = workers.pids
        task = asyncio.create_task(workers.call(time.sleep, 10 * PATIENCE, rank=Rank.SHORT))
        await asyncio.sleep(0.02)
        task.cancel()
        assert await asyncio.wait_for(workers.call(os.getpid, rank=Rank.SHORT), PATIENCE) != pid
        await workers.stop()

    asyncio.run(run())


@pytest.mark.usefixtures("own_nursery")
def test_workers_that_cannot_be_started_are_tried_ever_more_seldom_and_hold_up_no_stop(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fails, made = [OSError(errno.EMFILE, os.strerror(errno.EMFILE))] * 3, workers.Nursery

    def nursery(module: str) -> object:
        if fails and module == FORECASTS:
            raise fails.pop()
        return made(module)

    async def run() -> None:
        monkeypatch.setattr(workers, "Nursery", nursery)
        found = Workers({Rank.LONG: 1})
        found.start()
        assert await found.call(math.sqrt, 9.0) == 3.0
        told = [record.getMessage() for record in caplog.records]
        assert told == [
            f"a worker process could not be started, again in {again} s: [Errno 24] Too many open files"
            for again in (0.1, 0.2, 0.4)
        ]
        await found.stop()
        monkeypatch.setattr(workers, "_AGAIN_SECONDS", 3600.0)
        fails.append(OSError(errno.EMFILE, "once more"))
        found = Workers({Rank.LONG: 1})
        found.start()
        while fails:
            await asyncio.sleep(0.01)
        async with asyncio.timeout(PATIENCE):
            await found.stop()

    asyncio.run(run())
