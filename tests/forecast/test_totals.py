import math
from datetime import date

import numpy as np
import polars as pl
import pytest

from forecast.errors import InvalidArgument
from forecast.figures import load_breaks, load_figures
from forecast.quarter import Quarter
from forecast.totals import Totals, given_totals, read_totals

Q = Quarter.parse


def table(rows: list[tuple[str, str, float, int]], **changed: object) -> pl.DataFrame:
    """Curated figures of a market's totals: period, measure, value, decimals; published in the order given."""
    n = len(rows)
    columns: dict[str, object] = {
        "market": ["m"] * n,
        "house": ["h"] * n,
        "period": [row[0] for row in rows],
        "annual": [False] * n,
        "providers": ["TOTAL"] * n,
        "measure": [row[1] for row in rows],
        "value": [row[2] for row in rows],
        "qualifier": ["exact"] * n,
        "decimals": [row[3] for row in rows],
        "mark": ["ok"] * n,
        "note": [""] * n,
        "unit": ["usd_bn" if row[1] == "spend_usd_bn" else "fraction" for row in rows],
        "published_at": [date(2020, 1, 1 + i) for i in range(n)],
    }
    return pl.DataFrame({**columns, **changed})


def read(figures: pl.DataFrame, breaks: tuple[str, ...] = ()) -> Totals:
    found = read_totals(figures, market="m", house="h", breaks=[Q(b) for b in breaks])
    assert found is not None
    return found


YEARS = [(f"{year}Q{n}", "spend_usd_bn", 10.0 + n + year - 2018, 2) for year in (2018, 2019) for n in (1, 2, 3, 4)]


def test_totals_stand_as_stated_where_growth_agrees_or_is_silent() -> None:
    growth = [("2019Q1", "yoy_growth", 0.09, 0), ("2019Q3", "yoy_growth", 0.077, 1)]  # 12 / 11 and 14 / 13
    for rows in (YEARS, YEARS + growth):
        found = read(table(rows))
        np.testing.assert_allclose(found.amount, [11, 12, 13, 14, 12, 13, 14, 15], rtol=1e-12)
        assert found.notes == ()
        assert (found.measure, found.unit) == ("spend_usd_bn", "USD bn")


def test_growth_on_a_new_base_restates_the_year_before_and_what_stands_beside_it() -> None:
    # The release of 2019Q1 says +50 %: 2018Q1 must have become 8 in place of 11.
    found = read(table([*YEARS, ("2019Q1", "yoy_growth", 0.5, 0)]))
    factor = 8.0 / 11.0
    np.testing.assert_allclose(found.amount, [11 * factor, 12 * factor, 13 * factor, 14 * factor, 12, 13, 14, 15])
    np.testing.assert_allclose(found.stated, [11, 12, 13, 14, 12, 13, 14, 15])
    assert found.notes == (
        "restated by the growth of later releases: 4 totals up to 2018Q4, the most 2018Q1 from 11 to 8 USD bn",
    )


def test_restatements_of_several_years_add_up() -> None:
    rows = [("2017Q1", "spend_usd_bn", 10.0, 2), *YEARS]
    growth = [
        ("2018Q1", "yoy_growth", 0.375, 1),
        ("2019Q1", "yoy_growth", 0.5, 0),
    ]  # 11 / 8, then 12 / 8 in place of 11
    found = read(table(rows + growth))
    assert found.amount[0] == pytest.approx(8.0 * 8.0 / 11.0)


def test_a_base_is_not_carried_over_a_declared_break_without_growth_that_spans_it() -> None:
    rows = [(f"2017Q{n}", "spend_usd_bn", 5.0, 2) for n in (1, 2, 3, 4)] + YEARS
    lost = read(table(rows), ("2018Q1",))
    assert str(lost.quarters[0]) == "2018Q1"
    assert lost.notes == ("not used, as nothing ties them to the newest base: 2017Q1, 2017Q2, 2017Q3, 2017Q4",)
    tied = read(table([*rows, ("2018Q3", "yoy_growth", 0.3, 2)]), ("2018Q1",))
    np.testing.assert_allclose(tied.amount[:4], 13.0 / 1.3)


