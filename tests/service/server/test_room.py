"""Answers that no message has room for are refused with the field named, those at the edge reach a plain client."""

from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest
from hypothesis import given
from hypothesis import strategies as st

from forecast.errors import InvalidArgument
from service.catalog import Catalog
from service.client import Client
from service.server import Server
from service.server.room import answer_bytes, check_room
from service.store import open_store
from sharecast.v1.batch_pb2 import ForecastBatch, MarketShares
from sharecast.v1.forecast_pb2 import InlineShares, Interval, ProviderForecast, ShareRow
from sharecast.v1.forecast_service_pb2 import (
    ForecastRequest,
    ForecastResponse,
    StreamForecastsRequest,
    StreamForecastsResponse,
)
from tests.service.server.asking import ask
from tests.service.server.bad_inputs import Bad

LEVELS = [n / 101 for n in range(1, 101)]
EDGE = 58  # providers of a market that 100 levels of 40 quarters can be told of: 65.5 KiB each in 3.75 MiB


def wide(count: int, market: str = "wide") -> MarketShares:
    parts = [1 + n % 7 for n in range(count)]
    shares = [part / sum(parts) for part in parts]
    names = [f"provider {n}" for n in range(count)]
    return MarketShares(market=market, first_period="2020Q1", providers=names, shares=shares * 3)


def inline(table: MarketShares) -> InlineShares:
    size = len(table.providers)
    return InlineShares(
        rows=[
            ShareRow(period=f"2020Q{1 + n // size}", provider=table.providers[n % size], share=share)
            for n, share in enumerate(table.shares)
        ]
    )


@given(
    names=st.sets(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=6),
    horizon=st.integers(1, 40),
    levels=st.integers(0, 100),
)
def test_what_an_answer_takes_is_never_told_too_small_and_hardly_too_large(
    names: set[str], horizon: int, levels: int
) -> None:
    column = [0.123] * horizon
    bounds = [Interval(level=0.5, lower=column, upper=column)] * levels
    made = [ProviderForecast(provider=name, mean=column, median=column, intervals=bounds) for name in names]
    taken = len(ForecastResponse(providers=made).SerializeToString())
    assert taken <= answer_bytes(names, horizon=horizon, levels=levels) <= taken + 24 * len(names) * (levels + 1)


@given(count=st.integers(30, 4000), horizon=st.integers(1, 40), levels=st.integers(1, 100))
def test_as_many_levels_as_a_refusal_names_are_not_refused_and_one_more_is(
    count: int, horizon: int, levels: int
) -> None:
    names = [f"provider {n}" for n in range(count)]
    try:
        check_room(names, horizon=horizon, levels=levels)
    except InvalidArgument as refused:
        assert f"{levels} levels of {count} providers, {horizon} quarters ahead" in str(refused)
        most = int(refused.allowed.split()[0]) if refused.field == "levels" else 0
        assert 0 <= most < levels
        if most:
            check_room(names, horizon=horizon, levels=most)
        with pytest.raises(InvalidArgument, match=r"quarters ahead'; allowed: .* for the answer to be sent"):
            check_room(names, horizon=horizon, levels=most + 1)
        return
    assert answer_bytes(names, horizon=horizon, levels=levels) < 4 * 2**20


def test_the_largest_answer_reaches_a_plain_client_and_a_larger_one_names_its_levels(channel: grpc.Channel) -> None:
    def asked(count: int) -> bytes:
        shares = inline(wide(count))
        return ForecastRequest(market="wide", shares=shares, horizon=40, levels=LEVELS).SerializeToString()

    method = "sharecast.v1.ForecastService/Forecast"
    reply = channel.unary_unary(f"/{method}", None, None)(asked(EDGE), timeout=60)
    assert 3.5 * 2**20 < len(reply) < 4 * 2**20
    answer = ask(channel, Bad(method, (asked(EDGE + 1),), "", "", ""))
    assert (answer.code, answer.field) == ("INVALID_ARGUMENT", "levels")


def test_a_market_whose_answer_has_no_room_has_a_status_and_the_others_go_on(tmp_path: Path) -> None:
    tables = [wide(2, "small"), wide(EDGE + 1, "too large"), wide(EDGE, "largest")]
    for model in ("auto", "naive"):
        asked = ForecastBatch(shares=tables, horizon=40, levels=LEVELS, model=model)
        stream = StreamForecastsRequest(batch=asked).SerializeToString()
        with (
            Server(Catalog.shipped()) as server,
            grpc.insecure_channel(server.address) as channel,  # which takes 4 MiB
        ):
            call = channel.unary_stream(
                "/sharecast.v1.ForecastService/StreamForecasts", None, StreamForecastsResponse.FromString
            )
            found = {one.market: one for reply in call(stream, timeout=60) for one in reply.outcomes}
        assert {name: one.WhichOneof("outcome") for name, one in found.items()} == {
            "small": "forecast",
            "too large": "error",
            "largest": "forecast",
        }
        told = BadRequest()
        assert any(detail.Unpack(told) for detail in found["too large"].error.details)
        assert told.field_violations[0].field == "levels"


def test_a_watch_reads_as_much_of_large_outcomes_as_it_sends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    rows = [
        {"market": f"m{n}", "period": f"2020Q{q}", "provider": f"provider {k}", "share": 1 / 20}
        for n in range(4)
        for q in (1, 2, 3)
        for k in range(20)
    ]
    with open_store(f"sqlite:///{tmp_path / 'jobs.db'}") as store, Server(Catalog.shipped(store)) as server:
        whole = store.jobs.outcomes

        def counted(job_id: str, first: int, most: int, *, most_bytes: int | None = None) -> tuple[bytes, ...]:
            found = whole(job_id, first, most, most_bytes=most_bytes)
            read.append(sum(map(len, found)))
            return found

        with Client(server.address) as client:
            job = client.create_forecast_job(shares=rows, horizon=40, levels=LEVELS)
            assert len(list(client.watch_forecast_job(job.job_id, timeout=60))) == 4
            monkeypatch.setattr(store.jobs, "outcomes", counted)
            assert len(list(client.watch_forecast_job(job.job_id, timeout=60))) == 4
    assert sum(read) > 4 * 2**20
    assert max(read) < 2 * 2**20
