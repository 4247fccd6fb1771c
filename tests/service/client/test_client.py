import asyncio
import dataclasses
import inspect
import pickle
import re
from collections.abc import Awaitable, Callable
from datetime import date, datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import service.client as public
from forecast.forecasting import forecast_history, forecast_shares
from forecast.quarter import Quarter
from forecast.shares import check_shares
from service.catalog import Catalog
from service.client import (
    AsyncClient,
    Client,
    DeadlineExceeded,
    InvalidArgument,
    InvalidTable,
    NotEnoughData,
    NotFound,
    ServiceUnavailable,
    SharecastError,
)
from service.server import Front, Server
from service.server.front import _SERVICES
from tests.service.server.waiting import PATIENCE

MARKETS = ("cn-cloud", "world-cloud", "world-smartphones")


def rows(**changes: object) -> list[dict[str, object]]:
    """Eight quarters of two providers, with the last row changed."""
    table: list[dict[str, object]] = [
        {"period": f"{year}Q{quarter}", "provider": name, "share": round(share + sign * 0.012 * quarter, 3)}
        for year in (2021, 2022)
        for quarter in (1, 2, 3, 4)
        for name, share, sign in (("North", 0.55, 1), ("South", 0.42, -1))
    ]
    return [*table[:-1], table[-1] | changes]


def test_every_rpc_has_a_client_method_and_both_clients_have_one_surface() -> None:
    rpcs = {method.name: method for service in _SERVICES for method in service.methods}
    named = "Forecast Backtest ListModels ListMarkets GetMarket GetHistory ListFigures ImportFigures"
    assert set(named.split()) <= set(rpcs)
    for rpc, method in rpcs.items():
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", rpc).lower()
        blocking, asynchronous = getattr(Client, name), getattr(AsyncClient, name)
        one, other = inspect.signature(blocking), inspect.signature(asynchronous)
        assert one.parameters == other.parameters
        assert blocking.__doc__ == asynchronous.__doc__
        if method.server_streaming:
            assert inspect.isgeneratorfunction(blocking)
            assert inspect.isasyncgenfunction(asynchronous)
        else:
            assert one == other
            assert inspect.iscoroutinefunction(asynchronous)


def test_a_stream_and_a_job_say_the_same_of_the_arguments_that_both_have() -> None:
    texts, shown = [], []
    for method in (Client.stream_forecasts, Client.create_forecast_job):
        described = inspect.getdoc(method) or ""
        start = described.index("    markets: ")
        texts.append(described[start : re.search(r"\n    (request_id|timeout): ", described).start()])  # type: ignore[union-attr]
        given = inspect.signature(method).parameters
        names = list(given)[1 : list(given).index("revenue") + 1]
        shown.append([(name, given[name].annotation, given[name].default, given[name].kind) for name in names])
    assert texts[0] == texts[1]
    assert shown[0] == shown[1]
    assert re.findall(r"^    (\w+): ", texts[0], re.MULTILINE) == [name for name, *_ in shown[0]]


def test_the_public_names_are_those_exported() -> None:
    found = {
        name
        for name, value in vars(public).items()
        if not name.startswith("_") and not inspect.ismodule(value)
    }  # fmt: skip
    assert found == set(public.__all__)


def test_markets_are_the_same_however_they_are_paged(client: Client) -> None:
    found = client.list_markets()
    assert tuple(market.market for market in found) == MARKETS
    assert found == client.list_markets(page_size=1) == client.list_markets(page_size=2)
    china = found[0].houses[0]
    assert (china.house, china.first) == ("canalys", Quarter.parse("2019Q1"))
    assert "Alibaba Cloud" in china.providers
    assert china.figures_count > 100
    assert list(china.vintages) == sorted(set(china.vintages))


