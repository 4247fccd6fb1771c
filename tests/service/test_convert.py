from datetime import UTC, date
from typing import Any

import polars as pl
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forecast.errors import InvalidArgument, ModelFailed
from forecast.figures import HouseInfo, MarketInfo
from forecast.forecasting import forecast_history
from forecast.quarter import Quarter
from forecast.results import Status
from forecast.scorecard import Backtest, BacktestProgress, Score, Skipped
from service import convert
from service.catalog import Catalog
from service.queries import BacktestQuery, BatchQuery, ForecastQuery, HistoryQuery, ShareRow, parse_date
from service.results import JobResult
from sharecast.v1 import job_pb2
from sharecast.v1.forecast_service_pb2 import BacktestRequest, BacktestResponse, ForecastRequest, ForecastResponse
from sharecast.v1.history_pb2 import CellStatus
from sharecast.v1.job_pb2 import ForecastJob
from sharecast.v1.market_service_pb2 import (
    GetHistoryRequest,
    GetHistoryResponse,
    ListMarketsRequest,
    ListMarketsResponse,
)

NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
DATES = st.none() | st.dates()
FLOATS = st.floats(allow_nan=False)
ROWS = st.builds(
    ShareRow,
    period=NAMES,
    provider=NAMES,
    share=st.none() | FLOATS,
    decimals=st.none() | st.integers(-(2**31), 2**31 - 1),
) | st.builds(ShareRow, period=NAMES, provider=NAMES, value=st.none() | FLOATS)
COMMON = {
    "market": NAMES,
    "horizon": st.integers(-(2**31), 2**31 - 1).filter(bool),
    "levels": st.lists(FLOATS, min_size=1, max_size=5).map(tuple),
    "model": NAMES,
    "seed": st.integers(0, 2**64 - 1),
    "include_history": st.booleans(),
    "include_draws": st.booleans(),
    "events": st.lists(NAMES, max_size=3).map(tuple),
    "conditions": st.lists(NAMES, max_size=3).map(tuple),
}
QUERIES = st.builds(ForecastQuery, house=NAMES, as_of=DATES, shares=st.none(), **COMMON) | st.builds(
    ForecastQuery, house=st.just(""), as_of=st.none(), shares=st.lists(ROWS, max_size=4).map(tuple), **COMMON
)


COUNTS = st.integers(0, 2**31 - 1)
JOBS = st.builds(
    JobResult,
    job_id=NAMES,
    state=st.sampled_from(("running", "done", "cancelled", "failed")),
    created_at=st.datetimes(timezones=st.just(UTC)),
    markets_count=COUNTS,
    done_count=COUNTS,
    failed_count=COUNTS,
    error=st.none() | st.builds(ModelFailed, NAMES, NAMES),
)


@given(job=JOBS)
def test_a_job_arrives_with_why_it_failed(job: JobResult) -> None:
    found = convert.job_result(ForecastJob.FromString(convert.job_message(job).SerializeToString()))
    assert found == job
    assert (type(found.error), str(found.error)) == (type(job.error), str(job.error))
    if job.error is not None:
        kept = convert.reason_bytes(job.error, "r")
        assert str(convert.read_reason(kept)) == str(job.error)


@given(job=JOBS, state=st.integers(5, 99))
def test_a_job_in_a_state_without_a_name_here_has_ended_once_every_market_has_an_outcome(
    job: JobResult, state: int
) -> None:
    message = convert.job_message(job)
    message.state = state  # type: ignore[assignment]  # of a later server
    assert convert.job_result(message).state == ("done" if job.done_count >= job.markets_count else "running")


