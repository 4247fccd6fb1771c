"""Figures that a caller brings in a request: the same answers as from the server's own, and what was dropped."""

import asyncio
from datetime import date
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.errors import InvalidArgument, InvalidTable, NotEnoughData, NotFound
from forecast.figures import load_figures
from forecast.schema import FIGURES_COLUMNS
from service.client import AsyncClient, Client
from service.results import ForecastResult, HistoryResult
from service.server import Server
from service.server.bulk import MOST_ROWS

CLOUD = "cn-cloud"


def raw_figures(market: str, house: str) -> pl.DataFrame:
    """The shipped figures of one market and house as a page would state them."""
    mine = load_figures().filter(pl.col("market") == market, pl.col("house") == house)
    stated = mine.with_columns(published=pl.col("published_at").cast(pl.String))
    return stated.select(column.name for column in FIGURES_COLUMNS)


RAW = raw_figures(CLOUD, "canalys")


def row(period: str, provider: str, value: float, **other: object) -> dict[str, object]:
    year = int(period[:4])
    return {
        "market": "compass", "research_house": "North", "period": period, "providers": provider, "measure": "share",
        "value": value, "qualifier": "exact", "decimals": 1, "published": f"{year + 1}-06-30",
    } | other  # fmt: skip


FEW = [
    row(f"{year}Q{quarter}", provider, share + 0.004 * quarter)
    for year in (2020, 2021)
    for quarter in (1, 2, 3, 4)
    for provider, share in (("Ada", 0.4), ("Bell", 0.3))
]


@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1), as_of=st.sampled_from([None, date(2021, 1, 15), date(2023, 6, 1)]))
def test_figures_in_any_order_give_what_the_same_ones_of_the_server_give(
    client: Client, seed: int, as_of: date | None
) -> None:
    mixed = RAW.sample(fraction=1, shuffle=True, seed=seed)
    brought = client.forecast(CLOUD, figures=mixed, as_of=as_of, seed=seed, include_history=True)
    own = client.forecast(CLOUD, as_of=as_of, seed=seed, include_history=True)
    for name in ("house", "as_of", "origin", "periods", "providers", "mean", "median", "lower", "upper", "data"):
        assert getattr(brought, name) == getattr(own, name), name
    assert brought.history is not None
    assert own.history is not None
    for name in ("share", "sd", "smoothed", "smoothed_sd"):
        np.testing.assert_array_equal(getattr(brought.history, name), getattr(own.history, name), name)
    for name in ("status", "sources", "breaks", "doubts", "data", "periods"):
        assert getattr(brought.history, name) == getattr(own.history, name), name
    assert set(own.warnings) <= set(brought.warnings)


def test_a_history_of_figures_is_the_one_that_a_forecast_of_them_is_made_from(client: Client) -> None:
    alone = client.get_history(CLOUD, figures=RAW)
    beside = client.forecast(CLOUD, figures=RAW, include_history=True).history
    assert beside is not None
    np.testing.assert_array_equal(alone.share, beside.share)
    assert (alone.warnings, alone.data, alone.sources) == (beside.warnings, beside.data, beside.sources)


def test_figures_of_a_market_that_no_server_knows_are_forecast(client: Client) -> None:
    made = client.forecast("compass", figures=FEW, horizon=2)
    assert (made.house, made.providers, str(made.origin)) == ("North", ("Ada", "Bell", "Others"), "2021Q4")
    assert made.warnings == client.forecast("compass", figures=pl.DataFrame(FEW), horizon=2).warnings