def test_a_forecast_over_the_wire_is_the_one_the_library_makes(client: Client, catalog: Catalog) -> None:
    found = client.forecast("cn-cloud", as_of="2021-01-15", horizon=5, levels=[0.95, 0.5], seed=7, include_history=True)
    history = catalog.history("cn-cloud", "canalys", date(2021, 1, 15))
    own = forecast_history(history, horizon=5, levels=(0.95, 0.5), seed=7)
    assert_frame_equal(found.to_polars(), own.to_frame(), check_exact=True)
    assert found.levels == (0.5, 0.95)
    assert found.origin == Quarter.parse("2020Q3")
    assert (found.model.seed, found.model.model) == (7, "auto")
    assert found.data.content_hash == history.content_hash
    assert found.data.vintage is not None
    assert found.data.vintage <= date(2021, 1, 15)
    assert found.history is not None
    assert_frame_equal(found.history.to_polars(), history.to_frame(), check_exact=True)


def test_means_sum_to_one_and_intervals_nest(client: Client) -> None:
    found = client.forecast("cn-cloud")
    assert (len(found.periods), found.levels) == (8, (0.8, 0.95))
    assert found.periods[0] == found.origin + 1
    for h, mean in enumerate(found.mean):
        assert abs(sum(mean) - 1) < 1e-9
        for k in range(len(found.providers)):
            inner, outer = (found.lower[0][h][k], found.upper[0][h][k]), (found.lower[1][h][k], found.upper[1][h][k])
            assert 0 <= outer[0] <= inner[0] <= inner[1] <= outer[1] <= 1


def test_the_same_question_gets_the_same_answer_and_another_seed_another(client: Client) -> None:
    assert client.forecast("world-cloud") == client.forecast("world-cloud")
    drawn = [client.forecast("world-cloud", model="naive", seed=seed).mean for seed in (0, 1)]
    assert drawn[0] != drawn[1]


def test_every_model_answers(client: Client) -> None:
    means = {model: client.forecast("cn-cloud", model=model).mean for model in ("auto", "naive", "local_level", "ets")}
    assert len(set(means.values())) == 4


def test_a_date_may_be_a_text_a_date_or_a_time(client: Client) -> None:
    histories = [
        client.get_history("cn-cloud", as_of=as_of)
        for as_of in ("2021-01-15", date(2021, 1, 15), datetime(2021, 1, 15, 23, 59))
    ]
    assert {history.as_of for history in histories} == {date(2021, 1, 15)}
    frames = [history.to_polars() for history in histories]
    assert frames[0].columns == ["market", "house", "period", "provider", "share", "sd", "status"]
    assert_frame_equal(frames[0], frames[1])
    assert_frame_equal(frames[0], frames[2])


def test_shares_of_ones_own_are_forecast_as_the_library_does(client: Client) -> None:
    frame = pl.DataFrame(rows())
    from_rows, from_frame = client.forecast("compass", shares=rows()), client.forecast("compass", shares=frame)
    assert from_rows == from_frame
    own = forecast_shares(check_shares(frame.with_columns(market=pl.lit("compass"))))
    assert_frame_equal(from_rows.to_polars(), own.to_frame(), check_exact=True)
    assert (from_rows.market, from_rows.house, from_rows.as_of) == ("compass", "", None)
    assert from_rows.data.figures_used == 16
    assert from_rows.data.content_hash != client.forecast("compass", shares=rows(share=0.4)).data.content_hash
    assert from_rows.warnings
    assert from_rows.history is None


def test_amounts_and_gaps_and_decimals_are_taken(client: Client) -> None:
    amounts = [row | {"value": 250 * float(str(row["share"]))} for row in rows()]
    for row in amounts:
        del row["share"]
    by_amount = client.forecast("compass", shares=amounts)
    assert by_amount.providers == ("North", "South")
    gap = client.forecast("compass", shares=rows(share=None, decimals=1))
    assert gap.origin == Quarter.parse("2022Q4")
    assert gap.data.figures_used == 15


def test_a_column_that_is_not_used_and_a_cell_that_is_no_number_are_taken_as_said(client: Client) -> None:
    with pytest.warns(UserWarning) as told:
        found = client.forecast("compass", shares=rows(colour="red"))
    assert "column 'colour' is not used" in [str(warning.message) for warning in told]
    assert found.mean == client.forecast("compass", shares=rows()).mean
    assert client.forecast("m", shares=rows(share=float("nan"))) == client.forecast("m", shares=rows(share=None))


