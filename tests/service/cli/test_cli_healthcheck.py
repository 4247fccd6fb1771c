"""`sharecast healthcheck` against real servers, and when a server says that it is ready."""

import asyncio
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import pytest
from click.testing import Result

from service.catalog import Catalog
from service.observe import Observer
from service.observe.metrics import Metrics, MetricsServer
from service.security import Guard
from service.security.keys import add_key
from service.server import Server, process, serve
from service.server.front import Front
from service.store import open_store

Run: TypeAlias = Callable[..., Result]


def test_a_server_that_can_answer_is_serving(run: Run, server: Server) -> None:
    found = run("healthcheck", "--address", server.address)
    assert (found.exit_code, found.output) == (0, f"{server.address} is serving\n")


def test_where_nobody_listens_the_status_is_not_zero(run: Run) -> None:
    found = run("healthcheck", "--address", "127.0.0.1:1", "--timeout", "2")
    assert found.exit_code == 2
    assert "unavailable" in found.output


def test_a_server_that_cannot_answer_says_so_to_every_probe(run: Run, catalog: Catalog) -> None:
    metrics = Metrics(())
    told = MetricsServer(metrics, "127.0.0.1:0")

    def probe(path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://{told.address}/{path}") as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            return error.code

    try:
        with Server(catalog, places=1, observer=Observer(metrics=metrics)) as server:
            assert (probe("healthz"), probe("readyz"), probe("metrics")) == (200, 200, 200)
            tell = server._front.tell_health(False)
            asyncio.run_coroutine_threadsafe(tell, server._loop).result()
            assert (probe("healthz"), probe("readyz")) == (200, 503)
            found = run("healthcheck", "--address", server.address)
    finally:
        told.stop()
    assert found.exit_code == 2
    assert f"{server.address} says NOT_SERVING" in found.output


def test_a_key_that_is_given_is_tried_and_none_is_needed(
    run: Run, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_store(str(tmp_path / "keys.db")) as store:
        key, _ = add_key(store.keys, tenant="probe", role="read", now=datetime.now(UTC))
        (tmp_path / "good").write_text(key)
        (tmp_path / "bad").write_text(f"{key[:-3]}xyz")
        with Server(catalog, guard=Guard(store.keys), places=1) as server:
            codes = [run("healthcheck", "--address", server.address).exit_code]
            for name in ("good", "bad"):
                file = str(tmp_path / name)
                codes.append(run("healthcheck", "--address", server.address, "--key-file", file).exit_code)
            monkeypatch.setenv("SHARECAST_KEY", key)
            codes.append(run("healthcheck", "--address", server.address).exit_code)
    assert codes == [0, 0, 2, 0]


def test_a_server_is_ready_once_a_worker_has_answered_a_forecast(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    happened: list[str] = []
    answered, tell = Front.answered, Front.tell_health

    async def noted_answer(front: Front) -> None:
        await answered(front)
        happened.append("answered")

    async def noted_health(front: Front, serving: bool) -> None:
        happened.append("serving" if serving else "not serving")
        await tell(front, serving)

    def ready(_: str) -> None:
        happened.append("listening")
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(Front, "answered", noted_answer)
    monkeypatch.setattr(Front, "tell_health", noted_health)
    for name in ("prepare", "settle"):  # which are for a process that only serves
        monkeypatch.setattr(process, name, lambda: None)
    asyncio.run(serve("127.0.0.1:0", catalog, ready=ready, places=1))
    assert happened == ["not serving", "answered", "serving", "listening", "not serving"]
