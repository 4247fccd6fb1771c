from __future__ import annotations

import math
from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forecast.data import make_figures
from forecast.errors import InvalidTable
from forecast.schema import (
    AMOUNT_RULES,
    DATED_SHARES_RULES,
    FIGURES_RULES,
    MEASURE_UNITS,
    SHARES_RULES,
    check_dated_shares,
    check_figures,
    check_shares,
    period_end,
    published_readings,
    split_valid_shares,
)

CHECKED = {"market": pl.String, "period": pl.String, "provider": pl.String, "share": pl.Float64, "decimals": pl.Int64}


@st.composite
def shares_frames(draw: st.DrawFn, least_markets: int = 1) -> pl.DataFrame:
    """Valid shares of a few markets: uneven, with nulls, rows in any order."""
    rows = []
    for market in range(draw(st.integers(least_markets, 4))):
        providers = draw(
            st.lists(st.text("ABcé 漢.", min_size=1).filter(str.strip), min_size=1, max_size=4, unique=True)
        )
        for quarter in range(draw(st.integers(1, 5))):
            parts = draw(st.lists(st.floats(0.001, 1), min_size=len(providers), max_size=len(providers)))
            named = draw(st.lists(st.booleans(), min_size=len(providers), max_size=len(providers)))
            for provider, part, told in zip(providers, parts, named, strict=True):
                share = part / sum(parts) if told else None
                rows.append((f"m{market}", f"{2019 + quarter // 4}Q{quarter % 4 + 1}", provider, share, 1))
    return pl.DataFrame(draw(st.permutations(rows)), schema=CHECKED, orient="row")


CORRUPTIONS = [
    ("share", 1.02, "share_in_unit_interval"),
    ("share", -0.001, "share_in_unit_interval"),
    ("share", math.nan, "share_in_unit_interval"),
    ("share", math.inf, "share_in_unit_interval"),
    ("period", "2020Q5", "period_is_quarter"),
    ("period", "2020", "period_is_quarter"),
    ("period", "0000Q1", "period_is_quarter"),
    ("period", "2020Q3\n", "period_is_quarter"),
    ("period", "\u0662\u0660\u0662\u0660Q3", "period_is_quarter"),  # Arabic digits
    ("period", None, "period_is_quarter"),
    ("provider", " ", "provider_not_blank"),
    ("provider", None, "provider_not_blank"),
    ("market", "", "market_not_blank"),
    ("market", None, "market_not_blank"),
    ("decimals", 7, "decimals_in_range"),
    ("decimals", -1, "decimals_in_range"),
]


def corrupt(frame: pl.DataFrame, row: int, column: str, value: object) -> pl.DataFrame:
    cells = frame[column].to_list()
    cells[row] = value
    return frame.with_columns(pl.Series(column, cells, dtype=frame.schema[column]))


@settings(deadline=None, max_examples=40)
@given(shares_frames())
def test_valid_shares_pass_unchanged_in_the_order_given(frame: pl.DataFrame) -> None:
    assert_frame_equal(check_shares(frame), frame, check_exact=True)


@settings(deadline=None, max_examples=60)
@given(shares_frames(), st.sampled_from(CORRUPTIONS), st.data())
def test_one_corrupted_cell_is_named_with_its_row_rule_and_value(
    frame: pl.DataFrame, corruption: tuple[str, object, str], data: st.DataObject
) -> None:
    column, value, rule = corruption
    row = data.draw(st.integers(0, frame.height - 1))
    with pytest.raises(InvalidTable, match=column) as caught:
        check_shares(corrupt(frame, row, column, value), table="mine.csv")
    named = [v for v in caught.value.violations if v.rule == rule]
    assert [(v.row, v.column) for v in named] == [(row + 1, column)]
    assert str(caught.value).startswith("mine.csv: ")


@settings(deadline=None, max_examples=40)
@given(shares_frames(least_markets=2), st.sampled_from(CORRUPTIONS[:12]), st.data())
def test_a_bad_market_goes_to_the_errors_and_the_rest_goes_on(
    frame: pl.DataFrame, corruption: tuple[str, object, str], data: st.DataObject
) -> None:
    column, value, rule = corruption
    row = data.draw(st.integers(0, frame.height - 1))
    market = frame["market"][row]
    valid, errors = split_valid_shares(corrupt(frame, row, column, value))
    assert_frame_equal(valid, frame.filter(pl.col("market") != market), check_exact=True)
    assert errors.columns == ["market", "code", "message"]
    assert errors.select("market", "code").rows() == [(market, "invalid_shares")]
    assert column in errors["message"][0] and f"row {row + 1}: " in errors["message"][0]
    assert rule not in errors["message"][0]


