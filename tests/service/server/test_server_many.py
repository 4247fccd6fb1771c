"""Streams and jobs of many markets, through a real server and client."""

import asyncio
import gc
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidArgument, InvalidTable, NotEnoughData, NotFound
from forecast.forecasting import forecast_shares
from forecast.shares import check_shares
from service.catalog import Catalog
from service.client import AlreadyExists, AsyncClient, Client, NoStore, OutcomeResult
from service.errors import WorkLost
from service.server import Server
from service.server.many import Outcomes, Part, as_ready, in_messages
from service.store import open_store
from sharecast.v1.batch_pb2 import ForecastBatch, MarketShares
from sharecast.v1.forecast_service_pb2 import StreamForecastsRequest, StreamForecastsResponse
from sharecast.v1.job_service_pb2 import (
    CreateForecastJobRequest,
    CreateForecastJobResponse,
    WatchForecastJobRequest,
)
from tests.service.server.test_server_jobs import hasten
from tests.service.server.waiting import PATIENCE, until

PROGRAM = """
import asyncio, sys
from service.catalog import Catalog
from service.server import serve
from service.store import open_store
catalog = Catalog.shipped(open_store(sys.argv[1]))
asyncio.run(serve("127.0.0.1:0", catalog, ready=lambda address: print(address, flush=True)))
"""


@pytest.fixture
def keeping(database: str) -> Iterator[Client]:
    """A client of a server that has a database."""
    with open_store(database) as store, Server(Catalog.shipped(store)) as server, Client(server.address) as client:
        yield client


def started(database: str) -> "tuple[subprocess.Popen[str], str]":
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, database], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def by_market(outcomes: Iterator[OutcomeResult]) -> dict[str, OutcomeResult]:
    found = list(outcomes)
    assert len({outcome.market for outcome in found}) == len(found)
    return {outcome.market: outcome for outcome in found}


@pytest.mark.parametrize("model", ["auto", "naive"])
def test_a_stream_answers_each_market_as_the_library_does(client: Client, shares: pl.DataFrame, model: str) -> None:
    found = by_market(client.stream_forecasts(shares=shares, model=model, horizon=5, levels=[0.95, 0.5], seed=7))
    checked = check_shares(shares)
    assert set(found) == set(checked["market"])
    for name, outcome in found.items():
        own = forecast_shares(
            checked.filter(pl.col("market") == name), model=model, horizon=5, levels=[0.95, 0.5], seed=7
        )
        forecast = outcome.forecast
        assert forecast is not None
        made = forecast.to_forecast()
        order = [made.providers.index(provider) for provider in own.providers]
        assert (made.origin, made.levels) == (own.origin, own.levels)
        for mine, theirs in ((made.mean, own.mean), (made.lower, own.lower), (made.upper, own.upper)):
            assert abs(mine[..., order] - theirs).max() < 1e-9
        assert made.provenance == own.provenance


def test_markets_of_the_server_are_answered_as_one_by_one(client: Client) -> None:
    found = by_market(client.stream_forecasts(["cn-cloud", "world-cloud"], as_of="2021-06-30", horizon=2))
    for name, outcome in found.items():
        alone = client.forecast(name, as_of="2021-06-30", horizon=2)
        forecast = outcome.forecast
        assert forecast is not None
        assert (forecast.mean, forecast.upper, forecast.as_of) == (alone.mean, alone.upper, alone.as_of)
        assert forecast.data == alone.data


def test_a_bad_market_has_a_status_and_the_others_go_on(client: Client, shares: pl.DataFrame) -> None:
    odd = [
        {"market": "single", "period": "2020Q1", "provider": "A", "share": 1.0},
        {"market": "over", "period": "2020Q1", "provider": "A", "share": 0.9},
        {"market": "over", "period": "2020Q1", "provider": "B", "share": 0.9},
    ]
    rows = [*odd, *shares.to_dicts()]
    found = by_market(client.stream_forecasts(["nowhere"], shares=rows, horizon=1))
    errors = {name: type(outcome.error) for name, outcome in found.items() if outcome.error is not None}
    assert errors == {"nowhere": NotFound, "single": NotEnoughData, "over": InvalidTable}
    assert len(found) == 3 + shares["market"].n_unique()


