"""Speed and memory: batches beside statsforecast AutoETS on the same markets, and single forecasts.

    python tests/bench/speed.py [--markets 10000] [--many 100000] [--workers 2] [--repeats 3] [--peer-python PATH]
    python tests/bench/speed.py --many 1000000 --repeats 0    # a million markets, 2.5 GB of disk

In one run, the two by turns, since the speed of a shared machine drifts; each figure is a median:

- `sharecast batch` of distinct markets (`make_markets.py`) as a whole command: start-up, reading, checking, writing.
- AutoETS of season length 4 with intervals at 80 and 95 %, every share of a sample of the same markets as a series of
  its own, two jobs; gaps are filled first, as it takes none. Only its own work is timed, and the fixed cost of its jobs
  is taken out by timing two sizes of sample. It runs in an environment of its own, made here unless `--peer-python`
  names the interpreter of one that has statsforecast and polars.
- The peak of resident memory of a batch of `--markets` and one of `--many` markets: of every process, from the kernel's
  own high-water marks (Linux only). Ends with status 1 where the sum over the processes passes 1 GiB.
- A forecast of one market that was never seen before, in a process that is warm, without and with draws.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
import venv
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import polars as pl
from make_markets import write_markets

from forecast.forecasting import forecast_shares
from forecast.shares import check_shares

PEER = "statsforecast==2.1.1"
SAMPLES = (20, 100)  # markets; the difference of their times is the time of 80
SINGLES = 200
MOST_MEMORY = 2**30  # bytes, of all processes of a batch
PEER_PROGRAM = """
import json, sys, time, warnings
import polars as pl
from statsforecast import StatsForecast
from statsforecast.models import AutoETS
warnings.simplefilter("ignore")
if __name__ == "__main__":
    series = pl.read_parquet(sys.argv[1])
    def run(frame):
        start = time.perf_counter()
        StatsForecast(models=[AutoETS(season_length=4)], freq=1, n_jobs=2).forecast(df=frame, h=8, level=[80, 95])
        return time.perf_counter() - start
    run(series.filter(pl.col("market") < 2).drop("market"))  # compiles
    times = [run(series.filter(pl.col("market") < int(count)).drop("market")) for count in sys.argv[2:]]
    print(json.dumps(times))
"""


@dataclass(frozen=True, slots=True)
class Ran:
    """A command that has run."""

    seconds: float
    peaks: tuple[int, ...]  # bytes, the largest resident memory of each process, the first one's first


def run(command: list[str | Path]) -> Ran:
    """Run a command, and look at the memory of its whole session until it ends."""
    start = time.perf_counter()
    process = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True)
    peaks: dict[int, int] = {process.pid: 0}
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.05):
            for folder in Path("/proc").glob("[0-9]*"):
                try:
                    if os.getsid(int(folder.name)) == process.pid:
                        text = (folder / "status").read_text()
                        mark = int(text.partition("VmHWM:")[2].split()[0]) * 1024
                        peaks[int(folder.name)] = max(peaks.get(int(folder.name), 0), mark)
                except (OSError, IndexError):  # ended meanwhile
                    continue

    looking = threading.Thread(target=look)
    looking.start()
    _, told = process.communicate()
    seconds = time.perf_counter() - start
    ended.set()
    looking.join()
    if process.returncode:
        raise SystemExit(f"{command} exited with {process.returncode}: {told}")
    return Ran(seconds, tuple(peaks.values()))


def batch(source: Path, workers: int) -> Ran:
    """One `sharecast batch` as a whole command."""
    program = Path(sys.executable).with_name("sharecast")
    return run([program, "batch", source, source.with_name("forecasts.parquet"), "--workers", str(workers)])


def peer_environment(folder: Path) -> Path:
    """Make an environment for the peer."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", PEER, "polars"], check=True)
    return python


