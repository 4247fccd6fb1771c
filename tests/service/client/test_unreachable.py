"""Calls that find no server, or one that speaks otherwise, on real servers; and the networks between."""

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
from click.testing import Result
from grpc_health.v1 import health_pb2, health_pb2_grpc

from service.catalog import Catalog
from service.client import AsyncClient, Client, ServiceUnavailable
from service.security import TlsFiles, server_credentials
from service.server import Server, front
from service.settings import proxy_variable
from tests.service.security.conftest import Issue, issue  # noqa: F401  (a fixture)
from tests.service.server.waiting import PATIENCE

NOWHERE = "sharecast.example:443"  # behind a proxy no name is looked up here


def blocking(address: str, **options: Any) -> None:
    with Client(address, timeout=PATIENCE, **options) as client:
        client.list_models()


def streaming(address: str, **options: Any) -> None:
    with Client(address, timeout=PATIENCE, **options) as client:
        list(client.backtest("cn-cloud", timeout=PATIENCE))


def asynchronous(address: str, **options: Any) -> None:
    async def ask() -> None:
        async with AsyncClient(address, timeout=PATIENCE, **options) as client:
            await client.list_models()

    asyncio.run(ask())


def streaming_asynchronously(address: str, **options: Any) -> None:
    async def ask() -> None:
        async with AsyncClient(address, timeout=PATIENCE, **options) as client:
            async for _ in client.backtest("cn-cloud", timeout=PATIENCE):
                break

    asyncio.run(ask())


WAYS = (blocking, streaming, asynchronous, streaming_asynchronously)


def test_what_either_side_speaks_is_told_with_the_option_that_mends_it(
    server: Server,
    catalog: Catalog,
    issue: Issue,  # noqa: F811
    run: Callable[..., Result],
) -> None:
    root, other = issue("root"), issue("other")
    named, own = issue("named", root, host="sharecast.example"), issue("own", other)
    with (
        Server(catalog, credentials=server_credentials(TlsFiles(named.pem, named.key_pem))) as tls,
        Server(catalog, credentials=server_credentials(TlsFiles(named.pem, named.key_pem, root.pem))) as mutual,
    ):
        reached = {"ca": root.pem, "server_name": "sharecast.example"}
        blocking(tls.address, **reached)
        asynchronous(tls.address, **reached)
        cases: list[tuple[Callable[..., None], str, dict[str, Any], str]] = [
            *((ask, tls.address, {}, "speaks TLS, and this client plain text; give --ca FILE") for ask in WAYS),
            (blocking, server.address, {"ca": root.pem}, "speaks plain text, and this client TLS; leave out --ca"),
            (blocking, tls.address, {"ca": root.pem}, "is for sharecast.example and not for 127.0.0.1; give --server-"),
            (
                blocking,
                tls.address,
                {**reached, "ca": other.pem},
                "does not stand up to --ca .*other.pem .*issuer cert",
            ),
            (blocking, mutual.address, reached, "asks clients for certificates; give --certificate and --private-key"),
            (
                blocking,
                mutual.address,
                {**reached, "certificate": own.pem, "private_key": own.key_pem},
                "when shown the certificate .*own.pem'; give by --certificate one",
            ),
        ]
        with ThreadPoolExecutor(len(cases)) as pool:  # gRPC tries each for more than a second
            told = [pool.submit(ask, address, **options) for ask, address, options, _ in cases]
        for (*_, message), refused in zip(cases, told, strict=True):
            with pytest.raises(ServiceUnavailable, match=message):
                refused.result()
        asked = ("forecast", "cn-cloud", "--horizon", "1", "--model", "naive", "--address", tls.address)
        elsewhere = run(*asked, "--ca", str(root.pem))
        assert elsewhere.exit_code == 2
        assert "--server-name sharecast.example" in elsewhere.output
        assert run(*asked, "--ca", str(root.pem), "--server-name", "sharecast.example").exit_code == 0


