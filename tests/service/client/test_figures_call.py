"""Figures over the wire: lists in pages, one market, the models."""

import asyncio
import dataclasses
import subprocess
import sys
from datetime import date
from typing import TypeAlias

import grpc
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forecast.figures import CURATED_SCHEMA
from forecast.forecasting import MODELS
from forecast.listing import select_figures
from forecast.prior import shipped_prior
from forecast.quarter import Quarter
from service.catalog import Catalog
from service.client import AsyncClient, Backtest, Client, FigureResult, InvalidArgument, NotFound
from service.convert import figures_page
from service.listing import find_figures
from service.queries import FiguresQuery
from service.server import Server
from service.server.handlers import MarketHandlers
from sharecast.v1.market_service_pb2 import ListFiguresRequest, ListFiguresResponse, ListMarketsRequest
from tests.service.server.waiting import PATIENCE

Filters: TypeAlias = dict[str, str]
FILTERS = st.fixed_dictionaries(
    {},
    optional={
        "market": st.sampled_from(["cn-cloud", "world-cloud"]),
        "house": st.just("canalys"),
        "quarter": st.sampled_from(["2020Q3", "2021Q1", "2011Q4"]),
        "provider": st.sampled_from(["Others", "TOTAL", "Tencent Cloud"]),
        "as_of": st.dates(date(2015, 1, 1), date(2026, 1, 1)).map(str),
    },
).filter(lambda f: not (f.get("market") == "world-cloud" and f.get("provider") == "Tencent Cloud"))


def pages(catalog: Catalog, filters: Filters, size: int) -> list[tuple[FigureResult, ...]]:
    handlers = MarketHandlers(catalog)
    found: list[tuple[FigureResult, ...]] = []
    token = ""
    while not found or token:
        request = ListFiguresRequest(**filters, page_size=size, page_token=token)
        page = figures_page(handlers.list_figures(request))
        found.append(page.figures)
        token = page.next_page_token
    return found