def test_several_bad_markets_are_told_once_each_with_counts() -> None:
    frame = pl.DataFrame(
        {
            "market": ["b"] * 7 + ["ok", None, "a"],
            "period": ["2020Q1"] * 10,
            "provider": ["x", "x", "x", "x", "x", "x", "x", "p", "p", "q"],
            "share": [0.01] * 7 + [0.5, 0.5, 3.0],
        }
    )
    valid, errors = split_valid_shares(frame)
    assert valid["market"].to_list() == ["ok"]
    assert errors["market"].to_list() == ["b", "", "a"]
    assert errors["message"][0].count("given before") == 5 and errors["message"][0].endswith(" and 1 more")


def test_split_gives_an_empty_errors_frame_when_all_is_well() -> None:
    valid, errors = split_valid_shares(pl.DataFrame({"period": ["2020Q1"], "provider": ["A"], "share": [0.4]}))
    assert valid.height == 1
    assert errors.is_empty() and errors.columns == ["market", "code", "message"]


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "", None]),
            st.sampled_from(["2020Q1", "2020Q2", "2020", None]),
            st.sampled_from(["A", "B", "C", " ", None]),
            st.sampled_from([0.3, 0.5, 0.52, 1.02, -0.1, math.nan, None]),
            st.just(1),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_the_cheap_look_at_a_rule_says_fit_only_where_every_row_is(rows: list[tuple[object, ...]]) -> None:
    frame = pl.DataFrame(rows, schema=CHECKED, orient="row")
    for rule in SHARES_RULES:
        if rule.surely is not None:
            sure = frame.select(rule.surely).item()
            fit = frame.select(rule.passes.fill_null(value=False).all()).item()
            assert fit if sure else True, rule.name


@settings(deadline=None, max_examples=30)
@given(shares_frames())
def test_the_cheap_look_is_enough_for_a_table_that_keeps_every_rule(frame: pl.DataFrame) -> None:
    for rule in SHARES_RULES:
        assert rule.surely is None or frame.select(rule.surely).item(), rule.name


def test_rows_of_a_longer_table_are_numbered_from_its_first() -> None:
    frame = pl.DataFrame({"market": "m", "period": ["2020Q1", "2020Q2"], "provider": "A", "share": [0.5, 1.5]})
    _, errors = split_valid_shares(frame, first_row=1001)
    assert errors["message"].to_list() == [
        "row 1002: share is 1.5; expected a fraction of 0 to 1, or null where not reported"
    ]


def test_a_quarter_may_sum_to_1_02_and_no_more() -> None:
    def quarter(last: float) -> pl.DataFrame:
        return pl.DataFrame({"period": ["2020Q3"] * 3, "provider": ["A", "B", "C"], "share": [0.41, 0.5, last]})

    assert check_shares(quarter(0.11)).height == 3
    with pytest.raises(
        InvalidTable, match=r"row 1: column share: sum 1\.03 of market 2020Q3; expected shares of a quarter that"
    ):
        check_shares(quarter(0.12))


def test_a_cell_given_twice_names_the_second_row() -> None:
    frame = pl.DataFrame({"period": ["2020Q3", "2020Q4", "2020Q3"], "provider": ["A"] * 3, "share": [0.2, 0.3, 0.2]})
    with pytest.raises(
        InvalidTable, match="row 3: column provider: A of 2020Q3 in market, given before; expected one row per market"
    ):
        check_shares(frame)


def test_a_table_without_market_is_one_market_and_missing_decimals_are_null() -> None:
    checked = check_shares(pl.DataFrame({"provider": ["A"], "period": ["2020Q3"], "share": [1]}))
    assert checked.rows() == [("market", "2020Q3", "A", 1.0, None)]
    assert dict(checked.schema) == CHECKED


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.floats(0, 1e6), min_size=3, max_size=3), min_size=1, max_size=5))
def test_amounts_become_shares_of_their_quarter(amounts: list[list[float]]) -> None:
    frame = pl.DataFrame(
        {
            "period": [f"{2000 + q}Q1" for q in range(len(amounts)) for _ in "ABC"],
            "provider": ["A", "B", "C"] * len(amounts),
            "value": [amount for quarter in amounts for amount in quarter],
        }
    )
    shares = check_shares(frame)["share"].to_list()
    for q, quarter in enumerate(amounts):
        found = shares[3 * q : 3 * q + 3]
        if sum(quarter) == 0:
            assert found == [None] * 3
        else:
            assert found == pytest.approx([amount / sum(quarter) for amount in quarter])