def test_a_command_refuses_what_is_no_address_at_once(run: Callable[..., Result], server: Server) -> None:
    for address in (f"http://{server.address}", "127.0.0.1", f"{server.address}/", ""):
        refused = run("forecast", "cn-cloud", "--horizon", "1", "--address", address)
        assert refused.exit_code == 2
        assert (address or "empty") in refused.output


@pytest.fixture
def proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names a proxy that is not there."""
    for name in tuple(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("http_proxy", "http://user:SECRET@127.0.0.1:9")


@pytest.mark.usefixtures("proxied")
def test_this_machine_is_not_reached_through_a_proxy(server: Server, catalog: Catalog, tmp_path: Path) -> None:
    blocking(server.address)
    asynchronous(server.address)
    with Server(catalog, listen=f"unix:{tmp_path}/s") as local:
        blocking(local.address)


@pytest.mark.usefixtures("proxied")
def test_another_machine_behind_a_proxy_has_the_variable_in_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        ServiceUnavailable, match=r"proxy that http_proxy names, which no_proxy=sharecast\.ex"
    ) as caught:
        blocking(NOWHERE)
    assert "SECRET" not in str(caught.value)
    monkeypatch.setenv("grpc_proxy", "http://127.0.0.1:9")
    with pytest.raises(ServiceUnavailable, match=r"proxy that grpc_proxy names"):
        asynchronous(NOWHERE)


def test_the_proxy_of_a_host_is_the_one_that_grpc_takes() -> None:
    both = {"http_proxy": "http://p:1", "https_proxy": "http://p:2"}
    assert proxy_variable("a.example", both) == "https_proxy"
    assert proxy_variable("a.example", {**both, "no_proxy": "b.example, .example"}) is None
    assert proxy_variable("a.example", {**both, "no_proxy": "b.example"}) == "https_proxy"
    assert proxy_variable("a.example", {**both, "no_proxy": "a.example", "no_grpc_proxy": "c"}) == "https_proxy"
    assert proxy_variable("a.example", {"http_proxy": ""}) is None


def test_no_server_at_all_is_told_as_grpc_tells_it() -> None:
    with pytest.raises(ServiceUnavailable, match="onnect"):
        blocking("127.0.0.1:1")


def test_a_client_for_asyncio_is_made_outside_of_loops_and_works_in_one_after_another(server: Server) -> None:
    client = AsyncClient(server.address)

    async def ask() -> int:
        models = await asyncio.gather(*(client.list_models() for _ in range(3)))
        return len(models)

    assert [asyncio.run(ask()) for _ in range(2)] == [3, 3]
    asyncio.run(client.close())


def quiet(address: str) -> grpc.StatusCode:
    """How a watch of health, which says something once, ends after four pings of a second, or before."""
    options = (("grpc.keepalive_time_ms", 1_000), ("grpc.http2.max_pings_without_data", 0))
    with grpc.insecure_channel(address, options=options) as channel:
        stub: Any = health_pb2_grpc.HealthStub(channel)  # type: ignore[no-untyped-call]
        call = stub.Watch(health_pb2.HealthCheckRequest(), timeout=4.5)
        with pytest.raises(grpc.RpcError):
            list(call)
        code: grpc.StatusCode = call.code()
        return code


def test_pings_on_a_stream_without_messages_may_be_twice_as_rare_as_the_server_bears(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "grpc.http2.min_ping_interval_without_data_ms"
    options = dict(front._OPTIONS)
    assert options[name] * 2 <= 10_000  # what clients of gRPC may choose
    with ExitStack() as servers, ThreadPoolExecutor(2) as pool:
        ends = []
        for least in (500, 300_000):  # the second is gRPC's own
            monkeypatch.setattr(front, "_OPTIONS", tuple({**options, name: least}.items()))
            ends.append(pool.submit(quiet, servers.enter_context(Server(catalog)).address))
        assert [end.result() for end in ends] == [grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.UNAVAILABLE]
