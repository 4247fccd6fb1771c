from __future__ import annotations

import math
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from forecast.data import make_figures
from forecast.errors import InvalidTable
from forecast.schema import (
    AMOUNT_RULES,
    FIGURES_RULES,
    MEASURE_UNITS,
    SHARES_RULES,
    check_figures,
    period_end,
    published_readings,
)


def corrupt(frame: pl.DataFrame, row: int, column: str, value: object) -> pl.DataFrame:
    cells = frame[column].to_list()
    cells[row] = value
    return frame.with_columns(pl.Series(column, cells, dtype=frame.schema[column]))


def raw_figure(**changes: object) -> dict[str, object]:
    return {
        "market": "cn-cloud",
        "research_house": "canalys",
        "period": "2020Q3",
        "providers": "Alibaba Cloud|Tencent Cloud",
        "measure": "share",
        "unit": "fraction",
        "value": 0.57,
        "qualifier": "about",
        "decimals": 0,
        "published": "2020-12-18",
        "source_url": "https://example.org/a",
        **changes,
    }


def test_figures_get_all_columns_and_the_unit_of_their_measure() -> None:
    plain = {key: value for key, value in raw_figure().items() if key not in ("unit", "published", "source_url")}
    checked = check_figures(pl.DataFrame([plain, {**plain, "measure": "units_mn", "value": 81.5}]))
    assert checked["unit"].to_list() == ["fraction", "million units"]
    assert checked["note"].null_count() == 2 and checked.width == 15


@settings(deadline=None, max_examples=60)
@given(
    st.sampled_from(
        [
            ("market", " ", "market_not_blank"),
            ("research_house", None, "research_house_not_blank"),
            ("period", "2020Q0", "period_is_quarter_or_year"),
            ("period", "20", "period_is_quarter_or_year"),
            ("providers", "A||B", "providers_not_blank"),
            ("providers", None, "providers_not_blank"),
            ("providers", "A|B| A", "providers_differ"),
            ("measure", "shares", "measure_known"),
            ("unit", "percent", "unit_of_measure"),
            ("value", 57.0, "value_of_measure"),
            ("value", math.nan, "value_of_measure"),
            ("value", None, "value_of_measure"),
            ("qualifier", "roughly", "qualifier_known"),
            ("decimals", None, "decimals_in_range"),
            ("decimals", 9, "decimals_in_range"),
            ("published", "last week", "published_is_date"),
            ("published", "2020-13", "published_is_date"),
            ("published", "2021-02-30", "published_is_date"),
            ("published", "'31 31 2022' as printed", "published_is_date"),
            ("published", "2020-09-30", "published_after_period"),
            ("source_url", "see the mail of Tuesday", "source_url_is_address"),
        ]
    ),
    st.integers(0, 4),
)
def test_one_bad_cell_of_a_figure_is_named_with_its_row_and_rule(bad: tuple[str, object, str], row: int) -> None:
    column, value, rule = bad
    frame = corrupt(pl.DataFrame([raw_figure() for _ in range(5)]), row, column, value)
    with pytest.raises(InvalidTable, match=column) as caught:
        check_figures(frame)
    assert (rule, row + 1, column) in [(v.rule, v.row, v.column) for v in caught.value.violations]


def test_every_shipped_raw_figure_passes_every_rule() -> None:
    raw = pl.read_csv(
        str(make_figures.__file__).replace("make_figures.py", "raw/figures.csv"), infer_schema_length=None
    )
    assert check_figures(raw).drop("decimals").equals(raw.drop("decimals"))


def test_rules_have_names_of_their_own_and_say_what_is_allowed() -> None:
    for rules in (SHARES_RULES, AMOUNT_RULES, FIGURES_RULES):
        assert len({rule.name for rule in rules}) == len(rules)
        assert all(rule.allowed for rule in rules)
    assert set(MEASURE_UNITS) == {"share", "yoy_growth", "spend_usd_bn", "units_mn", "amount"}


def test_a_period_ends_on_its_last_day() -> None:
    ends = pl.DataFrame({"period": ["2020Q1", "2020Q4", "2019", "2020Q9", "x", None]}).select(period_end()).to_series()
    assert ends.to_list() == [date(2020, 3, 31), date(2020, 12, 31), date(2019, 12, 31), None, None, None]


def test_a_day_and_a_month_are_read_in_both_orders() -> None:
    frame = pl.DataFrame({"published": ["'9 11 2022' as printed", "25.12.2020", "2022-11-09"]})
    day_first, month_first = published_readings()
    assert frame.select(day_first).to_series().to_list() == [date(2022, 11, 9), date(2020, 12, 25), None]
    assert frame.select(month_first).to_series().to_list() == [date(2022, 9, 11), None, None]