@given(job=JOBS)
def test_stubs_from_before_jobs_could_fail_read_such_a_job(job: JobResult) -> None:
    file = FileDescriptorProto()
    job_pb2.DESCRIPTOR.CopyToProto(file)
    (states,), (before,) = file.enum_type, file.message_type
    del file.dependency[:]
    states.value.remove(next(value for value in states.value if value.name == "JOB_STATE_FAILED"))
    before.field.remove(next(field for field in before.field if field.name == "error"))
    pool = DescriptorPool()
    pool.Add(file)
    message = convert.job_message(job)
    found: Any = GetMessageClass(pool.FindMessageTypeByName("sharecast.v1.ForecastJob"))()
    found.ParseFromString(message.SerializeToString())
    running = pool.FindEnumTypeByName("sharecast.v1.JobState").values_by_name["JOB_STATE_RUNNING"].number
    assert (found.state == running) == (job.state == "running")  # a loop that waits for another state ends
    assert (found.job_id, found.done_count, found.failed_count) == (job.job_id, job.done_count, job.failed_count)


@settings(deadline=None)
@given(query=QUERIES)
def test_a_forecast_query_arrives_as_it_was_asked(query: ForecastQuery) -> None:
    sent = ForecastRequest.FromString(convert.forecast_request(query).SerializeToString())
    assert convert.forecast_query(sent) == query


@settings(deadline=None)
@given(query=st.builds(HistoryQuery, market=NAMES, house=NAMES, as_of=DATES))
def test_a_history_query_arrives_as_it_was_asked(query: HistoryQuery) -> None:
    sent = GetHistoryRequest.FromString(convert.history_request(query).SerializeToString())
    assert convert.history_query(sent) == query


def test_empty_fields_take_the_defaults_of_the_contract() -> None:
    query = convert.forecast_query(ForecastRequest(market="cn-cloud"))
    assert query == ForecastQuery("cn-cloud", "", None, None, 8, (0.8, 0.95), "auto", 0, False)
    assert convert.history_query(GetHistoryRequest(market="cn-cloud")).house == ""
    assert convert.markets_query(ListMarketsRequest()).page_size == 50
    assert convert.markets_query(ListMarketsRequest(page_size=1000)).page_size == 500


@pytest.mark.parametrize(
    ("change", "field", "allowed"),
    [
        ({"horizon": 0}, "horizon", "1 to 40"),
        ({"horizon": 2**31}, "horizon", "1 to 40"),
        ({"levels": ()}, "levels", "at least one"),
        ({"model": ""}, "model", "name of a model"),
        ({"seed": -1}, "seed", "from 0"),
        ({"seed": 2**64}, "seed", "from 0"),
        ({"shares": (ShareRow("2020Q1", "A", share=0.1, value=3.0),)}, r"shares.rows[0].value", "not both"),
        ({"shares": (ShareRow("2020Q1", "A", decimals=2**40),)}, r"shares.rows[0].decimals", "0 to 6"),
    ],
)
def test_what_the_wire_would_change_is_refused_before_it_is_sent(
    change: dict[str, object], field: str, allowed: str
) -> None:
    with pytest.raises(InvalidArgument, match=allowed) as caught:
        convert.forecast_request(ForecastQuery("m", **change))  # type: ignore[arg-type]
    assert caught.value.field == field


@settings(deadline=None)
@given(name=NAMES)
def test_a_page_token_brings_back_where_the_page_ended(name: str) -> None:
    token = convert.markets_page(convert.markets_response([MarketInfo(name, ())], more=True)).next_page_token
    assert convert.markets_query(ListMarketsRequest(page_token=token)).after == name


@pytest.mark.parametrize(
    "days", [[10] * 8, [120_000] * 3, [100_000, 90_000, 80_000, 7], [350_000, 1], [130_000, 132_000]]
)
@pytest.mark.parametrize("more", [True, False])
def test_a_page_of_markets_with_many_vintages_ends_where_a_plain_client_still_takes_it(
    days: list[int], more: bool
) -> None:
    vintages = tuple(date.fromordinal(700_000 + n) for n in range(350_000))
    infos = [
        MarketInfo(str(place), (HouseInfo("h", (), None, None, 1, vintages[:count]),))
        for place, count in enumerate(days)
    ]
    response = convert.markets_response(infos, more=more)
    sent = len(response.markets)
    assert 1 <= sent <= len(infos)
    assert sent == 1 or response.ByteSize() < 4 * 2**20
    after = convert.markets_query(ListMarketsRequest(page_token=response.next_page_token)).after
    assert after == (str(sent - 1) if more or sent < len(infos) else "")
    if sent < len(infos):  # the next one would not have had room
        assert sum(12 * count for count in days[: sent + 1]) > 2.9 * 2**20


