"""The real parts: a server on a free port with the shipped figures, a client of it, the command, shares, databases.

PostgreSQL is the server that SHARECAST_TEST_POSTGRES names (postgresql://USER@HOST:PORT), else one that is started here
from the programs found; where there are none, its tests are skipped.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import grpc
import polars as pl
import psycopg
import pytest
from click.testing import CliRunner, Result

from service.catalog import Catalog
from service.cli.main import main
from service.client import Client
from service.server import Server, workers
from tests.service.nurseries import Nurseries, forking
from tests.service.server.waiting import PATIENCE, until


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.shipped()


@pytest.fixture(scope="session", autouse=True)
def nurseries() -> Iterator[None]:
    """Servers in this process have their workers from nurseries that are born loaded."""
    born = Nurseries()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workers, "Nursery", forking(born))
        yield
    born.close()


@pytest.fixture(scope="session")
def server(catalog: Catalog) -> Iterator[Server]:
    with Server(catalog) as running:
        yield running


@pytest.fixture(scope="session")
def client(server: Server) -> Iterator[Client]:
    with Client(server.address) as connected:
        yield connected


@pytest.fixture(scope="session")
def channel(server: Server) -> Iterator[grpc.Channel]:
    """A plain channel, for what our client cannot send."""
    with grpc.insecure_channel(server.address) as plain:
        yield plain


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Run `sharecast ARGUMENTS` in this process, in an empty folder, 80 columns wide."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments, prog_name="sharecast")

    return call


@pytest.fixture
def program(tmp_path: Path) -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Run the installed `sharecast ARGUMENTS` in an empty folder."""
    path = Path(sys.executable).with_name("sharecast")

    def call(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [path, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    return call


@pytest.fixture(scope="session")
def shares() -> pl.DataFrame:
    """Five markets of the panel that ships, each with its last 14 quarters."""
    panel = pl.read_parquet((files("forecast.data") / "panel.parquet").read_bytes())
    markets = panel["market"].unique(maintain_order=True)[::9][:5]
    few = panel.filter(pl.col("market").is_in(markets.implode()))
    late = few.filter(pl.col("period").rank("dense", descending=True).over("market") <= 14)
    return late.select("market", "period", "provider", "share")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server, without a database."""
    given = os.environ.get("SHARECAST_TEST_POSTGRES")
    if given:
        yield given.rstrip("/")
        return
    program = shutil.which("initdb") or next(
        iter(sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), reverse=True)), None
    )
    if program is None:
        pytest.skip("SHARECAST_TEST_POSTGRES is not set, and no initdb of PostgreSQL is found to start one")
    folder = Path(tempfile.mkdtemp(prefix="sharecast-postgres-"))
    user = None
    if os.geteuid() == 0:  # which PostgreSQL refuses to run as
        user = next(name for name in ("postgres", "nobody") if any(name == entry.pw_name for entry in pwd.getpwall()))
        shutil.chown(folder, user)
    data, port = folder / "data", _free_port()
    bins = Path(program).parent
    subprocess.run(
        [program, "-D", data, "-A", "trust", "-U", "tester", "--no-sync"],
        cwd=folder,
        user=user,
        check=True,
        capture_output=True,
    )
    command: list[str | Path] = [bins / "postgres", "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", folder, "-F"]
    with subprocess.Popen(command, cwd=folder, user=user, stderr=subprocess.DEVNULL) as server:
        address = f"postgresql://tester@127.0.0.1:{port}"
        try:
            _wait_for(address)
            yield address
        finally:
            server.terminate()
            server.wait(PATIENCE)
            shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database that is new, as --database takes it: a file that is not there yet, or an empty one of PostgreSQL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'new.db'}"
        return
    address = request.getfixturevalue("postgres")
    name = f"t{secrets.token_hex(6)}"
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    yield f"{address}/{name}"
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(address: str) -> None:
    def answers() -> bool:
        try:
            psycopg.connect(f"{address}/postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    until(answers)
