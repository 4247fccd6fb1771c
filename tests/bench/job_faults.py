"""What becomes of jobs whose servers are killed: they go on elsewhere, to the same bytes, nothing twice.

    python tests/bench/job_faults.py [--kills 20] [--servers 1] [--database URL] [--seed 0] [--seconds 900]

So many servers share one database (without `--database` a new SQLite file). One job after another is made, and at
random moments one of the servers, whichever, is killed by SIGKILL and replaced, until that was done often enough.
Passes when every job ends, each market of it has one outcome, its bytes are those of a job that nobody disturbed, no
market fails, and the next outcome comes within 30 s of each kill. Prints these times: a killed server is missed for
some seconds before another goes on, and with `--servers 1` that other one has to start first.

Ends with status 1 where that does not hold.
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from importlib.resources import files
from itertools import count
from pathlib import Path
from statistics import median

import polars as pl
import sqlalchemy as sa
from served import PROGRAM, told

from service.client import Client
from service.store import Store, open_store
from service.store.tables import job_outcomes

MARKETS = 40  # of a job: some ten seconds of work
LONGEST = 30.0  # seconds without progress


def markets() -> pl.DataFrame:
    """Markets of the panel that ships, as a job takes them."""
    panel = pl.read_parquet((files("forecast.data") / "panel.parquet").read_bytes())
    panel = panel.select("market", "period", "provider", "share")
    names = panel["market"].unique(maintain_order=True)
    copies = [
        panel.filter(pl.col("market") == names[n % len(names)]).with_columns(market=pl.lit(f"{n}"))
        for n in range(MARKETS)
    ]
    return pl.concat(copies)


class Servers:
    """Some servers of one database, each of which can be killed and replaced."""

    def __init__(self, database: str, number: int) -> None:
        self._command = [str(PROGRAM), "serve", "--listen", "127.0.0.1:0", "--database", database]
        self._running: list[tuple[str, subprocess.Popen[str]]] = []  # address, process
        self.fill_up(number)

    def client(self, rng: random.Random) -> Client:
        """Of any of them."""
        return Client(rng.choice(self._running)[0])

    def kill_one(self, rng: random.Random) -> None:
        """Kill one, as the kernel does when memory runs out."""
        _, process = self._running.pop(rng.randrange(len(self._running)))
        process.kill()
        process.communicate()

    def fill_up(self, fewest: int) -> None:
        """Start others until there are so many that answer."""
        while len(self._running) < fewest:
            process = subprocess.Popen(
                self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, bufsize=1
            )
            assert process.stdout is not None
            self._running.append((process.stdout.readline().split()[-1], process))

    def stop(self) -> None:
        """End all."""
        for _, process in self._running:
            process.kill()
            process.communicate()


def kept(store: Store, job_id: str) -> tuple[tuple[bytes, ...], int]:
    """The outcomes of a job in order, and how many rows the database has of it."""
    with store._engine.connect() as connection:
        number = sa.select(sa.func.count()).select_from(job_outcomes)
        number = number.where(job_outcomes.c.job_number == sa.text("(SELECT number FROM jobs WHERE job_id = :job)"))
        rows = connection.execute(number, {"job": job_id}).scalar_one()
    return store.jobs.outcomes(job_id, 0, MARKETS + 1), rows


def disturbed(
    store: Store, servers: Servers, number: int, kills: int, seconds: float, rng: random.Random
) -> tuple[list[str], list[float]]:
    """Make jobs and kill servers; the jobs, and by kill the seconds until the next outcome."""
    shares, made, waits, end = markets(), list[str](), list[float](), time.monotonic() + seconds
    for name in count(1):
        with servers.client(rng) as client:
            job = client.create_forecast_job(shares=shares, model="theta", horizon=2, request_id=f"job-{name}")
        made.append(job.job_id)
        while (now := store.jobs.get(job.job_id, None)).state == "running" and time.monotonic() < end:
            time.sleep(rng.uniform(0.1, 3.0))
            now = store.jobs.get(job.job_id, None)
            if len(waits) >= kills or now.state != "running":
                continue
            started = time.monotonic()
            servers.kill_one(rng)
            servers.fill_up(1)
            while (later := store.jobs.get(job.job_id, None)).done_count == now.done_count and later.state == "running":
                if time.monotonic() - started > 2 * LONGEST:
                    break
                time.sleep(0.05)
            waits.append(time.monotonic() - started)
            servers.fill_up(number)
        if len(waits) >= kills or time.monotonic() >= end:
            return made, waits
    raise AssertionError("counts for ever")


def run(database: str, options: argparse.Namespace) -> bool:
    """Do it all, and say whether it passes."""
    rng = random.Random(options.seed)
    with ExitStack() as stack:
        store = stack.enter_context(open_store(database))
        servers = Servers(database, options.servers)
        stack.callback(servers.stop)
        made, waits = disturbed(store, servers, options.servers, options.kills, options.seconds, rng)
        with servers.client(rng) as client:
            whole = client.create_forecast_job(shares=markets(), model="theta", horizon=2)
            outcomes = list(client.watch_forecast_job(whole.job_id, timeout=300))
        wanted = kept(store, whole.job_id)
        same = sum(kept(store, job_id) == wanted for job_id in made)
        states = {store.jobs.get(job_id, None).state for job_id in made}
        failed = sum(outcome.error is not None for outcome in outcomes)
        figure = (
            f"{len(waits)} kills among {options.servers} server(s), {len(made)} jobs of {MARKETS} markets, {states}, "
            f"{same} of them as undisturbed, {failed} markets failed, next outcome after {median(waits):.1f} s, "
            f"{max(waits):.1f} s at most"
        )
        good = same == len(made) and wanted[1] == MARKETS and not failed and max(waits) <= LONGEST
        return told("jobs", good and len(waits) >= options.kills and states == {"done"}, figure)


def main() -> int:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--servers", type=int, default=1)
    parser.add_argument("--database", default="")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=900.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        return int(not run(options.database or f"sqlite:///{Path(folder) / 'jobs.db'}", options))


if __name__ == "__main__":
    sys.exit(main())
