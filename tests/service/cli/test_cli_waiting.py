"""What takes long is said on a terminal, and nowhere else."""

import io
import sys
import time

import pytest

from service.cli.connecting import connect
from service.cli.main import main
from service.cli.output import waiting
from service.server import Server
from tests.service.server.waiting import until


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two seconds are over at once."""
    monkeypatch.setattr("service.batch.progress._PATIENCE", 0.0)


def test_what_takes_long_is_said_and_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    with waiting("reading Evil\x1b[2J.csv"):
        until(lambda: "reading Evil\\x1b[2J.csv" in stream.getvalue())
    assert stream.getvalue().endswith("\r\x1b[K")
    assert "\n" not in stream.getvalue()


def test_nothing_of_it_goes_to_what_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", plain := io.StringIO())
    with waiting("reading"):
        time.sleep(0.05)
    assert plain.getvalue() == ""


def test_a_command_that_waits_for_a_server_says_so(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    monkeypatch.setattr(sys, "stderr", stream := Terminal())
    with main.make_context("sharecast", ["forecast", "cn-cloud"], resilient_parsing=True), connect(server.address):
        until(lambda: f"waiting for the server at {server.address}" in stream.getvalue())