@pytest.mark.parametrize(
    ("change", "field"),
    [({"horizon": 0}, "horizon"), ({"seed": -1}, "seed"), ({"levels": ()}, "levels"), ({"model": ""}, "model")],
)
def test_what_a_batch_cannot_carry_is_refused_where_it_is_asked(change: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidArgument, match=rf"^{field} is ") as caught:
        convert.batch_message(BatchQuery(markets=("m",), **change))  # type: ignore[arg-type]
    assert caught.value.field == field


@pytest.mark.parametrize("skip", [-1, 2**31])
def test_a_watch_that_leaves_out_more_than_there_can_be_is_told_how_many_may(skip: int) -> None:
    with pytest.raises(InvalidArgument, match=rf"skip is {skip}; allowed: 0 to 2147483647 outcomes"):
        convert.watch_request("j", skip)


@pytest.mark.parametrize(
    "token", ["cn-cloud", "e30=", "bnVsbA==", "====", "é", "eyJhZnRlciI6ICJhIn0=", "WyJhIiwgImIiXQ=="]
)
def test_a_token_that_is_not_ours_is_refused(token: str) -> None:
    with pytest.raises(InvalidArgument, match=r"page_token is .*unchanged"):
        convert.markets_query(ListMarketsRequest(page_token=token))


@pytest.mark.parametrize("text", ["2021-02-30", "20210115", "2021-W03-5", "15.1.2021", "2021-1-5", "٢٠٢١-01-15", " "])
def test_a_date_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match=r"as_of is .*allowed: a date such as 2021-01-15"):
        convert.history_query(GetHistoryRequest(market="m", as_of=text))


def test_a_date_is_read() -> None:
    assert parse_date("2021-01-15") == date(2021, 1, 15)


def test_every_status_of_a_cell_has_a_number_on_the_wire() -> None:
    names = {f"CELL_STATUS_{status.value.upper()}" for status in Status}
    assert names == set(CellStatus.keys()) - {"CELL_STATUS_UNSPECIFIED"}


def test_a_forecast_and_its_history_arrive_bit_by_bit(catalog: Catalog) -> None:
    history = catalog.history("cn-cloud", "canalys", date(2021, 1, 15))
    forecast = forecast_history(history, horizon=3, levels=(0.5, 0.975))
    response = convert.forecast_response(forecast, convert.data_used(history), history=convert.history_message(history))
    result = convert.forecast_result(ForecastResponse.FromString(response.SerializeToString()))
    found = result.to_forecast()
    assert_frame_equal(result.to_polars(), forecast.to_frame(), check_exact=True)
    assert found.provenance == forecast.provenance
    assert (found.market, found.house, found.as_of) == ("cn-cloud", "canalys", date(2021, 1, 15))
    assert (found.warnings, found.periods) == (forecast.warnings, forecast.periods)
    assert found.history is not None
    assert_frame_equal(found.history.to_frame(), history.to_frame(), check_exact=True)