def test_a_missing_amount_leaves_the_whole_quarter_unreported() -> None:
    frame = pl.DataFrame(
        {"period": ["2020Q1", "2020Q1", "2020Q2", "2020Q2"], "provider": ["A", "B"] * 2, "value": [3, None, 3, 1]}
    )
    assert check_shares(frame)["share"].to_list() == [None, None, 0.75, 0.25]


@pytest.mark.parametrize("amount", [-1.0, math.nan, math.inf, 1e101])
def test_an_amount_outside_its_range_is_named(amount: float) -> None:
    frame = pl.DataFrame({"period": ["2020Q1"] * 2, "provider": ["A", "B"], "value": [3.5, amount]})
    with pytest.raises(InvalidTable, match=r"row 2: value is .*; expected an amount of 0"):
        check_shares(frame)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"shar": [0.1]}, "column shar: unknown column; expected .* did you mean 'share'"),
        ({"share": [0.1], "Provider": ["A"]}, "did you mean 'provider'"),
        ({"share": [0.1], "value": [3.0]}, "both share and value are there; expected one of the two"),
        ({}, "neither share nor value is there"),
        ({"share": ["0.1"]}, r"row 1: column share: text '0\.1'; expected a number"),
        ({"share": [True]}, "column share: Boolean True; expected a number"),
        ({"share": [[0.1, 0.2]]}, r"column share: List\(Float64\) \[0\.1, 0\.2\]; expected a number"),
        ({"share": [0.1], "decimals": ["one"]}, "column decimals: text 'one'; expected "),
        ({"share": [0.1], "market": [3]}, "column market: Int64 3; expected text"),
    ],
)
def test_columns_that_do_not_fit_are_named(columns: dict[str, list[object]], message: str) -> None:
    frame = pl.DataFrame({"period": ["2020Q1"], "provider": ["A"], **columns})
    for check in (check_shares, split_valid_shares):
        with pytest.raises(InvalidTable, match=message):
            check(frame)


def test_all_faults_of_the_columns_are_told_at_once_and_an_empty_table_is_refused() -> None:
    with pytest.raises(InvalidTable) as caught:
        check_shares(pl.DataFrame({"quarter": [], "share": []}))
    assert {v.rule for v in caught.value.violations} == {"known_columns", "has_rows", "required_columns"}
    assert all(v.row == 0 for v in caught.value.violations)


def test_a_column_of_nulls_has_every_type() -> None:
    frame = pl.DataFrame({"period": ["2020Q1"], "provider": ["A"], "share": [None], "decimals": [None]})
    assert check_shares(frame).rows() == [("market", "2020Q1", "A", None, None)]


def test_a_decimals_column_of_whole_floats_passes_and_a_half_is_named() -> None:
    frame = pl.DataFrame(
        {"period": ["2020Q1"] * 2, "provider": ["A", "B"], "share": [0.1, 0.2], "decimals": [1.0, None]}
    )
    assert check_shares(frame)["decimals"].to_list() == [1, None]
    with pytest.raises(InvalidTable, match=r"row 2: decimals is 0\.5; expected "):
        check_shares(corrupt(frame, 1, "decimals", 0.5))


def test_only_the_first_hundred_violations_are_listed_and_all_are_counted() -> None:
    frame = pl.DataFrame({"period": ["2020Q1"] * 150, "provider": [f"p{i}" for i in range(150)], "share": [2.0] * 150})
    with pytest.raises(InvalidTable, match=r"rows 1 to 100: share is 2; expected .*\n  and 50 more") as caught:
        check_shares(frame)
    assert caught.value.total == 150
    assert [v.row for v in caught.value.violations] == list(range(1, 101))


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
    assert set(MEASURE_UNITS) == {"share", "yoy_growth", "spend_usd_bn", "units_mn"}


def test_a_period_ends_on_its_last_day() -> None:
    ends = pl.DataFrame({"period": ["2020Q1", "2020Q4", "2019", "2020Q9", "x", None]}).select(period_end()).to_series()
    assert ends.to_list() == [date(2020, 3, 31), date(2020, 12, 31), date(2019, 12, 31), None, None, None]


