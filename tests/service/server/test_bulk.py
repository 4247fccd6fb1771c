"""Requests that bring too much are refused by their lengths, before a thread or a process is asked for."""

from collections.abc import Callable
from typing import Any, TypeVar

import grpc
import pytest
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidArgument
from service.catalog import Catalog
from service.convert.batches import MOST_MARKETS
from service.errors import MalformedRequest
from service.queries import MOST_EVENTS
from service.server import Server
from service.server.bulk import BACKTEST, BATCH, FORECAST, MOST_PROVIDERS, MOST_ROWS, Shape, check_bulk
from service.server.calls import MOST_PLAIN_BYTES
from sharecast.v1.batch_pb2 import ForecastBatch, MarketName, MarketShares
from sharecast.v1.forecast_pb2 import InlineShares, ShareRow
from sharecast.v1.forecast_service_pb2 import BacktestRequest, ForecastRequest, StreamForecastsRequest
from sharecast.v1.import_pb2 import FigureRow, InlineFigures
from sharecast.v1.job_service_pb2 import CreateForecastJobRequest
from sharecast.v1.market_service_pb2 import GetHistoryRequest
from tests.service.server.asking import ask
from tests.service.server.bad_inputs import Bad

M = TypeVar("M", bound=Message)
MILLION = 10**6
TABLE = MarketShares(market="m", first_period="2020Q1", providers=["A", "B"], shares=[0.5] * 16)
EVENT = "the leader in the last quarter leads in this one by so much as 5 % at least by 2026Q4"
ROW = ShareRow(period="2020Q1", provider="North", share=0.25)


def forecast(**fields: Any) -> bytes:
    return ForecastRequest(market="m", **fields).SerializeToString()


def backtest(**fields: Any) -> bytes:
    return BacktestRequest(market="m", **fields).SerializeToString()


def stream(**fields: Any) -> bytes:
    return StreamForecastsRequest(batch=ForecastBatch(**fields)).SerializeToString()


def job(**fields: Any) -> bytes:
    return CreateForecastJobRequest(batch=ForecastBatch(**fields)).SerializeToString()


def nested(table: bytes) -> bytes:
    """A StreamForecastsRequest with one table, of bytes as they are."""
    raw = table
    for number in (ForecastBatch.SHARES_FIELD_NUMBER, StreamForecastsRequest.BATCH_FIELD_NUMBER):
        size, prefix = len(raw), bytes([number << 3 | 2])
        while size > 0x7F:
            prefix, size = prefix + bytes([size & 0x7F | 0x80]), size >> 7
        raw = prefix + bytes([size]) + raw
    return raw


def million(message: M) -> M:
    """A message with what a small one has a million times."""
    return type(message).FromString(message.SerializeToString() * MILLION)


NAMELESS = million(ForecastBatch(markets=[MarketName()])).SerializeToString()
EMPTY = million(ForecastBatch(shares=[MarketShares()])).SerializeToString()
FIGURES = million(InlineFigures(rows=[FigureRow()]))
ROWS = million(InlineShares(rows=[ShareRow()]))
CROWD = million(MarketShares(providers=[""]))
CURIOUS = million(MarketShares(events=[""]))
CURIOUS_NAME = million(MarketName(events=[""]))
NAMED_AGAIN = MarketShares(market="m").SerializeToString() * MILLION  # a message has it once; its bytes a million times
UNKNOWN = MarketShares.FromString(b"\xf8\x07\x00" * MILLION)  # field 127, of no version yet
TOO_MUCH = [
    ("ForecastService/Forecast", forecast(shares=ROWS), "shares.rows"),
    ("ForecastService/Forecast", forecast(figures=FIGURES), "figures.rows"),
    ("ForecastService/Forecast", forecast(shares=ROWS) + forecast(figures=InlineFigures()), "shares.rows"),
    ("MarketService/GetHistory", GetHistoryRequest(market="m", figures=FIGURES).SerializeToString(), "figures.rows"),
    ("MarketService/GetHistory", GetHistoryRequest(house="x").SerializeToString() * MILLION, "request"),
    ("ForecastService/Forecast", forecast(levels=[0.5] * 400_000), "request"),
    ("ForecastService/Forecast", ForecastRequest(events=[""]).SerializeToString() * MILLION, "request"),
    ("ForecastService/Forecast", ForecastRequest(conditions=[""]).SerializeToString() * MILLION, "request"),
    ("ForecastService/Forecast", ForecastRequest(shares=InlineShares()).SerializeToString() * MILLION, "request"),
    ("ForecastService/Backtest", backtest(shares=ROWS), "shares.rows"),
    ("ForecastService/Backtest", BacktestRequest(models=[""]).SerializeToString() * MILLION, "request"),
    ("ForecastService/StreamForecasts", stream(markets=ForecastBatch.FromString(NAMELESS).markets), "batch"),
    ("ForecastService/StreamForecasts", stream(shares=ForecastBatch.FromString(EMPTY).shares), "batch"),
    ("ForecastService/StreamForecasts", stream(shares=[TABLE, CROWD]), "batch.shares[1].providers"),
    ("ForecastService/StreamForecasts", stream(shares=[TABLE, CURIOUS]), "batch.shares[1].events"),
    ("JobService/CreateForecastJob", job(markets=[MarketName(market="m"), CURIOUS_NAME]), "batch.markets[1].events"),
    ("ForecastService/StreamForecasts", stream(shares=[TABLE, UNKNOWN]), "batch.shares[1]"),
    ("ForecastService/StreamForecasts", nested(NAMED_AGAIN), "batch.shares[0]"),
    (
        "ForecastService/StreamForecasts",
        stream(shares=[MarketShares(shares=[0.1] * 500_000)]),
        "batch.shares[0].shares",
    ),
    ("JobService/CreateForecastJob", job(shares=ForecastBatch.FromString(EMPTY).shares), "batch"),
    ("JobService/CreateForecastJob", job(levels=[0.5] * 100_000), "request"),
    ("MarketService/GetHistory", forecast(model="x" * 70_000), "request"),
    ("JobService/WatchForecastJob", forecast(model="x" * 70_000), "request"),
]


