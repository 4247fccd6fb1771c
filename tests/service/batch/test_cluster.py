import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import polars as pl
import pytest

from forecast.errors import InvalidArgument
from service.batch.cluster import run_on_cluster
from service.batch.identity import versions
from service.batch.part import forecast_part
from service.batch.run import run_batch
from tests.service.server.waiting import until

Program = Callable[..., "subprocess.CompletedProcess[str]"]


class Cluster:
    """A scheduler and workers, each a process of its own, in a folder that is not the test's."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        told = folder / "scheduler.json"
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", told)
        until(lambda: told.exists() and told.read_text().rstrip().endswith("}"))
        self.address = str(json.loads(told.read_text())["address"])
        self.workers = [
            self._start("worker", self.address, "--nthreads", "1", "--no-nanny", "--no-dashboard") for _ in range(2)
        ]

    def _start(self, what: str, *arguments: str | Path) -> "subprocess.Popen[bytes]":
        command: list[str | Path] = [sys.executable, "-m", f"distributed.cli.dask_{what}", *arguments]
        process = subprocess.Popen(command, cwd=self._folder, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self._stack.callback(process.wait)
        self._stack.callback(process.kill)
        return process


@pytest.fixture
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path_factory.mktemp("cluster"), stack)


def test_a_cluster_that_loses_a_worker_gives_the_bytes_of_this_machine(
    cluster: Cluster, tmp_path: Path, shares: pl.DataFrame
) -> None:
    names = pl.DataFrame({"copy": range(400)})
    many = names.join(shares, how="cross").with_columns(pl.format("{}-{}", "copy", "market").alias("market"))
    lone = pl.DataFrame({"market": ["lone"], "period": ["2020Q1"], "provider": ["A"], "share": [1.0]})
    pl.concat([many.drop("copy"), lone]).write_parquet(tmp_path / "in.parquet")
    run_batch(tmp_path / "in.parquet", tmp_path / "local.parquet")

    command: list[str | Path] = [Path(sys.executable).with_name("sharecast"), "batch", "in.parquet", "out.parquet"]
    command += ["--engine", "dask", "--scheduler", cluster.address, "--manifest"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        lines = tmp_path / ".out.parquet.parts" / "done.jsonl"
        until(lambda: process.poll() is not None or (lines.exists() and lines.read_bytes().count(b"\n") >= 2))
        os.kill(cluster.workers[0].pid, signal.SIGKILL)
        assert not (tmp_path / "out.parquet").exists()
        assert process.stderr is not None
        told = process.stderr.read()
    assert process.returncode == 3, told
    for name in ("{}.parquet", "{}.errors.parquet"):
        one, two = ((tmp_path / name.format(of)).read_bytes() for of in ("local", "out"))
        assert one == two


def test_a_worker_of_another_version_is_refused_by_name(
    cluster: Cluster, tmp_path: Path, shares: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = (("sharecast", "9.9"), *versions()[1:])
    monkeypatch.setattr("service.batch.cluster.versions", lambda: other)
    shares.write_parquet(tmp_path / "in.parquet")
    with pytest.raises(InvalidArgument, match=r"version of sharecast on a worker is '.*'; allowed: 9\.9"):
        run_batch(
            tmp_path / "in.parquet",
            tmp_path / "out.parquet",
            over=lambda work, parts: run_on_cluster(work, parts, scheduler=cluster.address),
        )
    assert [path.name for path in tmp_path.iterdir()] == ["in.parquet"]


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:1", "nowhere"])
def test_a_scheduler_that_does_not_answer_is_told(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.batch.cluster._CONNECT_SECONDS", 1)
    with pytest.raises(
        InvalidArgument, match=rf"scheduler '{address}' does not answer: .*; give its address as tcp://HOST:8786"
    ):
        next(run_on_cluster(forecast_part, iter([]), scheduler=address))
