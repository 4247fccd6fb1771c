"""A fresh copy of the installation: what its first commands and calls take, and whether it runs where it is read-only.

    python tests/bench/fresh_start.py [--rounds 3]

Each round installs a copy, whose folder for compiled code is empty, and runs each command twice: processor seconds of
the command and its workers, and the most memory of one of them. A server is started and asked at once, first for a
forecast, and another for one with an event. In the end the copy runs read-only for a user without a home, once with
`/tmp` to write to and once with nothing but a folder for results (needs the right to mount). Prints medians, and ends
with status 1 where one does not pass.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import grpc
from make_markets import write_markets

PROJECT = Path(__file__).parents[2]
sys.path.insert(0, str(PROJECT))

from sharecast.v1.forecast_service_pb2 import ForecastRequest  # noqa: E402
from tests.service.read_only import may_mount, needed, read_only  # noqa: E402

EVENT = "Huawei Cloud > Alibaba Cloud by 2027Q4"
FORECAST = "/sharecast.v1.ForecastService/Forecast"
WANTED = {  # name: most, and its unit
    "forecast cn-cloud": (1.8, "s of a processor"),
    "forecast cn-cloud, memory": (150.0, "MiB"),
    "forecast with an event": (2.5, "s of a processor"),
    "batch of 541 markets": (15.0, "s of a processor"),
    "serve: listening": (1.5, "s"),
    "first Forecast": (0.8, "s"),
    "first Forecast with draws": (1.3, "s"),
}


def install(folder: Path) -> Path:
    """Copy the project into an environment's worth of folders, without anything compiled."""
    target = folder / "installed"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(target), str(PROJECT)]
    subprocess.run(command, check=True)
    return target


def program(installed: Path) -> tuple[list[str], dict[str, str]]:
    """The command of a copy, and its environment."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("NUMBA", "SHARECAST"))}
    environment = kept | {"PYTHONPATH": str(installed), "XDG_CACHE_HOME": str(installed.with_name("cache"))}
    return [sys.executable, "-P", "-m", "service.cli.main"], environment


def run(installed: Path, *arguments: str) -> tuple[float, float]:
    """Processor seconds and MiB of a command."""
    command, environment = program(installed)
    process = subprocess.Popen(
        [*command, *arguments], env=environment, cwd=installed.parent, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    told = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(told.decode())
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def serve(installed: Path, request: ForecastRequest) -> tuple[float, float]:
    """Seconds until a server listens, and what the forecast takes that is asked at once."""
    command, environment = program(installed)
    started = time.perf_counter()
    with subprocess.Popen(
        [*command, "serve", "--listen", "127.0.0.1:0", "--database", "none"],
        env=environment,
        cwd=installed.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        listening = time.perf_counter()
        try:
            with grpc.insecure_channel(address) as channel:
                channel.unary_unary(FORECAST, None, None)(request.SerializeToString())
            return listening - started, time.perf_counter() - listening
        finally:
            process.terminate()


def first_and_again(installed: Path, markets: Path) -> list[dict[str, float]]:
    """What everything takes the first time, and once more."""
    found: list[dict[str, float]] = []
    for _ in range(2):
        seconds, memory = run(installed, "forecast", "cn-cloud")
        listening, plain = serve(installed, ForecastRequest(market="cn-cloud"))
        _, with_draws = serve(installed, ForecastRequest(market="cn-cloud", events=[EVENT]))
        output = markets.with_name("out.parquet")
        output.unlink(missing_ok=True)
        figures = (
            seconds,
            memory,
            run(installed, "forecast", "cn-cloud", "--event", EVENT)[0],
            run(installed, "batch", str(markets), str(output))[0],
            listening,
            plain,
            with_draws,
        )
        found.append(dict(zip(WANTED, figures, strict=True)))
    return found


STEPS = """
import subprocess, sys
sharecast = [sys.executable, "-P", "-m", "service.cli.main"]
def ok(name, done):
    print(f"{name}: {'ok' if done.returncode == 0 else done.stderr[-300:]}", flush=True)
def run(*arguments):
    return subprocess.run([*sharecast, *arguments], capture_output=True, text=True)
ok("forecast", run("forecast", "cn-cloud"))
ok("batch", run("batch", sys.argv[1], sys.argv[1] + ".out.csv"))
server = subprocess.Popen([*sharecast, "serve", "--listen", "127.0.0.1:0"], stdout=subprocess.PIPE,
    stderr=subprocess.DEVNULL, text=True)
address = server.stdout.readline().split()[-1]
ok("serve", run("forecast", "cn-cloud", "--address", address))
ok("healthcheck", run("healthcheck", "--address", address))
server.terminate()
ok("library", subprocess.run([sys.executable, "-P", "-c", "import forecast, polars; "
    f"forecast.forecast_shares(polars.read_csv({sys.argv[1]!r}))"], capture_output=True, text=True))
"""


def read_only_copy(installed: Path, sheet: Path, written: Sequence[Path]) -> bool:
    """Whether a copy works where only some folders may be written; prints each step."""
    mounts = Path(tempfile.mkdtemp(prefix="mounts-", dir="/tmp"))
    sheet.with_name(f"{sheet.name}.out.csv").unlink(missing_ok=True)
    inside = ["env", f"PYTHONPATH={installed}", sys.executable, "-c", STEPS, str(sheet)]
    command = read_only(inside, mounts, read=[*needed(), installed], written=written)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    shutil.rmtree(mounts)
    print(done.stdout + done.stderr[-500:], end="")
    return done.returncode == 0 and done.stdout.count(": ok") == 5


def main() -> int:
    """Measure, print, and say whether all passes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds: list[list[dict[str, float]]] = []
    passed = True
    for _ in range(parser.parse_args().rounds):
        with tempfile.TemporaryDirectory() as folder:
            markets = Path(folder) / "markets.parquet"
            write_markets(541, markets)
            rounds.append(first_and_again(install(Path(folder)), markets))
    for name, (most, unit) in WANTED.items():
        first, again = (median(found[time][name] for found in rounds) for time in range(2))
        fits = max(first, again) <= most
        passed = passed and fits
        print(f"{name}: {first:.2f} {unit}, again {again:.2f}; {most:g}: {'passes' if fits else 'FAILS'}")
    if not may_mount():
        print("read-only: not tried, this user may not mount")
        return int(not passed)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        (results := Path(folder) / "results").mkdir()
        results.chmod(0o777)
        sheet = results / "sheet.csv"
        quarters = [f"20{20 + n // 4}Q{n % 4 + 1}" for n in range(12)]
        rows = [f"{quarter},{name},{share}" for quarter in quarters for name, share in (("A", 0.6), ("Others", 0.4))]
        sheet.write_text("\n".join(["period,provider,share", *rows]))
        installed = install(Path(folder))
        for name, written in (("/tmp and results", [Path("/tmp"), results]), ("results", [results])):
            print(f"read-only but for {name}:")
            passed = read_only_copy(installed, sheet, written) and passed
    return int(not passed)


if __name__ == "__main__":
    sys.exit(main())
