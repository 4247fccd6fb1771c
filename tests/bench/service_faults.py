"""What the service survives: too many calls, one tenant's flood, killed workers, short deadlines, its own end.

    python tests/bench/service_faults.py [--seconds 10] [--only NAME ...]

Each is bounded in time by `--seconds`, and prints its figure and what passes:

- overload: ten times as many callers as fill the server, of forecasts that take a worker; goodput at least 0.9 of what
  half as many callers as places get, refusals within 5 ms by the server's clock (median), health SERVING.
- flood: one tenant with a hundred callers; another tenant's calls take at most twice as long as alone (p99).
- deadlines: calls with 50 ms for slow fits are answered by 70 ms (p99), and no worker is at work 200 ms later.
- killed: workers killed at work; each kill fails one call at most, with UNAVAILABLE, and all are back within 0.5 s.
- drain: SIGTERM under load; nothing but UNAVAILABLE for new calls, and the end with status 0.

Ends with status 1 where one does not pass.
"""

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from statistics import median
from typing import Any

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from service.catalog import Catalog
from service.observe import Observer
from service.security import Caller, Guard, Role
from service.server import Front
from sharecast.v1.forecast_service_pb2 import ForecastRequest

FORECAST = "/sharecast.v1.ForecastService/Forecast"
PROGRAM = """
import asyncio
from service.catalog import Catalog
from service.server import serve
asyncio.run(serve("127.0.0.1:0", Catalog.shipped(), ready=lambda address: print(address, flush=True), drain_seconds=10))
"""


class ByName(Guard):
    """Takes the tenant from the metadata, so that two can be played."""

    async def admit(self, method: str, metadata: Sequence[tuple[str, str | bytes]], peer: str) -> Caller:
        """Whoever the metadata says."""
        return Caller(str(dict(metadata).get("tenant", "")), Role.ADMIN)


def slow(seed: int) -> bytes:
    """A forecast that takes a worker some 30 ms, and is in no cache."""
    return ForecastRequest(market="cn-cloud", model="var", seed=seed).SerializeToString()


def quick(seed: int) -> bytes:
    """One that takes a thread some milliseconds."""
    return ForecastRequest(market="cn-cloud", model="naive", seed=seed).SerializeToString()


