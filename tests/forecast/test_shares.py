from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forecast.brought import with_names
from forecast.errors import InvalidTable, RowViolation
from forecast.forecasting import forecast_shares
from forecast.many import forecast_markets
from forecast.name_changes import parse_name_change
from forecast.schema import DATED_SHARES_RULES, SHARES_RULES
from forecast.shares import check_shares, read_shares, sound_shares

CHECKED = {"market": pl.String, "period": pl.String, "provider": pl.String, "share": pl.Float64, "decimals": pl.Int64}
TYPED = {**CHECKED, "qualifier": pl.String}


@st.composite
def shares_frames(draw: st.DrawFn, least_markets: int = 1) -> pl.DataFrame:
    """Valid shares of a few markets: uneven, with nulls, rows in any order."""
    rows = []
    for market in range(draw(st.integers(least_markets, 4))):
        providers = draw(
            st.lists(st.sampled_from(["Abc", "é漢", "B.x", "Cd", "Éz", "9", "AB"]), min_size=1, max_size=4, unique=True)
        )
        for quarter in range(draw(st.integers(1, 5))):
            parts = draw(st.lists(st.floats(0.001, 1), min_size=len(providers), max_size=len(providers)))
            named = draw(st.lists(st.booleans(), min_size=len(providers), max_size=len(providers)))
            for provider, part, told in zip(providers, parts, named, strict=True):
                share = part / sum(parts) if told else None
                rows.append((f"m{market}", f"{2019 + quarter // 4}Q{quarter % 4 + 1}", provider, share, 1))
    return pl.DataFrame(draw(st.permutations(rows)), schema=CHECKED, orient="row")


CORRUPTIONS = [
    ("share", -0.001, "share_in_unit_interval"),
    ("share", math.nan, "share_in_unit_interval"),
    ("share", math.inf, "share_in_unit_interval"),
    ("period", "2020Q5", "period_is_quarter"),
    ("period", "2020", "period_is_quarter"),
    ("period", "0000Q1", "period_is_quarter"),
    ("period", "2020Q3\n", "period_is_quarter"),
    ("period", "\u0662\u0660\u0662\u0660Q3", "period_is_quarter"),  # Arabic digits
    ("provider", "\x1b[31m", "provider_is_plain"),
    ("market", "\x07", "market_is_plain"),
    ("decimals", 7, "decimals_in_range"),
    ("decimals", -1, "decimals_in_range"),
]


def corrupt(frame: pl.DataFrame, row: int, column: str, value: object) -> pl.DataFrame:
    cells = frame[column].to_list()
    cells[row] = value
    return frame.with_columns(pl.Series(column, cells, dtype=frame.schema[column]))


def violations(frame: pl.DataFrame, *, dated: bool = False) -> tuple[RowViolation, ...]:
    with pytest.raises(InvalidTable) as caught:
        sound_shares(frame, dated=dated)
    return caught.value.violations


def table(values: dict[str, list[float | None]], *, measure: str = "share", first: int = 2020) -> pl.DataFrame:
    """A market of a list of numbers per provider, a row a cell, quarter by quarter."""
    length = len(next(iter(values.values())))
    rows = [
        ("m", f"{first + t // 4}Q{t % 4 + 1}", name, cells[t]) for t in range(length) for name, cells in values.items()
    ]
    return pl.DataFrame(
        rows, schema={**dict.fromkeys(("market", "period", "provider"), pl.String), measure: pl.Float64}, orient="row"
    )


def shares_of(frame: pl.DataFrame, provider: str) -> list[float | None]:
    return frame.filter(pl.col("provider") == provider)["share"].to_list()


@settings(deadline=None, max_examples=40)
@given(shares_frames())
def test_valid_shares_pass_unchanged_in_the_order_given(frame: pl.DataFrame) -> None:
    read = read_shares(frame)
    assert_frame_equal(read.shares, frame, check_exact=True)
    assert read.refused.is_empty() and read.broken == 0