def test_results_are_frozen_and_plain(client: Client) -> None:
    found = client.forecast("cn-cloud", include_history=True)
    with pytest.raises(dataclasses.FrozenInstanceError, match="market"):
        found.market = "other"  # type: ignore[misc]
    assert not hasattr(found, "__dict__")
    assert pickle.loads(pickle.dumps(found)).mean == found.mean


Ask = Callable[[Client], object]
ERRORS: list[tuple[str, Ask, type[SharecastError], str]] = [
    (
        "market",
        lambda c: c.forecast("cn-clout"),
        NotFound,
        "market 'cn-clout' is not known; did you mean cn-cloud. known: cn-cloud, world",
    ),
    ("house", lambda c: c.get_history("cn-cloud", house="idc"), NotFound, "house 'idc' is not known; known: canalys"),
    ("model", lambda c: c.forecast("cn-cloud", model="oracle"), NotFound, "model 'oracle' is not known; known: auto"),
    ("horizon 0", lambda c: c.forecast("cn-cloud", horizon=0), InvalidArgument, "horizon is 0; allowed: 1 to 40"),
    ("horizon -1", lambda c: c.forecast("cn-cloud", horizon=-1), InvalidArgument, "horizon is -1; allowed: 1 to 40"),
    ("horizon 41", lambda c: c.forecast("cn-cloud", horizon=41), InvalidArgument, "horizon is 41; allowed: 1 to 40"),
    ("horizon 2^31", lambda c: c.forecast("cn-cloud", horizon=2**31), InvalidArgument, "horizon is 2147483648"),
    ("level 0", lambda c: c.forecast("cn-cloud", levels=[0.8, 0]), InvalidArgument, "levels is 0.0; allowed: a prop"),
    ("level 1", lambda c: c.forecast("cn-cloud", levels=[1]), InvalidArgument, "levels is 1.0; allowed: a proportion"),
    ("level 80", lambda c: c.forecast("cn-cloud", levels=[80]), InvalidArgument, "levels is 80.0.*did you mean 0.8"),
    ("level nan", lambda c: c.forecast("m", levels=[float("nan")]), InvalidArgument, "levels is 'nan'; allowed"),
    ("level twice", lambda c: c.forecast("cn-cloud", levels=[0.8, 0.8]), InvalidArgument, "each level once"),
    ("seed", lambda c: c.forecast("cn-cloud", seed=-1), InvalidArgument, "seed is -1; allowed: a whole number"),
    ("as_of", lambda c: c.forecast("cn-cloud", as_of="2021-02-30"), InvalidArgument, "as_of is '2021-02-30'; allowed"),
    (
        "too early",
        lambda c: c.get_history("cn-cloud", as_of="2001-01-01"),
        NotEnoughData,
        "'cn-cloud' has too few quarters with data.*: 0, and",
    ),
    ("page", lambda c: c.list_markets(page_size=0), InvalidArgument, "page_size is 0; allowed: 1 to 500"),
    ("no market", lambda c: c.forecast("", shares=rows()), InvalidArgument, "market is ''; allowed: the name"),
    ("share", lambda c: c.forecast("m", shares=rows(share=1.2)), InvalidTable, "row 16: share is 1.2; expected "),
    ("sum", lambda c: c.forecast("m", shares=rows(share=0.5)), InvalidTable, "sum 1.098 of m 2022Q4; expected"),
    (
        "cell twice",
        lambda c: c.forecast("m", shares=rows(provider="North")),
        InvalidTable,
        "given before; expected one row",
    ),
    (
        "period",
        lambda c: c.forecast("m", shares=rows(period="2022Q5")),
        InvalidTable,
        "must hold quarters; row 16 has '2022Q5'; write it such as 2020Q3",
    ),
    ("both", lambda c: c.forecast("m", shares=rows(share=None, value=3)), InvalidTable, "both share and value"),
    (
        "text",
        lambda c: c.forecast("m", shares=rows(share="much")),
        InvalidTable,
        "column share must hold .*row 16 has 'much'",
    ),
    ("other", lambda c: c.forecast("m", shares=rows(market="n")), InvalidArgument, r"market is 'n'; allowed: 'm'"),
    ("nothing", lambda c: c.forecast("m", shares=[]), InvalidTable, "0 rows; expected at least one row"),
    (
        "one quarter",
        lambda c: c.forecast("m", shares=rows()[:2]),
        NotEnoughData,
        "'m' has too few quarters with data: 1, and",
    ),
    ("house beside", lambda c: c.forecast("m", house="idc", shares=rows()), InvalidArgument, "house is 'idc'.*empty"),
    ("date beside", lambda c: c.forecast("m", as_of="2021-01-01", shares=rows()), InvalidArgument, "as_of is.*empty"),
    (
        "deadline",
        lambda c: c.forecast("cn-cloud", model="arima", horizon=39, timeout=0.001),
        DeadlineExceeded,
        "than the 0.001 s",
    ),
]


