from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from forecast.figures import CURATED_SCHEMA, known_as_of, load_figures, prepare_figures
from forecast.merging import (
    STATEMENT_SCHEMA,
    figures_in_force,
    merge_figures,
    new_statements,
    share_statements,
)
from forecast.shares import SharesTable, sound_shares

TODAY = date(2026, 11, 23)
NONE = pl.DataFrame(schema=STATEMENT_SCHEMA)
NO_FIGURES = pl.DataFrame(schema=CURATED_SCHEMA)


def dated(rows: Sequence[tuple[str, str, float | None, date | None]], market: str = "widgets") -> SharesTable:
    """Checked shares of rows of quarter, provider, share, day of publication."""
    frame = pl.DataFrame(
        [(market, *row) for row in rows],
        schema={
            "market": pl.String,
            "period": pl.String,
            "provider": pl.String,
            "share": pl.Float64,
            "published_at": pl.Date,
        },
        orient="row",
    )
    return sound_shares(frame, dated=True)


def statements(rows: Sequence[tuple[str, str, float | None, date | None]], today: date = TODAY) -> pl.DataFrame:
    return share_statements(dated(rows), house="own", today=today)


def stored(*parts: pl.DataFrame, kind: str = "shares") -> pl.DataFrame:
    return pl.concat(parts).with_columns(kind=pl.lit(kind))


def taken_in(
    known: pl.DataFrame, rows: Sequence[tuple[str, str, float | None, date | None]], today: date
) -> pl.DataFrame:
    """What an import on a day adds."""
    return new_statements(known, statements(rows, today), kind="shares", today=today)


def some_figures() -> pl.DataFrame:
    return load_figures().filter(pl.col("market") == "cn-cloud")


@st.composite
def imports(draw: st.DrawFn) -> list[list[tuple[str, str, float, date]]]:
    """Tables of shares of two providers, as one owner publishes them one after another, restating at will."""
    tables = []
    for _ in range(draw(st.integers(1, 4))):
        cells = draw(
            st.lists(
                st.tuples(
                    st.integers(0, 5), st.sampled_from("AB"), st.sampled_from([0.2, 0.25, 0.3]), st.integers(1, 9)
                ),
                min_size=1,
                max_size=8,
                unique_by=lambda cell: (cell[0], cell[1], cell[3]),
            )
        )
        tables.append(
            [
                (f"{2020 + q // 4}Q{q % 4 + 1}", name, share, date(2021, 7, 1) + timedelta(days=30 * month))
                for q, name, share, month in cells
            ]
        )
    return tables


def test_a_share_becomes_a_statement_of_its_house_and_a_null_says_nothing() -> None:
    made = statements([("2020Q3", "A", 0.334, date(2020, 11, 2)), ("2020Q3", "B", None, None)])
    assert dict(made.schema) == STATEMENT_SCHEMA
    (row,) = made.iter_rows(named=True)
    assert (row["market"], row["house"], row["research_house"]) == ("widgets", "own", "own")
    assert (row["providers"], row["measure"], row["unit"], row["value"]) == ("A", "share", "fraction", 0.334)
    assert (row["published_at"], row["published_inferred"]) == (date(2020, 11, 2), False)


@pytest.mark.parametrize(
    ("period", "today", "day"),
    [
        ("2020Q3", TODAY, date(2020, 12, 31)),
        ("2019Q4", TODAY, date(2020, 3, 31)),
        ("2026Q3", TODAY, TODAY),  # not in the future
        ("2030Q1", TODAY, TODAY),
    ],
)
def test_a_share_without_a_day_is_dated_to_the_third_month_after_its_quarter(
    period: str, today: date, day: date
) -> None:
    made = statements([(period, "A", 0.4, None)], today)
    assert (made["published_at"][0], made["published_inferred"][0]) == (day, True)


@pytest.mark.parametrize(
    ("shares", "decimals"),
    [([0.33, 0.4], 0), ([0.33, 0.401], 1), ([0.1 + 0.2, 0.4], 0), ([1 / 3, 0.4], 6), ([0.0, 1.0], 0)],
)
def test_decimals_not_given_are_the_fewest_that_print_every_share(shares: list[float], decimals: int) -> None:
    made = statements([("2020Q1", f"P{n}", share, None) for n, share in enumerate(shares)])
    assert made["decimals"].to_list() == [decimals] * len(shares)


def test_the_shipped_figures_given_again_are_known_and_change_nothing() -> None:
    shipped = load_figures()
    again = shipped.select(STATEMENT_SCHEMA.keys())
    assert new_statements(shipped, again, kind="figures", today=TODAY).is_empty()
    assert_frame_equal(merge_figures(shipped, again.with_columns(kind=pl.lit("figures"))).drop("kind"), shipped)


