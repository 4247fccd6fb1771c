"""What a batch survives: killed by SIGKILL at random moments, again and again, then resumed.

    python tests/bench/batch_faults.py [--kills 50] [--markets 4000] [--workers 2] [--seed 0]

One undisturbed run gives the bytes to be equalled, and how long a run takes. Then `sharecast batch --resume` is started
and its whole session killed, so many times: a random while after a random part is done, or at any moment of up to that
time. A run that ends before its kill is compared and its output removed, so that the next one begins anew, and so is
what the last kill left once it is resumed.
After each kill no output may be there but a whole one, and every part told of as done must be done once resumed: the
next run goes on from at least as many parts.

Ends with status 1 where a promise is broken.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
from make_markets import write_markets

MOST_PARTS = 10  # of 24, that a run does before it is killed
AT_WORK = 0.2  # seconds after one of them
PROGRAM = Path(sys.executable).with_name("sharecast")


@dataclass
class Tally:
    """What was seen."""

    kills: int = 0
    ended: int = 0  # runs that came to their end before they were killed
    kept: list[int] = field(default_factory=list)  # parts found done after each kill
    redone: int = 0  # parts done before a kill that the next run did not go on from
    unequal: int = 0  # outputs of other bytes than the undisturbed run's
    leftovers: int = 0  # files beside input and output after a run's end


def start(folder: Path, workers: int) -> "subprocess.Popen[str]":
    command: list[str | Path] = [PROGRAM, "batch", "in.parquet", "out.parquet", "--resume", "--workers", str(workers)]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, start_new_session=True)


def parts_done(folder: Path) -> int:
    try:
        return (folder / ".out.parquet.parts" / "done.jsonl").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def wait_for(process: "subprocess.Popen[str]", folder: Path, parts: int) -> None:
    """Until so many parts are done, or the run has come to its end."""
    while process.poll() is None and parts_done(folder) < parts:
        time.sleep(0.002)


def check_end(folder: Path, whole: bytes, tally: Tally) -> None:
    """Compare what a run has written, and take it away."""
    output = folder / "out.parquet"
    tally.unequal += output.read_bytes() != whole
    output.unlink()
    found = {path for path in folder.rglob("*") if path.name not in ("in.parquet", "whole.parquet")}
    for path in sorted(found):
        print(f"left behind: {path.relative_to(folder)}")
    tally.leftovers += len(found)


def disturb(folder: Path, whole: bytes, seconds: float, arguments: argparse.Namespace) -> Tally:
    """Kill and go on, so many times, and at last to the end."""
    tally, rng, before = Tally(), random.Random(arguments.seed), 0
    while tally.kills < arguments.kills:
        with start(folder, arguments.workers) as process:
            try:
                if rng.random() < 0.7:  # at work; the others at any moment, most of them in the start
                    wait_for(process, folder, before + rng.randint(0, MOST_PARTS))
                    limit = rng.uniform(0.0, AT_WORK)
                else:
                    limit = rng.uniform(0.0, seconds)
                _, told = process.communicate(timeout=limit)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                _, told = process.communicate()
                tally.kills += 1
            resumed = re.search(r"going on: ([\d,]+) of", told)
            if resumed:  # killed before it looked there, it says nothing
                tally.redone += max(0, before - int(resumed[1].replace(",", "")))
            if process.returncode not in (0, -signal.SIGKILL):
                raise SystemExit(f"a resumed run exited with {process.returncode}: {told}")
            if process.returncode == 0:
                tally.ended += 1
                check_end(folder, whole, tally)
        before = parts_done(folder)
        tally.kept.append(before)
        if (folder / "out.parquet").exists():  # between the output's rename and the folder's end
            tally.unequal += (folder / "out.parquet").read_bytes() != whole
    with start(folder, arguments.workers) as process:
        process.communicate()
        check_end(folder, whole, tally)
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--markets", type=int, default=4000)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sharecast-faults-") as place:
        folder = Path(place)
        write_markets(arguments.markets, folder / "in.parquet")
        command: list[str | Path] = [
            PROGRAM,
            "batch",
            "in.parquet",
            "whole.parquet",
            "--workers",
            str(arguments.workers),
        ]
        subprocess.run(command, cwd=folder, check=True, capture_output=True)  # compiles on a new machine
        begun = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, capture_output=True)
        seconds = time.perf_counter() - begun
        whole = (folder / "whole.parquet").read_bytes()
        markets = pl.read_parquet(folder / "whole.parquet")["market"].n_unique()
        tally = disturb(folder, whole, seconds, arguments)
    found = ", ".join(map(str, tally.kept))
    print(f"undisturbed: {markets:,} of {arguments.markets:,} markets in {seconds:.1f} s; parts found done: {found}")
    print(
        f"killed {tally.kills} times at random moments, {tally.ended + 1} runs came to their end: "
        f"{tally.unequal} of other bytes, {tally.redone} done parts lost, {tally.leftovers} files left behind"
    )
    sys.exit(1 if tally.unequal or tally.redone or tally.leftovers else 0)


if __name__ == "__main__":
    main()
