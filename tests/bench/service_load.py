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

The best is what 4 or 8 callers get done who wait for their answers, the more of the two, by turns with the overload:
machines are not equally fast from one minute to the next. All processes share the machine; what each uses of it is
printed. Ends with status 1 where one does not pass.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import chain, zip_longest
from pathlib import Path

from callers import Asked, Crowd, crowd
from served import Served, add_key, cpu_seconds, health, memory, mixed, quick, serving, slow, told

CPUS = os.cpu_count() or 1
_TURNS = 4  # of overload; one more of the best
WAITING = "32"  # calls that may wait: so few that a second of overload fills the queue


def overload(people: Crowd, seconds: float, name: str, make: Callable[[int], bytes]) -> bool:
    """Ten times what the server can do."""
    with serving("--waiting", WAITING) as server:
        people.steadily(server.address, make, 4, 2.0).result()  # what is loaded at first use is loaded
        alone = people.steadily(server.address, make, 1, seconds / 4).result()
        tries = [people.steadily(server.address, make, n, seconds / 6).result() for n in (4, 8)]
        callers, _ = max(zip((4, 8), tries, strict=True), key=lambda found: found[1].work_done(alone))

        best, over = _Seen(server), _Seen(server)
        best.add(lambda: people.steadily(server.address, make, callers, seconds / _TURNS).result())
        rate = 10 * best.asked.done
        held, told_before = _held(server), server.log.stat().st_size
        statuses = set()

        def offered() -> Asked:
            calls = people.at_rate(server.address, make, rate, seconds / _TURNS)
            while not calls.done():
                statuses.add(health(server.address))
                time.sleep(0.5)
            return calls.result()

        for _ in range(_TURNS):
            over.add(offered)
            best.add(lambda: people.steadily(server.address, make, callers, seconds / _TURNS).result())
        grown = (_held(server) - held) / 2**20
        refused = _refused_in(server, told_before)
    goodput = over.asked.work_done(alone) / best.asked.work_done(alone)
    by_turn = " ".join(f"{work.work_done(alone):.2f}" for work in chain(*zip_longest(best.turns, over.turns)) if work)
    left = (CPUS - over.used["callers"]) / (CPUS - best.used["callers"])
    at99 = refused[int(0.99 * len(refused))] if refused else 9.0
    parts = ", ".join(f"{kind} {part:.2f} ({best.used[kind]:.2f})" for kind, part in over.used.items())
    figure = (
        f"{rate:.0f} calls/s for {over.asked.took:.0f} s in {_TURNS} turns, {dict(over.asked.codes)}: {goodput:.2f} of "
        f"the work it does at best, with {callers} callers (by turns, the best first: {by_turn}; "
        f"{over.asked.done:.1f} answers/s beside {best.asked.done:.1f}), {goodput / left:.2f} with regard to the "
        f"processors that its callers leave it; refused by its clock in {1000 * refused[len(refused) // 2]:.2f} ms, "
        f"p99 {1000 * at99:.2f}, by the callers' {1000 * over.asked.at('RESOURCE_EXHAUSTED', 0.5):.1f} and "
        f"{1000 * over.asked.at('RESOURCE_EXHAUSTED', 0.99):.1f}; {', '.join(sorted(statuses))}; memory grew by "
        f"{grown:.0f} MB; processors (at best): {parts}"
    )
    fine = statuses == {"SERVING"} and grown < 100 and set(over.asked.codes) <= {"OK", "RESOURCE_EXHAUSTED"}
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


class _Seen:
    """What came of calls, and how many processors each kind of process used meanwhile."""

    def __init__(self, server: Served) -> None:
        self._server, self._seconds = server, {"workers": 0.0, "server": 0.0, "callers": 0.0}
        self.asked, self.turns = Asked(), list[Asked]()

    def add(self, ask: Callable[[], Asked]) -> None:
        """Have calls made."""
        before, started = self._used(), time.perf_counter()
        found = ask()
        part = found.took / (time.perf_counter() - started)  # of the time it took, that calls were made
        for kind, seconds in self._used().items():
            self._seconds[kind] += part * (seconds - before[kind])
        self._seconds["callers"] += found.processor_seconds
        self.turns.append(found)
        self.asked.add(found)

    @property
    def used(self) -> dict[str, float]:
        """Processors, by kind of process."""
        return {kind: seconds / self.asked.took for kind, seconds in self._seconds.items()}

    def _used(self) -> dict[str, float]:
        workers = sum(cpu_seconds(pid) for pid in self._server.workers())
        return {"workers": workers, "server": cpu_seconds(self._server.pid)}


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
