"""Answers that no message has room for are refused with the field named, those at the edge reach a plain client."""

from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest
from hypothesis import assume, given
from hypothesis import strategies as st

from forecast.errors import InvalidArgument
from forecast.results import History
from service import convert
from service.catalog import Catalog
from service.client import Client
from service.queries import BacktestQuery
from service.queries import ShareRow as QueryRow
from service.server import Server
from service.server.forecasts import read_forecast
from service.server.room import (
    Beside,
    answer_bytes,
    check_room,
    check_scores_room,
    draws_bytes,
    league_bytes,
    revenue_bytes,
    scores_bytes,
)
from service.server.tasks import make_forecast
from service.store import open_store
from sharecast.v1.answer_pb2 import AmountForecast, Concentration, League, ProviderRank, Revenue, TotalRow
from sharecast.v1.batch_pb2 import ForecastBatch, MarketShares
from sharecast.v1.forecast_pb2 import InlineShares, Interval, ProviderForecast, ShareRow
from sharecast.v1.forecast_service_pb2 import (
    BacktestRequest,
    ForecastRequest,
    ForecastResponse,
    StreamForecastsRequest,
    StreamForecastsResponse,
)
from sharecast.v1.market_service_pb2 import GetHistoryRequest
from tests.service.server.asking import ask
from tests.service.server.bad_inputs import Bad
from tests.service.server.waiting import PATIENCE

LEVELS = [n / 101 for n in range(1, 101)]
NAMES = st.sets(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), max_size=6)
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


