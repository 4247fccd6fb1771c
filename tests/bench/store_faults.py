"""What the store survives: processes killed during an import, and disks that are full at any write of one.

    python tests/bench/store_faults.py [--kills 200] [--database URL] [--full] [--reopened 2] [--seed 0]

Kills: a process imports one table after another and says so after each; it is killed by SIGKILL at a random moment, the
database is opened again, and every import must be there whole or not at all, every one that was told of among
them; to open it takes less than `--reopened` seconds, of which a test asserts nothing.
Without `--database` that is a new SQLite file.

Full (`--full`): an import meets a file that may not grow past so many bytes (RLIMIT_FSIZE), from none on page by page
until it succeeds, and, where this process may mount one, a small tmpfs with ever more room. Each time the import must
fail as `StoreUnavailable` and leave the store as it was, and succeed once there is room.

Ends with status 1 where a promise is broken.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from forecast.merging import STATEMENT_SCHEMA
from service.errors import StoreUnavailable
from service.store import open_store
from service.store.incoming import check_incoming
from service.store.tables import figures, imports

LONGEST = 0.25  # seconds after which a process is killed at the latest: some ten imports
PAGE = 4096  # bytes, of SQLite

NONE = pl.DataFrame(schema=STATEMENT_SCHEMA)


@cache
def table(number: int) -> pl.DataFrame:
    """The shares of import `number`: 4 to 40 markets of 20 quarters and 4 providers."""
    rng = random.Random(number)
    rows = []
    for market in range(rng.choice((4, 12, 40))):
        for quarter in range(20):
            parts = [rng.uniform(1, 9) for _ in range(4)]
            rows += [
                (f"{number}-{market}", f"{2015 + quarter // 4}Q{quarter % 4 + 1}", name, part / sum(parts))
                for name, part in zip("ABCD", parts, strict=True)
            ]
    return pl.DataFrame(rows, schema=["market", "period", "provider", "share"], orient="row")


def put(database: str, number: int) -> None:
    """Import one table."""
    now = datetime.now(UTC)
    incoming = check_incoming(table(number), kind="shares", house="own", name=str(number), today=now.date())
    with open_store(database) as store:
        store.add(incoming, NONE, request_id=str(number), validate_only=False, now=now)


def import_for_ever(database: str) -> None:
    """What the killed process does: told a number, imports from there on, telling each one that is kept."""
    first = table(0)  # loads what the first import would
    check_incoming(first, kind="shares", house="own", name="0", today=datetime.now(UTC).date())
    open_store(database).close()
    print("ready", flush=True)
    number = int(sys.stdin.readline())
    while True:
        put(database, number)
        print(number, flush=True)
        number += 1


@dataclass(frozen=True)
class Found:
    """What a database holds."""

    whole: frozenset[str]  # names of the imports that are there whole
    broken: frozenset[str]


def look(database: str) -> Found:
    """Compare every import of a database with the table it came from."""
    engine = open_store(database)._engine
    whole: set[str] = set()
    broken: set[str] = set()
    with engine.connect() as connection:
        named = {row.number: row.name for row in connection.execute(sa.select(imports.c.number, imports.c.name))}
        counted = sa.select(figures.c.import_number, sa.func.count(), sa.func.sum(figures.c.value)).group_by(
            figures.c.import_number
        )
        sums = {number: (count, total) for number, count, total in connection.execute(counted)}
        if connection.dialect.name == "sqlite":
            assert connection.exec_driver_sql("PRAGMA integrity_check").scalar() == "ok"
    engine.dispose()
    for number, name in named.items():
        expected = table(int(name))
        count, total = sums.pop(number, (0, 0.0))
        fit = count == expected.height and abs(total - expected["share"].sum()) < 1e-6
        (whole if fit else broken).add(name)
    broken |= {f"figures of no import: {number}" for number in sums}
    return Found(frozenset(whole), frozenset(broken))


@contextmanager
def importers(database: str, times: int) -> Iterator[Iterator["subprocess.Popen[str]"]]:
    """So many processes that import once they are told where to begin; while one works the next one loads."""
    command = [sys.executable, __file__, "--import-for-ever", "--database", database]
    with ExitStack() as stack:

        def start() -> "subprocess.Popen[str]":
            process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        def each() -> Iterator["subprocess.Popen[str]"]:
            following = start()
            for n in range(times):
                current = following
                if n + 1 < times:
                    following = start()
                yield current

        yield each()


def kill(database: str, times: int, rng: random.Random, reopened: float) -> bool:
    """Kill so many importers; whether every promise was kept."""
    told: set[str] = set()
    partial: set[str] = set()
    lost: set[str] = set()
    slowest, during, number = 0.0, 0, 1
    with importers(database, times) as processes:
        for process in processes:
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            process.stdin.write(f"{number}\n")
            process.stdin.flush()
            time.sleep(rng.uniform(0.0, LONGEST))
            process.kill()
            said = [line.strip() for line in process.stdout if line.endswith("\n")]
            told |= set(said)
            started = time.perf_counter()
            open_store(database).close()
            slowest = max(slowest, time.perf_counter() - started)
            found = look(database)
            partial |= found.broken
            lost |= told - found.whole
            last = number + len(said)
            during += str(last) not in found.whole  # killed before it was kept, and nearly always within it
            number = last + 1
    print(
        f"killed {times} times, {during} of them before the import at hand was kept: {len(partial)} partial, "
        f"{len(lost)} of {len(told)} acknowledged lost, opened again in {slowest:.2f} s at most"
    )
    return not partial and not lost and slowest < reopened


def fill(folder: Path) -> bool:
    """Meet a full disk at every write; whether every promise was kept."""
    good = _sweep("a file that may not grow", folder / "limited.db", _limited)
    room = folder / "small"
    room.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(room)], capture_output=True, check=False
    )
    if mounted.returncode:
        print("a full disk: not tried, as this process may not mount a tmpfs")
        return good
    try:
        return _sweep("a full disk", room / "small.db", _crowded) and good
    finally:
        subprocess.run(["umount", str(room)], check=True)


def _sweep(what: str, path: Path, limited: "type[_limited] | type[_crowded]") -> bool:
    database = str(path)
    put(database, 1)
    before = look(database)
    refused = wrong = 0
    for pages in range(0, 2000):
        try:
            with limited(path, pages * PAGE):
                put(database, 2)
            break
        except StoreUnavailable:
            refused += 1
        wrong += look(database) != before
    after = look(database)
    put(database, 3)  # works again, and is the next
    good = not wrong and after.whole == {"1", "2"} and look(database).whole == {"1", "2", "3"} and refused > 10
    print(f"{what}: {refused} imports refused, {wrong} of them left something behind, then one kept: {good}")
    return good


class _limited:  # noqa: N801  (a context manager)
    """No file of this process grows past `size` bytes."""

    def __init__(self, path: Path, size: int) -> None:
        self._size = size

    def __enter__(self) -> None:
        self._before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self._size, self._before[1]))

    def __exit__(self, *_: object) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self._before)


class _crowded:  # noqa: N801  (a context manager)
    """All but `size` bytes of the disk that holds the database are taken."""

    def __init__(self, path: Path, size: int) -> None:
        self._ballast, self._size = path.parent / "ballast", size

    def __enter__(self) -> None:
        with self._ballast.open("wb", buffering=0) as file:
            try:
                while file.write(bytes(PAGE)):
                    pass
            except OSError:  # full
                pass
            file.truncate(max(0, file.tell() - self._size))

    def __exit__(self, *_: object) -> None:
        self._ballast.unlink()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--database", default="")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--reopened", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--import-for-ever", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.import_for_ever:
        import_for_ever(given.database)
    with tempfile.TemporaryDirectory() as folder:
        database = given.database or str(Path(folder) / "killed.db")
        kills = given.kills or (0 if given.full else 200)
        good = kill(database, kills, random.Random(given.seed), given.reopened) if kills else True
        if given.full:
            good = fill(Path(folder)) and good
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
