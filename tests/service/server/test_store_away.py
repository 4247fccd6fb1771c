"""A store that fails: callers are told to come back, nothing of the inside, and all goes on once it is there again."""

import logging
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import grpc
import polars as pl
import pytest

from service.catalog import Catalog
from service.client import Client
from service.server import Server
from service.store import open_store
from sharecast.v1.batch_pb2 import ForecastBatch, MarketName
from sharecast.v1.forecast_service_pb2 import ForecastRequest, StreamForecastsRequest
from sharecast.v1.import_pb2 import ImportChunk, ImportHeader, MarketShareRow
from sharecast.v1.job_service_pb2 import CreateForecastJobRequest, GetForecastJobRequest
from sharecast.v1.market_service_pb2 import GetHistoryRequest, ImportFiguresRequest
from tests.service.server.asking import Answer, ask, inside_told
from tests.service.server.bad_inputs import Bad
from tests.service.server.test_server_jobs import PROGRAM
from tests.service.server.waiting import PATIENCE, until

BATCH = ForecastBatch(markets=[MarketName(market="cn-cloud")], horizon=1, model="naive")
ROWS = [MarketShareRow(market="own", period="2020Q3", provider="A", share=0.5)]
WRITES = {
    "MarketService/ImportFigures": (
        ImportFiguresRequest(header=ImportHeader(kind="IMPORT_KIND_SHARES")).SerializeToString(),
        ImportFiguresRequest(chunk=ImportChunk(shares=ROWS)).SerializeToString(),
    ),
    "JobService/CreateForecastJob": (CreateForecastJobRequest(batch=BATCH).SerializeToString(),),
}
READS = {
    "ForecastService/Forecast": (ForecastRequest(market="cn-cloud", horizon=3).SerializeToString(),),
    "ForecastService/StreamForecasts": (StreamForecastsRequest(batch=BATCH).SerializeToString(),),
    "MarketService/GetHistory": (GetHistoryRequest(market="cn-cloud").SerializeToString(),),
    "MarketService/GetMarket": (GetHistoryRequest(market="cn-cloud").SerializeToString(),),
    "MarketService/ListMarkets": (b"",),
    "MarketService/ListFigures": (b"",),
    "JobService/ListForecastJobs": (b"",),
    "JobService/GetForecastJob": (GetForecastJobRequest(job_id="0" * 24).SerializeToString(),),
    "JobService/WatchForecastJob": (GetForecastJobRequest(job_id="0" * 24).SerializeToString(),),
    "JobService/CancelForecastJob": (GetForecastJobRequest(job_id="0" * 24).SerializeToString(),),
}


def answers(channel: grpc.Channel, calls: dict[str, tuple[bytes, ...]]) -> dict[str, Answer]:
    return {name: ask(channel, Bad(f"sharecast.v1.{name}", raws, "", "", "")) for name, raws in calls.items()}


def inside(found: dict[str, Answer], *secrets: str) -> list[tuple[str, list[str]]]:
    return [(name, seen) for name, answer in found.items() if (seen := inside_told(answer.told, *secrets))]


def test_a_database_that_is_damaged_is_unavailable_to_all_who_need_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "secretplace.db"
    with (
        open_store(str(path)) as store,
        Server(Catalog.shipped(store)) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        store._engine.dispose()
        for file in tmp_path.glob("secretplace.db*"):
            file.write_bytes(b"no database" * 1000)
        found = answers(channel, READS | WRITES)
    assert {name: answer.code for name, answer in found.items() if answer.code != "UNAVAILABLE"} == {}
    assert inside(found, "secretplace", str(tmp_path)) == []
    assert all(b"STORE_UNAVAILABLE" in answer.told for answer in found.values())
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert inside_told(logged.encode(), "secretplace") == []


def test_a_full_disk_refuses_writes_alone_and_takes_them_when_there_is_room_again(tmp_path: Path) -> None:
    path = tmp_path / "secretplace.db"
    with (
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process,
        ExitStack() as stack,
    ):
        stack.callback(process.kill)
        assert process.stdout is not None
        channel = stack.enter_context(grpc.insecure_channel(process.stdout.readline().strip()))
        assert answers(channel, WRITES)["JobService/CreateForecastJob"].code == "OK"
        _, hard = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (1, hard))
        full = answers(channel, WRITES | READS)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        again = answers(channel, WRITES)
        process.kill()
        log = process.stderr.read() if process.stderr is not None else ""
    assert {full[name].code for name in WRITES} == {"UNAVAILABLE"}
    codes = {name: full[name].code for name in READS if "ForecastJob" not in name}
    assert codes == dict.fromkeys(codes, "OK")
    assert inside(full, "secretplace", str(tmp_path)) == []
    assert {answer.code for answer in again.values()} == {"OK"}
    assert inside_told(log.encode(), "secretplace") == []


class Cable:
    """Between a server and its PostgreSQL, and can be cut."""

    def __init__(self, host: str, port: int) -> None:
        self._to = (host, port)
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.whole = True
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self.whole = False
        for end in self._open:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def close(self) -> None:
        self.cut()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self.whole:
                near.close()
                continue
            far = socket.create_connection(self._to)
            self._open += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(one: socket.socket, other: socket.socket) -> None:
        with suppress(OSError), one:
            while data := one.recv(2**16):
                other.sendall(data)
            other.shutdown(socket.SHUT_RDWR)


@contextmanager
def cable(database: str) -> Iterator[tuple[Cable, str]]:
    parts = urlsplit(database)
    made = Cable(str(parts.hostname), int(parts.port or 5432))
    try:
        yield made, database.replace(f"{parts.hostname}:{parts.port}", f"127.0.0.1:{made.port}")
    finally:
        made.close()


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_jobs_and_calls_go_on_when_postgres_is_back(
    database: str, shares: pl.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with (
        cable(database) as (line, through),
        open_store(through) as store,
        Server(Catalog.shipped(store)) as server,
        Client(server.address) as client,
        grpc.insecure_channel(server.address) as channel,
    ):
        job = client.create_forecast_job(shares=shares, model="theta", horizon=2)
        until(lambda: client.get_forecast_job(job.job_id).done_count >= 1)
        line.cut()
        away = answers(channel, READS | WRITES)
        line.whole = True
        assert len(list(client.watch_forecast_job(job.job_id, timeout=PATIENCE))) == 5
        assert client.get_forecast_job(job.job_id).state == "done"
        assert {answer.code for answer in answers(channel, WRITES).values()} == {"OK"}
    assert {name: answer.code for name, answer in away.items() if answer.code != "UNAVAILABLE"} == {}
    assert inside(away, "tester", through.rpartition("/")[2], str(line.port)) == []
    logged = "\n".join(record.getMessage() for record in caplog.records)
    assert inside_told(logged.encode(), "tester", through.rpartition("/")[2]) == []