def much_told(history: History) -> History:
    """The same with so many figures behind its cells that it takes more than 4 MiB."""
    cells = sum(len(row) for row in history.sources)
    ids = tuple(range(10**6, 10**6 + 2 * 2**20 // cells))  # of three bytes each
    return replace(history, sources=tuple((ids,) * len(row) for row in history.sources))


@given(
    names=NAMES,
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
        with pytest.raises(InvalidArgument, match=r"for one answer: .* quarters ahead; "):
            check_room(names, horizon=horizon, levels=most + 1)
        return
    assert answer_bytes(names, horizon=horizon, levels=levels) < 4 * 2**20


def test_the_largest_answer_reaches_a_plain_client_and_a_larger_one_names_its_levels(channel: grpc.Channel) -> None:
    def asked(count: int) -> bytes:
        shares = inline(wide(count))
        asked = ForecastRequest(market="wide", shares=shares, horizon=40, levels=LEVELS, model="naive")
        return asked.SerializeToString()

    method = "sharecast.v1.ForecastService/Forecast"
    reply = channel.unary_unary(f"/{method}", None, None)(asked(EDGE), timeout=PATIENCE)
    assert 3.5 * 2**20 < len(reply) < 4 * 2**20
    answer = ask(channel, Bad(method, (asked(EDGE + 1),), "", "", ""))
    assert (answer.code, answer.field) == ("INVALID_ARGUMENT", "levels")

    league = ForecastRequest(include_league=True).SerializeToString()
    reply = channel.unary_unary(f"/{method}", None, None)(asked(EDGE - 1) + league, timeout=PATIENCE)
    assert 3.5 * 2**20 < len(reply) < 4 * 2**20
    answer = ask(channel, Bad(method, (asked(EDGE) + league,), "", "", ""))
    assert (answer.code, answer.field) == ("INVALID_ARGUMENT", "include_league")


@given(names=NAMES, horizon=st.integers(1, 40), levels=st.integers(0, 100), past=st.integers(0, 2001))
def test_what_a_league_and_revenue_take_is_never_told_too_small_and_hardly_too_large(
    names: set[str], horizon: int, levels: int, past: int
) -> None:
    column = [0.123] * horizon
    bounds = [Interval(level=0.5, lower=column, upper=column)] * levels
    ranks = [
        ProviderRank(provider=name, origin_rank=1.5, expected_rank=column, lead_probability=column) for name in names
    ]
    index = Concentration(origin_index=0.3, mean=column, median=column, intervals=bounds)
    taken = ForecastResponse(league=League(providers=ranks, concentration=index, draws=2000)).ByteSize()
    told = league_bytes(names, horizon=horizon, levels=levels)
    assert taken <= told <= taken + 24 * (len(names) + levels + 1)

    columns = [
        AmountForecast(
            provider=name,
            mean=column,
            median=column,
            intervals=bounds,
            growth=column,
            growth_intervals=bounds,
            past=[0.5] * past,
        )
        for name in [*names, ""]
    ]
    periods, totals = ["2020Q3"] * past, [1.5] * past
    made = Revenue(providers=columns[:-1], total=columns[-1], past_periods=periods, past_totals=totals)
    taken = ForecastResponse(revenue=made).ByteSize()
    told = revenue_bytes(names, horizon=horizon, levels=levels, past=past)
    assert taken <= told <= taken + 24 * (len(names) + 2) * (2 * levels + 1)


@given(
    count=st.integers(1, 60),
    levels=st.integers(1, 100),
    history=st.integers(0, 2**23),
    league=st.booleans(),
    past=st.none() | st.integers(0, 2001),
    draws=st.booleans(),
)
def test_what_comes_with_a_forecast_is_refused_by_name_and_as_much_as_the_refusal_allows_is_not(
    count: int, levels: int, history: int, league: bool, past: int | None, draws: bool
) -> None:
    names = [f"provider {n}" for n in range(count)]
    assume(answer_bytes(names, horizon=40, levels=levels) < 3.75 * 2**20)
    asked = Beside(history=history, league=league, past=past, draws=draws)
    beside = {
        "include_history": history,
        "include_league": league_bytes(names, horizon=40, levels=levels) * league,
        "revenue": 0 if past is None else revenue_bytes(names, horizon=40, levels=levels, past=past),
        "include_draws": draws_bytes(names, horizon=40) * draws,
    }
    whole = answer_bytes(names, horizon=40, levels=levels) + sum(beside.values())
    try:
        check_room(names, horizon=40, levels=levels, beside=asked)
    except InvalidArgument as refused:
        assert whole > 3.75 * 2**20
        assert beside[refused.field] == max(beside.values())
        assert f"{beside[refused.field]} bytes beside {levels} levels of {count} providers" in str(refused)
        allowed = int(refused.allowed.split()[0])
        assert 0 <= allowed < beside[refused.field]
        if refused.field == "include_history" and allowed:
            check_room(names, horizon=40, levels=levels, beside=replace(asked, history=allowed))
            with pytest.raises(InvalidArgument, match="is too large for one answer: "):
                check_room(names, horizon=40, levels=levels, beside=replace(asked, history=allowed + 1))
    else:
        assert whole <= 3.75 * 2**20


def test_the_largest_revenue_reaches_a_plain_client_and_a_larger_one_is_named(channel: grpc.Channel) -> None:
    totals = [TotalRow(period=f"2020Q{quarter}", amount=20.0 + quarter) for quarter in (1, 2, 3)]

    def asked(count: int) -> bytes:
        request = ForecastRequest(market="wide", shares=inline(wide(count)), horizon=40, levels=LEVELS, model="naive")
        request.revenue.totals.extend(totals)
        return request.SerializeToString()

    method = "sharecast.v1.ForecastService/Forecast"
    reply = channel.unary_unary(f"/{method}", None, None)(asked(18), timeout=PATIENCE)
    assert 3.5 * 2**20 < len(reply) < 4 * 2**20
    answer = ask(channel, Bad(method, (asked(19),), "", "", ""))
    assert (answer.code, answer.field) == ("INVALID_ARGUMENT", "revenue")


def test_a_history_that_has_no_room_beside_its_forecast_is_named(catalog: Catalog) -> None:
    history = catalog.history("cn-cloud", "", None)
    request = ForecastRequest(market="cn-cloud", include_history=True)
    large = much_told(history)
    with pytest.raises(
        InvalidArgument,
        match=r"include_history is too large for one answer: \d+ bytes beside 2 levels of .*ory",
    ):
        make_forecast(read_forecast(request.SerializeToString()), large)
    request.include_history = False
    assert make_forecast(read_forecast(request.SerializeToString()), large).ByteSize() < 10_000


def test_a_history_larger_than_a_plain_client_takes_is_refused_to_it_and_reaches_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told = much_told(Catalog.shipped().history("cn-cloud", "", None))
    monkeypatch.setattr(Catalog, "seek_history", lambda *_: told)
    method = "sharecast.v1.MarketService/GetHistory"
    with (
        Server(Catalog.shipped()) as server,
        Client(server.address) as client,
        grpc.insecure_channel(server.address) as channel,  # which takes 4 MiB
    ):
        found = client.get_history("cn-cloud")
        size = sum(len(ids) for row in found.sources for ids in row)
        assert size > 4 * 2**20 / 3
        asked = GetHistoryRequest(market="cn-cloud")
        answer = ask(channel, Bad(method, (asked.SerializeToString(),), "", "", ""))
        assert (answer.code, answer.field) == ("INVALID_ARGUMENT", "most_bytes")
        asked.most_bytes = -1
        answer = ask(channel, Bad(method, (asked.SerializeToString(),), "", "", ""))
        assert (answer.code, answer.field) == ("INVALID_ARGUMENT", "most_bytes")


ENDS = ("2021Q1", "2022Q1", "2023Q1", "2024Q1", "2025Q1")
WORDY = [f"top {most} changes by {end}" for most in range(79, 59, -1) for end in ENDS]  # each names so many providers


def named_at_length() -> MarketShares:
    table = wide(80)
    names = [f"{n:03d}" + "\N{GRINNING FACE}" * 190 for n in range(80)]
    return MarketShares(market="wordy", first_period="2020Q1", providers=names, shares=table.shares)


@pytest.mark.parametrize("market", ["compass", "\N{GRINNING FACE}" * 190])
def test_what_the_scores_of_a_backtest_take_is_never_told_too_small_and_hardly_too_large(
    catalog: Catalog, market: str
) -> None:
    shares = tuple(
        QueryRow(f"{2019 + n // 4}Q{1 + n % 4}", name, share=level + sign * 0.002 * (n * n % 7))
        for n in range(20)
        for name, level, sign in (("A", 0.5, 1), ("B", 0.3, -1), ("C", 0.2, 0))
    )
    query = BacktestQuery(
        market, shares=shares, origins=6, horizon=4, levels=(0.3, 0.5, 0.7), models=("naive", "theta")
    )
    *_, last = catalog.backtest(query)
    taken = convert.backtest_response(last).ByteSize()
    assert taken <= scores_bytes(query) <= 1.3 * taken


@given(
    models=st.lists(st.sampled_from(["auto", "naive", "damped_trend"]), min_size=1, max_size=8).map(tuple),
    horizon=st.integers(1, 40),
    levels=st.integers(1, 100),
    letters=st.integers(1, 200),
)
def test_as_many_levels_of_a_backtest_as_a_refusal_names_are_not_refused(
    models: tuple[str, ...], horizon: int, levels: int, letters: int
) -> None:
    query = BacktestQuery("\N{GRINNING FACE}" * letters, horizon=horizon, levels=(0.5,) * levels, models=models)
    try:
        check_scores_room(query)
    except InvalidArgument as refused:
        assert f"{levels} levels of {len(models)} models" in str(refused)
        most = int(refused.allowed.split()[0]) if refused.field == "levels" else 0
        assert 0 <= most < levels
        if most:
            check_scores_room(replace(query, levels=(0.5,) * most))
        with pytest.raises(InvalidArgument, match="are too many for one answer: "):
            check_scores_room(replace(query, levels=(0.5,) * (most + 1)))
    else:
        assert scores_bytes(query) < 4 * 2**20


def test_a_backtest_whose_scores_have_no_room_is_refused_before_any_work(channel: grpc.Channel) -> None:
    request = BacktestRequest(market="\N{GRINNING FACE}" * 190, shares=inline(wide(3)), horizon=40, levels=LEVELS)
    answer = ask(channel, Bad("sharecast.v1.ForecastService/Backtest", (request.SerializeToString(),), "", "", ""))
    assert (answer.code, answer.field) == ("INVALID_ARGUMENT", "levels")


def test_an_answer_that_its_words_alone_make_too_large_names_what_asked_for_them() -> None:
    shares = inline(named_at_length())
    request = ForecastRequest(market="wide", shares=shares, horizon=40, levels=[0.5], events=WORDY)
    with pytest.raises(
        InvalidArgument, match=r"^events is too large for one answer: \d+ bytes of \d+; .*4194304 bytes"
    ):
        make_forecast(read_forecast(request.SerializeToString()), None)
    del request.events[50:]
    assert make_forecast(read_forecast(request.SerializeToString()), None).ByteSize() < 4 * 2**20


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
            found = {one.market: one for reply in call(stream, timeout=PATIENCE) for one in reply.outcomes}
        assert {name: one.WhichOneof("outcome") for name, one in found.items()} == {
            "small": "forecast",
            "too large": "error",
            "largest": "forecast",
        }
        told = BadRequest()
        assert any(detail.Unpack(told) for detail in found["too large"].error.details)
        assert told.field_violations[0].field == "levels"


def test_a_market_of_many_whose_events_alone_have_no_room_has_a_status_that_names_them(channel: grpc.Channel) -> None:
    table = named_at_length()
    asked = ForecastBatch(shares=[table, wide(2, "small")], horizon=40, levels=[0.5])
    method = "/sharecast.v1.ForecastService/StreamForecasts"
    call = channel.unary_stream(method, StreamForecastsRequest.SerializeToString, StreamForecastsResponse.FromString)
    for count, named in ((100, ["events"]), (50, [])):
        asked.shares[0].events[:] = WORDY[:count]
        replies = call(StreamForecastsRequest(batch=asked), timeout=PATIENCE)
        found = {one.market: one for reply in replies for one in reply.outcomes}
        assert found["small"].HasField("forecast")
        told = BadRequest()
        for detail in found["wordy"].error.details:
            detail.Unpack(told)
        assert [violation.field for violation in told.field_violations] == named
        assert found["wordy"].HasField("error") == bool(named)


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
            assert len(list(client.watch_forecast_job(job.job_id, timeout=PATIENCE))) == 4
            monkeypatch.setattr(store.jobs, "outcomes", counted)
            assert len(list(client.watch_forecast_job(job.job_id, timeout=PATIENCE))) == 4
    assert sum(read) > 4 * 2**20
    assert max(read) < 2 * 2**20