def test_gaps_are_filled_from_growth_of_the_year_after_and_of_the_quarter_itself() -> None:
    rows = [row for row in YEARS if row[0] not in ("2018Q2", "2019Q4")]
    growth = [("2019Q2", "yoy_growth", 0.25, 0), ("2019Q4", "yoy_growth", 0.1, 0)]
    found = read(table(rows + growth))
    assert [str(q) for q in found.quarters][-1] == "2019Q4"
    assert found.amount[1] == pytest.approx(13.0 / 1.25)
    assert found.amount[7] == pytest.approx(14.0 * 1.1)
    assert np.isnan(found.stated[[1, 7]]).all()
    assert found.notes == ("filled from growth: 2018Q2, 2019Q4",)


def test_what_was_said_last_counts_and_vague_words_beside_a_number_do_not() -> None:
    rows = [*YEARS, ("2019Q4", "spend_usd_bn", 16.0, 2), ("2019Q4", "spend_usd_bn", 10.0, 0)]
    found = read(table(rows, qualifier=["exact"] * 9 + ["more_than"]))
    assert found.amount[-1] == pytest.approx(16.0)
    vague = read(table(YEARS, qualifier=["exact"] * 7 + ["more_than"]))
    assert vague.amount[-1] == pytest.approx(15.0 + 0.005)
    slip = read(table(rows[:9], mark=["ok"] * 8 + ["slip"]))
    assert slip.amount[-1] == pytest.approx(15.0)


def test_figures_published_later_do_not_count() -> None:
    found = read_totals(table(YEARS), market="m", house="h", as_of=date(2020, 1, 6))
    assert found is not None
    assert str(found.quarters[-1]) == "2019Q2"
    assert read_totals(table(YEARS), market="m", house="h", as_of=date(2019, 1, 6)) is None
    assert read_totals(table(YEARS), market="m", house="other") is None


@pytest.mark.parametrize(
    ("market", "house", "measure", "newest"),
    [
        ("cn-cloud", "canalys", "spend_usd_bn", 14.7),
        ("world-cloud", "canalys", "spend_usd_bn", 110.9),
        ("world-cloud", "synergy", "spend_usd_bn", 119.1),
        ("world-smartphones", "idc", "units_mn", 336.3),
    ],
)
def test_the_shipped_markets_have_totals_that_grow_as_published(
    market: str, house: str, measure: str, newest: float
) -> None:
    figures, breaks = load_figures(), load_breaks()
    mine = breaks.filter(pl.col("market") == market, pl.col("house") == house)["period"]
    found = read_totals(figures, market=market, house=house, breaks=[Q(period) for period in mine])
    assert found is not None
    assert found.measure == measure
    assert found.amount[-1] == pytest.approx(newest, abs=0.06)
    said = figures.filter(
        pl.col("market") == market,
        pl.col("house") == house,
        pl.col("providers") == "TOTAL",
        pl.col("measure") == "yoy_growth",
        pl.col("qualifier") == "exact",
        pl.col("mark") == "ok",
        ~pl.col("annual"),
    )
    place = {str(q): t for t, q in enumerate(found.quarters)}
    gaps = [
        abs(found.amount[place[period]] / found.amount[place[period] - 4] - 1.0 - growth)
        for period, growth in said.select("period", "value").iter_rows()
        if place.get(period, 0) >= 4
    ]
    assert len(gaps) > 15
    assert np.nanmedian(gaps) < 0.01


def test_totals_given_by_hand_have_gaps_and_a_unit() -> None:
    start = Quarter.parse("2024Q1")
    found = given_totals({start + 3: 12.0, start: 10.0}, "EUR mn")
    assert (found.unit, found.quarters) == ("EUR mn", tuple(start + n for n in range(4)))
    np.testing.assert_array_equal(found.amount, [10.0, np.nan, np.nan, 12.0])
    for wrong, said in (
        ({}, "are empty"),
        ({start: 0.0}, "have 0.0 in 2024Q1"),
        ({start: math.inf}, "have inf in 2024Q1"),
    ):
        with pytest.raises(InvalidArgument, match=f"totals {said}"):
            given_totals(wrong)
    with pytest.raises(InvalidArgument, match="totals span 2002 quarters; 2000 at most"):
        given_totals({start + -2001: 1.0, start: 1.0})
