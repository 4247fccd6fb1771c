"""What asking for keys, logging and counting cost each call: alone, and as a part of cached forecasts over the wire.

    python tests/bench/call_cost.py [CALLS]

The second table has 16 calls in flight from another process, the best of three rounds that take turns.
"""

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import grpc

from service.catalog import Catalog
from service.observe import Observer, spans_if_installed
from service.observe.log import CallLog
from service.observe.metrics import Metrics
from service.observe.outlet import Outlet
from service.security import Caller, Guard, Role
from service.security.keys import add_key
from service.server import Server
from service.store import open_store
from sharecast.v1 import forecast_service_pb2

METHOD = "/sharecast.v1.ForecastService/Forecast"
SERVICES = (forecast_service_pb2.DESCRIPTOR.services_by_name["ForecastService"],)
INFO, WARNING = 20, 30
ALONE = 20_000  # calls of each part

CALLER = """
import asyncio, sys, time, grpc
from sharecast.v1.forecast_service_pb2 import ForecastRequest
address, key, calls = sys.argv[1], sys.argv[2], int(sys.argv[3])
raw = ForecastRequest(market="cn-cloud").SerializeToString()
async def main():
    async with grpc.aio.insecure_channel(address) as channel:
        forecast = channel.unary_unary("METHOD")
        metadata = (("authorization", "Bearer " + key),)
        await forecast(raw, metadata=metadata)
        async def some():
            for _ in range(calls // 16):
                await forecast(raw, metadata=metadata)
        started = time.perf_counter()
        await asyncio.gather(*(some() for _ in range(16)))
        print((calls // 16) * 16 / (time.perf_counter() - started))
asyncio.run(main())
""".replace("METHOD", METHOD)


def microseconds(observer: Observer) -> float:
    """Of one call that is told."""
    caller = Caller("team-a", Role.READ, "0123456789ab")
    started = time.perf_counter()
    for _ in range(ALONE):
        observer.started(METHOD, "0" * 32)
        observer.finished(METHOD, grpc.StatusCode.OK, 0.0012, "0" * 32, caller, peer="ipv4:127.0.0.1:40123")
    return 1e6 * (time.perf_counter() - started) / ALONE


async def guard_microseconds(guard: Guard, key: str) -> float:
    """Of one call that is let in."""
    metadata = (("user-agent", "x"), ("authorization", f"Bearer {key}"))
    await guard.admit(METHOD, metadata, "")
    started = time.perf_counter()
    for _ in range(ALONE):
        await guard.admit(METHOD, metadata, "")
    return 1e6 * (time.perf_counter() - started) / ALONE


def main(calls: int) -> None:
    """Print both tables."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Path("/dev/null").open("w", encoding="utf-8") as nowhere,
        open_store(str(Path(folder) / "keys.db")) as store,
    ):
        key, _ = add_key(store.keys, tenant="team-a", role="read", now=datetime.now(UTC))

        def log(level: int = INFO, *, json_lines: bool = True) -> CallLog:
            return CallLog(Outlet(nowhere.fileno(), lost=str), level, json_lines=json_lines)

        print("microseconds a call, alone")
        print(f"  key            {asyncio.run(guard_microseconds(Guard(store.keys), key)):6.1f}")
        for name, observer in (
            ("metrics", Observer(metrics=Metrics(SERVICES))),
            ("log, JSON", Observer(log=log())),
            ("log, text", Observer(log=log(json_lines=False))),
            ("log, warnings", Observer(log=log(WARNING))),
            ("spans, no SDK", Observer(spans=spans_if_installed())),
        ):
            print(f"  {name:<14} {microseconds(observer):6.1f}")

        catalog = Catalog.shipped()
        ways: dict[str, Callable[[], Server]] = {
            "nothing": lambda: Server(catalog),
            "key": lambda: Server(catalog, guard=Guard(store.keys)),
            "log": lambda: Server(catalog, observer=Observer(log=log())),
            "metrics": lambda: Server(catalog, observer=Observer(metrics=Metrics(SERVICES))),
            "all": lambda: Server(
                catalog, guard=Guard(store.keys), observer=Observer(log=log(), metrics=Metrics(SERVICES))
            ),
        }
        best = dict.fromkeys(ways, 0.0)
        for _ in range(3):
            for name, make in ways.items():
                with make() as server:
                    told = subprocess.run(
                        [sys.executable, "-c", CALLER, server.address, key, str(calls)],
                        capture_output=True,
                        text=True,
                        check=True,
                    )
                best[name] = max(best[name], float(told.stdout))
        print(f"cached forecasts a second, {calls} calls, 16 in flight")
        for name, rate in best.items():
            print(f"  {name:<14} {rate:6.0f}  {rate / best['nothing']:.2f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 8_000)
