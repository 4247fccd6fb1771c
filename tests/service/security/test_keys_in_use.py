"""What keys mean while they are in use: open streams end with them, ids of requests belong to who sent them."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import grpc
import pytest

from service.catalog import Catalog
from service.client import Client
from service.errors import AlreadyExists
from service.security import Guard
from service.security.keys import add_key, revoke_key
from service.server import Server
from service.store import Store, open_store
from sharecast.v1.forecast_service_pb2 import BacktestRequest, ForecastRequest
from sharecast.v1.import_pb2 import ImportHeader
from sharecast.v1.market_service_pb2 import ImportFiguresRequest
from tests.service.server.asking import ask
from tests.service.server.bad_inputs import Bad
from tests.service.server.holding import holding
from tests.service.server.test_store_away import READS, WRITES
from tests.service.server.waiting import PATIENCE, until

SERVICE = "/sharecast.v1."


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Store, dict[str, str]]]:
    """A server, its store, and keys by tenant that it knows from the start."""
    with open_store(str(tmp_path_factory.mktemp("keys") / "keys.db")) as store:
        keys = {tenant: key_of(store, tenant) for tenant in ("gone", "stays", "one", "two")}
        with Server(Catalog.shipped(store), guard=Guard(store.keys), places=1) as server:
            yield server, store, keys


def key_of(store: Store, tenant: str) -> str:
    key, _ = add_key(store.keys, tenant=tenant, role="write", now=datetime.now(UTC))
    return key


def test_open_streams_end_when_their_key_is_revoked_and_no_others(served: tuple[Server, Store, dict[str, str]]) -> None:
    server, store, keys = served
    gone, stays = keys["gone"], keys["stays"]
    ended = threading.Event()

    def importing() -> Iterator[bytes]:
        yield ImportFiguresRequest(header=ImportHeader(kind="IMPORT_KIND_SHARES")).SerializeToString()
        ended.wait(PATIENCE)

    def backtest(channel: grpc.Channel, key: str) -> grpc.StatusCode:
        call = channel.unary_stream(f"{SERVICE}ForecastService/Backtest", None, None)
        request = BacktestRequest(market="cn-cloud", origins=1, models=["naive"]).SerializeToString()
        try:
            list(call(request, metadata=(("authorization", f"Bearer {key}"),), timeout=PATIENCE))
        except grpc.RpcError as error:
            return error.code()
        return grpc.StatusCode.OK

    with grpc.insecure_channel(server.address) as channel, ThreadPoolExecutor(2) as threads:
        call = channel.stream_unary(f"{SERVICE}MarketService/ImportFigures", None, None)
        long = server._front._work.long
        with holding(server, long, 1, tenant="other"), holding(server, long, 1, tenant="third"):  # and the kept place
            sent = call.future(importing(), metadata=(("authorization", f"Bearer {gone}"),), timeout=PATIENCE)
            streams = {key: threads.submit(backtest, channel, key) for key in (gone, stays)}
            until(lambda: len(server._front._guard._held) == 3)
            assert revoke_key(store.keys, gone, now=datetime.now(UTC))
            assert streams[gone].result() is grpc.StatusCode.UNAUTHENTICATED
            assert sent.code() is grpc.StatusCode.UNAUTHENTICATED
            assert not streams[stays].done()
        ended.set()
        assert streams[stays].result() is grpc.StatusCode.OK
    until(lambda: not server._front._guard._held and server._front._guard._looking is None)


def test_the_id_of_a_request_belongs_to_its_tenant(served: tuple[Server, Store, dict[str, str]]) -> None:
    server, _, keys = served
    rows = [{"market": "shoes", "period": f"2023Q{n}", "provider": "A", "share": 0.5} for n in (1, 2)]
    with (
        Client(server.address, key=keys["one"]) as one,
        Client(server.address, key=keys["two"]) as two,
    ):
        first = one.import_figures(rows[:1], kind="shares", request_id="monday")
        other = two.import_figures(rows[1:], kind="shares", request_id="monday")
        assert (first.added, other.added) == (1, 1)
        assert one.import_figures(rows[:1], kind="shares", request_id="monday") == first
        with pytest.raises(AlreadyExists, match="monday") as refused:
            one.import_figures(rows, kind="shares", request_id="monday")
        assert "one monday" not in str(refused.value)
        withdrawn = two.withdraw_figures(import_id=first.import_id, request_id="tuesday")
        assert one.withdraw_figures(import_id=other.import_id, request_id="tuesday").rows == withdrawn.rows == 1


def test_a_database_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with open_store(str(tmp_path / "new.db")) as store:
        key_of(store, "any")
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert modes == dict.fromkeys(("new.db", "new.db-wal", "new.db-shm"), 0o600)


@pytest.mark.parametrize("replaced", [False, True])
def test_every_call_is_refused_once_the_file_of_the_database_is_elsewhere(tmp_path: Path, replaced: bool) -> None:
    path = tmp_path / "own.db"
    calls = READS | WRITES | {"ForecastService/ListModels": (b"",)}
    with (
        open_store(str(path)) as store,
        Server(Catalog.shipped(store), places=1) as server,
        grpc.insecure_channel(server.address) as channel,
    ):
        for name in READS:  # what is kept of answers must not be given any more either
            ask(channel, Bad(f"sharecast.v1.{name}", READS[name], "", "", ""))
        path.rename(tmp_path / "elsewhere.db")
        if replaced:
            open_store(str(path)).close()
        found = {name: ask(channel, Bad(f"sharecast.v1.{name}", raws, "", "", "")).code for name, raws in calls.items()}
    assert found == dict.fromkeys(calls, "UNAVAILABLE")


def test_an_answer_given_before_is_given_again_to_nobody_without_a_key(
    served: tuple[Server, Store, dict[str, str]],
) -> None:
    server, store, keys = served
    late = key_of(store, "late")
    request = ForecastRequest(market="cn-cloud", model="naive").SerializeToString()
    with grpc.insecure_channel(server.address) as channel:
        call = channel.unary_unary(f"{SERVICE}ForecastService/Forecast", None, None)

        def asked(key: str | None) -> grpc.StatusCode:
            metadata = () if key is None else (("authorization", f"Bearer {key}"),)
            try:
                call(request, metadata=metadata, timeout=PATIENCE)
            except grpc.RpcError as error:
                return error.code()
            return grpc.StatusCode.OK

        until(lambda: asked(late) is grpc.StatusCode.OK)
        given = server._front._replies.given_again
        assert asked(keys["stays"]) is grpc.StatusCode.OK
        assert server._front._replies.given_again == given + 1
        assert asked(None) is asked(f"{late}x") is grpc.StatusCode.UNAUTHENTICATED
        assert server._front._replies.given_again == given + 1
        assert revoke_key(store.keys, late.split("_")[1], now=datetime.now(UTC))
        until(lambda: asked(late) is grpc.StatusCode.UNAUTHENTICATED)