@settings(deadline=None, max_examples=60)
@given(shares_frames(), st.sampled_from(CORRUPTIONS), st.data())
def test_one_corrupted_cell_is_named_with_its_row_and_rule(
    frame: pl.DataFrame, corruption: tuple[str, object, str], data: st.DataObject
) -> None:
    column, value, rule = corruption
    row = data.draw(st.integers(0, frame.height - 1))
    named = [v for v in violations(corrupt(frame, row, column, value)) if v.rule == rule]
    assert [(v.row, v.column) for v in named] == [(row + 1, column)]


@settings(deadline=None, max_examples=40)
@given(shares_frames(least_markets=2), st.sampled_from(CORRUPTIONS[:8]), st.data())
def test_a_bad_market_is_refused_and_the_rest_goes_on(
    frame: pl.DataFrame, corruption: tuple[str, object, str], data: st.DataObject
) -> None:
    column, value, _ = corruption
    row = data.draw(st.integers(0, frame.height - 1))
    market = frame["market"][row]
    read = read_shares(corrupt(frame, row, column, value))
    assert_frame_equal(read.shares, frame.filter(pl.col("market") != market), check_exact=True)
    assert read.refused.select("market", "code").rows() == [(market, "invalid_shares")]
    assert f"row {row + 1}" in read.refused["message"][0]


@settings(deadline=None, max_examples=100)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "b", "", None]),
            st.sampled_from(["2020Q1", "2020Q2", "2020", None]),
            st.sampled_from(["A", "B", "C", " ", None]),
            st.sampled_from([0.3, 0.5, 0.52, 1.02, -0.1, math.nan, None]),
            st.just(1),
            st.none(),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_the_cheap_look_at_a_rule_says_fit_only_where_every_row_is(rows: list[tuple[object, ...]]) -> None:
    frame = pl.DataFrame(rows, schema=TYPED, orient="row")
    for rule in SHARES_RULES:
        if rule.surely is not None:
            sure = frame.select(rule.surely).item()
            fit = frame.select(rule.passes.fill_null(value=False).all()).item()
            assert fit if sure else True, rule.name


def test_rows_of_a_longer_table_are_numbered_from_its_first() -> None:
    frame = pl.DataFrame({"market": "m", "period": ["2020Q1", "2020Q2"], "provider": "A", "share": [0.5, -1.5]})
    assert [v.row for v in read_shares(frame, first_row=1001).violations] == [1002]


def test_only_the_first_hundred_violations_are_listed_and_all_are_counted() -> None:
    frame = pl.DataFrame({"period": ["2020Q1"] * 150, "provider": [f"p{i}" for i in range(150)], "share": [-1.0] * 150})
    with pytest.raises(InvalidTable) as caught:
        check_shares(frame)
    assert caught.value.total == 150
    assert [v.row for v in caught.value.violations] == list(range(1, 101))


@pytest.mark.parametrize(("last", "fits"), [(0.105, True), (0.106, False)])
def test_a_quarter_may_pass_the_whole_by_half_a_unit_of_each_share(last: float, fits: bool) -> None:
    quarter = pl.DataFrame(
        {"period": ["2020Q3"] * 3, "provider": ["A", "B", "C"], "share": [0.41, 0.5, last], "decimals": [0] * 3}
    )
    if fits:
        assert check_shares(quarter).height == 3
    else:
        (found,) = violations(quarter)
        assert (found.rule, found.row) == ("quarter_sums_to_one_at_most", 1) and "1.016" in found.value


def test_eight_whole_per_cents_may_honestly_sum_to_104() -> None:
    names = [f"P{k}" for k in range(8)]
    frame = table({name: [0.13, 0.12] for name in names})
    made = forecast_shares(frame, horizon=1)
    assert made.providers == tuple(names) and made.latest is not None
    assert abs(made.latest - 0.125).max() < 1e-12