def test_what_is_asked_of_all_is_refused_as_a_whole(client: Client) -> None:
    with pytest.raises(InvalidArgument, match="horizon is 41"):
        list(client.stream_forecasts(["cn-cloud"], horizon=41))
    with pytest.raises(InvalidArgument, match="'cn-cloud'; allowed: each market once"):
        list(client.stream_forecasts(["cn-cloud", "cn-cloud"]))
    with pytest.raises(InvalidArgument, match="at least one market"):
        list(client.stream_forecasts())


def test_the_async_client_streams_and_runs_jobs_as_the_other_one(database: str, shares: pl.DataFrame) -> None:
    async def ask(address: str) -> None:
        async with AsyncClient(address) as client:
            streamed = [outcome async for outcome in client.stream_forecasts(shares=shares, horizon=2)]
            job = await client.create_forecast_job(shares=shares, horizon=2)
            watched = [outcome async for outcome in client.watch_forecast_job(job.job_id)]
            assert sorted(streamed, key=lambda o: o.market) == sorted(watched, key=lambda o: o.market)
            assert (await client.get_forecast_job(job.job_id)).state == "done"
            assert [found.job_id for found in await client.list_forecast_jobs()] == [job.job_id]
            assert (await client.cancel_forecast_job(job.job_id)).state == "done"

    with open_store(database) as store, Server(Catalog.shipped(store)) as server:
        asyncio.run(ask(server.address))


def test_a_job_keeps_every_outcome_in_the_order_asked(keeping: Client, shares: pl.DataFrame) -> None:
    job = keeping.create_forecast_job(["nowhere", "cn-cloud"], shares=shares, horizon=3)
    outcomes = list(keeping.watch_forecast_job(job.job_id))
    names = ["nowhere", "cn-cloud", *shares["market"].unique(maintain_order=True)]
    assert [outcome.market for outcome in outcomes] == names
    done = keeping.get_forecast_job(job.job_id)
    assert (done.state, done.markets_count, done.done_count, done.failed_count) == ("done", len(names), len(names), 1)
    assert list(keeping.watch_forecast_job(job.job_id, skip=3)) == outcomes[3:]


def test_a_request_id_stands_for_one_job(keeping: Client) -> None:
    first = keeping.create_forecast_job(["cn-cloud"], request_id="r-1")
    again = keeping.create_forecast_job(["cn-cloud"], request_id="r-1")
    assert again.job_id == first.job_id
    with pytest.raises(AlreadyExists, match="'r-1' was used before"):
        keeping.create_forecast_job(["world-cloud"], request_id="r-1")
    checked = keeping.create_forecast_job(["world-cloud"], validate_only=True)
    assert (checked.job_id, checked.markets_count) == ("", 1)
    others = [keeping.create_forecast_job(["cn-cloud"], horizon=n).job_id for n in (1, 2, 3)]
    assert [job.job_id for job in keeping.list_forecast_jobs(page_size=2)] == [*reversed(others), first.job_id]


def test_a_cancelled_job_ends_and_keeps_what_is_done(keeping: Client, shares: pl.DataFrame) -> None:
    job = keeping.create_forecast_job(shares=shares, model="arima")
    cancelled = keeping.cancel_forecast_job(job.job_id)
    assert cancelled.state == "cancelled"
    kept = list(keeping.watch_forecast_job(job.job_id))
    later = keeping.create_forecast_job(["cn-cloud"], horizon=1)
    until(lambda: keeping.get_forecast_job(later.job_id).state == "done")  # meanwhile nothing was added
    assert keeping.get_forecast_job(job.job_id) == cancelled
    assert list(keeping.watch_forecast_job(job.job_id)) == kept
    assert len(kept) <= cancelled.done_count