class Refusals(Observer):
    """Notes the seconds that the server took to refuse a call."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def finished(
        self,
        method: str,
        code: grpc.StatusCode,
        seconds: float,
        request_id: str,
        caller: Caller | None,
        message: str = "",
        *,
        peer: str = "",
        metadata: Sequence[tuple[str, str | bytes]] = (),
    ) -> None:
        """Note a refusal."""
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            self.seconds.append(seconds)


class Asked:
    """What came of many calls: codes, and seconds by code."""

    def __init__(self) -> None:
        self.codes: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = {}

    async def ask(self, channel: grpc.aio.Channel, raw: bytes, *, timeout: float = 30, tenant: str = "a") -> None:
        """Make one call and note what came of it."""
        started = time.perf_counter()
        try:
            call = channel.unary_unary(FORECAST, None, None)
            await call(raw, timeout=timeout, metadata=(("tenant", tenant),))
            code = "OK"
        except grpc.aio.AioRpcError as failed:
            code = failed.code().name
        self.codes[code] += 1
        self.seconds.setdefault(code, []).append(time.perf_counter() - started)

    def at(self, code: str, part: float) -> float:
        """Seconds that a part of the calls with a code took at most."""
        found = sorted(self.seconds.get(code, [0.0]))
        return found[min(int(part * len(found)), len(found) - 1)]


async def load(address: str, callers: int, seconds: float, seeds: "Callable[[], bytes]", **options: Any) -> Asked:
    """Callers that ask one call after another."""
    asked = Asked()
    end = time.perf_counter() + seconds
    async with grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)]) as channel:

        async def caller() -> None:
            while time.perf_counter() < end:
                before = asked.codes["RESOURCE_EXHAUSTED"]
                await asked.ask(channel, seeds(), **options)
                if asked.codes["RESOURCE_EXHAUSTED"] > before:
                    await asyncio.sleep(0.1)  # a caller heeds RetryInfo, at least a little

        await asyncio.gather(*(caller() for _ in range(callers)))
    return asked


def fresh(make: Callable[[int], bytes]) -> Callable[[], bytes]:
    """Requests that no one has made."""
    numbers = iter(range(random.getrandbits(40), 2**63))
    return lambda: make(next(numbers))


def told(name: str, passed: bool, figure: str) -> bool:
    """Print a figure."""
    print(f"{name}: {figure}: {'passes' if passed else 'FAILS'}", flush=True)
    return passed


async def overload(front: Front, refusals: Refusals, seconds: float) -> bool:
    """Ten times what fills the server."""
    places = (os.cpu_count() or 1) + 8
    peak = await load(front.address, places, seconds / 2, fresh(slow))
    crowd = asyncio.create_task(load(front.address, 90, seconds / 2, fresh(slow)))
    await asyncio.sleep(seconds / 4)
    async with grpc.aio.insecure_channel(front.address) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check", None, HealthCheckResponse.FromString)
        health = (await check(HealthCheckRequest().SerializeToString(), timeout=5)).status
    found = await crowd
    ratio = found.codes["OK"] / max(peak.codes["OK"], 1)
    serving = health == HealthCheckResponse.SERVING
    refused = median(refusals.seconds) if refusals.seconds else 9.0
    figure = (
        f"goodput {ratio:.2f} of peak {2 * peak.codes['OK'] / seconds:.0f}/s, {dict(found.codes)}, "
        f"refused in {1000 * refused:.1f} ms, health {'SERVING' if serving else health}"
    )
    good = ratio >= 0.9 and serving and refused < 0.005 and set(found.codes) <= {"OK", "RESOURCE_EXHAUSTED"}
    return told("overload", good, figure)


async def flood(front: Front, seconds: float) -> bool:
    """One tenant with many callers, and another one with one."""
    alone = await load(front.address, 1, seconds / 2, fresh(slow), tenant="quiet")
    crowd = asyncio.create_task(load(front.address, 60, seconds / 2, fresh(slow), tenant="flood"))
    await asyncio.sleep(0.2)
    beside = await load(front.address, 1, seconds / 2 - 0.4, fresh(slow), tenant="quiet")
    await crowd
    ratio = beside.at("OK", 0.99) / alone.at("OK", 0.99)
    figure = f"p99 {1000 * beside.at('OK', 0.99):.0f} ms beside, {1000 * alone.at('OK', 0.99):.0f} alone: {ratio:.2f}"
    return told("flood", ratio <= 2 and set(beside.codes) == {"OK"}, figure)


async def deadlines(front: Front, seconds: float) -> bool:
    """Short deadlines on slow fits."""
    asked = Asked()
    end = time.perf_counter() + seconds
    async with grpc.aio.insecure_channel(front.address) as channel:
        while time.perf_counter() < end:
            raws = [
                ForecastRequest(market="cn-cloud", model="arima", seed=random.getrandbits(60)).SerializeToString()
                for _ in range(16)
            ]
            await asyncio.gather(*(asked.ask(channel, raw, timeout=0.05) for raw in raws))
    await asyncio.sleep(0.2)
    late, busy = asked.at("DEADLINE_EXCEEDED", 0.99), front._work.long.working
    figure = f"{dict(asked.codes)}, answered in {1000 * late:.0f} ms (p99), {busy} at work 200 ms later"
    return told("deadlines", late <= 0.07 and busy == 0 and "OK" not in asked.codes, figure)


async def killed(front: Front, seconds: float) -> bool:
    """Workers killed at work."""
    workers, asked, kills, backs = front._work.workers, Asked(), 0, []
    end = time.perf_counter() + seconds
    async with grpc.aio.insecure_channel(front.address) as channel:
        while time.perf_counter() < end and kills < 100:
            full = len(workers.pids)
            calls = [asyncio.create_task(asked.ask(channel, slow(random.getrandbits(60)))) for _ in range(2)]
            while not (at_work := [w.pid for w in workers._all if not w.resting]) and not all(c.done() for c in calls):
                await asyncio.sleep(0.001)
            if at_work:
                os.kill(at_work[0], signal.SIGKILL)
                started, kills = time.perf_counter(), kills + 1
                while at_work[0] in workers.pids or len(workers.pids) < full:
                    await asyncio.sleep(0.001)
                backs.append(time.perf_counter() - started)
            await asyncio.gather(*calls)
    figure = f"{kills} kills, {dict(asked.codes)}, back in {1000 * max(backs, default=9):.0f} ms at most"
    good = asked.codes["UNAVAILABLE"] <= kills and set(asked.codes) <= {"OK", "UNAVAILABLE"}
    return told("killed", good and kills > 0 and max(backs, default=9) < 0.5, figure)


async def drain(front: Front, seconds: float) -> bool:
    """SIGTERM under load."""
    del front
    with subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        crowd = asyncio.create_task(load(address, 20, seconds, fresh(quick)))
        await asyncio.sleep(seconds / 2)
        started = time.perf_counter()
        process.send_signal(signal.SIGTERM)
        status = await asyncio.to_thread(process.wait, 30)
        took = time.perf_counter() - started
        found = await crowd
    good = status == 0 and took < 12 and set(found.codes) <= {"OK", "UNAVAILABLE"}
    return told("drain", good, f"{dict(found.codes)}, ended with {status} in {took:.2f} s")


async def run(names: list[str], seconds: float) -> bool:
    """Run each against a server in this process, which the figures are taken from."""
    refusals = Refusals()
    front = Front(Catalog.shipped(), guard=ByName(), observer=refusals, waiting=32)
    await front.start("127.0.0.1:0")
    try:
        await front._work.workers.call(len, "")
        await load(front.address, 2, 1.0, fresh(slow))  # what is loaded at first use is loaded
        trials: dict[str, Callable[[], Coroutine[Any, Any, bool]]] = {
            "overload": lambda: overload(front, refusals, seconds),
            "flood": lambda: flood(front, seconds),
            "deadlines": lambda: deadlines(front, seconds),
            "killed": lambda: killed(front, seconds),
            "drain": lambda: drain(front, seconds),
        }
        return all([await trials[name]() for name in names or trials])
    finally:
        await front.stop(1)


def main() -> int:
    """Run what is asked for, and say whether all pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--only", action="append", default=[])
    options = parser.parse_args()
    return int(not asyncio.run(run(options.only, options.seconds)))


if __name__ == "__main__":
    sys.exit(main())