def test_printed_decimals_are_those_that_print_every_share_and_null_where_none_do() -> None:
    assert check_shares(table({"A": [0.34, 0.341], "B": [0.66, 0.659]}))["decimals"].to_list() == [1] * 4
    assert check_shares(table({"A": [1 / 3], "B": [2 / 3]}))["decimals"].to_list() == [None] * 2


def test_a_cell_given_twice_names_the_second_row() -> None:
    frame = pl.DataFrame({"period": ["2020Q3", "2020Q4", "2020Q3"], "provider": ["A"] * 3, "share": [0.2, 0.3, 0.2]})
    assert [(v.rule, v.row) for v in violations(frame)] == [("cell_once", 3)]


def test_a_table_without_market_is_one_market() -> None:
    checked = check_shares(pl.DataFrame({"provider": ["A"], "period": ["2020Q3"], "share": [1]}))
    assert checked.rows() == [("market", "2020Q3", "A", 1.0, 0)]
    assert dict(checked.schema) == CHECKED


@pytest.mark.parametrize("columns", [{"shar": [0.1]}, {"share": [0.1], "value": [3.0]}, {}, {"share": [True]}])
def test_columns_that_do_not_fit_are_refused(columns: dict[str, list[object]]) -> None:
    with pytest.raises(InvalidTable):
        read_shares(pl.DataFrame({"period": ["2020Q1"], "provider": ["A"], **columns}))


def test_rows_without_a_cell_are_passed_over() -> None:
    good = table({"A": [0.4, 0.5], "B": [0.6, 0.5]})
    empty = pl.DataFrame([(None, None, None, None), ("", "", " ", None)], schema=good.schema, orient="row")
    assert_frame_equal(check_shares(pl.concat([good, empty])), check_shares(good))


# names


@pytest.mark.parametrize(
    "other", ["ACME é", "Acme é ", "Acme  é", "Acme\u00a0é", unicodedata.normalize("NFD", "Acme é"), "Acme é*"]
)
def test_spellings_of_one_name_are_one_provider_and_that_is_told(other: str) -> None:
    good = table({"Acme é": [0.4, 0.5, 0.5, 0.4], "B": [0.6, 0.5, 0.5, 0.6]})
    spelt = corrupt(good, 4, "provider", other)
    read = read_shares(spelt)
    assert_frame_equal(read.shares, check_shares(good))
    assert read.notes.rows() == [("m", f"{other!r} read as 'Acme é'")]
    one, two = forecast_shares(good), forecast_shares(spelt)
    assert one.mean.tobytes() == two.mean.tobytes() and two.warnings == (f"{other!r} read as 'Acme é'",)


@pytest.mark.parametrize("residual", ["Other", "others", "Rest of market", "All others", "Others*", "Sonstige"])
def test_the_residual_part_has_one_name(residual: str) -> None:
    read = read_shares(table({"A": [0.4, 0.5], residual: [0.6, 0.5]}))
    assert read.shares["provider"].unique(maintain_order=True).to_list() == ["A", "Others"]
    assert read.notes["note"].to_list() == [f"{residual!r} read as 'Others'"]


def test_an_empty_cell_beside_a_filled_one_of_the_same_provider_says_nothing() -> None:
    frame = table({"Acme": [0.4, None], "ACME": [None, 0.5], "B": [0.6, 0.5]})
    assert shares_of(check_shares(frame), "Acme") == [0.4, 0.5]


def test_two_spellings_that_contradict_each_other_are_refused_by_row() -> None:
    assert [(v.rule, v.row) for v in violations(table({"Acme": [0.4], "ACME": [0.3], "B": [0.3]}))] == [
        ("cell_once", 2)
    ]


def test_markets_that_differ_in_spelling_are_one() -> None:
    frame = table({"A": [0.4, 0.5], "B": [0.6, 0.5]}).with_columns(market=pl.Series(["m", "m", "M ", "M "]))
    assert check_shares(frame)["market"].unique().to_list() == ["m"]