def test_a_figure_repeated_by_a_later_page_is_known_and_one_of_an_earlier_page_is_new() -> None:
    known = some_figures().filter(~pl.col("published_inferred"))
    one = known.filter(pl.col("period") == "2020Q3").head(1).select(STATEMENT_SCHEMA.keys())

    assert one.height == 1

    def new(days: int, *, inferred: bool) -> int:
        moved = one.with_columns(
            published_at=pl.col("published_at") + timedelta(days=days), published_inferred=pl.lit(inferred)
        )
        return new_statements(known, moved, kind="figures", today=TODAY).height

    assert (new(0, inferred=False), new(9, inferred=False), new(-9, inferred=True)) == (0, 0, 0)
    assert new(-9, inferred=False) == 1


def test_a_figure_known_to_be_older_than_thought_takes_its_date_and_keeps_its_id() -> None:
    base = some_figures()
    one = base.filter(pl.col("period") == "2024Q1").head(1)
    earlier = one.with_columns(
        published_at=pl.col("published_at") - timedelta(days=9), published_inferred=pl.lit(value=False)
    )
    merged = merge_figures(base, stored(earlier.select(STATEMENT_SCHEMA.keys()), kind="figures"))
    assert merged.height == base.height
    assert merged["figure_id"].sort().equals(base["figure_id"].sort())
    found = merged.filter(pl.col("figure_id") == one["figure_id"][0])
    assert found["published_at"][0] == one["published_at"][0] - timedelta(days=9)


def test_a_value_that_contradicts_a_figure_there_is_marks_both() -> None:
    base = some_figures()
    one = base.filter(pl.col("period") == "2024Q1", pl.col("measure") == "share", pl.col("mark") == "ok").head(1)
    other = one.with_columns(value=pl.col("value") + 0.1)
    merged = merge_figures(base, stored(other.select(STATEMENT_SCHEMA.keys()), kind="figures"))
    cell = merged.filter(
        pl.col("period") == "2024Q1", pl.col("providers") == one["providers"][0], pl.col("measure") == "share"
    )
    assert cell["mark"].to_list() == ["conflict"] * cell.height
    assert cell.height >= 2


def test_a_share_imported_again_is_known_and_one_restated_without_a_day_is_of_today() -> None:
    first = taken_in(NONE, [("2020Q1", "A", 0.4, None), ("2020Q2", "A", 0.5, None)], date(2026, 1, 1))
    assert first.height == 2
    assert taken_in(first, [("2020Q1", "A", 0.4, None), ("2020Q2", "A", 0.5, None)], date(2026, 2, 1)).is_empty()
    restated = taken_in(first, [("2020Q1", "A", 0.42, None), ("2020Q2", "A", 0.5, None)], date(2026, 2, 1))
    assert restated.select("period", "value", "published_at").rows() == [("2020Q1", 0.42, date(2026, 2, 1))]
    back = taken_in(pl.concat([first, restated]), [("2020Q1", "A", 0.4, None)], date(2026, 3, 1))
    assert back.select("value", "published_at").rows() == [(0.4, date(2026, 3, 1))]


def test_a_share_stated_again_on_a_later_day_outlives_what_is_then_learnt_of_an_earlier_one() -> None:
    kept = taken_in(NONE, [("2020Q1", "A", 0.2, date(2021, 7, 1)), ("2020Q1", "A", 0.2, date(2021, 8, 1))], TODAY)
    kept = pl.concat([kept, taken_in(kept, [("2020Q1", "A", 0.25, date(2021, 7, 1))], TODAY)])
    assert figures_in_force(NO_FIGURES, stored(kept), None)["value"].to_list() == [0.2]
    assert figures_in_force(NO_FIGURES, stored(kept), date(2021, 7, 31))["value"].to_list() == [0.25]
    back = taken_in(kept, [("2020Q1", "A", 0.2, date(2021, 7, 1))], TODAY)
    assert back.height == 1


def test_of_a_cell_only_the_last_share_counts_on_a_day_while_published_figures_all_stay() -> None:
    more = stored(
        statements([("2020Q1", "A", 0.4, date(2020, 5, 1)), ("2020Q1", "A", 0.42, date(2020, 6, 1))]),
        statements([("2020Q1", "A", 0.4, date(2020, 7, 1))]),
    )
    base = some_figures()

    def counted(as_of: date | None) -> list[tuple[float, date]]:
        found = figures_in_force(base, more, as_of).filter(pl.col("market") == "widgets")
        return found.select("value", "published_at").rows()

    assert counted(date(2020, 4, 30)) == []
    assert counted(date(2020, 5, 31)) == [(0.4, date(2020, 5, 1))]
    assert counted(date(2020, 6, 30)) == [(0.42, date(2020, 6, 1))]
    assert counted(None) == [(0.4, date(2020, 7, 1))]
    assert figures_in_force(base, more, None).filter(pl.col("market") == "cn-cloud").height == base.height
    whole = merge_figures(base, more).filter(pl.col("market") == "widgets")
    assert whole.height == 3
    assert whole["figure_id"].n_unique() == 3


