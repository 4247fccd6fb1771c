"""A server of which one connection opens calls and resets them at once, as fast as it can: what others still get.

    python tests/bench/service_resets.py [--seconds 5]

A bystander with a connection of its own asks for a cached forecast again and again, alone and then beside the resets.
Passes where it gets at least a third of what it gets alone, every answer OK, and the server counts and logs the resets.
"""

import argparse
import json
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import grpc
from served import FORECAST, peak_mb, serving
from service_sockets import given_before, reset_calls


def answers(address: str, seconds: float, first: int) -> Counter[str]:
    """What a caller gets who asks one call after the other for so long, by code."""
    found: Counter[str] = Counter()
    with grpc.insecure_channel(address, options=(("grpc.use_local_subchannel_pool", 1),)) as channel:
        call, end = channel.unary_unary(FORECAST, None, None), time.monotonic() + seconds
        number = first
        while time.monotonic() < end:
            number += 1
            try:
                call(given_before(number), timeout=30)
                found["OK"] += 1
            except grpc.RpcError as error:
                found[error.code().name] += 1
    return found


def main() -> int:
    """Measure, print and say whether it passes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--asked", action="store_true", help="reset calls after their whole request")
    parser.add_argument("--pause", type=float, default=0.0, help="and so many seconds later")
    options = parser.parse_args()
    seconds, asked = options.seconds, options.asked
    with serving() as server, ProcessPoolExecutor(1, mp_context=get_context("spawn")) as others:
        server.settle()
        answers(server.address, 1, 10_000)
        others.submit(len, "").result()  # it is up
        alone = answers(server.address, seconds, 0)
        resetting = others.submit(reset_calls, server.address, seconds, asked=asked, pause=options.pause)
        beside = answers(server.address, seconds, 1_000)
        made = resetting.result()
        peak = peak_mb(server.pid)
        counted = server.reading("sharecast_reset_calls_total")
        told = [json.loads(line) for line in server.log.read_text().splitlines() if "reset" in line]
    share = beside["OK"] / max(alone["OK"], 1)
    print(f"alone {dict(alone)}, beside {made} resets {dict(beside)}: {share:.2f}; {peak:.0f} MB at its peak")
    print(f"{counted:.0f} resets reached the server's calls and were counted")
    print(f"{len(told)} lines of the log tell of resets" + (f", such as: {told[0]}" if told else ""))
    return not (share >= 1 / 3 and set(beside) == {"OK"} and told)


if __name__ == "__main__":
    raise SystemExit(main())
