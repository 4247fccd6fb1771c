from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forecast.errors import NotFound
from forecast.figures import CURATED_SCHEMA, RESTATED_AFTER_DAYS, known_as_of, load_figures
from forecast.listing import RESTATEMENTS_SCHEMA, doubtful_figures, restatements, select_figures

FIGURES = load_figures()
MARKETS = st.none() | st.sampled_from(["cn-cloud", "world-cloud", "world-smartphones"])


def stated(*rows: tuple[float, int, str, str]) -> pl.DataFrame:
    """Statements of one share: value, decimals, date, and qualifier or "slip"."""
    template = FIGURES.filter(pl.col("market") == "cn-cloud", pl.col("measure") == "share").head(1)
    return pl.concat(
        [
            template.with_columns(
                figure_id=pl.lit(number, dtype=pl.Int64),
                value=pl.lit(value),
                decimals=pl.lit(decimals, dtype=pl.Int64),
                published_at=pl.lit(date.fromisoformat(day)),
                qualifier=pl.lit("exact" if kind == "slip" else kind),
                mark=pl.lit("slip" if kind == "slip" else "ok"),
            )
            for number, (value, decimals, day, kind) in enumerate(rows, start=1)
        ]
    )


def changes(*rows: tuple[float, int, str, str]) -> list[tuple[int, int]]:
    return restatements(stated(*rows)).select("old_figure_id", "new_figure_id").rows()


def test_all_figures_are_listed_when_nothing_is_asked() -> None:
    found = select_figures(FIGURES)
    assert found.schema == CURATED_SCHEMA
    assert_frame_equal(found, FIGURES, check_row_order=False)


@settings(deadline=None)
@given(market=MARKETS, period=st.none() | st.sampled_from(["2020Q3", "2019", "2011Q1"]), data=st.data())
def test_a_figure_is_listed_just_when_every_filter_fits(
    market: str | None, period: str | None, data: st.DataObject
) -> None:
    of_market = FIGURES if market is None else FIGURES.filter(pl.col("market") == market)
    house = data.draw(st.none() | st.sampled_from(of_market["house"].unique().sort().to_list()))
    of_house = of_market if house is None else of_market.filter(pl.col("house") == house)
    names = of_house["providers"].str.split("|").explode().unique().sort().to_list()
    provider = data.draw(st.none() | st.sampled_from(names))
    found = select_figures(FIGURES, market=market, house=house, period=period, provider=provider)
    kept = {
        row["figure_id"]
        for row in FIGURES.iter_rows(named=True)
        if (market is None or row["market"] == market)
        and (house is None or row["house"] == house)
        and (period is None or row["period"] == period)
        and (provider is None or provider in row["providers"].split("|"))
    }
    assert set(found["figure_id"]) == kept
    assert len(found) == len(kept)


@settings(deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_order_of_the_list_does_not_depend_on_the_order_of_the_rows(seed: int) -> None:
    shuffled = FIGURES.sample(fraction=1, shuffle=True, seed=seed)
    assert_frame_equal(select_figures(shuffled), select_figures(FIGURES))


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (
            {"market": "cn-clout"},
            "market 'cn-clout' is not known; did you mean cn-cloud. known: cn-cloud, world-cloud, world-smartphones",
        ),
        ({"market": "cn-cloud", "house": "idc"}, "house 'idc' is not known; known: canalys"),
        ({"house": "gartner"}, "house 'gartner' is not known; known: abi, canalys"),
        ({"market": "cn-cloud", "provider": "Kodak"}, "provider 'Kodak' is not known; known: AWS, Alibaba"),
    ],
)
def test_a_name_that_no_figure_carries_is_told_with_those_there_are(question: dict[str, str], message: str) -> None:
    with pytest.raises(NotFound, match=message):
        select_figures(FIGURES, **question)


def test_the_figures_of_china_that_are_doubted_stand_beside_what_contradicts_them() -> None:
    found = doubtful_figures(select_figures(FIGURES, market="cn-cloud", period="2023Q1"))
    assert found.select("value", "mark").rows() == [(0.79, "ok"), (0.97, "slip")]
    assert found["providers"].unique().to_list() == ["Alibaba Cloud|Baidu AI Cloud|Huawei Cloud|Tencent Cloud"]


def test_a_cell_that_nothing_contradicts_is_not_doubtful() -> None:
    found = doubtful_figures(FIGURES)
    cell = ["market", "house", "period", "providers", "measure"]
    marked = FIGURES.filter(pl.col("mark") != "ok").select(cell).unique()
    assert_frame_equal(found.select(cell).unique(), marked, check_row_order=False)
    assert len(found) == len(FIGURES.join(marked, on=cell, how="semi"))