def test_all_that_was_left_out_or_is_doubted_is_told_by_row(client: Client) -> None:
    table = [
        *FEW,  # rows 1 to 16
        FEW[0],  # 17
        row("2020Q1", "Ada", 0.4, market="sundial"),
        row("2020Q1", "Ada", 0.5, research_house="South"),
        row("2020Q2", "Cole", 0.1, published="2020"),
        row("2021Q4", "Ada", 0.5),  # row 15 says 41.6 %
    ]
    history = client.get_history("compass", house="North", figures=table)
    assert history.warnings[:5] == (
        "left out: 1 row(s) of other markets (sundial): row 18",
        "left out: 1 row(s) of other houses (South): row 19",
        "1 row(s) repeat a statement of another row, and count as one with it: row 17",
        "1 statement(s) bear no exact day of publication, and it is inferred: row 20",
        "contradict each other, from 0.416 to 0.5: share of Ada in 2021Q4: rows 15, 21",
    )
    assert set(history.warnings) <= set(client.forecast("compass", house="North", figures=table).warnings)
    early = client.get_history("compass", house="North", figures=FEW, as_of="2021-12-31")
    assert early.warnings[0].startswith("left out: 8 statement(s) published after 2021-12-31: rows 9, 10, 11, 12, 13,")
    assert str(early.periods[-1]) == "2020Q4"


def test_one_of_the_houses_that_figures_are_of_can_be_chosen(client: Client) -> None:
    other = [dict(each, research_house="South", value=0.2) for each in FEW[:6]]
    found = {house: client.get_history("compass", house=house, figures=[*FEW, *other]) for house in (None, "South")}
    assert (found[None].house, found["South"].house) == ("North", "South")  # most figures; the one asked for
    assert found["South"].share[0][0] == pytest.approx(0.2, abs=0.01)


def test_totals_that_figures_state_give_revenue(client: Client) -> None:
    amounts = [
        row(f"{year}Q{q}", "TOTAL", 5.0 + year - 2020 + q / 10, measure="spend_usd_bn", decimals=2)
        for year in (2020, 2021)
        for q in (1, 2, 3, 4)
    ]
    revenue = client.forecast("compass", figures=[*FEW, *amounts], revenue=True, horizon=2).revenue
    assert revenue is not None
    assert revenue.unit == "USD bn"


CROWD = [row("2020Q1", f"P{n}", 0.0001) for n in range(600)]
BAD: list[tuple[str, dict[str, Any], type[Exception], str]] = [
    ("value", {"figures": [*FEW[:3], row("2020Q1", "Cole", 33.0)]}, InvalidTable, r"row 4: value is 33; expected "),
    ("no row", {"figures": []}, InvalidTable, "0 rows"),
    ("type", {"figures": [*FEW, {"value": "much"}]}, InvalidArgument, r"figures.rows\[16\].value is 'much'"),
    ("column", {"figures": [{"prize": 1}]}, InvalidArgument, r"figures.rows\[0\] is 'prize'"),
    ("market", {"figures": [dict(FEW[0], market="b")]}, NotFound, "market 'compass' is not known; known: b"),
    ("house", {"figures": FEW, "house": "canalys"}, NotFound, "house 'canalys' is not known; known: North"),
    ("early", {"figures": FEW, "as_of": "2019-01-01"}, NotEnoughData, "as of 2019-01-01"),
    ("rows", {"figures": FEW * (MOST_ROWS // 16 + 1)}, InvalidArgument, "figures.rows has more than 20000 entries"),
    (
        "crowd",
        {"figures": CROWD},
        InvalidArgument,
        "rows have too many cells: 600 providers over 4 quarters; 500",
    ),
]


@pytest.mark.parametrize(("options", "error", "text"), [bad[1:] for bad in BAD], ids=[bad[0] for bad in BAD])
@pytest.mark.parametrize("method", ["forecast", "get_history"])
def test_bad_figures_are_refused_by_row_column_and_value(
    client: Client, method: str, options: dict[str, Any], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        getattr(client, method)("compass", **options)


def test_shares_and_figures_at_once_are_refused(client: Client) -> None:
    with pytest.raises(InvalidArgument, match="figures cannot stand beside shares; send one of the two"):
        client.forecast("compass", figures=FEW, shares=[{"period": "2020Q1", "provider": "A", "share": 1.0}])


def test_both_clients_bring_figures_alike(server: Server, client: Client) -> None:
    async def ask() -> tuple[ForecastResult, HistoryResult]:
        async with AsyncClient(server.address) as other:
            return await other.forecast("compass", figures=FEW), await other.get_history("compass", figures=iter(FEW))

    made, history = asyncio.run(ask())
    assert made == client.forecast("compass", figures=FEW)
    np.testing.assert_array_equal(history.share, client.get_history("compass", figures=FEW).share)
