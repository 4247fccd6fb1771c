"""What a server in a process of its own survives: deadlines too short for the work, killed workers, its own end.

    python tests/bench/service_faults.py [--calls 500] [--kills 100] [--only NAME ...]

- deadlines: calls with 50 ms for fits that take 800 are answered 20 ms later at the latest (99 of 100 by the callers'
  clock), and from 200 ms after the last one on no worker uses any processor time.
- killed: workers killed at work; each kill fails one call at most, with UNAVAILABLE, and all are back within 0.5 s.
- drain: SIGTERM under load; nothing but UNAVAILABLE for new calls, and the end with status 0 within the grace and 2 s.

Ends with status 1 where one does not pass.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable

from callers import Crowd, crowd
from served import Served, cpu_seconds, mixed, serving, slow, told

GRACE = 10


def arima(seed: int) -> bytes:
    """A forecast that takes 800 ms."""
    return slow(seed, "arima")


def ets(seed: int) -> bytes:
    """One that takes 250 ms."""
    return slow(seed, "ets")


def deadlines(people: Crowd, calls: int) -> bool:
    """Short deadlines on slow fits, none of which was ever done, or the server would refuse them at once."""
    with serving() as server:
        people.steadily(server.address, slow, 2, 0.5).result()
        asked = people.steadily(server.address, arima, 8, 0.12 * calls / 8, timeout=0.05, pause=0.01).result()
        time.sleep(0.2)
        before, working = _used(server), server.reading('sharecast_working{place="workers"}')
        time.sleep(1)
        used = sum(seconds - before.get(pid, 0) for pid, seconds in _used(server).items())
    late = asked.at("DEADLINE_EXCEEDED", 0.99)
    figure = (
        f"{dict(asked.codes)}, answered in {1000 * asked.at('DEADLINE_EXCEEDED', 0.5):.0f} ms, p99 {1000 * late:.0f}; "
        f"200 ms later {working:.0f} at work, {used:.2f} s of processor time in the second after"
    )
    kept = late <= 0.07 and not working and used <= 0.02
    return told("deadlines", kept and asked.codes.total() >= calls and "OK" not in asked.codes, figure)


def killed(people: Crowd, kills: int) -> bool:
    """Workers killed at work."""
    backs: list[float] = []
    with serving() as server:
        people.steadily(server.address, ets, 2, 1.0).result()
        full = len(server.workers())
        load = people.steadily(server.address, ets, 3, 0.4 * kills)
        while len(backs) < kills and not load.done():
            victim = _at_work(server)
            if victim is None:
                continue
            started = time.perf_counter()
            os.kill(victim, signal.SIGKILL)
            while victim in (now := server.workers()) or len(now) < full:
                time.sleep(0.002)
            backs.append(time.perf_counter() - started)
        asked = load.result()
        healthy = people.steadily(server.address, ets, 3, 2.0).result()
    figure = (
        f"{len(backs)} kills, {dict(asked.codes)}, back in {1000 * sorted(backs)[len(backs) // 2]:.0f} ms, at most "
        f"{1000 * max(backs):.0f}; afterwards {dict(healthy.codes)}"
    )
    alone = set(asked.codes) <= {"OK", "UNAVAILABLE"} and asked.codes["UNAVAILABLE"] <= len(backs)
    return told("killed", alone and len(backs) == kills and max(backs) < 0.5 and set(healthy.codes) == {"OK"}, figure)


def drain(people: Crowd, rounds: int) -> bool:
    """SIGTERM under load."""
    took, statuses, codes = [], set(), set()
    for _ in range(rounds):
        with serving("--drain-seconds", str(GRACE)) as server:
            load = people.steadily(server.address, mixed, 12, 4.0)
            time.sleep(2)
            started = time.perf_counter()
            server.process.send_signal(signal.SIGTERM)
            statuses.add(server.process.wait(30))
            took.append(time.perf_counter() - started)
            codes |= set(load.result().codes)
    good = statuses == {0} and max(took) < GRACE + 2 and codes <= {"OK", "UNAVAILABLE"}
    return told("drain", good, f"{rounds} times, {sorted(codes)}, ended with {statuses} in {max(took):.2f} s at most")


def _used(server: Served) -> dict[int, float]:
    return {pid: cpu_seconds(pid) for pid in server.workers()}


def _at_work(server: Served) -> int | None:
    """A worker that has used the processor in the last 30 ms."""
    before = _used(server)
    time.sleep(0.03)
    busy = [pid for pid, seconds in _used(server).items() if seconds > before.get(pid, seconds)]
    return busy[0] if busy else None


def main() -> int:
    """Run what is asked for, and say whether all pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--only", action="append", choices=["deadlines", "killed", "drain"], default=[])
    options = parser.parse_args()
    with crowd() as people:
        trials: dict[str, Callable[[], bool]] = {
            "deadlines": lambda: deadlines(people, options.calls),
            "killed": lambda: killed(people, options.kills),
            "drain": lambda: drain(people, 3),
        }
        passed = [trials[name]() for name in options.only or trials]
    return int(not all(passed))


if __name__ == "__main__":
    sys.exit(main())
