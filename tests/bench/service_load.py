"""What becomes of calls when there are too many: a server in a process of its own, callers in others.

    python tests/bench/service_load.py [--seconds 60] [--only NAME ...]

- overload: ten times as many calls a second as the server does at best, of forecasts by the models that take a worker
  process (40 to 800 ms), none asked for before, whether or not the calls before were answered. Passes where it does at
  least 0.9 as much work a second as at its best (an answer counts as the time its model takes alone), refuses the rest
  within 5 ms by its own clock (99 of 100), says SERVING, and holds no more than 100 MB more than before.
- brisk: the same of the fastest of these models alone, where refusals take as much of the machine as the work.
- record: the same of the model of record, some 2,000 calls a second, where they take more than the work.
- flood: one tenant with sixty callers; another tenant with one caller waits at most twice as long as when it is alone
  (p99), of slow models, and of the model of record.

The best is what 4 or 8 callers get done who wait for their answers, the more of the two, for half as long before
and after. All processes share the machine; what each uses of it is printed. Ends with status 1 where one does not pass.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import mean

from callers import Asked, Crowd, crowd
from served import Served, add_key, cpu_seconds, health, memory, mixed, quick, serving, slow, told

CPUS = os.cpu_count() or 1
WAITING = "32"  # calls that may wait: so few that a second of overload fills the queue


def overload(people: Crowd, seconds: float, name: str, make: Callable[[int], bytes]) -> bool:
    """Ten times what the server can do."""
    with serving("--waiting", WAITING) as server:
        people.steadily(server.address, make, 4, 2.0).result()  # what is loaded at first use is loaded
        alone = people.steadily(server.address, make, 1, seconds / 4).result()
        tries = [people.steadily(server.address, make, n, seconds / 6).result() for n in (4, 8)]
        callers, _ = max(zip((4, 8), tries, strict=True), key=lambda found: found[1].work_done(alone))

        def peak() -> tuple[Asked, dict[str, float]]:
            return _seen(server, lambda: people.steadily(server.address, make, callers, seconds / 2).result())

        before, used_before = peak()
        held, told_before = _held(server), server.log.stat().st_size
        statuses = set()

        def over() -> Asked:
            offered = people.at_rate(server.address, make, 10 * before.done, seconds)
            while not offered.done():
                statuses.add(health(server.address))
                time.sleep(0.5)
            return offered.result()

        found, used = _seen(server, over)
        grown = (_held(server) - held) / 2**20
        refused = _refused_in(server, told_before)
        after, used_after = peak()
    work, *bests = (asked.work_done(alone) for asked in (found, before, after))
    goodput = work / mean(bests)
    # that the callers leave of the machine, against what they leave when it is at its best
    left = (CPUS - used["callers"]) / (CPUS - mean((used_before["callers"], used_after["callers"])))
    at99 = refused[int(0.99 * len(refused))] if refused else 9.0
    parts = ", ".join(
        f"{kind} {part:.2f} ({used_before[kind]:.2f}, {used_after[kind]:.2f})" for kind, part in used.items()
    )
    figure = (
        f"{10 * before.done:.0f} calls/s for {found.took:.0f} s, {dict(found.codes)}: {goodput:.2f} of the work it "
        f"does at best, with {callers} callers ({work:.2f} beside {bests[0]:.2f} before and {bests[1]:.2f} after; "
        f"{found.done:.1f} answers/s beside {before.done:.1f} and {after.done:.1f}), {goodput / left:.2f} with regard "
        f"to the processors that its callers leave it; refused by its clock in "
        f"{1000 * refused[len(refused) // 2]:.2f} ms, p99 {1000 * at99:.2f}, by the callers' "
        f"{1000 * found.at('RESOURCE_EXHAUSTED', 0.5):.1f} and {1000 * found.at('RESOURCE_EXHAUSTED', 0.99):.1f}; "
        f"{', '.join(sorted(statuses))}; memory grew by {grown:.0f} MB; processors (before, after): {parts}"
    )
    fine = statuses == {"SERVING"} and grown < 100 and set(found.codes) <= {"OK", "RESOURCE_EXHAUSTED"}
    return told(name, goodput >= 0.9 and at99 < 0.005 and fine, figure)


def flood(people: Crowd, seconds: float, name: str, make: Callable[[int], bytes]) -> bool:
    """One tenant with many callers, another one with one."""
    with tempfile.TemporaryDirectory() as folder:
        database = str(Path(folder) / "keys.db")
        quiet, loud = add_key(database, "quiet"), add_key(database, "loud")
        options = ("--waiting", WAITING, "--authentication", "keys", "--metrics", "127.0.0.1:0")
        with serving(*options, database=database) as server:

            def one(key: str) -> Asked:
                return people.steadily(server.address, make, 1, seconds, key=key, pause=0.005).result()

            people.steadily(server.address, make, 4, 2.0, key=loud).result()
            alone = [one(quiet)]
            many = people.steadily(server.address, make, 60, seconds + 1, key=loud)
            time.sleep(0.5)
            beside = one(quiet)
            flooded = many.result()
            alone.append(one(quiet))
    before, after = (each.at("OK", 0.99) for each in alone)
    ratio = beside.at("OK", 0.99) / max(before, after)
    figure = (
        f"p99 {1000 * beside.at('OK', 0.99):.1f} ms of {beside.codes['OK']} calls beside, alone {1000 * before:.1f} "
        f"before and {1000 * after:.1f} after: {ratio:.2f}; median {1000 * beside.at('OK', 0.5):.1f} beside, "
        f"{1000 * alone[0].at('OK', 0.5):.1f} alone; the flood: {dict(flooded.codes)} in {flooded.took:.0f} s, callers "
        f"{flooded.processor_seconds / flooded.took:.2f} of a processor"
    )
    return told(f"flood of {name}", ratio <= 2 and set(beside.codes) == {"OK"}, figure)


def floods(people: Crowd, seconds: float) -> bool:
    """Floods of both kinds of work."""
    passed = [flood(people, seconds, name, make) for name, make in (("slow models", slow), ("quick ones", quick))]
    return all(passed)


def _held(server: Served) -> int:
    return sum(memory(pid) for pid in server.processes().values())


def _seen(server: Served, ask: Callable[[], Asked]) -> tuple[Asked, dict[str, float]]:
    """What came of calls, and how many processors each kind of process used meanwhile."""
    before = _used(server)
    asked = ask()
    used = {kind: (seconds - before[kind]) / asked.took for kind, seconds in _used(server).items()}
    return asked, used | {"callers": asked.processor_seconds / asked.took}


def _used(server: Served) -> dict[str, float]:
    """Seconds of processor time by kind of process."""
    workers = sum(cpu_seconds(pid) for pid in server.workers())
    return {"workers": workers, "server": cpu_seconds(server.pid)}


def _refused_in(server: Served, start: int) -> list[float]:
    """Seconds by the server's own clock that refusals took, in order of size."""
    with server.log.open() as log:
        log.seek(start)
        lines = (json.loads(line) for line in log if '"RESOURCE_EXHAUSTED"' in line)
        return sorted(float(line["seconds"]) for line in lines)


def main() -> int:
    """Run what is asked for, and say whether all pass."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--only", action="append", choices=["overload", "brisk", "record", "flood"], default=[])
    options = parser.parse_args()
    seconds = options.seconds
    with crowd() as people:
        trials: dict[str, Callable[[], bool]] = {
            "overload": lambda: overload(people, seconds, "overload", mixed),
            "brisk": lambda: overload(people, seconds, "brisk", slow),
            "record": lambda: overload(people, seconds, "record", quick),
            "flood": lambda: floods(people, seconds / 2),
        }
        passed = [trials[name]() for name in options.only or trials]
    return int(not all(passed))


if __name__ == "__main__":
    sys.exit(main())