@pytest.mark.parametrize(("one", "two"), [("EU (1)", "EU (2)"), ("EU", "EU (1)"), ("EU¹", "EU²")])
def test_markets_that_differ_in_a_mark_are_two(one: str, two: str) -> None:
    frame = table({"A": [0.4, 0.5], "B": [0.6, 0.5]}).with_columns(market=pl.Series([one, one, two, two]))
    assert check_shares(frame)["market"].to_list() == [one, one, two, two]


@pytest.mark.parametrize(
    ("one", "two"), [("Fund (1)", "Fund (2)"), ("Fund [a]", "Fund [b]"), ("Fund¹", "Fund²"), ("O²", "O")]
)
def test_providers_that_differ_in_a_mark_in_one_quarter_are_two_and_told(one: str, two: str) -> None:
    read = sound_shares(table({one: [0.4, 0.5], two: [0.6, 0.5]}))
    assert read.shares["provider"].to_list() == [one, two] * 2
    assert "kept with their marks, by which they differ from other names" in read.notes["note"][0]


def test_providers_that_differ_in_a_mark_in_other_quarters_are_two() -> None:
    read = sound_shares(table({"Fund (1)": [0.4, None], "Fund (2)": [None, 0.5], "B": [0.6, 0.5]}).drop_nulls())
    assert read.shares["provider"].to_list() == ["Fund (1)", "B", "Fund (2)", "B"]


@pytest.mark.parametrize("marked", ["Acme (1)", "Acme¹", "Acme [a]", "Acme² *"])
def test_a_mark_that_no_other_name_has_is_none_of_the_name(marked: str) -> None:
    read = sound_shares(table({"Acme": [0.4, None], marked: [None, 0.5], "B": [0.6, 0.5]}))
    assert shares_of(read.shares, "Acme") == [0.4, 0.5]
    assert read.notes["note"].to_list() == [f"{marked!r} read as 'Acme'"]


@pytest.mark.parametrize("unseen", ["\u00ad", "\u200b", "\u200e", "\u200f", "\u200d", "\u2060", "\ufeff"])
def test_what_nobody_sees_in_a_name_is_no_other_provider(unseen: str) -> None:
    frame = table({"Acme": [0.4, None], f"Ac{unseen}me": [None, 0.5], "B": [0.6, 0.5]}).drop_nulls()
    assert shares_of(check_shares(frame), "Acme") == [0.4, 0.5]


@pytest.mark.parametrize(("fancy", "plain"), [("\ufb01t", "fit"), ("\u2460", "1"), ("\u2163", "IV"), ("\uff21", "A")])
def test_of_two_spellings_the_plain_one_is_shown(fancy: str, plain: str) -> None:
    frame = table({fancy: [0.4, 0.4, None], plain: [None, None, 0.5], "B": [0.6, 0.6, 0.5]}).drop_nulls()
    assert shares_of(check_shares(frame), plain) == [0.4, 0.4, 0.5]
    markets = table({"A": [1.0, 1.0]}).with_columns(market=pl.Series([fancy, plain]))
    assert check_shares(markets)["market"].to_list() == [plain] * 2


def test_a_name_that_ends_where_another_begins_is_warned_of() -> None:
    frame = table(
        {
            "A": [0.5] * 4,
            "Cygnus": [0.3, 0.31, None, None],
            "Swan": [None, None, 0.29, 0.3],
            "B": [0.2, 0.19, 0.21, 0.2],
        }
    )
    (note,) = read_shares(frame.drop_nulls()).notes["note"]
    assert note.startswith("Cygnus ends in 2020Q2 and Swan begins")
    far = table(
        {"A": [0.5] * 4, "Cygnus": [0.3, 0.3, None, None], "Swan": [None, None, 0.1, 0.1], "B": [0.2, 0.2, 0.4, 0.4]}
    )
    assert read_shares(far.drop_nulls()).notes.is_empty()