def test_a_day_and_a_month_are_read_in_both_orders() -> None:
    frame = pl.DataFrame({"published": ["'9 11 2022' as printed", "25.12.2020", "2022-11-09"]})
    day_first, month_first = published_readings()
    assert frame.select(day_first).to_series().to_list() == [date(2022, 11, 9), date(2020, 12, 25), None]
    assert frame.select(month_first).to_series().to_list() == [date(2022, 9, 11), None, None]


def dated(**columns: object) -> pl.DataFrame:
    """Two rows of a table of shares to be kept, with some columns put in place of good ones."""
    good: dict[str, object] = {
        "market": ["m", "m"],
        "period": ["2020Q3", "2020Q3"],
        "provider": ["A", "B"],
        "share": [0.4, 0.6],
        "published_at": ["2020-11-02", None],
    }
    return pl.DataFrame({**good, **columns})


@pytest.mark.parametrize(
    "days",
    [
        ["2020-11-02", None],
        pl.Series([date(2020, 11, 2), None]),
        pl.Series([datetime(2020, 11, 2, 9, 30), None]),
    ],
)
def test_days_of_publication_may_be_text_dates_or_moments(days: object) -> None:
    assert check_dated_shares(dated(published_at=days))["published_at"].to_list() == [date(2020, 11, 2), None]
    assert check_dated_shares(dated().drop("published_at"))["published_at"].to_list() == [None, None]


def test_a_cell_may_stand_once_for_every_day_and_each_day_sums_by_itself() -> None:
    twice = dated(provider=["A", "A"], share=[0.9, 0.8], published_at=["2020-11-02", "2021-02-02"])
    assert check_dated_shares(twice)["share"].to_list() == [0.9, 0.8]
    with pytest.raises(
        InvalidTable, match="given before; expected one row per market, period, provider and published_at"
    ):
        check_dated_shares(twice.with_columns(published_at=pl.lit("2020-11-02")))
    amounts = twice.rename({"share": "value"}).vstack(
        dated(share=[3.0, 1.0], published_at=["2020-11-02"] * 2).rename({"share": "value"}).tail(1)
    )
    assert check_dated_shares(amounts)["share"].to_list() == [pytest.approx(0.9 / 1.9), 1.0, pytest.approx(1 / 1.9)]


def test_spaces_around_names_do_not_count_in_what_is_kept() -> None:
    checked = check_dated_shares(dated(market=[" m", "m "], provider=["A ", "B"]))
    assert checked["market"].to_list() == ["m", "m"]
    with pytest.raises(
        InvalidTable,
        match="row 2: column provider: A of 2020Q3 in m, given before; expected one row per market",
    ):
        check_dated_shares(dated(provider=["A", " A"], published_at=[None, None]))


@pytest.mark.parametrize(
    ("rule", "columns"),
    [
        ("market_is_plain", {"market": ["m", "m" * 201]}),
        ("market_is_plain", {"market": ["m", "m\0"]}),
        ("provider_is_plain", {"provider": ["A", "B\nC"]}),
        ("provider_is_one", {"provider": ["A", "B|C"]}),
        ("provider_is_one", {"provider": ["A", "TOP3"]}),
        ("provider_is_one", {"provider": ["A", "TOTAL"]}),
        ("published_at_is_day", {"published_at": [None, "2020-11"]}),
        ("published_at_is_day", {"published_at": [None, "2020-11-31"]}),
        ("published_after_period", {"published_at": [None, "2020-09-30"]}),
        ("share_in_unit_interval", {"share": [0.4, float("nan")]}),
        ("period_is_quarter", {"period": ["2020Q3", "2020"]}),
    ],
)
def test_a_rule_of_shares_to_be_kept_names_the_row_that_breaks_it(rule: str, columns: dict[str, object]) -> None:
    assert rule in {r.name for r in DATED_SHARES_RULES}
    with pytest.raises(InvalidTable, match=rf"row 2: {next(iter(columns))} is .*; expected ") as caught:
        check_dated_shares(dated(**columns))
    assert rule in {violation.rule for violation in caught.value.violations}


def test_shares_to_be_kept_need_the_name_of_their_market() -> None:
    with pytest.raises(InvalidTable, match="column market: missing; expected a column of that name"):
        check_dated_shares(dated().drop("market"))
