from collections.abc import Mapping
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forecast.errors import InvalidTable
from forecast.name_changes import NameChange
from forecast.name_tables import (
    NAMES_RULES,
    NAMES_SCHEMA,
    change_names_of_shares,
    check_names,
    names_table,
    new_names,
    read_changes,
    rename_providers,
)
from forecast.quarter import Quarter
from forecast.shares import check_shares

TODAY = date(2026, 11, 30)
Q = Quarter.parse
GOOD = {"market": "phones", "provider": "Cygnus", "into": "Acme", "kind": "merged", "period": "2023Q1"}


def shares(rows: Mapping[str, Mapping[str, float | None]]) -> pl.DataFrame:
    """Checked shares: by quarter, those of each provider."""
    cells = [("phones", period, name, share) for period, cells in rows.items() for name, share in cells.items()]
    return check_shares(pl.DataFrame(cells, schema=["market", "period", "provider", "share"], orient="row"))


def told(frame: pl.DataFrame) -> list[tuple[str, str, float | None]]:
    return frame.select("period", "provider", pl.col("share").round(12)).rows()


MERGER = NameChange("Cygnus", "Acme", "merged", Q("2023Q1"))


def test_a_table_of_changes_becomes_values_and_back() -> None:
    rows = pl.DataFrame([GOOD, GOOD | {"kind": " renamed ", "period": None, "provider": "Rigel"}])
    checked = check_names(rows, today=TODAY)
    assert dict(checked.schema) == NAMES_SCHEMA
    one, other = read_changes(checked)
    assert (str(one), one.published_at, one.house) == ("Cygnus is part of Acme from 2023Q1 on", TODAY, "")
    assert str(other) == "Rigel is called Acme"
    assert_frame_equal(names_table((one, other), today=date(2000, 1, 1)), checked)


@pytest.mark.parametrize(
    ("changes", "rule", "found"),
    [
        ({"market": ""}, "market_is_plain", "row 2: market is ''"),
        ({"house": "a\nb"}, "house_is_plain", "row 2: house is 'a\\nb'"),
        ({"provider": "A|B"}, "provider_is_one_provider", "'A|B'"),
        ({"into": "TOTAL"}, "into_is_one_provider", "'TOTAL'"),
        ({"into": "Rigel"}, "names_differ", "'Rigel'"),
        ({"kind": "sold"}, "kind_of_name_change", "'sold'"),
        ({"period": "2023"}, "period_is_quarter", "'2023'"),
        ({"period": ""}, "merger_has_period", "row 2: period is ''"),
        ({"published_at": "soon"}, "published_at_is_day", "'soon'"),
        ({"provider": "Cygnus"}, "name_change_once", "'Cygnus'"),
    ],
)
def test_each_rule_names_the_row_the_column_and_the_value(changes: dict[str, str], rule: str, found: str) -> None:
    assert {r.name for r in NAMES_RULES} >= {rule}
    rows = pl.DataFrame([GOOD, GOOD | {"provider": "Rigel", "house": "", "published_at": None} | changes])
    with pytest.raises(InvalidTable) as refused:
        check_names(rows, today=TODAY, table="n.csv")
    assert rule in {violation.rule for violation in refused.value.violations}
    assert found in str(refused.value)


def test_every_rule_of_changes_is_tried() -> None:
    marks = test_each_rule_names_the_row_the_column_and_the_value.pytestmark  # type: ignore[attr-defined]
    assert {case[1] for case in marks[0].args[1]} == {rule.name for rule in NAMES_RULES}


def test_a_change_is_new_unless_the_last_one_known_says_the_same() -> None:
    def table(into: str, day: int) -> pl.DataFrame:
        return names_table([NameChange("A", into, "renamed", market="m", published_at=date(2023, 1, day))], today=TODAY)

    assert new_names(table("B", 1), table("B", 2)).is_empty()
    assert new_names(table("B", 2), table("B", 1)).height == 1  # known for longer than thought
    assert new_names(table("B", 1), table("C", 2)).height == 1
    assert new_names(pl.concat([table("B", 1), table("C", 2)]), table("B", 3)).height == 1  # taken back


