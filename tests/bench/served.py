"""`sharecast serve` as a process of its own, looked at from outside: what the scripts about load and faults share."""

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse

from forecast.forecasting import MODELS, OF_RECORD
from sharecast.v1.forecast_service_pb2 import ForecastRequest

PROGRAM = Path(sys.executable).with_name("sharecast")
FORECAST = "/sharecast.v1.ForecastService/Forecast"
_PAGE = os.sysconf("SC_PAGE_SIZE")
_TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Served:
    """A server that runs, as whoever operates it sees it."""

    process: "subprocess.Popen[str]"
    address: str  # HOST:PORT
    log: Path  # its lines, JSON
    metrics: str  # URL

    @property
    def pid(self) -> int:
        """Of the server itself, which answers the calls."""
        return self.process.pid

    def nurseries(self) -> list[int]:
        """The processes that workers are forked from."""
        found = []
        for pid in _children(self.pid):
            with suppress(OSError):
                if b"service.server.nursery" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    found.append(pid)
        return found

    def workers(self) -> list[int]:
        """The worker processes that are up."""
        return [pid for nursery in self.nurseries() for pid in _children(nursery)]

    def processes(self) -> dict[str, int]:
        """All processes by name: server, nursery 1, nursery 2, worker 1, worker 2 and so on."""
        named = {"server": self.pid}
        for name, pids in (("nursery", self.nurseries()), ("worker", self.workers())):
            named |= {f"{name} {n}": pid for n, pid in enumerate(pids, 1)}
        return named

    def reading(self, name: str) -> float:
        """A number that the server tells Prometheus, such as ``sharecast_working{place="workers"}``.

        Raises:
            LookupError: it tells none of this name.
        """
        with urllib.request.urlopen(self.metrics, timeout=10) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f"{name} "):
                    return float(line.split()[-1])
        raise LookupError(f"no reading {name!r} at {self.metrics}")

    def settle(self, seconds: float = 90) -> None:
        """Wait until all workers are up, those for long work with all that they need, and none is at work.

        Raises:
            TimeoutError: that takes longer.
        """
        end = time.monotonic() + seconds
        while sum(bool(_children(pid)) for pid in self.nurseries()) < 2 or self.reading(
            "sharecast_worker_processes"
        ) != len(self.workers()):
            if time.monotonic() > end:
                raise TimeoutError(f"workers are not up after {seconds} s")
            time.sleep(0.05)
        before = -1.0
        while (now := sum(cpu_seconds(pid) for pid in self.workers())) != before:
            if time.monotonic() > end:
                raise TimeoutError(f"workers are still at work after {seconds} s")
            before = now
            time.sleep(0.2)


@contextmanager
def serving(*options: str, database: str = "none") -> Iterator[Served]:
    """Start a server and wait for its workers; in the end kill it, if it still runs.

    Args:
        options: More of the command.
        database: As of the command.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        command = [str(PROGRAM), "serve", "--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0"]
        with (
            log.open("w") as errors,
            subprocess.Popen(
                [*command, "--database", database, *options], stdout=subprocess.PIPE, stderr=errors, text=True
            ) as process,
        ):
            assert process.stdout is not None
            address = process.stdout.readline().split()[-1:]
            try:
                if not address:
                    raise RuntimeError(f"the server did not start: {log.read_text()}")
                url = log.read_text().split("metrics on ")[1].split('"')[0]
                server = Served(process, address[0], log, url)
                server.settle()
                yield server
            finally:
                process.kill()


def add_key(database: str, tenant: str, role: str = "admin") -> str:
    """Make a key with the command, and return it."""
    command = [str(PROGRAM), "keys", "add", "--tenant", tenant, "--role", role, "--database", database]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def bearer(key: str | None) -> tuple[tuple[str, str], ...]:
    """The metadata of a call with this key, or with none."""
    return () if key is None else (("authorization", f"Bearer {key}"),)


def health(address: str) -> str:
    """What the server says of its health, such as SERVING."""
    with grpc.insecure_channel(address) as channel:
        check = channel.unary_unary("/grpc.health.v1.Health/Check", None, HealthCheckResponse.FromString)
        found: HealthCheckResponse = check(HealthCheckRequest().SerializeToString(), timeout=5)
    return HealthCheckResponse.ServingStatus.Name(found.status)


def slow(seed: int, model: str = "var") -> bytes:
    """A forecast for a worker process (`var`: some 30 ms); one that nobody asked for before has a new seed."""
    return ForecastRequest(market="cn-cloud", model=model, seed=seed).SerializeToString()


def mixed(seed: int) -> bytes:
    """One for a worker process by one of all the models that take one, by turns; likewise."""
    models = [model for model in MODELS if model not in (OF_RECORD, "naive")]
    return slow(seed, models[seed % len(models)])


def quick(seed: int) -> bytes:
    """One by the model of record, which takes some milliseconds; likewise."""
    return ForecastRequest(market="cn-cloud", seed=seed).SerializeToString()


def told(name: str, passed: bool, figure: str) -> bool:
    """Print a figure and whether it passes, and return that."""
    print(f"{name}: {figure}: {'passes' if passed else 'FAILS'}", flush=True)
    return passed


def memory(pid: int) -> int:
    """Bytes of memory that a process holds; 0 once it has ended."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
    except OSError:
        return 0


def descriptors(pid: int) -> int:
    """Files and sockets that a process has open; 0 once it has ended."""
    try:
        return len(list(Path(f"/proc/{pid}/fd").iterdir()))
    except OSError:
        return 0


def cpu_seconds(pid: int) -> float:
    """Seconds of processor time that a process has used; 0 once it has ended."""
    try:
        user, system = _stat(pid)[11:13]
    except OSError:
        return 0.0
    return (int(user) + int(system)) / _TICK


def zombies(pid: int) -> list[int]:
    """Children of a process, and theirs, that have ended and that it has not looked at."""
    found = []
    for child in _children(pid):
        with suppress(OSError):
            if _stat(child)[0] == "Z":
                found.append(child)
            found.extend(zombies(child))
    return found


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():  # of each thread, those that it started
            with suppress(OSError):
                found.extend(int(child) for child in (task / "children").read_text().split())
    return sorted(found)


def _stat(pid: int) -> list[str]:
    """The fields of proc(5) from the third, the state, on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()


def peak_mb(pid: int) -> float:
    """The most memory that a process has had at once, MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1000
    raise LookupError(f"process {pid} tells no peak of its memory")
