"""What the service answers to requests that are none: random and bit-flipped bytes to every method.

    python tests/bench/service_inputs.py [--count 20000] [--seconds 60]

Each is OK or refused for what it says, none INTERNAL, and the memory of the server grows by less than 50 MB.

Ends with status 1 where that does not hold.
"""

import argparse
import asyncio
import random
import sys
import time
from collections import Counter

import grpc
from served import Served, memory, serving, told

from service.server.front import _SERVICES
from sharecast.v1.forecast_service_pb2 import BacktestRequest, ForecastRequest

ALLOWED = {"OK", "INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"}


async def garbage(server: Served, seconds: float, count: int) -> bool:
    """Random and bit-flipped requests to every method."""
    rng, codes = random.Random(0), Counter[str]()
    seeds = [
        ForecastRequest(market="cn-cloud", horizon=2, levels=[0.5], seed=7).SerializeToString(),
        BacktestRequest(market="cn-cloud", origins=1, models=["naive"]).SerializeToString(),
        b"",
    ]
    methods = [(service.full_name, method) for service in _SERVICES for method in service.methods]
    before, end = 0, time.perf_counter() + seconds

    async def one(channel: grpc.aio.Channel) -> None:
        service, method = rng.choice(methods)
        raw = bytearray(rng.choice(seeds)) if rng.random() < 0.5 else bytearray(rng.randbytes(rng.randint(0, 60)))
        for _ in range(rng.randint(0, 3)):
            if raw:
                raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
        path = f"/{service}/{method.name}"
        try:
            if method.client_streaming:
                await channel.stream_unary(path, None, None)(iter([bytes(raw)]), timeout=20)
            elif method.server_streaming:
                async for _ in channel.unary_stream(path, None, None)(bytes(raw), timeout=20):
                    break
            else:
                await channel.unary_unary(path, None, None)(bytes(raw), timeout=20)
            codes["OK"] += 1
        except grpc.aio.AioRpcError as failed:
            codes[failed.code().name] += 1

    async with grpc.aio.insecure_channel(server.address) as channel:
        while time.perf_counter() < end and sum(codes.values()) < count:
            await asyncio.gather(*(one(channel) for _ in range(24)))
            if not before and sum(codes.values()) > min(1_000, count // 4):
                before = memory(server.pid)  # what is kept for good has been loaded
    grown = (memory(server.pid) - before) / 2**20
    figure = f"{sum(codes.values())} requests, {dict(codes)}, memory grew by {grown:.0f} MB"
    return told("garbage", set(codes) <= ALLOWED and grown < 50, figure)


def main() -> int:
    """Run it, and say whether it passes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--count", type=int, default=20_000)
    options = parser.parse_args()
    with serving() as server:
        return int(not asyncio.run(garbage(server, options.seconds, options.count)))


if __name__ == "__main__":
    sys.exit(main())