def peer_sample(source: Path, folder: Path) -> Path:
    """Every share of the first markets as a series without gaps: market, unique_id, ds, y."""
    names = pl.scan_parquet(source).select("market").unique(maintain_order=True).head(max(SAMPLES)).collect()["market"]
    rows = pl.scan_parquet(source).filter(pl.col("market").is_in(names.implode())).collect()
    year, quarter = (pl.col("period").str.slice(start, size).cast(pl.Int64) for start, size in ((0, 4), (5, 1)))
    cells = rows.with_columns(ds=4 * year + quarter, number=pl.col("market").rle_id().cast(pl.Int64))
    grid = cells.select("number", "ds").unique().group_by("number").agg(pl.col("ds").min().alias("a"), pl.max("ds"))
    ends = grid.with_columns(ds=pl.int_ranges("a", pl.col("ds") + 1)).drop("a").explode("ds")
    full = ends.join(cells.select("number", "provider").unique(), on="number").join(
        cells.select("number", "provider", "ds", "share"), on=["number", "provider", "ds"], how="left"
    )
    filled = full.sort("number", "provider", "ds").with_columns(
        y=pl.col("share").interpolate().forward_fill().backward_fill().over("number", "provider").fill_null(0.0)
    )
    sample = folder / "peer.parquet"
    filled.select(market="number", unique_id=pl.format("{}/{}", "number", "provider"), ds="ds", y="y").write_parquet(
        sample
    )
    return sample


def peer(python: Path, sample: Path, program: Path) -> float:
    """Seconds that AutoETS takes for one market."""
    found = subprocess.run(
        [python, program, sample, *map(str, SAMPLES)], capture_output=True, text=True, check=True
    ).stdout
    small, large = json.loads(found.splitlines()[-1])
    return float(large - small) / (SAMPLES[1] - SAMPLES[0])


def singles(source: Path, *, keep_draws: bool) -> float:
    """Median seconds of one forecast, each of another market."""
    rows = check_shares(pl.read_parquet(source, n_rows=60_000))
    markets = rows.partition_by("market", maintain_order=True)[: SINGLES + 1]
    forecast_shares(markets.pop(), keep_draws=keep_draws)
    times = []
    for market in markets:
        start = time.perf_counter()
        forecast_shares(market, keep_draws=keep_draws)
        times.append(time.perf_counter() - start)
    return median(times)


def megabytes(ran: Ran) -> str:
    """The peaks of a run, for people."""
    return f"{sum(ran.peaks) / 1e6:.0f} MB in all, the largest process {max(ran.peaks) / 1e6:.0f} MB"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--markets", type=int, default=10_000)
    parser.add_argument("--many", type=int, default=100_000, help="of the second batch, for memory; 0 leaves it out")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="of batch and peer; 0 leaves both out")
    parser.add_argument("--peer-python", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sharecast-speed-") as place:
        folder = Path(place)
        source = folder / "markets.parquet"
        write_markets(arguments.markets, source)
        for keep_draws, words in ((False, "without draws"), (True, "with 2,000 draws")):
            print(f"single forecast, warm, {words}: {1e3 * singles(source, keep_draws=keep_draws):.2f} ms", flush=True)
        warm = batch(source, arguments.workers)  # compiles on a new machine; not timed
        if arguments.repeats:
            python = arguments.peer_python or peer_environment(folder / "peer")
            program, sample = folder / "peer.py", peer_sample(source, folder)
            program.write_text(PEER_PROGRAM)
            ours, theirs = [], []
            for _ in range(arguments.repeats):
                ours.append(batch(source, arguments.workers).seconds / arguments.markets)
                theirs.append(peer(python, sample, program))
                print(f"  a market: batch {1e3 * ours[-1]:.3f} ms, AutoETS {1e3 * theirs[-1]:.1f} ms", flush=True)
            ratios = [b / a for a, b in zip(ours, theirs, strict=True)]
            print(
                f"batch of {arguments.markets:,} markets, {arguments.workers} workers: {1e3 * median(ours):.3f} ms a "
                f"market, AutoETS with two jobs {1e3 * median(theirs):.1f} ms: {median(ratios):.0f} times as fast "
                f"({min(ratios):.0f} to {max(ratios):.0f})",
                flush=True,
            )
        print(f"memory of {arguments.markets:,} markets: {megabytes(warm)}", flush=True)
        if arguments.many:
            write_markets(arguments.many, source)
            many = batch(source, arguments.workers)
            print(f"memory of {arguments.many:,} markets: {megabytes(many)}, {many.seconds:.0f} s")
            print(f"ratio of the sums {sum(many.peaks) / sum(warm.peaks):.2f}")
            if sum(many.peaks) > MOST_MEMORY:
                raise SystemExit(f"FAILS: more than {MOST_MEMORY / 1e6:.0f} MB")


if __name__ == "__main__":
    main()