@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters=FILTERS, size=st.sampled_from([0, 7, 40, 500, 1000, 5000]))
def test_all_pages_together_are_the_list_whatever_their_size(catalog: Catalog, filters: Filters, size: int) -> None:
    query = FiguresQuery(
        market=filters.get("market"),
        house=filters.get("house"),
        quarter=Quarter.parse(filters["quarter"]) if "quarter" in filters else None,
        provider=filters.get("provider"),
        as_of=date.fromisoformat(filters["as_of"]) if "as_of" in filters else None,
    )
    whole = find_figures(catalog, query)
    found = pages(catalog, filters, size)
    assert [figure.figure_id for page in found for figure in page] == whole["figure_id"].to_list()
    largest = min(size or 100, 1000)
    assert [len(page) for page in found[:-1]] == [largest] * (len(found) - 1)
    assert len(found[-1]) <= largest
    assert len(found) == max(-(-whole.height // largest), 1)


def test_pages_of_one_figure_each_lose_and_repeat_none(catalog: Catalog) -> None:
    found = pages(catalog, {"market": "cn-cloud", "quarter": "2020Q3"}, 1)
    assert [len(page) for page in found] == [1] * len(found)
    ids = [page[0].figure_id for page in found]
    assert len(set(ids)) == len(ids) > 5


def forged(token: str) -> list[str]:
    """Tokens that differ a little from a true one, and tokens of other lists."""
    return [
        token[:-4],
        token[:8] + ("A" if token[8] != "A" else "B") + token[9:],
        token + token,
        "x" + token,
        token * 2,
    ]


def test_a_forged_token_is_refused_and_so_is_one_of_another_list(catalog: Catalog) -> None:
    handlers = MarketHandlers(catalog)
    first = handlers.list_figures(ListFiguresRequest(market="cn-cloud", page_size=3))
    markets = handlers.list_markets(ListMarketsRequest(page_size=1)).next_page_token
    other = handlers.list_figures(ListFiguresRequest(market="world-cloud", page_size=3)).next_page_token
    for token in (*forged(first.next_page_token), markets, other):
        with pytest.raises(InvalidArgument, match=r"page_token is .*unchanged, with the same question"):
            handlers.list_figures(ListFiguresRequest(market="cn-cloud", page_token=token))
    for change in ({"house": "canalys"}, {"quarter": "2020Q3"}, {"provider": "Others"}, {"as_of": "2026-01-01"}):
        with pytest.raises(InvalidArgument, match=r"page_token is .*with the same question"):
            handlers.list_figures(
                ListFiguresRequest(market="cn-cloud", page_token=first.next_page_token, **change)  # type: ignore[arg-type]
            )
    again = ListFiguresRequest(market="cn-cloud", page_size=7, page_token=first.next_page_token)
    assert len(handlers.list_figures(again).figures) == 7  # another size is the same list


@settings(deadline=None)
@given(token=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_no_text_passes_for_a_token(catalog: Catalog, token: str) -> None:
    with pytest.raises(InvalidArgument, match="page_token is"):
        MarketHandlers(catalog).list_figures(ListFiguresRequest(page_token=token))


def test_a_token_of_a_figure_that_is_no_longer_there_says_so(catalog: Catalog) -> None:
    token = MarketHandlers(catalog).list_figures(ListFiguresRequest(market="cn-cloud", page_size=3)).next_page_token
    fewer = Catalog(catalog.figures(market="cn-cloud").tail(20), catalog.breaks())
    with pytest.raises(InvalidArgument, match="ask for the first page again"):
        MarketHandlers(fewer).list_figures(ListFiguresRequest(market="cn-cloud", page_token=token))


def test_figures_that_come_between_two_pages_repeat_none(catalog: Catalog) -> None:
    whole = select_figures(catalog.figures(market="cn-cloud"))
    before = Catalog(whole.gather_every(2), catalog.breaks())
    first = MarketHandlers(before).list_figures(ListFiguresRequest(page_size=10))
    after = MarketHandlers(catalog).list_figures(ListFiguresRequest(page_size=1000, page_token=first.next_page_token))
    last = whole.gather_every(2)["figure_id"][9]
    assert [figure.figure_id for figure in after.figures][:3] == whole["figure_id"].to_list()[19:22]
    assert last not in [figure.figure_id for figure in after.figures]


def test_a_page_of_long_figures_is_shorter_so_that_any_client_can_take_it(catalog: Catalog) -> None:
    china = catalog.figures(market="cn-cloud")
    long = Catalog(china.with_columns(note=pl.lit("x" * 50_000)), catalog.breaks())
    found: list[list[int]] = []
    token = ""
    while not found or token:
        response = MarketHandlers(long).list_figures(ListFiguresRequest(page_size=1000, page_token=token))
        assert response.ByteSize() < 4 * 2**20
        found.append([figure.figure_id for figure in response.figures])
        token = response.next_page_token
    assert len(found) > 2
    assert [n for page in found for n in page] == select_figures(china)["figure_id"].to_list()
    huge = Catalog(china.head(2).with_columns(note=pl.lit("x" * 5_000_000)), catalog.breaks())
    assert len(MarketHandlers(huge).list_figures(ListFiguresRequest()).figures) == 1  # never none, and so an end


def test_every_figure_arrives_with_every_column(client: Client, catalog: Catalog) -> None:
    found = client.list_figures()
    assert len(found) == catalog.figures().height > 3000
    assert found.to_polars().schema == CURATED_SCHEMA
    assert_frame_equal(found.to_polars(), select_figures(catalog.figures()), check_exact=True)
    assert found == client.list_figures(page_size=777)


def test_a_figure_tells_what_was_said_by_whom_and_when(client: Client) -> None:
    found = client.list_figures(market="cn-cloud", quarter="2023Q1", provider="Baidu AI Cloud")
    slip = next(figure for figure in found if figure.mark == "slip")
    assert (slip.value, slip.unit, slip.measure, slip.qualifier, slip.decimals) == (
        0.97,
        "fraction",
        "share",
        "exact",
        0,
    )
    assert slip.providers == ("Alibaba Cloud", "Baidu AI Cloud", "Huawei Cloud", "Tencent Cloud")
    assert slip.publisher
    assert slip.source_url
    assert slip.published_at > date(2023, 3, 31)
    assert not slip.annual
    assert all("Baidu AI Cloud" in figure.providers for figure in found)


def test_as_of_a_date_only_what_was_published_is_listed(client: Client, catalog: Catalog) -> None:
    found = client.list_figures(market="world-cloud", house="canalys", as_of="2020-06-30")
    assert max(figure.published_at for figure in found) <= date(2020, 6, 30)
    known = catalog.figures(market="world-cloud", house="canalys", as_of=date(2020, 6, 30))
    assert_frame_equal(found.to_polars(), select_figures(known))
    assert len(client.list_figures(market="world-cloud", as_of=date(1999, 1, 1))) == 0


def test_a_quarter_may_be_a_text_or_a_quarter(client: Client) -> None:
    by_text = client.list_figures(market="cn-cloud", quarter="2020Q3")
    assert by_text == client.list_figures(market="cn-cloud", quarter=Quarter.parse("2020Q3"))
    assert {figure.period for figure in by_text} == {"2020Q3"}


@pytest.mark.parametrize(
    ("question", "kind", "message"),
    [
        (
            {"market": "cn-clout"},
            NotFound,
            "market 'cn-clout' is not known; did you mean cn-cloud. known: cn-cloud, world-cloud",
        ),
        ({"market": "cn-cloud", "house": "idc"}, NotFound, "house 'idc' is not known; known: canalys"),
        ({"provider": "Kodak", "as_of": "2020-01-01"}, NotFound, "provider 'Kodak' is not known; known: "),
        ({"market": ""}, InvalidArgument, "market is ''; allowed: a name, or None"),
        ({"quarter": "2020-09"}, InvalidArgument, "quarter is '2020-09'; allowed: a quarter such as 2020Q3"),
        ({"as_of": "yesterday"}, InvalidArgument, "as_of is 'yesterday'; allowed: a date"),
        ({"page_size": 0}, InvalidArgument, "page_size is 0; allowed: 1 to 1000"),
        ({"page_size": -3}, InvalidArgument, "page_size is -3; allowed: 1 to 1000"),
    ],
)
def test_a_question_that_cannot_be_answered_says_what_can(
    client: Client, question: dict[str, object], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        client.list_figures(**question)  # type: ignore[arg-type]


def test_another_client_may_leave_everything_out(channel: grpc.Channel) -> None:
    call = channel.unary_unary("/sharecast.v1.MarketService/ListFigures", None, ListFiguresResponse.FromString)
    first = call(b"", timeout=PATIENCE)
    assert len(first.figures) == 100
    assert first.next_page_token
    with pytest.raises(grpc.RpcError, match="page_size is -1; allowed: 0 for the default, or 1 to 1000"):
        call(ListFiguresRequest(page_size=-1).SerializeToString(), timeout=PATIENCE)
    with pytest.raises(grpc.RpcError, match="quarter is '2020'; allowed: a quarter"):
        call(ListFiguresRequest(quarter="2020").SerializeToString(), timeout=PATIENCE)


def test_one_market_is_the_one_of_the_list(client: Client) -> None:
    for market in client.list_markets():
        assert client.get_market(market.market) == market
    with pytest.raises(
        NotFound, match=r"market 'cn-clout' is not known; did you mean cn-cloud. known: cn-cloud, world-cloud"
    ) as caught:
        client.get_market("cn-clout")
    assert caught.value.kind == "market"
    with pytest.raises(InvalidArgument, match="market is ''; allowed: the name of a market"):
        client.get_market("")


def test_the_models_are_those_that_forecasts_can_be_asked_of(client: Client) -> None:
    found = client.list_models()
    assert tuple(model.model for model in found) == MODELS
    assert found == client.list_models(page_size=1) == client.list_models(page_size=3)
    (default,) = (model for model in found if model.is_default)
    assert (default.model, default.prior, default.is_measured) == ("auto", shipped_prior().version, True)
    assert all(model.description.endswith(".") for model in found)
    for model in found:
        forecast = client.forecast("cn-cloud", model=model.model, horizon=1)
        assert forecast.model.prior == model.prior
        assert bool(forecast.model.measured_coverage) == model.is_measured


def test_results_become_the_same_table_in_pandas(client: Client) -> None:
    *_, scores = client.backtest("cn-cloud", origins=2, horizon=2, models=["naive"])
    assert isinstance(scores, Backtest)
    for result in (
        client.list_figures(market="cn-cloud"),
        client.forecast("cn-cloud", horizon=2),
        client.get_history("cn-cloud"),
        scores,
    ):
        ours, theirs = result.to_polars(), result.to_pandas()
        assert list(theirs.columns) == ours.columns
        assert len(theirs) == ours.height
        for name in ours.columns:
            for mine, other in zip(ours[name], theirs[name], strict=True):
                same = pd.Timestamp(mine) == other if isinstance(mine, date) else mine == other
                assert same or (mine is None and pd.isna(other)), (name, mine, other)
    frame = client.list_figures(market="cn-cloud").to_pandas()
    assert pd.api.types.is_datetime64_any_dtype(frame["published_at"])
    assert [str(frame[name].dtype) for name in ("annual", "value", "pages")] == ["bool", "float64", "int64"]


def test_asking_for_figures_loads_no_polars(server: Server) -> None:
    code = f"""
import sys
from service.client import Client
with Client({server.address!r}) as client:
    assert len(client.list_figures(market="cn-cloud")) > 200
    client.get_market("cn-cloud"), client.list_models()
print(sorted({{"polars", "pandas", "numpy", "scipy", "statsmodels"}} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_pandas_needs_no_pyarrow(server: Server) -> None:
    code = f"""
import sys
sys.modules["pyarrow"] = None
from service.client import Client
with Client({server.address!r}) as client:
    print(client.list_figures(market="cn-cloud", quarter="2023Q1").to_pandas()["value"].max())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "7.7\n"


def test_the_async_client_lists_the_same(server: Server, client: Client) -> None:
    async def work() -> None:
        async with AsyncClient(server.address) as asynchronous:
            found = await asynchronous.list_figures(market="cn-cloud", as_of="2021-01-15", page_size=9)
            assert found == client.list_figures(market="cn-cloud", as_of="2021-01-15")
            assert await asynchronous.get_market("cn-cloud") == client.get_market("cn-cloud")
            assert await asynchronous.list_models() == client.list_models()

    asyncio.run(work())


def test_the_list_of_figures_is_frozen_and_can_be_looped(client: Client) -> None:
    found = client.list_figures(market="cn-cloud", quarter="2020Q3")
    assert list(found) == list(found.figures)
    assert found.to_polars().schema["published_at"] == pl.Date
    with pytest.raises(dataclasses.FrozenInstanceError, match="figures"):
        found.figures = ()  # type: ignore[misc]