@pytest.mark.parametrize(("ask", "kind", "message"), [e[1:] for e in ERRORS], ids=[e[0] for e in ERRORS])
def test_an_error_of_the_server_is_raised_as_the_library_raises_it(
    client: Client, ask: Ask, kind: type[SharecastError], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        ask(client)
    assert type(caught.value) is kind


def test_a_broken_row_keeps_its_fields(client: Client) -> None:
    with pytest.raises(InvalidTable, match=r"row 16: share is 1\.2") as caught:
        client.forecast("m", shares=rows(share=1.2))
    (violation,) = (v for v in caught.value.violations if v.rule == "share_in_unit_interval")
    assert (violation.row, violation.column, violation.value) == (16, "share", "1.2")


def test_ten_thousand_broken_rows_are_told_by_the_first_and_their_number(client: Client) -> None:
    many = [{"period": "2020Q1", "provider": f"Привет {n}", "share": -3.0} for n in range(10_000)]
    with pytest.raises(
        InvalidTable, match=r"rows 1 to 5: share is -3; expected a fraction of 0 to 1(?s:.*)and 9,?995 more"
    ) as caught:
        client.forecast("m", shares=many)
    assert caught.value.total == 10_000
    assert 1 <= len(caught.value.violations) < 100


def test_no_server_is_said_long_before_the_time_of_a_call_is_over() -> None:
    with Client("127.0.0.1:1", timeout=PATIENCE) as client, pytest.raises(ServiceUnavailable, match="unavailable"):
        client.list_markets()


def run(catalog: Catalog, work: Callable[[AsyncClient], Awaitable[None]]) -> None:
    async def main() -> None:
        front = Front(catalog)
        await front.start("127.0.0.1:0")
        try:
            async with AsyncClient(front.address) as client:
                await work(client)
        finally:
            await front.stop(1)

    asyncio.run(main())


def test_the_async_client_answers_as_the_other_one(catalog: Catalog, client: Client) -> None:
    async def work(asynchronous: AsyncClient) -> None:
        one, two, markets, history = await asyncio.gather(
            asynchronous.forecast("cn-cloud"),
            asynchronous.forecast("compass", shares=rows()),
            asynchronous.list_markets(page_size=2),
            asynchronous.get_history("world-cloud", as_of="2020-06-30"),
        )
        assert one == client.forecast("cn-cloud")
        assert two == client.forecast("compass", shares=rows())
        assert markets == client.list_markets()
        assert_frame_equal(history.to_polars(), client.get_history("world-cloud", as_of="2020-06-30").to_polars())
        with pytest.raises(NotFound, match="known: cn-cloud, world-cloud, world-smartphones") as caught:
            await asynchronous.get_history("cn-clout")
        assert caught.value.known == MARKETS
        with pytest.raises(DeadlineExceeded, match=r"longer than the 0\.001 s"):
            await asynchronous.forecast("cn-cloud", model="arima", horizon=39, timeout=0.001)

    run(catalog, work)


def test_threads_may_share_a_client(server: Server, client: Client) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: client.forecast("cn-cloud", horizon=7 + n % 2), range(16)))
    assert len({result.mean for result in found}) == 2