# units


def test_per_cents_written_as_numbers_are_read_so_and_told() -> None:
    frame = table({"A": [34.1, 35.0], "B": [65.9, 65.0]})
    read = read_shares(frame)
    assert read.shares["share"].to_list() == pytest.approx([0.341, 0.659, 0.35, 0.65])
    assert "read as per cent" in read.notes["note"][0]
    assert read.shares["decimals"].to_list() == [1] * 4


def test_fractions_beside_per_cents_are_refused_by_quarter() -> None:
    found = violations(table({"A": [34.1, 0.35, 34.0], "B": [65.9, 0.65, 66.0]}))
    assert [(v.rule, v.row) for v in found] == [("one_unit", 3)] and "2020Q2" in found[0].value


def test_one_per_cent_among_fractions_is_refused_by_its_row() -> None:
    assert [v.row for v in violations(table({"A": [0.4, 0.4, 40.0], "B": [0.6, 0.6, 0.6]})) if v.column == "share"] == [
        5
    ]


def test_a_bound_stands_for_the_middle_of_what_it_says() -> None:
    frame = table({"A": [0.4, 0.45], "B": [0.01, 0.01], "Others": [0.59, 0.54]}).with_columns(
        qualifier=pl.Series([None, "less_than", None] * 2), decimals=pl.lit(0)
    )
    assert shares_of(check_shares(frame), "B") == [0.005, 0.005]


# sums


@pytest.mark.parametrize("name", ["Total", "Grand Total", "Gesamt", "Worldwide", "All vendors"])
@pytest.mark.parametrize("measure", ["share", "value"])
def test_a_row_that_is_the_sum_of_its_quarter_is_no_provider(name: str, measure: str) -> None:
    scale = 1.0 if measure == "share" else 317.0
    parts: dict[str, list[float | None]] = {
        "A": [0.4 * scale, 0.5 * scale, 0.45 * scale],
        "B": [0.35 * scale, 0.2 * scale, 0.25 * scale],
        "Others": [0.25 * scale, 0.3 * scale, 0.3 * scale],
    }
    plain = read_shares(table(parts, measure=measure))
    summed = read_shares(table({**parts, name: [scale] * 3}, measure=measure))
    assert_frame_equal(summed.shares, plain.shares)
    assert summed.refused.is_empty() and any(name in note for note in summed.notes["note"])


def test_a_total_of_amounts_that_names_only_some_gives_the_rest_to_others() -> None:
    read = read_shares(table({"A": [40.0, 50.0], "B": [30.0, 30.0], "Total": [100.0, 110.0]}, measure="value"))
    assert shares_of(read.shares, "A") == pytest.approx([0.4, 50 / 110])
    made = forecast_shares(read, horizon=1)
    assert made.providers == ("A", "B", "Others") and made.latest is not None
    assert made.latest[2] == pytest.approx(30 / 110)
    assert read.totals["total"].to_list() == [100.0, 110.0]


@pytest.mark.parametrize("measure", ["share", "value"])
def test_a_total_that_does_not_add_up_is_refused_by_its_row(measure: str) -> None:
    frame = table({"A": [0.5, 0.5], "B": [0.4, 0.4], "Total": [0.6, 0.6]}, measure=measure)
    assert ("row_is_provider", 3) in [(v.rule, v.row) for v in violations(frame)]


def test_a_firm_called_total_that_the_quarters_need_stays_a_provider() -> None:
    frame = table({"Total": [0.1, 0.12, 0.11], "Shell": [0.5, 0.48, 0.5], "Others": [0.4, 0.4, 0.39]})
    assert shares_of(check_shares(frame), "Total") == [0.1, 0.12, 0.11]


