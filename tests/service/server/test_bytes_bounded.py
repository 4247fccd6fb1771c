"""What a server keeps, and what it takes in, has a limit in bytes."""

import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from service import convert
from service.catalog import Catalog
from service.client import Client
from service.errors import Overloaded
from service.queries import PLAIN_BYTES
from service.results import ImportReport, WithdrawnRows, WithdrawReport
from service.server import Server, handlers
from service.server.handlers import MarketHandlers
from service.server.replies import Replies
from service.store import open_store
from sharecast.v1.import_pb2 import ImportChunk, ImportHeader, MarketShareRow
from sharecast.v1.market_service_pb2 import ImportFiguresRequest
from tests.service.server.asking import ask
from tests.service.server.bad_inputs import Bad

IMPORT = "sharecast.v1.MarketService/ImportFigures"
HEADER = ImportFiguresRequest(header=ImportHeader(kind="IMPORT_KIND_SHARES"))


def chunk(size: int, rows: int = 100) -> ImportFiguresRequest:
    row = MarketShareRow(market="m", period="2020Q3", provider="A", share=0.5, published_at="x" * (size // rows))
    return ImportFiguresRequest(chunk=ImportChunk(shares=[row] * rows))


def test_large_requests_are_known_again_without_being_kept() -> None:
    replies, size = Replies(), 2**20
    tracemalloc.start()
    for number in range(64):
        raw = number.to_bytes(2, "big") + bytes(size)
        replies.keep(raw, 1, raw[:2], bytes(1000))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * size
    assert replies.recall((5).to_bytes(2, "big") + bytes(size), 1) == bytes(1000)
    assert replies.recall((5).to_bytes(2, "big") + bytes(size + 1), 1) is None


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    with open_store(str(tmp_path / "own.db")) as store, Server(Catalog.shipped(store), places=1) as server:
        yield server.address


def test_an_import_of_too_many_bytes_is_refused_before_it_is_whole(
    served: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "LARGEST_IMPORT_BYTES", 2**20)
    part = chunk(300_000).SerializeToString()
    with grpc.insecure_channel(served) as channel:
        answer = ask(channel, Bad(IMPORT, (HEADER.SerializeToString(), *[part] * 4), "", "", ""))
        assert (answer.code, answer.field) == ("INVALID_ARGUMENT", "rows")
        assert "1048576 bytes at most in one import; send several" in str(answer.told)
        long = chunk(40_000, rows=1).SerializeToString()
        answer = ask(channel, Bad(IMPORT, (HEADER.SerializeToString(), long), "", "", ""))
        assert (answer.code, answer.field) == ("INVALID_ARGUMENT", "rows")
        whole = ImportFiguresRequest(chunk=ImportChunk(shares=[MarketShareRow()] * 100_001)).SerializeToString()
        answer = ask(channel, Bad(IMPORT, (HEADER.SerializeToString(), whole), "", "", ""))
        assert (answer.code, answer.field) == ("INVALID_ARGUMENT", "chunk")


def test_imports_share_the_room_of_the_server_and_give_it_back(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handlers, "MOST_IMPORTING", 1_000_000)
    markets = MarketHandlers(catalog)
    first, second = markets.import_figures(), markets.import_figures()
    for each in (first, second):
        each.take(HEADER)
    first.take(chunk(600_000))
    with pytest.raises(Overloaded):
        second.take(chunk(600_000))
    del first
    second.take(chunk(600_000))


def test_a_report_of_very_many_markets_lists_the_first_and_says_so(served: str) -> None:
    count = 30_000
    rows = [
        {"market": f"market {n:06d} {'x' * 40}", "period": "2020Q3", "provider": "A", "share": 0.5}
        for n in range(count)
    ]
    with Client(served, timeout=240) as client:
        report = client.import_figures(rows, kind="shares")
        assert report.rows == count
        assert len(report.markets) < count
        assert f"this report lists the first {len(report.markets)} of {count} markets" in report.warnings
        withdrawn = client.withdraw_figures(import_id=report.import_id)
        assert withdrawn.rows == count
        assert any("this report details the first" in warning for warning in withdrawn.warnings)


def test_no_report_is_larger_than_any_client_takes() -> None:
    names, words = tuple(f"{n:0200d}" for n in range(30_000)), tuple("w" * 1000 + str(n) for n in range(5000))
    kept = convert.import_response(
        ImportReport(
            kind="shares", import_id="1", rows=1, added=1, known=0, markets=names, warnings=words, validate_only=False
        )
    )
    ended = tuple(WithdrawnRows(name, "own", "shares", 1, "2020Q1", "2020Q1", ("A",)) for name in names)
    taken = convert.withdraw_response(
        WithdrawReport(
            import_id="1", rows=1, markets=names, withdrawn=ended, changes=(), warnings=words, validate_only=False
        )
    )
    for response in (kept, taken):
        assert 2**20 < response.ByteSize() < PLAIN_BYTES