def test_jobs_need_a_database_and_an_id_that_is_known(client: Client, keeping: Client) -> None:
    with pytest.raises(NoStore, match="nothing can be kept"):
        client.create_forecast_job(["cn-cloud"])
    with pytest.raises(NotFound, match="job 'none' is not known"):
        keeping.get_forecast_job("none")
    with pytest.raises(InvalidArgument, match="job_id is ''"):
        list(keeping.watch_forecast_job(""))


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_no_message_is_larger_than_any_client_takes(database: str) -> None:
    table = MarketShares(first_period="2020Q1", providers=["A", "B", "C", "D"], shares=[0.25] * 32)
    asked = ForecastBatch(horizon=40, levels=[n / 100 for n in range(1, 100)])
    for n in range(40):
        asked.shares.add(market=f"m{n}").MergeFrom(table)
    job = CreateForecastJobRequest(batch=asked).SerializeToString()
    stream = StreamForecastsRequest(batch=asked).SerializeToString()
    with (
        open_store(database) as store,
        Server(Catalog.shipped(store)) as server,
        grpc.insecure_channel(server.address) as channel,  # which takes 4 MiB
    ):
        raw = channel.unary_unary("/sharecast.v1.JobService/CreateForecastJob", None, None)(job, timeout=PATIENCE)
        watch = WatchForecastJobRequest(job_id=CreateForecastJobResponse.FromString(raw).job.job_id)
        service = "/sharecast.v1.ForecastService/StreamForecasts"
        streamed = channel.unary_stream(service, None, StreamForecastsResponse.FromString)(stream, timeout=PATIENCE)
        given = [[outcome.market for outcome in response.outcomes] for response in streamed]
        watched = channel.unary_stream("/sharecast.v1.JobService/WatchForecastJob", None, None)
        sizes = [len(message) for message in watched(watch.SerializeToString(), timeout=PATIENCE)]
    assert sorted(name for names in given for name in names) == sorted(f"m{n}" for n in range(40))
    assert (len(given) > 5, sum(sizes) > 8 * 2**20, max(sizes) < 2 * 2**20) == (True, True, True)


@given(sizes=st.lists(st.integers(0, 2**20 + 10), max_size=8))
def test_outcomes_in_messages_are_all_there_in_order(sizes: list[int]) -> None:
    outcomes = [bytes(size) for size in sizes]
    found = list(in_messages(outcomes))
    assert [outcome for few in found for outcome in few] == outcomes
    assert all(few and (len(few) == 1 or sum(map(len, few)) <= 2**20) for few in found)


def test_when_parts_fail_together_one_error_is_told_and_no_other_is_left_unheard() -> None:
    unheard: list[dict[str, Any]] = []
    ended: list[int] = []

    async def make(part: Part) -> Outcomes:
        if part.first < 3:
            raise WorkLost
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.01)  # as a process that is ended takes a moment
            ended.append(part.first)
        return []

    async def run() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: unheard.append(context))
        with pytest.raises(WorkLost, match="was ended; call again"):
            async for _ in as_ready([Part(n, 1) for n in range(4)], make, 4):
                pass
        assert ended == [3]
        gc.collect()  # a task that nobody asked for its error says so as it goes

    asyncio.run(run())
    gc.collect()
    assert unheard == []


def test_a_job_goes_on_after_kill_9_with_the_same_bytes_and_nothing_twice(
    tmp_path: Path, shares: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = f"sqlite:///{tmp_path / 'jobs.db'}"
    process, address = started(database)
    try:
        with Client(address) as client:
            job = client.create_forecast_job(shares=shares, model="theta", horizon=2)
            until(lambda: client.get_forecast_job(job.job_id).done_count >= 1)
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE)
    finally:
        process.kill()
        process.communicate()
    hasten(monkeypatch)
    with open_store(database) as store, Server(Catalog.shipped(store)) as server, Client(server.address) as client:
        resumed = list(client.watch_forecast_job(job.job_id, timeout=PATIENCE))
        again = client.create_forecast_job(shares=shares, model="theta", horizon=2)
        assert list(client.watch_forecast_job(again.job_id, timeout=PATIENCE)) == resumed
    with open_store(database) as store:
        first, second = (store.jobs.outcomes(found.job_id, 0, 100) for found in store.jobs.page(None, 10, None)[0])
    assert first == second
    assert len(first) == shares["market"].n_unique()