def test_subtotals_and_joined_names_are_recognised_by_their_numbers() -> None:
    parts: dict[str, list[float | None]] = {"AWS": [3121.0, 3250.0, 3348.0, 3290.0], "Azure": [2043.0, 2104.0] * 2}
    rest: dict[str, list[float | None]] = {"Google": [1003.0, 1101.0] * 2, "Others": [3909.0, 3612.0] * 2}
    plain = check_shares(table({**parts, **rest}, measure="value"))
    for extra in ("Subtotal US", "AWS, Azure", "AWS + Azure", "Top 2", "Hyperscalers"):
        sums: list[float | None] = [5164.0, 5354.0, 5391.0, 5394.0]
        assert_frame_equal(check_shares(table({**parts, extra: sums, **rest}, measure="value")), plain)
    wrong = table({**parts, "Top 2": [5100.0, 5354.0, 5391.0, 5394.0], **rest}, measure="value")
    assert [(v.rule, v.row) for v in violations(wrong)] == [("row_is_provider", 3)]


# amounts


@settings(deadline=None, max_examples=40)
@given(st.lists(st.lists(st.floats(0.5, 1e6), min_size=3, max_size=3), min_size=2, max_size=5))
def test_amounts_become_shares_of_their_quarter(amounts: list[list[float]]) -> None:
    frame = table({name: [row[k] for row in amounts] for k, name in enumerate("ABC")}, measure="value")
    read = read_shares(frame)
    if read.notes.height:
        return  # one is the sum of the others by chance
    for t, quarter in enumerate(amounts):
        found = read.shares["share"].to_list()[3 * t : 3 * t + 3]
        assert found == pytest.approx([amount / sum(quarter) for amount in quarter])
    assert read.totals["total"].to_list() == pytest.approx([sum(quarter) for quarter in amounts])


@pytest.mark.parametrize("absent", [True, False])
def test_a_missing_amount_is_taken_at_the_providers_own_share_and_told(absent: bool) -> None:
    frame = table({"A": [50.0, 52.0, 51.0], "B": [30.0, 28.0, 29.0], "C": [20.0, 20.0, None]}, measure="value")
    read = read_shares(frame.drop_nulls() if absent else frame)
    assert shares_of(read.shares, "A") == pytest.approx([0.5, 0.52, 51.0 / 100.0])
    made = forecast_shares(frame.drop_nulls() if absent else frame, horizon=1)
    assert str(made.origin) == "2020Q3" and made.latest is not None
    assert made.latest[2] == pytest.approx(0.2)
    assert any("no amount of C in 2020Q3" in note for note in made.warnings)


@pytest.mark.parametrize("order", [("A", "B", "C"), ("A", "C", "B")])
def test_a_quarter_of_which_most_is_missing_is_not_used_and_told(order: tuple[str, ...]) -> None:
    amounts = {"A": 60, "B": 30, "C": 10}
    rows = [("2020Q1", name, amounts[name]) for name in order] + [("2020Q2", "New", 50), ("2020Q3", "New", 55)]
    frame = pl.DataFrame([*rows, ("2020Q3", "A", 60)], schema=["period", "provider", "value"], orient="row")
    read = read_shares(frame)
    assert any("of 2020Q2 too little is known to tell the whole" in note for note in read.notes["note"])
    assert read.shares.filter(pl.col("period") == "2020Q2")["share"].to_list() == [None]
    assert read.totals["period"].to_list() == ["2020Q1", "2020Q3"]
    assert read.totals["total"].to_list() == pytest.approx([100.0, 115 / 0.6])


def test_one_fraction_among_per_cents_is_refused_by_its_row() -> None:
    rows = [(f"202{q // 4}Q{q % 4 + 1}", name, share) for q in range(6) for name, share in (("A", 50.0), ("B", 50.0))]
    rows.append(("2021Q3", "A", 0.4))
    frame = pl.DataFrame(rows, schema={"period": pl.String, "provider": pl.String, "share": pl.Float64}, orient="row")
    (message,) = read_shares(frame).refused["message"]
    assert message.startswith(
        "row 13: column share: a quarter, 2021Q3, that sums to 0.4; expected per cents throughout"
    )