def test_a_history_arrives_with_everything_it_knows(catalog: Catalog) -> None:
    history = catalog.history("cn-cloud", "canalys", None)
    sent = convert.history_response(history).SerializeToString()
    found = convert.history_result(GetHistoryResponse.FromString(sent)).to_history()
    for name in (
        "quarters",
        "providers",
        "status",
        "breaks",
        "sources",
        "source_line",
        "vintage",
        "figures_used",
        "doubts",
    ):
        assert getattr(found, name) == getattr(history, name), name
    assert found.content_hash == history.content_hash != ""
    assert found.breaks
    assert {doubt.reason for doubt in found.doubts} >= {"slip"}
    assert any(cell for row in found.sources for cell in row)
    assert_frame_equal(pl.DataFrame(found.smoothed), pl.DataFrame(history.smoothed), check_exact=True)
    assert_frame_equal(pl.DataFrame(found.smoothed_sd), pl.DataFrame(history.smoothed_sd), check_exact=True)


def test_markets_arrive_as_the_catalog_lists_them(catalog: Catalog) -> None:
    sent = convert.markets_response(catalog.markets(), more=False).SerializeToString()
    page = convert.markets_page(ListMarketsResponse.FromString(sent))
    assert page.next_page_token == ""
    for found, info in zip(page.markets, catalog.markets(), strict=True):
        assert found.market == info.market
        for house, known in zip(found.houses, info.houses, strict=True):
            assert (house.house, house.providers, house.first, house.last) == (
                known.name,
                known.providers,
                known.first,
                known.last,
            )
            assert (house.figures_count, house.vintages) == (known.figures, known.vintages)


BACKTEST = {
    "market": NAMES,
    "origins": st.integers(-(2**31), 2**31 - 1).filter(bool),
    "horizon": COMMON["horizon"],
    "levels": COMMON["levels"],
    "models": st.lists(NAMES, min_size=1, max_size=3).map(tuple),
    "seed": COMMON["seed"],
}


@given(
    query=st.builds(BacktestQuery, house=NAMES, shares=st.none(), **BACKTEST)
    | st.builds(BacktestQuery, house=st.just(""), shares=st.lists(ROWS, max_size=4).map(tuple), **BACKTEST)
)
def test_a_backtest_query_arrives_as_it_was_asked(query: BacktestQuery) -> None:
    sent = BacktestRequest.FromString(convert.backtest_request(query).SerializeToString())
    assert convert.backtest_query(sent) == query


def test_what_a_backtest_request_leaves_out_has_its_default() -> None:
    assert convert.backtest_query(BacktestRequest(market="m")) == BacktestQuery("m")


QUARTERS = st.integers(4 * 1900, 4 * 2200).map(Quarter)
SCORES = st.builds(
    Score,
    market=st.none() | NAMES,
    model=NAMES,
    measure=NAMES,
    level=st.none() | FLOATS,
    horizon=st.none() | st.integers(0, 40),
    value=FLOATS,
    count=st.integers(0, 2**62),
)
SKIPPED = st.builds(Skipped, market=NAMES, origin=st.none() | QUARTERS, reason=NAMES)
STEPS = st.builds(
    BacktestProgress, market=NAMES, origin=QUARTERS, done=st.integers(0, 2**31 - 1), total=st.integers(0, 2**31 - 1)
) | st.builds(
    Backtest,
    markets=st.lists(NAMES, max_size=3).map(tuple),
    house=NAMES,
    models=st.lists(NAMES, max_size=3).map(tuple),
    levels=COMMON["levels"],
    horizon=st.integers(0, 40),
    seed=COMMON["seed"],
    forecasts=st.integers(0, 2**31 - 1),
    first_origin=QUARTERS,
    last_origin=QUARTERS,
    scores=st.lists(SCORES, max_size=4).map(tuple),
    skipped=st.lists(st.builds(Skipped, market=NAMES, origin=st.none() | QUARTERS, reason=NAMES), max_size=2).map(
        tuple
    ),
    notes=st.lists(NAMES, max_size=2).map(tuple),
)


@given(step=STEPS)
def test_a_step_of_a_backtest_arrives_as_it_was_made(step: BacktestProgress | Backtest) -> None:
    sent = BacktestResponse.FromString(convert.backtest_response(step).SerializeToString())
    assert convert.backtest_step(sent) == step