def test_a_share_that_a_figure_there_is_also_states_gets_an_id_of_its_own() -> None:
    base = some_figures()
    one = base.filter(pl.col("measure") == "share", ~pl.col("annual")).head(1)
    later = one.select(STATEMENT_SCHEMA.keys()).with_columns(published_at=pl.lit(TODAY))
    merged = merge_figures(base, stored(later))
    assert merged.height == base.height + 1
    assert merged["figure_id"].n_unique() == merged.height
    assert set(base["figure_id"]) < set(merged["figure_id"])


def test_what_is_merged_has_the_form_of_prepared_figures() -> None:
    more = stored(statements([("2020Q1", "B", 0.4, None), ("2020Q1", "A", 0.6, None)]))
    merged = merge_figures(some_figures(), more)
    assert dict(merged.schema) == {**CURATED_SCHEMA, "kind": pl.String}
    order = ["market", "house", "period", "measure", "providers", "published_at"]
    assert_frame_equal(merged.select(order), merged.select(order).sort(order))
    assert merged["figure_id"].n_unique() == merged.height


@settings(max_examples=25)
@given(imports())
def test_shares_published_later_never_change_what_counted_on_an_earlier_day(
    tables: list[list[tuple[str, str, float, date]]],
) -> None:
    kept = NONE
    days = [date(2021, 7, 1) + timedelta(days=60 * n) for n in range(5)]
    for table in tables:
        before = {day: figures_in_force(NO_FIGURES, stored(kept), day) for day in days}
        new = taken_in(kept, table, TODAY)
        kept = pl.concat([kept, new])
        for day in days:
            if new.filter(pl.col("published_at") <= day).is_empty():
                known = [
                    known_as_of(figures_in_force(NO_FIGURES, stored(kept), day), day),
                    known_as_of(before[day], day),
                ]
                assert_frame_equal(*(figures.drop("kind", strict=False) for figures in known))


@settings(max_examples=25)
@given(
    st.lists(
        st.tuples(st.integers(0, 230), st.integers(1, 500), st.sampled_from([0.0, 0.01]), st.booleans()),
        min_size=1,
        max_size=12,
    )
)
@example([(0, 2, 0.01, False), (0, 1, 0.01, True)])
def test_figures_published_later_never_change_what_was_known_on_an_earlier_day(
    pages: list[tuple[int, int, float, bool]],
) -> None:
    base = some_figures()
    more = pl.concat(
        [
            base[place % base.height].with_columns(
                published_at=pl.col("published_at") + timedelta(days=days),
                value=pl.col("value") + moved,
                published_inferred=pl.lit(inferred),
            )
            for place, days, moved, inferred in pages
        ]
    ).select(STATEMENT_SCHEMA.keys())
    new = new_statements(base, more.unique(maintain_order=True), kind="figures", today=TODAY)
    merged = merge_figures(base, stored(new, kind="figures"))
    for day in new["published_at"].unique():
        before = day - timedelta(days=1)
        others = new.filter(pl.col("published_at") <= before)
        then = merge_figures(base, stored(others, kind="figures"))
        known, earlier = (known_as_of(figures, before).drop("kind", strict=False) for figures in (merged, then))
        assert_frame_equal(known, earlier)


@settings(max_examples=25)
@given(imports())
def test_a_table_imported_twice_adds_nothing_the_second_time(
    tables: list[list[tuple[str, str, float, date]]],
) -> None:
    kept = NONE
    for table in tables:
        kept = pl.concat([kept, taken_in(kept, table, TODAY)])
        assert taken_in(kept, table, TODAY).is_empty()


@settings(max_examples=25)
@given(imports())
def test_what_counts_in_the_end_is_what_was_last_published_of_each_cell(
    tables: list[list[tuple[str, str, float, date]]],
) -> None:
    kept = NONE
    said: dict[tuple[str, str], tuple[date, float]] = {}
    for table in tables:
        kept = pl.concat([kept, taken_in(kept, table, TODAY)])
        for period, name, share, day in table:
            if (period, name) not in said or said[period, name][0] <= day:
                said[period, name] = (day, share)
    found = figures_in_force(NO_FIGURES, stored(kept), None).select("period", "providers", "value").rows()
    assert {(period, name): value for period, name, value in found} == {
        cell: share for cell, (_, share) in said.items()
    }


def test_figures_curated_in_two_halves_make_the_table_curated_at_once() -> None:
    raw = pl.DataFrame(
        [
            (
                "m",
                "acme research",
                f"2020Q{q}",
                name,
                "share",
                value,
                "exact",
                0,
                f"2020-{3 * q + 1:02d}-15" if q < 4 else "2021-01-15",
            )
            for q in (1, 2, 3, 4)
            for name, value in (("A", 0.4), ("B", 0.3))
        ],
        schema=[
            "market",
            "research_house",
            "period",
            "providers",
            "measure",
            "value",
            "qualifier",
            "decimals",
            "published",
        ],
        orient="row",
    )
    halves = [prepare_figures(part).select(STATEMENT_SCHEMA.keys()) for part in (raw.head(4), raw.tail(4))]
    merged = merge_figures(NO_FIGURES, stored(*halves, kind="figures"))
    assert_frame_equal(merged.drop("kind"), prepare_figures(raw))
