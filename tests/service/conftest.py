"""The real parts: a server on a free port with the shipped figures, a client of it, the command, real shares."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path

import grpc
import polars as pl
import pytest
from click.testing import CliRunner, Result

from service.catalog import Catalog
from service.cli.main import main
from service.client import Client
from service.server import Server


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return Catalog.shipped()


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
            [path, *arguments], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
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
