import base64

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from forecast.errors import InvalidArgument, NotFound, SharecastError
from forecast.forecasting import MODELS
from service.catalog import Catalog
from service.server.forecasts import read_forecast, read_history
from service.server.handlers import ForecastHandlers, MarketHandlers
from service.server.tasks import history_reply, make_forecast
from service.status import error_code
from sharecast.v1.forecast_pb2 import InlineShares, ShareRow
from sharecast.v1.forecast_service_pb2 import ForecastRequest, ListModelsRequest
from sharecast.v1.market_service_pb2 import (
    GetHistoryRequest,
    GetHistoryResponse,
    GetMarketRequest,
    ListFiguresRequest,
    ListMarketsRequest,
)

SHIPPED = Catalog.shipped()
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PERIODS = st.sampled_from(["2020Q1", "2020Q2", "2020Q3", "2021Q1", "2023Q4", "1900Q1", "2200Q4"])
SHARES = st.none() | st.floats(0, 0.5) | st.sampled_from([0.0, -0.0, 1.0, 1e-300, 5e-324])
PLAUSIBLE = st.builds(
    ShareRow,
    period=PERIODS,
    provider=st.sampled_from(["North", "South", "Others", "Ost\u0000", "\u202e", "../x"]),
    share=SHARES,
    decimals=st.none() | st.integers(0, 6),
)
ODD = st.builds(ShareRow, period=PERIODS | TEXT, provider=TEXT, share=st.none() | st.floats()) | st.builds(
    ShareRow, period=PERIODS, provider=TEXT, value=st.floats(), decimals=st.none() | st.integers(-(2**31), 2**31 - 1)
)
TABLES = st.lists(PLAUSIBLE, min_size=3, max_size=16, unique_by=lambda row: (row.period, row.provider))
ODD_TABLES = st.lists(PLAUSIBLE | ODD, max_size=4)
REQUESTS = st.builds(
    ForecastRequest,
    market=st.just("m") | TEXT.map("m".__add__),
    shares=st.builds(InlineShares, rows=TABLES) | st.builds(InlineShares, rows=TABLES | ODD_TABLES),
    horizon=st.integers(0, 3) | st.sampled_from([0, 40, 41, -1, 2**31 - 1, -(2**31)]),
    levels=st.just([]) | st.lists(st.floats(0.01, 0.99), max_size=3) | st.lists(st.floats(), max_size=1),
    model=st.sampled_from(["", "naive", "naive", "auto", "local_level", "naive", "\u0000"]),
    seed=st.integers(0, 2**64 - 1),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(request=REQUESTS)
def test_any_shares_are_forecast_or_refused_with_a_reason(request: ForecastRequest) -> None:
    try:
        response = make_forecast(read_forecast(request.SerializeToString()), None)
    except SharecastError as refused:
        assert error_code(refused).name in {"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"}
        return
    for step in range(len(response.periods)):
        assert sum(provider.mean[step] for provider in response.providers) == pytest.approx(1, abs=1e-9)


@settings(deadline=None)
@given(market=TEXT | st.just("cn-cloud"), house=TEXT, as_of=TEXT | st.dates().map(str))
def test_any_history_is_given_or_refused_with_a_reason(market: str, house: str, as_of: str) -> None:
    try:
        query = read_history(GetHistoryRequest(market=market, house=house, as_of=as_of).SerializeToString())
        history = SHIPPED.history(query.market, query.house, query.as_of)
        response = GetHistoryResponse.FromString(history_reply(history, query.most_bytes))
    except SharecastError as refused:
        assert error_code(refused).name in {"INVALID_ARGUMENT", "NOT_FOUND", "FAILED_PRECONDITION"}
        return
    assert response.history.market == market


@pytest.mark.parametrize("size", [1, 2, 3, 500, 0])
def test_pages_together_are_the_list(catalog: Catalog, size: int) -> None:
    handlers = MarketHandlers(catalog)
    names, token, pages = [], "", 0
    while pages == 0 or (token and pages < 10):
        page = handlers.list_markets(ListMarketsRequest(page_size=size, page_token=token))
        names += [market.market for market in page.markets]
        token, pages = page.next_page_token, pages + 1
    assert names == [info.market for info in catalog.markets()]
    assert pages == -(-len(names) // (size or 50))


FIGURES = st.builds(
    ListFiguresRequest,
    market=st.sampled_from(["", "cn-cloud", "world-cloud"]) | TEXT,
    house=st.sampled_from(["", "canalys", "idc"]) | TEXT,
    quarter=st.sampled_from(["", "2020Q3", "2020Q5", "1900Q1", "2020"]) | TEXT,
    provider=st.sampled_from(["", "AWS", "Others", "TOTAL"]) | TEXT,
    as_of=st.just("") | st.dates().map(str) | TEXT,
    page_size=st.sampled_from([0, 1, 5, 1000, 2**31 - 1, -1, -(2**31)]),
    page_token=st.just("") | TEXT | st.binary(max_size=60).map(lambda raw: base64.urlsafe_b64encode(raw).decode()),
)


@settings(deadline=None)
@given(request=FIGURES)
def test_any_question_for_figures_is_answered_or_refused_with_a_reason(
    catalog: Catalog, request: ListFiguresRequest
) -> None:
    try:
        response = MarketHandlers(catalog).list_figures(request)
    except SharecastError as refused:
        assert error_code(refused).name in {"INVALID_ARGUMENT", "NOT_FOUND"}
        return
    for figure in response.figures:
        assert request.market in ("", figure.market)
        assert request.house in ("", figure.house)
        assert request.quarter in ("", figure.period)
        assert request.as_of == "" or figure.published_at <= request.as_of
        assert request.provider in ("", *(named.provider for named in figure.providers))


@given(market=TEXT, size=st.integers(-(2**31), 2**31 - 1), token=TEXT)
def test_any_market_and_any_page_of_models_is_given_or_refused_with_a_reason(
    catalog: Catalog, market: str, size: int, token: str
) -> None:
    with pytest.raises((NotFound, InvalidArgument), match="market"):
        MarketHandlers(catalog).get_market(GetMarketRequest(market=market))
    try:
        page = ForecastHandlers().list_models(ListModelsRequest(page_size=size, page_token=token))
    except InvalidArgument as refused:
        assert refused.field in {"page_size", "page_token"}
        return
    assert (size >= 0, token) == (True, "")
    assert len(page.models) == min(size or 50, len(MODELS))