def test_both_names_of_a_provider_are_one_series_in_figures_sums_included() -> None:
    figures = pl.DataFrame(
        [
            ("m", "h", "Cygnus"),
            ("m", "h", "Swan|Acme"),
            ("m", "h", "Acme|Cygnus"),
            ("m", "other", "Cygnus"),
            ("x", "h", "Cygnus"),
        ],
        schema=["market", "house", "providers"],
        orient="row",
    )
    change = NameChange("Cygnus", "Swan", "renamed", market="m", house="h", published_at=date(2023, 1, 5))
    made = rename_providers(figures, [change])
    assert made["providers"].to_list() == ["Swan", "Swan|Acme", "Acme|Swan", "Cygnus", "Cygnus"]
    assert_frame_equal(rename_providers(made, [change]), made)
    assert_frame_equal(rename_providers(figures, [change], as_of=date(2023, 1, 4)), figures)


def test_a_renamed_provider_is_one_series_in_a_table_of_shares() -> None:
    table = shares({"2022Q4": {"Acme": 0.5, "Cygnus": 0.2}, "2023Q1": {"Acme": 0.4, "Cygnus": None, "Swan": 0.3}})
    made, notes = change_names_of_shares(table, [NameChange("Cygnus", "Swan", "renamed")])
    assert told(made) == [
        ("2022Q4", "Acme", 0.5),
        ("2022Q4", "Swan", 0.2),
        ("2023Q1", "Acme", 0.4),
        ("2023Q1", "Swan", 0.3),
    ]
    assert notes == ("as declared: Cygnus is called Swan",)
    both = shares({"2023Q1": {"Cygnus": 0.2, "Swan": 0.3}})
    with pytest.raises(
        InvalidTable, match=r"0\.2 and 0\.3 in 2023Q1; expected one share of Swan, as Swan and it are one provider"
    ):
        change_names_of_shares(both, [NameChange("Cygnus", "Swan", "renamed")])


def test_a_merged_provider_is_added_to_the_other_where_it_is_told_and_before_it_was_listed_adds_nothing() -> None:
    table = shares(
        {
            "2022Q1": {"Acme": 0.3, "Borealis": 0.4},
            "2022Q2": {"Acme": 0.3, "Borealis": 0.4, "Cygnus": 0.1},
            "2022Q3": {"Acme": 0.3, "Borealis": 0.4, "Cygnus": None},
            "2022Q4": {"Acme": None, "Borealis": 0.4, "Cygnus": 0.1},
            "2023Q1": {"Acme": 0.4, "Borealis": 0.4},
            "2023Q2": {"Acme": 0.3, "Borealis": 0.4, "Cygnus": 0.1},
        }
    )
    made, _ = change_names_of_shares(table, [MERGER])
    acme = [share for _, name, share in told(made) if name == "Acme"]
    assert acme == [0.3, 0.4, None, None, 0.4, 0.4]
    assert made["provider"].unique().sort().to_list() == ["Acme", "Borealis"]


@given(st.lists(st.tuples(*[st.integers(1, 9)] * 3), min_size=2, max_size=8), st.integers(0, 9), st.booleans())
def test_no_share_is_lost_and_no_other_market_is_touched(
    weights: list[tuple[int, int, int]], quarter: int, renamed: bool
) -> None:
    rows = {
        f"{2022 + n // 4}Q{n % 4 + 1}": dict(
            zip(("Acme", "Borealis", "Cygnus"), (w / sum(row) for w in row), strict=True)
        )
        for n, row in enumerate(weights)
    }
    table = shares(rows)
    other = table.with_columns(market=pl.lit("tablets"))
    since = Quarter(Q("2022Q1").index + quarter)
    change = NameChange("Cygnus", "Swan" if renamed else "Acme", "renamed" if renamed else "merged", since, "phones")
    made, _ = change_names_of_shares(pl.concat([table, other]), [change])
    assert_frame_equal(made.filter(pl.col("market") == "tablets"), other)
    mine = made.filter(pl.col("market") == "phones")
    assert mine["provider"].n_unique() == (3 if renamed else 2)
    before, after = (f.group_by("period").agg(pl.col("share").sum()).sort("period") for f in (table, mine))
    assert_frame_equal(before, after)


def test_a_table_that_names_none_of_them_stays_as_it_is() -> None:
    table = shares({"2023Q1": {"Acme": 0.4, "Borealis": 0.6}})
    made, notes = change_names_of_shares(table, [MERGER, NameChange("Rigel", "Vega", "renamed")])
    assert made is table and notes == ()