def test_a_provider_without_an_amount_for_a_year_has_ended() -> None:
    frame = table({"A": [50.0] * 6, "B": [30.0] * 6, "C": [20.0, 20.0, None, None, None, None]}, measure="value")
    read = read_shares(frame)
    assert shares_of(read.shares, "A")[-1] == pytest.approx(50 / 80)
    assert any("no amount of C" in note and "counted as none" in note for note in read.notes["note"])


@pytest.mark.parametrize("amount", [-1.0, math.nan, math.inf, 1e101])
def test_an_amount_outside_its_range_is_named(amount: float) -> None:
    frame = pl.DataFrame({"period": ["2020Q1"] * 2, "provider": ["A", "B"], "value": [3.5, amount]})
    assert [(v.rule, v.row) for v in violations(frame)] == [("value_not_negative", 2)]


# many markets, and tables that are kept


def test_a_market_with_one_bad_cell_fails_alone_and_the_others_are_forecast() -> None:
    frame = pl.concat([table({"A": [0.4, 0.5], "B": [0.6, 0.5]}).with_columns(market=pl.lit(m)) for m in "abc"])
    made = forecast_markets(corrupt(frame, 5, "share", -0.2), horizon=2)
    assert made.table["market"].unique(maintain_order=True).to_list() == ["a", "c"]
    ((market, error),) = made.failures
    assert market == "b" and "row 6" in str(error)


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
    read = sound_shares(dated(published_at=days), dated=True)
    assert read.shares["published_at"].to_list() == [date(2020, 11, 2), None]
    assert sound_shares(dated().drop("published_at"), dated=True).shares["published_at"].to_list() == [None, None]


def test_a_cell_may_stand_once_for_every_day_and_each_day_sums_by_itself() -> None:
    twice = dated(provider=["A", "A"], share=[0.9, 0.8], published_at=["2020-11-02", "2021-02-02"])
    assert sound_shares(twice, dated=True).shares["share"].to_list() == [0.9, 0.8]
    again = twice.with_columns(published_at=pl.lit("2020-11-02"))
    assert "cell_once" in [v.rule for v in violations(again, dated=True)]


def test_an_amount_published_anew_changes_every_share_of_its_quarter_from_that_day_on() -> None:
    first = dated(share=[30.0, 10.0], published_at=["2020-11-02"] * 2).rename({"share": "value"})
    later = dated(share=[10.0, 10.0], published_at=["2021-02-02"] * 2).rename({"share": "value"}).head(1)
    shares = sound_shares(pl.concat([first, later]), dated=True).shares
    found = {(name, day): share for name, day, share in shares.select("provider", "published_at", "share").iter_rows()}
    assert found == {
        ("A", date(2020, 11, 2)): 0.75,
        ("B", date(2020, 11, 2)): 0.25,
        ("A", date(2021, 2, 2)): 0.5,
        ("B", date(2021, 2, 2)): 0.5,
    }


@pytest.mark.parametrize(
    ("rule", "columns"),
    [
        ("market_is_plain", {"market": ["m", "m" * 201]}),
        ("market_is_plain", {"market": ["m", "m\0"]}),
        ("provider_is_plain", {"provider": ["A", "B\x07C"]}),
        ("provider_is_one", {"provider": ["A", "B|C"]}),
        ("provider_is_one", {"provider": ["A", "TOP3"]}),
        ("published_at_is_day", {"published_at": [None, "2020-11"]}),
        ("published_at_is_day", {"published_at": [None, "2020-11-31"]}),
        ("published_after_period", {"published_at": [None, "2020-09-30"]}),
        ("share_in_unit_interval", {"share": [0.4, float("nan")]}),
        ("period_is_quarter", {"period": ["2020Q3", "2020"]}),
    ],
)
def test_a_rule_of_shares_to_be_kept_names_the_row_that_breaks_it(rule: str, columns: dict[str, object]) -> None:
    assert rule in {r.name for r in DATED_SHARES_RULES}
    found = violations(dated(**columns), dated=True)
    assert (rule, 2, next(iter(columns))) in [(v.rule, v.row, v.column) for v in found]