def test_what_is_too_much_is_refused_by_a_server_that_has_neither_threads_nor_workers_any_more(
    catalog: Catalog,
) -> None:
    with Server(catalog) as server, grpc.insecure_channel(server.address) as channel:
        work = server._front._work
        good = Bad("sharecast.v1.ForecastService/ListModels", (b"",), "OK", "", "")
        assert ask(channel, good).code == "OK"
        work._threads.shutdown()  # from here on any work is an INTERNAL error
        assert ask(channel, good).code == "INTERNAL"
        for method, raw, field in TOO_MUCH:
            answer = ask(channel, Bad(f"sharecast.v1.{method}", (raw,), "", "", ""))
            assert (method, answer.code, answer.field) == (method, "INVALID_ARGUMENT", field)
        for method in {method for method, _, _ in TOO_MUCH}:
            over = ask(channel, Bad(f"sharecast.v1.{method}", (bytes(4 * 2**20 + 1),), "", "", ""))
            assert over.code == "RESOURCE_EXHAUSTED"
            assert b"larger than max (4194305 vs. 4194304)" in over.told


@pytest.mark.parametrize(
    ("make", "shape", "most", "message"),
    [
        (lambda n: forecast(shares=InlineShares(rows=[ROW] * n)), FORECAST, MOST_ROWS, "shares.rows has more than"),
        (lambda n: backtest(shares=InlineShares(rows=[ROW] * n)), BACKTEST, MOST_ROWS, "shares.rows has more than"),
        (lambda n: job(shares=[TABLE, MarketShares(providers=["provider"] * n)] * 9), BATCH, MOST_PROVIDERS, r"\[1\]"),
        (lambda n: job(shares=[TABLE, MarketShares(events=[EVENT] * n)] * 9), BATCH, MOST_EVENTS, r"\[1\].events"),
        (lambda n: job(markets=[MarketName(events=[EVENT] * n)] * 9), BATCH, MOST_EVENTS, r"markets\[0\].events"),
        (lambda n: job(shares=[MarketShares(shares=[0.5] * n)]), BATCH, MOST_ROWS, r"\[0\].shares"),
        (lambda n: job(markets=[MarketName(market="m")] * n), BATCH, MOST_MARKETS, "batch has more than"),
    ],
)  # fmt: skip
def test_as_much_as_is_allowed_passes_and_one_more_does_not(
    make: Callable[[int], bytes], shape: Shape, most: int, message: str
) -> None:
    check_bulk(make(most), shape)
    with pytest.raises(InvalidArgument, match=message):
        check_bulk(make(most + 1), shape)


@given(raw=st.binary(max_size=200), data=st.data())
def test_lengths_that_do_not_fit_are_no_message_and_nothing_else_goes_wrong(raw: bytes, data: st.DataObject) -> None:
    large = forecast(shares=InlineShares(rows=[ROW] * 4000))
    assert len(large) > MOST_PLAIN_BYTES
    place = data.draw(st.integers(0, len(large)))
    for shape in (FORECAST, BACKTEST, BATCH):
        try:
            check_bulk(large[:place] + raw + large[place:] + bytes(10), shape)
        except (MalformedRequest, InvalidArgument) as refused:
            assert type(refused) is MalformedRequest or "at most" in str(refused)
