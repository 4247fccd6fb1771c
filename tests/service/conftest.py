"""A real server on a free port with the shipped figures, and a real client of it."""

from collections.abc import Iterator

import grpc
import pytest

from service.catalog import Catalog
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