def quarters_of(values: Mapping[str, Sequence[float | None]]) -> pl.DataFrame:
    """Shares of one market as a list of numbers per provider, from 2023Q1 on."""
    rows = [(f"2023Q{t + 1}", name, share) for name, cells in values.items() for t, share in enumerate(cells)]
    return pl.DataFrame(rows, schema=["period", "provider", "share"], orient="row")


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"A": [0.31, 0.32, 0.32], "B": [0.2, 0.19, 0.3], "C": [0.1, 0.11, None], "D": [0.39, 0.38, 0.38]},
            "C ends in 2023Q2 and B gains as much in the next quarter: if that is a merger, declare it "
            "(--merged 'C=B@2023Q3'); until then they count apart",
        ),
        (
            {"A": [0.71, 0.7, 0.7], "B": [0.2, 0.19, None], "C": [0.1, 0.11, None], "D": [None, None, 0.3]},
            "B and C end in 2023Q2 and D gains as much in the next quarter: if that is a merger, declare it "
            "(--merged 'B=D@2023Q3' --merged 'C=D@2023Q3'); until then they count apart",
        ),
        (
            {"A": [0.6, 0.61, 0.61], "B": [0.2, 0.19, None], "C": [0.2, 0.2, 0.2], "D": [None, None, 0.19]},
            "B ends in 2023Q2 and D begins in the next quarter with a share as large: if that is its new name, declare "
            "it (--renamed 'B=D'); until then they count as two",
        ),
    ],
)
def test_who_ends_where_another_gains_as_much_may_have_merged_with_it(
    values: dict[str, list[float | None]], told: str
) -> None:
    read = read_shares(quarters_of(values))
    assert read.notes["note"].to_list() == [told]
    (mark,) = {part for part in ("--renamed", "--merged") if part in told}
    changes = [parse_name_change(text, mark[2:]) for text in re.findall(rf"{mark} '([^']*)'", told)]  # type: ignore[arg-type]
    assert "declare it" not in "".join(with_names(read, changes).notes["note"])


def test_who_ends_where_all_others_gain_a_little_is_no_merger() -> None:
    values = {"A": [0.5, 0.5, 0.56], "B": [0.3, 0.31, 0.35], "C": [0.1, 0.1], "D": [0.1, 0.09, 0.09]}
    assert read_shares(quarters_of(values)).notes.is_empty()


def test_a_residual_part_that_is_not_what_the_others_leave_is_told() -> None:
    short = {"A": [0.48, 0.47, 0.46], "B": [0.3, 0.31, 0.54], "Others": [0.0, 0.0, 0.0]}
    assert read_shares(quarters_of(short)).notes["note"].to_list() == [
        "Others is given as 0 % in 2023Q1 and 1 more, where the other shares leave 22 %"
    ]
    whole = {"A": [0.48, 0.47], "B": [0.3, 0.31], "Others": [0.22, 0.21]}
    assert read_shares(quarters_of(whole)).notes.is_empty()


def test_one_cause_is_told_once() -> None:
    nameless = quarters_of({"A": [0.6, 0.58], "": [0.4, 0.42]})
    for frame in (nameless, nameless.with_columns(provider=pl.col("provider").replace("", None))):
        (message,) = read_shares(frame).refused["message"]
        assert message.count("rows 3 and 4") == 1 and "expected a name" in message and "characters" not in message
    twice = pl.concat([quarters_of({"A": [0.6], "B": [0.4]}), quarters_of({"A": [0.59]})])
    (message,) = read_shares(twice).refused["message"]
    assert message.startswith("row 3: ") and "given before" in message and "sum" not in message