def test_the_revision_of_august_2024_is_found() -> None:
    found = restatements(select_figures(FIGURES, market="world-cloud", house="canalys"))
    assert found.schema == RESTATEMENTS_SCHEMA
    azure = found.filter(pl.col("providers") == "Azure", pl.col("period") == "2023Q2", pl.col("measure") == "share")
    (row,) = azure.iter_rows(named=True)
    assert (row["old_value"], row["new_value"]) == (0.26, 0.18)
    assert (row["old_published_at"], row["new_published_at"]) == (date(2023, 8, 31), date(2024, 8, 31))
    assert (row["old_publisher"], row["new_publisher"]) == ("VoIP Caller", "Canalys")
    ids = FIGURES.filter(pl.col("figure_id").is_in([row["old_figure_id"], row["new_figure_id"]]))
    assert sorted(ids["value"]) == [0.18, 0.26]


def test_a_value_that_cannot_be_right_beside_an_earlier_one_restates_it() -> None:
    assert changes((0.33, 0, "2020-05-01", "exact"), (0.35, 0, "2021-05-01", "exact")) == [(1, 2)]


def test_the_same_value_printed_finer_restates_nothing() -> None:
    assert changes((0.33, 0, "2020-05-01", "exact"), (0.334, 1, "2021-05-01", "exact")) == []
    assert changes((0.33, 0, "2020-05-01", "exact"), (0.345, 1, "2021-05-01", "exact")) == [(1, 2)]


def test_about_and_bounds_leave_room() -> None:
    assert changes((0.33, 0, "2020-05-01", "about"), (0.338, 1, "2021-05-01", "exact")) == []
    assert changes((0.33, 0, "2020-05-01", "more_than"), (0.45, 0, "2021-05-01", "exact")) == []
    assert changes((0.33, 0, "2020-05-01", "more_than"), (0.30, 0, "2021-05-01", "exact")) == [(1, 2)]
    assert changes((0.33, 0, "2020-05-01", "less_than"), (0.30, 0, "2021-05-01", "exact")) == []


@pytest.mark.parametrize(("day", "found"), [("2020-06-30", []), ("2020-07-01", [(1, 2)])])
def test_values_of_about_the_same_time_are_a_conflict_and_later_ones_a_restatement(
    day: str, found: list[tuple[int, int]]
) -> None:
    assert (date(2020, 6, 30) - date(2020, 5, 1)).days == RESTATED_AFTER_DAYS
    assert changes((0.33, 0, "2020-05-01", "exact"), (0.35, 0, day, "exact")) == found


def test_each_restatement_is_told_from_the_value_before_it() -> None:
    rows = ((0.33, 0, "2020-05-01", "exact"), (0.35, 0, "2021-05-01", "exact"), (0.31, 0, "2022-05-01", "exact"))
    assert changes(*rows) == [(1, 2), (2, 3)]
    assert changes(rows[0], rows[1], (0.352, 1, "2022-05-01", "exact")) == [(1, 2)]
    assert changes(rows[0], rows[1], (0.332, 1, "2022-05-01", "exact")) == [(1, 2), (2, 3)]  # back to the first


def test_a_value_soon_after_one_that_agrees_with_an_old_one_is_a_conflict() -> None:
    rows = ((0.33, 0, "2020-05-01", "exact"), (0.334, 1, "2021-04-15", "exact"), (0.35, 0, "2021-05-01", "exact"))
    assert changes(*rows) == []
    assert changes(rows[0], rows[2]) == [(1, 2)]


def test_a_slip_restates_nothing_and_is_not_restated() -> None:
    rows = ((0.97, 0, "2020-05-01", "slip"), (0.79, 0, "2021-05-01", "exact"), (0.44, 0, "2022-05-01", "slip"))
    assert changes(*rows) == []


@settings(deadline=None)
@given(day=st.dates(date(2012, 1, 1), date(2026, 1, 1)))
def test_later_figures_change_no_earlier_restatement(day: date) -> None:
    known = restatements(FIGURES.filter(pl.col("published_at") <= day))
    later = restatements(FIGURES).filter(pl.col("new_published_at") <= day)
    assert_frame_equal(known, later)


def test_as_of_a_date_only_what_was_known_restates() -> None:
    assert restatements(known_as_of(FIGURES, date(2010, 1, 1))).height == 0
    assert restatements(FIGURES.clear()).schema == RESTATEMENTS_SCHEMA
